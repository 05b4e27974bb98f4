"""
How do I save a checkpoint and resume training?
===============================================

A training loop that saves the model, the optimizer and the epoch in one file,
and picks up from that file when you start it again.
"""

# sphinx_gallery_tags = ["resuming", "optimizer", "checkpoint", "errors"]
# sphinx_gallery_keywords = ["continue training", "restart", "interrupted", "interruption", "model_state_dict", "optimizer_state_dict", "resume training from a checkpoint", "save the optimizer state", "checkpoint of the optimizer state", "save every n epochs"]
# sphinx_gallery_reading_order = 40

# %%

# sphinx_gallery_fold = "The model of this page, and the checkpoint of a run that stopped after 50 epochs"
import os
import shutil
import tempfile

import torch
import torch.nn as nn
import torch.nn.functional as F

here = globals().get("here", os.getcwd())
folder = tempfile.TemporaryDirectory()
os.chdir(folder.name)
torch.set_num_threads(1)  # faster, for a model this small

inputs = torch.linspace(-2, 2, 200).unsqueeze(1)
targets = torch.sin(3 * inputs)


def build(seed):
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(1, 32), nn.Tanh(), nn.Linear(32, 1))
    return model, torch.optim.Adam(model.parameters(), lr=0.05)


def train_one_epoch(model, optimizer):
    optimizer.zero_grad()
    loss = F.mse_loss(model(inputs), targets)
    loss.backward()
    optimizer.step()
    return loss.item()


model, optimizer = build(seed=0)
history = [train_one_epoch(model, optimizer) for _ in range(50)]
state = {"model": model.state_dict(), "optimizer": optimizer.state_dict()}
torch.save({**state, "epoch": 50}, "checkpoint.pt")
shutil.copy("checkpoint.pt", "epoch50.pt")

# A new process begins with other random weights.
model, optimizer = build(seed=1)

# %%
# Short answer
# ------------
#
# Load the checkpoint if there is one, continue from its epoch, and replace the
# file after every epoch:

import os
import torch

checkpoint = {"epoch": 0}
if os.path.exists("checkpoint.pt"):
    checkpoint = torch.load("checkpoint.pt", map_location="cpu")
    model.load_state_dict(checkpoint["model"])
    optimizer.load_state_dict(checkpoint["optimizer"])
for epoch in range(checkpoint["epoch"], 100):
    train_one_epoch(model, optimizer)
    state = {"model": model.state_dict(), "optimizer": optimizer.state_dict()}
    torch.save(state | {"epoch": epoch + 1}, "checkpoint.tmp")
    os.replace("checkpoint.tmp", "checkpoint.pt")

# %%
# ``epoch`` counts *finished* epochs, so it is also the index of the next one. A
# learning rate scheduler and a gradient scaler have a ``state_dict`` too: save
# and load each of them the same way.
#
# .. fold:: Who this is for
#
#    Your training may be interrupted, by a time limit, a crash or yourself, and
#    has to continue where it stopped.
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
# The reference is a run that was never stopped. The resumed run arrives at the
# same weights. Without the optimizer's state, the first loss is still right,
# because the weights are, but Adam has lost its running averages, and its next
# step overshoots:


def resume(*names):
    model, optimizer = build(seed=1)
    parts = {"model": model, "optimizer": optimizer}
    checkpoint = torch.load("epoch50.pt", map_location="cpu")
    for name in names:
        parts[name].load_state_dict(checkpoint[name])
    return [train_one_epoch(model, optimizer) for _ in range(50, 100)]


reference, optimizer = build(seed=0)
history = [train_one_epoch(reference, optimizer) for _ in range(100)]
runs = {
    "never stopped": history[50:],
    "resumed": resume("model", "optimizer"),
    "model only": resume("model"),
}
print("loss of epoch  50    51    99")
for name, losses in runs.items():
    print(f"{name:<15}{losses[0]:.2f}  {losses[1]:.2f}  {losses[-1]:.2f}")

torch.testing.assert_close(model.state_dict(), reference.state_dict())
torch.testing.assert_close(runs["resumed"], history[50:], rtol=0, atol=1e-4)
assert abs(runs["model only"][0] - history[50]) < 1e-4
assert runs["model only"][1] > 2 * history[51]

# %%
# This training loop uses no random numbers. With shuffled data or dropout, you
# need the random state as well to get the same losses:
# :ref:`sphx_glr_recipes_training_resuming_bit_exactly.py`.
#
# ``os.replace`` swaps the files in one step. If the program is killed while
# saving, the last complete checkpoint is still there.
#
# What goes wrong
# ---------------
#
# **You pass the whole checkpoint to the model.** The model's keys are one level
# down, in ``checkpoint["model"]``:
#
# .. diagnosis:: The file is a training checkpoint, and the weights are one of
#       its entries.
#    :unexpected: {entry:model|state_dict|model_state_dict|net|weights|params}
#    :fix: what-goes-wrong
#
#    model.load_state_dict(checkpoint["{entry}"])

# sphinx_gallery_wrong = True
try:
    model.load_state_dict(torch.load("checkpoint.pt"))
except RuntimeError as error:
    print(f"{type(error).__name__}: {error}")

# %%
# **The entry has another name,** or there is none, because the file is the
# ``state_dict`` itself. The names are up to whoever wrote the file, so print
# its keys before you load it.
#
# .. diagnosis:: The file has no entry of this name, or it is the ``state_dict``
#       itself.
#    :message: KeyError: '{entry:state_dict|model_state_dict}'
#              KeyError: '{entry:optimizer_state_dict|optim_state_dict}'
#    :fix: what-goes-wrong
#
#    print(list(checkpoint))
#
# .. diagnosis:: The file has no entry of this name: print those that it has.
#    :message: KeyError: '{entry:model|net|epoch|optimizer|ema|weights}'
#              KeyError: '{entry:scheduler|lr_scheduler|scaler|best_acc|args}'
#    :traceback: torch.load(
#                checkpoint[
#                ckpt[
#    :fix: what-goes-wrong
#
#    print(list(checkpoint))

