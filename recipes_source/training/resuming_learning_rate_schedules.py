"""
Resuming learning rate schedules
================================

Build the scheduler before you load the optimizer's ``state_dict``; the other way
around, the scheduler changes the learning rate that was restored.

**For whom:** you resume training and the learning rate jumps, or a schedule starts
over.

Setup
-----

Install PyTorch, and Matplotlib for the figure::

    pip install torch matplotlib

Steps
-----

1. Import the libraries
2. Save in the middle of a warmup
3. Load in the wrong order
4. Load in the right order
5. Compare the schedules
6. Find out which schedulers are affected
7. Leave out ``last_epoch``
8. Know which settings come from the file
9. Keep the function of a ``LambdaLR`` yourself
"""

# sphinx_gallery_tags = ["resuming", "optimizer", "scheduler"]
# sphinx_gallery_keywords = ["learning rate reset", "LR scheduler", "warmup restarts"]
# sphinx_gallery_reading_order = 40

# %%
# 1. Import the libraries
# ~~~~~~~~~~~~~~~~~~~~~~~
#
# The checkpoint goes to a folder that is removed at the end. The seed is for the
# model's initial weights, which play no part here.

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import torch
import torch.nn as nn
import torch.optim as optim
from torch.optim import lr_scheduler

torch.manual_seed(0)
plt.style.use("petroff10")

folder = tempfile.TemporaryDirectory()
path = Path(folder.name) / "checkpoint.pt"

# %%
# 2. Save in the middle of a warmup
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# :class:`torch.optim.lr_scheduler.LinearLR` raises the learning rate from 0.1 to 1.0
# in ten epochs. After four of them it is 0.46. Both ``state_dict`` go into the
# checkpoint: the learning rate in use is part of the optimizer's, the position in
# the schedule is part of the scheduler's.


def new_optimizer():
    return optim.SGD(nn.Linear(1, 1).parameters(), lr=1.0)


def warmup(optimizer):
    return lr_scheduler.LinearLR(optimizer, start_factor=0.1, total_iters=10)


def run(optimizer, scheduler, epochs):
    """Return the learning rate of each epoch."""
    rates = []
    for _ in range(epochs):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return rates


optimizer = new_optimizer()
scheduler = warmup(optimizer)
before = run(optimizer, scheduler, 4)
torch.save(
    {"optimizer": optimizer.state_dict(), "scheduler": scheduler.state_dict()}, path
)

saved = torch.load(path)
saved_lr = saved["optimizer"]["param_groups"][0]["lr"]
print(f"in the optimizer's state_dict: lr = {saved_lr:.3f}")
print("in the scheduler's state_dict: last_epoch =", saved["scheduler"]["last_epoch"])
assert abs(saved_lr - 0.46) < 1e-6 and saved["scheduler"]["last_epoch"] == 4

# %%
# 3. Load in the wrong order
# ~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# A scheduler sets the learning rate of its first epoch when it is built. Built after
# the optimizer was loaded, it multiplies 0.46 by the start factor 0.1, and loading
# the scheduler's ``state_dict`` does not undo that.
# :meth:`~torch.optim.lr_scheduler.LRScheduler.get_last_lr` returns what was loaded,
# so a log that prints it looks right.

wrong_optimizer = new_optimizer()
wrong_optimizer.load_state_dict(saved["optimizer"])
wrong_scheduler = warmup(wrong_optimizer)
wrong_scheduler.load_state_dict(saved["scheduler"])

wrong_lr = wrong_optimizer.param_groups[0]["lr"]
print(f"get_last_lr:     {wrong_scheduler.get_last_lr()[0]:.3f}")
print(f"param_groups lr: {wrong_lr:.3f}")
assert abs(wrong_scheduler.get_last_lr()[0] - 0.46) < 1e-6
assert abs(wrong_lr - 0.046) < 1e-6

# %%
# 4. Load in the right order
# ~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# Build everything first, then load everything. The optimizer's ``state_dict`` now
# comes after the scheduler has done its part, and the learning rate is 0.46.

right_optimizer = new_optimizer()
right_scheduler = warmup(right_optimizer)
right_optimizer.load_state_dict(saved["optimizer"])
right_scheduler.load_state_dict(saved["scheduler"])

right_lr = right_optimizer.param_groups[0]["lr"]
print(f"get_last_lr:     {right_scheduler.get_last_lr()[0]:.3f}")
print(f"param_groups lr: {right_lr:.3f}")
assert right_lr == right_scheduler.get_last_lr()[0] == optimizer.param_groups[0]["lr"]

