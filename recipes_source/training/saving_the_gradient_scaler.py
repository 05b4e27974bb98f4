"""
How do I resume mixed precision training?
=========================================

Save the gradient scaler with the rest, load it whether or not the file has one,
and lose no updates to a new search for the scale.
"""

# sphinx_gallery_tags = ["resuming", "mixed precision", "checkpoint"]
# sphinx_gallery_keywords = ["AMP", "--amp", "GradScaler", "loss scale", "fp16", "autocast"]
# sphinx_gallery_reading_order = 70

# %%

# sphinx_gallery_fold = "A training loop in float16, and its checkpoint"
import os
import tempfile
import warnings

import torch
import torch.nn as nn

here = globals().get("here", os.getcwd())
folder = tempfile.TemporaryDirectory()
os.chdir(folder.name)

x = torch.randn(64, 8, generator=torch.Generator().manual_seed(0))
y = 70 * x.sum(1, keepdim=True)


def build():
    torch.manual_seed(0)
    model = nn.Linear(8, 1)
    return model, torch.optim.SGD(model.parameters(), lr=1e-4, momentum=0.9)


def step(model, optimizer, scaler):
    optimizer.zero_grad()
    with torch.autocast("cpu", dtype=torch.float16):
        loss = (model(x) - y).square().mean()
    scaler.scale(loss).backward()
    scaler.step(optimizer)
    scaler.update()


def train(model, optimizer, scaler, steps):
    """Return the scale of each step."""
    scales = []
    for _ in range(steps):
        scales.append(scaler.get_scale())
        step(model, optimizer, scaler)
    return scales


device = "cpu"
whole, whole_optimizer = build()
whole_scaler = torch.amp.GradScaler(device, growth_interval=10)
first_scales = train(whole, whole_optimizer, whole_scaler, steps=25)
torch.save(
    {
        "model": whole.state_dict(),
        "optimizer": whole_optimizer.state_dict(),
        "scaler": whole_scaler.state_dict(),
    },
    "checkpoint.pt",
)
model, optimizer = build()

# %%
# Short answer
# ------------
#
# Save ``"scaler": scaler.state_dict()`` after ``scaler.update()``. To resume,
# load it unless it is missing or empty:

import torch

checkpoint = torch.load("checkpoint.pt", map_location="cpu")
model.load_state_dict(checkpoint["model"])
optimizer.load_state_dict(checkpoint["optimizer"])

scaler = torch.amp.GradScaler(device)
if checkpoint.get("scaler"):  # {} was saved by a disabled scaler
    scaler.load_state_dict(checkpoint["scaler"])

# %%
# With ``bfloat16``, there is no scaler to save, because it has the range of
# ``float32``.
#
# .. fold:: Who this is for
#
#    You train with ``torch.autocast`` in ``float16`` and a ``GradScaler``, and
#    an interrupted run should continue as if nothing had happened; or a run
#    with ``--amp`` stops with *The source state dict is empty*.
#
# .. fold:: Setup
#
#    PyTorch 2.3 or newer; older versions have ``torch.cuda.amp.GradScaler``::
#
#        pip install "torch>=2.6"

# %%
# Why it works
# ------------
#
# A scaler's ``state_dict`` holds five numbers. The scaler finds its scale by
# trial: if a gradient overflows, it skips the update and halves the scale, and
# after ``growth_interval`` good steps it doubles the scale.

for name, value in checkpoint["scaler"].items():
    print(f"{name}: {value}")

assert scaler.load_state_dict(checkpoint["scaler"]) is None
assert scaler.state_dict() == checkpoint["scaler"]
assert len(scaler.state_dict()) == 5
assert first_scales[:2] == [2.0**16, 2.0**15]
assert torch.finfo(torch.bfloat16).max > 1e38

# %%
# Compare three runs: resumed with the scaler's state, resumed without it, and
# never interrupted. The second one starts over at 65536 and skips eight updates
# until the scale fits:


def resume(with_scaler):
    model, optimizer = build()
    checkpoint = torch.load("checkpoint.pt", map_location="cpu")
    model.load_state_dict(checkpoint["model"])
    optimizer.load_state_dict(checkpoint["optimizer"])
    scaler = torch.amp.GradScaler(device, growth_interval=10)
    if with_scaler:
        scaler.load_state_dict(checkpoint["scaler"])
    return model, train(model, optimizer, scaler, steps=10)


restored, scales = resume(with_scaler=True)
print("with its state:  ", [int(scale) for scale in scales[:9]])
forgetful, new_scales = resume(with_scaler=False)
print("with a new scale:", [int(scale) for scale in new_scales[:9]])

reference, reference_optimizer = build()
reference_scaler = torch.amp.GradScaler(device, growth_interval=10)
train(reference, reference_optimizer, reference_scaler, steps=35)
print("equal weights:", torch.equal(restored.weight, reference.weight))

assert torch.equal(restored.weight, reference.weight)
assert not torch.equal(forgetful.weight, reference.weight)
assert new_scales[:9] == [2.0**power for power in range(16, 7, -1)]
assert scales[0] == new_scales[8] == 2.0**8

