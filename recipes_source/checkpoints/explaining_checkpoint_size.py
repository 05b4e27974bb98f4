"""
Why is my checkpoint so big?
============================

A checkpoint is as large as the storages behind its tensors, so a view of ten
numbers can weigh 4 MB, and Adam's state twice as much as the weights.

**For whom:** your checkpoint is larger than the model, or grows during training,
and you want to find out why.

Setup
-----

Install PyTorch, and Matplotlib for the figure::

    pip install torch matplotlib

Steps
-----

1. Import the libraries
2. Compare the file with its tensors
3. Find views of larger tensors
4. Save histories as numbers
5. Count the optimizer's state
6. Save what the file is for
"""

# sphinx_gallery_tags = ["saving", "file size", "checkpoint", "optimizer"]
# sphinx_gallery_keywords = ["too large", "huge", "disk space", "shrink", "reduce size"]
# sphinx_gallery_reading_order = 10

# %%
# 1. Import the libraries
# ~~~~~~~~~~~~~~~~~~~~~~~
#
# ``saved_size`` writes an object with :func:`torch.save` into memory and returns
# the number of bytes, so that this recipe needs no files.

import io
import zipfile

import matplotlib.pyplot as plt
import torch
import torch.nn as nn

torch.manual_seed(0)
plt.style.use("petroff10")


def saved_size(obj):
    file = io.BytesIO()
    torch.save(obj, file)
    return file.tell()


# %%
# 2. Compare the file with its tensors
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# Start with what you expect: the bytes of a tensor are its number of elements times
# the size of one. For this model the file is 0.2% larger than the sum. What it
# adds are names, shapes and dtypes, and the bookkeeping of the file format.

model = nn.Sequential(nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, 10))
expected = sum(t.numel() * t.element_size() for t in model.state_dict().values())
size = saved_size(model.state_dict())

print(f"tensors: {expected:,} bytes")
print(f"file:    {size:,} bytes")
assert expected < size < 1.003 * expected

# %%
# If your file is much larger than that, look inside. It is a zip archive with one
# record for each tensor's data, and nothing in it is compressed. The records of the
# model are the two weights and the two biases. ``data.pkl`` describes them.

file = io.BytesIO()
torch.save(model.state_dict(), file)
records = zipfile.ZipFile(file).infolist()
for record in sorted(records, key=lambda record: -record.file_size)[:5]:
    print(f"{record.file_size:>9,} bytes  {record.filename}")

assert all(record.compress_type == zipfile.ZIP_STORED for record in records)
data = [r.file_size for r in records if r.filename.startswith("archive/data/")]
assert data == [t.numel() * t.element_size() for t in model.state_dict().values()]

# %%
# 3. Find views of larger tensors
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# A slice is a *view*: it has no data of its own and refers to the storage of the
# tensor it was taken from. :func:`torch.save` writes the whole storage. So ten
# elements of a million take 4 MB. :meth:`torch.Tensor.clone` gives the ten elements
# a storage of their own.

numbers = torch.arange(1_000_000, dtype=torch.float32)
view = numbers[:10]
sizes = {"view": saved_size(view), "clone": saved_size(view.clone())}

for name, size in sizes.items():
    print(f"{name}: {size:,} bytes")
assert sizes["view"] > 4_000_000
assert sizes["clone"] < 2_000

# %%
# .. admonition:: Do not do this
#
#    ``view.contiguous()`` in place of ``view.clone()``. The first ten elements are
#    contiguous already, so the call returns the same view.

print(f"contiguous: {saved_size(view.contiguous()):,} bytes")
assert view.contiguous().data_ptr() == numbers.data_ptr()
assert saved_size(view.contiguous()) == sizes["view"]

# %%
# There is a reason for writing the storage: tensors that share memory are written
# once, and share memory again after loading. Here the tensor and its view together
# take no more than the tensor, and a change to one is seen in the other.

file = io.BytesIO()
torch.save({"numbers": numbers, "view": view}, file)
print(f"both: {file.tell():,} bytes")
assert file.tell() < sizes["view"] + 100

file.seek(0)
loaded = torch.load(file)
loaded["numbers"][0] = 42
print(f"{loaded['view'][0].item() = }")
assert loaded["view"][0] == 42

# %%
# To find such views, compare each tensor with its storage. This model keeps the
# first ten numbers as a buffer, and one key stands out.


def oversized(state_dict):
    for name, tensor in state_dict.items():
        needed = tensor.numel() * tensor.element_size()
        stored = tensor.untyped_storage().nbytes()
        if stored > needed:
            yield name, needed, stored


model.register_buffer("first", view)
for name, needed, stored in oversized(model.state_dict()):
    print(f"{name}: {needed} bytes needed, {stored:,} bytes stored")
