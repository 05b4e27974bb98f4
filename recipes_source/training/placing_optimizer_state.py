"""
Placing optimizer state on a device and in a dtype
==================================================

A loaded optimizer state takes the device and the dtype of the parameters it
belongs to, so place the model first and load the state last.

**For whom:** you resume training on another device or in another precision than
the checkpoint was saved with.

Setup
-----

Install PyTorch, and Matplotlib for the figure::

    pip install torch matplotlib

Steps
-----

1. Import the libraries
2. Save the state of an optimizer
3. Load it for a model with another dtype
4. Load it for a model on another device
5. Place the model first
6. See what the lower precision costs
7. Copy a state that is loaded twice
"""

# sphinx_gallery_tags = ["optimizer", "device", "dtype"]
# sphinx_gallery_keywords = ["optimizer state on cpu, model on gpu", "move the optimizer", "optimizer to GPU", "optimizer to CUDA", "Expected all tensors to be on the same device", "optimizer on CPU"]
# sphinx_gallery_reading_order = 50

# %%
# 1. Import the libraries
# ~~~~~~~~~~~~~~~~~~~~~~~
#
# The checkpoint goes into a temporary folder, which the last cell removes.

import copy
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import torch
import torch.nn as nn

torch.manual_seed(0)
plt.style.use("petroff10")

folder = tempfile.TemporaryDirectory()
path = Path(folder.name) / "checkpoint.pt"

# %%
# 2. Save the state of an optimizer
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# The function below builds a small model in the dtype and on the device asked
# for, and an :class:`torch.optim.AdamW` for it. After one step the optimizer
# holds three entries for the parameter: a running average of its gradient, one of
# the square of its gradient, and a counter, ``step``.


def build(dtype=torch.float32, device="cpu"):
    model = nn.Linear(4, 1, bias=False, dtype=dtype, device=device)
    return model, torch.optim.AdamW(model.parameters(), lr=0.01)


def show(optimizer):
    for name, value in optimizer.state_dict()["state"][0].items():
        shape, dtype = str(tuple(value.shape)), str(value.dtype)
        print(f"{name:<11}{shape:<7}{dtype:<15}{value.device}")


model, optimizer = build()
model(torch.randn(8, 4)).square().mean().backward()
optimizer.step()
show(optimizer)

state = optimizer.state_dict()["state"][0]
assert all(value.dtype == torch.float32 for value in state.values())

# %%
# Two entries are set to known numbers, so that a change to them is visible. A
# ``state_dict`` refers to the optimizer's own tensors, so they can be set there.
# Then the model and the optimizer are saved.

state["exp_avg"].fill_(1.2345678)
state["step"].fill_(1001)
checkpoint = {"model": model.state_dict(), "optimizer": optimizer.state_dict()}
torch.save(checkpoint, path)

print(f"exp_avg: {state['exp_avg'][0, 0].item():.7f}, step: {state['step'].item()}")
assert optimizer.state[model.weight]["exp_avg"] is state["exp_avg"]

# %%
# 3. Load it for a model with another dtype
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# ``load`` reads the checkpoint from the file. Its state goes into the optimizer of
# a ``torch.bfloat16`` model. The averages become ``torch.bfloat16`` too: 1.2345678
# is now 1.234375, without an error or a warning. Only ``step`` is exempt. It stays
# ``torch.float32``: ``torch.bfloat16`` has no number 1001 and would make it 1000.


def load():
    return torch.load(path, map_location="cpu")


checkpoint = load()
model, optimizer = build(dtype=torch.bfloat16)
model.load_state_dict(checkpoint["model"])
optimizer.load_state_dict(checkpoint["optimizer"])
show(optimizer)

state = optimizer.state[model.weight]
print(f"exp_avg: {state['exp_avg'][0, 0].item()}, step: {state['step'].item()}")
assert state["exp_avg"].dtype == state["exp_avg_sq"].dtype == torch.bfloat16
assert torch.all(state["exp_avg"] == 1.234375)
assert state["step"].dtype == torch.float32 and state["step"] == 1001
assert torch.tensor(1001, dtype=torch.bfloat16) == 1000

