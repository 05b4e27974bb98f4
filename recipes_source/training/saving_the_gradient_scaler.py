"""
Saving the gradient scaler of mixed precision training
======================================================

Training in ``float16`` has one more state to save: the gradient scaler, without
which a resumed run searches for its scale again and skips updates meanwhile.

**For whom:** you train with automatic mixed precision and a ``GradScaler``, and
want an interrupted run to continue as if nothing had happened.

Setup
-----

Install PyTorch, and Matplotlib for the figure::

    pip install torch matplotlib

Steps
-----

1. Import the libraries
2. Train in mixed precision
3. Look at the state
4. Save and load it with the rest
5. Compare with a run that forgot it
6. Handle a disabled scaler
"""

# sphinx_gallery_tags = ["resuming", "mixed precision", "checkpoint"]
# sphinx_gallery_keywords = ["AMP", "GradScaler", "loss scale"]
# sphinx_gallery_reading_order = 70

# %%
# 1. Import the libraries
# ~~~~~~~~~~~~~~~~~~~~~~~
#
# The checkpoint goes into a temporary folder, which the last cell removes.

import tempfile
import warnings
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
# 2. Train in mixed precision
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# Why is there a scaler at all? The smallest ``torch.float16`` numbers are much
# larger than those of ``torch.float32``, so small gradients would become zero. The
# scaler multiplies the loss by a large number before the backward pass, and divides
# the gradients by it before the optimizer's step. ``torch.bfloat16`` covers the
# range of ``torch.float32`` and needs no scaler.

gradient = torch.tensor(1e-8)
for dtype in (torch.float32, torch.bfloat16, torch.float16):
    print(f"{str(dtype):<15} largest {torch.finfo(dtype).max:.2g}", end=", ")
    print(f"1e-8 is zero: {gradient.to(dtype).item() == 0}")

assert gradient.half() == 0 and gradient.bfloat16() != 0
assert (gradient * 2**16).half() != 0

# %%
# The scale must not be too large either, because ``torch.float16`` ends at 65504.
# The scaler finds a fitting one by trial. It starts at 65536. When a gradient
# overflows, it skips the optimizer's step and halves the scale. After
# ``growth_interval`` steps without overflow it doubles the scale. That interval is
# 10 here instead of 2000, so that a short run shows it. ``train`` returns the scale
# used in each step. The first one is skipped here.

x = torch.randn(64, 8)
y = 70 * x.sum(1, keepdim=True)


def build():
    model = nn.Linear(8, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-4, momentum=0.9)
    return model, optimizer


def train(model, optimizer, scaler, steps):
    scales = []
    for _ in range(steps):
        scales.append(scaler.get_scale())
        optimizer.zero_grad()
        with torch.autocast("cpu", dtype=torch.float16):
            loss = F.mse_loss(model(x), y)
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()
    return scales


model, optimizer = build()
scaler = torch.amp.GradScaler("cpu", growth_interval=10)
before = model.weight.detach().clone()
scales = train(model, optimizer, scaler, steps=1)

print(f"scale in step 1: {scales[-1]}, afterwards: {scaler.get_scale()}")
print(f"weights changed: {not torch.equal(model.weight, before)}")
assert scales == [2.0**16] and scaler.get_scale() == 2.0**15
assert torch.equal(model.weight, before)

# %%
# 3. Look at the state
# ~~~~~~~~~~~~~~~~~~~~
#
# After 25 steps the scaler has found its scale. Its ``state_dict`` has five
# entries, all plain numbers: the scale, three settings it was created with, and the
# number of steps since the scale last changed.

scales += train(model, optimizer, scaler, steps=24)
for name, value in scaler.state_dict().items():
    print(f"{name}: {value}")

assert len(scaler.state_dict()) == 5
assert all(isinstance(value, (int, float)) for value in scaler.state_dict().values())
assert scaler.state_dict()["scale"] == scales[-1] == 2.0**8
assert scaler.state_dict()["_growth_tracker"] == 6

# %%
# Nothing else is new. Parameters and optimizer state are ``torch.float32``, as
# without mixed precision, and :class:`torch.autocast` has no state.

dtypes = {tensor.dtype for tensor in model.state_dict().values()}
dtypes |= {s["momentum_buffer"].dtype for s in optimizer.state_dict()["state"].values()}
print(f"{dtypes = }")
assert dtypes == {torch.float32}

# %%
# 4. Save and load it with the rest
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# The scaler's ``state_dict`` is one more entry of the checkpoint. Take it at the
# end of an iteration, after ``scaler.update()``.

checkpoint = {
    "model": model.state_dict(),
    "optimizer": optimizer.state_dict(),
    "scaler": scaler.state_dict(),
}
torch.save(checkpoint, path)
print(list(torch.load(path)))
assert torch.load(path)["scaler"] == scaler.state_dict()

# %%
# Loading restores all five numbers. The settings in the file win over those given
# to the new scaler, which was created with an interval of 2000.


