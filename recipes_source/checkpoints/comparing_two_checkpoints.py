"""
Comparing two checkpoints
=========================

Find out what changed between two checkpoints: which keys, shapes and dtypes, which
values, and by how much in each layer.

**For whom:** you want to know whether two files hold the same model, which layers a
training step moved, or why one file loads and the other does not.

Setup
-----

Install PyTorch, and Matplotlib for the figure::

    pip install torch matplotlib

Steps
-----

1. Import the libraries
2. Save a checkpoint after every step
3. List what differs
4. Measure how far each layer moved
5. Compare checkpoints of different models
6. Prove that two checkpoints are equal
"""

# sphinx_gallery_tags = ["loading", "checkpoint", "keys", "reproducibility"]
# sphinx_gallery_keywords = ["difference", "diff", "check if two models have equal weights", "equal", "which layers changed"]
# sphinx_gallery_reading_order = 50

# %%
# 1. Import the libraries
# ~~~~~~~~~~~~~~~~~~~~~~~
#
# The seed makes every run print the same values. The checkpoints go to a temporary
# folder.

import hashlib
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(0)
plt.style.use("petroff10")
folder = tempfile.TemporaryDirectory()
path = Path(folder.name)

# %%
# 2. Save a checkpoint after every step
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# A network of four layers is trained for eight steps. The stem is frozen all the time,
# and the two blocks for the first four steps. Checkpoint 0 is the untrained network.


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Linear(8, 16)
        self.block1 = nn.Linear(16, 16)
        self.block2 = nn.Linear(16, 16)
        self.head = nn.Linear(16, 3)

    def forward(self, x):
        x = F.relu(self.stem(x))
        x = F.relu(self.block2(F.relu(self.block1(x))))
        return self.head(x)


net = Net()
optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
inputs = torch.randn(64, 8)
targets = inputs[:, :3].argmax(dim=1)

torch.save(net.state_dict(), path / "step0.pt")
for step in range(1, 9):
    net.stem.requires_grad_(False)
    net.block1.requires_grad_(step > 4)
    net.block2.requires_grad_(step > 4)
    optimizer.zero_grad()
    F.cross_entropy(net(inputs), targets).backward()
    optimizer.step()
    torch.save(net.state_dict(), path / f"step{step}.pt")

print(f"{len(list(path.iterdir()))} checkpoints")
assert len(list(path.iterdir())) == 9

# %%
# 3. List what differs
# ~~~~~~~~~~~~~~~~~~~~
#
# Two tensors can be compared only if both exist, have the same shape and the same
# dtype, so the function asks in this order. Loading to the CPU lets it compare a file
# that was saved on another device.


def load(name):
    return torch.load(path / f"{name}.pt", map_location="cpu")


def compare(old, new):
    """Map each key of two state_dicts to what differs."""
    report = {}
    for key in [*old, *(key for key in new if key not in old)]:
        if key not in new:
            report[key] = "removed"
        elif key not in old:
            report[key] = "added"
        elif old[key].shape != new[key].shape:
            report[key] = f"shape {tuple(old[key].shape)} -> {tuple(new[key].shape)}"
        elif old[key].dtype != new[key].dtype:
            report[key] = f"dtype {old[key].dtype} -> {new[key].dtype}"
        else:
            report[key] = "same" if torch.equal(old[key], new[key]) else "values"
    return report


# %%
# From step 3 to step 4, only the head changed. From step 4 to step 5, the blocks did,
# too.

early = compare(load("step3"), load("step4"))
late = compare(load("step4"), load("step5"))

print(f"{'key':<15}{'3 -> 4':<10}4 -> 5")
for key in early:
    print(f"{key:<15}{early[key]:<10}{late[key]}")

assert [k for k in early if early[k] == "values"] == ["head.weight", "head.bias"]
assert [k for k in late if late[k] == "same"] == ["stem.weight", "stem.bias"]

# %%
# 4. Measure how far each layer moved
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# The *relative change* of a layer is the length of the step, divided by the length of
# the weights before it. It makes layers of different size comparable. Each column of
# the table is one training step.


def relative_change(old, new, layer):
    keys = [key for key in old if key.startswith(f"{layer}.")]
    before = torch.cat([old[key].flatten() for key in keys])
    after = torch.cat([new[key].flatten() for key in keys])
    return ((after - before).norm() / before.norm()).item()


