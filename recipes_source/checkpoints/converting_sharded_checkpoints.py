"""
How do I turn ``.distcp`` files into one file, and back?
========================================================

Convert a sharded checkpoint to an ordinary ``.pt`` file, whole or only the
weights, and back, with what gets lost on the way.
"""

# sphinx_gallery_tags = ["distributed", "loading", "saving", "checkpoint", "errors"]
# sphinx_gallery_keywords = ["distcp", "DCP", "merge shards", "consolidate", "dcp_to_torch", "torch_to_dcp", "format_utils", "unshard", "pytorch_model_fsdp_0", "merge-weights", "convert to a single file", "single .bin file", "consolidate a sharded checkpoint"]
# sphinx_gallery_reading_order = 80

# %%

# sphinx_gallery_fold = "A model that two processes train and save to the folder ``checkpoint``"
import inspect
import logging
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import warnings
from collections import OrderedDict
from pathlib import Path

import torch
import torch.distributed as dist
import torch.distributed.checkpoint as dcp
import torch.nn as nn
from torch.distributed.checkpoint import state_dict as dcs
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
    layers = OrderedDict(body=nn.Linear(8, 6), head=nn.Linear(6, 5))
    return nn.Sequential(layers)


def save_sharded():
    dist.init_process_group("gloo")
    model = fully_shard(build())
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    model(torch.ones(4, 8)).square().mean().backward()
    optimizer.step()
    model_state, optim_state = dcs.get_state_dict(model, optimizer)
    state = {"model": model_state, "optim": optim_state, "epoch": 3}
    dcp.save(state, checkpoint_id="checkpoint")


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


torch.manual_seed(0)
run(save_sharded)

# %%
# Short answer
# ------------
#
# Pass the *folder* of the ``.distcp`` files. One process without a GPU does it,
# with memory for the whole checkpoint:

from torch.distributed.checkpoint import format_utils

format_utils.dcp_to_torch_save("checkpoint", "checkpoint.pt")

format_utils.torch_save_to_dcp("checkpoint.pt", "converted")

# %%
# Or on the command line::
#
#     python -m torch.distributed.checkpoint.format_utils \
#         dcp_to_torch checkpoint checkpoint.pt
#     python -m torch.distributed.checkpoint.format_utils \
#         torch_to_dcp checkpoint.pt converted
#
# .. fold:: Who this is for
#
#    Training with FSDP, torchtitan or Accelerate left a folder with
#    ``__0_0.distcp``, ``__1_0.distcp`` and ``.metadata``, and you need a file
#    for :func:`torch.load`; or the other way around.
#
# .. fold:: Setup
#
#    Tried with PyTorch 2.13. The command does nothing in 2.3::
#
#        pip install "torch>=2.13"

# %%
# What is in the file
# -------------------
#
# The same nested dictionary that was saved, with whole tensors. ``.metadata``
# says which rows are in which file:

checkpoint = torch.load("checkpoint.pt", map_location="cpu")
print(*sorted(os.listdir("checkpoint")))
print(*checkpoint, *checkpoint["model"])

model = build()
optimizer = torch.optim.Adam(model.parameters())
model.load_state_dict(checkpoint["model"])
dcs.set_optimizer_state_dict(model, optimizer, checkpoint["optim"])

assert list(checkpoint) == ["model", "optim", "epoch"]
assert checkpoint["epoch"] == 3 and len(os.listdir("checkpoint")) == 3
assert optimizer.state[model.head.weight]["step"] == 1
assert optimizer.param_groups[0]["lr"] == 0.01

# %%
# The way back gives a folder that loads into a model of any number of
# processes, as in
# :ref:`sphx_glr_recipes_checkpoints_sharding_with_distributed_checkpoint.py`.
# It is one large file, since one process wrote it:


def load_sharded():
    dist.init_process_group("gloo")
    model = fully_shard(build())
    state = {"model": dcs.get_model_state_dict(model)}
    dcp.load(state, checkpoint_id="converted")
    dcs.set_model_state_dict(model, state["model"])
    options = dcs.StateDictOptions(full_state_dict=True, cpu_offload=True)
    weights = dcs.get_model_state_dict(model, options=options)
    if dist.get_rank() == 0:
        torch.save(weights, "again.pt")


