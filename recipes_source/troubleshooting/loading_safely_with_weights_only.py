"""
How do I fix ``Weights only load failed`` safely?
=================================================

Find out which class the file asks for, allow it if you trust it, and save
files that ask for none.
"""

# sphinx_gallery_tags = ["loading", "errors", "safety", "compatibility"]
# sphinx_gallery_keywords = ["security", "malicious", "dangerous", "untrusted", "download from the internet", "default value of weights_only", "weights_only=False", "vulnerability", "CVE", "numpy._core", "PyTorch 2.6", "UnpicklingError", "add_safe_globals"]
# sphinx_gallery_reading_order = 40

# %%

# sphinx_gallery_fold = "The files that this page loads"
import argparse
import os
import pathlib
import tempfile
import zipfile

import numpy as np
import torch
import torch.nn as nn

here = globals().get("here", os.getcwd())
folder = tempfile.TemporaryDirectory()
os.chdir(folder.name)

model = nn.Linear(4, 2)
args = argparse.Namespace(lr=0.1)
torch.save({"model": model.state_dict(), "args": args}, "checkpoint.pt")


def save_with_name(value, path, old, new):
    """Save with another name in the file, as another system would."""
    torch.save(value, path)
    with zipfile.ZipFile(path) as archive:
        records = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in records.items():
            archive.writestr(name, content.replace(old, new))


accuracy = {"accuracy": np.float64(0.93), "means": np.zeros(3)}
save_with_name(accuracy, "numpy1.pt", b"numpy._core", b"numpy.core")
save_with_name(accuracy, "numpy2.pt", b"numpy.core", b"numpy._core")
data = {"data": pathlib.Path("data", "train")}
for system in ("Posix", "Windows"):
    here_name = type(data["data"]).__name__.encode()
    save_with_name(data, f"{system}.pt", here_name, f"{system}Path".encode())

# %%
# Short answer
# ------------
#
# The end of the message names a class. If that class only holds values, import
# it and allow it for this file:

import argparse

import torch

with torch.serialization.safe_globals([argparse.Namespace]):
    checkpoint = torch.load("checkpoint.pt", map_location="cpu")

# %%
# If a library calls ``torch.load``, put the ``with`` around your call to it, or
# pass the list to :func:`torch.serialization.add_safe_globals` once.
#
# .. fold:: Who this is for
#
#    ``torch.load`` stopped with ``Weights only load failed``, or you load files
#    that someone else made.
#
# .. fold:: Setup
#
#    PyTorch 2.6 or newer, and NumPy for the section on NumPy numbers::
#
#        pip install "torch>=2.6" "numpy>=1.26"

