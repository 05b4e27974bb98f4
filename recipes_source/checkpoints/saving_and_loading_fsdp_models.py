"""
How do I load a full checkpoint into an FSDP2 model?
====================================================

Load one ordinary file into a model that ``fully_shard`` has split, save such a
file from it, and turn DeepSpeed ZeRO files into a ``state_dict``.
"""

# sphinx_gallery_tags = ["distributed", "loading", "saving", "optimizer", "errors"]
# sphinx_gallery_keywords = ["FSDP", "fully_shard", "DTensor", "full_state_dict", "mixed torch.Tensor and DTensor", "DeepSpeed", "ZeRO-3", "zero_to_fp32.py", "meta device"]
# sphinx_gallery_reading_order = 70

# %%

# sphinx_gallery_fold = "A model, its file, the model sharded, and a function that starts processes"
import os
import socket
import tempfile
from collections import OrderedDict

import torch
import torch.distributed as dist
import torch.nn as nn
import torch.nn.functional as F
from torch.distributed.fsdp import fully_shard
from torch.multiprocessing import start_processes

here = globals().get("here", os.getcwd())
folder = tempfile.TemporaryDirectory()
os.chdir(folder.name)
torch.set_num_threads(1)  # processes are forked, and threads would be lost


def build():
    body, head = nn.Linear(8, 6, bias=False), nn.Linear(6, 5, bias=False)
    layers = OrderedDict(body=body, relu=nn.ReLU(), head=head)
    return nn.Sequential(layers)


def shard(model):
    for layer in (model.body, model.head):
        fully_shard(layer)
    return fully_shard(model)


def train_step(model, optimizer):
    inputs = torch.linspace(-1, 1, 32).view(4, 8)
    optimizer.zero_grad()
    F.cross_entropy(model(inputs), torch.tensor([0, 1, 2, 3])).backward()
    optimizer.step()


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
plain = build()
torch.save(plain.state_dict(), "model.pt")
if not dist.is_initialized():  # this page is a group of one process
    dist.init_process_group(
        "gloo", init_method=f"file://{folder.name}/group", rank=0, world_size=1
    )
model = shard(build())
rank = dist.get_rank()

# %%
# Short answer
# ------------
#
# Rank 0 reads the file, and ``set_model_state_dict`` sends each process its
# part. ``get_model_state_dict`` collects the parts on rank 0. Every process
# calls both:

import torch
from torch.distributed.checkpoint import state_dict as dcs

spread = dcs.StateDictOptions(full_state_dict=True, broadcast_from_rank0=True)
weights = torch.load("model.pt", map_location="cpu") if rank == 0 else {}
dcs.set_model_state_dict(model, weights, options=spread)

gather = dcs.StateDictOptions(full_state_dict=True, cpu_offload=True)
weights = dcs.get_model_state_dict(model, options=gather)
if rank == 0:
    torch.save(weights, "full.pt")

# %%
# ``full.pt`` is an ordinary ``state_dict``, which loads into the plain model.
#
# .. fold:: Who this is for
#
#    You train with ``fully_shard`` (FSDP2) and start from a pretrained file, or
#    need the weights in one file afterward. To save and resume training on any
#    number of GPUs, sharded checkpoints are faster:
#    :ref:`sphx_glr_recipes_checkpoints_sharding_with_distributed_checkpoint.py`.
#
# .. fold:: Setup
#
#    Tried with PyTorch 2.13; ``broadcast_from_rank0`` needs 2.4 or newer::
#
#        pip install "torch>=2.13"

# %%
# In a training script
# --------------------
#
# Build the model on the ``meta`` device, so that no process holds all of it,
# shard it, make room for the shards with ``to_empty``, and load. The optimizer
# comes after that. Each process runs ``main``, as with ``torchrun``:


def main():
    dist.init_process_group("gloo")  # on GPUs: "nccl"
    rank = dist.get_rank()
    with torch.device("meta"):
        model = build()
    shard(model)  # fully_shard for each layer, then for the model
    model.to_empty(device="cpu")  # on GPUs: "cuda"
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)

    checkpoint = {"model": {}, "optimizer": {}}
    if rank == 0:
        checkpoint = torch.load("plain.pt", map_location="cpu", mmap=True)
    dcs.set_model_state_dict(model, checkpoint["model"], options=spread)
    dcs.set_optimizer_state_dict(
        model, optimizer, checkpoint["optimizer"], options=spread
    )
    train_step(model, optimizer)
    checkpoint = {
        "model": dcs.get_model_state_dict(model, options=gather),
        "optimizer": dcs.get_optimizer_state_dict(
            model, optimizer, options=gather
        ),
    }
    if rank == 0:
        torch.save(checkpoint, "trained.pt")
    return len(checkpoint["model"]), tuple(model.head.weight.to_local().shape)


torch.testing.assert_close(torch.load("full.pt"), torch.load("model.pt"))

# %%
# One process trains the plain model for a step and writes ``plain.pt``, and for
# another step. Two processes that load this file and make the second step with
# shards arrive at the same weights and optimizer state. Only rank 0 gets
# entries, and the 5 rows of ``head`` are split into 3 and 2:


# sphinx_gallery_fold = "Train the plain model in one process"
def train_plain():
    model = build()
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
    for path in ("plain.pt", "reference.pt"):
        train_step(model, optimizer)
        named = dcs.get_optimizer_state_dict(model, optimizer)
        checkpoint = {"model": model.state_dict(), "optimizer": named}
        torch.save(checkpoint, path)
        numbered = checkpoint | {"optimizer": optimizer.state_dict()}
        torch.save(numbered, f"numbered-{path}")


done = run(train_plain, processes=1)

# %%

for rank, (entries, shape) in enumerate(run(main)):
    print(f"rank {rank}: {entries} entries, its part of head: {shape}")

trained, reference = torch.load("trained.pt"), torch.load("reference.pt")
torch.testing.assert_close(trained["model"], dict(reference["model"]))
torch.testing.assert_close(
    trained["optimizer"]["state"], reference["optimizer"]["state"]
)
plain.load_state_dict(trained["model"])
assert shape == (2, 6) and entries == 0
assert list(trained["optimizer"]["state"]) == ["body.weight", "head.weight"]

# %%
# ``to_empty`` leaves memory as it was. Buffers with ``persistent=False``, such
# as rotary frequencies, are in no file: compute them again after loading.
#
# **The optimizer's file must have names**, as ``get_optimizer_state_dict``
# gives them. Convert an ordinary ``optimizer.state_dict()``, which has numbers,
# in one process, with the plain model:


def convert(path):
    checkpoint = torch.load(path, map_location="cpu")
    model = build()
    optimizer = torch.optim.AdamW(model.parameters())
    optimizer.load_state_dict(checkpoint["optimizer"])
    return dcs.get_optimizer_state_dict(model, optimizer)


converted = convert("numbered-plain.pt")
print(*converted["state"])

named = torch.load("plain.pt")["optimizer"]
torch.testing.assert_close(converted["state"], named["state"])

# %%
# What goes wrong
# ---------------
#
# ``load_state_dict`` **of full files.** The parameters of a sharded model are
# DTensors, and nothing splits the file's tensors for you. The model says so
# when it loads, and the optimizer at its next step. ``set_model_state_dict``
# and ``set_optimizer_state_dict`` are the fix:
#
# .. diagnosis:: The model is sharded, and the file has whole tensors.
#    :message: aten.copy_.default got mixed torch.Tensor and DTensor
#              aten.copy_.default: got mixed torch.Tensor and DTensor
#
#    import torch.distributed.checkpoint.state_dict as dcs
#    options = dcs.StateDictOptions(full_state_dict=True)
#    dcs.set_model_state_dict(model, state_dict, options=options)
#
# .. diagnosis:: The optimizer of a sharded model has loaded whole tensors.
#    :message: got mixed torch.Tensor and DTensor
#    :except: aten.copy_
#    :fix: in-a-training-script
#
#    import torch.distributed.checkpoint.state_dict as dcs
#    options = dcs.StateDictOptions(full_state_dict=True)
#    dcs.set_optimizer_state_dict(model, optimizer, named, options=options)