# %%
# 5. Compare the schedules
# ~~~~~~~~~~~~~~~~~~~~~~~~
#
# In the right order, the remaining epochs have exactly the rates of the
# uninterrupted run. In the wrong order, every rate is a tenth of it. A third run
# restores the optimizer but forgets the scheduler: its warmup starts over from 0.46
# and ends far above 1.0.

forgot_optimizer = new_optimizer()
forgot_scheduler = warmup(forgot_optimizer)
forgot_optimizer.load_state_dict(saved["optimizer"])

full = run(optimizer, scheduler, 12)
right = run(right_optimizer, right_scheduler, 12)
wrong = run(wrong_optimizer, wrong_scheduler, 12)
forgot = run(forgot_optimizer, forgot_scheduler, 12)

fig, ax = plt.subplots(figsize=(5, 3.4), layout="constrained")
ax.plot(range(16), before + full, color="C0", label="uninterrupted")
epochs = range(4, 16)
ax.plot(epochs, right, "o", color="C1", label="right order")
ax.plot(epochs, wrong, "--", color="C2", label="wrong order")
ax.plot(epochs, forgot, ":", color="C3", label="scheduler not loaded")
ax.set(yscale="log", ylim=(0.03, 40), xlabel="epoch", ylabel="learning rate")
ax.set_title("Learning rate, resumed at epoch 4")
ax.legend(ncols=2, loc="upper center")
plt.show()

runs = {"uninterrupted": full, "right order": right, "wrong order": wrong}
for name, rates in {**runs, "scheduler not loaded": forgot}.items():
    print(f"{name:<22}epoch 4: {rates[0]:.3f}   epoch 15: {rates[-1]:.3f}")

assert right == full
torch.testing.assert_close(wrong, [rate / 10 for rate in full])
assert abs(forgot[-1] - 4.6) < 1e-6

# %%
# 6. Find out which schedulers are affected
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# The same experiment with other schedulers: the rate at epoch 4 and at epoch 12,
# resumed in the right and in the wrong order. Some stay wrong, some are wrong until
# their next step, and some are not affected. The right order suits all of them.

schedulers = {
    "LinearLR": warmup,
    "ConstantLR": lambda o: lr_scheduler.ConstantLR(o, 0.1, total_iters=10),
    "SequentialLR": lambda o: lr_scheduler.SequentialLR(
        o,
        [lr_scheduler.ConstantLR(o, 0.1, 3), lr_scheduler.ExponentialLR(o, 0.9)],
        milestones=[3],
    ),
    "LambdaLR": lambda o: lr_scheduler.LambdaLR(o, lambda epoch: 1 / (1 + epoch)),
    "OneCycleLR": lambda o: lr_scheduler.OneCycleLR(
        o, max_lr=1.0, total_steps=20, cycle_momentum=False
    ),
    "StepLR": lambda o: lr_scheduler.StepLR(o, step_size=3, gamma=0.5),
    "CosineAnnealingLR": lambda o: lr_scheduler.CosineAnnealingLR(o, T_max=20),
}


def resume(build, scheduler_first):
    optimizer = new_optimizer()
    scheduler = build(optimizer)
    run(optimizer, scheduler, 4)
    state = optimizer.state_dict(), scheduler.state_dict()

    optimizer = new_optimizer()
    if scheduler_first:
        scheduler = build(optimizer)
    optimizer.load_state_dict(state[0])
    if not scheduler_first:
        scheduler = build(optimizer)
    scheduler.load_state_dict(state[1])
    rates = run(optimizer, scheduler, 9)
    return rates[0], rates[-1]


# %%
# The verdict compares the two rates of each epoch.

print(f"{'':<19}{'epoch 4':>15}{'epoch 12':>16}")
print(f"{'':<19}{'right':>8}{'wrong':>8}{'right':>8}{'wrong':>8}")
verdicts = {}
for name, build in schedulers.items():
    at_4, at_12 = zip(resume(build, True), resume(build, False))
    same = [abs(right - wrong) < 1e-6 for right, wrong in (at_4, at_12)]
    verdicts[name] = {
        (False, False): "stays wrong",
        (False, True): "wrong for one epoch",
        (True, True): "not affected",
    }[tuple(same)]
    numbers = "".join(f"{rate:8.3f}" for rate in at_4 + at_12)
    print(f"{name:<19}{numbers}  {verdicts[name]}")

