"""
How do I get rid of ``module.`` and ``_orig_mod.`` in the keys?
===============================================================

Remove the prefixes that DistributedDataParallel and ``torch.compile`` add, load
the file into the plain model, and save files that never have them.
"""

# sphinx_gallery_tags = ["loading", "errors", "keys", "distributed"]
# sphinx_gallery_keywords = ["module.", "strip the prefix", "DDP", "DataParallel", "saved from several GPUs", "load on a single GPU", 'Unexpected key(s) in state_dict: "module.', "has no attribute module", "unexpected key module.", "DataParallel checkpoint does not load", "compiled model", "torch.compile"]
# sphinx_gallery_reading_order = 20

# %%

# sphinx_gallery_fold = "A model trained with DDP and ``torch.compile``, and its file"
import os
import tempfile

import torch
import torch.distributed as dist
import torch.nn as nn
from torch.nn.parallel import DistributedDataParallel

here = globals().get("here", os.getcwd())
folder = tempfile.TemporaryDirectory()
os.chdir(folder.name)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(8, 4), nn.ReLU())
        self.head = nn.Linear(4, 2)

    def forward(self, x):
        return self.head(self.encoder(x))


torch.manual_seed(0)
if not dist.is_initialized():  # a real process group, of one process on the CPU
    dist.init_process_group(
        "gloo", init_method=f"file://{folder.name}/group", rank=0, world_size=1
    )
ddp = DistributedDataParallel(Net())
compiled = torch.compile(ddp, backend="eager")
torch.save(compiled.state_dict(), "model.pt")
model = Net()

# %%
# Short answer
# ------------
#
# Drop every ``_orig_mod`` and the leading ``module.`` from the keys, in
# whatever order the model was wrapped:

import torch


def plain(key):
    parts = [part for part in key.split(".") if part != "_orig_mod"]
    return ".".join(parts).removeprefix("module.")


state_dict = torch.load("model.pt", map_location="cpu")
state_dict = {plain(key): value for key, value in state_dict.items()}
model.load_state_dict(state_dict)

# %%
# The other way around, when **the model is wrapped** and the file is plain,
# leave the file alone and load into the inner model:
# ``ddp.module.load_state_dict(state_dict)`` or
# ``compiled._orig_mod.load_state_dict(state_dict)``.
#
# .. fold:: Who this is for
#
#    Your checkpoint was saved from :class:`torch.nn.DataParallel`,
#    :class:`torch.nn.parallel.DistributedDataParallel` or
#    :func:`torch.compile`, and ``load_state_dict`` reports every key twice: as
#    missing, and as unexpected with a prefix.
#
# .. fold:: Setup
#
#    PyTorch 2.0 or newer; ``get_model_state_dict`` needs 2.2::
#
#        pip install "torch>=2.6"

# %%
# Which case do I have?
# ---------------------
#
# Look at which side of the message has the prefix:
#
# ==================== ==================== ===============================
# missing              unexpected           what to do
# ==================== ==================== ===============================
# ``head.bias``        ``module.head.bias`` remove it from the keys
# ``module.head.bias`` ``head.bias``        load into ``model.module``
# ==================== ==================== ===============================
#
# ``_orig_mod`` works the same way: remove it from the keys of the file, or load
# into the model that you passed to ``torch.compile``. The first case:
#
# .. diagnosis:: The file was saved from a wrapped model, and yours is not
#       wrapped.
#    :missing: {key}
#    :unexpected: {prefix:module|_orig_mod}.{key}
#    :message: unexpected key "{prefix:module}.{key}" in state_dict
#
#    state_dict = {
#        k.removeprefix("{prefix}."): v for k, v in state_dict.items()
#    }
#
# .. diagnosis:: The file was saved from a wrapped and compiled model, and yours
#       is neither.
#    :missing: {key}
#    :unexpected: {prefix:_orig_mod.module|module._orig_mod}.{key}
#
#    state_dict = {
#        k.removeprefix("{prefix}."): v for k, v in state_dict.items()
#    }

state_dict = torch.load("model.pt", map_location="cpu")
try:
    model.load_state_dict(state_dict)
except RuntimeError as error:
    print(f"{type(error).__name__}: {error}")

# %%
# The second case, and its fix:
#
# .. diagnosis:: Your model is wrapped, and the file was saved from one that was
#       not.
#    :missing: {prefix:module|_orig_mod}.{key}
#    :unexpected: {key}
#    :fix: which-case-do-i-have
#
#    model.{prefix}.load_state_dict(state_dict)
#
# .. diagnosis:: Your model is wrapped and compiled, and the file was saved from
#       one that was neither.
#    :missing: {prefix:_orig_mod.module|module._orig_mod}.{key}
#    :unexpected: {key}
#    :fix: which-case-do-i-have
#
#    model.{prefix}.load_state_dict(state_dict)

state_dict = {plain(key): value for key, value in state_dict.items()}
try:
    ddp.load_state_dict(state_dict)
except RuntimeError as error:
    print(f"{type(error).__name__}: {error}")

ddp.module.load_state_dict(state_dict)

