"""
Renaming keys of old checkpoints
================================

When a layer gets a new name, a small hook in the class translates the old keys, so
that every old file still loads and no caller has to know.

**For whom:** you rename or move layers in code whose checkpoints are already in use.

Setup
-----

Install PyTorch, and Matplotlib for the figure::

    pip install torch matplotlib

Steps
-----

1. Import the libraries and save an old checkpoint
2. Rename the layers and read the error
3. Translate the keys in a pre-hook
4. Check what the hook does not change
5. Use the class inside a larger model
6. Load a checkpoint from before the new ``weight_norm``
7. Go back to the old keys
"""

# sphinx_gallery_tags = ["loading", "keys", "compatibility", "errors"]
# sphinx_gallery_keywords = ["backward compatibility", "migrate", "renamed layer", "version"]
# sphinx_gallery_reading_order = 70

# %%
# 1. Import the libraries and save an old checkpoint
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# The first version of the network called its layers ``layer1`` and ``layer2``. Its
# checkpoint has four keys with these names.

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
path = Path(folder.name) / "old.pt"


class OldNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer1 = nn.Linear(4, 8)
        self.layer2 = nn.Linear(8, 2)

    def forward(self, x):
        return self.layer2(F.relu(self.layer1(x)))


old_net = OldNet()
torch.save(old_net.state_dict(), path)
print(list(old_net.state_dict()))
assert len(old_net.state_dict()) == 4

# %%
# 2. Rename the layers and read the error
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# In the second version they are called ``encoder`` and ``head``. Nothing else is
# different, but the old file does not load: every key appears in the error twice, as
# missing under its new name and as unexpected under its old one.


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Linear(4, 8)
        self.head = nn.Linear(8, 2)

    def forward(self, x):
        return self.head(F.relu(self.encoder(x)))


try:
    Net().load_state_dict(torch.load(path))
except RuntimeError as error:
    print(f"{type(error).__name__}: {error}")
else:
    raise AssertionError("the old keys were accepted")

# %%
# 3. Translate the keys in a pre-hook
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# A function that you pass to
# :meth:`torch.nn.Module.register_load_state_dict_pre_hook` runs before the keys are
# compared, and may change the dictionary. Registered in ``__init__``, it belongs to
# every instance of the class. ``prefix`` is the path to this module inside a larger
# model, such as ``"body."``; it is empty if you load the module itself.

RENAMED = {"layer1.": "encoder.", "layer2.": "head."}


def rename_old_keys(module, state_dict, prefix, *args):
    for key in list(state_dict):
        for old, new in RENAMED.items():
            if key.startswith(prefix + old):
                end = key.removeprefix(prefix + old)
                state_dict[prefix + new + end] = state_dict.pop(key)


class RenamedNet(Net):
    def __init__(self):
        super().__init__()
        self.register_load_state_dict_pre_hook(rename_old_keys)


# %%
# The old file now loads, with the default ``strict=True``, and the new network
# computes what the old one did.

net = RenamedNet()
print(net.load_state_dict(torch.load(path)))

x = torch.randn(3, 4)
print(f"{torch.equal(net(x), old_net(x)) = }")
assert torch.equal(net(x), old_net(x))

# %%
# The figure connects each old key with its new one. Weights and biases follow their
# layer, because the hook replaces only the beginning of a key.

old_keys, new_keys = list(torch.load(path)), list(net.state_dict())
translated = torch.load(path)
rename_old_keys(net, translated, "")

fig, ax = plt.subplots(figsize=(5, 3), layout="constrained")
for row, (old, new) in enumerate(zip(old_keys, new_keys)):
    style, color = ("-", "C0") if old.startswith("layer1.") else ("--", "C1")
    ax.plot([0, 1], [row, row], style, marker="o", color=color)
    ax.text(-0.08, row, old, ha="right", va="center")
    ax.text(1.08, row, new, ha="left", va="center")
ax.set(xlim=(-1, 2), ylim=(3.5, -0.5), yticks=[], xlabel="version of the class")
ax.set_xticks([0, 1], ["first", "second"])
ax.set_title("How the hook translates the keys")
plt.show()

for old, new in zip(old_keys, new_keys):
    print(f"{old:<14} -> {new}")
    assert torch.equal(torch.load(path)[old], translated[new])
assert list(translated) == new_keys

# %%
# 4. Check what the hook does not change
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# ``load_state_dict`` gives the hook a copy of the dictionary. Yours still has its
# old keys after the call. New checkpoints get the new names, and they load as before,
# because the hook finds nothing to rename.

checkpoint = torch.load(path)
net.load_state_dict(checkpoint)
print("yours:", list(checkpoint))
print("saved:", list(net.state_dict()))
print("loaded again:", RenamedNet().load_state_dict(net.state_dict()))
assert list(checkpoint) == old_keys and list(net.state_dict()) == new_keys

# %%
# The copy is shallow: the dictionary is new, but the tensors in it are yours. A hook
# that also changes values must make a new tensor, as in ``2 * tensor``. This one
# works in place, and the dictionary of the caller changes with it.


def double_in_place(module, state_dict, prefix, *args):
    state_dict["weight"].mul_(2)


