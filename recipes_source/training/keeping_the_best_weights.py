"""
Why did my best weights change as I kept training?
==================================================

Keep the weights of the best epoch in a file or in a copy that training does
not touch, and restore them at the end.
"""

# sphinx_gallery_tags = ["resuming", "module", "memory", "sharing"]
# sphinx_gallery_keywords = ["early stopping", "best model", "best_state", "validation loss", "snapshot", "deepcopy", "deep copy of state_dict", "shallow copy", "best epoch"]
# sphinx_gallery_reading_order = 10

# %%

# sphinx_gallery_fold = "A model that overfits, and its data"
import copy
import os
import tempfile

import torch
import torch.nn as nn

here = globals().get("here", os.getcwd())
folder = tempfile.TemporaryDirectory()
os.chdir(folder.name)

torch.manual_seed(0)
inputs = torch.randn(60, 20)
targets = inputs[:, :1] + torch.randn(60, 1)
train_x, valid_x = inputs.split(30)
train_y, valid_y = targets.split(30)


def new_run():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(20, 64), nn.ReLU(), nn.Linear(64, 1))
    return model, torch.optim.Adam(model.parameters(), lr=0.01)


def train_epoch(model, optimizer):
    model.train()
    optimizer.zero_grad()
    (model(train_x) - train_y).square().mean().backward()
    optimizer.step()


@torch.no_grad()
def validate(model):
    model.eval()
    return (model(valid_x) - valid_y).square().mean().item()


epochs = 60

# %%
# Short answer
# ------------
#
# ``best = model.state_dict()`` is not a copy: its tensors are the model's own.
# Write them to a file whenever an epoch is the best so far:

import torch

model, optimizer = new_run()
best = float("inf")
for epoch in range(epochs):
    train_epoch(model, optimizer)
    loss = validate(model)
    if loss < best:
        best = loss
        torch.save(model.state_dict(), "best.pt")

model.load_state_dict(torch.load("best.pt", map_location="cpu"))

# %%
# To keep them in memory instead, replace ``torch.save`` with ``best_weights =
# copy.deepcopy(model.state_dict())``, and restore them with
# ``model.load_state_dict(best_weights)``.
#
# .. fold:: Who this is for
#
#    You keep the weights with the lowest validation loss, and after training
#    they turn out to be those of the last epoch.
#
# .. fold:: Setup
#
#    Tried with PyTorch 2.6 and 2.13::
#
#        pip install "torch>=2.6"

# %%
# Why it works
# ------------
#
# The file keeps the values from the moment it was saved. The restored model has
# the lowest loss of all epochs, which is not the last epoch's:

restored = validate(model)
history = []
other, other_optimizer = new_run()
for epoch in range(epochs):
    train_epoch(other, other_optimizer)
    history.append(validate(other))

print(f"best, epoch {history.index(min(history))}: {min(history):.2f}")
print(f"last, epoch {epochs - 1}: {history[-1]:.2f}")
print(f"from best.pt:   {restored:.2f}")

assert restored == best == min(history) < history[-1]

# %%
# ``validate`` calls ``model.eval()``, and ``train_epoch`` calls
# ``model.train()``. Without ``eval()``, dropout makes the loss random, and
# batch normalization picks up the statistics of the validation data:

# sphinx_gallery_wrong = True
dropout, norm = nn.Dropout(0.1), nn.BatchNorm1d(20)
print("same twice:", torch.equal(dropout(valid_x), dropout(valid_x)))
norm(valid_x)
print("changed:", norm.running_mean.any().item())

assert not torch.equal(dropout(valid_x), dropout(valid_x))
assert norm.running_mean.any()
assert torch.equal(dropout.eval()(valid_x), valid_x)

# %%
# What goes wrong
# ---------------
#
# **Keeping the dictionary.** ``state_dict()`` makes a new dictionary of the
# model's own tensors, and ``.copy()`` copies only that dictionary. Both follow
# the model to the last epoch:

# sphinx_gallery_wrong = True
other, other_optimizer = new_run()
lowest = float("inf")
for epoch in range(epochs):
    train_epoch(other, other_optimizer)
    loss = validate(other)
    if loss < lowest:
        lowest = loss
        kept = {
            "state_dict()": other.state_dict(),
            "state_dict().copy()": other.state_dict().copy(),
            "deepcopy(state_dict())": copy.deepcopy(other.state_dict()),
        }

