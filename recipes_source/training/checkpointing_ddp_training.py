"""
Who saves and who loads a checkpoint with DDP?
==============================================

One process saves, every process loads, and nobody fills up GPU 0: the lines for
a DistributedDataParallel script, for ``torchrun`` on any number of processes.
"""

# sphinx_gallery_tags = ["distributed", "saving", "resuming", "checkpoint"]
# sphinx_gallery_keywords = ["DistributedDataParallel", "rank 0", "multi GPU", "torchrun", "GPU 0 out of memory", "hangs while saving", "NCCL timeout", "DistributedSampler", "ZeRO", "ZeroRedundancyOptimizer", "partition of the optimizer state"]
# sphinx_gallery_reading_order = 80

# %%

# sphinx_gallery_fold = "The model of this page, its training, and a function that starts processes"
import os
import shutil
import socket
import tempfile
from datetime import timedelta
from pathlib import Path

import torch
import torch.distributed as dist
import torch.nn as nn
import torch.nn.functional as F
from torch.distributed.optim import ZeroRedundancyOptimizer
from torch.multiprocessing import start_processes
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader, DistributedSampler, TensorDataset

here = globals().get("here", os.getcwd())
folder = tempfile.TemporaryDirectory()
os.chdir(folder.name)
torch.set_num_threads(1)  # processes are forked, and threads would be lost
exactly = {"rtol": 0, "atol": 0}


def build():
    model = nn.Sequential(
        nn.Linear(8, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 1)
    )
    ddp = DistributedDataParallel(model)
    return ddp, torch.optim.Adam(ddp.parameters(), lr=0.01)


def train_epoch(ddp, optimizer, loader):
    for inputs, targets in loader:
        optimizer.zero_grad()
        F.mse_loss(ddp(inputs), targets).backward()
        optimizer.step()


def build_zero():
    dist.init_process_group("gloo")
    ddp, _ = build()
    zero = ZeroRedundancyOptimizer(
        ddp.parameters(), optimizer_class=torch.optim.Adam, lr=0.01
    )
    return ddp, zero


def run(function, processes=2):
    """Call a function in new processes, and return what each returned."""
    if dist.is_initialized():
        dist.destroy_process_group()
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        port = str(probe.getsockname()[1])

    def work(rank):  # with the variables that torchrun sets
        os.environ |= {"RANK": str(rank), "WORLD_SIZE": str(processes)}
        os.environ |= {"MASTER_ADDR": "localhost", "MASTER_PORT": port}
        torch.save(function(), f"rank{rank}")

    start_processes(work, nprocs=processes, start_method="fork")
    return [torch.load(f"rank{rank}") for rank in range(processes)]


torch.manual_seed(0)
inputs = torch.randn(64, 8)
torch.save((inputs, inputs.sum(dim=1, keepdim=True)), "data.pt")
if not dist.is_initialized():  # this page is a group of one process
    dist.init_process_group(
        "gloo", init_method=f"file://{folder.name}/group", rank=0, world_size=1
    )
ddp, optimizer = build()
checkpoint = {"epoch": 0}

# %%
# Short answer
# ------------
#
# Every process loads the file onto the CPU. Rank 0 saves, and the others wait
# for it:

import os

import torch
import torch.distributed as dist

if os.path.exists("checkpoint.pt"):
    checkpoint = torch.load("checkpoint.pt", map_location="cpu")
    ddp.module.load_state_dict(checkpoint["model"])
    optimizer.load_state_dict(checkpoint["optimizer"])

if dist.get_rank() == 0:
    checkpoint["model"] = ddp.module.state_dict()
    checkpoint["optimizer"] = optimizer.state_dict()
    torch.save(checkpoint, "checkpoint.pt")
dist.barrier()  # outside of the if: every process calls it

