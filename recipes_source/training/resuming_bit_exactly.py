"""
How do I resume training and get exactly the same results?
==========================================================

Save the random number generators with the model, optimizer and scheduler, so
that a resumed run repeats the uninterrupted one bit for bit.
"""

# sphinx_gallery_tags = ["resuming", "checkpoint", "reproducibility"]
# sphinx_gallery_keywords = ["deterministic", "reproducible", "random seed", "same result", "rng state", "loss curve", "loss increases after resuming", "loss jumps"]
# sphinx_gallery_reading_order = 20

# %%

# sphinx_gallery_fold = "A training run with several sources of randomness"
import os
import pickle
import random
import tempfile

import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, Dataset, TensorDataset

here = globals().get("here", os.getcwd())
folder = tempfile.TemporaryDirectory()
os.chdir(folder.name)

inputs = torch.randn(64, 8, generator=torch.Generator().manual_seed(0))
dataset = TensorDataset(inputs, inputs.sum(dim=1, keepdim=True))


def new_run():
    """Do what a script does when it starts."""
    random.seed(0)
    np.random.seed(0)
    torch.manual_seed(0)
    hidden = [nn.Linear(8, 16), nn.ReLU(), nn.BatchNorm1d(16), nn.Dropout(0.1)]
    model = nn.Sequential(*hidden, nn.Linear(16, 1))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=3)
    loader = DataLoader(dataset, batch_size=16, shuffle=True)
    return model, optimizer, scheduler, loader


def train_batch(model, optimizer, x, y):
    x = x * random.uniform(0.8, 1.2) + 0.1 * np.random.randn()
    loss = (model(x) - y).square().mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()


def train_epoch(model, optimizer, scheduler, loader):
    losses = [train_batch(model, optimizer, x, y) for x, y in loader]
    scheduler.step()
    return losses


# %%
# Short answer
# ------------
#
# Put ``rng_state()`` into the checkpoint with the model, optimizer, scheduler
# and gradient scaler. When you resume, call ``set_rng_state`` last.

import random

import numpy as np
import torch


def rng_state():
    kind, key, *rest = np.random.get_state()
    states = [torch.get_rng_state(), *torch.cuda.get_rng_state_all()]
    return random.getstate(), (kind, key.tolist(), *rest), states


def set_rng_state(state):
    random.setstate(state[0])
    np.random.set_state(state[1])
    torch.set_rng_state(state[2][0])
    torch.cuda.set_rng_state_all(state[2][1:])


# %%
# Load the file with ``map_location="cpu"``. On a machine without a GPU, the
# CUDA lines do nothing. Leave out the generators that your program does not
# use.
#
# .. fold:: Who this is for
#
#    Your training was interrupted and resumed, and the losses are not those of
#    an uninterrupted run.
#
# .. fold:: Setup
#
#    Tried with PyTorch 2.6 and 2.13::
#
#        pip install "torch>=2.6" "numpy>=1.26"

# %%
# Why it works
# ------------
#
# Shuffling, dropout, augmentation and weight initialization draw from these
# generators. A run of eight epochs saves after the fourth. Resumed, it ends
# with exactly the same weights, but not if *any* part is missing:

model, optimizer, scheduler, loader = new_run()
for epoch in range(8):
    if epoch == 4:
        checkpoint = {
            "epoch": epoch,
            "model": model.state_dict(),
            "optimizer": optimizer.state_dict(),
            "scheduler": scheduler.state_dict(),
            "rng": rng_state(),
        }
        torch.save(checkpoint, "checkpoint.pt")
    train_epoch(model, optimizer, scheduler, loader)


def resume(without=None):
    other, optimizer, scheduler, loader = new_run()
    checkpoint = torch.load("checkpoint.pt", map_location="cpu")
    parts = {"model": other, "optimizer": optimizer, "scheduler": scheduler}
    for name, part in parts.items():
        if name != without:
            part.load_state_dict(checkpoint[name])
    if without != "rng":
        set_rng_state(checkpoint["rng"])  # last: building layers draws too
    for _ in range(checkpoint["epoch"], 8):
        train_epoch(other, optimizer, scheduler, loader)
    weights = zip(other.state_dict().values(), model.state_dict().values())
    return max((a - b).abs().max().item() for a, b in weights)


differences = {}
for without in ["nothing", "model", "optimizer", "scheduler", "rng"]:
    differences[without] = resume(without)
    same = differences[without] == 0
    print(f"without {without:<10} {'equal bits' if same else 'differs'}")

assert [d == 0 for d in differences.values()] == [True] + 4 * [False]

# %%
# What goes wrong
# ---------------
#
# **Seeding is not resuming.** A script that only sets a seed when it starts
# repeats the shuffling of its first epoch each time it is resumed:

# sphinx_gallery_wrong = True
numbers = DataLoader(range(6), batch_size=None, shuffle=True)
torch.manual_seed(0)
epochs = [list(numbers) for _ in range(3)]
torch.manual_seed(0)  # resumed after epoch 3
epochs.append(list(numbers))
print("first epoch:   ", epochs[0])
print("after resuming:", epochs[3])

assert epochs[3] == epochs[0] != epochs[1]

