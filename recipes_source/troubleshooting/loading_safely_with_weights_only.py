"""
Loading safely with weights_only
================================

Since version 2.6, ``torch.load`` refuses files that hold more than tensors and
plain Python types: find out what is in yours, and load it without running it.

**For whom:** ``torch.load`` stopped with ``Weights only load failed``, or you
load files that somebody else made.

Introduction
------------

:func:`torch.save` writes Python objects with :mod:`pickle`. Such a file is a
small program: it can name any function, and loading it calls that function. With
``weights_only=True``, the default since PyTorch 2.6, :func:`torch.load` accepts
tensors, plain Python types and a short list of other names, and stops at the
first name that is not on the list.

Setup
-----

Install PyTorch, Matplotlib for the figure, and NumPy, whose types are examples::

    pip install torch matplotlib numpy

Steps
-----

1. Import the libraries
2. See what loads and what is refused
3. Read the error
4. List the names that a file asks for
5. Allow the names that you trust
6. Save plain types instead
7. See what the refusal protects you from
"""

# sphinx_gallery_tags = ["loading", "errors", "safety", "compatibility"]
# sphinx_gallery_keywords = ["security", "malicious", "dangerous", "untrusted", "download from the internet", "arbitrary code"]
# sphinx_gallery_reading_order = 40

# %%
# 1. Import the libraries
# ~~~~~~~~~~~~~~~~~~~~~~~
#
# All files go into a temporary folder, which the last step removes.

import io
import pickle
import re
import tempfile
from argparse import Namespace
from collections import OrderedDict, defaultdict
from contextlib import redirect_stdout
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch
import torch.nn as nn
from torch.serialization import (
    get_safe_globals,
    get_unsafe_globals_in_checkpoint,
    safe_globals,
)

torch.manual_seed(0)
plt.style.use("petroff10")
folder = tempfile.TemporaryDirectory()
path = Path(folder.name) / "checkpoint.pt"
net = nn.Linear(4, 2)

# %%
# 2. See what loads and what is refused
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# Each object is saved and loaded again. The table shows the outcome, and how many
# names the file asks for that are not on PyTorch's list. The refused ones are
# harmless, and typical of a training script: its arguments, a path, an accuracy
# computed with NumPy.

examples = {
    "state_dict": net.state_dict(),
    "numbers, strings": [1, 2.5, True, None, "text", b"bytes"],
    "OrderedDict": OrderedDict(epoch=3),
    "set": {1, 2, 3},
    "torch.dtype": torch.float16,
    "Namespace": Namespace(lr=0.1),
    "Path": Path("data") / "train",
    "defaultdict": defaultdict(list),
    "NumPy scalar": np.float64(0.93),
    "NumPy array": np.zeros(3),
    "whole model": net,
}
loads, names = {}, {}
for name, value in examples.items():
    torch.save(value, path)
    names[name] = get_unsafe_globals_in_checkpoint(path)
    try:
        torch.load(path)
        loads[name] = True
    except pickle.UnpicklingError:
        loads[name] = False
    print(f"{name:<18}{'loads' if loads[name] else 'refused':<9}{len(names[name])}")

assert [name for name in loads if loads[name]] == list(examples)[:5]
assert all(loads[name] == (not names[name]) for name in examples)

# %%
# The figure shows the counts. A file loads by default when its bar has no length.

fig, ax = plt.subplots(figsize=(5, 3.6), layout="constrained")
for row, name in enumerate(examples):
    count = len(names[name])
    ax.barh(row, count, color="C1", hatch="//")
    ax.text(count + 0.05, row, "loads" if loads[name] else "refused", va="center")
ax.set_yticks(range(len(examples)), examples)
ax.set(xlim=(0, 4), xticks=range(5), ylim=(len(examples) - 0.5, -0.5))
ax.set_xlabel("names that are not on the list (count)")
ax.set_title("What torch.load accepts by default")
plt.show()

assert max(len(names[name]) for name in examples) == len(names["NumPy array"]) == 3
assert not any(names[name] for name in examples if loads[name])

# %%
# 3. Read the error
# ~~~~~~~~~~~~~~~~~
#
# This checkpoint holds the arguments of the training script next to the weights.
# The part to read is the line that begins with ``WeightsUnpickler error``: it
# says which name was refused. (``re.sub`` removes the codes that print part of
# the message in bold on a terminal.)

torch.save({"model": net.state_dict(), "args": Namespace(lr=0.1)}, path)
try:
    torch.load(path)
except pickle.UnpicklingError as error:
    message = re.sub(r"\x1b\[\d*m", "", str(error))
    print(f"{type(error).__name__}: {message}")
else:
    raise AssertionError("the file should be refused")

# %%
# 4. List the names that a file asks for
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# The error stops at the first name.
# :func:`torch.serialization.get_unsafe_globals_in_checkpoint` lists all of them,
# and reads the file without running it. Here it is a single one.

print(get_unsafe_globals_in_checkpoint(path))
assert get_unsafe_globals_in_checkpoint(path) == ["argparse.Namespace"]

# %%
# 5. Allow the names that you trust
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# A ``Namespace`` only holds values, so it may be allowed.
# :class:`torch.serialization.safe_globals` does so for one block of code. The
# load is still restricted to the list, which is now longer by one name, and after
# the block the name is off the list again.

