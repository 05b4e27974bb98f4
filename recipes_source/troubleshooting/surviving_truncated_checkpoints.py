"""
My checkpoint is corrupt: what now, and how do I prevent it?
============================================================

Tell from the message what happened to the file, save so that a crash or a full
disk costs nothing, and resume from the newest intact file.
"""

# sphinx_gallery_tags = ["loading", "saving", "checkpoint", "errors"]
# sphinx_gallery_keywords = ["corrupted", "broken file", "crash while saving", "incomplete download", "quota", "atomic save", "worked yesterday", "file write failed", "corrupt checkpoint", "disk full", "central directory"]
# sphinx_gallery_reading_order = 50

# %%

# sphinx_gallery_fold = "A model, its checkpoint, and half of that file"
import hashlib
import io
import os
import resource
import tempfile
import threading
import zipfile
from contextlib import contextmanager
from pathlib import Path

import torch
import torch.nn as nn

here = globals().get("here", os.getcwd())
folder = tempfile.TemporaryDirectory()
os.chdir(folder.name)

torch.manual_seed(0)
model = nn.Sequential(nn.Linear(256, 512), nn.ReLU(), nn.Linear(512, 256))
torch.save(model.state_dict(), "model.pt")
whole = Path("model.pt").read_bytes()
Path("half.pt").write_bytes(whole[: len(whole) // 2])


@contextmanager
def full_disk():
    """Limit the size of files to 100 kB, in place of a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


# %%
# Short answer
# ------------
#
# Copy or download the file again; nothing repairs half a file. When you save,
# write to another file first, so that the last checkpoint is always whole:

import os

import torch


def save(checkpoint, path):
    with open(f"{path}.tmp", "wb") as file:
        torch.save(checkpoint, file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(f"{path}.tmp", path)


save({"epoch": 3, "model": model.state_dict()}, "checkpoint.pt")

# %%
# ``os.replace`` is a single file system operation: whoever opens
# ``checkpoint.pt`` sees the old file or the new one, never part of one.
#
# .. fold:: Who this is for
#
#    ``torch.load`` says ``failed finding central directory``, training stopped
#    in ``torch.save``, or your jobs can be killed while they save.
#
# .. fold:: Setup
#
#    PyTorch 2.0 or newer; the simulated full disk needs Linux or macOS::
#
#        pip install "torch>=2.6"

# %%
# What happened to the file?
# --------------------------
#
# ========================================== ==================================
# the message                                what to do
# ========================================== ==================================
# ``failed finding central directory``       the end is missing: copy it again
# ``failed locating file``                   interrupted save: use an older one
# ``EOFError``, ``Ran out of input``         the file is empty: copy it again
# ``unexpected EOF, expected``               the end is missing, old format
# ``invalid hash value``                     download it again
# ``unexpected pos``, ``iostream error``     the disk or your quota is full
# ``PytorchStreamWriter failed writing``     the same, as in PyTorch 2.6
# ``No space left on device``                the same: see ``df -h``
# ``Stale file handle``, ``write(): fd``     the network disk (NFS) failed
# ``invalid load key``, ``operand 118``      :ref:`not a checkpoint
#                                            <sphx_glr_recipes_troubleshooting_identifying_a_checkpoint_file.py>`
# ========================================== ==================================
#
# ``torch.save`` writes a zip archive with its *central directory*, the table of
# contents, at the very end. Half a file has none, although its first tensors
# are complete:
#
# .. diagnosis:: The end of the file is missing: a copy or a save was
#       interrupted.
#    :message: failed finding central directory
#              PytorchStreamReader failed reading zip archive
#              PytorchStreamReader failed reading file
#              Storage tensor size did not match record size
#              unexpected EOF, expected {n} more bytes
#    :fix: what-happened-to-the-file
#
#    print(os.path.getsize(path))  # compare with the original, copy it again
#
# .. diagnosis:: The file is empty: a save was interrupted, or a download
#       failed.
#    :message: EOFError: Ran out of input
#    :traceback: torch/serialization.py
#                torch.load(
#    :fix: what-happened-to-the-file
#
#    print(os.path.getsize(path))  # 0: copy it again
#
# .. diagnosis:: The file lacks a part of its tensors: a copy or a save was
#       interrupted.
#    :message: storage has wrong size: expected
#              storage has wrong byte size: expected
#    :fix: what-happened-to-the-file
#
#    print(os.path.getsize(path))  # compare with the original, copy it again
#
# .. diagnosis:: The end of the pickle is missing: a copy or a save was
#       interrupted.
#    :message: pickle data was truncated
#    :traceback: torch/serialization.py
#                torch.load(
#    :fix: what-happened-to-the-file
#
#    print(os.path.getsize(path))  # compare with the original, copy it again

Path("empty.pt").touch()
for path in ("empty.pt", "half.pt"):
    try:
        torch.load(path)
    except Exception as error:
        print(f"{type(error).__name__}: {error}")

assert (
    model[0].weight.detach().numpy().tobytes() in Path("half.pt").read_bytes()
)

# %%
# A checked download leaves no damaged file. If the hash is different each time,
# the connection is bad; if not, upgrade torchvision to get the new hash:
#
# .. diagnosis:: The download is not the file that was published.
#    :message: invalid hash value (expected "{hash}"
#    :fix: what-happened-to-the-file
#
#    torch.hub.download_url_to_file(url, path, hash_prefix="{hash}")

Path("broken.pt").write_bytes(whole[:2])
try:
    address = Path("broken.pt").resolve().as_uri()
    torch.hub.download_url_to_file(
        address, "copy.pt", hash_prefix="cf984f9c", progress=False
    )
except RuntimeError as error:
    print(f"{type(error).__name__}: {error}")

assert not Path("copy.pt").exists()

# %%
# What goes wrong
# ---------------
#
# ``torch.save`` empties the file before it writes, so whatever stops it also
# destroys the previous checkpoint: Ctrl+C, an object that cannot be pickled, a
# full disk. (The disk is not really full: a limit of 100 kB for files makes
# ``torch.save`` fail with the same message.)
#
# .. diagnosis:: The disk or the quota is full, or a network drive failed, and
#       the new file is broken.
#    :message: . unexpected pos {a} vs {b}
#              file write failed
#              PytorchStreamWriter failed writing
#              write(): fd {n} failed with
#              basic_ios::clear: iostream error
#              No space left on device
#              Disk quota exceeded
#              Stale file handle
#    :fix: short-answer
#
#    print(shutil.disk_usage("."))
#
# .. diagnosis:: An object in the checkpoint cannot be pickled, and the file is
#       broken now.
#    :message: cannot pickle '_thread.lock' object
#    :except: dataloader.py
#             multiprocessing
#    :fix: short-answer
#
#    save(checkpoint, path)  # writes a second file, then replaces the first
#
# .. diagnosis:: The save was interrupted after the file was opened.
#    :message: PytorchStreamReader failed locating file data.pkl
#    :fix: resume-from-the-newest-intact-file
#
#    checkpoint = load_newest(folder)
#
# .. diagnosis:: The folder of the path does not exist.
#    :message: Parent directory {folder} does not exist
#    :fix: short-answer
#
#    os.makedirs(os.path.dirname(path), exist_ok=True)

# sphinx_gallery_wrong = True
for extra in ({}, {"lock": threading.Lock()}):
    torch.save(model.state_dict(), "model.pt")  # a good checkpoint
    try:
        with full_disk():
            torch.save(model.state_dict() | extra, "model.pt")
    except Exception as error:
        print(f"{type(error).__name__}: {error}")
    try:
        torch.load("model.pt")
    except RuntimeError as error:
        print(f"{type(error).__name__}: {error}")

# %%
# With ``save``, the last checkpoint stays as it was. Free some space, starting
# with the unfinished file, and save again:

try:
    with full_disk():
        save({"epoch": 4, "model": model.state_dict()}, "checkpoint.pt")
except (OSError, RuntimeError):
    os.remove("checkpoint.pt.tmp")

print("epoch", torch.load("checkpoint.pt")["epoch"])
assert torch.load("checkpoint.pt")["epoch"] == 3

# %%
# Find damage that raises no error
# --------------------------------
#
# A bad disk or copy can flip a single bit. ``torch.load`` does not verify the
# checksums in the file, and loads a wrong weight. Python's :mod:`zipfile`
# verifies them, and names the damaged record:

damaged = bytearray(whole)
damaged[whole.index(model[0].weight.detach().numpy().tobytes()) + 3] ^= 0x40
Path("model.pt").write_bytes(damaged)

loaded = torch.load("model.pt")
with zipfile.ZipFile("model.pt") as archive:
    print(archive.testzip())
assert model[0].weight.abs().max() < 1 and loaded["0.weight"].abs().max() > 1e30
with zipfile.ZipFile("checkpoint.pt") as archive:
    assert archive.testzip() is None

# %%
# Resume from the newest intact file
# ----------------------------------
#
# Put a hash of the file into its name: both appear in one operation, and every
# changed byte shows. Sort by the *number*: alphabetically, ``epoch_1000`` comes
# before ``epoch_999``. (``hashlib.file_digest`` needs Python 3.11.)


def sha256(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def save_epoch(checkpoint, folder, epoch):
    path = Path(folder, f"epoch_{epoch}.pt")
    save(checkpoint, path)
    os.replace(path, path.with_name(f"epoch_{epoch}-{sha256(path)}.pt"))


def load_newest(folder):
    found = []
    for path in Path(folder).glob("epoch_*-*.pt"):
        epoch, digest = path.stem.removeprefix("epoch_").split("-")
        found.append((int(epoch), digest, path))
    for epoch, digest, path in sorted(found, reverse=True):
        if sha256(path) == digest:
            return torch.load(path, map_location="cpu")
        print(f"epoch {epoch} is damaged")
    raise FileNotFoundError(f"no intact checkpoint in {folder}")


Path("run").mkdir(exist_ok=True)
for epoch in (998, 999, 1000):
    save_epoch({"epoch": epoch, "model": model.state_dict()}, "run", epoch)
newest, _, second = sorted(Path("run").iterdir())  # 1000, 998, 999
newest.write_bytes(newest.read_bytes()[:1000])
second.write_bytes(second.read_bytes() + b"!")

checkpoint = load_newest("run")
print("resumed from epoch", checkpoint["epoch"])
assert checkpoint["epoch"] == 998

# %%

# sphinx_gallery_fold = "Checks of the table, and the end of the temporary folder"
legacy = io.BytesIO()
torch.save(model.state_dict(), legacy, _use_new_zipfile_serialization=False)
messages = []
try:
    torch.load(io.BytesIO(legacy.getvalue()[: len(whole) // 2]))
except RuntimeError as error:
    messages.append(str(error))
with tempfile.TemporaryFile() as file, full_disk():
    try:
        torch.save(
            model.state_dict(), file, _use_new_zipfile_serialization=False
        )
    except RuntimeError as error:
        messages.append(str(error))
assert "unexpected EOF, expected" in messages[0]
assert messages[1].startswith("write(): fd ")

os.chdir(here)
folder.cleanup()

# %%
# Learn more
# ----------
#
# - :ref:`sphx_glr_recipes_recipes_saving_and_loading_a_general_checkpoint.py`
# - :ref:`sphx_glr_recipes_troubleshooting_loading_safely_with_weights_only.py`
# - `vision#8488 <https://github.com/pytorch/vision/issues/8488>`__ on the hash,
#   `pytorch#10577 <https://github.com/pytorch/pytorch/issues/10577>`__ on a
#   network disk
# - :func:`torch.save`, :func:`os.replace`, :func:`os.fsync`
