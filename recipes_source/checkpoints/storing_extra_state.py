"""
Storing extra state
===================

State that is not a tensor, such as the names of the classes, can travel in the
``state_dict`` too: a module returns it from ``get_extra_state``.

**For whom:** your module needs more than its weights to work after loading, or
``_extra_state`` appears in an error message.

Setup
-----

Install PyTorch, and Matplotlib for the figure::

    pip install torch matplotlib

Steps
-----

1. Import the libraries
2. See what gets lost
3. Return it from ``get_extra_state``
4. Keep it to plain types
5. Load a file from before
6. Choose the right place
"""

# sphinx_gallery_tags = ["loading", "saving", "module", "compatibility"]
# sphinx_gallery_keywords = ["save class names", "labels", "metadata", "attributes that are not tensors", "custom state"]
# sphinx_gallery_reading_order = 40

# %%
# 1. Import the libraries
# ~~~~~~~~~~~~~~~~~~~~~~~
#
# The file that the recipe writes goes to a temporary folder.

import datetime
import io
import tempfile
from collections import OrderedDict
from pathlib import Path

import matplotlib.pyplot as plt
import torch
import torch.nn as nn

torch.manual_seed(0)
plt.style.use("petroff10")
folder = tempfile.TemporaryDirectory()
path = Path(folder.name) / "classifier.pt"

# %%
# 2. See what gets lost
# ~~~~~~~~~~~~~~~~~~~~~
#
# This classifier answers with the name of a class. The names are an ordinary
# attribute, and an ordinary attribute has no key in the ``state_dict``. The restored
# model has the right weights and no names.


class Classifier(nn.Module):
    def __init__(self, classes=("?", "?", "?")):
        super().__init__()
        self.fc = nn.Linear(4, 3)
        self.classes = list(classes)

    def predict(self, x):
        return [self.classes[i] for i in self.fc(x).argmax(dim=1)]


model = Classifier(["cat", "dog", "owl"])
old_file = io.BytesIO()
torch.save(model.state_dict(), old_file)

old_file.seek(0)
restored = Classifier()
restored.load_state_dict(torch.load(old_file))

x = torch.randn(3, 4)
print("keys:    ", list(model.state_dict()))
print("original:", model.predict(x))
print("restored:", restored.predict(x))
assert torch.equal(restored.fc(x), model.fc(x))
assert restored.predict(x) == ["?", "?", "?"] != model.predict(x)

# %%
# 3. Return it from ``get_extra_state``
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# A module that defines :meth:`~torch.nn.Module.get_extra_state` has one more key,
# ``_extra_state``, whose value is what the method returns. Its counterpart
# :meth:`~torch.nn.Module.set_extra_state` receives that value on loading.


class LabeledClassifier(Classifier):
    def get_extra_state(self):
        return {"classes": list(self.classes)}

    def set_extra_state(self, state):
        self.classes = list(state["classes"])


model = LabeledClassifier(["cat", "dog", "owl"])
print("keys:", list(model.state_dict()))
print("_extra_state:", model.state_dict()["_extra_state"])
assert model.state_dict()["_extra_state"] == {"classes": ["cat", "dog", "owl"]}

# %%
# :func:`torch.save` and :func:`torch.load` need nothing special, and the names are
# back.

torch.save(model.state_dict(), path)
restored = LabeledClassifier()
restored.load_state_dict(torch.load(path))

print("restored:", restored.classes)
assert restored.classes == ["cat", "dog", "owl"]
assert restored.predict(x) == model.predict(x)

# %%
# Like any key, this one gets the path of its module as a prefix when the module is part
# of a larger one. Each module can have its own.

larger = nn.Sequential(OrderedDict(body=nn.Linear(8, 4), classifier=model))
print("\n".join(larger.state_dict()))
assert "classifier._extra_state" in larger.state_dict()

# %%
# The value is not a tensor. Code that handles all values of a ``state_dict`` as
# tensors, for example to count their elements, has to leave it out.

state = model.state_dict()
tensors = {k: v for k, v in state.items() if isinstance(v, torch.Tensor)}
print("not a tensor:", sorted(set(state) - set(tensors)))
print("elements:", sum(tensor.numel() for tensor in tensors.values()))
assert set(state) - set(tensors) == {"_extra_state"}

# %%
# 4. Keep it to plain types
# ~~~~~~~~~~~~~~~~~~~~~~~~~
#
# By default, :func:`torch.load` reads only types that it knows to be harmless.
# Dictionaries, lists, strings, numbers and tensors are among them. A date is not, so a
# file with one would be refused.
# :func:`torch.serialization.get_unsafe_globals_in_checkpoint` names the obstacle.

day = datetime.date(2026, 1, 31)
for value in [{"classes": ["cat"], "day": day}, {"classes": ["cat"], "day": str(day)}]:
    file = io.BytesIO()
    torch.save({"_extra_state": value}, file)
    file.seek(0)
    unsafe = torch.serialization.get_unsafe_globals_in_checkpoint(file)
    print(f"{type(value['day']).__name__:<4} needs {unsafe}")
    assert unsafe == (["datetime.date"] if value["day"] is day else [])

# %%
# 5. Load a file from before
# ~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# Files that were written before the class had the two methods do not have the key.
# ``old_file`` from step 2 is one of them. Loading it reports a missing key.

