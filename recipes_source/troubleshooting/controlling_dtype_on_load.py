"""
What is the dtype of a model after ``load_state_dict``?
=======================================================

Load ``bfloat16`` files without doubling their memory, convert only on purpose,
and find values that another dtype cannot hold.
"""

# sphinx_gallery_tags = ["loading", "dtype", "mixed precision", "errors"]
# sphinx_gallery_keywords = ["half precision", "precision lost", "cast", "fp16", "bf16", "fp32", "dtype mismatch", "mixed dtypes", "float32 weights into a bfloat16 model", "convert a checkpoint to fp16"]
# sphinx_gallery_reading_order = 80

# %%

# sphinx_gallery_fold = "A float32 model and a bfloat16 file"
import os
import tempfile
import warnings

import torch
import torch.nn as nn

here = globals().get("here", os.getcwd())
folder = tempfile.TemporaryDirectory()
os.chdir(folder.name)


def build():
    return nn.Sequential(nn.Linear(1024, 1024), nn.BatchNorm1d(1024))


torch.manual_seed(0)
trained = build()
torch.save(trained.state_dict(), "float32.pt")
torch.save(build().bfloat16().state_dict(), "bfloat16.pt")
model = build()

# %%
# Short answer
# ------------
#
# The model's dtype wins, without a warning: loading copies the values into its
# parameters. With ``assign=True``, the file's tensors replace the parameters,
# and the model gets the dtype of the file:

import torch

state_dict = torch.load("bfloat16.pt", map_location="cpu")
model.load_state_dict(state_dict)
print(model[0].weight.dtype)

model.load_state_dict(state_dict, assign=True)
print(model[0].weight.dtype)

# %%
# To choose the dtype yourself, whatever the file and the model have, call
# ``model.to(torch.bfloat16)`` after loading. Create the optimizer last, because
# ``assign=True`` makes new parameters.
#
# .. fold:: Who this is for
#
#    You load half-precision files into a ``float32`` model, or the other way
#    around, and memory doubles, values change, or dtypes do not match.
#
# .. fold:: Setup
#
#    PyTorch 2.1 or newer, for ``assign``::
#
#        pip install "torch>=2.6"

# %%
# What each direction costs
# -------------------------
#
# A ``bfloat16`` file loaded into a ``float32`` model takes twice the memory,
# and its values stay as coarse as they were. A ``float32`` file loaded into a
# ``bfloat16`` model is rounded, each weight by up to 0.4%:


def megabytes(model):
    return sum(t.nbytes for t in model.state_dict().values()) / 1e6


upcast, rounded = build(), build().bfloat16()
with warnings.catch_warnings():
    warnings.simplefilter("error")  # there are none
    upcast.load_state_dict(torch.load("bfloat16.pt"))
    rounded.load_state_dict(torch.load("float32.pt"))

exact = trained[0].weight
error = ((rounded[0].weight - exact) / exact).abs().max()
print(f"bfloat16 -> float32: {megabytes(upcast):.1f} MB, no digit gained")
print(f"float32 -> bfloat16: {megabytes(rounded):.1f} MB, {error:.1%} lost")

assert torch.equal(upcast[0].weight.bfloat16(), state_dict["0.weight"])
assert megabytes(upcast) > 1.9 * megabytes(rounded) and error <= 2**-8

# %%
# Lost digits do not come back. Training in plain ``bfloat16`` loses small steps
# for the same reason; with autocast, the weights stay in ``float32``:

again = build()
again.load_state_dict(rounded.state_dict())
print("restored:", torch.equal(again[0].weight, trained[0].weight))

weight = torch.tensor(1.0, dtype=torch.bfloat16)
print("1 + 0.001 =", (weight + 0.001).item())
assert not torch.equal(again[0].weight, trained[0].weight)
assert weight + 0.001 == 1

# %%
# Find values that do not fit
# ---------------------------
#
# ``float16`` ends at 65,504. A larger value silently becomes ``inf``, and so
# does the output; one below 3e-8 becomes zero. Check before you load:


def lost(state_dict, dtype):
    report = {}
    for key, value in state_dict.items():
        if torch.is_tensor(value) and value.is_floating_point():
            cast = value.to(dtype)
            large = int((cast.isinf() & ~value.isinf()).sum())
            small = int(((cast == 0) & (value != 0)).sum())
            if large or small:
                report[key] = f"{large} too large, {small} too small"
    return report


layer = nn.Linear(4, 1, bias=False)
file = {"weight": torch.tensor([[1.0, 1 / 3, 70_000.0, 1e-8]])}
layer.half().load_state_dict(file)
print(layer.weight.tolist())
print(lost(file, torch.float16), lost(file, torch.bfloat16))