layer = nn.Linear(2, 1)
handle = layer.register_load_state_dict_pre_hook(double_in_place)
mine = {"weight": torch.ones(1, 2), "bias": torch.zeros(1)}
layer.load_state_dict(mine)
handle.remove()
print("the caller's weight:", mine["weight"].tolist())
assert torch.equal(mine["weight"], torch.full((1, 2), 2.0))

# %%
# Real mismatches are still reported. A hook that renames is therefore safer than
# ``strict=False``, which loads none of the four old keys into the network without
# the hook, and raises no error.

result = Net().load_state_dict(torch.load(path), strict=False)
print("strict=False, not loaded:", result.missing_keys)
assert result.missing_keys == new_keys and result.unexpected_keys == old_keys

checkpoint["layer3.weight"] = torch.zeros(2)
try:
    net.load_state_dict(checkpoint)
except RuntimeError as error:
    print(f"{type(error).__name__}: {error}")
else:
    raise AssertionError("an unknown key was accepted")

# %%
# 5. Use the class inside a larger model
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# The hook of a submodule gets the keys that lie below it, with their full path. That
# is why it must put ``prefix`` before each name. The model's own ``layer1`` is not
# below ``body``, so it is left alone.


class Model(nn.Module):
    def __init__(self, body):
        super().__init__()
        self.layer1 = nn.Linear(4, 4)
        self.body = body


old_model, model = Model(OldNet()), Model(RenamedNet())
print("old:", list(old_model.state_dict())[:4], "...")
print(model.load_state_dict(old_model.state_dict()))
print("new:", list(model.state_dict())[:4], "...")
assert torch.equal(model.layer1.weight, old_model.layer1.weight)
assert torch.equal(model.body.encoder.weight, old_model.body.layer1.weight)

# %%
# If a layer moves *out* of a submodule, register the hook on the module that contains
# both places. The next cell shows what a hook on ``body`` gets: no other keys.

seen = []
handle = old_model.body.register_load_state_dict_pre_hook(
    lambda module, state_dict, prefix, *args: seen.extend([prefix, *state_dict])
)
old_model.load_state_dict(old_model.state_dict())
handle.remove()

print("prefix:", seen[0])
print("keys:", seen[1:])
assert seen[0] == "body." and all(key.startswith("body.layer") for key in seen[1:])
assert len(seen[1:]) == len(old_keys)

# %%
# 6. Load a checkpoint from before the new ``weight_norm``
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# PyTorch uses such hooks itself. The older weight normalization is deprecated, and
# says so. It is called here only to make an old checkpoint.

with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    old_layer = nn.utils.weight_norm(nn.Linear(4, 3))
(warning,) = caught
old_state = old_layer.state_dict()
assert list(old_state) == ["bias", "weight_g", "weight_v"]
print(f"{warning.category.__name__}: {warning.message}")

# %%
# Its replacement, :func:`torch.nn.utils.parametrizations.weight_norm`, has other
# keys for the same two tensors. It comes with a pre-hook that translates
# ``weight_g`` and ``weight_v``, so the old file loads, and the outputs agree.

new_layer = nn.utils.parametrizations.weight_norm(nn.Linear(4, 3))
print("old:", list(old_state))
print("new:", list(new_layer.state_dict()))
print(new_layer.load_state_dict(old_state))

torch.testing.assert_close(new_layer(x), old_layer(x))
original0 = new_layer.parametrizations.weight.original0
assert torch.equal(original0, old_state["weight_g"])

# %%
# 7. Go back to the old keys
# ~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# The translation works in one direction. Code that still uses the old function
# cannot load a new file, because it was written before the new names existed.

new_state = new_layer.state_dict()
try:
    old_layer.load_state_dict(new_state)
except RuntimeError as error:
    print(f"{type(error).__name__}: {error}")
else:
    raise AssertionError("the old layer knows the new keys")

# %%
# If you must serve such code, write the file with its names. A dictionary of whole
# keys is the clearest way, and leaves all others as they are.

BACK = {
    "parametrizations.weight.original0": "weight_g",
    "parametrizations.weight.original1": "weight_v",
}
for_old_code = {BACK.get(key, key): tensor for key, tensor in new_state.items()}
print(list(for_old_code))
print(old_layer.load_state_dict(for_old_code))
assert sorted(for_old_code) == sorted(old_state)

folder.cleanup()

# %%
# You have seen how a pre-hook lets old files load under new names, why it needs the
# prefix, and that it does not help old code to read new files.
#
# Learn more
# ----------
#
# - :ref:`sphx_glr_recipes_troubleshooting_reading_missing_and_unexpected_keys.py`
# - :ref:`sphx_glr_recipes_troubleshooting_removing_wrapper_prefixes.py`
# - :ref:`sphx_glr_recipes_troubleshooting_knowing_what_strict_false_does.py`
# - :meth:`torch.nn.Module.register_load_state_dict_pre_hook` and
#   :func:`torch.nn.utils.parametrizations.weight_norm` in the API documentation
# - `pytorch#75287 <https://github.com/pytorch/pytorch/issues/75287>`__, the design
#   of these hooks
