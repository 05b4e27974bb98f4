"""
How do I compare two checkpoints?
=================================

List every key, shape, dtype and value that differs between two files, optimizer
included, and measure how far training moved each layer.
"""

# sphinx_gallery_tags = ["loading", "checkpoint", "keys", "reproducibility"]
# sphinx_gallery_keywords = ["difference", "diff", "check if two models have the same weights", "equal", "identical", "which layers changed"]
# sphinx_gallery_reading_order = 50

# %%

# sphinx_gallery_fold = "Two checkpoints of a run with a frozen stem"
import hashlib
import os
import tempfile

import torch
import torch.nn as nn
import torch.nn.functional as F

here = globals().get("here", os.getcwd())
folder = tempfile.TemporaryDirectory()
os.chdir(folder.name)

torch.manual_seed(0)
model = nn.Sequential()
model.stem = nn.Linear(8, 16)
model.norm = nn.BatchNorm1d(16)
model.head = nn.Linear(16, 3)
model.stem.requires_grad_(False)
optimizer = torch.optim.Adam(
    [p for p in model.parameters() if p.requires_grad], lr=0.01
)
inputs = torch.randn(64, 8)
targets = inputs[:, :3].argmax(dim=1)
for epoch in [1, 2]:
    for _ in range(5):
        optimizer.zero_grad()
        F.cross_entropy(model(inputs), targets).backward()
        optimizer.step()
    checkpoint = {
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "epoch": epoch,
    }
    torch.save(checkpoint, f"epoch{epoch}.pt")

# %%
# Short answer
# ------------
#
# Load both files onto the CPU, and print the keys whose entries differ or that
# only one file has:

import torch


def differ(a, b):
    if not (torch.is_tensor(a) and torch.is_tensor(b)):
        return type(a) is not type(b) or a != b
    if a.shape != b.shape or a.dtype != b.dtype:
        return True
    return not torch.allclose(a, b, rtol=0, atol=0, equal_nan=True)


old = torch.load("epoch1.pt", map_location="cpu")["model"]
new = torch.load("epoch2.pt", map_location="cpu")["model"]
print([key for key in {**old, **new} if differ(old.get(key), new.get(key))])

# %%
# In a test, a single call compares two dictionaries of tensors and names the
# first difference:
# ``torch.testing.assert_close(new, old, rtol=0, atol=0, equal_nan=True)``.
#
# .. fold:: Who this is for
#
#    You want to know whether two files hold the same model, which layers a run
#    has trained, or why one file loads and the other does not.
#
# .. fold:: Setup
#
#    Tried with PyTorch 2.6 and 2.13::
#
#        pip install "torch>=2.6"

# %%
# Find differences at any depth
# -----------------------------
#
# A checkpoint nests dictionaries, lists, numbers and text. This function
# handles all of them:


def describe(entry):
    if torch.is_tensor(entry):
        return f"{tuple(entry.shape)} {entry.dtype}"
    return repr(entry)


def compare(old, new, path=""):
    """Yield the path of each difference, and what it is."""
    if isinstance(old, (list, tuple)) and isinstance(new, (list, tuple)):
        old, new = dict(enumerate(old)), dict(enumerate(new))
    if isinstance(old, dict) and isinstance(new, dict):
        for key in {**old, **new}:
            if key in old and key in new:
                yield from compare(old[key], new[key], f"{path}/{key}")
            else:
                yield f"{path}/{key}", "removed" if key in old else "added"
    elif differ(old, new):
        before, after = describe(old), describe(new)
        same = before == after
        yield path, "values" if same else f"{before} -> {after}"


epoch1 = torch.load("epoch1.pt", map_location="cpu")
epoch2 = torch.load("epoch2.pt", map_location="cpu")
report = dict(compare(epoch1, epoch2))

assert report["/epoch"] == "1 -> 2"
assert report["/optimizer/state/0/step"] == "values"
for key in old:
    assert (f"/model/{key}" in report) == (not key.startswith("stem."))
