"""
How do I resume on more or fewer GPUs?
======================================

Save a sharded checkpoint with ``torch.distributed.checkpoint`` (DCP), and load
it in any number of processes.
"""

# sphinx_gallery_tags = ["distributed", "saving", "checkpoint", "optimizer"]
# sphinx_gallery_keywords = ["FSDP", "FSDP2", "multiple GPUs", "several processes", "ranks", "world size", "reshard", "Missing key in checkpoint state_dict"]
# sphinx_gallery_reading_order = 60

# %%

# sphinx_gallery_fold = "The model of this page, trained for an epoch, and its data"
import inspect
import os
import shutil
import subprocess
import sys
import tempfile
import warnings
from collections import OrderedDict
from pathlib import Path

import torch
import torch.distributed as dist
import torch.nn as nn
import torch.nn.functional as F
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard

here = globals().get("here", os.getcwd())
folder = tempfile.TemporaryDirectory()
os.chdir(folder.name)
warnings.filterwarnings("ignore", message="torch.distributed is disabled")
warnings.filterwarnings("ignore", message="Detected an existing checkpoint")
exactly = {"rtol": 0, "atol": 0}


def build(mesh=None):
    model = nn.Sequential(
        OrderedDict(
            body=nn.Linear(8, 16), relu=nn.ReLU(), head=nn.Linear(16, 5)
        )
    )
    # Shard each layer, then what is left, before you build the optimizer.
    if mesh is not None:
        fully_shard(model.body, mesh=mesh)
        fully_shard(model.head, mesh=mesh)
        fully_shard(model, mesh=mesh)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=2)
    return model, optimizer, scheduler


def train_epoch(model, optimizer, scheduler, rank=0, world_size=1):
    data = torch.load("data.pt")
    inputs = data["inputs"][rank::world_size]
    targets = data["targets"][rank::world_size]
    optimizer.zero_grad()
    F.cross_entropy(model(inputs), targets).backward()
    optimizer.step()
    scheduler.step()


torch.manual_seed(0)
torch.save(
    {"inputs": torch.randn(64, 8), "targets": torch.randint(5, (64,))},
    "data.pt",
)
model, optimizer, scheduler = build()
train_epoch(model, optimizer, scheduler)

# %%
# Short answer
# ------------
#
# In every process, get the state, keyed by name, and ``save`` it. To resume,
# get a new model's state, ``load`` the checkpoint into it, and set it on the
# model:

import torch.distributed.checkpoint as dcp
from torch.distributed.checkpoint.state_dict import (
    get_state_dict,
    set_state_dict,
)

model_state, optim_state = get_state_dict(model, optimizer)
state = {"model": model_state, "optim": optim_state}
dcp.save(state, checkpoint_id="checkpoint")

dcp.load(state, checkpoint_id="checkpoint")
set_state_dict(
    model, optimizer, model_state_dict=model_state, optim_state_dict=optim_state
)

# %%
# The code is the same in one process and in many, whether the model is plain,
# compiled, or sharded with ``fully_shard``.
#
# .. fold:: Who this is for
#
#    You train with FSDP or ``fully_shard`` and resume on more or fewer GPUs.
#
# .. fold:: Setup
#
#    Tried with PyTorch 2.13. ``fully_shard`` exists in 2.6 too, but fails on a
#    CPU there::
#
#        pip install "torch>=2.13"

# %%
# In a training script
# --------------------
#
# Every process runs ``main``. ``build``, folded above, calls
# :func:`~torch.distributed.fsdp.fully_shard` on each layer, then on the model,
# before the optimizer gets the parameters. ``dcp.load`` returns nothing: it
# fills tensors in place, replaces other values, and calls ``load_state_dict``
# on what has it, such as the scheduler.


def snapshot(model, optimizer, scheduler, epoch=0):
    model_state, optim_state = get_state_dict(model, optimizer)
    state = {"model": model_state, "optim": optim_state}
    return state | {"scheduler": scheduler, "epoch": epoch}


