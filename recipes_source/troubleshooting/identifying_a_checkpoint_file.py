"""
What is this file, and why does ``torch.load`` refuse it?
=========================================================

Tell a checkpoint from a Git LFS pointer, a web page, TorchScript or safetensors
by its first bytes, and pick the function that loads it.
"""

# sphinx_gallery_tags = ["loading", "errors", "checkpoint", "compatibility"]
# sphinx_gallery_keywords = ["file format", "git lfs", "wrong file", "not a checkpoint", "cloned from GitHub", "download again", "HuggingFace download", "trained with a newer PyTorch", "does not load in an older PyTorch", "invalid load key", "Unsupported operand", "downloaded an HTML page"]
# sphinx_gallery_reading_order = 90

# %%

# sphinx_gallery_fold = "A Git LFS pointer named model.pt, and a file of each other kind"
import gzip
import os
import pickle
import tarfile
import tempfile
import warnings
import zipfile
from pathlib import Path

import safetensors.torch
import torch
import torch.nn as nn

here = globals().get("here", os.getcwd())
folder = tempfile.TemporaryDirectory()
os.chdir(folder.name)
warnings.filterwarnings("ignore", message=".*(torch.jit|protocol)")
torch.manual_seed(0)
layer = nn.Linear(4, 2)
state_dict = layer.state_dict()

Path("model.pt").write_text(
    "version https://git-lfs.github.com/spec/v1\n"  # git lfs writes this
    f"oid sha256:{'0123456789abcdef' * 4}\nsize 44669\n"
)
Path("page.pt").write_text("\n<!DOCTYPE html><html>Sign in</html>")
Path("error.pt").write_text('{"error": "Repository not found"}')
Path("empty.pt").touch()
Path("zeros.bin").write_bytes(bytes(2000))

