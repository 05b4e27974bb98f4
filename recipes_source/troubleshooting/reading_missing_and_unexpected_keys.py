"""
How do I fix missing and unexpected keys in a ``state_dict``?
=============================================================

Print the keys that differ, find their pattern in the table, and load the file
with the matching fix and every key still checked.
"""

# sphinx_gallery_tags = ["loading", "errors", "keys"]
# sphinx_gallery_keywords = ["keys do not match", "mismatch of keys", "compare keys of model and checkpoint", "missing keys and unexpected keys", "Error(s) in loading state_dict for"]
# sphinx_gallery_reading_order = 10

# %%

# sphinx_gallery_fold = "A model, and its checkpoint from a Lightning trainer"
import os
import tempfile

import torch
import torch.nn as nn

here = globals().get("here", os.getcwd())
folder = tempfile.TemporaryDirectory()
os.chdir(folder.name)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Linear(8, 4)
        self.head = nn.Linear(4, 2)

    def forward(self, x):
        return self.head(self.encoder(x))


torch.manual_seed(0)
trained = Net()
weights = {f"model.{key}": v for key, v in trained.state_dict().items()}
torch.save({"epoch": 3, "state_dict": weights}, "checkpoint.pt")
model = Net()

# %%
# Short answer
# ------------
#
# Compare the keys of the model with those of the file:
#
# .. diagnosis:: The keys of the file are not those of the model.
#    :message: Missing key(s) in state_dict
#              Unexpected key(s) in state_dict
#              missing keys in state_dict
#              unexpected key {} in state_dict
#    :except: size mismatch for {}: copying
#
#    print(sorted(model.state_dict().keys() ^ state_dict.keys()))
#
# .. diagnosis:: The file does not fit the model; the lines below this one say
#       in which keys or shapes.
#    :message: Error(s) in loading state_dict for {}
#    :except: state_dict for {class}: {more}
#
#    print(sorted(model.state_dict().keys() ^ state_dict.keys()))

import torch

checkpoint = torch.load("checkpoint.pt", map_location="cpu")
state_dict = checkpoint.get("state_dict", checkpoint)

keys, saved = set(model.state_dict()), set(state_dict)
print("missing:   ", *sorted(keys - saved)[:2])
print("unexpected:", *sorted(saved - keys)[:2])

# %%
# *Missing* keys are in the model but not in the file; *unexpected* keys are in
# the file but not in the model. Find how they differ in this table:
#
# ==================================== ======================================
# the names differ by                  what to do
# ==================================== ======================================
# ``module.``, ``_orig_mod.`` in file  :ref:`remove it
#                                      <sphx_glr_recipes_troubleshooting_removing_wrapper_prefixes.py>`
# ``module.`` in the model             load into ``model.module``
# ``model.``, ``encoder.`` in file     take the keys below it
# all keys; ``epoch``, ``optimizer``   load the entry with the weights
# a name: ``fc``, ``layers.2``         rename
# layers: ``bn``, ``bn1``, ``conv3``   build the model as it was trained
# only missing: ``head``               :ref:`allow a new layer
#                                      <sphx_glr_recipes_troubleshooting_knowing_what_strict_false_does.py>`
# ``total_ops``, ``position_ids``      :ref:`drop by name
#                                      <sphx_glr_recipes_troubleshooting_taking_part_of_a_checkpoint.py>`
# ``num_batches_tracked``              :ref:`drop, or count from 0
#                                      <sphx_glr_recipes_troubleshooting_taking_part_of_a_checkpoint.py>`
# ``weight_g``, ``parametrizations``   :ref:`weight norm
#                                      <sphx_glr_recipes_troubleshooting_reading_parametrized_keys.py>`
# ``weight_orig``, ``weight_mask``     :ref:`spectral norm, pruning
#                                      <sphx_glr_recipes_troubleshooting_reading_parametrized_keys.py>`
# ``n_averaged``, ``ema_``             :ref:`averaged weights
#                                      <sphx_glr_recipes_training_averaging_weights.py>`
# ``_extra_state``                     :ref:`state that is not a tensor
#                                      <sphx_glr_recipes_checkpoints_storing_extra_state.py>`
# ``base_layer``, ``lora_A``           wrap the model with PEFT first
# nothing: ``size mismatch``           :ref:`adapt the tensors
#                                      <sphx_glr_recipes_troubleshooting_adapting_tensors_to_another_shape.py>`
# ==================================== ======================================
#
# .. fold:: Who this is for
#
#    ``load_state_dict`` stopped with ``Missing key(s) in state_dict`` or
#    ``Unexpected key(s) in state_dict``.
#
# .. fold:: Setup
#
#    Tried with PyTorch 2.6 and 2.13::
#
#        pip install "torch>=2.6"

