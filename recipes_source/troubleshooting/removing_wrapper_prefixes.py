"""
Removing wrapper prefixes
=========================

Wrapping a model puts ``module.`` or ``_orig_mod.`` before every key: where the
prefix comes from, how to remove it safely, and how to avoid it.

**For whom:** your checkpoint comes from :class:`torch.nn.DataParallel`,
:class:`torch.nn.parallel.DistributedDataParallel` or :func:`torch.compile`, and
the plain model does not load it.

Setup
-----

Install PyTorch, and Matplotlib for the figure::

    pip install torch matplotlib

Steps
-----

1. Import the libraries and define the model
2. See where the prefixes come from
3. Read the error
4. Remove the prefix from the start only
5. Remove stacked prefixes from the outside in
6. Save without a prefix
7. Load a plain file into a wrapped model
"""

# sphinx_gallery_tags = ["loading", "errors", "keys", "distributed"]
# sphinx_gallery_keywords = ["module.", "strip the prefix", "DDP", "DataParallel", "saved from several GPUs", "load on a single GPU", 'Unexpected key(s) in state_dict: "module.']
# sphinx_gallery_reading_order = 20

# %%
# 1. Import the libraries and define the model
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# The model has a ``submodule``, whose only layer is called ``module``. Such names
# are legal, and they show which ways of removing a prefix are safe.

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import torch
import torch.nn as nn
from torch.nn.modules.utils import consume_prefix_in_state_dict_if_present

torch.manual_seed(0)
plt.style.use("petroff10")
folder = tempfile.TemporaryDirectory()
path = Path(folder.name) / "model.pt"


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.module = nn.Linear(4, 2)

    def forward(self, x):
        return self.module(x)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.submodule = Block()

    def forward(self, x):
        return self.submodule(x)


# %%
# 2. See where the prefixes come from
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# A wrapper is a module too. It keeps your model in one of its attributes, so the
# name of that attribute comes first in every key, like that of any other
# submodule. No GPU is needed to see it: ``DataParallel`` stands in for
# ``DistributedDataParallel``, which PyTorch recommends over it and which uses the
# same attribute name. (``backend="eager"`` spares the compiler; the keys do not
# depend on the backend.)

net = Net()
parallel = nn.DataParallel(Net())
compiled = torch.compile(Net(), backend="eager")
both = torch.compile(nn.DataParallel(Net()), backend="eager")

models = {"net": net, "parallel": parallel, "compiled": compiled, "both": both}
for name, model in models.items():
    print(f"{name:<10}{list(model.state_dict())[0]}")

assert list(net.state_dict()) == ["submodule.module.weight", "submodule.module.bias"]
assert list(parallel.state_dict()) == ["module." + key for key in net.state_dict()]
assert list(compiled.state_dict()) == ["_orig_mod." + key for key in net.state_dict()]
assert list(both.state_dict())[0] == "_orig_mod.module.submodule.module.weight"

# %%
# The figure shows ``both`` from the outside in. To read a key, start at the
# outermost box and append the attribute name of each box that you enter.

boxes = ["", "_orig_mod", "module", "submodule", "module"]
kinds = [type(module).__name__ for module in both.modules()]
fig, ax = plt.subplots(figsize=(5, 3), layout="constrained")
for depth, (attribute, kind) in enumerate(zip(boxes, kinds)):
    color = f"C{min(depth, 2)}"
    size = (10 - 0.6 * depth, 6 - 1.2 * depth)
    corner = (0.3 * depth, 0.2 * depth)
    style = "--" if depth < 2 else "-"
    ax.add_patch(plt.Rectangle(corner, *size, fill=False, ec=color, ls=style, lw=2))
    label = f".{attribute} = {kind}" if attribute else kind
    ax.text(corner[0] + 0.2, corner[1] + size[1] - 0.2, label, va="top")
ax.set(xlim=(-0.1, 10.1), ylim=(-0.1, 6.1))
ax.set_axis_off()
ax.set_title("A compiled, parallel Net: wrappers dashed")
plt.show()

print(" > ".join(kinds))
assert kinds == ["OptimizedModule", "DataParallel", "Net", "Block", "Linear"]
assert ".".join(boxes[1:]) + ".weight" == list(both.state_dict())[0]

# %%
# 3. Read the error
# ~~~~~~~~~~~~~~~~~
#
# A file saved from the wrapped model does not load into the plain one. Every key
# is reported twice: once as the model calls it, and once as the file does.

torch.save(parallel.state_dict(), path)
state_dict = torch.load(path, map_location="cpu")
try:
    net.load_state_dict(state_dict)
except RuntimeError as error:
    print(f"{type(error).__name__}: {error}")
else:
    raise AssertionError("the keys should not match")

# %%
# 4. Remove the prefix from the start only
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# .. admonition:: Do not do this
#
#    ``{key.replace("module.", ""): value for key, value in state_dict.items()}``
#
#    :meth:`str.replace` removes the text *wherever* it occurs, also inside of
#    other names. Here three occurrences go, and half a word is left of the name.