# %%
# **map_location moves the states too**, and a generator only takes a state on
# the CPU. Here the ``meta`` device takes the place of a GPU:
#
# .. diagnosis:: The state of the random numbers was moved to another device
#       while loading.
#    :message: RNG state must be a torch.ByteTensor
#    :fix: what-goes-wrong
#
#    checkpoint = torch.load(path, map_location="cpu")

# sphinx_gallery_wrong = True
checkpoint = torch.load("checkpoint.pt", map_location="meta")
try:
    set_rng_state(checkpoint["rng"])
except TypeError as error:
    print(f"{type(error).__name__}: {error}")

# %%
# **NumPy's raw state** has an array in it, which ``torch.load`` refuses with
# ``weights_only=True``. A list of numbers loads, and so does the state of a
# :func:`numpy.random.default_rng` generator:

torch.save(np.random.get_state(), "numpy.pt")
try:
    torch.load("numpy.pt")
except pickle.UnpicklingError as error:
    (line,) = [x for x in str(error).splitlines() if "Unsupported" in x]
    print(line.strip())

generator = np.random.default_rng(0)
torch.save(generator.bit_generator.state, "numpy.pt")
drawn = generator.random(3)
generator.bit_generator.state = torch.load("numpy.pt")

assert np.array_equal(generator.random(3), drawn)

# %%
# Variants
# --------
#
# **In the middle of an epoch.** Save the random state from *before* the epoch,
# the number of batches already done, and the current random state. (To skip
# them without reading, see
# :ref:`sphx_glr_recipes_training_resuming_data_loaders.py`.)

model, optimizer, scheduler, loader = new_run()
losses = []
start = rng_state()
for batch, (x, y) in enumerate(loader, start=1):
    losses.append(train_batch(model, optimizer, x, y))
    if batch == 2:
        checkpoint = {
            "model": model.state_dict(),
            "optimizer": optimizer.state_dict(),
            "epoch_rng": start,
            "batch": batch,
            "rng": rng_state(),
        }
        torch.save(checkpoint, "checkpoint.pt")

# %%
# To resume, start the same epoch again, skip the batches already done, and only
# then restore the second random state:

model, optimizer, scheduler, loader = new_run()
checkpoint = torch.load("checkpoint.pt", map_location="cpu")
model.load_state_dict(checkpoint["model"])
optimizer.load_state_dict(checkpoint["optimizer"])

set_rng_state(checkpoint["epoch_rng"])
batches = iter(loader)
for _ in range(checkpoint["batch"]):
    next(batches)
set_rng_state(checkpoint["rng"])
rest = [train_batch(model, optimizer, x, y) for x, y in batches]

print("equal losses:", rest == losses[2:])
assert len(rest) == 2 and rest == losses[2:]

# %%
# **Workers** of a data loader get new seeds each epoch from torch's generator
# in the main process, so there is nothing else to save. Only persistent workers
# go on with their own generators, which a new process does not have.

# sphinx_gallery_fold = "The third epoch of a data loader with a worker, resumed"


class Noise(Dataset):
    def __len__(self):
        return 4

    def __getitem__(self, index):
        return index, torch.rand(()), random.random(), np.random.rand()


def third_epoch(persistent, resume):
    options = {
        "num_workers": 1,
        "multiprocessing_context": "fork",
        "persistent_workers": persistent,
    }
    torch.manual_seed(0)
    loader = DataLoader(Noise(), shuffle=True, **options)
    for _ in range(2):
        list(loader)
    if resume:
        state = rng_state()
        loader = DataLoader(Noise(), shuffle=True, **options)
        set_rng_state(state)
    return [[part.item() for part in batch] for batch in loader]


same = {}
for persistent in [False, True]:
    whole, resumed = [third_epoch(persistent, resume) for resume in (0, 1)]
    same[persistent] = whole == resumed
    print(f"persistent_workers={persistent}: same data {same[persistent]}")

generator = torch.Generator()
state = generator.get_state()
own = DataLoader(range(6), shuffle=True, generator=generator)
order = torch.cat(list(own))
generator.set_state(state)

assert same == {False: True, True: False}
assert torch.equal(torch.cat(list(own)), order)

# %%
# **Generators of your own**, as in ``DataLoader(..., generator=generator)``,
# have :meth:`torch.Generator.get_state` and :meth:`~torch.Generator.set_state`.
#
# **On a GPU**, identical bits also need
# :func:`torch.use_deterministic_algorithms`; everywhere, they need the same
# versions and the same kind of machine. With **several processes**, each saves
# its own state.

# %%

# sphinx_gallery_fold = "Leave the temporary folder"
os.chdir(here)
folder.cleanup()

# %%
# Learn more
# ----------
#
# - :ref:`sphx_glr_recipes_recipes_saving_and_loading_a_general_checkpoint.py`
# - :ref:`sphx_glr_recipes_training_resuming_learning_rate_schedules.py`
# - :ref:`sphx_glr_recipes_training_saving_the_gradient_scaler.py`
# - :ref:`sphx_glr_recipes_troubleshooting_loading_safely_with_weights_only.py`
# - `pytorch#5627 <https://github.com/pytorch/pytorch/issues/5627>`__, on a
#   resumed run with other losses
# - :func:`torch.get_rng_state`, :func:`torch.cuda.get_rng_state_all`,
#   :func:`random.getstate`
