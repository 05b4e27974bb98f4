"""
Why does my learning rate jump when I resume?
=============================================

Resume a schedule where it left off, or continue it with more epochs or other
settings than it was saved with.
"""

# sphinx_gallery_tags = ["resuming", "optimizer", "scheduler"]
# sphinx_gallery_keywords = ["learning rate reset", "LR scheduler", "warmup restarts", "train for more epochs"]
# sphinx_gallery_reading_order = 40

# %%

# sphinx_gallery_fold = "A model, and a checkpoint from the middle of its warmup"
import os
import tempfile
from functools import partial

import matplotlib.pyplot as plt
import torch
import torch.nn as nn
from torch.optim import lr_scheduler

plt.style.use("petroff10")
here = globals().get("here", os.getcwd())
folder = tempfile.TemporaryDirectory()
os.chdir(folder.name)


def train(optimizer, scheduler, epochs):
    """Return the learning rate of each epoch."""
    rates = []
    for _ in range(epochs):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return rates


model = nn.Linear(1, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
scheduler = lr_scheduler.LinearLR(optimizer, start_factor=0.1, total_iters=10)
before = train(optimizer, scheduler, 4)
torch.save(
    {
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "scheduler": scheduler.state_dict(),
    },
    "checkpoint.pt",
)

# %%
# Short answer
# ------------
#
# Build the optimizer *and* the scheduler first, then load both:

import torch

optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
scheduler = torch.optim.lr_scheduler.LinearLR(
    optimizer, start_factor=0.1, total_iters=10
)

checkpoint = torch.load("checkpoint.pt", map_location="cpu")
model.load_state_dict(checkpoint["model"])
optimizer.load_state_dict(checkpoint["optimizer"])
scheduler.load_state_dict(checkpoint["scheduler"])

# %%
# Do not pass ``last_epoch``. To train for **more epochs than planned**, or with
# other settings, replay the new schedule, as shown below.
#
# .. fold:: Who this is for
#
#    You resume training, and the learning rate jumps, a warmup starts over, or
#    the schedule ends where the old one was planned to end.
#
# .. fold:: Setup
#
#    Tried with PyTorch 2.6 and 2.13. The figure uses a style from Matplotlib
#    3.10::
#
#        pip install "torch>=2.6" "matplotlib>=3.10"

# %%
# Why it works
# ------------
#
# The current rate is in the optimizer's ``state_dict``, and the position in the
# schedule is in the scheduler's. With both restored, the warmup goes on:

rate = optimizer.param_groups[0]["lr"]
print(f"learning rate {rate:.2f}, epoch {scheduler.last_epoch}")
assert abs(rate - 0.46) < 1e-6 and scheduler.last_epoch == 4
assert checkpoint["scheduler"]["last_epoch"] == 4
assert checkpoint["optimizer"]["param_groups"][0]["lr"] == rate

# %%
# What goes wrong
# ---------------
#
# **Building the scheduler last.** A new scheduler sets the rate of its first
# epoch: here it multiplies the loaded 0.46 by the start factor 0.1. The rest of
# the run uses a tenth of its rate, and ``get_last_lr`` hides it:

# sphinx_gallery_wrong = True
optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
optimizer.load_state_dict(checkpoint["optimizer"])
scheduler = lr_scheduler.LinearLR(optimizer, start_factor=0.1, total_iters=10)
scheduler.load_state_dict(checkpoint["scheduler"])

print(f"get_last_lr:  {scheduler.get_last_lr()[0]:.3f}")
print(f"in use:       {optimizer.param_groups[0]['lr']:.3f}")
assert abs(scheduler.get_last_lr()[0] - 0.46) < 1e-6
assert abs(optimizer.param_groups[0]["lr"] - 0.046) < 1e-6

# %%
# Other schedules recover at the next step or are not affected. The order in the
# short answer is right for all of them:

# sphinx_gallery_fold = "The same experiment with five schedules"
schedules = {
    "LinearLR": lambda o: lr_scheduler.LinearLR(o, 0.1, total_iters=10),
    "OneCycleLR": lambda o: lr_scheduler.OneCycleLR(
        o, max_lr=1.0, total_steps=20, cycle_momentum=False
    ),
    "LambdaLR": lambda o: lr_scheduler.LambdaLR(o, lambda epoch: 0.5**epoch),
    "StepLR": lambda o: lr_scheduler.StepLR(o, step_size=3),
    "CosineAnnealingLR": lambda o: lr_scheduler.CosineAnnealingLR(o, T_max=20),
}


def sgd():
    return torch.optim.SGD(model.parameters(), lr=1.0)


def resumed(schedule, scheduler_first):
    """Return the rates of the fifth to the tenth epoch."""
    old = sgd()
    old_scheduler = schedule(old)
    train(old, old_scheduler, 4)
    optimizer = sgd()
    if scheduler_first:
        scheduler = schedule(optimizer)
    optimizer.load_state_dict(old.state_dict())
    if not scheduler_first:
        scheduler = schedule(optimizer)
    scheduler.load_state_dict(old_scheduler.state_dict())
    return train(optimizer, scheduler, 6)


def uninterrupted(schedule, epochs):
    optimizer = sgd()
    return train(optimizer, schedule(optimizer), epochs)


wrong_epochs = {}
for name, schedule in schedules.items():
    right, wrong = resumed(schedule, True), resumed(schedule, False)
    different = [abs(a - b) > 1e-6 for a, b in zip(right, wrong)]
    wrong_epochs[name] = sum(different)
    print(f"{name:<18}built last: wrong in {sum(different)} of 6 epochs")

assert list(wrong_epochs.values()) == [6, 1, 1, 0, 0]
for schedule in schedules.values():
    assert resumed(schedule, True) == uninterrupted(schedule, 10)[4:]

# %%
# ``last_epoch`` is for schedulers that were not saved. With a new optimizer it
# is an error, worded in older versions as *param 'initial_lr' is not specified
# in param_groups[0] when resuming an optimizer*. Leave it out:
#
# .. diagnosis:: ``last_epoch`` was passed to a scheduler with a new optimizer.
#    :message: param 'initial_lr' is not specified in param_groups
#    :fix: what-goes-wrong
#
#    scheduler = lr_scheduler.StepLR(optimizer, step_size=10)
#    scheduler.load_state_dict(checkpoint["scheduler"])

# sphinx_gallery_wrong = True
try:
    lr_scheduler.StepLR(sgd(), step_size=10, last_epoch=4)
except KeyError as error:
    print(f"{type(error).__name__}: {error}")

# %%
# **A file from a run without a scheduler** takes away what some schedulers have
# put into the optimizer. It is the one case where the scheduler comes last:
#
# .. diagnosis:: The optimizer of a run without a scheduler was loaded into one
#       with a scheduler.
#    :message: KeyError: '{name:initial_lr|max_lr|base_momentum}'
#    :traceback: torch/optim/
#    :fix: what-goes-wrong
#
#    optimizer.load_state_dict(checkpoint["optimizer"])
#    scheduler = lr_scheduler.OneCycleLR(optimizer, max_lr, total_steps)

# sphinx_gallery_wrong = True
optimizer = sgd()
scheduler = lr_scheduler.OneCycleLR(optimizer, max_lr=1.0, total_steps=20)
optimizer.load_state_dict(sgd().state_dict())
try:
    train(optimizer, scheduler, 1)
except KeyError as error:
    print(f"{type(error).__name__}: {error}")

scheduler = lr_scheduler.OneCycleLR(optimizer, max_lr=1.0, total_steps=20)
rates = train(optimizer, scheduler, 1)

# %%
# Train longer than planned, or with other settings
# -------------------------------------------------
#
# A scheduler's ``state_dict`` includes its settings, and the file's settings
# win. Although the script asks for a longer schedule, this run still stops
# after 20 steps:
#
# .. diagnosis:: The schedule ends here: its length comes from the file, if it
#       was loaded.
#    :message: The specified number of total steps is
#    :fix: train-longer-than-planned-or-with-other-settings
#
#    scheduler.total_steps = new_total  # after load_state_dict

# sphinx_gallery_wrong = True
optimizer = sgd()
scheduler = lr_scheduler.OneCycleLR(optimizer, max_lr=1.0, total_steps=20)
train(optimizer, scheduler, 10)
saved = optimizer.state_dict(), scheduler.state_dict()

scheduler = lr_scheduler.OneCycleLR(optimizer, max_lr=1.0, total_steps=40)
scheduler.load_state_dict(saved[1])
try:
    train(optimizer, scheduler, 30)
except ValueError as error:
    print(f"{type(error).__name__}: {error}")

# %%
# Load the optimizer, but not the scheduler. Build the new scheduler, and have
# it repeat the steps already taken; their number is the file's ``last_epoch``:


def replay(optimizer, build, steps):
    for group in optimizer.param_groups:
        group["lr"] = group.setdefault("initial_lr", group["lr"])
    scheduler = build(optimizer)
    optimizer.zero_grad()
    optimizer.step()  # no gradients: changes nothing, avoids a warning
    for _ in range(steps):
        scheduler.step()
    return scheduler


def longer(optimizer):
    return lr_scheduler.OneCycleLR(optimizer, max_lr=1.0, total_steps=40)


optimizer = sgd()
optimizer.load_state_dict(saved[0])
scheduler = replay(optimizer, longer, steps=saved[1]["last_epoch"])
rates = train(optimizer, scheduler, 29)

assert rates == uninterrupted(longer, 39)[10:]

# %%
# For another learning rate, set ``initial_lr`` before the replay. Here, a run
# with ``StepLR(step_size=10)`` goes on from epoch 45 as if it had started with
# a rate of 0.5 and a step size of 30:

# sphinx_gallery_fold = "A replay with another rate and step size"
optimizer = torch.optim.AdamW(model.parameters(), lr=1.0)
model(torch.ones(1, 1)).sum().backward()
train(optimizer, lr_scheduler.StepLR(optimizer, step_size=10), 45)
weight = model.weight.clone()
moment = optimizer.state[model.weight]["exp_avg"].clone()

for group in optimizer.param_groups:
    group["initial_lr"] = 0.5
replay(optimizer, lambda o: lr_scheduler.StepLR(o, step_size=30), steps=45)
print(f"learning rate in epoch 45: {optimizer.param_groups[0]['lr']:.4f}")

fresh = torch.optim.SGD(model.parameters(), lr=0.5)
train(fresh, lr_scheduler.StepLR(fresh, step_size=30), 45)
assert optimizer.param_groups[0]["lr"] == fresh.param_groups[0]["lr"]
assert torch.equal(model.weight, weight)
assert torch.equal(optimizer.state[model.weight]["exp_avg"], moment)

# %%
# With a cosine, the mistake raises no error. Loaded as is, a schedule of 20
# epochs reaches its end and then *rises* again. Setting ``scheduler.T_max``
# after loading bends the rest of the curve, without a jump; a replay jumps to
# the curve of a run planned for 40 epochs.

# sphinx_gallery_fold = "Code of the figure"


def cosine(optimizer, epochs=40):
    return lr_scheduler.CosineAnnealingLR(optimizer, T_max=epochs)


def resume_cosine(how):
    optimizer = sgd()
    scheduler = cosine(optimizer, epochs=20)
    first = train(optimizer, scheduler, 10)
    if how == "replayed":
        scheduler = replay(optimizer, cosine, steps=10)
    elif how == "T_max set":
        scheduler.T_max = 40
    return first, train(optimizer, scheduler, 31)


fig, ax = plt.subplots(figsize=(5, 3), layout="constrained")
first, loaded = resume_cosine("loaded")
ax.plot(range(11), [*first, loaded[0]], color="C0", label="first ten epochs")
styles = {"loaded": ":", "T_max set": "--", "replayed": "-"}
curves = {how: resume_cosine(how)[1] for how in styles}
for number, (how, style) in enumerate(styles.items(), start=1):
    ax.plot(range(10, 41), curves[how], style, color=f"C{number}", label=how)
ax.set(xlabel="epoch", ylabel="learning rate")
ax.set_title("A cosine of 20 epochs, continued to 40")
ax.legend(loc="upper right")
plt.show()

assert curves["replayed"] == uninterrupted(cosine, 41)[10:]
assert curves["loaded"][10] < 1e-6 and curves["loaded"][30] > 0.999
assert curves["T_max set"][0] == loaded[0]
assert curves["T_max set"][30] < 1e-6
assert sorted(curves["T_max set"], reverse=True) == curves["T_max set"]

# %%
# Variants
# --------
#
# **ReduceLROnPlateau** cannot be replayed, because it follows the losses. Load
# both states; the rate is only in the optimizer's. Then set what should differ
# from the file, such as ``scheduler.patience``.

# sphinx_gallery_fold = "A plateau, resumed without and with the optimizer"
optimizer = sgd()
scheduler = lr_scheduler.ReduceLROnPlateau(optimizer, patience=2)
for loss in [1.0, 1.0, 1.0, 1.0, 1.0]:
    scheduler.step(loss)
saved = optimizer.state_dict(), scheduler.state_dict()

optimizer = sgd()
scheduler = lr_scheduler.ReduceLROnPlateau(optimizer, patience=5)
scheduler.load_state_dict(saved[1])
print("scheduler only:", optimizer.param_groups[0]["lr"], end=", ")
optimizer.load_state_dict(saved[0])
print("both:", optimizer.param_groups[0]["lr"])

assert optimizer.param_groups[0]["lr"] == 0.1
assert scheduler.patience == 2 and scheduler.best == 1.0
assert scheduler.num_bad_epochs == 1

# %%
# **LambdaLR** saves neither a function nor anything of a
# :func:`functools.partial`: the schedule follows the function in the resuming
# script. Only an object with a ``__call__`` method has its attributes saved.

# sphinx_gallery_fold = "What is saved of a function, a partial and an object"


class Decay:
    def __init__(self, factor):
        self.factor = factor

    def __call__(self, epoch):
        return self.factor**epoch


saved = []
for function in [lambda epoch: 0.5**epoch, partial(pow, 0.5), Decay(0.5)]:
    scheduler = lr_scheduler.LambdaLR(sgd(), function)
    saved.append(scheduler.state_dict()["lr_lambdas"])
print(saved)

other = lr_scheduler.LambdaLR(sgd(), Decay(0.9))
other.load_state_dict(scheduler.state_dict())
assert other.lr_lambdas[0].factor == 0.5
assert saved == [[None], [{}], [{"factor": 0.5}]]

# %%

# sphinx_gallery_fold = "Leave the temporary folder"
os.chdir(here)
folder.cleanup()

# %%
# Learn more
# ----------
#
# - :ref:`sphx_glr_recipes_training_resuming_bit_exactly.py`
# - :ref:`sphx_glr_recipes_training_matching_optimizer_state_to_parameters.py`
# - :ref:`sphx_glr_recipes_recipes_saving_and_loading_a_general_checkpoint.py`
# - `pytorch#119168 <https://github.com/pytorch/pytorch/issues/119168>`__,
#   on the order of building and loading
# - :class:`torch.optim.lr_scheduler.LRScheduler`,
#   :meth:`torch.optim.Optimizer.load_state_dict`