# %%
# The cast loses digits for good. Loading the ``torch.bfloat16`` state into a
# ``torch.float32`` model restores the dtype, not the number.

rounded = optimizer.state_dict()
model, optimizer = build(dtype=torch.float32)
optimizer.load_state_dict(rounded)

exp_avg = optimizer.state[model.weight]["exp_avg"]
print(f"{exp_avg.dtype}: {exp_avg[0, 0].item()}")
assert exp_avg.dtype == torch.float32
assert torch.all(exp_avg == 1.234375)

# %%
# 4. Load it for a model on another device
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# The device follows the parameter in the same way. To show that on a machine
# without a GPU, this cell uses the ``meta`` device, whose tensors have a shape but
# no data. Every entry in the file was on the CPU. The averages move to the
# parameter's device, and ``step`` stays where it was.

checkpoint = load()
model, optimizer = build(device="meta")
optimizer.load_state_dict(checkpoint["optimizer"])
show(optimizer)

saved = checkpoint["optimizer"]["state"][0]
state = optimizer.state[model.weight]
assert all(value.device.type == "cpu" for value in saved.values())
assert state["exp_avg"].device == state["exp_avg_sq"].device == model.weight.device
assert state["step"].device.type == "cpu"

# %%
# So ``map_location="cpu"`` is a good choice for loading a checkpoint: the averages
# move to where they are needed, and ``step`` stays on the CPU, where this
# optimizer had created it.
#
# Optimizers created with ``fused=True`` or ``capturable=True`` are different: they
# keep ``step`` on the parameter's device, and loading their state moves it as
# well. Here the flag is set in the loaded dictionary, where a file saved from such
# an optimizer has it.

model, optimizer = build(device="meta")
fused = load()["optimizer"]
fused["param_groups"][0]["fused"] = True
optimizer.load_state_dict(fused)

print("step:", optimizer.state[model.weight]["step"].device)
assert optimizer.state[model.weight]["step"].device.type == "meta"

# %%
# 5. Place the model first
# ~~~~~~~~~~~~~~~~~~~~~~~~
#
# The state is cast once, while it is loaded. It does not follow a model that is
# converted afterwards: here the weight becomes ``torch.bfloat16`` and the averages
# stay ``torch.float32``. The next step then fails with this error.

checkpoint = load()
model, optimizer = build()
model.load_state_dict(checkpoint["model"])
optimizer.load_state_dict(checkpoint["optimizer"])
model.to(torch.bfloat16)  # too late
assert optimizer.state[model.weight]["exp_avg"].dtype == torch.float32

model(torch.randn(8, 4, dtype=torch.bfloat16)).square().mean().backward()
try:
    optimizer.step()
except RuntimeError as error:
    print(f"{type(error).__name__}: {error}")
else:
    raise AssertionError("the step was expected to fail")

# %%
# The order that works, for the dtype and for the device:
#
# 1. build the model and place it with :meth:`torch.nn.Module.to`
# 2. load the model's ``state_dict``
# 3. build the optimizer from the model's parameters
# 4. load the optimizer's ``state_dict``

checkpoint = load()
model = nn.Linear(4, 1, bias=False).to(device="cpu", dtype=torch.bfloat16)
model.load_state_dict(checkpoint["model"])
optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
optimizer.load_state_dict(checkpoint["optimizer"])

model(torch.randn(8, 4, dtype=torch.bfloat16)).square().mean().backward()
optimizer.step()
print("step:", optimizer.state[model.weight]["step"].item())
assert optimizer.state[model.weight]["step"] == 1002
assert optimizer.state[model.weight]["exp_avg"].dtype == model.weight.dtype

# %%
# An optimizer whose model was converted too late can be repaired: give it its own
# ``state_dict``, and the state is cast to the parameters as they are now.

model, optimizer = build()
optimizer.load_state_dict(load()["optimizer"])
model.to(torch.bfloat16)
optimizer.load_state_dict(optimizer.state_dict())

