"""
How do I load an optimizer's state onto the GPU?
================================================

Load the state so that it gets the device and dtype of the model's parameters,
and bring it along if the model moves afterward.
"""

# sphinx_gallery_tags = ["optimizer", "device", "dtype"]
# sphinx_gallery_keywords = ["optimizer state on cpu, model on gpu", "move the optimizer", "optimizer.to", "optimizer.cuda", "move the optimizer to the device", "optimizer state on another GPU", "tensors on the same device", "device mismatch after resuming"]
# sphinx_gallery_reading_order = 50

# %%

# sphinx_gallery_fold = "A model and its checkpoint"
import os
import tempfile

import torch
import torch.nn as nn

here = globals().get("here", os.getcwd())
folder = tempfile.TemporaryDirectory()
os.chdir(folder.name)


class Net(nn.Linear):
    def __init__(self):
        super().__init__(4, 1, bias=False)


def step(model, optimizer):
    optimizer.zero_grad()
    x = torch.ones(2, 4, dtype=model.weight.dtype, device=model.weight.device)
    model(x).square().mean().backward()
    optimizer.step()


torch.manual_seed(0)
model = Net()
optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
step(model, optimizer)
optimizer.state[model.weight]["exp_avg"].fill_(1.2345678)  # a known number
optimizer.state[model.weight]["step"].fill_(1001)
torch.save(
    {"model": model.state_dict(), "optimizer": optimizer.state_dict()},
    "checkpoint.pt",
)

# %%
# Short answer
# ------------
#
# An optimizer has no ``.to``. Move the model, build the optimizer, and load its
# state last, so that it follows the parameters:

import torch

device = "cuda" if torch.cuda.is_available() else "cpu"
checkpoint = torch.load("checkpoint.pt", map_location="cpu")

model = Net().to(device)
model.load_state_dict(checkpoint["model"])
optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
optimizer.load_state_dict(checkpoint["optimizer"])

# %%
# If the model moved after that, reload the optimizer's own state:
# ``optimizer.load_state_dict(optimizer.state_dict())``.
#
# .. fold:: Who this is for
#
#    You resume training on another device or in another dtype, and
#    ``optimizer.step()`` fails with *Expected all tensors to be on the same
#    device, but found at least two devices, cuda:0 and cpu!*
#
# .. fold:: Setup
#
#    PyTorch 1.13 or newer; this page needs no GPU::
#
#        pip install "torch>=2.6"

# %%
# Why it works
# ------------
#
# ``load_state_dict`` converts each parameter's state to the device and dtype
# that the parameter has at that moment, whatever they were in the file. Only
# ``step`` stays as it is. A ``bfloat16`` model shows the dtype, and the
# ``meta`` device stands in for a GPU:


def load(model, **settings):
    """Return an optimizer with the state of a file with these settings."""
    checkpoint = torch.load("checkpoint.pt", map_location="cpu")
    checkpoint["optimizer"]["param_groups"][0].update(settings)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
    optimizer.load_state_dict(checkpoint["optimizer"])
    return optimizer


states = []
for model in [Net().to(torch.bfloat16), Net().to("meta")]:
    states.append(load(model).state_dict()["state"][0])
    for name, value in states[-1].items():
        print(f"{name:<11}{str(value.dtype):<15}{value.device}")

assert states[0]["exp_avg"].dtype == torch.bfloat16
assert states[0]["exp_avg_sq"].dtype == torch.bfloat16
assert states[0]["step"].dtype == torch.float32 and states[0]["step"] == 1001
assert states[1]["exp_avg"].is_meta and states[1]["exp_avg_sq"].is_meta
assert states[1]["step"].device.type == "cpu"
assert load(model, fused=True).state[model.weight]["step"].is_meta
assert load(model, capturable=True).state[model.weight]["step"].is_meta

# %%
# Optimizers with ``fused=True`` or ``capturable=True`` keep ``step`` on the
# parameter's device, and loading moves it there. Reading the file with
# ``map_location="cpu"`` is right for both kinds.
#
# What goes wrong
# ---------------
#
# **Moving the model last.** The state does not follow a model that is moved or
# converted later, and the next step fails. On a GPU, the message is:
#
# .. code-block:: text
#
#     RuntimeError: Expected all tensors to be on the same device, but found
#     at least two devices, cuda:0 and cpu!
#
# Here is the same mistake with a dtype.
# ``optimizer.load_state_dict(optimizer.state_dict())`` fixes both:
#
# .. diagnosis:: The optimizer state has stayed on the device or in the dtype
#       that the model had before.
#    :message: expected dtype {} for `end` but got dtype
#              Expected all tensors to be on the same device, but found
#    :traceback: torch/optim/
#                optimizer.step()
#
#    optimizer.load_state_dict(optimizer.state_dict())

# sphinx_gallery_wrong = True
model = Net()
optimizer = load(model)
model.to(torch.bfloat16)  # too late
try:
    step(model, optimizer)
except RuntimeError as error:
    print(f"{type(error).__name__}: {error}")