run(load_sharded)
print(*sorted(os.listdir("converted")))

torch.testing.assert_close(torch.load("again.pt"), checkpoint["model"])

# %%
# Only the weights
# ----------------
#
# Optimizer state takes twice the memory of the weights. Ask ``.metadata`` for
# the shapes, make room for the entries that you need, and load those. The
# result can go into a safetensors file too:

metadata = dcp.FileSystemReader("checkpoint").read_metadata()
weights = {
    key: torch.empty(entry.size, dtype=entry.properties.dtype)
    for key, entry in metadata.state_dict_metadata.items()
    if key.startswith("model.")
}
dcp.load(weights, checkpoint_id="checkpoint")

weights = {key.removeprefix("model."): weights[key] for key in weights}
model.load_state_dict(weights)

torch.testing.assert_close(weights, checkpoint["model"])

# %%
# Print ``metadata.state_dict_metadata`` to see what a stranger's folder has.
#
# What goes wrong
# ---------------
#
# ``torch.load`` reads neither the folder nor one of its files. The file is not
# corrupt, whatever the message says:
#
# .. diagnosis:: The path is a folder, perhaps of a sharded checkpoint, and
#       ``torch.load`` reads a file.
#    :message: IsADirectoryError: [Errno 21] Is a directory
#
#    from torch.distributed.checkpoint import format_utils
#    format_utils.dcp_to_torch_save("checkpoint", "checkpoint.pt")
#
# .. diagnosis:: If this is a ``.distcp`` file, it is one part of a sharded
#       checkpoint: convert its folder. Any other file is damaged.
#    :message: invalid header or archive is corrupted
#
#    from torch.distributed.checkpoint import format_utils
#    format_utils.dcp_to_torch_save("checkpoint", "checkpoint.pt")

# sphinx_gallery_wrong = True
for path in ("checkpoint", "checkpoint/__0_0.distcp"):
    try:
        torch.load(path)
    except (IsADirectoryError, RuntimeError) as error:
        print(f"{type(error).__name__}: {error}")

# %%
# **Nothing happens.** The command ends with exit code 0 if there is no such
# folder, or if you pass it a file:
#
# .. diagnosis:: There is no folder at this path (or no file, for
#       ``torch_to_dcp``).
#    :message: No checkpoint found at {}. Skipping conversion.
#    :fix: what-goes-wrong
#
#    python -m torch.distributed.checkpoint.format_utils \
#        dcp_to_torch FOLDER FILE

command = "-m torch.distributed.checkpoint.format_utils dcp_to_torch"
result = subprocess.run(
    [sys.executable, *command.split(), "checkpoints/step-500", "model.pt"],
    capture_output=True,
    text=True,
)
print(result.stdout.splitlines()[-1])

assert result.returncode == 0 and not Path("model.pt").exists()
assert "Skipping conversion" in result.stdout

# %%
# **The optimizer's state disappears** when a file goes to DCP and back, if it
# is from ``optimizer.state_dict()``. DCP turns the numbers of its parameters
# into text, loading ignores them, and training goes on from zero, without an
# error. Turn them back, or save state by name, as above:

# sphinx_gallery_wrong = True
parts = {"model": model.state_dict(), "optim": optimizer.state_dict()}
torch.save(parts, "numbered.pt")
format_utils.torch_save_to_dcp("numbered.pt", "numbered")
format_utils.dcp_to_torch_save("numbered", "back.pt")

state = torch.load("back.pt")["optim"]
fresh = torch.optim.Adam(model.parameters())
fresh.load_state_dict(state)
print("keys:", list(state["state"]), "loaded:", fresh.state[model.head.weight])

state["state"] = {int(key): value for key, value in state["state"].items()}
fixed = torch.optim.Adam(model.parameters())
fixed.load_state_dict(state)
assert not fresh.state[model.head.weight]
torch.testing.assert_close(
    fixed.state_dict()["state"], optimizer.state_dict()["state"]
)

