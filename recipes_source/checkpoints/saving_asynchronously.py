"""
How do I save a checkpoint without stopping training?
=====================================================

Write in the background with ``dcp.async_save``, which saves the state at the
moment of the call, whatever training does next.
"""

# sphinx_gallery_tags = ["saving", "distributed", "checkpoint", "memory"]
# sphinx_gallery_keywords = ["asynchronous", "background", "non-blocking", "async checkpoint", "thread", "GPU idle while saving", "slow torch.save"]
# sphinx_gallery_reading_order = 90

# %%

# sphinx_gallery_fold = "The model of this page, and a training step"
import io
import logging
import os
import socket
import tempfile
import threading
import warnings
from pathlib import Path

import torch
import torch.distributed as dist
import torch.distributed.checkpoint as dcp
import torch.nn as nn
from torch.distributed.checkpoint.state_dict import get_state_dict
from torch.distributed.fsdp import fully_shard
from torch.multiprocessing import start_processes

here = globals().get("here", os.getcwd())
folder = tempfile.TemporaryDirectory()
os.chdir(folder.name)
torch.set_num_threads(1)  # processes are forked, and threads would be lost
warnings.filterwarnings("ignore", message="torch.distributed is disabled")
warnings.filterwarnings("ignore", message="Detected an existing checkpoint")
logging.disable(logging.WARNING)


def build():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 5))
    return model, torch.optim.Adam(model.parameters(), lr=0.001)


def train_step(model, optimizer):
    for parameter in model.parameters():
        parameter.grad = parameter.detach().clone()  # in place of a loss
    optimizer.step()


def run(function, processes=2):
    """Call a function in new processes."""
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        port = str(probe.getsockname()[1])

    def work(rank):  # with the variables that torchrun sets
        os.environ |= {"RANK": str(rank), "WORLD_SIZE": str(processes)}
        os.environ |= {"MASTER_ADDR": "localhost", "MASTER_PORT": port}
        function()

    start_processes(work, nprocs=processes, start_method="fork")


model, optimizer = build()

# %%
# Short answer
# ------------
#
# ``async_save`` copies the state, returns, and a thread writes the copy. Wait
# for it before the next save, and at the end:

import torch.distributed.checkpoint as dcp
from torch.distributed.checkpoint.state_dict import get_state_dict

saving = None
for step in range(1, 301):
    train_step(model, optimizer)
    if step % 100 == 0:
        if saving is not None:
            saving.result()  # wait, and raise the error if it failed
        model_state, optim_state = get_state_dict(model, optimizer)
        state = {"model": model_state, "optim": optim_state}
        saving = dcp.async_save(state, checkpoint_id=f"step{step}")
metadata = saving.result()

# %%
# On GPUs, start with ``dist.init_process_group("cpu:gloo,cuda:nccl")``, because
# the thread talks to other processes over the CPU. Load with ``dcp.load``:
# :ref:`sphx_glr_recipes_checkpoints_sharding_with_distributed_checkpoint.py`.
#
# .. fold:: Who this is for
#
#    Each save stops your GPUs for a while, or you save in a thread of your own
#    and the files are sometimes wrong.
#
# .. fold:: Setup
#
#    Tried with PyTorch 2.13; ``async_save`` exists since 2.3::
#
#        pip install "torch>=2.13"

# %%
# Why it works
# ------------
#
# The call returns when all tensors have been copied to CPU memory, which has to
# hold that copy. A slow disk does not matter: here the writing waits until two
# hundred more steps are done. The folder has the state of step 100 all the
# same:

written = threading.Event()


class SlowWriter(dcp.FileSystemWriter):
    def write_data(self, plan, planner):
        written.wait()
        return super().write_data(plan, planner)


model, optimizer = build()
for step in range(1, 301):
    train_step(model, optimizer)
    if step == 100:
        at_call = model[0].weight.detach().clone()
        saving = dcp.async_save(
            {"model": model.state_dict()}, storage_writer=SlowWriter("slow")
        )
