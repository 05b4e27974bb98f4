"""
How do I save class names with a model?
=======================================

Store attributes that are not tensors in the ``state_dict``, with
``get_extra_state``, and load files with or without the key ``_extra_state``.
"""

# sphinx_gallery_tags = ["loading", "saving", "module", "compatibility"]
# sphinx_gallery_keywords = ["extra state", "labels", "vocabulary", "tokenizer", "metadata", "non-tensor attributes", "custom state"]
# sphinx_gallery_reading_order = 40

# %%

# sphinx_gallery_fold = "A temporary folder for the files of this page"
import json
import os
import tempfile
from datetime import date

import torch
import torch.nn as nn
from safetensors.torch import load_file, save_file

torch.manual_seed(0)
here = globals().get("here", os.getcwd())
folder = tempfile.TemporaryDirectory()
os.chdir(folder.name)

# %%
# Short answer
# ------------
#
# Give the module two methods: what ``get_extra_state`` returns is saved under
# the key ``_extra_state``, and ``set_extra_state`` gets it back on loading:

import torch.nn as nn


class Classifier(nn.Module):
    def __init__(self, classes=("?", "?", "?")):
        super().__init__()
        self.fc = nn.Linear(4, 3)
        self.classes = list(classes)

    def get_extra_state(self):
        return {"classes": list(self.classes)}

    def set_extra_state(self, state):
        self.classes = list(state["classes"])


# %%
# Save and load as usual, with ``torch.save(model.state_dict(), ...)`` and
# ``load_state_dict``. Older files lack the key; see below.
#
# .. fold:: Who this is for
#
#    Your module needs more than its weights to work after loading, or
#    ``_extra_state`` appears in an error message.
#
# .. fold:: Setup
#
#    ``register_load_state_dict_pre_hook``, with no leading underscore, needs
#    PyTorch 2.5, and ``get_unsafe_globals_in_checkpoint`` 2.6 or newer::
#
#        pip install "torch>=2.6" "safetensors>=0.4.3"

# %%
# Save it and load it
# -------------------
#
# A plain attribute has no key. With the two methods, the class names come back
# with the weights. In a larger model, the key begins with the module's path,
# like any other:

model = Classifier(["cat", "dog", "owl"])
torch.save(model.state_dict(), "model.pt")
print(list(model.state_dict()))

restored = Classifier()
print(restored.load_state_dict(torch.load("model.pt", map_location="cpu")))
print(restored.classes)

assert restored.classes == ["cat", "dog", "owl"]
assert "_extra_state" not in nn.Linear(4, 3).state_dict()
assert "0._extra_state" in nn.Sequential(model).state_dict()

# %%
# Load older files
# ----------------
#
# A file that was saved without the two methods does not have the key:
#
# .. diagnosis:: The model has ``get_extra_state``, and the file was saved
#       without it.
#    :missing: {}_extra_state
#    :fix: load-older-files
#
#    own = model.state_dict()
#    state_dict |= {k: own[k] for k in own if k.endswith("_extra_state")}

old = {k: v for k, v in model.state_dict().items() if k != "_extra_state"}
try:
    Classifier().load_state_dict(old)
except RuntimeError as error:
    print(f"{type(error).__name__}: {error}")

# %%
# For a single file, load with ``strict=False`` and check that nothing else is
# missing. In that case, ``set_extra_state`` is not called:

restored = Classifier(["cat", "dog", "owl"])
missing, unexpected = restored.load_state_dict(old, strict=False)
if unexpected or any(not key.endswith("_extra_state") for key in missing):
    raise RuntimeError(f"{missing = }, {unexpected = }")

assert missing == ["_extra_state"]
assert restored.classes == ["cat", "dog", "owl"]
assert torch.equal(restored.fc.weight, model.fc.weight)

# %%
# To support old files permanently, register a hook that fills in what the
# module has. Loading stays strict, and the caller's dictionary is not changed:


def fill_in(module, state_dict, prefix, *args):
    state_dict.setdefault(f"{prefix}_extra_state", module.get_extra_state())


class PatientClassifier(Classifier):
    def __init__(self, classes=("?", "?", "?")):
        super().__init__(classes)
        self.register_load_state_dict_pre_hook(fill_in)


restored = PatientClassifier(["cat", "dog", "owl"])
print(restored.load_state_dict(old))

assert "_extra_state" not in old
assert restored.classes == ["cat", "dog", "owl"]
assert str(restored.load_state_dict(model.state_dict())).startswith("<All keys")
pair = {f"{i}.{key}": value for i in (0, 1) for key, value in old.items()}
nested = nn.Sequential(PatientClassifier(), PatientClassifier())
assert str(nested.load_state_dict(pair)).startswith("<All keys")