replaced = {key.replace("module.", ""): value for key, value in state_dict.items()}
for key, bad in zip(state_dict, replaced):
    print(f"{key} -> {bad}")
assert list(replaced) == ["subweight", "subbias"]

# %%
# :meth:`str.removeprefix` removes it once, and only from the start. A key
# without the prefix stays as it is. The result loads.

cleaned = {key.removeprefix("module."): value for key, value in state_dict.items()}
print("\n".join(cleaned))
print(net.load_state_dict(cleaned))
assert list(cleaned) == list(net.state_dict())
assert torch.equal(net.submodule.module.weight, cleaned["submodule.module.weight"])

# %%
# PyTorch has a function for the same purpose,
# ``torch.nn.modules.utils.consume_prefix_in_state_dict_if_present``. It changes
# the dictionary in place and returns ``None``, so do not assign its result. It
# also keeps the version numbers that the ``state_dict`` carries next to its keys
# for old modules; a dictionary comprehension drops them.

result = consume_prefix_in_state_dict_if_present(state_dict, "module.")
print("returned:", result)
print("\n".join(state_dict))
assert result is None and list(state_dict) == list(cleaned)
assert hasattr(state_dict, "_metadata") and not hasattr(cleaned, "_metadata")

# %%
# 5. Remove stacked prefixes from the outside in
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# With two wrappers, remove the prefix of the outer one first, because a prefix
# is found at the start only. ``both`` was wrapped in ``DataParallel`` and then
# compiled, so ``_orig_mod.`` comes first. In the wrong order, one stays.

for order in [("module.", "_orig_mod."), ("_orig_mod.", "module.")]:
    state_dict = both.state_dict()
    for prefix in order:
        consume_prefix_in_state_dict_if_present(state_dict, prefix)
    print(f"{order}: {list(state_dict)[0]}")

print(net.load_state_dict(state_dict))
assert list(state_dict) == list(net.state_dict())

# %%
# A part of the model that was compiled on its own has the prefix in the middle
# of its keys. No removal at the start can find it there, and the next step shows
# how to avoid it.

partly = Net()
partly.submodule = torch.compile(partly.submodule, backend="eager")
print("\n".join(partly.state_dict()))
assert list(partly.state_dict())[0] == "submodule._orig_mod.module.weight"

# %%
# 6. Save without a prefix
# ~~~~~~~~~~~~~~~~~~~~~~~~
#
# Best is a file that never has a prefix. ``DataParallel`` and
# ``DistributedDataParallel`` give access to the model as ``.module``: save its
# ``state_dict``, and the file no longer depends on how the model was trained.

torch.save(parallel.module.state_dict(), path)
print("\n".join(torch.load(path)))
assert list(torch.load(path)) == list(net.state_dict())

# %%
# For :func:`torch.compile`, keep the variable that holds the plain model. The
# compiled model does not copy the parameters, it *shares* them: train one, save
# the other.

model = Net()
fast = torch.compile(model, backend="eager")
optimizer = torch.optim.SGD(fast.parameters(), lr=0.1)
before = model.submodule.module.weight.detach().clone()
fast(torch.randn(8, 4)).sum().backward()
optimizer.step()

changed = not torch.equal(model.submodule.module.weight, before)
print("trained through the compiled model:", changed)
print("\n".join(model.state_dict()))
for plain, wrapped in zip(model.parameters(), fast.parameters()):
    assert plain is wrapped
assert changed

# %%
# Or compile in place: :meth:`torch.nn.Module.compile` returns nothing and wraps
# nothing, so the keys stay. This works for a part of the model as well.

model = Net()
model.compile(backend="eager")
model.submodule.compile(backend="eager")
print("\n".join(model.state_dict()))
assert list(model.state_dict()) == list(net.state_dict())

# %%
# 7. Load a plain file into a wrapped model
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# The other direction needs no new prefix either. Load into the model inside, or
# before wrapping it.

state_dict = torch.load(path, map_location="cpu")
wrapped = nn.DataParallel(Net())
print(wrapped.module.load_state_dict(state_dict))
torch.testing.assert_close(
    wrapped.module.state_dict(), state_dict, rtol=0, atol=0, check_device=False
)

folder.cleanup()

# %%
# A prefix is the name of the attribute in which a wrapper keeps your model. Save
# the model inside, and no file has one. Where a file has it already, remove it
# from the start of each key, outermost wrapper first.
#
# Learn more
# ----------
#
# - :ref:`sphx_glr_recipes_troubleshooting_reading_missing_and_unexpected_keys.py`
# - :ref:`sphx_glr_recipes_troubleshooting_knowing_what_strict_false_does.py`
# - :ref:`sphx_glr_recipes_training_averaging_weights.py`, for another wrapper that
#   calls its model ``module``
# - `pytorch#101107 <https://github.com/pytorch/pytorch/issues/101107>`__, where
#   the prefix of compiled models is discussed
# - :func:`torch.compile`, :meth:`torch.nn.Module.compile` and
#   :class:`torch.nn.DataParallel` in the API documentation