assert [name for name, *_ in oversized(model.state_dict())] == ["first"]

# %%
# With a clone in its place the file has its former size, plus a little for the one
# new key.

before = saved_size(model.state_dict())
model.first = model.first.clone()
after = saved_size(model.state_dict())

print(f"with the view: {before:,} bytes, with the clone: {after:,} bytes")
assert not list(oversized(model.state_dict()))
assert after < 1.003 * expected < before - 3_999_000

# %%
# 4. Save histories as numbers
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# A checkpoint that grows with each epoch often holds a list of losses. If they are
# tensors, each has its own storage, and each storage is a record in the archive:
# about 250 bytes for a number of four bytes. ``loss.item()`` makes it a Python number.

losses = [torch.tensor(1 / step) for step in range(1, 1001)]
history = {
    "1000 tensors": losses,
    "1000 Python numbers": [loss.item() for loss in losses],
    "one tensor of 1000": torch.stack(losses),
}
sizes = {name: saved_size(obj) for name, obj in history.items()}

for name, size in sizes.items():
    print(f"{name:<20}{size:>8,} bytes")
assert sizes["1000 tensors"] > 20 * sizes["1000 Python numbers"]
assert sizes["one tensor of 1000"] < sizes["1000 Python numbers"]

# %%
# 5. Count the optimizer's state
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# The optimizer's state is often the larger part. Adam and AdamW keep two values for
# each parameter, so their state is twice the size of the weights. ``amsgrad=True``
# makes it three. With SGD it depends on the momentum: one value with it, none
# without. Before the first step there is no state at all.

del model.first
weights = saved_size(model.state_dict())
optimizers = {
    "SGD": torch.optim.SGD(model.parameters(), lr=0.01),
    "SGD, momentum": torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9),
    "Adam": torch.optim.Adam(model.parameters(), lr=0.01),
    "AdamW": torch.optim.AdamW(model.parameters(), lr=0.01),
    "Adam, amsgrad": torch.optim.Adam(model.parameters(), lr=0.01, amsgrad=True),
}
model(torch.randn(2, 512)).sum().backward()
state = {}
for name, optimizer in optimizers.items():
    assert optimizer.state_dict()["state"] == {}
    optimizer.step()
    state[name] = saved_size(optimizer.state_dict())

for name, size in state.items():
    print(f"{name:<14}{size:>10,} bytes = {size / weights:.1f} × the weights")
assert [round(size / weights, 1) for size in state.values()] == [0, 1, 2, 2, 3]

# %%
# 6. Save what the file is for
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# To go on training you need the optimizer's state. For inference you do not, and
# the model's ``state_dict`` is enough. Casting it to ``torch.bfloat16`` halves the
# file once more, at the price of rounded weights. The figure compares the files.

half = {name: tensor.bfloat16() for name, tensor in model.state_dict().items()}
files = {"bfloat16 weights": saved_size(half), "weights": weights}
for name, optimizer in optimizers.items():
    checkpoint = {"model": model.state_dict(), "optimizer": optimizer.state_dict()}
    files[f"with {name}"] = saved_size(checkpoint)

labels, total = list(files), [size / 1e6 for size in files.values()]
fig, ax = plt.subplots(figsize=(5, 3.4), layout="constrained")
bars = ax.barh(labels, total, color="C1", hatch="//", label="optimizer state")
ax.barh(labels, [total[0]] + [total[1]] * 6, color="C0", label="weights")
ax.bar_label(bars, fmt="%.2f", padding=3)
ax.set(xlabel="size (MB)", xlim=(0, 5))
ax.invert_yaxis()
ax.set_title("Checkpoints of the same model")
ax.legend(loc="upper right")
plt.show()

for name, size in files.items():
    print(f"{name:<20}{size:>10,} bytes")
assert abs(files["bfloat16 weights"] / weights - 0.5) < 0.01
assert 2.9 < files["with Adam"] / weights < 3.1
assert torch.any(half["0.weight"].float() != model.state_dict()["0.weight"])

# %%
# You have seen the usual reasons for a large checkpoint: storages behind views,
# many small tensors, and the state of the optimizer. ``untyped_storage().nbytes()``
# tells you what a tensor costs before you save it.
#
# Learn more
# ----------
#
# - :ref:`sphx_glr_recipes_checkpoints_sharing_weights_and_safetensors.py`
# - :ref:`sphx_glr_recipes_checkpoints_saving_only_trained_parameters.py`
# - :ref:`sphx_glr_recipes_training_placing_optimizer_state.py`
# - `pytorch#1995 <https://github.com/pytorch/pytorch/issues/1995>`__, where the
#   maintainers explain why views are saved like this
# - :func:`torch.save`, :meth:`torch.Tensor.clone` and
#   :meth:`torch.Tensor.untyped_storage` in the API documentation