def resume(checkpoint, model, optimizer, scheduler):
    state = snapshot(model, optimizer, scheduler)
    dcp.load(state, checkpoint_id=checkpoint)
    set_state_dict(
        model,
        optimizer,
        model_state_dict=state["model"],
        optim_state_dict=state["optim"],
    )
    return state["epoch"]


def main():
    dist.init_process_group("gloo")  # on GPUs: "nccl", and "cuda" for "cpu"
    mesh = init_device_mesh("cpu", (dist.get_world_size(),))
    training = build(mesh)
    first = resume("checkpoints/epoch1", *training) + 1
    for epoch in range(first, 4):
        train_epoch(*training, dist.get_rank(), dist.get_world_size())
        state = snapshot(*training, epoch)
        dcp.save(state, checkpoint_id=f"checkpoints/epoch{epoch}")
    dist.destroy_process_group()


assert state["model"] is model_state and state["optim"] is optim_state

# %%
# One process saves the first epoch and gets a warning. Then two processes train
# the next two epochs, on half the data each:
# ``torchrun --nproc-per-node=2 worker.py``.
#
# .. diagnosis:: No process group is there, so this process saves alone.
#    :message: torch.distributed is disabled, unavailable or uninitialized
#              torch.distributed is unavailable or uninitialized, assuming
#    :fix: in-a-training-script
#
#    dist.init_process_group("gloo")  # or start with torchrun

# sphinx_gallery_fold = "Write the functions to worker.py and start it"
imports = """
import os
from collections import OrderedDict

import torch
import torch.distributed as dist
import torch.distributed.checkpoint as dcp
import torch.nn as nn
import torch.nn.functional as F
from torch.distributed.checkpoint.state_dict import (
    get_state_dict,
    set_state_dict,
)
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
"""
functions = map(inspect.getsource, [build, train_epoch, snapshot, resume, main])
# gloo's threads can abort a process that is done, see pytorch#179291.
ending = "main()\nos._exit(0)\n"
Path("worker.py").write_text("\n\n".join([imports, *functions, ending]))

state = snapshot(model, optimizer, scheduler, epoch=1)
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    dcp.save(state, checkpoint_id="checkpoints/epoch1")
for warning in caught[:1]:
    print(f"{warning.category.__name__}: {warning.message}")
command = "-m torch.distributed.run --standalone --nproc-per-node=2 worker.py"
worker = subprocess.run(
    [sys.executable, *command.split()],
    env={**os.environ, "OMP_NUM_THREADS": "1", "TMPDIR": folder.name},
    capture_output=True,
    text=True,
)

assert worker.returncode == 0, worker.stderr

# %%
# Each process wrote one file, and ``.metadata`` says which piece is where. Back
# in one process, the same ``resume`` puts the pieces together. The result
# matches one process that trains both epochs itself, on all the data:

resumed, alone = build(), build()
epoch = resume("checkpoints/epoch3", *resumed)
resume("checkpoints/epoch1", *alone)
for _ in range(2):
    train_epoch(*alone)

print(*sorted(os.listdir("checkpoints/epoch3")))
print("epoch", epoch, "learning rate", resumed[2].get_last_lr()[0])

assert len(list(Path("checkpoints/epoch3").glob("*.distcp"))) == 2
torch.testing.assert_close(resumed[0].state_dict(), alone[0].state_dict())
assert resumed[2].state_dict() == alone[2].state_dict()
for left, right in zip(resumed[0].parameters(), alone[0].parameters()):
    torch.testing.assert_close(resumed[1].state[left], alone[1].state[right])
for entry in resumed[1].state.values():
    assert entry["step"] == epoch == 3

# %%
# **A class of your own** can do what ``snapshot`` and ``resume`` do. DCP saves
# and loads any object with ``state_dict`` and ``load_state_dict``, the
# :class:`~torch.distributed.checkpoint.stateful.Stateful` protocol.


