"""
How do I convert ``.pth`` to safetensors, and back?
===================================================

Turn a checkpoint that ``torch.save`` wrote into a safetensors file or into
shards with an index, and turn either back, with every tensor the same.
"""

# sphinx_gallery_tags = ["saving", "loading", "checkpoint", "file size", "sharing"]
# sphinx_gallery_keywords = ["pt to safetensors", "bin to safetensors", "pytorch_model.bin", "convert checkpoint", "HeaderTooLarge", "safetensors_rust.SafetensorError", "model.safetensors.index.json", "max_shard_size", "ckpt to safetensors"]
# sphinx_gallery_reading_order = 25

# %%

# sphinx_gallery_fold = "A training checkpoint with tied and transposed weights"
import json
import os
import shutil
import tempfile
from pathlib import Path

import torch
import torch.nn as nn

here = globals().get("here", os.getcwd())
folder = tempfile.TemporaryDirectory()
os.chdir(folder.name)
exactly = {"rtol": 0, "atol": 0}


class LanguageModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(1000, 32)
        self.hidden = nn.Linear(32, 32)
        self.head = nn.Linear(32, 1000, bias=False)
        self.head.weight = self.embed.weight
        self.register_buffer("steps", torch.tensor(7))


torch.manual_seed(0)
model = LanguageModel()
model.hidden.weight = nn.Parameter(torch.randn(32, 32).T)
checkpoint = {"state_dict": model.state_dict(), "epoch": 3, "config": {}}
torch.save(checkpoint, "model.pth")

# %%
# Short answer
# ------------
#
# Take the weights out of the checkpoint, copy each tensor into memory of its
# own, and save those:

import torch
from safetensors.torch import load_file, save_file

checkpoint = torch.load("model.pth", map_location="cpu")
state_dict = checkpoint.get("state_dict", checkpoint)
tensors = {
    key: value.clone(memory_format=torch.contiguous_format)
    for key, value in state_dict.items()
    if isinstance(value, torch.Tensor)
}
save_file(tensors, "model.safetensors", metadata={"format": "pt"})

# %%
# Back: ``torch.save(load_file("model.safetensors"), "model.pth")``. Neither
# direction needs the model's class.
#
# .. fold:: Who this is for
#
#    You have a ``.pt``, ``.pth``, ``.ckpt`` or ``.bin`` file, and a program
#    that takes only safetensors, or the other way around.
#
# .. fold:: Setup
#
#    A GPU is not needed, even for weights that were saved on one::
#
#        pip install "torch>=2.6" "safetensors>=0.4.3"

# %%
# Is anything lost?
# -----------------
#
# No tensor is. Compare the two files before you delete one, and look at what
# else the checkpoint had:

restored = load_file("model.safetensors")
for key, value in state_dict.items():
    torch.testing.assert_close(restored[key], value, **exactly)
print("not a tensor:", sorted(state_dict.keys() - restored.keys()))
print("not converted:", sorted(checkpoint.keys() - {"state_dict"}))

LanguageModel().load_state_dict(restored)

assert restored.keys() == state_dict.keys()

# %%
# A ``state_dict`` has other values than tensors only if a module defines
# ``get_extra_state``. Keep the optimizer, the epoch and the learning rate
# schedule in a ``torch.save`` file: safetensors stores a flat dictionary of
# tensors, and text. The order of the keys changes too, which
# ``load_state_dict`` does not mind:

print(list(state_dict))
print(list(restored))

assert list(restored) != list(state_dict)

# %%
# Which message does each line avoid?
# -----------------------------------
#
# Without ``get("state_dict")``, the checkpoint is a dictionary in a dictionary;
# without ``contiguous_format``, the transposed weight is refused:
#
# .. diagnosis:: The weights are one level down in what you save.
#    :message: is invalid, expected torch.Tensor but received <class 'dict'>
#              torch.Tensor but received <class 'collections.OrderedDict'>
#
#    print(list(checkpoint))  # find the entry with the weights
#    save_file(checkpoint["state_dict"], "model.safetensors")
#
# .. diagnosis:: A safetensors file has tensors and text, and this is neither.
#    :message: is invalid, expected torch.Tensor but received <class '{type}'>
#    :except: received <class 'dict'>
#             received <class 'collections.OrderedDict'>
#             Key `_extra_state`
#
#    other = {k: v for k, v in state_dict.items() if not torch.is_tensor(v)}
#    print(other)  # leave these out, or save them with torch.save
#
# .. diagnosis:: A tensor was transposed or sliced, and has gaps in memory.
#    :message: You are trying to save a non contiguous tensor
#
#    state_dict = {k: v.contiguous() for k, v in state_dict.items()}

transposed = {"hidden.weight": state_dict["hidden.weight"]}
for refused in [checkpoint, transposed]:
    try:
        save_file(refused, "refused.safetensors")
    except ValueError as error:
        print(f"{type(error).__name__}: {error}")

