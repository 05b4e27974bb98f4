"""
What does ``strict=False`` skip, and is there a safer way?
==========================================================

Load a file that fits only in part while every other key is checked, and know
what ``strict=False`` hides and what it never skips.
"""

# sphinx_gallery_tags = ["loading", "errors", "keys", "transfer learning"]
# sphinx_gallery_keywords = ["ignore errors", "ignore missing keys", "partial load", "new head", "missing keys: [], unexpected keys: []", "while copying the parameter named", "prints missing and unexpected keys", "skip keys", "suppress missing keys"]
# sphinx_gallery_reading_order = 30

# %%

# sphinx_gallery_fold = "A pretrained file for 10 classes, and a model for 3"
import os
import tempfile

import torch
import torch.nn as nn

here = globals().get("here", os.getcwd())
folder = tempfile.TemporaryDirectory()
os.chdir(folder.name)


class Net(nn.Module):
    def __init__(self, classes):
        super().__init__()
        self.body = nn.Linear(16, 32)
        self.scale = nn.Parameter(torch.tensor(1.0))
        self.head = nn.Linear(32, classes)

    def forward(self, x):
        return self.head(self.scale * self.body(x))


torch.manual_seed(0)
torch.save(Net(classes=10).state_dict(), "pretrained.pt")
model = Net(classes=3)

# %%
# Short answer
# ------------
#
# ``strict=False`` skips *every* name that does not match. If only the head is
# new, keep the model's head, take the rest from the file, and load strictly:

import torch

state_dict = torch.load("pretrained.pt", map_location="cpu")
own = model.state_dict()
kept = {key: own[key] for key in own if key.startswith("head.")}
taken = {
    key: value
    for key, value in state_dict.items()
    if not key.startswith("head.")
}
model.load_state_dict(taken | kept)

# %%
# A renamed layer, a prefix on all keys, or a body of another size still raises
# an error.
#
# .. fold:: Who this is for
#
#    You load a ``state_dict`` that fits only in part, or someone told you to
#    add ``strict=False`` to make an error go away.
#
# .. fold:: Setup
#
#    Tried with PyTorch 2.6 and 2.13::
#
#        pip install "torch>=2.6"

# %%
# What ``strict=False`` returns
# -----------------------------
#
# ``strict=False`` copies what matches by name and *returns* the other names.
# ``_IncompatibleKeys(...)`` is not an error, but it is the only sign of what
# was not loaded: the missing keys still have their initial values. Two empty
# lists, as in ``missing/unexpected keys: [] []``, mean that all is well.
#
# .. diagnosis:: This is no error: ``strict=False`` returns the names that do
#       not match.
#    :message: _IncompatibleKeys(missing_keys=[
#              missing/unexpected keys:
#    :fix: what-strict-false-returns
#
#    print(model.load_state_dict(state_dict, strict=False))

own = model.state_dict()
result = model.load_state_dict(taken | {"logit_scale": 1.0}, strict=False)
print(result)
print(model.load_state_dict(own, strict=False))
assert result.missing_keys == ["head.weight", "head.bias"]
assert result.unexpected_keys == ["logit_scale"]

# %%
# A weight that two layers share may be listed too, although it was loaded under
# its other name:

tied = nn.ModuleDict({"embedding": nn.Linear(4, 4), "output": nn.Linear(4, 4)})
tied["output"].weight = tied["embedding"].weight
file = {key: torch.ones_like(v) for key, v in tied.state_dict().items()}
del file["output.weight"]
print(tied.load_state_dict(file, strict=False))
assert (tied["output"].weight == 1).all()

# %%
# What goes wrong
# ---------------
#
# **Nothing is loaded.** The keys of this file have a prefix, so none of them
# match. The call returns normally, and the model keeps its random weights:

# sphinx_gallery_wrong = True
prefixed = {f"module.{key}": value for key, value in own.items()}
model = Net(classes=3)
before = model.body.weight.clone()
result = model.load_state_dict(prefixed, strict=False)
print(len(result.missing_keys), "of", len(own), "keys missing")

assert result.missing_keys == list(own)
assert torch.equal(model.body.weight, before)