# sphinx_gallery_fold = "TrainState, a class for model and optimizer"
class TrainState:
    def __init__(self, model, optimizer):
        self.model, self.optimizer = model, optimizer

    def state_dict(self):
        model_state, optim_state = get_state_dict(self.model, self.optimizer)
        return {"model": model_state, "optim": optim_state}

    def load_state_dict(self, state):
        set_state_dict(
            self.model,
            self.optimizer,
            model_state_dict=state["model"],
            optim_state_dict=state["optim"],
        )


other = build()
dcp.save({"train": TrainState(*alone[:2])}, checkpoint_id="stateful")
dcp.load({"train": TrainState(*other[:2])}, checkpoint_id="stateful")

torch.testing.assert_close(
    other[0].state_dict(), alone[0].state_dict(), **exactly
)

# %%
# What goes wrong
# ---------------
#
# **Missing key.** DCP looks in the folder for every key that you pass. This
# folder holds the ``state_dict`` of a compiled model, whose names differ:
#
# .. diagnosis:: The folder has no entry of that name; a compiled or wrapped
#       model saves other names.
#    :message: Missing key in checkpoint state_dict: {key}.
#    :fix: what-goes-wrong
#
#    metadata = dcp.FileSystemReader(folder).read_metadata()
#    print(list(metadata.state_dict_metadata))
#
# .. diagnosis:: The folder has a tensor of another shape under this name.
#    :message: Size mismatch between saved {} and current: {} for {key}
#    :fix: what-goes-wrong
#
#    metadata = dcp.FileSystemReader(folder).read_metadata()
#    print(metadata.state_dict_metadata["{key}"])
#
# .. diagnosis:: ``get_model_state_dict`` got a model without parameters to
#       save.
#    :message: The option indicates that model state_dict is required
#    :fix: in-a-training-script
#
#    print(list(model.state_dict()))
#
# .. diagnosis:: DCP saves into a folder, and needs its path.
#    :message: `checkpoint_id` must be specified if storage_reader
#              Cannot detect which StorageReader or StorageWriter
#
#    dcp.save(state_dict, checkpoint_id="checkpoint")
#
# .. diagnosis:: The folder has a checkpoint already.
#    :message: Detected an existing checkpoint in {folder}, overwriting
#              Checkpoint already exists and self.overwrite=
#
#    dcp.save(state_dict, checkpoint_id=f"checkpoint_{epoch}")
#
# .. diagnosis:: The entry is a tensor here and something else in the folder, or
#       the reverse.
#    :message: Unsupported Type, expecting one of [Tensor, DTensor
#              expected BytesStorageMetadata but found
#    :fix: what-goes-wrong
#
#    metadata = dcp.FileSystemReader(folder).read_metadata()
#    print(metadata.state_dict_metadata)
#
# .. diagnosis:: The processes pass different keys, and DCP needs all keys in
#       all of them.
#    :message: Key(s) present in other ranks but not this one
#    :fix: in-a-training-script
#
#    print(dist.get_rank(), list(state_dict))
#
# .. diagnosis:: These options belong together: one process has the whole file.
#    :message: full_state_dict must be True when broadcast_from_rank0
#    :fix: in-a-training-script
#
#    options = StateDictOptions(full_state_dict=True, broadcast_from_rank0=True)
#
# .. diagnosis:: A nested entry and a flat one get the same name, since DCP
#       joins names with dots.
#    :message: duplicated flatten key {key}
#    :fix: what-goes-wrong
#
#    state_dict["other"] = state_dict.pop("{key}")

compiled = torch.compile(model, backend="eager")
dcp.save({"model": compiled.state_dict()}, checkpoint_id="compiled")
metadata = dcp.FileSystemReader("compiled").read_metadata()
print("The folder has", list(metadata.state_dict_metadata)[0])
try:
    dcp.load({"model": model.state_dict()}, checkpoint_id="compiled")