# sphinx_gallery_wrong = True
def load_plainly():
    dist.init_process_group("gloo")
    model = shard(build())
    optimizer = torch.optim.AdamW(model.parameters())
    checkpoint = torch.load("numbered-plain.pt")
    optimizer.load_state_dict(checkpoint["optimizer"])
    messages = []
    try:
        train_step(model, optimizer)
    except RuntimeError as error:
        messages.append(f"{type(error).__name__}: {error}")
    try:
        model.load_state_dict(checkpoint["model"])
    except RuntimeError as error:
        messages.append(f"{type(error).__name__}: {error}")
    return messages


messages, _ = run(load_plainly)
print(*messages, sep="\n")

assert len(messages) == 2
assert all("got mixed torch.Tensor and DTensor" in text for text in messages)

# %%
# ``torch.save(model.state_dict())`` **writes one process's part.** The file of
# rank 0 has the right keys and shapes, but only its own rows:


# sphinx_gallery_wrong = True
def save_plainly():
    dist.init_process_group("gloo")
    torch.save(shard(build()).state_dict(), f"rank{dist.get_rank()}.pt")
    weight = torch.load(f"rank{dist.get_rank()}.pt")["head.weight"]
    return tuple(weight.shape), len(weight.to_local())


print("shape, rows in the file:", *run(save_plainly)[0])

assert run(save_plainly) == [((5, 6), 3), ((5, 6), 2)]

# %%
# **A key too many stops one process only.** The others ask for the keys of
# their own model and go on, to wait for rank 0 until the timeout. Drop such
# keys before you load:
# :ref:`sphx_glr_recipes_troubleshooting_reading_missing_and_unexpected_keys.py`.
# (A missing key stops all processes.)
#
# .. diagnosis:: The file has keys that the sharded model does not have, and
#       only rank 0 has noticed.
#    :message: Error(s) in loading state_dict for FSDP{}Unexpected key(s)
#    :fix: what-goes-wrong
#
#    names = model.state_dict()
#    weights = {k: v for k, v in weights.items() if k in names}


# sphinx_gallery_wrong = True
def load_extra_key():
    dist.init_process_group("gloo")
    weights = {}
    if dist.get_rank() == 0:
        weights = torch.load("model.pt") | {"step": torch.tensor(1)}
    try:
        dcs.set_model_state_dict(shard(build()), weights, options=spread)
    except RuntimeError as error:
        return f"{type(error).__name__}: {error}"


messages = run(load_extra_key)
print("rank 1:", messages[1])
print(messages[0])

assert "Unexpected" in messages[0] and messages[1] is None

# %%
# **The dictionary is used up.** Loading replaces its tensors by the parts of
# this process. For a second use, read the file again:


# sphinx_gallery_fold = "What is in the dictionary afterward, and what a missing key does"
def load_and_look():
    dist.init_process_group("gloo")
    weights = torch.load("model.pt") if dist.get_rank() == 0 else {}
    dcs.set_model_state_dict(shard(build()), weights, options=spread)
    kinds = [type(value).__name__ for value in weights.values()]
    weights = torch.load("model.pt") if dist.get_rank() == 0 else {}
    weights.pop("head.weight", None)
    try:
        dcs.set_model_state_dict(shard(build()), weights, options=spread)
    except RuntimeError as error:
        return kinds, str(error)


(kinds, missing), other = run(load_and_look)
print(*kinds)

assert kinds == ["DTensor", "DTensor"]
assert "Missing key" in missing and "Missing key" in other[1]

