"""
Controlling dtype on load
=========================

The model's dtype wins over the file's, without a warning, unless you pass
``assign=True``; see what that does to values, and how to choose.

**For whom:** you load ``float32`` checkpoints into half-precision models, or the
other way round.

Setup
-----

Install PyTorch, and Matplotlib for the figure::

    pip install torch matplotlib

Steps
-----

1. Import the libraries and save a checkpoint
2. Load it into models of other dtypes
3. See what happens to the values
4. Measure the error for each magnitude
5. Look for values that do not fit
6. Keep the dtype of the file
7. Convert on purpose
"""

# sphinx_gallery_tags = ["loading", "dtype", "mixed precision", "errors"]
# sphinx_gallery_keywords = ["half precision", "precision lost", "cast", "float16", "bfloat16"]
# sphinx_gallery_reading_order = 80

# %%
# 1. Import the libraries and save a checkpoint
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# The checkpoint holds one ``float32`` layer with four weights: one, a third, a large
# value and a tiny one.

import tempfile
import warnings
from pathlib import Path

import matplotlib.pyplot as plt
import torch
import torch.nn as nn

torch.manual_seed(0)
plt.style.use("petroff10")
folder = tempfile.TemporaryDirectory()
path = Path(folder.name) / "float32.pt"

layer = nn.Linear(4, 1, bias=False)
with torch.no_grad():
    layer.weight.copy_(torch.tensor([1.0, 1 / 3, 70_000.0, 1e-8]))
torch.save(layer.state_dict(), path)

for key, tensor in torch.load(path).items():
    print(f"{key}: {tensor.dtype}", [f"{value:.6g}" for value in tensor[0].tolist()])
    assert tensor.dtype == torch.float32

# %%
# 2. Load it into models of other dtypes
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# :func:`torch.load` returns the tensors with the dtype of the file.
# :meth:`torch.nn.Module.load_state_dict` then *copies* the values into the parameters
# that the model has, and a copy takes the dtype of its destination. Each model
# reports that all keys match, keeps its dtype, and there is no warning.

DTYPES = [torch.float64, torch.float32, torch.bfloat16, torch.float16]
loaded = {}
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    for dtype in DTYPES:
        model = nn.Linear(4, 1, bias=False, dtype=dtype)
        result = model.load_state_dict(torch.load(path))
        loaded[dtype] = model.weight.detach()
        print(f"model {str(dtype):<15} -> {model.weight.dtype}: {result}")
        assert model.weight.dtype == dtype

print("warnings:", len(caught))
assert len(caught) == 0

# %%
# 3. See what happens to the values
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# ``float16`` ends at 65,504, so 70,000 became ``inf``, and 1e-8 became zero.
# ``bfloat16`` has the range of ``float32``, but only two to three significant
# digits. The one infinite weight makes the output of the ``float16`` layer infinite.

for dtype, weight in loaded.items():
    values = "".join(f"{value:>14.6g}" for value in weight.flatten().tolist())
    print(f"{str(dtype):<15}{values}")

output = nn.functional.linear(torch.ones(1, 4).half(), loaded[torch.float16])
print("float16 output:", output.item())

assert output.isinf().all()
assert loaded[torch.float16].isinf().flatten().tolist() == [False, False, True, False]
assert loaded[torch.float16][0, 3] == 0 and loaded[torch.bfloat16][0, 3] > 0
assert torch.equal(loaded[torch.float64].float(), loaded[torch.float32])

# %%
# What was lost does not come back. The ``float16`` weights load into a ``float32``
# model, which now has ``float32`` parameters with ``float16`` values.

model = nn.Linear(4, 1, bias=False)
model.load_state_dict({"weight": loaded[torch.float16]})
print(model.weight.dtype, [f"{value:.6g}" for value in model.weight[0].tolist()])
assert model.weight.dtype == torch.float32
assert torch.equal(model.weight, loaded[torch.float16].float())

# %%
# 4. Measure the error for each magnitude
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# Four weights tell little about the range. This cell loads 400 values between 1e-10
# and 1e10 in the same way, and computes how far each one is from what the file held.

exact = torch.logspace(-10, 10, 400).unsqueeze(0)
relative = {}
for dtype in (torch.float16, torch.bfloat16):
    model = nn.Linear(400, 1, bias=False, dtype=dtype)
    model.load_state_dict({"weight": exact})
    relative[dtype] = ((model.weight.detach().double() - exact) / exact).abs()[0]

normal = (exact[0] > 6.2e-5) & (exact[0] < 65_504)
print(f"float16, 6.2e-5 to 65,504: at most {relative[torch.float16][normal].max():.1e}")
print(f"bfloat16, all values:      at most {relative[torch.bfloat16].max():.1e}")
assert relative[torch.float16][normal].max() <= 2**-11
assert relative[torch.bfloat16].max() <= 2**-8
assert relative[torch.float16][exact[0] > 65_520].isinf().all()

# %%
# In the figure, ``float16`` is the more precise of the two within its range. It loses
# digits below 6.1e-5 until nothing is left, and above 65,504 it has no points, because
# the error is infinite. ``bfloat16`` is equally coarse everywhere.

fig, ax = plt.subplots(figsize=(5, 3.5), layout="constrained")
for (dtype, values), marker in zip(relative.items(), "ox"):
    label = str(dtype).removeprefix("torch.")
    ax.plot(exact[0], values, marker, markersize=3, linestyle="none", label=label)