except dcp.CheckpointException as exception:  # "except Exception" misses it
    error, _ = exception.failures[0]  # of process 0
    print(f"{type(error).__name__}: {error}")

assert not issubclass(dcp.CheckpointException, Exception)

# %%
# Ask for the names in the folder. To save plain names, use ``get_state_dict``.

rescued = build()[0]
named = {f"_orig_mod.{k}": v for k, v in rescued.state_dict().items()}
dcp.load({"model": named}, checkpoint_id="compiled")

torch.testing.assert_close(rescued.state_dict(), model.state_dict(), **exactly)
assert list(get_state_dict(compiled, optimizer)[0]) == list(model.state_dict())

# %%
# **Loading into the optimizer itself.** It has no state before its first step,
# so it asks for nothing and gets nothing, without an error:

# sphinx_gallery_wrong = True
dcp.save({"optim": optimizer}, checkpoint_id="numbered")
fresh = build()[1]
dcp.load({"optim": fresh}, checkpoint_id="numbered")
print(fresh.state_dict()["state"])

assert fresh.state_dict()["state"] == {} != optimizer.state_dict()["state"]

# %%
# ``get_state_dict`` fills a new Adam by a step with zero gradients and learning
# rate zero. No weight changes, but if you train on, that step counts:

fresh_model, fresh, _ = build()
bias = fresh_model.head.bias.detach().clone()
_, optim_state = get_state_dict(fresh_model, fresh)
print(optim_state["state"]["head.bias"]["step"])

assert torch.equal(fresh_model.head.bias, bias)
assert optim_state["state"]["head.bias"]["step"] == 1
assert not optim_state["state"]["head.bias"]["exp_avg"].any()

# %%
# **One folder for all saves.** Files are replaced one by one, so a job that is
# killed in between leaves pieces of two epochs, which load without an error. A
# save with fewer processes leaves files of the old one behind.

# sphinx_gallery_wrong = True
shutil.copytree("checkpoints/epoch2", "latest", dirs_exist_ok=True)
shutil.copy("checkpoints/epoch3/__1_0.distcp", "latest")  # killed here
mixed = {"model.head.bias": torch.zeros(5)}
dcp.load(mixed, checkpoint_id="latest")
same = mixed["model.head.bias"] == resumed[0].head.bias
print("as in epoch 3:", same)

dcp.save({"model": model.state_dict()}, checkpoint_id="latest")
print("saved by one process:", *sorted(os.listdir("latest")))

assert same[3:].all() and not same[:3].any()
assert len(list(Path("latest").glob("*.distcp"))) == 2
assert "pickle.load(" in inspect.getsource(dcp.FileSystemReader.read_metadata)

# %%
# **A folder from a stranger.** ``.metadata`` is read with :func:`pickle.load`,
# which runs any code that the file contains; see
# :ref:`sphx_glr_recipes_troubleshooting_loading_safely_with_weights_only.py`.

# %%
# **One file** instead of the folder, and back:
# :ref:`sphx_glr_recipes_checkpoints_converting_sharded_checkpoints.py`.
#
# **In the background**:
# :ref:`sphx_glr_recipes_checkpoints_saving_asynchronously.py`.

# sphinx_gallery_fold = "Leave the temporary folder"
os.chdir(here)
folder.cleanup()

# %%
# Learn more
# ----------
#
# - :ref:`sphx_glr_recipes_checkpoints_saving_and_loading_fsdp_models.py`
# - :ref:`sphx_glr_recipes_training_matching_optimizer_state_to_parameters.py`
# - :ref:`sphx_glr_recipes_troubleshooting_removing_wrapper_prefixes.py`
# - `torchtitan#961 <https://github.com/pytorch/torchtitan/issues/961>`__ on the
#   missing key of a compiled model
# - :mod:`torch.distributed.checkpoint`,
#   :func:`torch.distributed.fsdp.fully_shard`