assert list(verdicts.values()) == (
    ["stays wrong"] * 3 + ["wrong for one epoch"] * 2 + ["not affected"] * 2
)

# %%
# 7. Leave out ``last_epoch``
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# The scheduler's ``state_dict`` knows the epoch, so there is no need to pass it as
# ``last_epoch``. On a new optimizer it even raises an error: the rate from which the
# schedule starts, ``initial_lr``, is part of the optimizer's loaded state.

try:
    lr_scheduler.LinearLR(new_optimizer(), last_epoch=4)
except KeyError as error:
    print(f"{type(error).__name__}: {error}")
else:
    raise AssertionError("last_epoch should have been refused")

# %%
# 8. Know which settings come from the file
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# A scheduler's ``state_dict`` also holds its settings. A script with a new learning
# rate and a longer warmup gets the old ones back when it loads. Set what you want to
# change *after* loading: the rate in use, the rate from which the schedule starts
# in the optimizer and in the scheduler, and the setting itself.

optimizer = optim.SGD(nn.Linear(1, 1).parameters(), lr=0.5)
scheduler = lr_scheduler.StepLR(optimizer, step_size=30)
old_optimizer = new_optimizer()
old_scheduler = lr_scheduler.StepLR(old_optimizer, step_size=10)

optimizer.load_state_dict(old_optimizer.state_dict())
scheduler.load_state_dict(old_scheduler.state_dict())
print(f"{optimizer.param_groups[0]['lr'] = }, {scheduler.step_size = }")
assert optimizer.param_groups[0]["lr"] == 1.0 and scheduler.step_size == 10

optimizer.param_groups[0].update(lr=0.5, initial_lr=0.5)
scheduler.base_lrs = [0.5]
scheduler.step_size = 30
rates = run(optimizer, scheduler, 31)
print(f"{rates[0] = }, {rates[29] = }, {rates[30] = }")
assert (rates[0], rates[29], rates[30]) == (0.5, 0.5, 0.05)

# %%
# 9. Keep the function of a ``LambdaLR`` yourself
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# :class:`torch.optim.lr_scheduler.LambdaLR` saves its position, but ``None`` in place
# of a function. If the script has another function when it resumes, the schedule
# follows that one, without a warning.


def halve(epoch):
    return 0.5**epoch


optimizer = new_optimizer()
scheduler = lr_scheduler.LambdaLR(optimizer, halve)
run(optimizer, scheduler, 2)
state = scheduler.state_dict()
print("saved functions:", state["lr_lambdas"])

other = lr_scheduler.LambdaLR(new_optimizer(), lambda epoch: 0.9**epoch)
other.load_state_dict(state)
other.optimizer.step()
other.step()
print(f"epoch {other.last_epoch}: {other.get_last_lr()[0]:.3f}, not {halve(3)}")
assert state["lr_lambdas"] == [None]
assert abs(other.get_last_lr()[0] - 0.9**3) < 1e-6

# %%
# An object with a ``__call__`` method saves its attributes. The resumed script needs
# the class, and gets the numbers from the file.


class Decay:
    def __init__(self, factor):
        self.factor = factor

    def __call__(self, epoch):
        return self.factor**epoch


scheduler = lr_scheduler.LambdaLR(new_optimizer(), Decay(0.5))
torch.save(scheduler.state_dict(), path)
print("saved functions:", torch.load(path)["lr_lambdas"])

other = lr_scheduler.LambdaLR(new_optimizer(), Decay(0.9))
other.load_state_dict(torch.load(path))
print("factor after loading:", other.lr_lambdas[0].factor)
assert other.lr_lambdas[0].factor == 0.5
folder.cleanup()

# %%
# You have seen the order that keeps a schedule: build model, optimizer and
# scheduler, then load all three. To check it, look at the ``lr`` of the optimizer's
# ``param_groups`` rather than at ``get_last_lr``.
#
# Learn more
# ----------
#
# - :ref:`sphx_glr_recipes_training_resuming_bit_exactly.py`
# - :ref:`sphx_glr_recipes_recipes_saving_and_loading_a_general_checkpoint.py`
# - :class:`torch.optim.lr_scheduler.LRScheduler` and
#   :meth:`torch.optim.Optimizer.load_state_dict` in the API documentation
# - `pytorch#119168 <https://github.com/pytorch/pytorch/issues/119168>`__, whose fix
#   added the order to the documentation
