"""
Why do my keys say ``weight_g`` or ``parametrizations``?
========================================================

Know weight norm, spectral norm and pruning by their keys, load such a file into
any model, and save plain weights that load everywhere.
"""

# sphinx_gallery_tags = ["loading", "saving", "keys", "errors", "compatibility"]
# sphinx_gallery_keywords = ["weight normalization", "remove_weight_norm", "parametrize", "parametrization", "HuBERT", "vocoder", "GAN discriminator", "pruned model", "sparse"]
# sphinx_gallery_reading_order = 75

# %%

# sphinx_gallery_fold = "A model without weight norm, and a file with it"
import os
import tempfile
import warnings

import torch
import torch.nn as nn
from torch.nn.utils import parametrizations, parametrize, prune

here = globals().get("here", os.getcwd())
folder = tempfile.TemporaryDirectory()
os.chdir(folder.name)
warnings.filterwarnings("ignore", message=".*weight_norm. is deprecated")


class Vocoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv1d(2, 4, 3)
        self.out = nn.Conv1d(4, 1, 3)

    def forward(self, x):
        return self.out(self.conv(x).relu())


def make_layer():
    return nn.Linear(4, 3, bias=False)


torch.manual_seed(0)
trained = Vocoder()
nn.utils.weight_norm(trained.conv)  # the old function, still in many files
nn.utils.weight_norm(trained.out)
torch.save(trained.state_dict(), "model.pt")
model = Vocoder()
x = torch.randn(1, 2, 16)

# %%
# Short answer
# ------------
#
# Change the layers as they were when the file was saved, load it, and change
# them back:

import torch
from torch.nn.utils.parametrizations import weight_norm
from torch.nn.utils.parametrize import remove_parametrizations

layers = [model.conv, model.out]
for layer in layers:
    weight_norm(layer)
model.load_state_dict(torch.load("model.pt", map_location="cpu"))
for layer in layers:
    remove_parametrizations(layer, "weight")

# %%
# This ``weight_norm`` reads old and new files. To train on, leave out the last
# two lines.
#
# .. fold:: Who this is for
#
#    ``load_state_dict`` reports ``weight`` as missing, or ``weight_g``,
#    ``weight_orig``, ``weight_mask`` or ``parametrizations`` as missing or
#    unexpected.
#
# .. fold:: Setup
#
#    PyTorch 2.1 or newer, which has the new ``weight_norm``::
#
#        pip install "torch>=2.6"

# %%
# What is in the file?
# --------------------
#
# A parametrized layer does not store its weight, but the tensors that it is
# computed from. Their names tell which function was used. ``old`` are those of
# ``torch.nn.utils``, ``new`` those of ``torch.nn.utils.parametrizations``:

changes = {
    "old weight_norm": nn.utils.weight_norm,
    "new weight_norm": parametrizations.weight_norm,
    "old spectral_norm": nn.utils.spectral_norm,
    "new spectral_norm": parametrizations.spectral_norm,
    "orthogonal": parametrizations.orthogonal,
    "prune": lambda layer: prune.l1_unstructured(layer, "weight", 0.5),
}
files = {}
for name, change in changes.items():
    files[name] = change(make_layer()).state_dict()
    print(f"{name}:", *files[name], sep="\n  ")

torch.testing.assert_close(model(x), trained(x))
assert set(model.state_dict()) == set(Vocoder().state_dict())

# %%
# Which file loads into which layer?
# ----------------------------------
#
# A new ``weight_norm`` reads old files. The other three directions fail. A new
# file in old code, as in many speech models, says:
#
# .. diagnosis:: The file is from the new ``weight_norm``, and your model uses
#       the old one.
#    :missing: {}weight_g
#    :unexpected: {}parametrizations.weight.original0
#    :fix: which-file-loads-into-which-layer
#
#    new, sd = "parametrizations.weight.original", state_dict
#    sd = {k.replace(new + "0", "weight_g"): v for k, v in sd.items()}
#    sd = {k.replace(new + "1", "weight_v"): v for k, v in sd.items()}
#
# .. diagnosis:: The file is from the old ``spectral_norm``, and your model uses
#       the new one.
#    :missing: {}parametrizations.weight.0._u
#    :unexpected: {}weight_u
#    :fix: which-file-loads-into-which-layer
#
#    new, sd = "parametrizations.weight.", state_dict
#    sd = {k.replace("weight_orig", new + "original"): v for k, v in sd.items()}
#    sd = {k.replace("weight_", new + "0._"): v for k, v in sd.items()}
#
# .. diagnosis:: The file is from the new ``spectral_norm``, and your model uses
#       the old one.
#    :missing: {}weight_u
#    :unexpected: {}parametrizations.weight.0._u
#    :fix: which-file-loads-into-which-layer
#
#    new, sd = "parametrizations.weight.", state_dict
#    sd = {k.replace(new + "original", "weight_orig"): v for k, v in sd.items()}
#    sd = {k.replace(new + "0._", "weight_"): v for k, v in sd.items()}
#
# .. diagnosis:: The file has weight norm, and your model does not.
#    :missing: {layer}.weight
#    :unexpected: {layer}.parametrizations.weight.original0
#
#    from torch.nn.utils.parametrizations import weight_norm
#    weight_norm(model.get_submodule("{layer}"))  # and each other layer
#
# .. diagnosis:: The file has weight norm, and your model does not.
#    :missing: {layer}.weight
#    :unexpected: {layer}.weight_g
#
#    from torch.nn.utils.parametrizations import weight_norm
#    weight_norm(model.get_submodule("{layer}"))  # and each other layer
#
# .. diagnosis:: The model has weight norm, and the file does not: load it
#       first.
#    :missing: {layer}.parametrizations.weight.original0
#    :unexpected: {layer}.weight
#    :fix: a-plain-file-for-a-parametrized-model
#
#    model.load_state_dict(state_dict)
#    weight_norm(model.get_submodule("{layer}"))  # and each other layer
#
# .. diagnosis:: The model has weight norm, and the file does not: load it
#       first.
#    :missing: {layer}.weight_g
#    :unexpected: {layer}.weight
#    :fix: a-plain-file-for-a-parametrized-model
#
#    model.load_state_dict(state_dict)
#    weight_norm(model.get_submodule("{layer}"))  # and each other layer