losses = {}
for name, state_dict in kept.items():
    other, _ = new_run()
    other.load_state_dict(state_dict)
    losses[name] = validate(other)
    print(f"{name:<24}{losses[name]:.2f}")

assert losses["deepcopy(state_dict())"] == lowest
assert losses["state_dict()"] == losses["state_dict().copy()"] == history[-1]
assert other[0].weight.data_ptr() != state_dict["0.weight"].data_ptr()

# %%
# **Calls that do not copy.** ``detach`` copies nothing, and ``cpu`` copies
# nothing that is already on the CPU:

state_dict = model.state_dict()
copies = {
    "dict(state_dict)": dict(state_dict),
    "v.detach()": {k: v.detach() for k, v in state_dict.items()},
    "v.cpu()": {k: v.cpu() for k, v in state_dict.items()},
    "v.clone()": {k: v.clone() for k, v in state_dict.items()},
    'v.to("cpu", copy=True)': {
        k: v.to("cpu", copy=True) for k, v in state_dict.items()
    },
    "copy.deepcopy(state_dict)": copy.deepcopy(state_dict),
}
weight = model[0].weight
shared = {
    name: copied["0.weight"].data_ptr() == weight.data_ptr()
    for name, copied in copies.items()
}
for name, same in shared.items():
    print(f"{name:<27}{'shares memory' if same else 'copies'}")

assert list(shared.values()) == [True, True, True, False, False, False]

# %%
# ``.to("cpu", copy=True)`` keeps the copy off the GPU. Only a ``deepcopy``
# keeps tied weights tied; ``clone`` makes two tensors of them:

tied = nn.ModuleList([nn.Linear(2, 2, bias=False)])
tied.append(tied[0])
state_dict = tied.state_dict()
copies = {
    "deepcopy": copy.deepcopy(state_dict),
    "clone": {k: v.clone() for k, v in state_dict.items()},
}
counts = [len({v.data_ptr() for v in c.values()}) for c in copies.values()]
print("tensors in memory:", dict(zip(copies, counts)))

assert counts == [1, 2]

# %%
# **Restoring with assign=True** makes the copy's tensors the model's
# parameters, so further training changes the copy. Without it, values are
# copied:

# sphinx_gallery_wrong = True
best_weights = copy.deepcopy(model.state_dict())
weight = best_weights["0.weight"].clone()
model.load_state_dict(best_weights, assign=True)
optimizer = torch.optim.Adam(model.parameters())
train_epoch(model, optimizer)
print("unchanged:", torch.equal(best_weights["0.weight"], weight))

assert not torch.equal(best_weights["0.weight"], weight)
assert model[0].weight.data_ptr() == best_weights["0.weight"].data_ptr()

# %%
# Variants
# --------
#
# **Resuming.** A script that starts with ``best`` at infinity takes its first
# epoch for the best one and overwrites ``best.pt``. Save the loss with the
# weights, and start from that:

model, optimizer = new_run()
train_epoch(model, optimizer)
checkpoint = {"model": model.state_dict(), "loss": validate(model)}
torch.save(checkpoint, "best.pt")

if os.path.exists("best.pt"):
    best = torch.load("best.pt", map_location="cpu")["loss"]
else:
    best = float("inf")

print(f"an epoch counts as the best below {best:.2f}")
assert best == validate(model)
assert not float("nan") < float("inf") and not float("nan") > -float("inf")

# %%
# **Accuracy** and other metrics that should grow start at ``-float("inf")`` and
# are compared with ``>``. A loss of ``nan`` is never the best, either way.
#
# **DDP**: each process validates its part of the data, so average the loss over
# all processes first, and save on rank 0 only.
#
# **Frameworks** have this built in: ``ModelCheckpoint(monitor="val_loss")`` in
# Lightning, ``load_best_model_at_end=True`` in Transformers.

# sphinx_gallery_fold = "Leave the temporary folder"
os.chdir(here)
folder.cleanup()

# %%
# Learn more
# ----------
#
# - :ref:`sphx_glr_recipes_recipes_what_is_state_dict.py`
# - :ref:`sphx_glr_recipes_training_averaging_weights.py`
# - :ref:`sphx_glr_recipes_troubleshooting_surviving_truncated_checkpoints.py`
# - `pytorch#34765 <https://github.com/pytorch/pytorch/issues/34765>`__, on a
#   ``state_dict`` that copies
# - :meth:`torch.nn.Module.state_dict`, :meth:`torch.Tensor.clone`,
#   :func:`copy.deepcopy`
