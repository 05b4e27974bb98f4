"""
What is in this checkpoint, without loading it?
===============================================

List the keys, shapes, dtypes and sizes of a checkpoint of any size in a moment,
without reading its tensors and without running code from it.
"""

# sphinx_gallery_tags = ["loading", "checkpoint", "keys", "memory", "safety"]
# sphinx_gallery_keywords = ["inspect", "list keys", "print the keys", "show layers", "look inside", "peek", "checkpoint viewer", "huge file", "inside a .pt file", "what is in a .pt file", "names and shapes of the layers", "contents of a .pth file"]
# sphinx_gallery_reading_order = 95

# %%

# sphinx_gallery_fold = "A training checkpoint of 6 GB, of which the disk has 8 KB"
import argparse
import os
import tempfile
import warnings

import torch
import torch.distributed.checkpoint as dcp
import torch.nn as nn
from safetensors.torch import save_file
from torch._subclasses.fake_tensor import FakeTensorMode

here = globals().get("here", os.getcwd())
folder = tempfile.TemporaryDirectory()
os.chdir(folder.name)

torch.manual_seed(0)
model = nn.Sequential(nn.Embedding(5, 4), nn.Linear(4, 5, bias=False))
model[1].weight = model[0].weight  # tied
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
with FakeTensorMode():  # tensors without memory
    weights = {
        "embed.weight": torch.empty(50_000, 30_000),
        "norm.weight": torch.empty(30_000, dtype=torch.bfloat16),
    }
checkpoint = {"epoch": 3, "model": weights, "optimizer": optimizer.state_dict()}
with torch.serialization.skip_data(materialize_fake_tensors=True):
    torch.save(checkpoint, "checkpoint.pt")  # with holes in place of numbers

warnings.filterwarnings("ignore", message="torch.distributed is")
dcp.save({"model": model.state_dict()}, checkpoint_id="step")
save_file({"weight": torch.ones(3, 2), "bias": torch.ones(3)}, "m.safetensors")
torch.save({"args": argparse.Namespace(lr=0.1)}, "args.pt")
torch.save(model.state_dict(), "tied.pt")
torch.save(model.state_dict(), "old.pt", _use_new_zipfile_serialization=False)

# %%
# Short answer
# ------------
#
# Load it onto the ``meta`` device, whose tensors have a shape and a dtype, but
# no data, and print what there is:

import torch


def show(value, path="checkpoint"):
    if isinstance(value, dict):
        for key, item in value.items():
            show(item, f"{path}[{key!r}]")
    elif isinstance(value, torch.Tensor):
        print(path, tuple(value.shape), value.dtype)
    else:
        print(path, "=", value)


checkpoint = torch.load("checkpoint.pt", map_location="meta")
show(checkpoint)

# %%
# What it prints is the code that gets each entry. To see the same without
# Python, drop the file on the page *Checkpoint doctor* of this site.
#
# .. fold:: Who this is for
#
#    You were given a checkpoint, and want to know what is in it before you find
#    the memory, the GPU or the model class for it.
#
# .. fold:: Setup
#
#    PyTorch 2.6 or newer::
#
#        pip install "torch>=2.6" "safetensors>=0.4"

# %%
# Why it works
# ------------
#
# A file of :func:`torch.save` is a zip archive. Its entry ``data.pkl`` has the
# dictionaries, and of each tensor only the shape, the dtype and the name of
# another entry, which has the numbers. On ``meta``, nobody asks for those: 6 GB
# take no memory.

assert os.path.getsize("checkpoint.pt") > 6_000_000_000
assert checkpoint["model"]["embed.weight"].shape == (50_000, 30_000)
assert checkpoint["model"]["norm.weight"].dtype == torch.bfloat16
assert all(t.device.type == "meta" for t in checkpoint["model"].values())
assert checkpoint["epoch"] == 3

# %%
# What goes wrong
# ---------------
#
# Each tensor is on its own on ``meta``, so tied weights count twice:

# sphinx_gallery_wrong = True
state_dict = torch.load("tied.pt", map_location="meta")
print(sum(tensor.nbytes for tensor in state_dict.values()), "bytes")

assert sum(tensor.nbytes for tensor in state_dict.values()) == 160

# %%
# With ``mmap=True``, tensors are parts of the file, which the system reads when
# you look at a number, and those that share a storage still do:

state_dict = torch.load("tied.pt", map_location="cpu", mmap=True)
storages = {
    tensor.untyped_storage().data_ptr(): tensor.untyped_storage().nbytes()
    for tensor in state_dict.values()
}
print(sum(storages.values()), "bytes in", len(storages), "storage")

assert sum(storages.values()) == model[0].weight.nbytes == 80
assert torch.equal(state_dict["1.weight"], model[1].weight)

# %%
# A storage can also be larger than what is seen of it:
# :ref:`sphx_glr_recipes_checkpoints_explaining_checkpoint_size.py`
#
# Variants
# --------
#
# **On which device was it saved?** ``FakeTensorMode`` makes tensors that only
# claim to be there, also on a GPU that this machine does not have. It is a
# private module, so do not build on it:

from torch._subclasses.fake_tensor import FakeTensorMode

with FakeTensorMode():
    fake = torch.load("checkpoint.pt")
print(fake["model"]["embed.weight"].device)

assert fake["model"]["embed.weight"].shape == (50_000, 30_000)

# %%
# **Which classes does it need?** Names alone are read, so this is safe for a
# file that you do not trust. An empty list means that ``torch.load`` takes it
# as it is:

for path in ("checkpoint.pt", "args.pt"):
    print(path, torch.serialization.get_unsafe_globals_in_checkpoint(path))

assert torch.serialization.get_unsafe_globals_in_checkpoint("args.pt") == [
    "argparse.Namespace"
]

# %%
# **safetensors** keeps the list of its tensors at the start of the file:

from safetensors import safe_open

with safe_open("m.safetensors", framework="pt") as file:
    for key in file.keys():
        entry = file.get_slice(key)
        print(key, entry.get_shape(), entry.get_dtype())

assert entry.get_shape() == [3, 2]

# %%
# **A distributed checkpoint** is a folder, and its file ``.metadata`` has the
# list:

metadata = dcp.FileSystemReader("step").read_metadata()
for key, entry in metadata.state_dict_metadata.items():
    print(key, tuple(entry.size), entry.properties.dtype)

assert set(metadata.state_dict_metadata) == {
    "model.0.weight",
    "model.1.weight",
}

# %%
# **Files of the old format**, from before PyTorch 1.6, can be listed on
# ``meta`` too, but not with ``mmap``:

show(torch.load("old.pt", map_location="meta"))
try:
    torch.load("old.pt", mmap=True)
except RuntimeError as error:
    print(f"{type(error).__name__}: {error}")

# %%

# sphinx_gallery_fold = "Leave the temporary folder"
os.chdir(here)
folder.cleanup()

# %%
# Learn more
# ----------
#
# - :ref:`sphx_glr_recipes_troubleshooting_loading_safely_with_weights_only.py`
# - :ref:`sphx_glr_recipes_troubleshooting_surviving_truncated_checkpoints.py`
# - :ref:`sphx_glr_recipes_checkpoints_comparing_two_checkpoints.py`
# - :func:`torch.load`,
#   :func:`torch.serialization.get_unsafe_globals_in_checkpoint`