assert optimizer.load_state_dict(optimizer.state_dict()) is None
assert step(model, optimizer) is None
assert optimizer.state[model.weight]["exp_avg"].dtype == torch.bfloat16

# %%
# **Replacing the parameters.** ``assign=True`` puts new parameters into the
# model, and an optimizer built before that trains the old ones. Build the
# optimizer afterward.

# sphinx_gallery_wrong = True
model = Net()
optimizer = load(model)
weights = torch.load("checkpoint.pt", map_location="cpu")["model"]
model.load_state_dict(weights, assign=True)

before = model.weight.clone()
step(model, optimizer)
print("the step changed the model:", not torch.equal(model.weight, before))

assert torch.equal(model.weight, before)
assert optimizer.param_groups[0]["params"][0] is not model.weight

# %%
# **Settings come from the file.** Loading replaces ``lr``, ``betas``,
# ``weight_decay``, ``fused`` and ``capturable`` of the new optimizer; set what
# should differ *after* loading. On a CPU, a file with ``capturable=True``
# fails:
#
# .. diagnosis:: The setting ``capturable`` came from the file, and does not fit
#       this device.
#    :message: If capturable=True, params and state_steps must be
#              If capturable=False, state_steps should not be CUDA
#    :fix: what-goes-wrong
#
#    for group in optimizer.param_groups:
#        group["capturable"] = torch.cuda.is_available()

model = Net()
optimizer = load(model, capturable=True, lr=0.5)
try:
    step(model, optimizer)
except AssertionError as error:
    print(f"{type(error).__name__}: {error}")

for group in optimizer.param_groups:
    group.update(capturable=False, lr=0.01)
step(model, optimizer)

assert load(model, lr=0.5).param_groups[0]["lr"] == 0.5
assert load(model, betas=(0.5, 0.5)).param_groups[0]["betas"] == (0.5, 0.5)
assert load(model, fused=True).param_groups[0]["fused"]

# %%
# The reverse, *If capturable=False, state_steps should not be CUDA tensors*, is
# a bug in how PyTorch 1.12.0 loads checkpoints (`pytorch#80809
# <https://github.com/pytorch/pytorch/issues/80809>`__). Upgrade, or set
# ``capturable=True`` in each group after loading. (Quoted: the version that
# runs this page does not have the bug.)
#
# **Lower precision rounds for good.** The averages of a ``float32`` run lose
# digits in a ``bfloat16`` model, and converting back does not restore them.
# Averages in ``int8`` become ``float32`` too, so an optimizer with quantized
# state needs its own ``load_state_dict``:

model = Net().to(torch.bfloat16)
optimizer = load(model)
rounded = optimizer.state[model.weight]["exp_avg"][0, 0].item()
model.to(torch.float32)
optimizer.load_state_dict(optimizer.state_dict())
back = optimizer.state[model.weight]["exp_avg"][0, 0].item()
print(f"1.2345678 -> {rounded} -> {back}")

optimizer.state[model.weight]["exp_avg"] = torch.ones(1, 4, dtype=torch.int8)
optimizer.load_state_dict(optimizer.state_dict())
print(optimizer.state[model.weight]["exp_avg"].dtype)
assert rounded == back == 1.234375
assert optimizer.state[model.weight]["exp_avg"].dtype == torch.float32

# %%
# Variants
# --------
#
# **Mixed precision** has no such loss: with :class:`torch.autocast` the
# parameters stay ``float32``, and so does the optimizer's state.

model = Net()
optimizer = load(model)
with torch.autocast("cpu", dtype=torch.bfloat16):
    output = model(torch.ones(2, 4))
output.float().square().mean().backward()
optimizer.step()
print(output.dtype, optimizer.state[model.weight]["exp_avg"].dtype)
assert output.dtype == torch.bfloat16
assert optimizer.state[model.weight]["exp_avg"].dtype == torch.float32

# %%
# **The dictionary is shared.** A tensor that needs no conversion is not copied,
# and training changes it in the dictionary too. Load the file again, or pass a
# :func:`copy.deepcopy`, if you need its values later.

checkpoint = torch.load("checkpoint.pt", map_location="cpu")
model = Net()
optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
optimizer.load_state_dict(checkpoint["optimizer"])
step(model, optimizer)
print("in the dictionary:", checkpoint["optimizer"]["state"][0]["step"].item())
assert checkpoint["optimizer"]["state"][0]["step"] == 1002

# %%

# sphinx_gallery_fold = "Leave the temporary folder"
os.chdir(here)
folder.cleanup()

# %%
# Learn more
# ----------
#
# - :ref:`sphx_glr_recipes_recipes_save_load_across_devices.py`
# - :ref:`sphx_glr_recipes_training_matching_optimizer_state_to_parameters.py`
# - :ref:`sphx_glr_recipes_troubleshooting_controlling_dtype_on_load.py`
# - :ref:`sphx_glr_recipes_recipes_module_load_state_dict_tips.py`
# - `pytorch#2830 <https://github.com/pytorch/pytorch/issues/2830>`__, on
#   optimizer state that stayed on the CPU
# - :meth:`torch.optim.Optimizer.load_state_dict`, :meth:`torch.nn.Module.to`
