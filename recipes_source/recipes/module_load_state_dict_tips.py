"""
How do I load a large model with little memory?
===============================================

Load weights with half the usual memory, or with almost none until they are
used, and know what ``assign=True`` and ``mmap=True`` change.
"""

# sphinx_gallery_tags = ["loading", "memory", "optimizer"]
# sphinx_gallery_keywords = ["OOM", "RAM", "large model", "memory surges", "memory doubles", "torch.load(mmap=True)", "out of memory while loading", "load a checkpoint twice as large", "load into a model on the meta device"]
# sphinx_gallery_reading_order = 80

# %%

# sphinx_gallery_fold = "A 256 MiB model with its file, and two small models"
import inspect
import os
import signal
import subprocess
import sys
import tempfile
import warnings

import torch
import torch.nn as nn

here = globals().get("here", os.getcwd())
folder = tempfile.TemporaryDirectory()
os.chdir(folder.name)


def build():
    layers = [nn.Linear(4096, 4096, bias=False) for _ in range(4)]
    return nn.Sequential(*layers)


class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(5, 4)
        self.out = nn.Linear(4, 5, bias=False)
        self.out.weight = self.embedding.weight


class Scaled(nn.Linear):
    def __init__(self):
        super().__init__(4, 2)
        self.register_buffer("scale", torch.full((2,), 3.0), persistent=False)


# Fast: skip_data leaves a hole in the file where the weights would be.
with torch.serialization.skip_data():
    weights = {f"{n}.weight": torch.empty(4096, 4096) for n in range(4)}
    torch.save(weights, "model.pt")

# %%
# Short answer
# ------------
#
# Build the model on ``meta``, which takes no memory, map the file instead of
# reading it, and let the model take over the tensors instead of copying them:

import torch

with torch.device("meta"):
    model = build()
state_dict = torch.load("model.pt", map_location="cpu", mmap=True)
model.load_state_dict(state_dict, assign=True)

# %%
# Build the optimizer *after* this, and do not write to the file while the model
# is in use. If it is the GPU that runs out of memory, see the end of this page.
#
# .. fold:: Who this is for
#
#    Your model fits in memory, but memory surges to twice the model's size
#    while the checkpoint loads, or you run out.
#
# .. fold:: Setup
#
#    PyTorch 2.1 or newer; tried with 2.13. The memory measurement needs Linux
#    or macOS::
#
#        pip install "torch>=2.13"

# %%

# sphinx_gallery_fold = "Helpers that run code in a new process and measure its memory"
import resource
from pathlib import Path


def in_new_process(call, *functions):
    """Run *call* in a new Python process that has these *functions*."""
    imports = ["import resource", "from pathlib import Path"]
    imports += ["import torch", "import torch.nn as nn"]
    code = "\n".join([*imports, *map(inspect.getsource, functions), call])
    command = [sys.executable, "-c", code]
    return subprocess.run(command, capture_output=True, text=True)


def peak():
    """Return the peak memory of this process, in MiB."""
    status = Path("/proc/self/status")
    if status.exists():  # Linux, where getrusage can count the parent too
        return int(status.read_text().split("VmHWM:")[1].split()[0]) / 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20  # macOS


def measure(meta, mmap):
    torch.set_num_threads(1)
    before = peak()
    model = load(meta, mmap)
    print(peak() - before)
    with torch.inference_mode():
        model(torch.ones(1, 4096))
    print(peak() - before)


# %%
# How much memory each way takes
# ------------------------------
#
# The usual two lines hold two sets of weights in memory: the random ones that
# the model is built with, and those that :func:`torch.load` reads. Tensors on
# the ``meta`` device have a shape but no data, which saves the first set. A
# mapped file is not read until the weights are used. The numbers are peak
# memory in multiples of the model's size:


def load(meta, mmap):
    with torch.device("meta" if meta else "cpu"):
        model = build()
    model.load_state_dict(torch.load("model.pt", mmap=mmap), assign=meta)
    return model