# %%
# What goes wrong
# ---------------
#
# **A file from a run without AMP.** A disabled scaler saves ``{}``, which an
# enabled one refuses. A CUDA scaler on a machine without CUDA is disabled too.
#
# .. diagnosis:: The file is from a run without mixed precision, whose scaler
#       has no state.
#    :message: The source state dict is empty, possibly because
#    :fix: what-goes-wrong
#
#    if checkpoint["scaler"]:
#        scaler.load_state_dict(checkpoint["scaler"])

# sphinx_gallery_wrong = True
disabled = torch.amp.GradScaler(device, enabled=False)
scaler = torch.amp.GradScaler(device)
print(disabled.state_dict())
try:
    scaler.load_state_dict(disabled.state_dict())
except RuntimeError as error:
    print(f"{type(error).__name__}: {error}")

# %%
# The reverse raises no error: a disabled scaler ignores what it loads. So the
# condition in the short answer covers every pair of a file and a run:

scales = []
for state in [checkpoint["scaler"], {}, None]:
    for enabled in [True, False]:
        scaler = torch.amp.GradScaler(device, enabled=enabled)
        if state:
            scaler.load_state_dict(state)
        scales.append(scaler.get_scale())
        print(f"loaded {bool(state)}, enabled {enabled}: {scales[-1]:.0f}")

assert scales == [2.0**8, 1.0, 2.0**16, 1.0, 2.0**16, 1.0]
with warnings.catch_warnings(action="ignore"):
    assert (
        torch.amp.GradScaler("cuda").is_enabled() == torch.cuda.is_available()
    )

# %%
# **The scheduler runs ahead.** When the scaler skips a step, the optimizer does
# not take it. If the first step is skipped, PyTorch warns:
#
# .. diagnosis:: The first step was skipped, by the scaler or because the
#       scheduler came first.
#    :message: Detected call of `lr_scheduler.step()` before `optimizer.step()`
#    :fix: what-goes-wrong
#
#    optimizer.step()
#    scheduler.step()

# sphinx_gallery_wrong = True
model, optimizer = build()
scaler = torch.amp.GradScaler(device)
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=10)
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    step(model, optimizer, scaler)
    scheduler.step()
for warning in caught:
    print(f"{warning.category.__name__}: {warning.message}")

assert "before `optimizer.step()`" in str(caught[0].message)

# %%
# If the scale shrank, the step was skipped. Eight of these twenty steps are
# skipped, so the scheduler takes twelve:

model, optimizer = build()
scaler = torch.amp.GradScaler(device)
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=10)
for _ in range(20):
    scale = scaler.get_scale()
    step(model, optimizer, scaler)
    if scaler.get_scale() >= scale:
        scheduler.step()

print("steps of the scheduler:", scheduler.last_epoch)
assert scheduler.last_epoch == 12

# %%
# Variants
# --------
#
# **Gradient clipping.** Unscale the gradients first, or their norm is too large
# by a factor of the scale. The ``state_dict`` does not record that gradients
# are unscaled: save between ``scaler.update()`` and the next backward pass.

optimizer.zero_grad()
with torch.autocast(device, dtype=torch.float16):
    loss = (model(x) - y).square().mean()
scaler.scale(loss).backward()
scaled = model.weight.grad.norm().item()
scaler.unscale_(optimizer)
norm = nn.utils.clip_grad_norm_(model.weight, max_norm=1.0).item()
scaler.step(optimizer)
scaler.update()

print(f"scaled gradient / gradient: {scaled / norm:.0f}")
assert round(scaled / norm) == scaler.get_scale()
assert model.weight.dtype == torch.float32
assert optimizer.state[model.weight]["momentum_buffer"].dtype == torch.float32

# %%
# **Other settings.** The file's settings override the arguments of
# ``GradScaler``. Set yours after loading:

scaler = torch.amp.GradScaler(device, growth_interval=1000)
scaler.load_state_dict(checkpoint["scaler"])
print(scaler.get_growth_interval(), end=" -> ")
scaler.set_growth_interval(1000)
print(scaler.get_growth_interval())
assert checkpoint["scaler"]["growth_interval"] == 10
assert scaler.get_growth_interval() == 1000

# %%
# **Nothing else changes** in a checkpoint: with ``torch.autocast``, parameters
# and optimizer state stay ``float32``.

# sphinx_gallery_fold = "Leave the temporary folder"
os.chdir(here)
folder.cleanup()

# %%
# Learn more
# ----------
#
# - :ref:`sphx_glr_recipes_recipes_saving_and_loading_a_general_checkpoint.py`
# - :ref:`sphx_glr_recipes_training_resuming_bit_exactly.py`
# - :ref:`sphx_glr_recipes_training_resuming_learning_rate_schedules.py`
# - :ref:`sphx_glr_recipes_training_placing_optimizer_state.py`
# - `lightweight-gan#103
#   <https://github.com/lucidrains/lightweight-gan/issues/103>`__,
#   on a file from a run without AMP
# - :class:`torch.autocast`, :mod:`torch.amp`