# %%
# Or the other way around: the file has the key and the model does not. Drop the
# key:
#
# .. diagnosis:: The file has extra state, and the model has no
#       ``set_extra_state``.
#    :unexpected: {}_extra_state
#    :fix: load-older-files
#
#    for key in [k for k in state_dict if k.endswith("_extra_state")]:
#        del state_dict[key]
#
# .. diagnosis:: The class has only one of ``get_extra_state`` and
#       ``set_extra_state``.
#    :message: Reached a code path in Module.{name}_extra_state()
#
#    def set_extra_state(self, state):
#        self.classes = state["classes"]

plain = nn.ModuleDict({"fc": nn.Linear(4, 3)})
state_dict = torch.load("model.pt", map_location="cpu")
try:
    plain.load_state_dict(state_dict)
except RuntimeError as error:
    print(f"{type(error).__name__}: {error}")

for key in [k for k in state_dict if k.split(".")[-1] == "_extra_state"]:
    del state_dict[key]
plain.load_state_dict(state_dict)

# %%
# Both happen with **Transformer Engine**, whose layers keep FP8 scaling factors
# in ``_extra_state``, when files move between it and plain PyTorch.
#
# What goes wrong
# ---------------
#
# **Types that** :func:`torch.load` **refuses.** Stick to dictionaries, lists,
# text, numbers and tensors, and write a date as text. This lists what is not
# allowed:

# sphinx_gallery_wrong = True
torch.save({"_extra_state": {"trained": date(2026, 1, 31)}}, "date.pt")
refused = torch.serialization.get_unsafe_globals_in_checkpoint("date.pt")
print(refused)

assert refused == ["datetime.date"]
assert not torch.serialization.get_unsafe_globals_in_checkpoint("model.pt")

# %%
# **Code that expects every entry to be a tensor**, such as safetensors:
#
# .. diagnosis:: Extra state is no tensor, and safetensors saves nothing else.
#    :message: Key `_extra_state` is invalid, expected torch.Tensor
#    :fix: what-goes-wrong
#
#    tensors = {k: v for k, v in state_dict.items() if torch.is_tensor(v)}

try:
    save_file(model.state_dict(), "model.safetensors")
except ValueError as error:
    print(f"{type(error).__name__}: {error}")

# %%
# In that case, return a tensor. Text fits into one as bytes:


class TensorClassifier(Classifier):
    def get_extra_state(self):
        text = json.dumps({"classes": self.classes})
        return torch.tensor(list(text.encode()), dtype=torch.uint8)

    def set_extra_state(self, state):
        self.classes = json.loads(bytes(state.tolist()))["classes"]


model = TensorClassifier(["cat", "dog", "owl"])
save_file(model.state_dict(), "model.safetensors")
restored = TensorClassifier()
restored.load_state_dict(load_file("model.safetensors"))
print(restored.classes)

assert restored.classes == ["cat", "dog", "owl"]

# %%
# Where else to store data
# ------------------------
#
# ============================== ==============================
# what it is                     where it goes
# ============================== ==============================
# a tensor to compute with       a buffer
# other data the module needs    ``get_extra_state``
# data about the run             the checkpoint, next to the model
# ============================== ==============================
#
# A buffer follows the module to another dtype or device; extra state does not:

model.register_buffer("mean", torch.zeros(4))
checkpoint = {"model": model.double().state_dict(), "epoch": 3}

assert checkpoint["model"]["mean"].dtype == torch.float64
assert checkpoint["model"]["_extra_state"].dtype == torch.uint8

# %%

# sphinx_gallery_fold = "Leave the temporary folder"
os.chdir(here)
folder.cleanup()

# %%
# Learn more
# ----------
#
# - :ref:`sphx_glr_recipes_troubleshooting_renaming_keys_of_old_checkpoints.py`
# - :ref:`sphx_glr_recipes_troubleshooting_loading_safely_with_weights_only.py`
# - :ref:`sphx_glr_recipes_checkpoints_sharing_weights_and_safetensors.py`
# - `pytorch#62094 <https://github.com/pytorch/pytorch/issues/62094>`__, the
#   request for the two methods
# - :meth:`torch.nn.Module.get_extra_state`,
#   :meth:`torch.nn.Module.set_extra_state`,
#   :meth:`torch.nn.Module.register_load_state_dict_pre_hook`