layers = ["stem", "block1", "block2", "head"]
states = [load(f"step{step}") for step in range(9)]
percent = [
    [100 * relative_change(old, new, layer) for old, new in zip(states, states[1:])]
    for layer in layers
]

print(f"{'step':<8}" + "".join(f"{step:>5}" for step in range(1, 9)))
for layer, row in zip(layers, percent):
    print(f"{layer:<8}" + "".join(f"{value:>4.0f}%" for value in row))

assert percent[0] == [0] * 8
assert percent[1][:4] == percent[2][:4] == [0] * 4

# %%
# As a heat map, the frozen layers stand out. Their change is exactly zero, and that of
# the others never is.

fig, ax = plt.subplots(figsize=(5, 2.8), layout="constrained")
image = ax.imshow(percent, aspect="auto", cmap="viridis")
ax.set_xticks(range(8), range(1, 9))
ax.set_yticks(range(4), layers)
ax.set(xlabel="training step")
fig.colorbar(image, label="relative change (%)")
ax.set_title("How far each step moved each layer")
plt.show()

assert max(percent[0] + percent[1][:4] + percent[2][:4]) == 0
assert min(percent[1][4:] + percent[2][4:] + percent[3]) > 0

# %%
# 5. Compare checkpoints of different models
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# The same function explains why a file does not fit a model. This one is made to look
# as if it came from another version, in which ``block2`` had another name, the head had
# five classes, and the stem was stored in half precision. A renamed layer shows as one
# removed and one added.

other = load("step8")
other["block3.weight"] = other.pop("block2.weight")
other["block3.bias"] = other.pop("block2.bias")
other["head.weight"], other["head.bias"] = torch.zeros(5, 16), torch.zeros(5)
for key in ["stem.weight", "stem.bias"]:
    other[key] = other[key].half()

report = compare(load("step8"), other)
for key, difference in report.items():
    print(f"{key:<15}{difference}")

assert report["block2.weight"] == "removed" and report["block3.weight"] == "added"
assert report["head.weight"] == "shape (3, 16) -> (5, 16)"
assert report["stem.weight"] == "dtype torch.float32 -> torch.float16"

# %%
# 6. Prove that two checkpoints are equal
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# Comparing the files is not enough. :func:`torch.save` writes the name of the file into
# it, so that two files with the same tensors can differ.

torch.save(net.state_dict(), path / "final.pt")
digests = [
    hashlib.sha256((path / name).read_bytes()).hexdigest()
    for name in ["step8.pt", "final.pt"]
]
report = compare(load("step8"), load("final"))

print("same bytes:  ", digests[0] == digests[1])
print("same tensors:", set(report.values()) == {"same"})
assert digests[0] != digests[1]
assert set(report.values()) == {"same"}

# %%
# In a test, :func:`torch.testing.assert_close` compares two dictionaries of tensors in
# one call. Without tolerances, ``rtol=0`` and ``atol=0``, it demands equal values, and
# ``equal_nan=True`` lets ``nan`` equal ``nan``. If all is well it returns ``None``.

exactly = {"rtol": 0, "atol": 0, "equal_nan": True}
result = torch.testing.assert_close(load("final"), load("step8"), **exactly)
print("final against step8:", result)
assert result is None

# %%
# For the message in the other case, set one bias to 1 in one dictionary and to 1.5 in
# the other. The message counts the elements that differ, and names the key last.

expected, actual = load("step8"), load("final")
expected["stem.bias"][2] = 1.0
actual["stem.bias"][2] = 1.5

try:
    torch.testing.assert_close(actual, expected, **exactly)
except AssertionError as error:
    message = str(error)
    print(f"{type(error).__name__}: {message}")
else:
    raise AssertionError("the difference was not found")

assert "Mismatched elements: 1 / 16" in message
assert message.endswith("The failure occurred for item ['stem.bias']")

folder.cleanup()

# %%
# Compare keys first, then shapes, dtypes and values, and measure the change per layer.
# For a yes-or-no answer use :func:`torch.testing.assert_close`, not the bytes of the
# files.
#
# Learn more
# ----------
#
# - :ref:`sphx_glr_recipes_troubleshooting_reading_missing_and_unexpected_keys.py`
# - :ref:`sphx_glr_recipes_troubleshooting_renaming_keys_of_old_checkpoints.py`
# - :ref:`sphx_glr_recipes_training_resuming_bit_exactly.py`
# - :func:`torch.equal` and :func:`torch.testing.assert_close` in the API documentation