print("after 300 steps, saved:", saving.done())
written.set()
saving.result()

loaded = {"model": build()[0].state_dict()}
dcp.load(loaded, checkpoint_id="slow")
same = torch.equal(loaded["model"]["0.weight"], at_call)
print("the weights of step 100:", same)

assert same and not torch.equal(model[0].weight, at_call)
assert all(Path(f"step{step}/.metadata").exists() for step in (100, 200, 300))

# %%
# In several processes
# --------------------
#
# Each process copies and writes its own shards. Give the saves a process group
# of their own, so that the thread and the training never use one group at the
# same time, which can hang:


def main():
    dist.init_process_group("gloo")  # on GPUs: "cpu:gloo,cuda:nccl"
    group = dist.new_group(backend="gloo")
    model = fully_shard(build()[0])
    optimizer = torch.optim.Adam(model.parameters(), lr=0.001)
    saving = None
    for step in range(1, 31):
        train_step(model, optimizer)
        if step % 10 == 0:
            if saving is not None:
                saving.result()
            model_state, optim_state = get_state_dict(model, optimizer)
            state = {"model": model_state, "optim": optim_state, "step": step}
            saving = dcp.async_save(
                state, checkpoint_id=f"sharded{step}", process_group=group
            )
    saving.result()
    dist.destroy_process_group()


run(main)
model, optimizer = build()
for _ in range(20):
    train_step(model, optimizer)
loaded = {"model": build()[0].state_dict(), "step": 0}
dcp.load(loaded, checkpoint_id="sharded20")
print(*sorted(os.listdir("sharded20")), "step", loaded["step"])

assert len(os.listdir("sharded20")) == 3 and loaded["step"] == 20
torch.testing.assert_close(loaded["model"], dict(model.state_dict()))

# %%
# What goes wrong
# ---------------
#
# **A thread with torch.save.** A ``state_dict`` shares memory with the model,
# so the thread writes what the weights are when it comes to each tensor. With a
# file that makes a training step while it is written, the first layer is from
# before that step and the last one from after it. No model ever had these
# weights, and nothing reports it:


# sphinx_gallery_wrong = True
class FileDuringTraining(io.BytesIO):
    def write(self, data):
        if len(data) >= model[0].weight.nbytes and not self.trained:
            self.trained = True
            size = super().write(data)
            train_step(model, optimizer)  # as another thread could
            return size
        return super().write(data)


file = FileDuringTraining()
file.trained = False
before = [parameter.detach().clone() for parameter in model.parameters()]
torch.save(model.state_dict(), file)

saved = list(torch.load(io.BytesIO(file.getvalue())).values())
print("first layer as before:", torch.equal(saved[0], before[0]))
print("last layer as before: ", torch.equal(saved[-1], before[-1]))

assert torch.equal(saved[0], before[0])
assert torch.equal(saved[-1], model[2].bias)

# %%
# Save to memory first, and let the thread write the bytes. Tied weights, the
# optimizer and everything else stay as :func:`torch.save` has them:


def write(data):
    Path("model.tmp").write_bytes(data)
    os.replace("model.tmp", "model.pt")


buffer = io.BytesIO()
checkpoint = {"model": model.state_dict(), "optim": optimizer.state_dict()}
torch.save(checkpoint, buffer)
thread = threading.Thread(target=write, args=(buffer.getbuffer(),))
thread.start()
weight = model[0].weight.detach().clone()
train_step(model, optimizer)
thread.join()

saved = torch.load("model.pt", map_location="cpu")
same = torch.equal(saved["model"]["0.weight"], weight)
print("saved before the step:", same)

assert same and not torch.equal(model[0].weight, weight)
step = optimizer.state_dict()["state"][0]["step"]
assert saved["optim"]["state"][0]["step"] == step - 1