ways = {
    "usual": (False, False),
    "meta, assign": (True, False),
    "meta, assign, mmap": (True, True),
}
peaks = []
for name, (meta, mmap) in ways.items():
    call = f"measure({meta}, {mmap})"
    done = in_new_process(call, build, peak, load, measure)
    loaded, used = (float(number) / 256 for number in done.stdout.split())
    peaks.append((loaded, used))
    print(f"{name:<19} loaded {loaded:.1f} ×, used {used:.1f} ×")

torch.testing.assert_close(
    peaks, [(2.0, 2.0), (1.0, 1.0), (0.0, 1.0)], atol=0.1, rtol=0
)

# %%
# Without ``assign=True``, ``load_state_dict`` copies, and nothing can be copied
# into ``meta`` tensors. It warns once per key and leaves the model empty:
#
# .. diagnosis:: The model was built on the ``meta`` device, and copying into it
#       does nothing.
#    :message: copying from a non-meta parameter in the checkpoint to a meta
#
#    model.load_state_dict(state_dict, assign=True)
#
# .. diagnosis:: The file is in the format of PyTorch before 1.6, which cannot
#       be mapped.
#    :message: mmap can only be used with files saved with
#
#    torch.save(torch.load(path, map_location="cpu"), path)  # once
#
# .. diagnosis:: This PyTorch is too old for ``assign``.
#    :message: load_state_dict() got an unexpected keyword argument 'assign'
#
#    pip install --upgrade "torch>=2.1"
#
# .. diagnosis:: A file is mapped by its path; a stream or a buffer is not.
#    :message: f must be a file path in order to use the mmap argument
#
#    state_dict = torch.load("model.pt", map_location="cpu", mmap=True)

with torch.device("meta"):
    empty = nn.Linear(4, 2, bias=False)
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    empty.load_state_dict({"weight": torch.ones(2, 4)})
for w in caught:
    print(f"{w.category.__name__}: {w.message}")

assert len(caught) == 1 and empty.weight.is_meta

# %%
# What ``assign=True`` changes
# ----------------------------
#
# **An optimizer built before loading** keeps the old parameters, and its steps
# never reach the model. There is no error. Build it after loading, not as here:

# sphinx_gallery_wrong = True
model = nn.Linear(4, 2)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
model.load_state_dict(nn.Linear(4, 2).state_dict(), assign=True)
before = model.weight.clone()
model(torch.ones(1, 4)).sum().backward()
optimizer.step()
print("the step moved the model:", not torch.equal(model.weight, before))

assert torch.equal(model.weight, before)
assert optimizer.param_groups[0]["params"][0] is not model.weight

# %%
# **Dtype and device** become those of the file. **Tied parameters** become two:
# they share memory, but an optimizer sees both, so tie them again after
# loading. **The dictionary** shares its memory with the model. In torch 2.13, a
# dictionary from ``state_dict()`` even remembers ``assign=True``, and the next
# model that loads it takes the tensors too. Load each dictionary into only one
# model.

state_dict = Tied().half().state_dict()
model, other = Tied(), Tied()
model.load_state_dict(state_dict, assign=True)
other.load_state_dict(state_dict)
print(model.out.weight.dtype)
print(len(list(model.parameters())), "parameters instead of 1")

address = state_dict["out.weight"].data_ptr()
assert model.out.weight.dtype == torch.float16
assert len(list(Tied().parameters())) == 1 < len(list(model.parameters()))
assert (
    model.out.weight.data_ptr() == address == model.embedding.weight.data_ptr()
)
assert other.out.weight.data_ptr() == address
model.out.weight = model.embedding.weight  # tie them again
assert len(list(model.parameters())) == 1