# %%
# ``ddp.module`` is your own model, so the keys have no ``module.`` prefix, and
# the file loads with or without DDP, in any number of processes.
#
# .. fold:: Who this is for
#
#    You train with :class:`torch.nn.parallel.DistributedDataParallel`, and
#    resuming takes memory on the wrong GPU, hangs, or starts the epoch with the
#    same batches again.
#
# .. fold:: Setup
#
#    Tried with PyTorch 2.13; this page needs no GPU::
#
#        pip install "torch>=2.6"

# %%
# In a training script
# --------------------
#
# ``save`` and ``load`` are the short answer as functions. Each process runs
# ``main``, as with ``torchrun --nproc-per-node=2 train.py``:


# sphinx_gallery_fold = "The functions ``save`` and ``load``"
def save(path, ddp, optimizer, epoch):
    if dist.get_rank() == 0:
        checkpoint = {
            "model": ddp.module.state_dict(),
            "optimizer": optimizer.state_dict(),
            "epoch": epoch,
        }
        torch.save(checkpoint, f"{path}.tmp")
        os.replace(f"{path}.tmp", path)
    dist.barrier()


def load(path, ddp, optimizer):
    if not os.path.exists(path):
        return 0
    checkpoint = torch.load(path, map_location="cpu")
    ddp.module.load_state_dict(checkpoint["model"])
    optimizer.load_state_dict(checkpoint["optimizer"])
    return checkpoint["epoch"]


# %%


def main():
    # On GPUs: torch.cuda.set_device(int(os.environ["LOCAL_RANK"])) first.
    dist.init_process_group("gloo")  # on GPUs: "nccl"
    dataset = TensorDataset(*torch.load("data.pt"))
    sampler = DistributedSampler(dataset)
    loader = DataLoader(dataset, batch_size=8, sampler=sampler)
    ddp, optimizer = build()
    for epoch in range(load("run.pt", ddp, optimizer), 4):
        sampler.set_epoch(epoch)
        train_epoch(ddp, optimizer, loader)
        save("run.pt", ddp, optimizer, epoch + 1)
        save(f"epoch{epoch + 1}.pt", ddp, optimizer, epoch + 1)


assert list(checkpoint["model"]) == list(ddp.module.state_dict())
assert list(checkpoint["model"])[0] == "0.weight"

# %%
# One run trains four epochs. Another starts from the file of the second epoch
# and ends with exactly the same weights and optimizer state:

run(main)
straight = torch.load("run.pt", map_location="cpu")

shutil.copy("epoch2.pt", "run.pt")
run(main)
resumed = torch.load("run.pt", map_location="cpu")
print("epoch", resumed["epoch"], *list(resumed["model"])[:2])

os.remove("run.pt")
assert resumed["epoch"] == straight["epoch"] == 4
torch.testing.assert_close(resumed["model"], straight["model"], **exactly)
torch.testing.assert_close(
    resumed["optimizer"]["state"], straight["optimizer"]["state"], **exactly
)
assert load("epoch4.pt", ddp, optimizer) == 4
assert load("not_there.pt", ddp, optimizer) == 0
assert torch.equal(ddp.module[0].weight, straight["model"]["0.weight"])

# %%
# Why is GPU 0 full?
# ------------------
#
# A file remembers the device of each tensor, which for rank 0 is ``cuda:0``.
# Without ``map_location``, *every* process loads onto that GPU, next to rank 0.
# ``nvidia-smi`` shows all processes on GPU 0, each with some hundred MB for its
# CUDA context alone. This message is quoted, since this page has no GPU:
#
# .. code-block:: text
#
#     torch.OutOfMemoryError: CUDA out of memory. Tried to allocate
#     20.00 MiB. GPU 0 has a total capacity of 23.49 GiB of which
#     16.19 MiB is free.
#
# With ``map_location="cpu"``, ``load_state_dict`` copies each tensor to the
# device of its parameter. Also call ``torch.cuda.set_device`` before anything
# else, or ``"cuda"`` means GPU 0 in every process. If the copies in CPU memory
# are too many, add ``mmap=True``:
# :ref:`sphx_glr_recipes_recipes_module_load_state_dict_tips.py`.
#
# .. diagnosis:: If this is a resumed run on several GPUs, every process has
#       loaded the file onto GPU 0.
#    :message: CUDA out of memory
#    :traceback: torch/serialization.py
#                torch.load(
#    :fix: why-is-gpu-0-full
#
#    torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
#    checkpoint = torch.load("checkpoint.pt", map_location="cpu")