# %%
# Without ``clone``, the tied weights are refused, because they share memory:
# :ref:`sphx_glr_recipes_checkpoints_sharing_weights_and_safetensors.py` has
# that message, and a function that converts a file and writes them once.

contiguous = {key: value.contiguous() for key, value in state_dict.items()}
try:
    save_file(contiguous, "refused.safetensors")
except RuntimeError as error:
    shared = str(error)

assert "Some tensors share memory" in shared
assert not Path("refused.safetensors").exists()

# %%
# What goes wrong
# ---------------
#
# **Renaming is not converting.** A safetensors file begins with eight bytes,
# the length of its header, and those of another file make a huge number. Before
# version 0.5, the message was ``HeaderTooLarge``:

# sphinx_gallery_wrong = True
from safetensors import SafetensorError

shutil.copy("model.pth", "renamed.safetensors")
try:
    load_file("renamed.safetensors")
except SafetensorError as error:
    print(f"{type(error).__name__}: {error}")

# %%
# A renamed file loads with ``torch.load``. If you did not rename it, it may be
# a Git LFS pointer or a web page:
# :ref:`sphx_glr_recipes_troubleshooting_identifying_a_checkpoint_file.py`.
#
# **Metadata is text**, so a number or a dictionary is refused. Put JSON there:
#
# .. diagnosis:: The metadata of a safetensors file is text.
#    :message: argument 'metadata': {}object is not an instance of 'str'
#    :fix: what-goes-wrong
#
#    import json
#    metadata = {key: json.dumps(value) for key, value in metadata.items()}

try:
    save_file(tensors, "refused.safetensors", metadata={"epoch": 3})
except TypeError as error:
    print(f"{type(error).__name__}: {error}")

# %%

from safetensors import safe_open

metadata = {"format": "pt", "training": json.dumps({"epoch": 3})}
save_file(tensors, "model.safetensors", metadata)
with safe_open("model.safetensors", framework="pt") as file:
    training = json.loads(file.metadata()["training"])
    steps = file.get_tensor("steps")  # reads this tensor only

assert training == {"epoch": 3} and steps == 7

# %%
# Variants
# --------
#
# **A folder of shards.** ``model.safetensors.index.json`` says which file has
# which tensor. It takes no other library to write it:


def save_shards(tensors, max_bytes):
    """Write shards of at most max_bytes (or one tensor), and their index."""
    shards, size = [{}], 0
    for key, value in tensors.items():
        if shards[-1] and size + value.nbytes > max_bytes:
            shards.append({})
            size = 0
        shards[-1][key] = value
        size += value.nbytes
    total = sum(value.nbytes for value in tensors.values())
    index = {"metadata": {"total_size": total}, "weight_map": {}}
    for number, shard in enumerate(shards, 1):
        name = f"model-{number:05}-of-{len(shards):05}.safetensors"
        save_file(shard, name, metadata={"format": "pt"})
        index["weight_map"] |= dict.fromkeys(shard, name)
    Path("model.safetensors.index.json").write_text(json.dumps(index))


save_shards(tensors, max_bytes=200_000)
for name in sorted(Path().glob("model*safetensors*")):
    print(name)

assert len(list(Path().glob("model-*-of-00002.safetensors"))) == 2

# %%
# Reading them is a loop over the files that the index names. A shard that is
# not there is a ``FileNotFoundError``, and the assertion finds a shard of
# another model:


def load_shards(index_file):
    index = json.loads(Path(index_file).read_text())
    state_dict = {}
    for name in sorted(set(index["weight_map"].values())):
        state_dict |= load_file(Path(index_file).parent / name)
    if missing := index["weight_map"].keys() - state_dict.keys():
        raise ValueError(f"{index_file}: no shard has {sorted(missing)}")
    return state_dict


whole = load_shards("model.safetensors.index.json")
torch.save(whole, "back.pth")
LanguageModel().load_state_dict(torch.load("back.pth", map_location="cpu"))

torch.testing.assert_close(whole, tensors, **exactly)

# %%
# **A file larger than your memory:** open it with ``torch.load(...,
# mmap=True)``, and clone and save the tensors of one shard at a time.

# sphinx_gallery_fold = "Leave the temporary folder"
os.chdir(here)
folder.cleanup()

# %%
# Learn more
# ----------
#
# - :ref:`sphx_glr_recipes_checkpoints_sharing_weights_and_safetensors.py`
# - :ref:`sphx_glr_recipes_troubleshooting_surviving_truncated_checkpoints.py`
# - :ref:`sphx_glr_recipes_recipes_module_load_state_dict_tips.py`
# - `MiniCPM-V#159 <https://github.com/OpenBMB/MiniCPM-V/issues/159>`__ on
#   ``HeaderTooLarge``
# - :func:`torch.load`, :meth:`torch.Tensor.clone`