assert not [*compare(epoch1, epoch1)] and not [*compare({}, {})]
assert dict(compare({"a": [1, "x"]}, {"a": [1]})) == {"/a/1": "removed"}
assert dict(compare({"a": 1}, {"a": torch.ones(1)})).keys() == {"/a"}
assert not [*compare([torch.tensor(torch.nan)], [torch.tensor(torch.nan)])]

# %%
# Here the second file comes from another version of the model. A renamed key
# shows up as one removed and one added:

other = torch.load("epoch1.pt", map_location="cpu")
other["model"]["scale"] = other["model"].pop("norm.weight")
other["model"]["head.weight"] = torch.zeros(5, 16)
other["model"]["head.bias"] = other["model"]["head.bias"].half()
other["optimizer"]["param_groups"][0]["lr"] = 0.001
for path, what in compare(epoch1, other):
    print(path, what)

report = dict(compare(epoch1, other))
assert len(report) == 5 and report["/model/scale"] == "added"
assert report["/optimizer/param_groups/0/lr"] == "0.01 -> 0.001"

# %%
# How far each layer moved
# ------------------------
#
# The *relative change* is the norm of the change divided by the norm of the
# weights before it: exactly zero for a frozen layer, and ``inf`` for weights
# that were zero. Compute it for parameters only, because the buffers of a batch
# normalization move without learning anything:


def relative_change(old, new):
    old, new = old.double(), new.double()
    return ((new - old).norm() / old.norm()).item()


for name, _ in model.named_parameters():
    print(f"{name:<13}{relative_change(old[name], new[name]):>5.0%}")

assert relative_change(old["stem.weight"], new["stem.weight"]) == 0
assert 0 < relative_change(old["head.weight"], new["head.weight"]) < 1
assert relative_change(torch.tensor(5), torch.tensor(10)) == 1  # a counter
assert relative_change(torch.zeros(3), torch.ones(3)) == torch.inf

# %%
# What goes wrong
# ---------------
#
# **Comparing the bytes.** :func:`torch.save` writes the file's name into the
# file, so files with the same tensors can differ:

# sphinx_gallery_wrong = True
torch.save(epoch1, "copy.pt")
digests = set()
for name in ["epoch1.pt", "copy.pt"]:
    with open(name, "rb") as file:
        digests.add(hashlib.sha256(file.read()).hexdigest())
print("different files:", len(digests))

assert len(digests) == 2
assert not [*compare(epoch1, torch.load("copy.pt", map_location="cpu"))]

# %%
# ``torch.equal`` **alone.** It accepts only tensors, and ``nan`` does not equal
# itself:

# sphinx_gallery_wrong = True
broken = torch.tensor([1.0, float("nan")])
print(torch.equal(broken, broken))

assert not torch.equal(broken, broken) and not differ(broken, broken)

# %%
# **The default tolerances** of :func:`torch.testing.assert_close` accept small
# differences, which a bit-exact run does not have. With ``rtol=0`` and
# ``atol=0``, it finds them, and names the key at the end:
#
# .. diagnosis:: The two tensors differ in some values, by as much as the
#       message says.
#    :message: Tensor-likes are not equal!
#              Tensor-likes are not close!
#    :fix: find-differences-at-any-depth
#
#    torch.testing.assert_close(actual, expected, rtol=1e-5, atol=1e-6)

expected = {"head.bias": torch.tensor([1.0, 2.0, 4.0])}
actual = {"head.bias": torch.tensor([1.0, 2.0, 4.0 + 2**-20])}
torch.testing.assert_close(actual, expected)
try:
    torch.testing.assert_close(actual, expected, rtol=0, atol=0)
except AssertionError as error:
    print(f"{type(error).__name__}: {error}")

assert differ(actual["head.bias"], expected["head.bias"])

# %%

# sphinx_gallery_fold = "Leave the temporary folder"
os.chdir(here)
folder.cleanup()

# %%
# Learn more
# ----------
#
# - :ref:`sphx_glr_recipes_troubleshooting_reading_missing_and_unexpected_keys.py`
# - :ref:`sphx_glr_recipes_troubleshooting_renaming_keys_of_old_checkpoints.py`
# - :ref:`sphx_glr_recipes_training_resuming_bit_exactly.py`
# - :func:`torch.testing.assert_close`, :func:`torch.allclose`