model(torch.randn(8, 4, dtype=torch.bfloat16)).square().mean().backward()
optimizer.step()
show(optimizer)
assert optimizer.state[model.weight]["exp_avg"].dtype == torch.bfloat16

# %%
# 6. See what the lower precision costs
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# The cast rounds once; the steps that follow round again each time. In each step,
# :class:`torch.optim.AdamW` multiplies ``exp_avg_sq`` by 0.999. Neighboring
# ``torch.bfloat16`` numbers are at least 0.39% apart, so the product is rounded
# back to where it was. The figure shows 500 steps with a gradient of zero, from an
# average of 1: in ``torch.float32`` it decays, in ``torch.bfloat16`` it never moves.

history = {}
for dtype in (torch.float32, torch.bfloat16):
    model, optimizer = build(dtype)
    optimizer.load_state_dict(load()["optimizer"])
    exp_avg_sq = optimizer.state[model.weight]["exp_avg_sq"].fill_(1)
    history[dtype] = [1.0]
    for _ in range(500):
        model.weight.grad = torch.zeros_like(model.weight)
        optimizer.step()
        history[dtype].append(exp_avg_sq[0, 0].item())

fig, ax = plt.subplots(figsize=(5, 3), layout="constrained")
for dtype, style in zip(history, ("-", "--")):
    ax.plot(history[dtype], style, label=str(dtype))
ax.set(xlabel="steps after loading", ylabel="exp_avg_sq", ylim=(0, 1.1))
ax.set_title("exp_avg_sq over 500 steps with a gradient of zero")
ax.legend()
plt.show()

for dtype, values in history.items():
    print(f"{str(dtype):<15} after 500 steps: {values[-1]:.2f}")
assert abs(history[torch.float32][-1] - 0.999**500) < 1e-3
assert set(history[torch.bfloat16]) == {1.0}

# %%
# Keeping the model in ``torch.float32`` and computing in lower precision with
# :class:`torch.autocast` avoids this: the parameters, and with them the optimizer
# state, stay ``torch.float32``.

model, optimizer = build()
optimizer.load_state_dict(load()["optimizer"])
with torch.autocast("cpu", dtype=torch.bfloat16):
    output = model(torch.randn(8, 4))
output.float().square().mean().backward()
optimizer.step()

print(f"{output.dtype = }")
show(optimizer)
assert output.dtype == torch.bfloat16
assert optimizer.state[model.weight]["exp_avg"].dtype == torch.float32

# %%
# 7. Copy a state that is loaded twice
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# Where nothing has to be cast or moved, nothing is copied either. The optimizer
# then works on the very tensors of the dictionary it was given, and its steps
# change them. Give it a copy if you need the dictionary again, or read the file
# again as this recipe does.

saved = load()["optimizer"]
for name, source in {"copy": copy.deepcopy(saved), "dictionary": saved}.items():
    model, optimizer = build()
    optimizer.load_state_dict(source)
    model.weight.grad = torch.zeros_like(model.weight)
    optimizer.step()
    step = saved["state"][0]["step"].item()
    print(f"after a step with the {name}, the dictionary holds step {step}")
    assert step == (1001 if name == "copy" else 1002)

assert optimizer.state[model.weight]["step"] is saved["state"][0]["step"]

# %%
# The last cell removes the temporary folder.

folder.cleanup()

# %%
# You have seen that :meth:`torch.optim.Optimizer.load_state_dict` casts the state
# to the dtype and device that the parameters have at that moment, with the
# exception of ``step``, and that the model therefore comes first.
#
# Learn more
# ----------
#
# - :ref:`sphx_glr_recipes_recipes_save_load_across_devices.py`
# - :ref:`sphx_glr_recipes_training_matching_optimizer_state_to_parameters.py`
# - :ref:`sphx_glr_recipes_troubleshooting_controlling_dtype_on_load.py`
# - `pytorch#2830 <https://github.com/pytorch/pytorch/issues/2830>`__, where the
#   casting was asked for
# - :meth:`torch.optim.Optimizer.load_state_dict`, :meth:`torch.nn.Module.to` and
#   :class:`torch.optim.AdamW` in the API documentation
