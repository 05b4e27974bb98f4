"""
Reading missing and unexpected keys
===================================

When a ``state_dict`` does not load, compare its keys with those of the model:
the difference points to the cause, and the cause to the fix.

**For whom:** ``load_state_dict`` stopped with ``Missing key(s) in state_dict``
or ``Unexpected key(s) in state_dict``, and you want to know why.

Introduction
------------

:meth:`torch.nn.Module.load_state_dict` matches tensors by name. A key that the
model has and the file lacks is *missing*. A key that the file has and the model
lacks is *unexpected*. The usual reason is not a damaged file, but a model whose
attributes changed their names after the file was written.

Setup
-----

Install PyTorch, and Matplotlib for the figure::

    pip install torch matplotlib

Steps
-----

1. Import the libraries
2. Save one model and change it
3. Read the error
4. Compare the keys
5. Rename the keys and load again
6. Recognize a checkpoint that holds more than the model
7. Find the cause of other patterns
"""

# sphinx_gallery_tags = ["loading", "errors", "keys"]
# sphinx_gallery_keywords = ["keys do not match", "mismatch of keys", "compare keys of model and checkpoint", "Error(s) in loading state_dict"]
# sphinx_gallery_reading_order = 10

# %%
# 1. Import the libraries
# ~~~~~~~~~~~~~~~~~~~~~~~
#
# The checkpoint goes into a temporary folder, which the last step removes.

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import torch
import torch.nn as nn

torch.manual_seed(0)
plt.style.use("petroff10")
folder = tempfile.TemporaryDirectory()
path = Path(folder.name) / "model.pt"

# %%
# 2. Save one model and change it
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# ``OldNet`` is the model as it was when the file was written. The cell prints
# the keys that end up in the file.


class OldNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4))
        self.classifier = nn.Linear(4, 3)

    def forward(self, x):
        return self.classifier(self.features(x))


old = OldNet()
torch.save(old.state_dict(), path)
print("\n".join(old.state_dict()))
assert len(old.state_dict()) == 6

# %%
# ``Net`` is the model today. Two small changes were made since: a dropout layer
# was inserted, and ``classifier`` is now called ``head``. Neither change adds or
# resizes a tensor, so both models have the same shapes in the same order.


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Linear(8, 16), nn.ReLU(), nn.Dropout(0.1), nn.Linear(16, 4)
        )
        self.head = nn.Linear(4, 3)

    def forward(self, x):
        return self.head(self.features(x))


net = Net()
print("\n".join(net.state_dict()))
old_shapes = [tensor.shape for tensor in old.state_dict().values()]
assert [tensor.shape for tensor in net.state_dict().values()] == old_shapes

# %%
# 3. Read the error
# ~~~~~~~~~~~~~~~~~
#
# The message has up to three parts: missing keys, unexpected keys and, not here,
# size mismatches. "Missing" is said of the ``state_dict``: these names are in the
# model and not in the file.

state_dict = torch.load(path)
before = net.features[0].weight.detach().clone()
try:
    net.load_state_dict(state_dict)
except RuntimeError as error:
    print(f"{type(error).__name__}: {error}")
else:
    raise AssertionError("the keys should not match")

# %%
# The error comes *after* the tensors that do match have been copied. The first
# layer has the same name in both, so the model already holds its weights from
# the file, while the other layers still hold their initial ones. Do not go on
# with such a model: load it again, or create a new one.

print("changed by the failed load:", not torch.equal(net.features[0].weight, before))
assert torch.equal(net.features[0].weight, old.features[0].weight)
assert not torch.equal(net.head.weight, old.classifier.weight)

# %%
# 4. Compare the keys
# ~~~~~~~~~~~~~~~~~~~
#
# In a large model the error is too long to read. A table is easier: one line per
# key, with its shape on either side, and a dash where the key is absent.

model_dict = net.state_dict()
missing = [key for key in model_dict if key not in state_dict]
unexpected = [key for key in state_dict if key not in model_dict]
matched = [key for key in model_dict if key in state_dict]


def shape(tensors, key):
    return str(tuple(tensors[key].shape)) if key in tensors else "-"


print(f"{'key':<21}{'file':<9}model")
for key in matched + unexpected + missing:
    print(f"{key:<21}{shape(state_dict, key):<9}{shape(model_dict, key)}")

print(f"{len(matched)} matched, {len(unexpected)} unexpected, {len(missing)} missing")
assert (len(matched), len(unexpected), len(missing)) == (2, 4, 4)

# %%
# There are as many missing keys as unexpected ones, and in the order of the table
# their shapes agree. That is the mark of renamed layers. Pair them in that order,
# then *read* the pairs: shapes alone cannot tell two layers of the same size
# apart. (The error itself lists the unexpected keys in another order.)