# %%
# What goes wrong
# ---------------
#
# **Only rank 0 loads.** DDP copies rank 0's weights to the others once, in its
# constructor. After that it only averages gradients, so the processes train
# different models, without an error:


# sphinx_gallery_wrong = True
def only_rank_0_loads():
    dist.init_process_group("gloo")
    ddp, optimizer = build()
    if dist.get_rank() == 0:
        load("epoch4.pt", ddp, optimizer)
    return ddp.module[0].weight.tolist()


weights = run(only_rank_0_loads)
print("same weights in both processes:", weights[0] == weights[1])

assert weights[0] == straight["model"]["0.weight"].tolist() != weights[1]

# %%
# **A step that only rank 0 takes.** Below ``if rank == 0``, ``dist.barrier()``
# or a forward pass through DDP waits for processes that do something else. With
# gloo, this is the message after half an hour, here after two seconds:
#
# .. diagnosis:: One process waits for the others in a step that they do not
#       take, often one below ``if rank == 0``.
#    :message: Timed out waiting {}ms for {} operation to complete
#              Watchdog caught collective operation timeout
#    :traceback: save(
#                checkpoint
#                state_dict
#    :fix: what-goes-wrong
#
#    if dist.get_rank() == 0:
#        torch.save(checkpoint, "checkpoint.pt")
#    dist.barrier()  # outside of the if


# sphinx_gallery_wrong = True
def barrier_on_one_rank():
    dist.init_process_group("gloo")
    group = dist.new_group(timeout=timedelta(seconds=2))
    message = None
    if dist.get_rank() == 0:
        try:
            dist.barrier(group)
        except RuntimeError as error:
            reason = str(error).rpartition("] ")[2]  # without gloo's own line
            message = f"{type(error).__name__}: [...] {reason}"
    dist.barrier()
    return message


message, _ = run(barrier_on_one_rank)
print(message)

assert "Timed out waiting 2000ms" in message

# %%
# With NCCL, all processes stop after ten minutes. Quoted, not run here:
#
# .. code-block:: text
#
#     [Rank 1] Watchdog caught collective operation timeout:
#     WorkNCCL(SeqNum=1580, OpType=ALLREDUCE, ..., Timeout(ms)=600000)
#     ran for 600004 milliseconds before timing out.
#
# A save that takes longer than that ends the same way, since the others wait in
# the barrier. Give them more time:
# ``dist.init_process_group("nccl", timeout=timedelta(hours=1))``.
#
# **Everybody saves.** The processes write to the same file at the same time.
# With a temporary file, the first one renames it, and the next finds none:
#
# .. diagnosis:: Several processes save to one file, and another one has renamed
#       it already.
#    :message: No such file or directory: '{}' -> '{}'
#
#    if dist.get_rank() == 0:
#        os.replace("checkpoint.tmp", "checkpoint.pt")
#    dist.barrier()


# sphinx_gallery_wrong = True
def everybody_saves():
    dist.init_process_group("gloo")
    torch.save({"rank": dist.get_rank()}, "all.pt.tmp")
    dist.barrier()
    try:
        os.replace("all.pt.tmp", "all.pt")
    except FileNotFoundError as error:
        return f"{type(error).__name__}: {error}"


(message,) = filter(None, run(everybody_saves))
print(message)

assert message.startswith("FileNotFoundError: ")

# %%
# **No** ``set_epoch``. The sampler shuffles by its seed and the epoch that you
# tell it. A resumed run that does not repeats the order of the first epoch:

# sphinx_gallery_wrong = True
sampler = DistributedSampler(range(12), num_replicas=2, rank=0)
print("as resumed:  ", list(sampler))
sampler.set_epoch(2)
print("set_epoch(2):", list(sampler))

