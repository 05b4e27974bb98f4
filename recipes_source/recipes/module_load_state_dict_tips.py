"""
Tips for loading a state_dict with little memory
================================================

Load a large model with half of the usual memory, or with almost none, by way of
``assign=True``, the ``meta`` device and ``mmap=True``.

**For whom:** your model fits into memory, but loading its checkpoint does not.

Introduction
------------

The usual two lines, build the model and load its ``state_dict``, need memory for
two sets of weights: the random ones that the model was built with, and those
that :func:`torch.load` reads. This recipe measures that, and removes first the
one set and then the other. The measurement needs Linux or macOS.

Setup
-----

Install PyTorch, and Matplotlib for the figure::

    pip install torch matplotlib

Steps
-----

1. Import the libraries
2. Save a large model
3. Measure the usual way to load it
4. Build on the ``meta`` device and assign
5. Map the file into memory
6. Create the optimizer after loading
7. Do not share what was assigned
8. Fill what the file does not hold
"""

# sphinx_gallery_tags = ["loading", "memory", "optimizer"]
# sphinx_gallery_keywords = ["out of memory", "OOM", "RAM", "peak memory", "large model"]
# sphinx_gallery_reading_order = 80

# %%
# 1. Import the libraries
# ~~~~~~~~~~~~~~~~~~~~~~~
#
# The memory of a process is measured best in a process that does nothing else, so
# the recipe starts other Python processes.

import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import matplotlib.pyplot as plt
import torch
import torch.nn as nn

torch.manual_seed(0)
plt.style.use("petroff10")
folder = tempfile.TemporaryDirectory()
path = Path(folder.name) / "model.pt"

# %%
# 2. Save a large model
# ~~~~~~~~~~~~~~~~~~~~~
#
# Six linear layers with 2048 inputs and outputs have 25 million parameters of
# 4 bytes: 96 MiB. The file is larger by a few kilobytes, for the keys and shapes.


def build():
    return nn.Sequential(*[nn.Linear(2048, 2048) for _ in range(6)])


model = build()
torch.save(model.state_dict(), path)

model_size = sum(p.numel() * p.element_size() for p in model.parameters())
print(f"model: {model_size:,} bytes = {model_size / 2**20:.0f} MiB")
assert model_size == 100_712_448
assert 0 < path.stat().st_size - model_size < 10_000

# %%
# 3. Measure the usual way to load it
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# The function below starts a Python process that runs some lines of code, and then
# passes one row of numbers through the model. It returns by how much the *peak
# resident memory* has risen after each of the two: the most memory that the process
# has occupied at any time, as the operating system counts it. The results are
# multiples of the model's size.

worker = """
import resource
import sys
from pathlib import Path

import torch
import torch.nn as nn


def peak():
    status = Path("/proc/self/status")
    if status.exists():  # Linux, where getrusage can count the parent process too
        return 1024 * int(status.read_text().split("VmHWM:")[1].split()[0])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # macOS


def build():
    return nn.Sequential(*[nn.Linear(2048, 2048) for _ in range(6)])


path = sys.argv[1]
torch.set_num_threads(1)
before = peak()
{code}
print(peak() - before)
with torch.no_grad():
    model(torch.ones(1, 2048))
print(peak() - before)
"""


def added_memory(code):
    script = Path(folder.name) / "worker.py"
    script.write_text(worker.replace("{code}", code))
    command = [sys.executable, str(script), str(path)]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    return [int(line) / model_size for line in result.stdout.split()]


def describe(added):
    halves = round(2 * added) / 2
    return f"about {halves:g} ×" if halves else "less than ¼ ×"


# %%
# The usual way needs twice the memory of the model, and using the model adds
# nothing that counts.

added = {}
added["usual"] = added_memory("""
model = build()
model.load_state_dict(torch.load(path))
""")
loaded, used = added["usual"]
print(f"loaded: {describe(loaded)} the model, used: {describe(used)} the model")
assert loaded > 1.5 and used - loaded < 0.25

