"""
Saving and loading a general checkpoint
=======================================

Save the model, the optimizer, the epoch and the loss in one file, and go on training
as if nothing had interrupted it.

**For whom:** your training can be interrupted, by a time limit or by choice, and
has to continue later where it stopped.

Setup
-----

Install PyTorch, and Matplotlib for the figure::

    pip install torch matplotlib

Steps
-----

1. Import the libraries
2. Define the model, the optimizer and the training loop
3. Train and save a checkpoint
4. Load the checkpoint
5. Go on training
6. Read the messages of a wrong load
"""

# sphinx_gallery_tags = ["resuming", "optimizer", "checkpoint", "errors"]
# sphinx_gallery_keywords = ["resume training", "resume from a checkpoint", "continue training", "restart", "interrupted"]
# sphinx_gallery_reading_order = 40

# %%
# 1. Import the libraries
# ~~~~~~~~~~~~~~~~~~~~~~~
#
# The checkpoint goes into a temporary folder. The seed makes every run the same.

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(0)
plt.style.use("petroff10")
folder = tempfile.TemporaryDirectory()
path = Path(folder.name) / "checkpoint.pt"

# %%
# 2. Define the model, the optimizer and the training loop
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# A small network learns a sine curve. The optimizer is Adam, which keeps running
# averages for every parameter. Each epoch uses all the points at once, so nothing
# random happens after the weights are initialized.

inputs = torch.linspace(-2, 2, 200).unsqueeze(1)
targets = torch.sin(3 * inputs)


def build(lr=0.05):
    model = nn.Sequential(nn.Linear(1, 32), nn.Tanh(), nn.Linear(32, 1))
    return model, torch.optim.Adam(model.parameters(), lr=lr)


def train(model, optimizer, epochs):
    model.train()
    losses = []
    for _ in epochs:
        optimizer.zero_grad()
        loss = F.mse_loss(model(inputs), targets)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


# %%
# 3. Train and save a checkpoint
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# A general checkpoint is a dictionary of your own, with the ``state_dict`` of the
# model and of the optimizer among its values. ``epoch`` is the number of finished
# epochs, which is also the index of the next one. The loss is stored as a plain
# number, the result of :meth:`torch.Tensor.item`.

model, optimizer = build()
losses = train(model, optimizer, range(50))

checkpoint = {
    "epoch": 50,
    "model_state_dict": model.state_dict(),
    "optimizer_state_dict": optimizer.state_dict(),
    "loss": losses[-1],
}
torch.save(checkpoint, path)

for key, value in checkpoint.items():
    print(f"{key:<22}{type(value).__name__}")
assert len(losses) == checkpoint["epoch"]
assert type(checkpoint["loss"]) is float

# %%
# The first run goes on to epoch 100 without an interruption. It is the reference
# for the resumed run, which will know only the file. The file keeps the values of
# epoch 50, while the training moves the weights of the model on.

reference = losses + train(model, optimizer, range(50, 100))

saved_weight = torch.load(path)["model_state_dict"]["0.weight"]
print(f"{len(reference) = }")
print(f"{torch.equal(model[0].weight, saved_weight) = }")
assert len(reference) == 100
assert not torch.equal(model[0].weight, saved_weight)

# %%
# 4. Load the checkpoint
# ~~~~~~~~~~~~~~~~~~~~~~
#
# Build the model, then the optimizer with the parameters of that model, and load
# into each its own entry. The model reports that all its keys matched. The
# optimizer returns nothing.

model, optimizer = build()
checkpoint = torch.load(path)
print(model.load_state_dict(checkpoint["model_state_dict"]))
print(optimizer.load_state_dict(checkpoint["optimizer_state_dict"]))
start, last_loss = checkpoint["epoch"], checkpoint["loss"]

print(f"{start = }, {last_loss == losses[-1] = }")
assert start == 50 and last_loss == losses[-1]

# %%
# Did everything arrive? Each tensor of the model and of the optimizer equals the
# one in the file. For every parameter Adam has a step count and two running
# averages of the parameter's shape.

for key, tensor in model.state_dict().items():
    assert torch.equal(tensor, checkpoint["model_state_dict"][key])

saved_state = checkpoint["optimizer_state_dict"]["state"]
for index, entries in optimizer.state_dict()["state"].items():
    shapes = {name: tuple(value.shape) for name, value in entries.items()}
    print(f"state[{index}]: {shapes}")
    for name, value in entries.items():
        assert torch.equal(value, saved_state[index][name])
    assert list(entries) == ["step", "exp_avg", "exp_avg_sq"]
    assert entries["step"] == 50