new = parametrizations.weight_norm(make_layer())
new.load_state_dict(files["old weight_norm"])
for name, layer in [
    ("new weight_norm", nn.utils.weight_norm(make_layer())),
    ("old spectral_norm", parametrizations.spectral_norm(make_layer())),
]:
    try:
        layer.load_state_dict(files[name])
    except RuntimeError as error:
        print(f"{type(error).__name__}: {error}")

# %%
# The tensors are the same, so rename the keys. This loads a new file in old
# code. For the other direction, swap the two sides; ``weight_v`` alone does not
# tell weight norm from spectral norm, so leave out those of the other:

RENAMED = {
    "parametrizations.weight.original0": "weight_g",
    "parametrizations.weight.original1": "weight_v",
    "parametrizations.weight.original": "weight_orig",
    "parametrizations.weight.0._u": "weight_u",
    "parametrizations.weight.0._v": "weight_v",
}


def rename(key, names=RENAMED):
    for before, after in names.items():
        if f".{key}".endswith(f".{before}"):
            return key.removesuffix(before) + after
    return key


old = nn.utils.weight_norm(make_layer())
file = files["new weight_norm"]
old.load_state_dict({rename(key): value for key, value in file.items()})

# %%
# A plain file for a parametrized model
# -------------------------------------
#
# Load first, then change the layers. Weight norm keeps the outputs, spectral
# norm and orthogonal replace the weight by a normalized one:

inputs = torch.randn(5, 4)
plain = nn.Linear(4, 3)
same = {}
for name in ["weight_norm", "spectral_norm", "orthogonal"]:
    layer = nn.Linear(4, 3)
    layer.load_state_dict(plain.state_dict())
    getattr(parametrizations, name)(layer)
    same[name] = torch.allclose(layer(inputs), plain(inputs), atol=1e-5)
print(same)

assert list(same.values()) == [True, False, False]

# %%
# Pruning
# -------
#
# ``weight_orig`` with ``weight_mask`` is a pruned layer. ``prune.identity``
# adds a mask that the file replaces, and ``prune.remove`` multiplies it in:
#
# .. diagnosis:: The file is from a pruned model, and yours is not pruned.
#    :missing: {layer}.weight
#    :unexpected: {layer}.weight_mask
#    :fix: pruning
#
#    from torch.nn.utils import prune
#    prune.identity(model.get_submodule("{layer}"), "weight")
#
# .. diagnosis:: The model is pruned, and the file is not: load it first, and
#       prune then.
#    :missing: {layer}.weight_mask
#    :unexpected: {layer}.weight
#    :fix: pruning
#
#    model.load_state_dict(state_dict)
#    prune.identity(model.get_submodule("{layer}"), "weight")

layer = prune.identity(make_layer(), "weight")
layer.load_state_dict(files["prune"])
prune.remove(layer, "weight")
zeros = (layer.weight == 0).sum().item()
print(list(layer.state_dict()), zeros, "of 12 are zero")

mask = files["prune"]["weight_mask"]
assert torch.equal(layer.weight, files["prune"]["weight_orig"] * mask)
assert zeros == 6

# %%
# Save plain weights
# ------------------
#
# For inference, undo the change before you save, and the file loads into plain
# layers. ``remove_parametrizations`` undoes the new functions; the old ones
# have ``remove_weight_norm``, ``remove_spectral_norm`` and ``prune.remove``.
# Neither finds the layers of the other:
#
# .. diagnosis:: The layer has the new ``weight_norm``, or none.
#    :message: weight_norm of 'weight' not found in
#    :fix: save-plain-weights
#
#    from torch.nn.utils.parametrize import remove_parametrizations
#    remove_parametrizations(layer, "weight")
#
# .. diagnosis:: The layer has the old ``weight_norm`` or ``spectral_norm``, or
#       none.
#    :message: does not have a parametrization on
#    :fix: save-plain-weights
#
#    torch.nn.utils.remove_weight_norm(layer)