# %%
# ``object has no attribute 'module'`` means that the model is *not* wrapped
# here, often because the script runs on a single device: use the model itself.
#
# .. diagnosis:: The model is not wrapped here, so it has no attribute
#       ``module``.
#    :message: object has no attribute 'module'
#    :fix: which-case-do-i-have
#
#    model = getattr(model, "module", model)
#
# .. diagnosis:: The attribute belongs to the model that the wrapper has in
#       ``module``.
#    :message: '{type:DataParallel}' object has no attribute '{name}'
#              '{type:DistributedDataParallel}' object has no attribute '{name}'
#    :except: object has no attribute 'module'
#
#    model.module.{name}

try:
    model.module
except AttributeError as error:
    print(f"{type(error).__name__}: {error}")

# %%
# Why it works
# ------------
#
# A wrapper is a module that keeps your model in an attribute, ``module`` or
# ``_orig_mod``. A key is the path of attributes to a parameter, so the name of
# that attribute comes first, outermost wrapper first. If a part was compiled on
# its own, the name is in the middle, where removing a prefix does not reach it:

partly = Net()
partly.encoder = torch.compile(partly.encoder, backend="eager")
wrappers = [
    ddp,
    torch.compile(Net(), backend="eager"),
    compiled,
    DistributedDataParallel(torch.compile(Net(), backend="eager")),
    nn.DataParallel(Net()),
    partly,
]
for wrapper in wrappers:
    key = list(wrapper.state_dict())[0]
    print(key, "->", plain(key))

for wrapper in wrappers:
    assert list(map(plain, wrapper.state_dict())) == list(model.state_dict())
assert list(partly.state_dict())[0] == "encoder._orig_mod.0.weight"

# %%
# What goes wrong
# ---------------
#
# :meth:`str.replace` removes the text wherever it occurs. A name that ends in
# ``module`` loses its ending, and an inner layer called ``module`` disappears:

# sphinx_gallery_wrong = True
for key in ["module.submodule.weight", "module.encoder.module.weight"]:
    print(key, "->", key.replace("module.", ""))

assert plain("module.submodule.weight") == "submodule.weight"
assert plain("module.encoder.module.weight") == "encoder.module.weight"

# %%
# ``strict=False`` silences the message and loads *nothing*, since no key
# matches: a new model keeps its random weights.

# sphinx_gallery_wrong = True
before = model.head.weight.clone()
result = model.load_state_dict(torch.load("model.pt"), strict=False)
print(len(result.missing_keys), "of", len(model.state_dict()), "keys missing")

assert len(result.missing_keys) == len(model.state_dict())
assert torch.equal(model.head.weight, before)

# %%
# Variants
# --------
#
# **Save without a prefix**, and whoever loads the file needs none of this. The
# inner model shares its parameters with the wrapper, so it has the trained
# weights:

torch.save(ddp.module.state_dict(), "plain.pt")

assert ddp.module.head.weight is compiled._orig_mod.module.head.weight
assert list(torch.load("plain.pt")) == list(model.state_dict())

# %%
# **Compile in place**, :meth:`torch.nn.Module.compile`, which adds no prefix:

net = Net()
net.compile(backend="eager")

assert list(net.state_dict()) == list(model.state_dict())

# %%
# **One call for DDP, FSDP and compiled models**, in PyTorch 2.2 or newer:

from torch.distributed.checkpoint.state_dict import get_model_state_dict

torch.save(get_model_state_dict(compiled), "plain.pt")

assert list(get_model_state_dict(compiled)) == list(model.state_dict())
assert set(get_model_state_dict(partly)) == set(model.state_dict())

# %%
# **A training checkpoint** keeps the weights one level down, and often an
# average of them too. Clean each dictionary of weights, not the checkpoint:

torch.save({"epoch": 3, "state_dict_ema": ddp.state_dict()}, "checkpoint.pt")
checkpoint = torch.load("checkpoint.pt", map_location="cpu")
weights = checkpoint["state_dict_ema"]
model.load_state_dict({plain(k): v for k, v in weights.items()})

# %%
# **Keep the layer versions.** A ``state_dict`` carries a version for each layer
# in an attribute that a new dictionary does not have. Only files of old layers
# need it. ``consume_prefix_in_state_dict_if_present`` keeps it: the function
# removes one prefix in place and returns ``None``:

from torch.nn.modules.utils import consume_prefix_in_state_dict_if_present

state_dict = torch.load("model.pt", map_location="cpu")
consume_prefix_in_state_dict_if_present(state_dict, "_orig_mod.")
consume_prefix_in_state_dict_if_present(state_dict, "module.")
model.load_state_dict(state_dict)

assert state_dict._metadata["head"] == {"version": 1}

# %%
# **Lightning** puts all keys below the name of an attribute, often ``model.``.
# That prefix is not a wrapper's, and the files have other entries too:
# :ref:`sphx_glr_recipes_libraries_reading_lightning_checkpoints.py`.

# sphinx_gallery_fold = "Leave the temporary folder"
if dist.is_initialized():
    dist.destroy_process_group()
os.chdir(here)
folder.cleanup()

# %%
# Learn more
# ----------
#
# - :ref:`sphx_glr_recipes_troubleshooting_reading_missing_and_unexpected_keys.py`
# - :ref:`sphx_glr_recipes_troubleshooting_knowing_what_strict_false_does.py`
# - :ref:`sphx_glr_recipes_training_averaging_weights.py`
# - `pytorch#101107 <https://github.com/pytorch/pytorch/issues/101107>`__
#   on the prefix of compiled models
# - :func:`torch.compile`, :meth:`torch.nn.Module.compile`,
#   :class:`torch.nn.parallel.DistributedDataParallel`
