"""
How do I reuse pretrained weights in a model with a new head?
=============================================================

Load the pretrained model and replace its head, or load only the layers that two
models have in common, and check that nothing else was left out.
"""

# sphinx_gallery_tags = ["loading", "transfer learning", "keys"]
# sphinx_gallery_keywords = ["backbone", "warm start", "fine-tuning", "finetune", "different model", "partial", "classification head", "different number of classes", "weights from another model", "num_classes", "last layer", "transfer learning"]
# sphinx_gallery_reading_order = 60

# %%

# sphinx_gallery_fold = "The model of this page and its pretrained weights"
import copy
import os
import tempfile
from contextlib import suppress

import torch
import torch.nn as nn
import torch.nn.functional as F

here = globals().get("here", os.getcwd())
folder = tempfile.TemporaryDirectory()
os.chdir(folder.name)
torch.set_num_threads(1)  # faster, for a model this small


class Net(nn.Module):
    def __init__(self, classes):
        super().__init__()
        self.body = nn.Sequential(
            nn.Linear(2, 32),
            nn.ReLU(),
            nn.Linear(32, 32),
            nn.ReLU(),
            nn.LayerNorm(32),
        )
        self.head = nn.Linear(32, classes)

    def forward(self, x):
        return self.head(self.body(x))


def make_rings(n):
    """Return points in the plane, and on which of six rings each one lies."""
    ring = torch.randint(6, (n,))
    radius = ring + 0.2 + 0.6 * torch.rand(n)
    angle = 2 * torch.pi * torch.rand(n)
    return torch.stack(
        [radius * angle.cos(), radius * angle.sin()], dim=1
    ), ring


def train(model, points, labels, steps, lr):
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    losses = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(points), labels)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


torch.manual_seed(0)
pretrained = Net(classes=6)
train(pretrained, *make_rings(500), steps=200, lr=0.02)
torch.save(pretrained.state_dict(), "pretrained.pt")

# %%
# Short answer
# ------------
#
# Build the model as it was trained, load the whole file, and only then replace
# the head:

import torch
import torch.nn as nn

model = Net(classes=6)
model.load_state_dict(torch.load("pretrained.pt", map_location="cpu"))
model.head = nn.Linear(model.head.in_features, 3)

# %%
# The load is strict, so nothing is left out by accident. Build the optimizer
# afterwards, so that it includes the new head.
#
# .. fold:: Who this is for
#
#    You have a checkpoint of a trained model and want to reuse its body in a
#    model with other classes, other inputs or other layers around it.
#
# .. fold:: Setup
#
#    Tried with PyTorch 2.6 and 2.13::
#
#        pip install "torch>=2.6"

# %%
# Do pretrained weights help?
# ---------------------------
#
# The new task is to tell three classes apart, each of two separate rings. One
# model starts with the pretrained body, the other with random weights. Both
# learn from the same 300 points:

torch.manual_seed(1)
points, ring = make_rings(300)
warm = copy.deepcopy(model)
cold = Net(classes=3)
cold.head.load_state_dict(model.head.state_dict())
warm_losses = train(warm, points, ring % 3, steps=80, lr=0.003)
cold_losses = train(cold, points, ring % 3, steps=80, lr=0.003)
print("step  warm  cold")
for step in (0, 20, 79):
    print(f"{step:<6}{warm_losses[step]:.1f}   {cold_losses[step]:.1f}")

assert cold_losses[-1] > 2 * warm_losses[-1]
assert warm_losses[0] > cold_losses[0] and warm_losses[20] < cold_losses[20]
assert pretrained.body(points).std() > 1.2 * Net(3).body(points).std()

# %%
# The warm model starts with the larger loss: a trained body has larger outputs
# than a random one, and the new head turns them into confident guesses, which
# are wrong at first. It catches up within a few steps.
#
# If you cannot build the old model
# ---------------------------------
#
# Sometimes its class or its arguments are lost, or more than the head is new.
# Then load the entries whose key and shape match, and name what may be missing.
# Compare before you load, so that a mistake changes nothing:


def load_matching(model, state_dict, new):
    """Load all but the keys that begin with *new*, which keep their values."""
    own = model.state_dict()
    fits = {
        key: value
        for key, value in state_dict.items()
        if key in own
        and getattr(value, "shape", None) == getattr(own[key], "shape", None)
    }
    left = [key for key in own if key not in fits and not key.startswith(new)]
    if left:
        raise KeyError(f"not in the file, or of another shape: {left}")
    return model.load_state_dict(fits, strict=False)