try:
    nn.utils.remove_weight_norm(parametrizations.weight_norm(make_layer()))
except ValueError as error:
    print(f"{type(error).__name__}: {error}")
try:
    remove_parametrizations(nn.utils.weight_norm(make_layer()), "weight")
except ValueError as error:
    print(f"{type(error).__name__}: {error}")

# %%
# This removes all new ones from a model, whatever they are called:

whole = nn.Sequential(
    Vocoder(), parametrizations.spectral_norm(nn.Linear(2, 2))
)
weight_norm(whole[0].conv)

for layer in list(whole.modules()):
    if parametrize.is_parametrized(layer):
        for name in list(layer.parametrizations):
            remove_parametrizations(layer, name)
torch.save(whole.state_dict(), "plain.pt")

plain = nn.Sequential(Vocoder(), nn.Linear(2, 2))
assert not any(plain.load_state_dict(torch.load("plain.pt")))

# %%
# What goes wrong
# ---------------
#
# ``strict=False`` loads the bias, and leaves the weight random. Only the
# returned lists show it:

# sphinx_gallery_wrong = True
state_dict = torch.load("model.pt", map_location="cpu")
fresh = Vocoder()
initial = fresh.conv.weight.clone()
result = fresh.load_state_dict(state_dict, strict=False)
print(result.missing_keys)

assert result.missing_keys == ["conv.weight", "out.weight"]
assert torch.equal(fresh.conv.weight, initial)
assert torch.equal(fresh.conv.bias, trained.conv.bias)

# %%
# **Another** ``dim`` **of weight norm** is a size mismatch. The ``weight_g`` in
# the file shows it: ``[1, 1, 3]`` means ``dim=2``, as in HuBERT.
#
# .. diagnosis:: The weight norm of the file goes along another dimension.
#    :message: size mismatch for {}parametrizations.weight.original0
#              size mismatch for {}weight_g
#    :fix: what-goes-wrong
#
#    weight_norm(layer, dim=2)

positions = nn.utils.weight_norm(nn.Conv1d(2, 4, 3), dim=2)
try:
    weight_norm(nn.Conv1d(2, 4, 3)).load_state_dict(positions.state_dict())
except RuntimeError as error:
    print(f"{type(error).__name__}: {error}")

fixed = weight_norm(nn.Conv1d(2, 4, 3), dim=2)
fixed.load_state_dict(positions.state_dict())
torch.testing.assert_close(fixed(x), positions(x))

# %%

# sphinx_gallery_fold = "More checks, and the end of the temporary folder"
for name in ["weight_norm", "spectral_norm"]:
    new = changes[f"new {name}"](make_layer()).eval()
    old = changes[f"old {name}"](make_layer()).eval()
    file = new.state_dict()
    old.load_state_dict({rename(key): value for key, value in file.items()})
    torch.testing.assert_close(old(inputs), new(inputs))

back = {after: before for before, after in list(RENAMED.items())[2:]}
old = nn.utils.spectral_norm(make_layer()).eval()
new = parametrizations.spectral_norm(make_layer()).eval()
file = old.state_dict()
new.load_state_dict({rename(key, back): value for key, value in file.items()})
torch.testing.assert_close(new(inputs), old(inputs))

nested = "a.parametrizations.weight.original1"
assert rename(nested) == "a.weight_v"
for key in ["my_weight_u", "weight", "weight_g.0"]:
    assert rename(key, back) == rename(key) == key
for name, change in changes.items():
    layer = change(make_layer()).eval()
    output = layer(inputs)
    if parametrize.is_parametrized(layer):
        remove_parametrizations(layer, "weight")
    elif name == "prune":
        prune.remove(layer, "weight")
    else:
        getattr(nn.utils, name.replace("old ", "remove_"))(layer)
    torch.testing.assert_close(layer(inputs), output)

os.chdir(here)
folder.cleanup()

# %%
# Learn more
# ----------
#
# - :ref:`sphx_glr_recipes_troubleshooting_renaming_keys_of_old_checkpoints.py`
# - :ref:`sphx_glr_recipes_troubleshooting_reading_missing_and_unexpected_keys.py`
# - :ref:`sphx_glr_recipes_recipes_defining_a_neural_network.py`
# - `HuBERT-ECG#3 <https://github.com/Edoar-do/HuBERT-ECG/issues/3>`__ on a new
#   file in old code,
#   `pytorch#21251 <https://github.com/pytorch/pytorch/issues/21251>`__ on
#   spectral norm and ``strict=False``
# - :func:`torch.nn.utils.parametrizations.weight_norm`,
#   :func:`torch.nn.utils.parametrize.remove_parametrizations`,
#   :func:`torch.nn.utils.prune.remove`
