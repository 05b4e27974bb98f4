"""
Save and load across devices
============================

Load a checkpoint that was saved on a GPU on a machine without one, and the other
way around, with one argument: ``map_location``.

**For whom:** you train on one machine and load on another, and the two do not
have the same devices.

Introduction
------------

A checkpoint stores, for each tensor, the name of the device on which the tensor
was when it was saved. :func:`torch.load` puts the tensor back on that device, if
``map_location`` does not say otherwise. The recipe runs on any machine. What it
prints on this page comes from one without a GPU.

Setup
-----

Install PyTorch, and Matplotlib for the figure::

    pip install torch matplotlib

Steps
-----

1. Import the libraries
2. Save a model on the CPU and on a GPU
3. Load the GPU's file without a GPU
4. Map the tensors to a device that you have
5. Choose a form of ``map_location``
6. Load for the device at hand
"""

# sphinx_gallery_tags = ["loading", "device", "errors"]
# sphinx_gallery_keywords = ["CUDA", "GPU to CPU", "other machine"]
# sphinx_gallery_reading_order = 70

# %%
# 1. Import the libraries
# ~~~~~~~~~~~~~~~~~~~~~~~
#
# ``device`` is the GPU if there is one, and the CPU if not. On this page it is the
# CPU.

import subprocess
import sys
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import torch
import torch.nn as nn

torch.manual_seed(0)
plt.style.use("petroff10")
folder = tempfile.TemporaryDirectory()
cpu_file = Path(folder.name) / "saved_on_cpu.pt"
gpu_file = Path(folder.name) / "saved_on_gpu.pt"

has_gpu = torch.cuda.is_available()
device = torch.device("cuda:0" if has_gpu else "cpu")
print(f"{device = }")
assert device.type == ("cuda" if has_gpu else "cpu")

# %%
# 2. Save a model on the CPU and on a GPU
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# The first file comes from a model on the CPU.


def make_model():
    return nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))


model = make_model()
torch.save(model.state_dict(), cpu_file)
print({tensor.device.type for tensor in model.state_dict().values()})
assert all(tensor.device.type == "cpu" for tensor in model.state_dict().values())

# %%
# The second file holds the same values, saved by a second Python process on the
# GPU. Where there is none, that process registers, with
# :func:`torch.serialization.register_package`, a function that names
# ``cuda:0`` as the device of every tensor saved: the name is what a GPU would have
# written, and the bytes of the tensors are the same.

script = Path(folder.name) / "save_on_gpu.py"
script.write_text("""
import sys
import torch

state_dict = torch.load(sys.argv[1])
if torch.cuda.is_available():
    state_dict = {key: tensor.to("cuda:0") for key, tensor in state_dict.items()}
else:
    torch.serialization.register_package(
        0, tagger=lambda storage: "cuda:0", deserializer=lambda storage, name: None
    )
torch.save(state_dict, sys.argv[2])
""")
command = [sys.executable, str(script), str(cpu_file), str(gpu_file)]
subprocess.run(command, capture_output=True, check=True)
print(sorted(file.name for file in Path(folder.name).glob("*.pt")))
assert cpu_file.exists() and gpu_file.exists()

# %%
# To see the names in the files, pass a function as ``map_location``.
# :func:`torch.load` calls it with every storage, which is still on the CPU, and
# with the name of the device it was saved from. This function notes the name and
# returns the storage as it is.

for file in [cpu_file, gpu_file]:
    names = set()

    def note(storage, name):
        names.add(name)
        return storage

    loaded = torch.load(file, map_location=note)
    print(f"{file.name}: {names}")
    assert names == {"cpu" if file == cpu_file else "cuda:0"}
    assert all(tensor.device.type == "cpu" for tensor in loaded.values())

# %%
# 3. Load the GPU's file without a GPU
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# Without ``map_location``, :func:`torch.load` asks for the device that the file
# names. A machine with a GPU gives it. A machine without one stops with this error,
# which names the remedy.

try:
    state_dict = torch.load(gpu_file)
except RuntimeError as error:
    assert not has_gpu
    print(f"{type(error).__name__}: {error}")
else:
    assert has_gpu and all(t.device == device for t in state_dict.values())
    print("This machine has a GPU: the tensors are on", device)

# %%
# The other direction goes wrong in the same way. A file from the CPU loads
# everywhere, until someone asks for a GPU that is not there: the request, not the
# file, raises the same error.

messages = []
for file, request in [(gpu_file, None), (cpu_file, "cuda:0")]:
    try:
        torch.load(file, map_location=request)
    except RuntimeError as error:
        messages.append(str(error))
print(f"{len(messages)} errors, {len(set(messages))} message")

assert len(messages) == (0 if has_gpu else 2)
assert len(set(messages)) == (0 if has_gpu else 1)

# %%
# Moving a model to a GPU that is not there is another error. A build of PyTorch
# without CUDA, as used for this page, says so. (A build with CUDA that finds no GPU
# raises a ``RuntimeError`` instead.)

try:
    make_model().to("cuda")
