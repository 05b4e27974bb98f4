"""
Sharding with distributed checkpoint
====================================

Save a checkpoint in pieces with ``torch.distributed.checkpoint``, load it with another
number of processes, and turn it into one ordinary file.

**For whom:** you train with several processes, or received a folder of ``.distcp``
files, and want to try the format on one machine without a GPU.

Setup
-----

Install PyTorch, and Matplotlib for the figure::

    pip install torch matplotlib

Steps
-----

1. Import the libraries
2. Save with one process
3. Load with one process
4. Continue with two processes
5. Load what two processes saved
6. Convert the folder to one file
"""

# sphinx_gallery_tags = ["distributed", "saving", "checkpoint", "optimizer"]
# sphinx_gallery_keywords = ["FSDP", "multiple GPUs", "several processes", "ranks"]
# sphinx_gallery_reading_order = 60

# %%
# 1. Import the libraries
# ~~~~~~~~~~~~~~~~~~~~~~~
#
# :mod:`torch.distributed.checkpoint`, DCP for short, is part of PyTorch. The seed makes
# every run print the same values, and everything is written to a temporary folder.

import os
import pickle
import subprocess
import sys
import tempfile
import warnings
from collections import OrderedDict
from pathlib import Path
from types import SimpleNamespace

import matplotlib.pyplot as plt
import torch
import torch.distributed.checkpoint as dcp
import torch.nn as nn
import torch.nn.functional as F
from torch.distributed.checkpoint.format_utils import dcp_to_torch_save
from torch.distributed.checkpoint.state_dict import (
    get_state_dict,
    set_optimizer_state_dict,
    set_state_dict,
)

torch.manual_seed(0)
plt.style.use("petroff10")
folder = tempfile.TemporaryDirectory()
path = Path(folder.name)

# %%
# 2. Save with one process
# ~~~~~~~~~~~~~~~~~~~~~~~~
#
# A small model is trained for three steps, with all data in one process.


def build():
    layers = OrderedDict(body=nn.Linear(8, 16), relu=nn.ReLU(), head=nn.Linear(16, 5))
    model = nn.Sequential(layers)
    return model, torch.optim.Adam(model.parameters(), lr=0.01)


def train_step(model, optimizer, inputs, targets):
    optimizer.zero_grad()
    F.cross_entropy(model(inputs), targets).backward()
    optimizer.step()


inputs, targets = torch.randn(64, 8), torch.randint(5, (64,))
model, optimizer = build()
for _ in range(3):
    train_step(model, optimizer, inputs, targets)

# %%
# :func:`~torch.distributed.checkpoint.state_dict.get_state_dict` collects the state of
# both. The optimizer's own ``state_dict`` numbers the parameters. Here their *fully
# qualified names* (FQN) take the place of the numbers, so that each entry can be found
# again when every process holds only a part of the model.

model_state, optim_state = get_state_dict(model, optimizer)

print("optimizer.state_dict():", list(optimizer.state_dict()["state"]))
print("get_state_dict():      ", list(optim_state["state"]))
assert list(optimizer.state_dict()["state"]) == [0, 1, 2, 3]
assert list(optim_state["state"]) == [name for name, _ in model.named_parameters()]

# %%
# :func:`torch.distributed.checkpoint.save` writes a folder. It also works without other
# processes, and says so in a warning.

with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    dcp.save({"model": model_state, "optim": optim_state}, checkpoint_id=path / "one")

for warning in caught:
    print(f"{warning.category.__name__}: {warning.message}")
assert len(caught) == 1

# %%
# One process is intended here, so the warning is switched off from now on. The folder
# holds one data file per process, here a single one, and a description of the contents.

warnings.filterwarnings("ignore", message="torch.distributed is disabled")

print(sorted(file.name for file in (path / "one").iterdir()))
assert len(list((path / "one").glob("*.distcp"))) == 1
assert (path / "one" / ".metadata").exists()

# %%
# 3. Load with one process
# ~~~~~~~~~~~~~~~~~~~~~~~~
#
# :func:`torch.distributed.checkpoint.load` returns nothing. It fills the tensors of the
# dictionary that it is given, so it needs a model first: that is how it knows which
# keys, and later which parts of them, to read. Then the result goes to the model and
# the optimizer with :func:`~torch.distributed.checkpoint.state_dict.set_state_dict`.


def load_folder(name):
    model, optimizer = build()
    model_state, optim_state = get_state_dict(model, optimizer)
    state = {"model": model_state, "optim": optim_state}
    dcp.load(state, checkpoint_id=path / name)
    set_state_dict(
        model,
        optimizer,
        model_state_dict=state["model"],
        optim_state_dict=state["optim"],
    )
    return model, optimizer


