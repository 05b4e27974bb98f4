"""
I renamed a layer: how do I load old checkpoints?
=================================================

Translate old keys in the class itself, so that every old file loads strictly
and no caller has to know.
"""

# sphinx_gallery_tags = ["loading", "keys", "compatibility", "errors"]
# sphinx_gallery_keywords = ["backward compatibility", "migrate", "renamed layer", "rename keys in state dict"]
# sphinx_gallery_reading_order = 70

# %%

# sphinx_gallery_fold = "The old class and its file"
import os
import tempfile

import torch
import torch.nn as nn

here = globals().get("here", os.getcwd())
folder = tempfile.TemporaryDirectory()
os.chdir(folder.name)

torch.manual_seed(0)


class OldNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer1 = nn.Linear(4, 8)
        self.layer2 = nn.Linear(8, 2)

    def forward(self, x):
        return self.layer2(self.layer1(x).relu())


old_net = OldNet()
torch.save(old_net.state_dict(), "old.pt")

# %%
# Short answer
# ------------
#
# For a single file, build a new dictionary with the new names:

import torch

RENAMED = {"layer1.": "encoder.", "layer2.": "head."}


def rename(key):
    for old, new in RENAMED.items():
        if key.startswith(old):
            return new + key.removeprefix(old)
    return key


state_dict = torch.load("old.pt", map_location="cpu")
state_dict = {rename(key): value for key, value in state_dict.items()}

# %%
# If old files keep coming, let the class rename the keys when it loads them:


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Linear(4, 8)
        self.head = nn.Linear(8, 2)
        self.register_load_state_dict_pre_hook(rename_old_keys)

    def forward(self, x):
        return self.head(self.encoder(x).relu())


def rename_old_keys(module, state_dict, prefix, *args):
    renamed = {}
    for key, value in state_dict.items():
        if key.startswith(prefix):
            key = prefix + rename(key.removeprefix(prefix))
        renamed[key] = value
    state_dict.clear()
    state_dict.update(renamed)


model = Net()
model.load_state_dict(torch.load("old.pt", map_location="cpu"))

# %%
# .. fold:: Who this is for
#
#    You rename or move layers in code whose checkpoints are still in use.
#
# .. fold:: Setup
#
#    PyTorch 2.5 or newer, which made the hook public::
#
#        pip install "torch>=2.6"

# %%
# Why it works
# ------------
#
# Without the hook, the error names every key twice. With it, the outputs are
# those of the old network. ``load_state_dict`` gives the hook a copy, so your
# dictionary keeps its keys, and a new file passes through unchanged.

checkpoint = torch.load("old.pt")
print(model.load_state_dict(checkpoint))
plain = nn.ModuleDict({"encoder": nn.Linear(4, 8), "head": nn.Linear(8, 2)})
try:
    plain.load_state_dict(checkpoint)
except RuntimeError as error:
    print(f"{type(error).__name__}: {error}")

x = torch.randn(3, 4)
assert torch.equal(model(x), old_net(x))
assert list(checkpoint) == list(old_net.state_dict())
assert state_dict.keys() == model.state_dict().keys()
assert not any(plain.load_state_dict(state_dict))
assert not any(Net().load_state_dict(model.state_dict()))

# %%
# ``prefix`` is the path to the module in a larger model. The hook gets only the
# keys below it, so the outer ``layer1`` keeps its name. (If a layer moves *out*
# of a submodule, put the hook on a module that contains both places.)


old_model = nn.ModuleDict({"layer1": nn.Linear(4, 4), "body": OldNet()})
new_model = nn.ModuleDict({"layer1": nn.Linear(4, 4), "body": Net()})
print(new_model.load_state_dict(old_model.state_dict()))
assert torch.equal(new_model["layer1"].weight, old_model["layer1"].weight)
assert torch.equal(new_model["body"].head.bias, old_model["body"].layer2.bias)

# %%
# What goes wrong
# ---------------
#
# **Renaming in place.** If a new name is also an old one, as with numbers that
# move up or names that are swapped, a key is renamed twice and tensors are
# lost. A new dictionary, where the first match wins, avoids this:

# sphinx_gallery_wrong = True
RENAMED = {"f.1.": "f.2.", "f.2.": "f.3."}
in_place = {"f.0.bias": 0, "f.1.bias": 1, "f.2.bias": 2}
for key in list(in_place):
    for old, new in RENAMED.items():
        if key.startswith(old):
            in_place[new + key.removeprefix(old)] = in_place.pop(key)
print(in_place)

shifted = {"f.0.bias": 0, "f.1.bias": 1, "f.2.bias": 2}
rename_old_keys(None, shifted, "")
assert shifted == {"f.0.bias": 0, "f.2.bias": 1, "f.3.bias": 2}
assert in_place != shifted

# %%
# **Renaming a new file.** Such names do not tell old files from new ones. Here
# the hook runs on a file with new names already, and loses a tensor:

# sphinx_gallery_wrong = True
rename_old_keys(None, shifted, "")
print(shifted)
assert shifted == {"f.0.bias": 0, "f.3.bias": 2}

# %%
# Give the class a version
# ------------------------
#
# ``state_dict()`` saves the ``_version`` of each module, or 1 if its class has
# none, in an attribute of the dictionary. The hook gets it as
# ``local_metadata``, and translates only old files:


class Stack(nn.Module):
    _version = 2  # 2: a dropout was inserted as f.1

    def __init__(self):
        super().__init__()
        layers = [nn.Linear(2, 2), nn.Dropout(), nn.Linear(2, 2)]
        self.f = nn.Sequential(*layers, nn.Linear(2, 2))
        self.register_load_state_dict_pre_hook(self.upgrade)

    @staticmethod
    def upgrade(module, state_dict, prefix, local_metadata, *args):
        if local_metadata.get("version", 1) < 2:
            rename_old_keys(module, state_dict, prefix)


class OldStack(nn.Module):
    def __init__(self):
        super().__init__()
        self.f = nn.Sequential(*(nn.Linear(2, 2) for _ in range(3)))


old_stack, stack = OldStack(), Stack()
print(stack.load_state_dict(old_stack.state_dict()))
print(Stack().load_state_dict(stack.state_dict()))
assert torch.equal(stack.f[2].weight, old_stack.f[1].weight)
assert torch.equal(stack.f[3].weight, old_stack.f[2].weight)
rebuilt = dict(stack.state_dict())
stack.upgrade(stack, rebuilt, "", getattr(rebuilt, "_metadata", {}))
assert "f.2.bias" not in rebuilt

# %%
# A rebuilt dictionary, ``{k: v for ...}``, has lost the version and counts as
# old. PyTorch's own layers override ``_load_from_state_dict`` for the same
# purpose, with the same arguments.
#
# Variants
# --------
#
# **weight_norm** and others of ``torch.nn.utils`` have new versions with other
# keys: :ref:`sphx_glr_recipes_troubleshooting_reading_parametrized_keys.py`.

# %%

# sphinx_gallery_fold = "Leave the temporary folder"
os.chdir(here)
folder.cleanup()

# %%
# Learn more
# ----------
#
# - :ref:`sphx_glr_recipes_troubleshooting_reading_missing_and_unexpected_keys.py`
# - :ref:`sphx_glr_recipes_troubleshooting_removing_wrapper_prefixes.py`
# - `pytorch#75287 <https://github.com/pytorch/pytorch/issues/75287>`__ on the
#   design of these hooks
# - :meth:`torch.nn.Module.register_load_state_dict_pre_hook`