old_file.seek(0)
old_state = torch.load(old_file)
try:
    LabeledClassifier().load_state_dict(old_state)
except RuntimeError as error:
    print(f"{type(error).__name__}: {error}")
else:
    raise AssertionError("the missing key was not reported")

# %%
# ``strict=False`` would accept this file, but also one that lacks a weight. A hook is
# more precise. :meth:`~torch.nn.Module.register_load_state_dict_pre_hook` runs it
# before the keys are compared, and it fills in the one key with what the module has
# already. The loading stays strict, and the caller's dictionary stays as it is.


def fill_in_classes(module, state_dict, prefix, *args):
    state_dict.setdefault(prefix + "_extra_state", module.get_extra_state())


class PatientClassifier(LabeledClassifier):
    def __init__(self, classes=("?", "?", "?")):
        super().__init__(classes)
        self.register_load_state_dict_pre_hook(fill_in_classes)


restored = PatientClassifier(["cat", "dog", "owl"])
result = restored.load_state_dict(old_state)

print(result)
print("restored:", restored.classes)
assert torch.equal(restored.fc.weight, old_state["fc.weight"])
assert restored.classes == ["cat", "dog", "owl"]
assert "_extra_state" not in old_state

# %%
# The other direction fails as well: a class without the two methods does not expect the
# key.

state = torch.load(path)
try:
    Classifier().load_state_dict(state)
except RuntimeError as error:
    print(f"{type(error).__name__}: {error}")
else:
    raise AssertionError("the unexpected key was not reported")

# %%
# It holds nothing that the old class could use, so it can be deleted.

del state["_extra_state"]
result = Classifier().load_state_dict(state)
print(result)
assert not result.missing_keys and not result.unexpected_keys

# %%
# The figure shows both files in all three classes. Only the class with the hook loads
# the old file and the new one.

files = {"old file": old_state, "new file": torch.load(path)}
classes = {
    "neither method": Classifier,
    "both methods": LabeledClassifier,
    "methods and hook": PatientClassifier,
}
cells = []
for state in files.values():
    cells.append([])
    for cls in classes.values():
        try:
            cls().load_state_dict(state)
            cells[-1].append("loads")
        except RuntimeError as error:
            missing = "Missing key" in str(error)
            cells[-1].append("missing key" if missing else "unexpected key")

fig, ax = plt.subplots(figsize=(5, 2), layout="constrained")
failed = [[cell != "loads" for cell in row] for row in cells]
ax.pcolormesh(failed, cmap="tab10", vmin=0, vmax=9, alpha=0.3, edgecolors="gray")
for y, row in enumerate(cells):
    for x, cell in enumerate(row):
        ax.text(x + 0.5, y + 0.5, cell, ha="center", va="center")
ax.set_xticks([x + 0.5 for x in range(3)], classes)
ax.set_yticks([y + 0.5 for y in range(2)], files)
ax.set_xlabel("what the class has")
ax.invert_yaxis()
ax.set_title("Loading files from before and after the extra state")
plt.show()

for name, row in zip(files, cells):
    print(f"{name}: {row}")
assert cells == [
    ["loads", "missing key", "loads"],
    ["unexpected key", "loads", "loads"],
]

# %%
# 6. Choose the right place
# ~~~~~~~~~~~~~~~~~~~~~~~~~
#
# Extra state is one of three places for what is not a parameter.
#
# .. list-table::
#    :header-rows: 1
#
#    * - What it is
#      - Where it goes
#    * - a tensor that the module computes with
#      - a buffer, :meth:`~torch.nn.Module.register_buffer`: it also follows the module
#        to another device or dtype
#    * - anything else that the module needs to work
#      - :meth:`~torch.nn.Module.get_extra_state`
#    * - what belongs to the training run, such as the epoch
#      - the checkpoint, next to the ``state_dict``
#
# Here is one checkpoint with all three.

model.register_buffer("mean", torch.zeros(4))
torch.save({"model": model.state_dict(), "epoch": 3}, path)

checkpoint = torch.load(path)
print("checkpoint:", list(checkpoint))
print("model:", list(checkpoint["model"]))
assert checkpoint["epoch"] == 3
assert {"mean", "_extra_state"} < set(checkpoint["model"])

# %%
# The conversion to another dtype reaches the buffer. It leaves the extra state alone.

model.to(torch.float64)
print(f"{model.mean.dtype = }, {model.classes = }")
assert model.mean.dtype == torch.float64
assert model.classes == ["cat", "dog", "owl"]

folder.cleanup()

# %%
# With two methods, a module carries its own extra state in its ``state_dict``. Keep it
# to plain types, and give old files a hook.
#
# Learn more
# ----------
#
# - :ref:`sphx_glr_recipes_recipes_saving_and_loading_a_general_checkpoint.py`
# - :ref:`sphx_glr_recipes_troubleshooting_loading_safely_with_weights_only.py`
# - :ref:`sphx_glr_recipes_troubleshooting_renaming_keys_of_old_checkpoints.py`
# - `pytorch#62094 <https://github.com/pytorch/pytorch/issues/62094>`__, the request
#   that brought the two methods
# - :meth:`torch.nn.Module.get_extra_state` and
#   :meth:`torch.nn.Module.set_extra_state` in the API documentation