restored, restored_optimizer = load_folder("one")

exact = {"rtol": 0, "atol": 0}
torch.testing.assert_close(restored.state_dict(), model.state_dict(), **exact)
for saved, loaded in zip(model.parameters(), restored.parameters()):
    for name, value in optimizer.state[saved].items():
        restored_value = restored_optimizer.state[loaded][name]
        torch.testing.assert_close(restored_value, value, **exact)

print("restored, per parameter:", list(optimizer.state[saved]))
assert list(optimizer.state[saved]) == ["step", "exp_avg", "exp_avg_sq"]

# %%
# .. warning::
#
#    Load only folders that you trust. DCP reads ``.metadata`` with :func:`pickle.load`,
#    without the restrictions of ``weights_only``, so that the file can run code.
#
# This file was not written by DCP, and the code that it brings prints a line.


class Surprise:
    def __reduce__(self):
        return print, ("this code came with the folder",)


strange = SimpleNamespace(storage_meta=SimpleNamespace(), surprise=Surprise())
(path / "strange").mkdir()
(path / "strange" / ".metadata").write_bytes(pickle.dumps(strange))

metadata = dcp.FileSystemReader(path / "strange").read_metadata()
print(f"{metadata.surprise = }, which is what print() returned")
assert metadata.surprise is None

# %%
# 4. Continue with two processes
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# This script runs in each of two processes, which talk to each other through the
# ``gloo`` backend. Every parameter is split by
# :func:`torch.distributed.fsdp.fully_shard`, so that each process holds a part. The
# loading is the same as above: DCP reads from the checkpoint what each process needs.
# Then each takes one training step on its half of the data, and both save together.
#
# When Python shuts down, threads of ``gloo`` may still hold tensors, which now and then
# ends the process with ``terminate called without an active exception``; see
# `pytorch#179291 <https://github.com/pytorch/pytorch/pull/179291>`__.
# So each process flushes what it printed and leaves at once, with ``os._exit``.

worker = """
import os
import sys
from collections import OrderedDict
from pathlib import Path

import torch
import torch.distributed as dist
import torch.distributed.checkpoint as dcp
import torch.nn as nn
import torch.nn.functional as F
from torch.distributed.checkpoint.state_dict import get_state_dict, set_state_dict
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard

path, rank = Path(sys.argv[1]), int(sys.argv[2])
meeting_point = (path / "rendezvous").as_uri()
dist.init_process_group("gloo", init_method=meeting_point, rank=rank, world_size=2)

layers = OrderedDict(body=nn.Linear(8, 16), relu=nn.ReLU(), head=nn.Linear(16, 5))
model = nn.Sequential(layers)
fully_shard(model, mesh=init_device_mesh("cpu", (2,)))
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)

model_state, optim_state = get_state_dict(model, optimizer)
state = {"model": model_state, "optim": optim_state}
dcp.load(state, checkpoint_id=path / "one")
set_state_dict(
    model,
    optimizer,
    model_state_dict=state["model"],
    optim_state_dict=state["optim"],
)

data = torch.load(path / "data.pt")
inputs, targets = data["inputs"][rank::2], data["targets"][rank::2]
F.cross_entropy(model(inputs), targets).backward()
optimizer.step()

model_state, optim_state = get_state_dict(model, optimizer)
state = {"model": model_state, "optim": optim_state}
dcp.save(state, checkpoint_id=path / "two")

for name, tensor in model_state.items():
    local = tuple(tensor.to_local().shape)
    print(f"process {rank} holds {local!s:<8} of {name} {tuple(tensor.shape)}")
dist.destroy_process_group()
sys.stdout.flush()
os._exit(0)
"""
(path / "worker.py").write_text(worker)
torch.save({"inputs": inputs, "targets": targets}, path / "data.pt")

# %%
# On a cluster, ``torchrun`` would start the processes. Here two subprocesses do, which
# find each other through a file. Each prints the shapes that it holds, about half of
# each tensor. The five rows of the head do not split evenly: three and two.

