"""
How do I load a GPU checkpoint on a CPU, and vice versa?
========================================================

Load any file on any machine, whatever device it was saved from, and know what
each error message about devices asks for.
"""

# sphinx_gallery_tags = ["loading", "device", "errors"]
# sphinx_gallery_keywords = ["other machine", "without GPU", "no GPU", "server", "load a GPU model on the CPU", "trained on GPU", "map_location", "CPU only", "another GPU"]
# sphinx_gallery_reading_order = 70

# %%

# sphinx_gallery_fold = "A model, its file, and a stand-in for devices that this machine lacks"
import os
import tempfile
from contextlib import suppress
from unittest import mock

import torch
import torch.nn as nn

here = globals().get("here", os.getcwd())
folder = tempfile.TemporaryDirectory()
os.chdir(folder.name)

# A file names the device of each tensor. This makes torch.save write the name
# of a device that this machine does not have; the bytes stay the same. It also
# records which devices torch.load asks for.
if "asked" not in globals():  # once, even if a notebook reruns this
    torch.serialization.register_package(
        0, lambda storage: pretended, lambda storage, name: asked.append(name)
    )
pretended, asked = None, []


def save_as_from(device, state_dict, path):
    global pretended
    pretended = device
    torch.save(state_dict, path)
    pretended = None


def make_model():
    return nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))


torch.manual_seed(0)
saved = make_model()
save_as_from("cuda:0", saved.state_dict(), "model.pt")
model = make_model()
inputs = torch.ones(1, 4)

# %%
# Short answer
# ------------
#
# Load onto the CPU, and let ``load_state_dict`` copy the values to the model's
# device:

import torch

device = "cuda" if torch.cuda.is_available() else "cpu"
model.to(device)
state_dict = torch.load("model.pt", map_location="cpu")
model.load_state_dict(state_dict)
del state_dict
outputs = model(inputs.to(device))

# %%
# The same lines load a file saved on a CPU onto a GPU. For other accelerators,
# :func:`torch.accelerator.current_accelerator` gives you the device.
#
# .. fold:: Who this is for
#
#    You train on one machine and load on another, and the two do not have the
#    same devices: a GPU server and a laptop, four GPUs and one, CUDA and a Mac.
#
# .. fold:: Setup
#
#    ``torch.accelerator`` needs PyTorch 2.6 or newer::
#
#        pip install "torch>=2.6"

# %%
# Why it works
# ------------
#
# A file names a device for each tensor, and :func:`torch.load` puts the tensor
# back on that device unless ``map_location`` says otherwise. If
# ``map_location`` is a function, it gets each storage, still on the CPU, and
# the device's name.
#
# This page was made on a machine without a GPU. The folded code above writes
# the names of other devices into its files, as a machine with those devices
# would. The messages are what torch prints.


def note(storage, name):
    names.add(name)
    return storage


names = set()
torch.load("model.pt", map_location=note)
print("saved from", names)
print(
    "model is on", {parameter.device.type for parameter in model.parameters()}
)

assert names == {"cuda:0"}
torch.testing.assert_close(outputs.cpu(), saved(inputs))

# %%
# What each error message asks for
# --------------------------------
#
# Without ``map_location``, each kind of device words the same error in its own
# way. ``privateuseone`` is DirectML; in older versions it has the message that
# ``npu`` has here. With ``map_location="cpu"``, each of these files loads:
#
# .. diagnosis:: The file was saved on a device that this machine does not have.
#    :message: Attempting to deserialize object on a {device} device but
#              Attempting to deserialize object on {device} device but
#              Storage device not recognized: {device}
#              The {device} device module is not registered
#              don't know how to restore data location of
#              Attempting to deserialize object on MPS device
#
#    state_dict = torch.load(path, map_location="cpu")

# sphinx_gallery_wrong = True
devices = ["cuda:0", "mps", "xpu:0", "hpu:0", "privateuseone:0", "npu:0"]
for name in devices:
    path = f"{name.replace(':', '')}.pt"
    save_as_from(name, saved.state_dict(), path)
    try:
        torch.load(path)
    except RuntimeError as error:
        print(f"{type(error).__name__}: {error}\n")

for name in devices:
    torch.testing.assert_close(
        torch.load(f"{name.replace(':', '')}.pt", map_location="cpu"),
        saved.state_dict(),
    )

# %%
# This file comes from the fourth GPU, and the machine has only one. That one
# GPU is simulated too, by replacing two functions of ``torch.cuda``:
#
# .. diagnosis:: The file was saved on a GPU with a higher number than this
#       machine has.
#    :message: Attempting to deserialize object on {name} device {n} but
#    :fix: what-each-error-message-asks-for
#
#    state_dict = torch.load(path, map_location="cpu")