pairs = list(zip(unexpected, missing))
for source, target in pairs:
    print(f"{source} -> {target}")
    assert state_dict[source].shape == model_dict[target].shape

# %%
# The pairs make sense. In an :class:`torch.nn.Sequential` the key contains the
# position of the layer, so inserting one moved ``features.2`` to ``features.3``.
# The other two are the new name of the last layer. The figure connects each key
# of the file with the model's key that it belongs to.

rows = {key: row for row, key in enumerate(state_dict)}
fig, ax = plt.subplots(figsize=(5, 3), layout="constrained")
ends = [(key, key, "C0", "-") for key in matched]
ends += [(source, target, "C1", "--") for source, target in pairs]
for row, (source, target, color, style) in enumerate(ends):
    ax.plot([0, 1], [rows[source], row], color=color, ls=style, marker="o")
    ax.text(-0.08, rows[source], source, ha="right", va="center")
    ax.text(1.08, row, target, ha="left", va="center")
ax.plot([], [], "C0-o", label="same name")
ax.plot([], [], "C1--o", label="renamed")
ax.legend(loc="upper center", bbox_to_anchor=(0.5, 0), ncols=2, frameon=False)
ax.set(xlim=(-1.6, 2.4), ylim=(len(ends) - 0.5, -0.5))
ax.set_axis_off()
ax.set_title("Keys of the file (left) and of the model (right)")
plt.show()

assert {source for source, *_ in ends} == set(state_dict)
assert {target for _, target, *_ in ends} == set(model_dict)

# %%
# 5. Rename the keys and load again
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# Write the renaming down as prefixes, apply it to a new dictionary, and load
# that with the default ``strict=True``, which checks that nothing is left over.
# The returned value says so, and both models now compute the same result.

renamed = {"features.2.": "features.3.", "classifier.": "head."}


def rename(key):
    for source, target in renamed.items():
        if key.startswith(source):
            return target + key.removeprefix(source)
    return key


net = Net()
result = net.load_state_dict({rename(k): v for k, v in state_dict.items()})
print(result)

x = torch.randn(5, 8)
torch.testing.assert_close(net.eval()(x), old.eval()(x))
assert result.missing_keys == result.unexpected_keys == []

# %%
# 6. Recognize a checkpoint that holds more than the model
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# Another common pattern: *every* key of the model is missing, and the unexpected
# ones do not look like layers at all. They belong to a training checkpoint, and
# the ``state_dict`` of the model is one of its entries.

checkpoint = {"epoch": 3, "model": net.state_dict(), "optimizer": {}}
try:
    net.load_state_dict(checkpoint)
except RuntimeError as error:
    print(f"{type(error).__name__}: {error}")
else:
    raise AssertionError("the keys should not match")

# %%
# Load that entry instead.

print("entries:", list(checkpoint))
result = net.load_state_dict(checkpoint["model"])
print(result)
assert str(result) == "<All keys matched successfully>"

folder.cleanup()

# %%
# 7. Find the cause of other patterns
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# .. list-table::
#    :header-rows: 1
#
#    * - What the key lists show
#      - Likely cause
#    * - Unexpected keys are the missing ones with ``module.`` or ``_orig_mod.``
#        in front
#      - The model was wrapped when it was saved, see
#        :ref:`sphx_glr_recipes_troubleshooting_removing_wrapper_prefixes.py`
#    * - Missing keys are the unexpected ones with another name
#      - Layers were renamed or moved, as above. If old files keep coming, teach
#        the model, see
#        :ref:`sphx_glr_recipes_troubleshooting_renaming_keys_of_old_checkpoints.py`
#    * - All keys missing, unexpected ones like ``epoch`` and ``optimizer``
#      - A whole training checkpoint was passed
#    * - Only missing keys
#      - The model has layers that the file lacks, such as a new head
#    * - Only unexpected keys
#      - The file has layers that the model lacks, or the model keeps some in a
#        plain Python list
#    * - No such lists, but ``size mismatch``
#      - Same names, other sizes: the model was created with other arguments
#
# Learn more
# ----------
#
# - :ref:`sphx_glr_recipes_troubleshooting_knowing_what_strict_false_does.py`
# - :ref:`sphx_glr_recipes_troubleshooting_removing_wrapper_prefixes.py`
# - :ref:`sphx_glr_recipes_troubleshooting_renaming_keys_of_old_checkpoints.py`
# - :meth:`torch.nn.Module.load_state_dict` and
#   :meth:`torch.nn.Module.state_dict` in the API documentation