# %%
# 4. Build on the ``meta`` device and assign
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# The random weights are overwritten, so they need not exist. Under
# ``with torch.device("meta")`` a module is built from tensors that have a shape and
# a dtype, but no data. They cannot be copied into, as a plain
# :meth:`~torch.nn.Module.load_state_dict` tells you. It warns, once for every key,
# and the model stays empty.

with torch.device("meta"):
    empty = nn.Linear(4, 2, bias=False)

with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    empty.load_state_dict(nn.Linear(4, 2, bias=False).state_dict())
(w,) = caught
print(f"{w.category.__name__}: {w.message}")
assert empty.weight.is_meta

# %%
# As the warning suggests, ``assign=True`` makes the tensors of the ``state_dict``
# the model's own, in place of the empty ones. Nothing is copied, and the model is
# in memory once.

added["meta, assign"] = added_memory("""
with torch.device("meta"):
    model = build()
model.load_state_dict(torch.load(path), assign=True)
""")
loaded, used = added["meta, assign"]
print(f"loaded: {describe(loaded)} the model, used: {describe(used)} the model")
assert 0.5 < loaded < 1.5 and used - loaded < 0.25

# %%
# 5. Map the file into memory
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# ``mmap=True`` lets :func:`torch.load` map the file instead of reading it. The
# tensors are there at once, and the operating system reads their bytes when
# something uses them. After loading, next to nothing is in memory. The pass through
# the model uses all weights, and then they are in memory once.

added["meta, assign, mmap"] = added_memory("""
with torch.device("meta"):
    model = build()
model.load_state_dict(torch.load(path, mmap=True), assign=True)
""")
loaded, used = added["meta, assign, mmap"]
print(f"loaded: {describe(loaded)} the model, used: {describe(used)} the model")
assert loaded < 0.25 and 0.5 < used < 1.5

# %%
# The figure shows all measurements, rounded to halves.

fig, ax = plt.subplots(figsize=(5, 3), layout="constrained")
for index, (label, hatch) in enumerate([("loaded", ""), ("loaded and used", "//")]):
    values = [pair[index] for pair in added.values()]
    halves = [round(2 * value) / 2 for value in values]
    heights = [y + 0.4 * index - 0.2 for y in range(len(values))]
    ax.barh(heights, halves, height=0.36, hatch=hatch, label=label)
    for y, width, value in zip(heights, halves, values):
        ax.text(width + 0.05, y, describe(value), va="center")
ax.set_yticks(range(3), [name.replace(", mmap", ",\nmmap") for name in added])
ax.set(xlim=(0, 3.2), xlabel="added peak memory (multiples of the model's size)")
ax.invert_yaxis()
ax.legend(loc="lower right")
ax.set_title("Peak memory added by three ways of loading")
plt.show()

usual, assigned, mapped = added.values()
assert max(mapped) < max(usual) and mapped[0] < assigned[0] < usual[0]

# %%
# A mapped file is safe from the model. The mapping is private: a change to a
# parameter goes to memory and not to the file.

with torch.device("meta"):
    model = build()
model.load_state_dict(torch.load(path, mmap=True), assign=True)
with torch.no_grad():
    model[0].bias.add_(1.0)

on_disk = torch.load(path, mmap=True)["0.bias"]
change = (model[0].bias - on_disk).mean().item()
print(f"difference between model and file: {change:.1f}")
torch.testing.assert_close(model[0].bias.detach(), on_disk + 1.0)

# %%
# 6. Create the optimizer after loading
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# The rest of the recipe uses a small model. ``assign=True`` replaces the parameters
# of the module, and an optimizer keeps the ones it was given. An optimizer that was
# created before loading goes on with the old ones, and its steps never move the
# model. There is no error.

trained = nn.Linear(4, 2)


def step(model, optimizer):
    before = model.weight.detach().clone()
    model(torch.ones(1, 4)).sum().backward()
    optimizer.step()
    return not torch.equal(model.weight, before)