# %%
# Variants
# --------
#
# **Compiled layers and tied weights** need nothing else: the full keys have no
# ``_orig_mod``, and a tied weight stays tied.


# sphinx_gallery_fold = "Load into a model of compiled layers with a tied weight, and save it"
def compiled_and_tied():
    dist.init_process_group("gloo")
    model = nn.Sequential(nn.Embedding(5, 8), nn.Linear(8, 5, bias=False))
    model[1].weight = model[0].weight
    tied = torch.load("tied.pt") if dist.get_rank() == 0 else {}
    model[1] = torch.compile(model[1], backend="eager")
    fully_shard(model)
    dcs.set_model_state_dict(model, tied, options=spread)
    saved = dcs.get_model_state_dict(model, options=gather)
    inner = model[1]._orig_mod
    return inner.weight is model[0].weight, {
        k: v.tolist() for k, v in saved.items()
    }


weight = torch.arange(40.0).view(5, 8)
torch.save({"0.weight": weight, "1.weight": weight}, "tied.pt")
tied, saved = run(compiled_and_tied)[0]
print("tied:", tied, "keys:", *saved)

assert tied and list(saved) == ["0.weight", "1.weight"]
assert saved["1.weight"] == weight.tolist()

# %%
# DeepSpeed ZeRO
# --------------
#
# The commands and names of this section are DeepSpeed's own, and were not run
# here. A checkpoint folder has a file ``latest``, which names a subfolder such
# as ``global_step1000``, and a script ``zero_to_fp32.py``. In the subfolder,
# ``*_optim_states.pt`` hold the parts of the ``float32`` weights and the
# optimizer, one file for each process, and ``*_model_states.pt`` the names,
# shapes and buffers. In the checkpoint folder (older versions of the script
# take a file, ``pytorch_model.bin``, instead of ``output``)::
#
#     python zero_to_fp32.py . output
#
# or, in Python, with memory for all weights::
#
#     from deepspeed.utils import zero_to_fp32
#
#     weights = zero_to_fp32.get_fp32_state_dict_from_zero_checkpoint("folder")
#     model.load_state_dict(weights)
#
# Both need DeepSpeed installed, but no GPU. With ZeRO-3, a file that was saved
# like that of an ordinary model has *empty* weights, which nothing restores:
#
# .. code-block:: text
#
#     size mismatch for model.decoder.layers.25.fc1.weight: copying a param
#     with shape torch.Size([0]) from checkpoint, the shape in current model
#     is torch.Size([10240, 2560]).
#
# Convert the ZeRO folder of the same step instead. For the next run, set
# ``"stage3_gather_16bit_weights_on_model_save": true``.
#
# .. diagnosis:: DeepSpeed ZeRO-3 has saved placeholders, not the weights.
#    :message: copying a param with shape torch.Size([0]) from checkpoint
#    :fix: deepspeed-zero
#
#    python zero_to_fp32.py . output

# sphinx_gallery_fold = "Leave the temporary folder"
if dist.is_initialized():
    dist.destroy_process_group()
os.chdir(here)
folder.cleanup()

# %%
# Learn more
# ----------
#
# - :ref:`sphx_glr_recipes_checkpoints_sharding_with_distributed_checkpoint.py`
# - :ref:`sphx_glr_recipes_training_checkpointing_ddp_training.py`
# - :ref:`sphx_glr_recipes_recipes_module_load_state_dict_tips.py`
# - `pytorch#136336 <https://github.com/pytorch/pytorch/issues/136336>`__ on
#   mixed tensors, `transformers#20082
#   <https://github.com/huggingface/transformers/issues/20082>`__ and
#   `DeepSpeed#5895 <https://github.com/deepspeedai/DeepSpeed/issues/5895>`__ on
#   ZeRO
# - :func:`torch.distributed.fsdp.fully_shard`,
#   :func:`torch.distributed.checkpoint.state_dict.set_model_state_dict`,
#   :func:`torch.distributed.checkpoint.state_dict.get_model_state_dict`