order = list(sampler)
sampler.set_epoch(0)
assert list(sampler) != order
assert list(sampler) == list(DistributedSampler(range(12), 2, 0))

# %%
# Variants
# --------
#
# **ZeroRedundancyOptimizer** keeps a part of the optimizer's state in each
# process. *Every* process calls ``consolidate_state_dict`` before each save,
# and rank 0 saves the whole state. Without that call:
#
# .. diagnosis:: A ZeroRedundancyOptimizer has only a part of its state in this
#       process.
#    :fix: variants
#
#    optimizer.consolidate_state_dict(to=0)  # in every process
#    if dist.get_rank() == 0:
#        torch.save(optimizer.state_dict(), "optimizer.pt")


def save_zero():
    ddp, zero = build_zero()
    data = torch.load("data.pt")
    train_epoch(ddp, zero, 3 * [data])
    try:
        zero.state_dict()
    except RuntimeError as error:
        message = f"{type(error).__name__}: {error}"

    zero.consolidate_state_dict(to=0)
    save("zero.pt", ddp, zero, 3)
    train_epoch(ddp, zero, [data])
    save("stale.pt", ddp, zero, 4)  # not consolidated again
    return message


message, _ = run(save_zero)
print(message)

assert "has not been consolidated on this rank" in message

# %%
# The old partition is not in the file: it loads in three processes or in one,
# and into a plain Adam. (In 2021 it did not: `pytorch#65650
# <https://github.com/pytorch/pytorch/issues/65650>`__.) Consolidate before
# *each* save: ``stale.pt`` has step 4 for the parameters of rank 0, and step 3
# for all others.


# sphinx_gallery_fold = "Load it in one process, in three, and into Adam"
def load_zero():
    ddp, zero = build_zero()
    load("zero.pt", ddp, zero)
    zero.consolidate_state_dict(to=0)
    if dist.get_rank() == 0:
        return zero.state_dict()["state"]


zero = torch.load("zero.pt", map_location="cpu")["optimizer"]["state"]
load("zero.pt", ddp, optimizer)
stale = torch.load("stale.pt", map_location="cpu")["optimizer"]["state"]
print(*(int(entry["step"]) for entry in stale.values()))

torch.testing.assert_close(optimizer.state_dict()["state"], zero, **exactly)
for processes in (1, 3):
    torch.testing.assert_close(run(load_zero, processes)[0], zero, **exactly)
assert {int(entry["step"]) for entry in stale.values()} == {3, 4}

# %%
# **Random numbers** differ in each process. To resume bit for bit, gather each
# process's state to rank 0 with :func:`torch.distributed.gather_object`, and
# see :ref:`sphx_glr_recipes_training_resuming_bit_exactly.py`.
#
# **FSDP** shards the weights too, so saving is a step of all processes:
# :ref:`sphx_glr_recipes_checkpoints_sharding_with_distributed_checkpoint.py`.

# sphinx_gallery_fold = "Leave the temporary folder"
if dist.is_initialized():
    dist.destroy_process_group()
os.chdir(here)
folder.cleanup()

# %%
# Learn more
# ----------
#
# - :ref:`sphx_glr_recipes_troubleshooting_removing_wrapper_prefixes.py`
# - :ref:`sphx_glr_recipes_recipes_save_load_across_devices.py`
# - :ref:`sphx_glr_recipes_troubleshooting_surviving_truncated_checkpoints.py`
# - `pytorch#23138 <https://github.com/pytorch/pytorch/issues/23138>`__ on the
#   processes on GPU 0, `torchtune#2093
#   <https://github.com/meta-pytorch/torchtune/issues/2093>`__ on the timeout
# - :class:`torch.nn.parallel.DistributedDataParallel`,
#   :class:`torch.utils.data.distributed.DistributedSampler`,
#   :class:`torch.distributed.optim.ZeroRedundancyOptimizer`