state_dict = torch.load("pretrained.pt", map_location="cpu")
model = Net(classes=3)
head = model.head.weight.detach().clone()
print(load_matching(model, state_dict, new=("head.",)))

torch.testing.assert_close(
    model.body.state_dict(), pretrained.body.state_dict()
)
assert torch.equal(model.head.weight, head)

# %%
# Without this check, nobody notices a filter that matches nothing. Here every
# key has a prefix, as after training with DistributedDataParallel:
#
# .. diagnosis:: The file has other keys than the model, or the same keys with
#       other shapes.
#    :message: not in the file, or of another shape
#    :fix: if-you-cannot-build-the-old-model
#
#    print({key: value.shape for key, value in state_dict.items()})

prefixed = {f"module.{key}": value for key, value in state_dict.items()}
try:
    load_matching(model, prefixed, new=("head.",))
except KeyError as error:
    print(f"{type(error).__name__}: {error}")

assert all(key not in model.state_dict() for key in prefixed)
untouched = Net(classes=3)
before = untouched.body[0].weight.detach().clone()
for wrong in ({}, {"model": state_dict}, dict(list(state_dict.items())[1:])):
    with suppress(KeyError):
        load_matching(untouched, wrong, new=("head.",))
assert torch.equal(untouched.body[0].weight, before)

# %%
# What goes wrong
# ---------------
#
# ``strict=False`` allows missing and unexpected keys, but not another shape.
# When the error comes, the body is already loaded:
#
# .. diagnosis:: The head of the model has another number of classes than the
#       one in the file.
#    :message: size mismatch for {layer:fc|head|classifier}.{part:weight|bias}:
#    :except: with shape torch.Size([0]) from checkpoint
#
#    own, name = model.state_dict(), "{layer}."
#    new = {k: v for k, v in own.items() if k.startswith(name)}
#    model.load_state_dict(state_dict | new)  # keep the new head

# sphinx_gallery_wrong = True
model = Net(classes=3)
try:
    model.load_state_dict(state_dict, strict=False)
except RuntimeError as error:
    print(f"{type(error).__name__}: {error}")

assert torch.equal(model.body[0].weight, pretrained.body[0].weight)

# %%
# Before version 0.4, the message was ``While copying the parameter named
# head.weight, whose dimensions in the model are ... and whose dimensions in the
# checkpoint are ...``, with the same meaning: the model was built with other
# arguments than the one in the file.
#
# Variants
# --------
#
# **Models from libraries** call the head ``fc`` (torchvision's ResNet),
# ``classifier`` or ``heads``: look for it at the end of ``print(model)``.
#
# **More input channels, another image size, more tokens**: keep what was
# learned, as in
# :ref:`sphx_glr_recipes_troubleshooting_adapting_tensors_to_another_shape.py`.
#
# **A frozen body.** ``model.body.requires_grad_(False)`` freezes its
# parameters; ``model.body.eval()`` freezes batch norm statistics and turns off
# dropout. The file of such a run can be small:
# :ref:`sphx_glr_recipes_checkpoints_saving_only_trained_parameters.py`.
#
# **To train the body more slowly** than the head, give it a parameter group of
# its own:

optimizer = torch.optim.Adam(
    [
        {"params": model.body.parameters(), "lr": 1e-4},
        {"params": model.head.parameters(), "lr": 1e-3},
    ]
)
print([group["lr"] for group in optimizer.param_groups])
assert sum(len(group["params"]) for group in optimizer.param_groups) == 8

# %%

# sphinx_gallery_fold = "Leave the temporary folder"
os.chdir(here)
folder.cleanup()

# %%
# Learn more
# ----------
#
# - :ref:`sphx_glr_recipes_troubleshooting_knowing_what_strict_false_does.py`
# - :ref:`sphx_glr_recipes_troubleshooting_renaming_keys_of_old_checkpoints.py`
# - :ref:`sphx_glr_recipes_troubleshooting_removing_wrapper_prefixes.py`
# - `semantic-segmentation-pytorch#50
#   <https://github.com/CSAILVision/semantic-segmentation-pytorch/issues/50>`__
#   on the old message,
#   `pytorch#40859 <https://github.com/pytorch/pytorch/issues/40859>`__ on
#   loading mismatched shapes
# - :meth:`torch.nn.Module.load_state_dict`
