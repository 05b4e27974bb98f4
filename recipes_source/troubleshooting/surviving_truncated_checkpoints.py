"""
Surviving truncated checkpoints
===============================

A damaged checkpoint can fail with a puzzling error or load wrong values in
silence; save atomically, with a checksum, to have a good one to return to.

**For whom:** you got ``failed finding central directory`` from a checkpoint, or
your training jobs can be killed while they save.

Setup
-----

Install PyTorch, and Matplotlib for the figure::

    pip install torch matplotlib

Steps
-----

1. Import the libraries and save a checkpoint
2. Look at the layout of the file
3. Cut the file in half and read the error
4. Recognize other kinds of damage
5. Interrupt a save
6. Save atomically
7. Add a checksum and recover
"""

# sphinx_gallery_tags = ["loading", "saving", "checkpoint", "errors"]
# sphinx_gallery_keywords = ["corrupted", "broken file", "Ran out of input", "invalid load key", "crash while saving"]
# sphinx_gallery_reading_order = 50

# %%
# 1. Import the libraries and save a checkpoint
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# Everything besides ``torch`` and the figure comes with Python. All files go to a
# temporary folder, which the last cell removes.

import hashlib
import os
import tempfile
import zipfile
from pathlib import Path

import matplotlib.pyplot as plt
import torch
import torch.nn as nn

torch.manual_seed(0)
plt.style.use("petroff10")
folder = tempfile.TemporaryDirectory()

# %%
# The model has three linear layers. Its checkpoint is large enough to behave like
# a real one: the error in step 3 depends on the size.

net = nn.Sequential(
    nn.Linear(128, 256), nn.ReLU(), nn.Linear(256, 128), nn.ReLU(), nn.Linear(128, 10)
)
path = Path(folder.name) / "model.pt"
torch.save(net.state_dict(), path)

size = path.stat().st_size
weights = sum(t.numel() * t.element_size() for t in net.state_dict().values())
print(f"{weights:,} bytes of weights, and less than 10 kB of everything else")
assert weights == 268_840 and 0 < size - weights < 10_000

# %%
# 2. Look at the layout of the file
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# :func:`torch.save` writes a zip archive. ``data.pkl`` comes first and holds the
# keys and shapes. Each tensor follows as a record of its own, with its bytes
# uncompressed. The table of contents, which a reader needs first, is the very last
# thing in the file. The dashed line is where the next step cuts.

with zipfile.ZipFile(path) as archive:
    records = archive.infolist()
names = [record.filename.removeprefix("model/") for record in records]
starts = [record.header_offset for record in records]

fig, ax = plt.subplots(figsize=(5, 4), layout="constrained")
for row, record in enumerate(records):
    start, length = record.header_offset / 1000, record.file_size / 1000
    ax.barh(row, length, left=start, color="C0", edgecolor="C0", linewidth=2)
ax.plot(size / 1000, len(names), "D", color="C1")
ax.axvline(size / 2000, linestyle="--", color="C1")
ax.set_yticks(range(len(names) + 1), [*names, "table of contents"])
ax.set(xlim=(-10, 290), xlabel="position in the file (kB)")
ax.invert_yaxis()
ax.set_title("Where each record of the checkpoint is")
plt.show()

for name, record in zip(names, records):
    if name.startswith("data"):
        print(f"{name:<9}{record.file_size:>8} bytes")
assert names[0] == "data.pkl" and starts == sorted(starts)
assert sum(name.startswith("data/") for name in names) == len(net.state_dict())

# %%
# 3. Cut the file in half and read the error
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# A download that stopped, or a job that was killed while it saved, leaves the first
# part of the file. The *central directory* in the error is the table of contents.