assert layer(torch.ones(1, 4).half()).isinf().all()
assert layer.weight[0, 2].isinf() and layer.weight[0, 3] == 0
assert lost(file, torch.float16) == {"weight": "1 too large, 1 too small"}
assert lost(file | {"epoch": 3}, torch.bfloat16) == {} == lost({}, torch.half)

# %%
# Buffers and integers follow the same rule: an integer buffer stores 2.87 as 2.
# ``int8`` weights from a quantized file load into a ``float32`` layer as plain
# numbers, without their scale:

counter = nn.Module()
counter.register_buffer("maximum", torch.tensor(1))
print(counter.load_state_dict({"maximum": torch.tensor(2.87)}))
layer = nn.Linear(4, 1, bias=False)
print(layer.load_state_dict({"weight": torch.ones(1, 4, dtype=torch.int8)}))
assert counter.maximum == 2 and counter.maximum.dtype == torch.int64
assert layer.weight.dtype == torch.float32 and (layer.weight == 1).all()

# %%
# What goes wrong
# ---------------
#
# **Two dtypes in one model.** A file may mix dtypes. With ``assign=True``, so
# does the model, and it fails on the first input; without it, the model keeps
# its own dtype. One call to ``to`` after loading makes the model uniform:
#
# .. diagnosis:: The input and the model, or two of its layers, have different
#       dtypes.
#    :message: mat1 and mat2 must have the same dtype
#              expected m1 and m2 to have the same dtype
#              expected scalar type {a:Half|BFloat16} but found {b}
#              expected scalar type {a:Float} but found {b:Half|BFloat16}
#    :fix: what-goes-wrong
#
#    model.to(torch.float32)
#
# .. diagnosis:: The parameters are float16, as in the file, and a gradient
#       scaler needs float32.
#    :message: Attempting to unscale FP16 gradients
#    :fix: what-goes-wrong
#
#    model.to(torch.float32)  # autocast computes in float16 all the same

# sphinx_gallery_wrong = True
mixed = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
file = {
    k: v.half() if k[0] == "1" else v for k, v in mixed.state_dict().items()
}
mixed.load_state_dict(file, assign=True)
try:
    mixed(torch.ones(1, 2))
except RuntimeError as error:
    print(f"{type(error).__name__}: {error}")

assert mixed.to(torch.float32)(torch.ones(1, 2)).dtype == torch.float32

# %%
# **An input of another dtype** gives the same message, because the model has
# taken on the dtype of the file. Convert the input or the model:

# sphinx_gallery_wrong = True
before = model[0].weight
model.load_state_dict(state_dict, assign=True)
try:
    model(torch.ones(2, 1024))
except RuntimeError as error:
    print(f"{type(error).__name__}: {error}")

assert model[0].weight is not before
assert model(torch.ones(2, 1024).to(model[0].weight.dtype)).isfinite().all()

# %%
# Convert a model or a file
# -------------------------
#
# ``model.to`` converts floating-point parameters and buffers, and leaves the
# counter of batch normalization an integer. When you convert a dictionary, for
# a file of half the size, make that exception yourself:

small = {
    key: value.bfloat16() if value.is_floating_point() else value
    for key, value in torch.load("float32.pt").items()
}
torch.save(small, "small.pt")
for name in ("float32.pt", "small.pt"):
    print(f"{name:<11}{os.path.getsize(name) / 1e6:.1f} MB")

converted = build()
converted.load_state_dict(torch.load("float32.pt"))
converted.to(torch.bfloat16)
assert converted[1].num_batches_tracked.dtype == torch.int64
for key, value in converted.state_dict().items():
    assert torch.equal(value, small[key]) and value.dtype == small[key].dtype

# %%

# sphinx_gallery_fold = "Leave the temporary folder"
os.chdir(here)
folder.cleanup()

# %%
# Learn more
# ----------
#
# - :ref:`sphx_glr_recipes_checkpoints_loading_quantized_models.py`
# - :ref:`sphx_glr_recipes_recipes_module_load_state_dict_tips.py`
# - :ref:`sphx_glr_recipes_training_placing_optimizer_state.py`
# - :ref:`sphx_glr_recipes_training_saving_the_gradient_scaler.py`
# - `pytorch#126000 <https://github.com/pytorch/pytorch/issues/126000>`__, the
#   request to report a change of dtype
# - :meth:`torch.nn.Module.load_state_dict`, :class:`torch.finfo`