processes = [
    subprocess.Popen(
        [sys.executable, path / "worker.py", path, str(rank)],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    for rank in range(2)
]
try:
    outputs = [process.communicate(timeout=120) for process in processes]
finally:
    for process in processes:
        process.kill()
        process.wait()

for process, (stdout, stderr) in zip(processes, outputs):
    assert process.returncode == 0, stderr
    print(stdout, end="")

files = sorted(file.name for file in (path / "two").iterdir())
print(files)
assert files == [".metadata", "__0_0.distcp", "__1_0.distcp"]
assert "process 0 holds (3, 16)  of head.weight (5, 16)" in outputs[0][0]
assert "process 1 holds (2, 16)  of head.weight (5, 16)" in outputs[1][0]

# %%
# The file ``.metadata`` knows which rows are in which piece, of the model's tensors and
# of the optimizer's. The chart shows it for the model.

metadata = dcp.FileSystemReader(path / "two").read_metadata().state_dict_metadata
names = list(model.state_dict())
rows = {
    name: sorted((c.offsets[0], c.sizes[0]) for c in metadata[f"model.{name}"].chunks)
    for name in names
}

fig, ax = plt.subplots(figsize=(5, 2.5), layout="constrained")
for part, hatch in enumerate(["", "//"]):
    starts = [rows[name][part][0] for name in names]
    counts = [rows[name][part][1] for name in names]
    ax.barh(names, counts, left=starts, hatch=hatch, label=f"process {part}")
ax.set(xlabel="row of the tensor", xticks=range(0, 17, 4))
ax.invert_yaxis()
ax.legend(loc="lower right")
ax.set_title("Rows of each tensor that each process saved")
plt.show()

for name in names:
    print(f"{name:<12} (first row, number of rows): {rows[name]}")
assert rows["head.weight"] == [(0, 3), (3, 2)]
assert len(metadata["optim.state.head.weight.exp_avg"].chunks) == 2

# %%
# 5. Load what two processes saved
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# The function of step 3 needs no change to load this folder, although now one process
# needs all pieces: DCP *reshards* on loading. To check the result, the first model
# takes the same training step in this process, on all data. Both agree, up to rounding.

resharded, resharded_optimizer = load_folder("two")
train_step(model, optimizer, inputs, targets)

for name, tensor in resharded.state_dict().items():
    torch.testing.assert_close(tensor, model.state_dict()[name])
    print(f"{name:<12} {tuple(tensor.shape)!s:<8} agrees with training in one process")

steps = {int(entry["step"]) for entry in resharded_optimizer.state.values()}
print("steps counted by the optimizer:", steps)
assert steps == {4}
assert not torch.equal(resharded.body.weight, restored.body.weight)

# %%
# 6. Convert the folder to one file
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# One ordinary file for :func:`torch.load` is what
# :func:`~torch.distributed.checkpoint.format_utils.dcp_to_torch_save` writes. The whole
# model has to fit into the memory of the one process that runs it.

dcp_to_torch_save(path / "two", path / "model.pt")
checkpoint = torch.load(path / "model.pt")

print("model:", list(checkpoint["model"]))
print("optim:", list(checkpoint["optim"]["state"]))
torch.testing.assert_close(checkpoint["model"], dict(resharded.state_dict()), **exact)
assert list(checkpoint["optim"]["state"]) == list(checkpoint["model"])

# %%
# The model loads it as usual. The optimizer's part still has names for keys, and
# :func:`~torch.distributed.checkpoint.state_dict.set_optimizer_state_dict` puts it
# where it belongs.

final, final_optimizer = build()
final.load_state_dict(checkpoint["model"])
set_optimizer_state_dict(final, final_optimizer, checkpoint["optim"])

for loaded, expected in zip(final.parameters(), resharded.parameters()):
    torch.testing.assert_close(loaded, expected, **exact)
    for name, value in resharded_optimizer.state[expected].items():
        final_value = final_optimizer.state[loaded][name]
        torch.testing.assert_close(final_value, value, **exact)

print(f"{len(final_optimizer.state)} parameters with optimizer state restored")
assert len(final_optimizer.state) == 4

folder.cleanup()

# %%
# A sharded checkpoint is a folder of pieces and a list of what is where. One process or
# two can save it and load it, and each finds its part, for the model and the optimizer.
#
# Learn more
# ----------
#
# - :ref:`sphx_glr_recipes_training_matching_optimizer_state_to_parameters.py`
# - :ref:`sphx_glr_recipes_recipes_saving_and_loading_a_general_checkpoint.py`
# - :ref:`sphx_glr_recipes_troubleshooting_loading_safely_with_weights_only.py`
# - `pytorch#126047 <https://github.com/pytorch/pytorch/issues/126047>`__, on turning an
#   ordinary file into a sharded checkpoint
# - :func:`torch.distributed.checkpoint.save` and
#   :func:`torch.distributed.checkpoint.load` in the API documentation