except (AssertionError, RuntimeError) as error:
    print(f"{type(error).__name__}: {error}")
    moved = False
else:
    print("This machine has a GPU: the model was moved")
    moved = True
assert moved == has_gpu

# %%
# 4. Map the tensors to a device that you have
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# ``map_location="cpu"`` works on every machine and for every file. The values are
# those that were saved.

state_dict = torch.load(gpu_file, map_location="cpu")
for key, tensor in state_dict.items():
    print(f"{key:<10}{tuple(tensor.shape)!s:<8}{tensor.device}")
    assert tensor.device.type == "cpu"
    torch.testing.assert_close(tensor, model.state_dict()[key], rtol=0, atol=0)

# %%
# 5. Choose a form of ``map_location``
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# The argument can be a string, a :class:`torch.device`, a dictionary from the names
# in the file to new names, or a function as in step 2. A dictionary changes only
# the names that it lists, so the last one does not help here. ``meta``, the device
# of tensors that have a shape and no data, shows what is in a file without a place
# for its values.

forms = {
    'torch.device("cpu")': torch.device("cpu"),
    '"meta"': "meta",
    '{"cuda:0": "cpu"}': {"cuda:0": "cpu"},
    '{"cuda:1": "cpu"}': {"cuda:1": "cpu"},
}
outcome = {}
for name, form in forms.items():
    try:
        loaded = torch.load(gpu_file, map_location=form)
        (outcome[name],) = {str(tensor.device) for tensor in loaded.values()}
    except RuntimeError as error:
        outcome[name] = type(error).__name__
    print(f"{name:<22}{outcome[name]}")

unmapped = "cuda:0" if has_gpu else "RuntimeError"
assert list(outcome.values()) == ["cpu", "meta", "cpu", unmapped]

# %%
# The figure compares the two files. Each cell is the device of the tensors after
# :func:`torch.load`, or an error. The ``"cpu"`` column gives tensors to compute with
# for both files, whether or not there is a GPU.

requests = {"(none)": None, '"cpu"': "cpu", '"meta"': "meta", '"cuda:0"': "cuda:0"}
files = {"saved on CPU": cpu_file, "saved on GPU": gpu_file}
cells = []
for file in files.values():
    cells.append([])
    for request in requests.values():
        try:
            loaded = torch.load(file, map_location=request)
            cells[-1].append(str(loaded["0.weight"].device))
        except RuntimeError:
            cells[-1].append("error")

fig, ax = plt.subplots(figsize=(5, 2), layout="constrained")
failed = [[cell == "error" for cell in row] for row in cells]
ax.pcolormesh(failed, cmap="tab10", vmin=0, vmax=9, alpha=0.3, edgecolors="gray")
for y, row in enumerate(cells):
    for x, cell in enumerate(row):
        ax.text(x + 0.5, y + 0.5, cell, ha="center", va="center")
ax.set_xticks([x + 0.5 for x in range(4)], requests)
ax.set_yticks([y + 0.5 for y in range(2)], files)
ax.set_xlabel("map_location")
ax.invert_yaxis()
ax.set_title("Device of the tensors after torch.load")
plt.show()

for name, row in zip(files, cells):
    print(f"{name}: {row}")
cuda = "cuda:0" if has_gpu else "error"
assert cells == [["cpu", "cpu", "meta", cuda], [cuda, "cpu", "meta", cuda]]

# %%
# 6. Load for the device at hand
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# This is the code to keep. It loads either file on either machine: the tensors
# come to the CPU, and :meth:`torch.nn.Module.load_state_dict` copies their values
# into the parameters, wherever those are. The inputs must be on the same device as
# the model.

batch = torch.ones(1, 4)
expected = model(batch)
for file in [cpu_file, gpu_file]:
    restored = make_model().to(device)
    restored.load_state_dict(torch.load(file, map_location="cpu"))
    restored.eval()
    output = restored(batch.to(device))

    places = {parameter.device for parameter in restored.parameters()}
    print(f"{file.name}: {places}, output {tuple(output.shape)}")
    assert places == {device}
    torch.testing.assert_close(output.cpu(), expected)

# %%
# One difference is easy to miss: a module moves itself, a tensor does not. The
# ``to`` of a module changes the module, and the ``to`` of a tensor returns a new
# tensor. ``meta`` shows it on a machine with no other device.

moving, batch = make_model(), torch.ones(1, 4)
moving.to("meta")
batch.to("meta")
print(f"model: {moving[0].weight.device}, batch: {batch.device}")
assert moving[0].weight.is_meta and not batch.is_meta

folder.cleanup()

# %%
# You have seen that a checkpoint names a device for every tensor, what happens if
# that device is missing, and a way of loading that fits every machine.
#
# Learn more
# ----------
#
# - :ref:`sphx_glr_recipes_training_placing_optimizer_state.py`
# - :ref:`sphx_glr_recipes_troubleshooting_controlling_dtype_on_load.py`
# - :ref:`sphx_glr_recipes_recipes_module_load_state_dict_tips.py`
# - :func:`torch.load` and :func:`torch.serialization.register_package` in the API
#   documentation