# %%
# **Whatever is not in the file stays on** ``meta``, such as a buffer with
# ``persistent=False``, even though all keys match. The error suggests
# ``to_empty()``, which would throw away the loaded weights. Find what is still
# empty and give it a value:
#
# .. diagnosis:: Some tensors of the model are not in the file, and still on
#       ``meta``.
#    :message: Cannot copy out of meta tensor; no data!
#              use torch.nn.Module.to_empty() instead of
#              is on the meta device, {} need a `value` to put in on
#    :fix: what-assign-true-changes
#
#    tensors = [*model.named_parameters(), *model.named_buffers()]
#    print([name for name, value in tensors if value.is_meta])

with torch.device("meta"):
    model = Scaled()
print(model.load_state_dict(Scaled().state_dict(), assign=True))
tensors = [*model.named_parameters(), *model.named_buffers()]
print("still empty:", [name for name, value in tensors if value.is_meta])
try:
    model.to("cpu")
except NotImplementedError as error:
    print(f"{type(error).__name__}: {error}")

model.scale = torch.full((2,), 3.0)
model.to("cpu")

assert [name for name, value in tensors if value.is_meta] == ["scale"]

# %%
# Do not save to a mapped file
# ----------------------------
#
# Changing the model's weights leaves the file as it is. But saving to the same
# path first empties the file that the weights are still read from, and the
# process dies without a traceback. Save under another name, then rename the
# file with :func:`os.replace`; the process keeps the old file until it ends.


def train_and_save(path):
    with torch.device("meta"):
        model = nn.Linear(100, 100)
    model.load_state_dict(torch.load("small.pt", mmap=True), assign=True)
    with torch.no_grad():
        model.bias.fill_(7.0)
    torch.save(model.state_dict(), path)


torch.save(nn.Linear(100, 100).state_dict(), "small.pt")
for path in ("small.tmp", "small.pt"):
    done = in_new_process(f'train_and_save("{path}")', train_and_save)
    code = done.returncode
    print(path, "saved" if code == 0 else signal.Signals(-code).name)

assert (torch.load("small.tmp")["bias"] == 7).all()
assert code == -signal.SIGBUS and done.stderr == ""
assert os.path.getsize("small.pt") == 0

# %%
# Out of memory on the GPU
# ------------------------
#
# A file saved on a GPU loads onto that GPU, next to the model that is already
# there. ``map_location="cpu"`` prevents this. To save CPU memory as well,
# allocate a ``meta`` model on the GPU and copy from the mapped file.
# ``to_empty`` unties parameters and leaves buffers without a key uninitialized:
# fix both as above.

torch.save(Tied().state_dict(), "tied.pt")
device = "cuda" if torch.cuda.is_available() else "cpu"
with torch.device("meta"):
    model = Tied()
model.to_empty(device=device)
state_dict = torch.load("tied.pt", map_location="cpu", mmap=True)
print(model.load_state_dict(state_dict))
tied = model.out.weight is model.embedding.weight
print("still tied:", tied)
model.out.weight = model.embedding.weight

assert not tied and model.out.weight.device.type == device
assert len(list(model.parameters())) == 1

# %%

# sphinx_gallery_fold = "Leave the temporary folder"
os.chdir(here)
folder.cleanup()

# %%
# Learn more
# ----------
#
# - :ref:`sphx_glr_recipes_checkpoints_sharing_weights_and_safetensors.py`
# - :ref:`sphx_glr_recipes_troubleshooting_controlling_dtype_on_load.py`
# - :ref:`sphx_glr_recipes_recipes_save_load_across_devices.py`
# - `pytorch#7415 <https://github.com/pytorch/pytorch/issues/7415>`__ on the
#   doubled memory,
#   `nanoGPT#236 <https://github.com/karpathy/nanoGPT/issues/236>`__ on GPUs,
#   `torchtune#1018 <https://github.com/pytorch/torchtune/issues/1018>`__ on
#   saving to a mapped file,
#   `pytorch#188166 <https://github.com/pytorch/pytorch/issues/188166>`__ on the
#   dictionary that remembers ``assign=True``
# - :func:`torch.load`, :meth:`torch.nn.Module.load_state_dict`,
#   :meth:`torch.nn.Module.to_empty`