# %%
# **A size mismatch is still an error**, because ``strict`` is about names. It
# is raised after everything else was copied: if you catch it and go on "from
# scratch", you have a pretrained body and a new head.

# sphinx_gallery_wrong = True
try:
    model.load_state_dict(state_dict, strict=False)
except RuntimeError as error:
    loaded = torch.equal(model.body.weight, state_dict["body.weight"])
    print("body loaded:", loaded)
    print(f"{type(error).__name__}: {error}")

assert torch.equal(model.body.weight, state_dict["body.weight"])
assert len(model.head.bias) == 3

# %%
# (Before PyTorch 0.4, the message was ``While copying the parameter named
# head.weight, whose dimensions in the model are``: the model was built with
# other arguments than the one in the file. The same beginning with ``expected
# torch.Tensor`` means that the file has no tensor under that name.)
#
# .. diagnosis:: The file has something else than a tensor under this name.
#    :message: expected torch.Tensor or Tensor-like object from checkpoint
#    :fix: what-goes-wrong
#
#    wrong = {k: v for k, v in state_dict.items() if not torch.is_tensor(v)}
#    print(wrong)

try:
    model.load_state_dict({"scale": 2.0}, strict=False)
except RuntimeError as error:
    print(f"{type(error).__name__}: {error}")

# %%
# **One different shape passes**: a tensor with one element loads into a scalar,
# as in files from before PyTorch 0.4. All keys match, even strictly:

one = model.state_dict() | {"scale": torch.tensor([5.0])}
print(one["scale"].shape, "into", model.scale.shape)
print(model.load_state_dict(one))
assert model.scale.shape == () and model.scale == 5

# %%
# **Optimizers have no strict argument.** An optimizer matches its state to the
# parameters by order, so there are no names to skip:

# sphinx_gallery_wrong = True
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
try:
    optimizer.load_state_dict(optimizer.state_dict(), strict=False)
except TypeError as error:
    print(f"{type(error).__name__}: {error}")

# %%
# Keep whatever fits
# ------------------
#
# If you do not know which part of a file fits, select by name and shape, check
# what stays new, and then load. If the check fails, the model is unchanged:
#
# .. diagnosis:: Some keys of the model are not in the file with the shape that
#       they have.
#    :message: not in the file in this shape
#    :fix: keep-whatever-fits
#
#    print({k: v.shape for k, v in state_dict.items()})


def load_fitting(model, state_dict, new):
    own = model.state_dict()
    shapes = {key: getattr(value, "shape", None) for key, value in own.items()}
    fitting = {
        key: value
        for key, value in state_dict.items()
        if key in own and getattr(value, "shape", None) == shapes[key]
    }
    left = [key for key in own if key not in fitting]
    if set(left) != set(new):
        raise ValueError(f"not in the file in this shape: {left}")
    model.load_state_dict(own | fitting)


model = Net(classes=3)
load_fitting(model, state_dict, new=["head.weight", "head.bias"])
before = model.body.weight.clone()
for file in (prefixed, state_dict | {"body.bias": torch.ones(2)}):
    try:
        load_fitting(model, file, new=["head.weight", "head.bias"])
    except ValueError as error:
        print(f"{type(error).__name__}: {error}")

assert torch.equal(model.body.weight, before)
assert torch.equal(before, state_dict["body.weight"])

# %%

# sphinx_gallery_fold = "Leave the temporary folder"
os.chdir(here)
folder.cleanup()

# %%
# Learn more
# ----------
#
# - :ref:`sphx_glr_recipes_troubleshooting_reading_missing_and_unexpected_keys.py`
# - :ref:`sphx_glr_recipes_recipes_warmstarting_model_using_parameters_from_a_different_model.py`
# - :ref:`sphx_glr_recipes_training_matching_optimizer_state_to_parameters.py`
# - :ref:`sphx_glr_recipes_troubleshooting_adapting_tensors_to_another_shape.py`
# - `pytorch#40859 <https://github.com/pytorch/pytorch/issues/40859>`__ on
#   skipping shapes that differ
# - :meth:`torch.nn.Module.load_state_dict`