# %%
# Empty dictionaries disappear too, and tied weights are written twice:

tied = {"embed": torch.ones(1000)}
tied |= {"head": tied["embed"], "extra": {}}
torch.save(tied, "tied.pt")
format_utils.torch_save_to_dcp("tied.pt", "tied")
format_utils.dcp_to_torch_save("tied", "untied.pt")
sizes = [
    round(os.path.getsize(path) / 1000) for path in ("tied.pt", "untied.pt")
]
print(sizes, "kB", *torch.load("untied.pt"))

untied = torch.load("untied.pt")
assert list(untied) == ["embed", "head"] and sizes[1] > 1.6 * sizes[0]
assert untied["embed"].data_ptr() != untied["head"].data_ptr()

# %%
# **An interrupted save** has no ``.metadata``, which is written last, or lacks
# one of the files. Nothing replaces them; take an older folder. These errors
# come inside a ``CheckpointException``:
#
# .. diagnosis:: The save was interrupted, or this is not the folder of the
#       ``.distcp`` files.
#    :message: metadata is None; global metadata read failed
#              No such file or directory: '{}.metadata'
#    :fix: what-goes-wrong
#
#    print(*Path("checkpoint").iterdir())  # .metadata has to be there
#
# .. diagnosis:: A part of the sharded checkpoint is missing: copy the whole
#       folder.
#    :message: No such file or directory: '{}.distcp'
#    :fix: what-goes-wrong
#
#    print(*sorted(os.listdir("checkpoint")))  # a file of each process

# sphinx_gallery_wrong = True
for lost in (".metadata", "__1_0.distcp"):
    shutil.copytree("checkpoint", "half", dirs_exist_ok=True)
    os.remove(f"half/{lost}")
    try:
        format_utils.dcp_to_torch_save("half", "half.pt")
    except dcp.CheckpointException as exception:
        error, _ = exception.failures[0]
        print(f"{type(error).__name__}: {error}")
    shutil.rmtree("half")

# %%
# **Stale files.** A later save into the same folder by fewer processes leaves
# files of the earlier one. They are ignored, but not deleted, so make a new
# folder for each save:

dcp.save({"model": model.state_dict()}, checkpoint_id="checkpoint")
format_utils.dcp_to_torch_save("checkpoint", "later.pt")
print(*sorted(os.listdir("checkpoint")))

later = torch.load("later.pt")
assert list(later) == ["model"] and Path("checkpoint/__1_0.distcp").exists()
torch.testing.assert_close(later["model"], dict(model.state_dict()))
source = inspect.getsource(format_utils.torch_save_to_dcp)
assert "weights_only=False" in source

# %%
# **Files from strangers.** ``torch_save_to_dcp`` reads the file with
# ``weights_only=False``, and ``.metadata`` is a pickle: either can run code.
#
# Variants
# --------
#
# **Accelerate and Transformers** name the folder ``pytorch_model_fsdp_0``.
# ``accelerate merge-weights pytorch_model_fsdp_0 output`` writes safetensors
# files; the functions of this page read the folder too, with the weights below
# ``model``. **DeepSpeed** files are something else:
# :ref:`sphx_glr_recipes_checkpoints_saving_and_loading_fsdp_models.py`.

# sphinx_gallery_fold = "Leave the temporary folder"
logging.disable(logging.NOTSET)
os.chdir(here)
folder.cleanup()

# %%
# Learn more
# ----------
#
# - :ref:`sphx_glr_recipes_checkpoints_sharding_with_distributed_checkpoint.py`
# - :ref:`sphx_glr_recipes_training_matching_optimizer_state_to_parameters.py`
# - `dinov3#215 <https://github.com/facebookresearch/dinov3/issues/215>`__ on
#   one file from many, `torchtitan#307
#   <https://github.com/pytorch/torchtitan/issues/307>`__ on the command that
#   did nothing
# - :mod:`torch.distributed.checkpoint`