# %%
# The hyperparameters come from the file as well. An optimizer that was built with
# another learning rate has the saved one after loading. If you want a new learning
# rate, set it afterwards.

_, other = build(lr=0.5)
print("built with:   ", other.param_groups[0]["lr"])
other.load_state_dict(checkpoint["optimizer_state_dict"])
print("after loading:", other.param_groups[0]["lr"])
assert other.param_groups[0]["lr"] == 0.05

for group in other.param_groups:
    group["lr"] = 0.01
print("set afterwards:", other.param_groups[0]["lr"])
assert other.param_groups[0]["lr"] == 0.01

# %%
# 5. Go on training
# ~~~~~~~~~~~~~~~~~
#
# The resumed run starts at epoch 50. Its losses are those of the uninterrupted run.

resumed = train(model, optimizer, range(start, 100))

difference = max(abs(a - b) for a, b in zip(resumed, reference[start:], strict=True))
print("largest difference below 0.0001:", difference < 0.0001)
assert difference < 0.0001

# %%
# What if the checkpoint had held only the model? A third run loads the weights and
# begins with a new optimizer. Its first loss is right, because the weights are.
# But Adam has lost its running averages, and its first step overshoots: the next
# loss is more than twice as large as it should be.

model, optimizer = build()
model.load_state_dict(checkpoint["model_state_dict"])
forgetful = train(model, optimizer, range(start, 100))

print("epoch  with optimizer state  without")
for epoch in (50, 51, 99):
    print(f"{epoch:<7}{resumed[epoch - 50]:<22.2f}{forgetful[epoch - 50]:.2f}")

assert abs(forgetful[0] - resumed[0]) < 0.0001
assert forgetful[1] > 2 * resumed[1]

# %%
# The figure shows all three runs. With the complete checkpoint the curve goes on
# where it stopped; without the state of the optimizer it jumps.

fig, ax = plt.subplots(figsize=(5, 3), layout="constrained")
ax.plot(range(start, 100), forgetful, "C1:", label="model only")
ax.plot(reference, "C0-", linewidth=4, alpha=0.4, label="uninterrupted")
ax.plot(range(start, 100), resumed, "C2--", label="model and optimizer")
ax.axvline(start, color="C3", linestyle="-.", label="interruption")
ax.set(xlabel="epoch", ylabel="mean squared error", yscale="log", ylim=(0.01, 1))
ax.legend(loc="lower left")
ax.set_title("Loss before and after an interruption")
plt.show()

assert abs(resumed[0] - reference[start]) < 0.0001
assert max(forgetful) > 2 * max(resumed)

# %%
# 6. Read the messages of a wrong load
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# A checkpoint is not a ``state_dict``, it contains one. If you pass all of it to the
# model, every key of the model is missing, and the keys of the checkpoint are
# unexpected.

try:
    model.load_state_dict(checkpoint)
except RuntimeError as error:
    print(f"{type(error).__name__}: {error}")
else:
    raise AssertionError("a whole checkpoint was accepted as a state_dict")

# %%
# The optimizer counts the parameters of each group. If you give it others than
# before, here only those of the last layer, the numbers differ.

partial = torch.optim.Adam(model[2].parameters())
try:
    partial.load_state_dict(checkpoint["optimizer_state_dict"])
except ValueError as error:
    print(f"{type(error).__name__}: {error}")
else:
    raise AssertionError("a group of another size was accepted")

# %%
# And an optimizer of the right size has to get its own entry. The entry of the model
# has no ``param_groups``.

try:
    optimizer.load_state_dict(checkpoint["model_state_dict"])
except KeyError as error:
    print(f"{type(error).__name__}: {error}")
else:
    raise AssertionError("the state_dict of a model was accepted by the optimizer")
folder.cleanup()

# %%
# You have stopped a training run and resumed it from one file with four entries.
# This run had nothing random and a constant learning rate. With dropout, shuffled
# data, a learning rate schedule or mixed precision, a checkpoint has to hold more,
# and the first three recipes below add it.
#
# Learn more
# ----------
#
# - :ref:`sphx_glr_recipes_training_resuming_bit_exactly.py`
# - :ref:`sphx_glr_recipes_training_resuming_learning_rate_schedules.py`
# - :ref:`sphx_glr_recipes_training_saving_the_gradient_scaler.py`
# - :ref:`sphx_glr_recipes_recipes_saving_multiple_models_in_one_file.py`
# - :meth:`torch.optim.Optimizer.state_dict` and
#   :meth:`torch.optim.Optimizer.load_state_dict` in the API documentation
