"""
Keeping the best weights
========================

Keep the weights of the best epoch with :func:`copy.deepcopy`, because a plain
``model.state_dict()`` goes on changing while you train.

**For whom:** you remember the weights with the lowest validation loss, and after
training they turn out to be those of the last epoch.

Setup
-----

Install PyTorch, and Matplotlib for the figure::

    pip install torch matplotlib

Steps
-----

1. Import the libraries
2. Define a model that overfits
3. See that a ``state_dict`` shares memory with the model
4. Keep the best weights in three ways
5. Restore the three and compare
6. Know which expressions copy
7. Save the best weights to a file
8. Restore without tying the copy to the model
"""

# sphinx_gallery_tags = ["resuming", "module", "memory", "sharing"]
# sphinx_gallery_keywords = ["early stopping", "best model", "best_state", "validation loss"]
# sphinx_gallery_reading_order = 10

# %%
# 1. Import the libraries
# ~~~~~~~~~~~~~~~~~~~~~~~
#
# The seed makes every run print the same values. The best weights also go to a
# file, in a folder that is removed at the end.

import copy
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim

torch.manual_seed(0)
plt.style.use("petroff10")

folder = tempfile.TemporaryDirectory()
path = Path(folder.name) / "best.pt"

# %%
# 2. Define a model that overfits
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# There are 30 noisy samples to train on, far too few for a model with 705
# parameters. It will learn the noise, so the loss on the other 30 samples falls
# first and then rises. The best epoch is somewhere on the way.

inputs = torch.randn(60, 20)
targets = inputs[:, :1] + torch.randn(60, 1)
train_x, valid_x = inputs.split(30)
train_y, valid_y = targets.split(30)


def new_model():
    return nn.Sequential(nn.Linear(20, 32), nn.ReLU(), nn.Linear(32, 1))


@torch.no_grad()
def validation_loss(model):
    return F.mse_loss(model(valid_x), valid_y).item()


model = new_model()
print(sum(p.numel() for p in model.parameters()), "parameters")
assert sum(p.numel() for p in model.parameters()) == 705

# %%
# 3. See that a ``state_dict`` shares memory with the model
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# :meth:`~torch.nn.Module.state_dict` makes a new dictionary, but it copies no
# tensor. A bias that is changed in the model, as an optimizer does it, is changed
# in the dictionary too.

state = model.state_dict()
with torch.no_grad():
    model[2].bias.fill_(0.5)

print("in the model:     ", model[2].bias.item())
print("in the dictionary:", state["2.bias"].item())
assert state["2.bias"].item() == 0.5
assert state["2.bias"].data_ptr() == model[2].bias.data_ptr()

# %%
# 4. Keep the best weights in three ways
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# .. admonition:: Do not do this
#
#    ``best = model.state_dict()``, or ``best = model.state_dict().copy()``, to
#    remember the weights of an epoch. ``.copy()`` copies the dictionary and not
#    the tensors in it. Both follow the model to the last epoch.
#
# The loop below does it nevertheless, next to a :func:`copy.deepcopy`. It prints
# where the validation loss was lowest, and where it ended.