def resume(scaler):
    checkpoint = torch.load(path)
    model, optimizer = build()
    model.load_state_dict(checkpoint["model"])
    optimizer.load_state_dict(checkpoint["optimizer"])
    if scaler is not None:
        scaler.load_state_dict(checkpoint["scaler"])
    return model, optimizer


resumed_scaler = torch.amp.GradScaler("cpu")
resumed, resumed_optimizer = resume(resumed_scaler)

print(f"{resumed_scaler.get_scale() = }")
print(f"{resumed_scaler.get_growth_interval() = }")
assert resumed_scaler.state_dict() == scaler.state_dict()

# %%
# 5. Compare with a run that forgot it
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# Three runs continue for 35 steps: the original one, one resumed with the scaler's
# state, and one with a new scaler. The figure shows the scale. The second run
# repeats the first. The third starts at 65536 again and halves its scale eight
# times, each time in place of an update of the weights.

forgetful, forgetful_optimizer = resume(None)
forgetful_scaler = torch.amp.GradScaler("cpu", growth_interval=10)
whole = scales + train(model, optimizer, scaler, 35)
restored = train(resumed, resumed_optimizer, resumed_scaler, 35)
new = train(forgetful, forgetful_optimizer, forgetful_scaler, 35)

fig, ax = plt.subplots(figsize=(5, 3), layout="constrained")
ax.step(range(1, 61), whole, linewidth=4, label="not interrupted")
ax.step(range(26, 61), restored, "--", label="with its state")
ax.step(range(26, 61), new, ":", linewidth=2, label="with a new scaler")
ax.set(xlabel="training steps", ylabel="scale")
ax.set_yscale("log", base=2)
ax.set_title("Scale of a run, resumed after step 25")
ax.legend(loc="upper right")
plt.show()

for label, values in (("its state", restored), ("a new scaler", new)):
    print(f"with {label}:", *(int(value) for value in values[:9]))
assert restored == whole[25:]
assert new[:9] == [2.0**k for k in range(16, 7, -1)]

# %%
# The weights confirm it. The run with the scaler's state ends with exactly the
# weights of the uninterrupted one, and the run with the new scaler does not.

print(f"{torch.equal(resumed.weight, model.weight) = }")
print(f"{torch.equal(forgetful.weight, model.weight) = }")
assert torch.equal(resumed.weight, model.weight)
assert not torch.equal(forgetful.weight, model.weight)

# %%
# 6. Handle a disabled scaler
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# ``enabled=False`` turns a scaler off, so that one training loop serves with and
# without it. A scaler for CUDA also turns itself off, with a warning, where CUDA is
# not available. A disabled scaler saves an empty dictionary.

disabled = torch.amp.GradScaler("cpu", enabled=False)
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    cuda_scaler = torch.amp.GradScaler("cuda")

print(f"{disabled.state_dict() = }")
print(f"{cuda_scaler.is_enabled() == torch.cuda.is_available() = }")
assert disabled.state_dict() == {}
assert cuda_scaler.is_enabled() == torch.cuda.is_available()

# %%
# A checkpoint written with a disabled scaler, on a laptop for example, then fails
# to load into an enabled one, with this error.

enabled = torch.amp.GradScaler("cpu")
try:
    enabled.load_state_dict(disabled.state_dict())
except RuntimeError as error:
    print(f"{type(error).__name__}: {error}")
else:
    raise AssertionError("the empty state was expected to be refused")

# %%
# The other direction raises nothing: a disabled scaler ignores what it is given.
# So one condition is enough. It also covers checkpoints that were saved without a
# scaler. Such a run starts with a new scale.


def load_scaler(scaler, checkpoint):
    state = checkpoint.get("scaler")
    if state:
        scaler.load_state_dict(state)


saved = torch.load(path)
by_source = {"enabled": saved, "disabled": {"scaler": disabled.state_dict()}, "no": {}}
for source, checkpoint in by_source.items():
    enabled = torch.amp.GradScaler("cpu")
    load_scaler(enabled, checkpoint)
    load_scaler(disabled, checkpoint)
    print(f"saved with {source} scaler: scale {enabled.get_scale()}")
    assert enabled.get_scale() == (2.0**8 if source == "enabled" else 2.0**16)
    assert disabled.state_dict() == {}

# %%
# The last cell removes the temporary folder.

folder.cleanup()

# %%
# You have seen what mixed precision adds to a checkpoint: five numbers of the
# gradient scaler. With them a resumed run continues bit for bit, and without them
# it skips updates until it has found its scale again.
#
# Learn more
# ----------
#
# - :ref:`sphx_glr_recipes_training_resuming_bit_exactly.py`
# - :ref:`sphx_glr_recipes_training_placing_optimizer_state.py`
# - :ref:`sphx_glr_recipes_recipes_saving_and_loading_a_general_checkpoint.py`
# - :class:`torch.autocast` and :mod:`torch.amp` in the API documentation, which
#   describes ``GradScaler`` as well
