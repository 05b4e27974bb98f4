"""
Resuming bit-exactly
====================

A resumed run equals the uninterrupted one in every bit once the checkpoint also
holds the optimizer, the scheduler and the random number generators.

**For whom:** your training is interrupted and resumed, and afterwards the loss
curve does not continue as it would have.

Setup
-----

Install PyTorch, and Matplotlib for the figure::

    pip install torch matplotlib

Steps
-----

1. Import the libraries
2. Define a run with everything that can differ
3. Train without interruption and save on the way
4. Resume with everything, and with one part missing
5. Compare the losses
6. See why seeding again is not resuming
7. Keep the random number generator's state on the CPU
8. Resume in the middle of an epoch
"""

# sphinx_gallery_tags = ["resuming", "checkpoint", "reproducibility"]
# sphinx_gallery_keywords = ["deterministic", "reproducible", "random seed", "same result"]
# sphinx_gallery_reading_order = 20

# %%
# 1. Import the libraries
# ~~~~~~~~~~~~~~~~~~~~~~~
#
# The run draws random numbers from ``torch`` and from Python's :mod:`random`. The
# checkpoint goes to a folder that is removed at the end.

import random
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(0)
plt.style.use("petroff10")

folder = tempfile.TemporaryDirectory()
path = Path(folder.name) / "checkpoint.pt"

# %%
# 2. Define a run with everything that can differ
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# ``new_run`` is what a training script does when it starts. It sets the seeds, so
# two scripts begin alike. Batch normalization has buffers, Adam and the scheduler
# have state, and shuffling and dropout draw from the generator of ``torch``.

inputs = torch.randn(256, 8)
dataset = TensorDataset(inputs, inputs.sum(dim=1, keepdim=True))


def new_run():
    torch.manual_seed(0)
    random.seed(0)
    hidden = [nn.Linear(8, 32), nn.ReLU(), nn.BatchNorm1d(32), nn.Dropout(0.1)]
    model = nn.Sequential(*hidden, nn.Linear(32, 1))
    optimizer = optim.Adam(model.parameters(), lr=0.005)
    scheduler = optim.lr_scheduler.StepLR(optimizer, step_size=3, gamma=0.5)
    loader = DataLoader(dataset, batch_size=32, shuffle=True)
    return model, optimizer, scheduler, loader


# %%
# One epoch scales each batch at random, which is where :mod:`random` comes in. It
# returns the mean loss. Two new runs agree in every bit, as they should.