# %%
# Which name is in the message?
# -----------------------------
#
# ======================================== ===============================
# the message names                        what to do
# ======================================== ===============================
# ``ModelCheckpoint``, ``GroupNormalizer`` a class with values: allow it
# ``numpy``, ``scalar``, ``_reconstruct``  allow NumPy numbers
# ``PosixPath``, ``WindowsPath``           allow paths from any system
# ``torch.nn``, ``DetectionModel``         :ref:`load a whole model
#                                          <sphx_glr_recipes_troubleshooting_avoiding_whole_model_pickles.py>`
# ``getattr``, ``eval``, any function      do not allow it
# ======================================== ===============================
#
# Since PyTorch 2.6, ``torch.load`` accepts tensors, plain Python types and a
# few others, and stops at the first other name. The first call below lists them
# all without running the file. (For a file from before PyTorch 1.6, it says
# ``Expected input to be a checkpoint``.)
#
# .. diagnosis:: The file names a class or a function that ``torch.load`` does
#       not accept by itself.
#    :message: Unsupported global: GLOBAL {name} was not an allowed global
#              Unsupported class {name}
#              Trying to instantiate unsupported class {name}
#
#    names = torch.serialization.get_unsafe_globals_in_checkpoint(path)
#    print(names)  # if you trust the file, allow them
#    torch.serialization.add_safe_globals([{name}])
#
# .. diagnosis:: ``torch.load`` accepts only plain data from PyTorch 2.6 on, and
#       warns before that.
#    :message: You are using `torch.load` with `weights_only=False`
#
#    checkpoint = torch.load(path, map_location="cpu", weights_only=True)
#
# .. diagnosis:: transformers refuses to load pickled weights with a PyTorch
#       older than 2.6.
#    :message: Due to a serious vulnerability issue in `torch.load`
#
#    pip install --upgrade "torch>=2.6"
#
# .. diagnosis:: This PyTorch is too old to have the argument or the function.
#    :message: '{name:weights_only|mmap}' is an invalid keyword argument
#              load() got an unexpected keyword argument 'weights_only'
#              'torch.serialization' has no attribute '{function}'
#
#    pip install --upgrade "torch>=2.6"
#
# .. diagnosis:: The file builds an object that is no tensor and no plain Python
#       type.
#    :message: or types allowlisted via `add_safe_globals`
#              or classes allowlisted via `add_safe_globals`
#              Can only {what:append to|extend} lists, but got
#              for dict, collections.OrderedDict, collections.Counter
#              persistent_load id must be tuple or int
#              Only persistent_load of storage is allowed
#              unsupported persistent id encountered
#    :fix: save-plain-types-instead
#
#    names = torch.serialization.get_unsafe_globals_in_checkpoint(path)
#    print(names)  # save plain types in their place
#
# .. diagnosis:: The file names a function of a module that ``torch.load`` never
#       runs.
#    :message: Trying to load unsupported GLOBAL {name} whose module
#    :fix: what-the-refusal-protects-you-from
#
#    names = torch.serialization.get_unsafe_globals_in_checkpoint(path)
#    print(names)
#
# .. diagnosis:: The file has tensors of a class whose module has to be imported
#       first.
#    :message: must be imported to load DTensors
#              must be imported to load nested jagged tensors
#
#    import torch.distributed.tensor, torch.nested, torch._dynamo
#
# .. diagnosis:: The file was written with another pickle protocol than
#       ``torch.save`` uses.
#    :message: Detected pickle protocol {n} in the checkpoint
#
#    torch.save(checkpoint, path)  # without pickle_protocol=
#
# .. diagnosis:: An environment variable decides over ``weights_only`` here.
#    :message: TORCH_FORCE_WEIGHTS_ONLY_LOAD
#              TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD
#
#    unset TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD TORCH_FORCE_WEIGHTS_ONLY_LOAD
#
# .. diagnosis:: ``pickle_module`` and ``weights_only=True`` exclude each other.
#    :message: Can not safely load weights when explicit pickle_module
#
#    checkpoint = torch.load(path, map_location="cpu", weights_only=True)
#
# .. diagnosis:: The file is in the format of PyTorch before 1.6, which cannot
#       be listed.
#    :message: Expected input to be a checkpoint returned by torch.save
#
#    checkpoint = torch.load(path, map_location="cpu", weights_only=True)

names = torch.serialization.get_unsafe_globals_in_checkpoint("checkpoint.pt")
print(names)
try:
    torch.load("checkpoint.pt")
except Exception as error:
    print(f"{type(error).__name__}: {error}")

assert names == ["argparse.Namespace"]

# %%
# Allow NumPy numbers
# -------------------
#
# NumPy 1 and 2 write the same function under two names; a pair of object and
# name allows each. The number types are not among the listed names, but the
# next error asks for them (``numpy.dtypes.Float64DType``). ``numpy1.pt``
# imitates NumPy 1: only that name differs. ``No module named 'numpy._core'``,
# which this page cannot show, comes from NumPy 1 that reads a file from NumPy
# 2: install NumPy 1.26.4 or newer.

import numpy as np

functions = [np.float64(0).__reduce__()[0], np.zeros(1).__reduce__()[0]]
numbers = [
    (function, f"numpy.{core}.multiarray.{function.__name__}")
    for function in functions
    for core in ("core", "_core")
]
numbers += [np.ndarray, np.dtype]
numbers += [type(np.dtype(code)) for code in "?bhilqBHILQefd"]

for path in ("numpy1.pt", "numpy2.pt"):
    with torch.serialization.safe_globals(numbers):
        print(path, torch.load(path))

names = torch.serialization.get_unsafe_globals_in_checkpoint("numpy1.pt")
assert "numpy.core.multiarray.scalar" in names
assert not any("dtypes" in name for name in names)

# %%
# Allow paths from any system
# ---------------------------
#
# A file from Linux that holds a ``Path`` fails on Windows, and the other way
# around, even with ``weights_only=False``: ``cannot instantiate 'PosixPath' on
# your system``. Read it as a pure path, which every system has:
#
# .. diagnosis:: The file holds a path of another operating system.
#    :message: cannot instantiate '{name:PosixPath|WindowsPath}' on your system
#    :fix: allow-paths-from-any-system
#
#    import pathlib
#    pathlib.{name} = pathlib.Pure{name}

