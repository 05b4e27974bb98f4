"""
Why is my checkpoint so big?
============================

Find out what takes up the bytes, and under which path: a slice that brings its
whole storage, thousands of small tensors, or the optimizer's state.
"""

# sphinx_gallery_tags = ["saving", "file size", "checkpoint", "optimizer"]
# sphinx_gallery_keywords = ["too large", "huge", "disk space", "shrink", "reduce size", "grows every epoch", "saved file bigger", "view of a larger tensor", "untyped_storage", "checkpoint too big", "file size", "slice of a tensor", "saves the whole tensor", "twice the size of the model", "several times larger than the weights"]
# sphinx_gallery_reading_order = 10

# %%

# sphinx_gallery_fold = "A 7 MB checkpoint of a 1 MB model"
import io
import os
import tempfile

import torch
import torch.nn as nn

here = globals().get("here", os.getcwd())
folder = tempfile.TemporaryDirectory()
os.chdir(folder.name)


def saved_size(obj):
    """Return the number of bytes that torch.save writes."""
    file = io.BytesIO()
    torch.save(obj, file)
    return file.tell()


torch.manual_seed(0)
table = torch.arange(1_000_000, dtype=torch.float32)
model = nn.Sequential(nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, 10))
model.register_buffer("first", table[:10])
optimizer = torch.optim.Adam(model.parameters())
losses = []
for step in range(3):
    optimizer.zero_grad()
    loss = model(torch.randn(2, 512)).square().mean()
    loss.backward()
    optimizer.step()
    losses.append(loss.detach())

torch.save(
    {
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "losses": losses,
    },
    "checkpoint.pt",
)

# %%
# Short answer
# ------------
#
# List the file's tensors by the storage that each one brings along. Loading to
# the ``meta`` device reads no data, so this takes no memory:

import torch


def sizes(entry, path=""):
    if isinstance(entry, torch.Tensor):
        yield entry.untyped_storage().nbytes(), entry.nbytes, path
    elif isinstance(entry, (dict, list, tuple)):
        pairs = entry.items() if isinstance(entry, dict) else enumerate(entry)
        for key, value in pairs:
            yield from sizes(value, f"{path}/{key}")


checkpoint = torch.load("checkpoint.pt", map_location="meta")
for stored, needed, path in sorted(sizes(checkpoint), reverse=True)[:4]:
    print(f"{stored:>9,} bytes for {needed:>9,}: {path}")

# %%
# If a tensor stores more than it needs, save ``tensor.clone()``. If most bytes
# are the optimizer's, leave its state out of files that nobody trains from.
#
# .. fold:: Who this is for
#
#    Your saved file is bigger than the model, or grows from epoch to epoch.
#
# .. fold:: Setup
#
#    Tried with PyTorch 2.6 and 2.13::
#
#        pip install "torch>=2.6"

# %%
# A slice brings its whole storage
# --------------------------------
#
# A slice has no data of its own: it is a *view* of the storage of the tensor
# that it was taken from, and :func:`torch.save` writes whole storages.
# :meth:`torch.Tensor.clone` gives the slice its own storage:

view = table[:10]
print(f"view:  {saved_size(view) / 1e6:.1f} MB")
print(f"clone: {saved_size(view.clone()) / 1e6:.1f} MB")

assert checkpoint["model"]["first"].is_meta
for stored, needed, path in sizes(checkpoint):
    assert (stored > needed) == (path == "/model/first")
assert not list(sizes({})) and not list(sizes({"epoch": 3, "name": None}))
assert saved_size(view) > 4_000_000 and saved_size(view.clone()) < 2000

# %%
# ``contiguous()`` does not help: the first ten elements are contiguous already,
# so it returns the same view:

# sphinx_gallery_wrong = True
print(f"contiguous: {saved_size(view.contiguous()) / 1e6:.1f} MB")

assert view.contiguous() is view

# %%
# There is a reason for this: a storage that several tensors share is written
# once and shared again after loading, so that tied weights stay tied.
# (``sizes`` lists it for each of these tensors.)

file = io.BytesIO()
torch.save({"table": table, "view": view}, file)
print(f"both: {file.tell() / 1e6:.1f} MB")
file.seek(0)
loaded = torch.load(file)
loaded["table"][0] = 42.0

assert saved_size({"table": table, "view": view}) < saved_size(table) + 1000
assert loaded["view"][0] == 42.0

# %%
# A buffer that the constructor can recompute, such as a position table or a
# mask, does not have to be in the file at all:

model.register_buffer("first", table[:10], persistent=False)
print(f"model: {saved_size(model.state_dict()) / 1e6:.1f} MB")

assert "first" not in model.state_dict()
assert 1_071_144 < saved_size(model.state_dict()) < 1_080_000

# %%
# Adam keeps two values for each weight
# -------------------------------------
#
# How much the optimizer adds depends on its class. Before the first step it has
# no state:

options = {
    "SGD": (torch.optim.SGD, {}),
    "SGD, momentum=0.9": (torch.optim.SGD, {"momentum": 0.9}),
    "Adam, AdamW": (torch.optim.AdamW, {}),
    "Adam, amsgrad=True": (torch.optim.Adam, {"amsgrad": True}),
}
weights = saved_size(model.state_dict())
model(torch.randn(2, 512)).sum().backward()
ratios = []
for name, (optimizer_class, settings) in options.items():
    optimizer = optimizer_class(model.parameters(), lr=1e-3, **settings)
    optimizer.step()
    ratios.append(round(saved_size(optimizer.state_dict()) / weights, 1))
    print(f"{name:<20}{ratios[-1]} x the weights")

assert optimizer_class(model.parameters()).state_dict()["state"] == {}
assert ratios == [0.0, 1.0, 2.0, 3.0]

# %%
# To resume training, you need that state. For inference, save only
# ``model.state_dict()``, in half the bytes if rounded weights are good enough:

half = {
    key: value.bfloat16() if value.is_floating_point() else value
    for key, value in model.state_dict().items()
}
print(f"bfloat16: {saved_size(half) / weights:.1f} x the weights")

assert round(saved_size(half) / weights, 2) == 0.5
assert not torch.equal(half["0.weight"].float(), model[0].weight)

# %%
# A file that grows with every epoch
# ----------------------------------
#
# Often it contains a history of losses. Each tensor is a separate record in the
# file, with about 250 bytes for a 4-byte number. Append ``loss.item()``
# instead:

losses = [torch.tensor(1 / step) for step in range(1, 1001)]
numbers = [loss.item() for loss in losses]
print(f"1000 tensors: {saved_size(losses) / 1000:>4.0f} kB")
print(f"1000 numbers: {saved_size(numbers) / 1000:>4.0f} kB")

assert 200_000 < saved_size(losses) < 300_000
assert saved_size(numbers) < saved_size(losses) / 20

# %%

# sphinx_gallery_fold = "Leave the temporary folder"
os.chdir(here)
folder.cleanup()

# %%
# Learn more
# ----------
#
# - :ref:`sphx_glr_recipes_checkpoints_saving_only_trained_parameters.py`
# - :ref:`sphx_glr_recipes_checkpoints_sharing_weights_and_safetensors.py`
# - :ref:`sphx_glr_recipes_training_placing_optimizer_state.py`
# - `pytorch#1995 <https://github.com/pytorch/pytorch/issues/1995>`__, where the
#   maintainers explain why views are saved this way
# - :func:`torch.save`, :meth:`torch.Tensor.untyped_storage`