def train_epoch(model, optimizer, scheduler, loader):
    losses = []
    for x, y in loader:
        loss = F.mse_loss(model(x * random.uniform(0.8, 1.2)), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    scheduler.step()
    return sum(losses) / len(losses)


first, second = train_epoch(*new_run()), train_epoch(*new_run())
print("two new runs have the same loss:", first == second)
assert first == second

# %%
# 3. Train without interruption and save on the way
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# Eight epochs, with a checkpoint after the fourth. :func:`torch.get_rng_state`
# returns the state of the generator as a tensor, and :func:`random.getstate`
# returns a tuple of numbers. Both load with the default ``weights_only=True``.

model, optimizer, scheduler, loader = new_run()
full = []
for epoch in range(1, 9):
    full.append(train_epoch(model, optimizer, scheduler, loader))
    if epoch == 4:
        checkpoint = {
            "epoch": epoch,
            "model": model.state_dict(),
            "optimizer": optimizer.state_dict(),
            "scheduler": scheduler.state_dict(),
            "torch_rng": torch.get_rng_state(),
            "python_rng": random.getstate(),
        }
        torch.save(checkpoint, path)

print(list(torch.load(path)))
print("torch_rng:", checkpoint["torch_rng"].dtype, checkpoint["torch_rng"].device)
assert torch.load(path)["python_rng"] == checkpoint["python_rng"]
assert checkpoint["torch_rng"].dtype == torch.uint8

# %%
# 4. Resume with everything, and with one part missing
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# ``resume`` starts a new run, restores what the file holds except one part, and
# trains the four remaining epochs. It returns the losses and the largest difference
# to the weights and buffers of the uninterrupted run. The random number generators
# come last, because building the layers draws numbers too.


def resume(without=None):
    other, *rest, loader = new_run()
    saved = torch.load(path, map_location="cpu")
    parts = {"model": other, "optimizer": rest[0], "scheduler": rest[1]}
    for name, part in parts.items():
        if name != without:
            part.load_state_dict(saved[name])
    if without != "torch_rng":
        torch.set_rng_state(saved["torch_rng"])
    if without != "python_rng":
        random.setstate(saved["python_rng"])

    losses = [train_epoch(other, *rest, loader) for _ in range(saved["epoch"], 8)]
    pairs = zip(other.state_dict().values(), model.state_dict().values())
    return losses, max((p - q).abs().max().item() for p, q in pairs)


# %%
# With everything restored the difference is exactly 0. Each missing part makes the
# run differ.

results = {}
for without in [None, "optimizer", "scheduler", "torch_rng", "python_rng"]:
    results[without] = resume(without)
    difference = results[without][1]
    print(f"without {without or 'nothing':<11} largest difference {difference:.1g}")
    assert (difference == 0) == (without is None)

assert results[None][0] == full[4:]

# %%
# 5. Compare the losses
# ~~~~~~~~~~~~~~~~~~~~~
#
# The circles of the complete checkpoint lie on the uninterrupted line, because the
# four losses are equal. The other two curves leave it in epoch 5. One of them is
# lower, which is no sign of a correct resume: the learning rate is part of the
# optimizer's state, so without it the rate is back at its first value. Without the
# scheduler, two losses are still equal, and only the next drop comes too late.

fig, ax = plt.subplots(figsize=(5, 3.4), layout="constrained")
ax.plot(range(3, 9), full[2:], label="uninterrupted", color="C0")
styles = {
    None: ("everything restored", dict(ls="", marker="o", ms=10, mfc="none", mew=2)),
    "optimizer": ("without the optimizer", dict(ls="--", marker="s")),
    "torch_rng": ("without the generator", dict(ls=":", marker="^")),
}
for i, (without, (label, style)) in enumerate(styles.items(), start=1):
    ax.plot(range(5, 9), results[without][0], label=label, color=f"C{i}", **style)
ax.set(xlabel="epoch", ylabel="mean squared error")
ax.set_title("Training loss, resumed after epoch 4")
ax.legend()
plt.show()

for without, (losses, _) in results.items():
    same = sum(a == b for a, b in zip(losses, full[4:]))
    print(f"without {without or 'nothing':<11} {same} of 4 losses equal")
    assert same == {None: 4, "scheduler": 2}.get(without, 0)

saved_lr = torch.load(path)["optimizer"]["param_groups"][0]["lr"]
new_lr = new_run()[1].param_groups[0]["lr"]
print(f"learning rate: {saved_lr} in the file, {new_lr} in a new run")
assert (saved_lr, new_lr) == (0.0025, 0.005)

# %%
# 6. See why seeding again is not resuming
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# A script that seeds at its start and restores no generator repeats the shuffling
# of the first epoch, every time it is resumed. Here are three epochs of six
# samples, and the first epoch after seeding again.

loader = DataLoader(range(6), batch_size=None, shuffle=True)

torch.manual_seed(0)
epochs = [list(loader) for _ in range(3)]
torch.manual_seed(0)
seeded_again = list(loader)

for number, order in enumerate(epochs, start=1):
    print(f"epoch {number}:     {order}")
print(f"seeded again: {seeded_again}")
assert seeded_again == epochs[0] != epochs[1]

# %%
# 7. Keep the random number generator's state on the CPU
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# ``resume`` loads with ``map_location="cpu"``, because
# :func:`torch.set_rng_state` takes a tensor on the CPU only. A ``map_location`` that
# names another device moves the state there with all the rest. The ``"meta"``
# device stands in here for a GPU.

state = torch.load(path, map_location="meta")["torch_rng"]
try:
    torch.set_rng_state(state)
except TypeError as error:
    print(f"{type(error).__name__}: {error}")
else:
    raise AssertionError("the state should have been refused")

# %%
# .. note::
#
#    Save every generator you use. On a GPU these are also the ones of
#    :func:`torch.cuda.get_rng_state_all`. A :class:`torch.Generator` that you pass to
#    a data loader has its own :meth:`~torch.Generator.get_state`. Equal bits further
#    need the same machine and the same versions, and on a GPU
#    :func:`torch.use_deterministic_algorithms`.
#
# 8. Resume in the middle of an epoch
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# A :class:`torch.utils.data.DataLoader` has no ``state_dict``: it cannot tell how far
# it came. Save the state of the generator *before* the epoch, the number of batches
# done, and the state now. A :func:`torch.rand` per batch stands in for dropout.

loader = DataLoader(range(8), batch_size=2, shuffle=True)
assert not hasattr(loader, "state_dict")

seen = []
epoch_rng = torch.get_rng_state()
for batch in loader:
    seen.append((batch.tolist(), torch.rand(()).item()))
    if len(seen) == 2:
        rng = torch.get_rng_state()
        torch.save({"epoch_rng": epoch_rng, "done": len(seen), "rng": rng}, path)

print("uninterrupted:", [batch for batch, _ in seen])
assert sorted(sum((batch for batch, _ in seen), [])) == list(range(8))

# %%
# To resume, start the same epoch again, skip the batches that are done, and only
# then restore the state of the moment. The rest of the epoch has the same batches
# and the same random numbers.

torch.manual_seed(1)
saved = torch.load(path, map_location="cpu")
torch.set_rng_state(saved["epoch_rng"])
batches = iter(loader)
for _ in range(saved["done"]):
    next(batches)
torch.set_rng_state(saved["rng"])
rest = [(batch.tolist(), torch.rand(()).item()) for batch in batches]

print("resumed:      ", [batch for batch, _ in rest])
assert rest == seen[2:]
folder.cleanup()

# %%
# You have seen that the same bits need the model, the optimizer, the scheduler,
# every random number generator, and the place in the data.
#
# Learn more
# ----------
#
# - :ref:`sphx_glr_recipes_recipes_saving_and_loading_a_general_checkpoint.py`
# - :ref:`sphx_glr_recipes_training_resuming_learning_rate_schedules.py`
# - :ref:`sphx_glr_recipes_training_saving_the_gradient_scaler.py`
# - :func:`torch.get_rng_state` and :func:`torch.set_rng_state` in the API
#   documentation
# - `pytorch#5627 <https://github.com/pytorch/pytorch/issues/5627>`__, a resumed run
#   that gave other losses