paths = [
    (pathlib.PurePosixPath, "pathlib.PosixPath"),
    (pathlib.PureWindowsPath, "pathlib.WindowsPath"),
]
for path in ("Posix.pt", "Windows.pt"):
    with torch.serialization.safe_globals(paths):
        print(repr(torch.load(path)["data"]))

other = pathlib.WindowsPath if os.name == "posix" else pathlib.PosixPath
try:
    other("data")
except NotImplementedError as error:
    print(f"{type(error).__name__}: {error}")

# %%
# Save plain types instead
# ------------------------
#
# A file that asks for no names loads for everyone, on every version:

torch.save(
    {
        "model": model.state_dict(),
        "args": vars(args),
        "data": str(data["data"]),
        "accuracy": float(np.float64(0.93)),
    },
    "plain.pt",
)
assert not torch.serialization.get_unsafe_globals_in_checkpoint("plain.pt")
assert torch.load("plain.pt")["args"] == {"lr": 0.1}

# %%
# What the refusal protects you from
# ----------------------------------
#
# A file can say "call this function with these arguments". This one calls
# ``print``, but it could be any function:


class Surprise:
    def __reduce__(self):
        return print, ("This text was printed by the file.",)


path = "surprise.pt"
torch.save({"model": model.state_dict(), "extra": Surprise()}, path)
names = torch.serialization.get_unsafe_globals_in_checkpoint(path)
assert names == ["builtins.print"]

# %%
# .. admonition:: Do not do this
#
#    Passing ``weights_only=False`` for a file that you did not make runs
#    whatever the file says. So does allowing a function, such as ``getattr``.

# sphinx_gallery_wrong = True
torch.load(path, weights_only=False)
with torch.serialization.safe_globals([print]):
    torch.load(path)

# %%
# ``weights_only=True`` had security holes too, closed in PyTorch 2.6
# (CVE-2025-32434) and 2.10 (CVE-2026-24747). A safetensors file holds no code
# at all.

# %%
# Variants
# --------
#
# **No argument to change**, because a library makes the call: upgrade the
# library. Until then, for files that you trust, set an environment variable. It
# changes the default, but not calls that pass ``weights_only`` themselves::
#
#     TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD=1 python train.py
#
# **Only a warning:** ``FutureWarning: You are using torch.load with
# weights_only=False`` comes from PyTorch 2.4 or 2.5. Your file was loaded; pass
# ``weights_only=True`` to see whether it still will be in 2.6.
#
# **A refusal by transformers:** ``Due to a serious vulnerability issue in
# torch.load, even with weights_only=True``. Upgrade PyTorch to 2.6, or load a
# ``.safetensors`` file.
#
# **Unsupported operand 60** or **118**: the file is not a checkpoint:
# :ref:`sphx_glr_recipes_troubleshooting_identifying_a_checkpoint_file.py`.

# sphinx_gallery_fold = "Checks of the variants"
import subprocess
import sys

environment = os.environ | {"TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD": "1"}
works = {}
for argument in ("", ", weights_only=True"):
    code = f"import torch; torch.load('checkpoint.pt'{argument})"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=environment, capture_output=True)
    works[argument] = done.returncode == 0
assert works == {"": True, ", weights_only=True": False}

torch.save(args, "legacy.pt", _use_new_zipfile_serialization=False)
try:
    torch.serialization.get_unsafe_globals_in_checkpoint("legacy.pt")
except ValueError as error:
    message = str(error)
assert "Expected input to be a checkpoint" in message

# %%

# sphinx_gallery_fold = "Leave the temporary folder"
os.chdir(here)
folder.cleanup()

# %%
# Learn more
# ----------
#
# - :ref:`sphx_glr_recipes_troubleshooting_avoiding_whole_model_pickles.py`
# - :ref:`sphx_glr_recipes_checkpoints_sharing_weights_and_safetensors.py`
# - `nnUNet#2681 <https://github.com/MIC-DKFZ/nnUNet/issues/2681>`__ on NumPy,
#   `ultralytics#1900
#   <https://github.com/ultralytics/ultralytics/issues/1900>`__ on paths
# - :func:`torch.load`, :class:`torch.serialization.safe_globals`