model = nn.Linear(4, 2)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
model.load_state_dict(trained.state_dict(), assign=True)
moved = step(model, optimizer)
print(f"optimizer created before loading: {moved = }")
assert not moved

# %%
# Created after loading, the optimizer has the parameters that the model has.

model = nn.Linear(4, 2)
model.load_state_dict(trained.state_dict(), assign=True)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
moved = step(model, optimizer)
print(f"optimizer created after loading: {moved = }")
assert moved and optimizer.param_groups[0]["params"][0] is model.weight

# %%
# 7. Do not share what was assigned
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# The model of the last cell shares its memory with ``trained``, whose
# ``state_dict`` it was given: both have moved. With a ``state_dict`` that was read
# from a file and is then dropped, nobody else holds the tensors.

print(f"{torch.equal(model.weight, trained.weight) = }")
assert model.weight.data_ptr() == trained.weight.data_ptr()

# %%
# A bug in torch 2.13 is one more reason to use such a ``state_dict`` only once. It
# remembers that it was loaded with ``assign=True``, and the next model to load it
# assigns as well, without being asked. A new ``state_dict`` of the same module is
# copied, as it should be.

state_dict = trained.state_dict()
nn.Linear(4, 2).load_state_dict(state_dict, assign=True)

second, third = nn.Linear(4, 2), nn.Linear(4, 2)
second.load_state_dict(state_dict)
third.load_state_dict(trained.state_dict())
shares = [m.weight.data_ptr() == trained.weight.data_ptr() for m in (second, third)]
print(f"shares memory: second {shares[0]}, third {shares[1]}")
assert shares == [True, False]

# %%
# 8. Fill what the file does not hold
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# A buffer registered with ``persistent=False`` has no key, so no file can fill it.
# In a model built on the ``meta`` device it stays empty after loading, although
# every key matched. The model cannot be moved.


class Scaled(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(4, 2)
        self.register_buffer("scale", torch.full((2,), 3.0), persistent=False)

    def forward(self, x):
        return self.linear(x) * self.scale


source = Scaled()
with torch.device("meta"):
    model = Scaled()
result = model.load_state_dict(source.state_dict(), assign=True)
assert result.missing_keys == [] and result.unexpected_keys == []
try:
    model.to("cpu")
except NotImplementedError as error:
    print(f"{type(error).__name__}: {error}")
else:
    raise AssertionError("the empty buffer should not have been moved")

# %%
# The error proposes :meth:`~torch.nn.Module.to_empty`, which gives every tensor of
# the module new memory without values, the loaded weights included. Look for what
# is still on ``meta`` instead, and give it its value again.

tensors = [*model.named_parameters(), *model.named_buffers()]
left = [name for name, tensor in tensors if tensor.is_meta]
print(f"{left = }")
assert left == ["scale"]

model.scale = torch.full((2,), 3.0)
x = torch.ones(1, 4)
print(f"{torch.equal(model(x), source(x)) = }")
torch.testing.assert_close(model(x), source(x))

folder.cleanup()

# %%
# You have loaded a model with half of the usual memory, and with almost none. You
# also know the three conditions: the optimizer comes after loading, the
# ``state_dict`` is used once, and what has no key is filled by you.
#
# Learn more
# ----------
#
# - :ref:`sphx_glr_recipes_troubleshooting_controlling_dtype_on_load.py`
# - :ref:`sphx_glr_recipes_checkpoints_sharing_weights_and_safetensors.py`
# - :ref:`sphx_glr_recipes_recipes_save_load_across_devices.py`
# - :func:`torch.load`, :meth:`torch.nn.Module.load_state_dict` and
#   :class:`torch.device` in the API documentation
# - `pytorch#102212 <https://github.com/pytorch/pytorch/pull/102212>`__, which added
#   ``assign``, and `pytorch#188166
#   <https://github.com/pytorch/pytorch/issues/188166>`__, the bug of step 7