whole = path.read_bytes()
damaged = Path(folder.name) / "damaged.pt"
damaged.write_bytes(whole[: size // 2])

try:
    torch.load(damaged)
except RuntimeError as error:
    print(f"{type(error).__name__}: {error}")
else:
    raise AssertionError("half a file was loaded")

# %%
# No option of :func:`torch.load` brings the missing bytes back. Compare the size of
# the file with the original, then copy or download it again.
#
# 4. Recognize other kinds of damage
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# The exception depends on what is left. The table shows five kinds of damage, and
# the last one loads without any error. The message of the ``UnpicklingError``
# suggests ``weights_only=False``. That cannot help a file that is no checkpoint:
# look at its size and its first bytes instead.

position = whole.index(net[0].weight.detach().numpy().tobytes()) + 3
flipped = bytearray(whole)
flipped[position] ^= 0x40  # one bit of the first weight

damages = {
    "last byte missing": whole[:-1],
    "cut to 50 kB": whole[:50_000],
    "empty file": b"",
    "a web page saved as model.pt": b"<!DOCTYPE html>",
    "one bit flipped": bytes(flipped),
}
outcome = []
for damage, content in damages.items():
    damaged.write_bytes(content)
    try:
        loaded = torch.load(damaged)
        outcome.append("no error")
    except Exception as error:
        outcome.append(type(error).__name__)
        message = str(error)
    print(f"{damage:<30}{outcome[-1]}")

assert outcome[:3] == ["RuntimeError", "OSError", "EOFError"]
assert outcome[3:] == ["UnpicklingError", "no error"] and "weights_only" in message

# %%
# The flipped bit made the first weight enormous, and the model would compute with
# it. :func:`torch.load` did not compare the CRC-32 checksums that are in the archive.
# Python's :mod:`zipfile` does, and names the first damaged record.

print(f"{loaded['0.weight'].abs().max().item() > 1e30 = }")
with zipfile.ZipFile(damaged) as archive:
    print(f"{archive.testzip() = }")
    assert archive.testzip() == "model/data/0"
with zipfile.ZipFile(path) as archive:
    assert archive.testzip() is None

assert net[0].weight.abs().max() < 1 and loaded["0.weight"].abs().max() > 1e30

# %%
# 5. Interrupt a save
# ~~~~~~~~~~~~~~~~~~~
#
# :func:`torch.save` empties the file before it writes the new content. If anything goes
# wrong after that, the previous checkpoint is lost as well. Here an object in the
# checkpoint acts as if you had pressed Ctrl+C while it was being saved.


class Interrupt:
    def __reduce__(self):
        raise KeyboardInterrupt


try:
    torch.save({"model": net.state_dict(), "stop": Interrupt()}, path)
except KeyboardInterrupt:
    print(f"less than 1 kB left: {path.stat().st_size < 1000}")

assert path.stat().st_size < 1000 < size

# %%
# This time the table of contents was written, but the records were not. The error
# is a different one, and the intact checkpoint of a moment ago is gone.

try:
    torch.load(path)
except RuntimeError as error:
    print(f"{type(error).__name__}: {error}")
else:
    raise AssertionError("an interrupted save was loaded")

# %%
# 6. Save atomically
# ~~~~~~~~~~~~~~~~~~
#
# *Atomically* means that readers see either the old file or the new one, never a
# part of it. It takes three steps:
#
# - write to a temporary file in the same folder,
# - wait with :func:`os.fsync` until its bytes have reached the disk,
# - give it the final name with :func:`os.replace`, which the file system does as one
#   operation.


def save_atomically(checkpoint, path):
    temporary = path.with_suffix(".tmp")
    with open(temporary, "wb") as file:
        torch.save(checkpoint, file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)


save_atomically(net.state_dict(), path)
loaded = torch.load(path)
print(f"{len(loaded)} tensors in {path.name}")
assert all(torch.equal(loaded[key], net.state_dict()[key]) for key in loaded)

# %%
# The same interruption now hits the temporary file. The old checkpoint still loads,
# and the next save writes over the leftover.

before = path.read_bytes()
try:
    save_atomically({"model": net.state_dict(), "stop": Interrupt()}, path)
except KeyboardInterrupt:
    print(sorted(file.name for file in path.parent.glob("model.*")))

assert path.with_suffix(".tmp").exists() and path.read_bytes() == before
assert torch.load(path).keys() == net.state_dict().keys()

# %%
# 7. Add a checksum and recover
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# A file that was written completely can still be damaged later, by a copy or by the
# disk. So keep more than one checkpoint, and next to each one its SHA-256 checksum.
# It changes with every byte of the file, in any format. (From Python 3.11 on,
# :func:`hashlib.file_digest` computes it without reading the whole file at once.)


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


run = Path(folder.name) / "run"
run.mkdir()
weight_after = {}
for epoch in range(1, 4):
    with torch.no_grad():  # stands for an epoch of training
        net[0].weight.add_(0.01 * torch.randn_like(net[0].weight))
    checkpoint = run / f"epoch_{epoch:03}.pt"
    save_atomically({"epoch": epoch, "model": net.state_dict()}, checkpoint)
    checkpoint.with_suffix(".sha256").write_text(sha256(checkpoint))
    weight_after[epoch] = net[0].weight.detach().clone()

print([file.name for file in sorted(run.glob("*.pt"))])
assert len(list(run.glob("*.sha256"))) == 3 and not list(run.glob("*.tmp"))

# %%
# Now the newest checkpoint loses its second half, and one bit flips in the one
# before it. The loader goes from new to old, skips each file that does not match
# its checksum, and returns the first that does: training goes on from epoch 1.

third, second = run / "epoch_003.pt", run / "epoch_002.pt"
third.write_bytes(third.read_bytes()[: third.stat().st_size // 2])
content = bytearray(second.read_bytes())
content[len(content) // 2] ^= 1
second.write_bytes(content)


def load_newest_intact(run):
    for path in sorted(run.glob("epoch_*.pt"), reverse=True):
        note = path.with_suffix(".sha256")
        if note.exists() and note.read_text() == sha256(path):
            return torch.load(path)
        print(f"skipped {path.name}: checksum missing or different")
    raise FileNotFoundError(f"no intact checkpoint in {run}")


checkpoint = load_newest_intact(run)
print(f"loaded epoch {checkpoint['epoch']}")
assert checkpoint["epoch"] == 1
torch.testing.assert_close(
    checkpoint["model"]["0.weight"], weight_after[1], rtol=0, atol=0
)

folder.cleanup()

# %%
# You have seen what a damaged checkpoint looks like, that some damage raises no
# error, and how a temporary file and a checksum keep a good checkpoint at hand.
#
# Learn more
# ----------
#
# - :ref:`sphx_glr_recipes_recipes_saving_and_loading_a_general_checkpoint.py`
# - :ref:`sphx_glr_recipes_troubleshooting_loading_safely_with_weights_only.py`
# - :ref:`sphx_glr_recipes_checkpoints_comparing_two_checkpoints.py`
# - :func:`torch.save` and :func:`torch.load` in the API documentation