# %%
# Take the keys below a prefix
# ----------------------------
#
# In a Lightning checkpoint, the keys begin with the attribute that holds the
# network, here ``model``. Plain PyTorch reports every key twice:
#
# .. diagnosis:: The model was saved as a part of another one, below the name of
#       an attribute.
#    :missing: {key}
#    :unexpected: {prefix}.{key}
#    :fix: take-the-keys-below-a-prefix
#
#    below = {k: v for k, v in state_dict.items() if k.startswith("{prefix}.")}
#    state_dict = {k.removeprefix("{prefix}."): v for k, v in below.items()}
#
# .. diagnosis:: The model is a part of another one, below the name of an
#       attribute, and the file is not.
#    :missing: {prefix}.{key}
#    :unexpected: {key}
#    :fix: take-the-keys-below-a-prefix
#
#    model.{prefix}.load_state_dict(state_dict)

try:
    model.load_state_dict(state_dict)
except RuntimeError as error:
    print(f"{type(error).__name__}: {error}")

# %%
# Take only the keys that start with the prefix, and strip it. The same function
# extracts an encoder from a file with ``encoder.enc_lstm.bias`` and
# ``classifier.0.bias``, if your model is the encoder alone (more on that:
# :ref:`sphx_glr_recipes_troubleshooting_taking_part_of_a_checkpoint.py`):


def below(prefix, state_dict):
    return {
        key.removeprefix(prefix): value
        for key, value in state_dict.items()
        if key.startswith(prefix)
    }


print(model.load_state_dict(below("model.", state_dict)))
assert torch.equal(model.head.weight, trained.head.weight)
encoder = below("model.encoder.", state_dict)
assert not any(nn.Linear(8, 4).load_state_dict(encoder))
assert below("model.", {"model.a": 1, "loss.model.a": 2}) == {"a": 1}

# %%
# Load the entry with the weights
# -------------------------------
#
# If every key is missing and the unexpected ones are not layers, the file is a
# training checkpoint, and the weights are one of its entries. (``KeyError:
# 'state_dict'`` is the reverse: the file has no entry of that name.) Print the
# file's keys:
#
# .. diagnosis:: The file is a training checkpoint, and the weights are one of
#       its entries.
#    :unexpected: {entry:model|state_dict|model_state_dict|net|weights}
#    :fix: load-the-entry-with-the-weights
#
#    model.load_state_dict(checkpoint["{entry}"])

print(list(checkpoint))
try:
    model.load_state_dict(checkpoint)
except RuntimeError as error:
    print(f"{type(error).__name__}: {error}")

assert list(checkpoint) == ["epoch", "state_dict"]

# %%
# Rename
# ------
#
# List the old and new beginnings of the keys, and build a new dictionary, so
# that no key is renamed twice or lost when layer numbers move up:

renamed = {"layers.2.": "layers.3.", "layers.3.": "layers.4.", "fc.": "head."}


def rename(key):
    for old, new in renamed.items():
        if key.startswith(old):
            return new + key.removeprefix(old)
    return key


old = {"layers.0.bias": 0, "layers.2.bias": 1, "layers.3.bias": 2, "fc.bias": 3}
new = {rename(key): value for key, value in old.items()}
print(list(new))
assert new["layers.0.bias"] == 0 and new["layers.3.bias"] == 1
assert new["layers.4.bias"] == 2 and new["head.bias"] == 3 and len(new) == 4

# %%
# Never pair keys by order or shape. This class changed the order of its layers.
# All keys match, but ``k`` has the weights of ``query``:

# sphinx_gallery_wrong = True
old = nn.ModuleDict({"query": nn.Linear(4, 4), "key": nn.Linear(4, 4)})
new = nn.ModuleDict({"k": nn.Linear(4, 4), "q": nn.Linear(4, 4)})
new.load_state_dict(dict(zip(new.state_dict(), old.state_dict().values())))
assert torch.equal(new["k"].weight, old["query"].weight)

# %%

# sphinx_gallery_fold = "Leave the temporary folder"
os.chdir(here)
folder.cleanup()

# %%
# Learn more
# ----------
#
# - :ref:`sphx_glr_recipes_libraries_loading_hugging_face_checkpoints.py`
# - :ref:`sphx_glr_recipes_troubleshooting_removing_wrapper_prefixes.py`
# - :ref:`sphx_glr_recipes_troubleshooting_renaming_keys_of_old_checkpoints.py`
# - :ref:`sphx_glr_recipes_troubleshooting_taking_part_of_a_checkpoint.py`
# - :meth:`torch.nn.Module.load_state_dict`