# sphinx_gallery_wrong = True
checkpoint = torch.load("checkpoint.pt", map_location="cpu")
print(list(checkpoint))
for name in ("state_dict", "model_state_dict"):
    try:
        model.load_state_dict(checkpoint[name])
    except KeyError as error:
        print(f"{type(error).__name__}: {error}")

assert list(checkpoint) == ["model", "optimizer", "epoch"]

# %%
# **The optimizer is not the one that was saved.** It has other parameters,
# because layers have been frozen or added since, or it is of another class. SGD
# accepts Adam's state, takes Adam's hyperparameters in place of its own, and
# fails at its next step. Build the same optimizer with the same parameters in
# the same order, or load only the model.
#
# .. diagnosis:: The optimizer has other parameters, or is of another class,
#       than the one that was saved.
#    :fix: what-goes-wrong
#    :message: loaded state dict has a different number of parameter groups
#
#    optimizer = torch.optim.Adam(model.parameters())  # as when saving
#    optimizer.load_state_dict(checkpoint["optimizer"])

# sphinx_gallery_wrong = True
last_layer = torch.optim.Adam(model[2].parameters())
try:
    last_layer.load_state_dict(checkpoint["optimizer"])
except ValueError as error:
    print(f"{type(error).__name__}: {error}")

sgd = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
sgd.load_state_dict(checkpoint["optimizer"])
try:
    sgd.step()
except KeyError as error:
    print(f"{type(error).__name__}: {error}")

assert "betas" in sgd.param_groups[0]

# %%
# **A new learning rate has no effect.** Loading also restores the
# hyperparameters in the file, so set yours afterwards:

model, optimizer = build(seed=1)
optimizer.param_groups[0]["lr"] = 0.5
optimizer.load_state_dict(checkpoint["optimizer"])
loaded = optimizer.param_groups[0]["lr"]
for group in optimizer.param_groups:
    group["lr"] = 0.01
print("after loading", loaded, "and then", optimizer.param_groups[0]["lr"])

assert loaded == 0.05 and optimizer.param_groups[0]["lr"] == 0.01

# %%
# **You load one dictionary twice.** An optimizer keeps the tensors of the
# dictionary that it loads, and its next step changes them: here the step count,
# which is 100 in the file. Read the file again for a second load.

# sphinx_gallery_wrong = True
checkpoint = torch.load("checkpoint.pt", map_location="cpu")
optimizer.load_state_dict(checkpoint["optimizer"])
train_one_epoch(model, optimizer)
print(checkpoint["optimizer"]["state"][0]["step"])
assert torch.load("checkpoint.pt")["optimizer"]["state"][0]["step"] == 100
assert checkpoint["optimizer"]["state"][0]["step"] == 101

# %%
# Variants
# --------
#
# **Every N steps, with a scheduler, as functions.** An epoch can take hours, so
# count steps instead. Pass everything that has a ``state_dict`` by name:


def save_checkpoint(path, step, **parts):
    state = {name: part.state_dict() for name, part in parts.items()}
    torch.save(state | {"step": step}, f"{path}.tmp")
    os.replace(f"{path}.tmp", path)


def load_checkpoint(path, **parts):
    if not os.path.exists(path):
        return 0
    checkpoint = torch.load(path, map_location="cpu")
    for name, part in parts.items():
        part.load_state_dict(checkpoint[name])
    return checkpoint["step"]


scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=30)
parts = {"model": model, "optimizer": optimizer, "scheduler": scheduler}
for step in range(load_checkpoint("steps.pt", **parts), 70):
    train_one_epoch(model, optimizer)
    scheduler.step()
    if (step + 1) % 20 == 0:
        save_checkpoint("steps.pt", step + 1, **parts)
print("resumes at step", load_checkpoint("steps.pt", **parts))

assert step == 69 and load_checkpoint("steps.pt", **parts) == 60
assert scheduler.last_epoch == 60
assert load_checkpoint("not_there.pt", **parts) == 0

# %%
# **On a GPU,** move the model first, then build the optimizer, then load.
# :ref:`sphx_glr_recipes_training_placing_optimizer_state.py` shows why.
#
# **With DistributedDataParallel,** every process loads, and one saves:
# :ref:`sphx_glr_recipes_training_checkpointing_ddp_training.py`.

# sphinx_gallery_fold = "Leave the temporary folder"
os.chdir(here)
folder.cleanup()

# %%
# Learn more
# ----------
#
# - :ref:`sphx_glr_recipes_training_saving_before_preemption.py`
# - :ref:`sphx_glr_recipes_training_resuming_learning_rate_schedules.py`
# - :ref:`sphx_glr_recipes_training_saving_the_gradient_scaler.py`
# - :ref:`sphx_glr_recipes_troubleshooting_surviving_truncated_checkpoints.py`
# - :ref:`sphx_glr_recipes_training_matching_optimizer_state_to_parameters.py`
# - `pytorch#7499 <https://github.com/pytorch/pytorch/issues/7499>`__ on
#   ``KeyError: 'momentum'``, `latent-diffusion#231
#   <https://github.com/CompVis/latent-diffusion/issues/231>`__
#   on groups of another size
# - :meth:`torch.optim.Optimizer.load_state_dict`, :func:`torch.save`