ax.axvline(torch.finfo(torch.float16).max, linestyle="--", color="C2")
ax.text(2e5, 0.2, "float16: inf")
ax.set(xscale="log", yscale="log", ylim=(1e-6, 3))
ax.set(xlabel="value in the file", ylabel="relative error")
ax.legend(loc="upper center", bbox_to_anchor=(0.55, 1))
ax.set_title("Error of float32 values after loading")
plt.show()

assert relative[torch.float16][normal].max() < relative[torch.bfloat16].max()
assert relative[torch.float16][exact[0] < 2e-8].min() == 1

# %%
# 5. Look for values that do not fit
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# Since loading does not tell you, ask before. This function lists the keys with
# values that would become infinite, or that would become zero without being zero.


def keys_that_do_not_fit(state_dict, dtype):
    problems = {}
    for key, tensor in state_dict.items():
        if tensor.is_floating_point():
            cast = tensor.to(dtype)
            too_large = int((cast.isinf() & ~tensor.isinf()).sum())
            too_small = int(((cast == 0) & (tensor != 0)).sum())
            if too_large or too_small:
                problems[key] = f"{too_large} too large, {too_small} too small"
    return problems


for dtype in (torch.float16, torch.bfloat16):
    print(dtype, keys_that_do_not_fit(torch.load(path), dtype))

problems = keys_that_do_not_fit(torch.load(path), torch.float16)
assert problems == {"weight": "1 too large, 1 too small"}
assert keys_that_do_not_fit(torch.load(path), torch.bfloat16) == {}

# %%
# Buffers follow the same rule. Here an integer buffer receives 2.87 and keeps 2,
# again in silence, because the class created the buffer from the integer 1.


class Tracker(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("maximum", torch.tensor(1))


tracker = Tracker()
print(tracker.load_state_dict({"maximum": torch.tensor(2.87)}))
print(tracker.maximum)
assert tracker.maximum.dtype == torch.int64 and tracker.maximum == 2

# %%
# 6. Keep the dtype of the file
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# With ``assign=True``, the tensors of the file take the place of the model's own
# instead of being copied into them. The model is then what the file is: built as
# ``float16``, it is ``float32`` after loading, and nothing is lost. The parameters are
# new objects, so create the optimizer after this call.

model = nn.Linear(4, 1, bias=False, dtype=torch.float16)
before = model.weight
model.load_state_dict(torch.load(path), assign=True)

print(f"{before.dtype} -> {model.weight.dtype}, {model.weight is before = }")
assert model.weight.dtype == torch.float32 and model.weight is not before
assert torch.equal(model.weight, layer.weight)

# %%
# A file may hold several dtypes. A model that takes them over can fail at the first
# input. (Copying, the default, would have made them uniform.)

copied = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
assigned = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
mixed = {
    key: tensor.half() if key.startswith("1.") else tensor
    for key, tensor in copied.state_dict().items()
}
copied.load_state_dict(mixed)
assert copied(torch.ones(1, 2)).dtype == torch.float32

assigned.load_state_dict(mixed, assign=True)
try:
    assigned(torch.ones(1, 2))
except RuntimeError as error:
    print(f"{type(error).__name__}: {error}")
else:
    raise AssertionError("two dtypes worked together")

# %%
# 7. Convert on purpose
# ~~~~~~~~~~~~~~~~~~~~~
#
# If you name the dtype yourself, it does not depend on the file or on how the model
# was built. Convert the module after loading:
# :meth:`torch.nn.Module.to` changes floating-point parameters and buffers only. The
# batch counter of a batch normalization layer stays an integer.

source = nn.Sequential(nn.Linear(4, 2), nn.BatchNorm1d(2))
torch.save(source.state_dict(), path)

model = nn.Sequential(nn.Linear(4, 2), nn.BatchNorm1d(2))
model.load_state_dict(torch.load(path), assign=True)
model.to(torch.bfloat16)
for key, tensor in model.state_dict().items():
    print(f"{key:<22}{tensor.dtype}")
    expected = torch.int64 if "num_batches" in key else torch.bfloat16
    assert tensor.dtype == expected

# %%
# Or convert the dictionary, for example to write a file of about half the size. The
# same exception for integers is then yours to make.

small = {
    key: tensor.to(torch.bfloat16) if tensor.is_floating_point() else tensor
    for key, tensor in torch.load(path).items()
}


def count_bytes(state_dict):
    return sum(t.numel() * t.element_size() for t in state_dict.values())


print("float32: ", count_bytes(source.state_dict()), "bytes of tensors")
print("bfloat16:", count_bytes(small), "bytes of tensors")
assert count_bytes(source.state_dict()) == 80 and count_bytes(small) == 44
for key, tensor in small.items():
    assert torch.equal(tensor, model.state_dict()[key])

folder.cleanup()

# %%
# You have seen that a copy takes the dtype of the model and ``assign=True`` that of
# the file, which values are lost on the way, and how to decide it yourself.
#
# Learn more
# ----------
#
# - :ref:`sphx_glr_recipes_recipes_module_load_state_dict_tips.py`
# - :ref:`sphx_glr_recipes_training_placing_optimizer_state.py`
# - :ref:`sphx_glr_recipes_training_saving_the_gradient_scaler.py`
# - :meth:`torch.nn.Module.load_state_dict`, :meth:`torch.nn.Module.to` and
#   :class:`torch.finfo` in the API documentation
# - `pytorch#126000 <https://github.com/pytorch/pytorch/issues/126000>`__, the request
#   to report a change of dtype
