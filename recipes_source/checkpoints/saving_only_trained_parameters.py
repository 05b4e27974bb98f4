"""
How do I save only the trained parameters?
==========================================

Save a LoRA adapter or a new head without the frozen model, load it on top of
the original weights, and find out at once if anything is missing.
"""

# sphinx_gallery_tags = ["saving", "loading", "transfer learning", "file size"]
# sphinx_gallery_keywords = ["fine-tuning checkpoint", "trainable", "freeze", "without the base model", "only the head", "adapter weights"]
# sphinx_gallery_reading_order = 30

# %%

# sphinx_gallery_fold = "A frozen model with a trained LoRA adapter, and the file of its base weights"
import copy
import os
import tempfile

import torch
import torch.nn as nn
import torch.nn.functional as F

here = globals().get("here", os.getcwd())
folder = tempfile.TemporaryDirectory()
os.chdir(folder.name)
exactly = {"rtol": 0, "atol": 0}


class LoRALinear(nn.Linear):
    def __init__(self, in_features, out_features, rank=4):
        super().__init__(in_features, out_features)
        self.lora_a = nn.Parameter(torch.randn(rank, in_features))
        self.lora_b = nn.Parameter(torch.zeros(out_features, rank))

    def forward(self, x):
        return super().forward(x) + x @ self.lora_a.T @ self.lora_b.T


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(1000, 32)
        self.body = nn.Sequential(
            LoRALinear(32, 32), nn.BatchNorm1d(32), nn.ReLU()
        )
        self.head = nn.Linear(32, 1000, bias=False)
        self.head.weight = self.embed.weight

    def forward(self, tokens):
        return self.head(self.body(self.embed(tokens)))


torch.manual_seed(0)
model = Net()
base = {k: v for k, v in model.state_dict().items() if "lora_" not in k}
torch.save(base, "base.pt")
untrained = copy.deepcopy(model.state_dict())

for name, parameter in model.named_parameters():
    parameter.requires_grad_("lora_" in name)
optimizer = torch.optim.Adam(p for p in model.parameters() if p.requires_grad)
tokens = torch.arange(64)
for _ in range(5):
    optimizer.zero_grad()
    F.cross_entropy(model(tokens), (tokens + 1) % 64).backward()
    optimizer.step()


def from_base():
    """Return a new model that has the weights of base.pt."""
    net = Net()
    net.load_state_dict(torch.load("base.pt"), strict=False)
    return net


restored = from_base()

# %%
# Short answer
# ------------
#
# Save everything but the frozen parameters. Load it with ``strict=False`` into
# a model that has the original weights, here ``restored``, and check that what
# was missing is what was frozen:

import torch

parameters = dict(model.named_parameters(remove_duplicate=False))
frozen = {name for name, p in parameters.items() if not p.requires_grad}
trained = model.state_dict()
for name in frozen:
    del trained[name]
torch.save({"trained": trained, "frozen": frozen}, "trained.pt")

checkpoint = torch.load("trained.pt", map_location="cpu")
trained = checkpoint["trained"]
missing, unexpected = restored.load_state_dict(trained, strict=False)
if set(missing) != checkpoint["frozen"] or unexpected:
    raise RuntimeError(f"{missing = }, {unexpected = }")

# %%
# If DDP or ``torch.compile`` wraps the model, save from the model inside,
# ``model.module`` or ``model._orig_mod``.
#
# .. fold:: Who this is for
#
#    You fine-tune an adapter, a few layers or a new head on a frozen model, and
#    every checkpoint repeats weights that never change.
#
# .. fold:: Setup
#
#    PyTorch 2.0 or newer; ``ignore_frozen_params`` needs 2.2::
#
#        pip install "torch>=2.6"

# %%
# What is in the file
# -------------------
#
# The file has the entries that training changed: the adapter, and the batch
# normalization statistics. The restored model computes the same as the trained
# one:

torch.save(model.state_dict(), "whole.pt")
print(*trained, sep="\n")
for name in ["whole.pt", "trained.pt"]:
    print(f"{name:<12}{os.path.getsize(name) / 1000:>6.0f} kB")

for key, value in model.state_dict().items():
    assert torch.equal(untrained[key], value) == (key not in trained)
assert os.path.getsize("trained.pt") < os.path.getsize("whole.pt") / 20
torch.testing.assert_close(
    restored.eval()(tokens), model.eval()(tokens), **exactly
)

# %%
# No ``state_dict`` records which parameters are frozen. To train further,
# freeze them again before you build the optimizer:

