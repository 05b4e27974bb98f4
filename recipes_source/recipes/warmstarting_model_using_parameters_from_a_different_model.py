"""
Warm-start a model with parameters from a different model
=========================================================

Load the layers that two models have in common, leave out the rest on purpose,
and see how much sooner the warm-started model learns.

**For whom:** you have a checkpoint of a trained model, and want to reuse its
body in a model with another head.

Introduction
------------

To *warm-start* a model is to begin training from values that another model has
learned, instead of from random ones. :meth:`torch.nn.Module.load_state_dict`
expects the keys and shapes of its own module, so the ``state_dict`` of a
different model has to be filtered first.

Setup
-----

Install PyTorch, and Matplotlib for the figure::

    pip install torch matplotlib

Steps
-----

1. Import the libraries
2. Define two models that share a body
3. Train and save the first model
4. See why the file does not load as it is
5. Compare the two by name and shape
6. Load what fits, and check what was left out
7. Train warm and cold
"""

# sphinx_gallery_tags = ["loading", "transfer learning", "keys"]
# sphinx_gallery_keywords = ["pretrained", "backbone", "new head", "fine-tuning", "another model", "partial", "number of classes"]
# sphinx_gallery_reading_order = 60

# %%
# 1. Import the libraries
# ~~~~~~~~~~~~~~~~~~~~~~~
#
# The checkpoint goes to a temporary folder. The seed makes every run start from
# the same values.

import copy
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(0)
plt.style.use("petroff10")
folder = tempfile.TemporaryDirectory()
path = Path(folder.name) / "source.pt"

# %%
# 2. Define two models that share a body
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# The source model tells apart six classes, and has a second head that predicts
# one number. The target model has the same body, but three classes and no second
# head.