# %%
# **No one asks for the result.** A save that fails in the background says
# nothing until you call ``result()``, and then raises an exception with the
# error of each process:
#
# .. diagnosis:: A file is where one of the folders of the path should be.
#    :message: Not a directory: '{}'
#
#    saving = dcp.async_save(state, checkpoint_id="checkpoints/step400")

# sphinx_gallery_wrong = True
Path("full").touch()  # a file, where the folder should be
state = {"model": model.state_dict()}
saving = dcp.async_save(state, checkpoint_id="full/step400")
try:
    saving.result()
except dcp.CheckpointException as exception:  # "except Exception" misses it
    error, _ = exception.failures[0]  # of process 0
    print(f"{type(error).__name__}: {error}")

assert not issubclass(dcp.CheckpointException, Exception)

# %%
# **The program ends first.** Python waits for the thread when it ends by
# itself. ``os._exit``, SIGKILL or a time limit do not wait, and leave a folder
# without ``.metadata``, which nothing loads. Call ``result()`` before you
# exit, and delete an older checkpoint only after it returned:
#
# .. diagnosis:: The program ended before its last ``async_save`` was written.
#    :message: metadata is None; global metadata read failed
#
#    saving = dcp.async_save(state, checkpoint_id="step300")
#    saving.result()  # before the program ends


# sphinx_gallery_wrong = True
def exit_at_once():
    state = {"model": torch.ones(10_000_000)}
    dcp.async_save(state, checkpoint_id="unfinished", no_dist=True)
    os._exit(0)


run(exit_at_once, processes=1)
try:
    dcp.load({"model": torch.ones(10_000_000)}, checkpoint_id="unfinished")
except dcp.CheckpointException as exception:
    error, _ = exception.failures[0]
    print(f"{type(error).__name__}: {error}")

assert not Path("unfinished/.metadata").exists()

# %%
# **NCCL alone.** The thread needs a group that works on the CPU too,
# ``init_process_group("cpu:gloo,cuda:nccl")``. With a group for GPUs only,
# which this page makes without a GPU:
#
# .. diagnosis:: The process group works on GPUs only, and saving in the
#       background needs the CPU.
#    :message: A CPU backend must be enabled for async save
#
#    dist.init_process_group("cpu:gloo,cuda:nccl")


# sphinx_gallery_fold = "Save with a group that works on GPUs only"
def without_cpu():
    dist.init_process_group("cuda:gloo")
    try:
        dcp.async_save({"step": 1}, checkpoint_id="without_cpu")
    except AssertionError as error:
        Path("message").write_text(f"{type(error).__name__}: {error}")


run(without_cpu, processes=1)
print(Path("message").read_text())

assert (
    "A CPU backend must be enabled for async save"
    in Path("message").read_text()
)

# %%
# Variants
# --------
#
# **A process instead of a thread** leaves Python's interpreter lock to the
# training: ``async_checkpointer_type=AsyncCheckpointerType.PROCESS``, from
# ``torch.distributed.checkpoint.state_dict_saver``.
#
# **One file instead of a folder**, for :func:`torch.load`:
# :ref:`sphx_glr_recipes_checkpoints_converting_sharded_checkpoints.py`.

# sphinx_gallery_fold = "Leave the temporary folder"
logging.disable(logging.NOTSET)
os.chdir(here)
folder.cleanup()

# %%
# Learn more
# ----------
#
# - :ref:`sphx_glr_recipes_checkpoints_sharding_with_distributed_checkpoint.py`
# - :ref:`sphx_glr_recipes_training_keeping_the_best_weights.py`
# - :ref:`sphx_glr_recipes_training_saving_before_preemption.py`
# - `KempnerForge#104
#   <https://github.com/KempnerInstitute/KempnerForge/issues/104>`__ on a save
#   that hangs
# - :func:`torch.distributed.checkpoint.state_dict_saver.async_save`,
#   :func:`torch.distributed.checkpoint.state_dict.get_state_dict`