before = sum(p.requires_grad for p in restored.parameters())
for name in checkpoint["frozen"]:
    restored.get_parameter(name).requires_grad_(False)
trainable = sum(p.requires_grad for p in restored.parameters())
print(f"{before} trainable parameters, then {trainable}")

assert trainable == 2 and restored.body[0].lora_a.requires_grad

# %%
# What goes wrong
# ---------------
#
# **Filtering the** ``state_dict`` **by** ``requires_grad``. Its tensors are
# detached, so none of them requires a gradient:

# sphinx_gallery_wrong = True
state_dict = model.state_dict()
print([key for key, tensor in state_dict.items() if tensor.requires_grad])

assert not any(tensor.requires_grad for tensor in state_dict.values())

# %%
# **Tied weights.** Here ``head.weight`` is the same parameter as
# ``embed.weight``. ``named_parameters()`` lists only one of the names, so the
# other passes the filter, and the frozen matrix ends up in the file. PyTorch's
# own option ``ignore_frozen_params`` has the same leak in 2.13:

# sphinx_gallery_wrong = True
from torch.distributed.checkpoint.state_dict import (
    StateDictOptions,
    get_model_state_dict,
)

once = {n for n, p in model.named_parameters() if not p.requires_grad}
leaky = {k: v for k, v in model.state_dict().items() if k not in once}
options = StateDictOptions(ignore_frozen_params=True)
official = get_model_state_dict(model, options=options)
torch.save(leaky, "leaky.pt")
print("saved too:", set(leaky) - set(trained), set(official) - set(trained))
share = os.path.getsize("leaky.pt") / os.path.getsize("whole.pt")
print(f"leaky.pt is {share:.0%} of whole.pt")

assert set(leaky) - set(trained) == {"head.weight"}
assert set(official) - set(trained) == {"head.weight"}
assert share > 0.9

# %%
# **Parameters without buffers.** In training mode, a frozen batch normalization
# still updates its statistics. Without those, the model computes something
# else. The check in the short answer would find three missing keys too many:

# sphinx_gallery_wrong = True
only = torch.load("trained.pt", map_location="cpu")["trained"]
for name in set(only) - set(parameters):
    del only[name]
partial = from_base()
missing, _ = partial.load_state_dict(only, strict=False)
print("lost:", *sorted(set(missing) - frozen))

assert len(set(missing) - frozen) == 3
assert not torch.allclose(partial.eval()(tokens), model.eval()(tokens))

# %%
# To keep the statistics as they are, call ``model.body.eval()`` after each
# ``model.train()``.

net = from_base().train()
net.body.eval()
before = net.body[1].running_mean.clone()
net(tokens)

assert torch.equal(net.body[1].running_mean, before)

# %%
# ``strict=False`` **without the check.** If the keys have a wrapper's prefix,
# nothing is loaded, and there is no error:

# sphinx_gallery_wrong = True
prefixed = {f"module.{key}": value for key, value in trained.items()}
missing, unexpected = from_base().load_state_dict(prefixed, strict=False)
print(f"{len(unexpected)} of {len(prefixed)} keys ignored")

assert len(unexpected) == len(prefixed)
assert set(missing) != frozen

# %%
# Variants
# --------
#
# **LoRA with PEFT**: ``model.save_pretrained(folder)`` writes only the adapter,
# without batch normalization statistics.
#
# **To resume training**, give the optimizer only the trainable parameters, and
# its part of the checkpoint is small too:

torch.save(
    {"trained": trained, "optimizer": optimizer.state_dict()}, "resume.pt"
)
state = torch.load("resume.pt", map_location="cpu")["optimizer"]["state"]

assert (
    len(state) == len([p for p in model.parameters() if p.requires_grad]) == 2
)

# %%

# sphinx_gallery_fold = "Leave the temporary folder"
os.chdir(here)
folder.cleanup()

# %%
# Learn more
# ----------
#
# - :ref:`sphx_glr_recipes_libraries_saving_and_merging_lora_adapters.py`
# - :ref:`sphx_glr_recipes_troubleshooting_knowing_what_strict_false_does.py`
# - :ref:`sphx_glr_recipes_recipes_warmstarting_model_using_parameters_from_a_different_model.py`
# - :ref:`sphx_glr_recipes_checkpoints_sharing_weights_and_safetensors.py`
# - `torchtune#2537 <https://github.com/pytorch/torchtune/issues/2537>`__ and
#   `lightning#19281 <https://github.com/Lightning-AI/lightning/issues/19281>`__
# - :meth:`torch.nn.Module.named_parameters`,
#   :meth:`torch.nn.Module.requires_grad_`