def make_body():
    return nn.Sequential(
        nn.Linear(2, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.LayerNorm(32)
    )


class Source(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = make_body()
        self.head = nn.Linear(32, 6)
        self.radius = nn.Linear(32, 1)

    def forward(self, x):
        x = self.body(x)
        return self.head(x), self.radius(x)


class Target(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = make_body()
        self.head = nn.Linear(32, 3)

    def forward(self, x):
        return self.head(self.body(x))


# %%
# 3. Train and save the first model
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# The data are points in the plane, on six rings around the origin. The source
# model learns the number of the ring, and the distance from the origin. It gets
# nearly all of 500 new points right, so its body has learned what a ring is.


def make_rings(n):
    ring = torch.randint(6, (n,))
    radius = ring + 0.2 + 0.6 * torch.rand(n)
    angle = 2 * torch.pi * torch.rand(n)
    return torch.stack([radius * angle.cos(), radius * angle.sin()], dim=1), ring


source = Source()
points, ring = make_rings(500)
optimizer = torch.optim.Adam(source.parameters(), lr=0.02)
for _ in range(200):
    logits, radius = source(points)
    loss = F.cross_entropy(logits, ring)
    loss = loss + 0.1 * F.mse_loss(radius.squeeze(1), points.norm(dim=1))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
torch.save(source.state_dict(), path)

points, ring = make_rings(500)
with torch.no_grad():
    accuracy = (source(points)[0].argmax(dim=1) == ring).float().mean().item()
print(f"{accuracy > 0.9 = }")
assert accuracy > 0.9

# %%
# 4. See why the file does not load as it is
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# ``strict=False`` is often suggested here. It lets missing and unexpected keys
# pass, which takes care of ``radius``. It does not let a shape pass: ``head`` is
# in both models with different shapes, and that is still an error. The error comes
# after the body has been copied, so do not go on with a model that failed to load.

state_dict = torch.load(path)
attempt = Target()
try:
    attempt.load_state_dict(state_dict, strict=False)
except RuntimeError as error:
    print(f"{type(error).__name__}: {error}")
else:
    raise AssertionError("the shapes of head should not have been accepted")

assert torch.equal(attempt.body[0].weight, source.body[0].weight)

# %%
# 5. Compare the two by name and shape
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# The table has a row for every key of the file. An entry can be loaded if the
# model has the same key with the same shape: the six entries of the body. The
# two heads are skipped.

target = Target()
own = target.state_dict()
fits = {}
print(f"{'key':<14}{'file':<10}{'model':<10}")
for key, tensor in state_dict.items():
    if key not in own:
        model_shape, outcome = "-", "skipped: no such key"
    elif own[key].shape != tensor.shape:
        model_shape, outcome = tuple(own[key].shape), "skipped: other shape"
    else:
        model_shape, outcome = tuple(own[key].shape), "loaded"
        fits[key] = tensor
    print(f"{key:<14}{str(tuple(tensor.shape)):<10}{str(model_shape):<10}{outcome}")

assert len(state_dict) == 10
assert list(fits) == [key for key in own if key.startswith("body.")]

# %%
# 6. Load what fits, and check what was left out
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# Now ``strict=False`` has one task: to allow that the head is missing. The model
# is copied first, and the copy stays cold. Both have the same random head and
# differ only in the body.

cold = copy.deepcopy(target)
warm = target
result = warm.load_state_dict(fits, strict=False)
print(f"{result.missing_keys = }")
print(f"{result.unexpected_keys = }")

assert result.missing_keys == ["head.weight", "head.bias"]
assert result.unexpected_keys == []
for key, tensor in warm.state_dict().items():
    origin = source if key.startswith("body.") else cold
    assert torch.equal(tensor, origin.state_dict()[key])

# %%
# Keep such a check in your own code, because a filter that finds nothing raises
# no error either. Here the keys of the file carry the prefix ``module.``, as after
# training with :class:`torch.nn.DataParallel`. Nothing is loaded, and only
# ``missing_keys`` shows it: all eight keys of the model are listed.

prefixed = {f"module.{key}": tensor for key, tensor in state_dict.items()}
nothing = {key: tensor for key, tensor in prefixed.items() if key in own}
result = Target().load_state_dict(nothing, strict=False)
print(f"{len(nothing)} entries loaded, {len(result.missing_keys)} keys missing")
assert len(nothing) == 0 and result.missing_keys == list(own)

# %%
# 7. Train warm and cold
# ~~~~~~~~~~~~~~~~~~~~~~
#
# The new task has three classes. Each is made of two rings that lie apart: rings
# 0 and 3, 1 and 4, 2 and 5. Both models train on the same 300 points, with the
# same optimizer settings. At the 80th step the loss of the cold model is still more
# than twice that of the warm one.

points, ring = make_rings(300)
losses = {"warm start": [], "cold start": []}
for model, history in zip([warm, cold], losses.values()):
    optimizer = torch.optim.Adam(model.parameters(), lr=0.003)
    for _ in range(80):
        loss = F.cross_entropy(model(points), ring % 3)
        history.append(round(loss.item(), 2))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

fig, ax = plt.subplots(figsize=(5, 3), layout="constrained")
for (name, history), style in zip(losses.items(), ["-", "--"]):
    ax.plot(history, style, label=name)
ax.set(xlabel="training step", ylabel="cross-entropy loss", ylim=(0, None))
ax.legend()
ax.set_title("Training loss, warm start and cold start")
plt.show()

for name, history in losses.items():
    print(f"{name}: loss {history[-1]:.1f} at step {len(history)}")
assert losses["cold start"][-1] > 2 * losses["warm start"][-1]

# %%
# Only the head, 99 of the 1315 parameters, had to start from random values. All
# parameters of the warm model were trained, so its body is no longer the one in
# the file. :ref:`sphx_glr_recipes_checkpoints_saving_only_trained_parameters.py`
# shows how to keep a body as it is, and to save the head alone.

head = sum(parameter.numel() for parameter in warm.head.parameters())
total = sum(parameter.numel() for parameter in warm.parameters())
print(f"{head} of {total} parameters are in the head")
assert (head, total) == (99, 1315)
assert not torch.equal(warm.body[0].weight, state_dict["body.0.weight"])

folder.cleanup()

# %%
# You have filtered a ``state_dict`` by name and shape, loaded the part that fits,
# and checked that exactly the new head was left out.
#
# Learn more
# ----------
#
# - :ref:`sphx_glr_recipes_troubleshooting_knowing_what_strict_false_does.py`
# - :ref:`sphx_glr_recipes_troubleshooting_removing_wrapper_prefixes.py`
# - :ref:`sphx_glr_recipes_troubleshooting_renaming_keys_of_old_checkpoints.py`
# - :meth:`torch.nn.Module.load_state_dict` in the API documentation, and the
#   discussion about loading other shapes in
#   `pytorch#40859 <https://github.com/pytorch/pytorch/issues/40859>`__