optimizer = optim.Adam(model.parameters(), lr=0.01)
history = []
for epoch in range(60):
    loss = F.mse_loss(model(train_x), train_y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    history.append(validation_loss(model))
    if history[-1] == min(history):
        best_epoch = epoch
        kept = {
            "state_dict()": model.state_dict(),
            "state_dict().copy()": model.state_dict().copy(),
            "deepcopy(state_dict())": copy.deepcopy(model.state_dict()),
        }

print(f"lowest in epoch {best_epoch}: {history[best_epoch]:.2f}")
print(f"last, epoch {epoch}:     {history[-1]:.2f}")
assert history[0] > history[-1] > history[best_epoch]

# %%
# 5. Restore the three and compare
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# Each of the three was assigned in the best epoch and never touched again. Loaded
# into a new model, only the deep copy gives the lowest loss. The other two give
# exactly the loss of the last epoch.

restored = {}
for name, state in kept.items():
    other = new_model()
    other.load_state_dict(state)
    restored[name] = validation_loss(other)
    print(f"{name:<24}{restored[name]:.2f}")

assert restored["deepcopy(state_dict())"] == history[best_epoch]
assert restored["state_dict()"] == restored["state_dict().copy()"] == history[-1]

# %%
# In the figure, both markers belong to dictionaries that were made in the best
# epoch. The cross has wandered off with the model.

fig, ax = plt.subplots(figsize=(5, 3), layout="constrained")
ax.plot(history, color="C0", label="validation loss")
ax.plot(
    best_epoch,
    restored["deepcopy(state_dict())"],
    "o",
    color="C1",
    markersize=10,
    label="deepcopy, restored",
)
ax.plot(
    epoch,
    restored["state_dict()"],
    "X",
    color="C2",
    markersize=10,
    label="state_dict() and .copy(), restored",
)
ax.set(xlabel="epoch", ylabel="mean squared error")
ax.set_title("Validation loss, and what was kept of it")
ax.legend()
plt.show()

assert restored["deepcopy(state_dict())"] < restored["state_dict()"]

# %%
# 6. Know which expressions copy
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# A tensor is copied by :meth:`torch.Tensor.clone`. It is *not* copied by
# :meth:`torch.Tensor.detach`, nor by :meth:`torch.Tensor.cpu` when it is on the CPU
# already. To hold the best weights in CPU memory, wherever the model is, use
# ``v.detach().to("cpu", copy=True)``.

state = model.state_dict()
ways = {
    "dict(state)": dict(state),
    "{k: v.detach() ...}": {k: v.detach() for k, v in state.items()},
    "{k: v.cpu() ...}": {k: v.cpu() for k, v in state.items()},
    "{k: v.clone() ...}": {k: v.clone() for k, v in state.items()},
    '{k: v.detach().to("cpu", copy=True) ...}': {
        k: v.detach().to("cpu", copy=True) for k, v in state.items()
    },
    "copy.deepcopy(state)": copy.deepcopy(state),
}
address = model[0].weight.data_ptr()
shares = [way["0.weight"].data_ptr() == address for way in ways.values()]
for name, shared in zip(ways, shares):
    print(f"{name:<42}{'shares memory' if shared else 'copies'}")

assert shares == [True, True, True, False, False, False]

# %%
# 7. Save the best weights to a file
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# :func:`torch.save` writes the values of the moment, so no deep copy is needed,
# and the file is still there after a crash. In the loop, it would stand where the
# deep copy was made. One more step changes the model here, but not the file.

torch.save(model.state_dict(), path)
saved_loss = validation_loss(model)

optimizer.zero_grad()
F.mse_loss(model(train_x), train_y).backward()
optimizer.step()

other = new_model()
other.load_state_dict(torch.load(path))
print("file still gives the saved loss:", validation_loss(other) == saved_loss)
print("model still gives the saved loss:", validation_loss(model) == saved_loss)
assert validation_loss(other) == saved_loss != validation_loss(model)

# %%
# 8. Restore without tying the copy to the model
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# :meth:`~torch.nn.Module.load_state_dict` copies values into the model, so ``best``
# stays as it is if you train further. With ``assign=True`` the tensors of ``best``
# become the parameters, and they share memory again.

best = kept["deepcopy(state_dict())"]
shared = {}
for assign in [False, True]:
    model.load_state_dict(best, assign=assign)
    shared[assign] = model[0].weight.data_ptr() == best["0.weight"].data_ptr()
    print(f"assign={assign}: model shares memory with best: {shared[assign]}")

assert validation_loss(model) == history[best_epoch]
assert shared == {False: False, True: True}
folder.cleanup()

# %%
# You have seen that a ``state_dict`` is a view of the model, not a snapshot: copy
# it with :func:`copy.deepcopy`, or write it to a file.
#
# Learn more
# ----------
#
# - :ref:`sphx_glr_recipes_recipes_what_is_state_dict.py`
# - :ref:`sphx_glr_recipes_training_averaging_weights.py`
# - :ref:`sphx_glr_recipes_recipes_module_load_state_dict_tips.py`
# - :meth:`torch.nn.Module.state_dict` and
#   :meth:`torch.nn.Module.load_state_dict` in the API documentation
# - `pytorch#34765 <https://github.com/pytorch/pytorch/issues/34765>`__, the request
#   for a ``state_dict`` that copies