# sphinx_gallery_wrong = True
save_as_from("cuda:3", saved.state_dict(), "fourth.pt")
with (
    mock.patch("torch.cuda.is_available", return_value=True),
    mock.patch("torch.cuda.device_count", return_value=1),
):
    try:
        torch.load("fourth.pt")
    except RuntimeError as error:
        print(f"{type(error).__name__}: {error}")

# %%
# Your own code can also ask for a GPU that is not there, with
# ``model.to("cuda")`` or ``map_location="cuda"``. Then it is the code that has
# to change, not the file. PyTorch builds without CUDA raise the first of these
# errors for the model, and builds with CUDA the second, so they are quoted, not
# run here:
#
# .. code-block:: text
#
#     AssertionError: Torch not compiled with CUDA enabled
#     RuntimeError: Found no NVIDIA driver on your system. [...]
#
# .. diagnosis:: The code asks for a GPU, and this machine has none, or this
#       PyTorch was built without CUDA.
#    :message: Torch not compiled with CUDA enabled
#              Found no NVIDIA driver on your system
#    :fix: what-each-error-message-asks-for
#
#    device = "cuda" if torch.cuda.is_available() else "cpu"
#    model.to(device)

# %%
# What ``map_location`` takes
# ---------------------------
#
# A string or a :class:`torch.device` sends everything to one device. A
# dictionary renames the devices that it lists and leaves the others alone.
# ``"meta"`` gives shapes and dtypes without values. The right column is the
# device that :func:`torch.load` asks for, whether it exists or not:

rank = 2
forms = [None, "cpu", {"cuda:0": f"cuda:{rank}"}, {"cuda:1": "cpu"}]
found = []
for form in forms:
    asked.clear()
    with suppress(RuntimeError):
        torch.load("model.pt", map_location=form)
    found.append(asked[0])
    print(f"{form!s:<22}{asked[0]}")

assert found == ["cuda:0", "cpu", "cuda:2", "cuda:0"]
assert torch.load("model.pt", map_location="meta")["0.weight"].is_meta

# %%
# Variants
# --------
#
# **One process per GPU.** With DistributedDataParallel, a file saved on the
# first GPU loads onto the first GPU in every process, and fills it up. The
# third form above sends it to the process's own GPU; ``"cpu"`` is right for all
# of them: :ref:`sphx_glr_recipes_training_checkpointing_ddp_training.py`.
#
# **Out of memory on resume**, where training from scratch fits on the GPU. The
# message is quoted, not run here:
#
# .. code-block:: text
#
#     torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 20.00 MiB.
#
# ``load_state_dict`` copies, so memory holds the weights twice until
# ``del state_dict``. With ``map_location="cuda"``, or none, both copies are on
# the GPU; with ``"cpu"`` only the model's is:
#
# .. diagnosis:: The GPU holds the weights twice while a checkpoint is loaded,
#       or the model is too large for it.
#    :message: CUDA out of memory. Tried to allocate
#              CUDA error: out of memory
#    :traceback: torch/serialization.py
#                torch.load(
#                load_state_dict
#    :fix: variants
#
#    checkpoint = torch.load("checkpoint.pt", map_location="cpu")
#    model.load_state_dict(checkpoint["model"])
#    del checkpoint

state_dict = torch.load("model.pt", map_location="cpu")
model.load_state_dict(state_dict)
shared = state_dict["0.weight"].data_ptr() == model[0].weight.data_ptr()
print("model and dictionary share memory:", shared)
assert not shared

# %%
# **The optimizer** loads its state onto the device of its parameters, so move
# the model first: :ref:`sphx_glr_recipes_training_placing_optimizer_state.py`.
#
# **The inputs** have to move as well. A tensor's ``to`` returns a new tensor,
# while a module's ``to`` changes the module itself:

moving, batch = make_model(), torch.ones(1, 4)
moving.to("meta")
batch.to("meta")  # result lost; write batch = batch.to("meta")
print(f"model: {moving[0].weight.device}, batch: {batch.device}")

assert moving[0].weight.is_meta and not batch.is_meta

# %%

# sphinx_gallery_fold = "Leave the temporary folder"
os.chdir(here)
folder.cleanup()

# %%
# Learn more
# ----------
#
# - :ref:`sphx_glr_recipes_recipes_module_load_state_dict_tips.py`
# - :ref:`sphx_glr_recipes_troubleshooting_controlling_dtype_on_load.py`
# - :ref:`sphx_glr_recipes_troubleshooting_removing_wrapper_prefixes.py`
# - `sd-webui-controlnet#2506
#   <https://github.com/Mikubill/sd-webui-controlnet/issues/2506>`__, DirectML,
#   `HRFormer#1 <https://github.com/HRNet/HRFormer/issues/1>`__ on memory
# - :func:`torch.load`, :func:`torch.serialization.register_package`