with safe_globals([Namespace]):
    checkpoint = torch.load(path)

print(checkpoint["args"])
torch.testing.assert_close(checkpoint["model"], net.state_dict())
assert checkpoint["args"] == Namespace(lr=0.1)
assert Namespace not in get_safe_globals()

# %%
# Where the call to ``torch.load`` is in a library and not in your code, put the
# block around the call of the library, or use
# :func:`torch.serialization.add_safe_globals`, which lasts until the process ends.
#
# The list of names can be incomplete. A NumPy scalar asks for the function
# ``scalar`` and for ``dtype``, but ``dtype`` then creates an object of a class
# that the file does not mention. With the two names allowed, a second error
# reports that class.

scalar = np.float64(0).__reduce__()[0]  # its module is private to NumPy
torch.save({"accuracy": np.float64(0.93)}, path)
assert len(get_unsafe_globals_in_checkpoint(path)) == 2
try:
    with safe_globals([scalar, np.dtype]):
        torch.load(path)
except pickle.UnpicklingError as error:
    print(f"{type(error).__name__}: {error}")
else:
    raise AssertionError("the file should be refused")

# %%
# With the third name, the file loads.

with safe_globals([scalar, np.dtype, np.dtypes.Float64DType]):
    checkpoint = torch.load(path)

print(f"accuracy: {checkpoint['accuracy']}")
assert checkpoint == {"accuracy": 0.93}

# %%
# 6. Save plain types instead
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# Your own files need no list at all. Convert what is not a tensor when you save:
# a ``Namespace`` to a dictionary, a path to a string, a NumPy scalar to a number,
# an array to a tensor. The converted file asks for no name, and loads for
# everybody.

counts = defaultdict(int, cat=3, dog=4)
torch.save(
    {
        "model": net.state_dict(),
        "args": vars(Namespace(lr=0.1)),
        "data": str(Path("data")),
        "accuracy": float(np.float64(0.93)),
        "mean": torch.from_numpy(np.zeros(3)),
        "counts": dict(counts),
    },
    path,
)
checkpoint = torch.load(path)
print("names:", get_unsafe_globals_in_checkpoint(path))
for name in ["args", "data", "accuracy", "mean", "counts"]:
    print(f"{name}: {checkpoint[name]}")

assert get_unsafe_globals_in_checkpoint(path) == []
assert checkpoint["args"] == {"lr": 0.1} and checkpoint["counts"] == counts

# %%
# 7. See what the refusal protects you from
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# ``__reduce__`` tells :mod:`pickle` how to create an object again: which function
# to call, with which arguments. Nothing says that it has to be a constructor. An
# object of the class below is written to the file as "call ``print``". It could
# have been any other function.


class Surprise:
    def __reduce__(self):
        return print, ("This text was printed by the file.",)


torch.save({"model": net.state_dict(), "extra": Surprise()}, path)
print(get_unsafe_globals_in_checkpoint(path))
assert get_unsafe_globals_in_checkpoint(path) == ["builtins.print"]

# %%
# By default, ``torch.load`` stops at the name and does not call the function:
# nothing was printed.

with redirect_stdout(io.StringIO()) as output:
    try:
        torch.load(path)
        refused = False
    except pickle.UnpicklingError:
        refused = True

print(f"{refused = }, {output.getvalue() = }")
assert refused and output.getvalue() == ""

# %%
# .. admonition:: Do not do this
#
#    ``torch.load(path, weights_only=False)``, because the error says that it "will
#    likely succeed", for a file that you did not make.
#
#    It succeeds by doing whatever the file says. The error is the protection, and
#    this argument turns it off.

with redirect_stdout(io.StringIO()) as output:
    checkpoint = torch.load(path, weights_only=False)

print(f"{output.getvalue() = }")
print(f"{list(checkpoint) = }")
assert output.getvalue() == "This text was printed by the file.\n"

# %%
# Allowing a name is the same trust in a smaller dose: the file may call it, with
# arguments of its own choice. Allow classes that only hold values, and never a
# function for no other reason than that a file asks for it.

with redirect_stdout(io.StringIO()) as output, safe_globals([print]):
    torch.load(path)

print(f"{output.getvalue() = }")
assert output.getvalue() == "This text was printed by the file.\n"

# %%
# Is ``weights_only=True`` safe, then? Much safer, but not a guarantee: holes in it
# have been found and closed, CVE-2025-32434 in PyTorch 2.6 and CVE-2026-24747 in
# PyTorch 2.10. Keep PyTorch up to date, and for files from strangers prefer a
# format that holds no code, such as safetensors. Does this version have both
# fixes?

print(f"{torch.__version__ >= (2, 10) = }")
assert torch.__version__ >= (2, 10)

folder.cleanup()

# %%
# Learn more
# ----------
#
# - :ref:`sphx_glr_recipes_troubleshooting_avoiding_whole_model_pickles.py`
# - :ref:`sphx_glr_recipes_checkpoints_sharing_weights_and_safetensors.py`
# - :ref:`sphx_glr_recipes_recipes_saving_and_loading_a_general_checkpoint.py`
# - `e3nn#519 <https://github.com/e3nn/e3nn/issues/519>`__, where a library's own
#   file was refused
# - :func:`torch.load` and :class:`torch.serialization.safe_globals` in the API
#   documentation