torch.save({"epoch": 3, "state_dict": state_dict}, "saved.pt")
torch.save(state_dict, "legacy.pt", _use_new_zipfile_serialization=False)
saved = Path("saved.pt").read_bytes()
Path("half.pt").write_bytes(saved[: len(saved) // 2])
Path("gzip.pt").write_bytes(gzip.compress(saved))
with zipfile.ZipFile("zip.pt", "w") as archive:
    archive.write("saved.pt")
with tarfile.open("model.pth.tar", "w") as archive:
    archive.add("saved.pt")
with (
    zipfile.ZipFile("saved.pt") as old,
    zipfile.ZipFile("newer.pth", "w") as new,
):
    for name in old.namelist():
        content = old.read(name)
        new.writestr(name, b"999" if name == "saved/version" else content)
Path("other.pkl").write_bytes(pickle.dumps({"weights": [1.0, 2.0]}))

safetensors.torch.save_file(state_dict, "model.safetensors")
Path("renamed.pt").write_bytes(Path("model.safetensors").read_bytes())
Path("half.safetensors").write_bytes(Path("renamed.pt").read_bytes()[:150])
torch.jit.script(layer).save("script.pt")
program = torch.export.export(layer, (torch.ones(1, 4),))
torch.export.save(program, "exported.pt2")


class Python2Pickler(pickle._Pickler):
    """Write strings as Python 2 did: as bytes, without an encoding."""

    def save_str(self, text):
        data = text.encode("latin1")
        self.write(pickle.SHORT_BINSTRING + bytes([len(data)]) + data)
        self.memoize(text)

    dispatch = {**pickle._Pickler.dispatch, str: save_str}


class python2:
    Pickler = Python2Pickler

    def dump(value, file, protocol):
        Python2Pickler(file, protocol).dump(value)


torch.save(
    {"author": "Zoë", "weight": layer.weight.detach()},
    "python2.pth",
    pickle_module=python2,
    _use_new_zipfile_serialization=False,
)

# %%
# Short answer
# ------------
#
# Look at the size and the first bytes. A name such as ``model.pth.tar`` says
# nothing about what is in a file:

import os

path = "model.pt"
with open(path, "rb") as file:
    print(os.path.getsize(path), "bytes:", file.read(50))

# %%
# This one is a Git LFS pointer, 130 bytes in place of the weights. Run
# ``git lfs install`` and ``git lfs pull``, or download the file itself.
#
# .. fold:: Who this is for
#
#    ``torch.load`` says ``invalid load key``, ``Unsupported operand``,
#    ``file not found`` or ``Invalid magic number``, or you do not know which
#    function loads a file.
#
# .. fold:: Setup
#
#    PyTorch 2.13, whose ``torch.load`` reads safetensors; all else is the same
#    in 2.6::
#
#        pip install "torch>=2.13" "safetensors>=0.5"

# %%
# What the first bytes say
# ------------------------
#
# This function names the kind of a file, and what to do with it. A zip archive
# needs a look at its contents:

import zipfile

BEGINNINGS = {
    b"version https://git-lfs": "Git LFS pointer: git lfs pull",
    b"<": "web page: download the file itself",
    b"{": "JSON: read the error message in it",
    b"\x1f\x8b": "gzip: unpack it",
    b"\x80\x02\x8a\nl\xfc\x9cF": "before PyTorch 1.6: torch.load",
    b"\x80": "other pickle: pickle.load, if you trust it",
}
CONTENTS = {
    "constants.pkl": "TorchScript: torch.jit.load",
    "data.pkl": "torch.save: torch.load",
    "archive_format": "exported program: torch.export.load",
    "serialized_state_dict.pt": "exported program: torch.export.load",
}


def identify(path):
    with open(path, "rb") as file:
        start = file.read(300)
    if start.startswith(b"PK\x03\x04"):
        if not zipfile.is_zipfile(path):
            return "end is missing: copy it again"
        with zipfile.ZipFile(path) as archive:
            names = {name.split("/", 1)[-1] for name in archive.namelist()}
        kinds = [kind for name, kind in CONTENTS.items() if name in names]
        return [*kinds, "zip archive: unpack it"][0]
    if start[8:9] == b"{" and int.from_bytes(start[:8], "little") < 10**8:
        return "safetensors: safetensors.torch.load_file"
    for beginning, kind in BEGINNINGS.items():
        if start.lstrip().startswith(beginning):
            return kind
    if not start.strip(b"\0"):
        return "empty, or only zeros: copy it again"
    return "tar: unpack it" if start[257:262] == b"ustar" else "unknown"


for path in sorted(Path().glob("*.pt")):
    print(f"{path.name:<12}{identify(path)}")

assert identify("model.pt") == "Git LFS pointer: git lfs pull"

# %%
# Unsupported operand, invalid load key
# -------------------------------------
#
# ``torch.load`` takes a file that is not a zip archive for a pickle, and stops
# at its first byte, here the ``v`` of ``version``. 118 is the code of ``v``, 60
# that of ``<`` and 10 that of a newline, which begin web pages:
#
# .. diagnosis:: The file is not a checkpoint: Git LFS left its pointer in its
#       place.
#    :message: Unsupported operand 118
#              invalid load key, 'v'
#              have cloned a repository without having git-lfs installed
#
#    git lfs install
#    git lfs pull
#
# .. diagnosis:: The file is not a checkpoint but a web page: download the file
#       itself.
#    :message: Unsupported operand {byte:60|10}
#              invalid load key, '<'
#              invalid load key, '\x0a'
#              invalid load key, '\n'
#
#    with open("model.pt", "rb") as file:
#        print(file.read(300))
#
# .. diagnosis:: The file is not a checkpoint but JSON, often an error message
#       from a server.
#    :message: Unsupported operand 123
#              invalid load key, '{'
#
#    with open("model.pt", "rb") as file:
#        print(file.read(300))
#
# .. diagnosis:: The file is compressed with gzip.
#    :message: Unsupported operand 31
#              invalid load key, '\x1f'
#
#    import gzip
#    with gzip.open("model.pt") as file:
#        checkpoint = torch.load(file, map_location="cpu")
#
# .. diagnosis:: The file is not a checkpoint, and its first bytes say what it
#       is.
#    :message: Unsupported operand {}
#              invalid load key, {}
#              Unable to load weights from pytorch checkpoint file
#
#    with open("model.pt", "rb") as file:
#        print(file.read(300))

try:
    torch.load("model.pt", map_location="cpu")
except Exception as error:
    print(f"{type(error).__name__}: {error}")

assert bytes([118, 60, 10]) == b"v<\n"

# %%
# ``weights_only=False``, which the message recommends, cannot help. It gives
# the messages of older versions:
#
# .. diagnosis:: The file is a pickle that ``torch.save`` did not write.
#    :message: Invalid magic number; corrupt file?
#              Invalid protocol version:
#              Unsupported operand 149
#
#    import pickle
#    with open("model.pkl", "rb") as file:
#        weights = pickle.load(file)  # runs code in the file
#
# .. diagnosis:: The checkpoint is in a zip archive.
#    :message: file in archive is not in a subdirectory
#
#    import shutil
#    shutil.unpack_archive("model.zip", "model", "zip")
#
# .. diagnosis:: The checkpoint is in a tar archive, or the file has only zeros.
#    :message: files saved in the legacy .tar format
#              filename 'storages' not found
#    :fix: what-the-first-bytes-say
#
#    import shutil
#    shutil.unpack_archive("model.tar", "model", "tar")

# sphinx_gallery_wrong = True
for path in ["model.pt", "page.pt", "error.pt", "other.pkl", "zip.pt"]:
    try:
        torch.load(path, weights_only=False)
    except Exception as error:
        print(f"{type(error).__name__}: {error}")

# %%
# The last two are a pickle that ``torch.save`` did not write, such as a
# ``.pkl`` file of detectron2, and an archive around the checkpoint. A tar
# archive fails with ``legacy .tar format``.
#
# TorchScript, exported programs, torch.save
# ------------------------------------------
#
# All three are zip archives, often named ``.pt``, and each loader misses a file
# that the others do not have. None of these is corrupted, whatever the message
# says. The comments name the functions to use:
#
# .. diagnosis:: The file was written by ``torch.save``, and is not TorchScript.
#    :message: failed locating file constants.pkl
#              file not found: {}constants.pkl
#    :fix: torchscript-exported-programs-torch-save
#
#    state_dict = torch.load("model.pt", map_location="cpu")
#    model.load_state_dict(state_dict)
#
# .. diagnosis:: The file is an exported program, or another zip archive that
#       ``torch.save`` did not write.
#    :message: failed locating file data.pkl
#    :fix: torchscript-exported-programs-torch-save
#
#    program = torch.export.load("model.pt2")
#
# .. diagnosis:: The file is TorchScript.
#    :message: with TorchScript archives passed to
#              looks like a TorchScript archive
#              is a zip archive (did you mean to use torch.jit.load()?)
#    :fix: torchscript-exported-programs-torch-save
#
#    model = torch.jit.load("model.pt", map_location="cpu")
#
# .. diagnosis:: The file is safetensors, and the package that reads it is
#       missing.
#    :message: Attempting to load a safetensors file but safetensors is not
#    :fix: safetensors
#
#    pip install safetensors
#
# .. diagnosis:: The file was written by ``torch.save``, and ``pickle.load``
#       cannot read it.
#    :message: A load persistent id instruction was encountered
#    :fix: torchscript-exported-programs-torch-save
#
#    checkpoint = torch.load("model.pt", map_location="cpu")

for load, path in [
    (torch.jit.load, "saved.pt"),  # torch.load
    (torch.load, "exported.pt2"),  # torch.export.load
    (torch.load, "script.pt"),  # torch.jit.load
]:
    try:
        load(path)
    except RuntimeError as error:
        print(f"{type(error).__name__}: {error}")

assert torch.equal(torch.jit.load("script.pt").weight, layer.weight)
assert torch.export.load("exported.pt2").state_dict.keys() == state_dict.keys()

# %%
# With ``weights_only=False``, ``torch.load`` passes a TorchScript file on to
# ``torch.jit.load``, with a warning. Its weights are
# ``torch.jit.load(path).state_dict()``. A ``.distcp`` file is part of a folder:
# :ref:`sphx_glr_recipes_checkpoints_sharding_with_distributed_checkpoint.py`.
#
# safetensors
# -----------
#
# The file begins with the length of its header. The beginning of any other file
# makes a gigantic number of it; before safetensors 0.5, the first message below
# was ``HeaderTooLarge``. The second comes from an incomplete download:
#
# .. diagnosis:: The file is not safetensors, but a Git LFS pointer, a web page
#       or a PyTorch file.
#    :message: header too large
#              HeaderTooLarge
#              InvalidHeaderDeserialization
#
#    with open("model.safetensors", "rb") as file:
#        print(file.read(300))
#
# .. diagnosis:: The file is incomplete or empty: download it again.
#    :message: incomplete metadata, file not fully covered
#              MetadataIncompleteBuffer
#              header too small
#              HeaderTooSmall
#              InvalidHeaderLength
#    :fix: safetensors
#
#    import os
#    print(os.path.getsize("model.safetensors"))  # against that of the source

for path in ["model.pt", "half.safetensors", "empty.pt"]:
    try:
        safetensors.torch.load_file(path)
    except safetensors.SafetensorError as error:
        print(f"{type(error).__name__}: {error}")

assert int.from_bytes(b"version ", "little") > 10**18

# %%
# Since PyTorch 2.13, ``torch.load`` reads safetensors too, but only from a path
# that ends in ``.safetensors``; from any other path, or from an open file, it
# fails with ``Unsupported operand``. ``mmap`` has no effect, and
# ``map_location`` must name one device:
#
# .. diagnosis:: For safetensors, ``map_location`` has to name one device.
#    :message: Loading safetensors file with {form:dict|callable} map_location
#    :fix: safetensors
#
#    state_dict = torch.load("model.safetensors", map_location="cpu")

weights = torch.load("model.safetensors", map_location="cpu", mmap=True)
try:
    torch.load("model.safetensors", map_location={"cuda:0": "cpu"})
except RuntimeError as error:
    print(f"{type(error).__name__}: {error}")

torch.testing.assert_close(weights, dict(state_dict))

# %%
# Variants
# --------
#
# **A newer PyTorch wrote the file.** Upgrade the one that reads it. This file
# claims version 999 of the format; those of PyTorch 2.13 have version 3:
#
# .. diagnosis:: A newer PyTorch wrote the file.
#    :message: but the maximum supported version for reading is
#              kMaxSupportedFileFormatVersion
#              Can't get attribute '_rebuild_
#    :fix: variants
#
#    pip install --upgrade torch

try:
    torch.load("newer.pth")
except RuntimeError as error:
    print(f"{type(error).__name__}: {error}")

with zipfile.ZipFile("saved.pt") as archive:
    assert archive.read("saved/version") == b"3\n"

# %%
# PyTorch 1.4 cannot read version 3; its message is quoted, not run here. If you
# cannot upgrade, save with ``_use_new_zipfile_serialization=False``.
#
# .. code-block:: text
#
#     RuntimeError: version_ <= kMaxSupportedFileFormatVersion INTERNAL ASSERT
#     FAILED at [...] Attempted to read a PyTorch file with version 3, but the
#     maximum supported version for reading is 2. Your PyTorch installation
#     may be too old.
#
# **Python 2 wrote the file.** Its strings have no encoding: pass one, which
# works in spite of the warning. (A file that was opened as text gives the same
# error: use ``open(path, "rb")``.)
#
# .. diagnosis:: Python 2 wrote the file, whose strings have no encoding.
#    :message: '{codec:utf-8|ascii}' codec can't decode byte
#    :traceback: torch/serialization.py
#                torch.load(
#    :fix: variants
#
#    torch.load("model.pt", map_location="cpu", encoding="latin1")
#
# .. diagnosis:: You passed ``encoding``, which works in spite of the warning.
#    :message: pickle_load_args only works if
#    :fix: variants
#
#    import warnings
#    warnings.filterwarnings("ignore", message="pickle_load_args")

try:
    torch.load("python2.pth", map_location="cpu")
except UnicodeDecodeError as error:
    print(f"{type(error).__name__}: {error}")

with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    checkpoint = torch.load("python2.pth", encoding="latin1")
for warning in caught:
    print(f"{warning.category.__name__}: {warning.message}")

assert checkpoint["author"] == "Zoë"
assert torch.equal(checkpoint["weight"], layer.weight)

# %%
# **There is no file**: ``'NoneType' object has no attribute 'seek'`` means that
# the path is ``None``, and ``seek`` alone that a stream cannot go back:
# :ref:`sphx_glr_recipes_recipes_saving_and_loading_models_for_inference.py`.

# sphinx_gallery_fold = "More checks of the function and of the messages"
kinds = {
    "page.pt": "web page: download the file itself",
    "error.pt": "JSON: read the error message in it",
    "empty.pt": "empty, or only zeros: copy it again",
    "zeros.bin": "empty, or only zeros: copy it again",
    "saved.pt": "torch.save: torch.load",
    "half.pt": "end is missing: copy it again",
    "gzip.pt": "gzip: unpack it",
    "zip.pt": "zip archive: unpack it",
    "model.pth.tar": "tar: unpack it",
    "legacy.pt": "before PyTorch 1.6: torch.load",
    "python2.pth": "before PyTorch 1.6: torch.load",
    "other.pkl": "other pickle: pickle.load, if you trust it",
    "model.safetensors": "safetensors: safetensors.torch.load_file",
    "renamed.pt": "safetensors: safetensors.torch.load_file",
    "script.pt": "TorchScript: torch.jit.load",
    "exported.pt2": "exported program: torch.export.load",
}
for path, kind in kinds.items():
    assert identify(path) == kind, path

beginnings = []
for size in range(40, 320):  # the length in front ends in any byte
    tensors = {"w" * size: torch.ones(1)}
    content = safetensors.torch.save(tensors)
    Path("any.pt").write_bytes(content)
    beginnings.append((content[0], identify("any.pt")))
assert {kind for _, kind in beginnings} == {kinds["renamed.pt"]}
assert {ord("\x80"), ord("0")} <= dict(beginnings).keys()

messages = {}
for path in ["page.pt", "renamed.pt", "empty.pt", "half.pt", "model.pth.tar"]:
    try:
        torch.load(path)
    except Exception as error:
        messages[path] = f"{type(error).__name__}: {error}"
assert "Unsupported operand 10\n" in messages["page.pt"]
assert "Unsupported operand" in messages["renamed.pt"]
assert messages["empty.pt"] == "EOFError: "
assert "failed finding central directory" in messages["half.pt"]
assert "legacy .tar format" in messages["model.pth.tar"]

# %%

# sphinx_gallery_fold = "Leave the temporary folder"
os.chdir(here)
folder.cleanup()

# %%
# Learn more
# ----------
#
# - :ref:`sphx_glr_recipes_troubleshooting_surviving_truncated_checkpoints.py`
# - :ref:`sphx_glr_recipes_troubleshooting_loading_safely_with_weights_only.py`
# - :ref:`sphx_glr_recipes_checkpoints_sharing_weights_and_safetensors.py`
# - `face_parsing#3 <https://github.com/hhj1897/face_parsing/issues/3>`__ on a
#   Git LFS pointer,
#   `MONAI#8192 <https://github.com/Project-MONAI/MONAI/issues/8192>`__ on
#   ``constants.pkl``,
#   `GazeCapture#27 <https://github.com/CSAILVision/GazeCapture/issues/27>`__ on
#   a ``.pth.tar`` that is no tar archive
# - :func:`torch.load`, :func:`torch.jit.load`, :mod:`zipfile`
