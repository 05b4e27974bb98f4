"""
How do I save tied weights with safetensors?
============================================

Save a model whose layers share a weight, without the error ``Some tensors share
memory``, and find the layers still tied after loading.
"""

# sphinx_gallery_tags = ["saving", "loading", "sharing", "file size"]
# sphinx_gallery_keywords = ["weight tying", "share weights between layers", "shared tensors", "lm_head", "embed_tokens", "duplicate", "tie_weights"]
# sphinx_gallery_reading_order = 20

# %%

# sphinx_gallery_fold = "A language model with tied weights"
import inspect
import os
import tempfile

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

    def forward(self, tokens):
        return self.head(torch.tanh(self.hidden(self.embed(tokens))))


torch.manual_seed(0)
model = LanguageModel()

# %%
# Short answer
# ------------
#
# Save the model itself, not its ``state_dict``. ``save_model`` writes a shared
# tensor once, and ``load_model`` loads it into a model whose constructor ties
# the layers:

from safetensors.torch import load_model, save_model

save_model(model, "model.safetensors")

restored = LanguageModel()
load_model(restored, "model.safetensors")

# %%
# ``torch.save(model.state_dict(), "model.pt")`` needs nothing special: it
# writes shared memory once, under both keys.
#
# .. fold:: Who this is for
#
#    Your model uses one matrix as both embedding and output layer, or has other
#    shared weights, and safetensors or Transformers refuses to save it, or the
#    tie is lost after loading.
#
# .. fold:: Setup
#
#    ``assign=True`` needs PyTorch 2.1 or newer::
#
#        pip install "torch>=2.6" "safetensors>=0.4.3"

# %%
# Why it works
# ------------
#
# The ``state_dict`` has a key for each of the two layers, but the model has one
# parameter for both. A safetensors file cannot say that two names are one
# tensor, so ``save_file`` refuses:
#
# .. diagnosis:: Two names are one tensor, which a safetensors file cannot say.
#    :message: Some tensors share memory, this will lead to duplicate memory
#              trying to be saved contained shared tensors
#              tensors share memory but are not tied
#
#    from safetensors.torch import load_model, save_model
#    save_model(model, "model.safetensors")
#    load_model(model, "model.safetensors")

from safetensors import safe_open
from safetensors.torch import load_file, save_file

try:
    save_file(model.state_dict(), "refused.safetensors")
except RuntimeError as error:
    # The names come in any order: sort them, to print the same every time.
    message = inspect.cleandoc(str(error)).replace(
        "{'head.weight', 'embed.weight'}", "{'embed.weight', 'head.weight'}"
    )
    print(f"{type(error).__name__}: {message}")

assert "{'embed.weight', 'head.weight'}" in message
assert len(model.state_dict()) == 4 and len(list(model.parameters())) == 3

# %%
# ``save_model`` keeps one of the names, and records the other in the metadata:

with safe_open("model.safetensors", framework="pt") as file:
    kept, metadata = sorted(file.keys()), file.metadata()
print(kept)
print(metadata)

assert kept == ["embed.weight", "hidden.bias", "hidden.weight"]
assert metadata == {"head.weight": "embed.weight"}
assert restored.head.weight is restored.embed.weight
torch.testing.assert_close(restored.state_dict(), model.state_dict(), **exactly)

# %%
# ``load_model`` sees that the missing name is tied to one that the file has.
# ``load_file`` and ``load_state_dict`` do not:

try:
    LanguageModel().load_state_dict(load_file("model.safetensors"))
except RuntimeError as error:
    print(f"{type(error).__name__}: {error}")

# %%
# What goes wrong
# ---------------
#
# **Cloning every tensor** silences the error, but the file has the matrix
# twice:

# sphinx_gallery_wrong = True
clones = {key: value.clone() for key, value in model.state_dict().items()}
save_file(clones, "cloned.safetensors")
torch.save(model.state_dict(), "model.pt")
for name in ["cloned.safetensors", "model.safetensors", "model.pt"]:
    print(f"{name:<19}{os.path.getsize(name) / 1000:>4.0f} kB")

assert os.path.getsize("cloned.safetensors") > 2 * 128_000
assert os.path.getsize("model.safetensors") < 1.1 * 128_000
assert os.path.getsize("model.pt") < 1.1 * 128_000

# %%
# ``assign=True`` **unties.** Each key becomes a parameter of its own, even if
# the tensors share their memory. An optimizer sees four parameters. A
# conversion, such as ``double()``, copies both tensors, and from then on they
# drift apart:

# sphinx_gallery_wrong = True
untied = LanguageModel()
untied.load_state_dict(torch.load("model.pt"), assign=True)
print("parameters:", len(list(untied.parameters())))
untied.double()
head, embed = untied.head.weight, untied.embed.weight
print("one memory:", head.data_ptr() == embed.data_ptr())

assert len(list(untied.parameters())) == 4
assert head.data_ptr() != embed.data_ptr()

# %%
# ``to_empty`` **unties too**, so ``load_model`` cannot tell which layers are
# tied:

with torch.device("meta"):
    large = LanguageModel()
large.to_empty(device="cpu")
try:
    load_model(large, "model.safetensors")
except RuntimeError as error:
    print(f"{type(error).__name__}: {error}")

# %%
# In both cases, tie the layers again, as the constructor does, before you build
# the optimizer. After ``to_empty``, do so even before loading:

untied.head.weight = untied.embed.weight
large.head.weight = large.embed.weight
load_model(large, "model.safetensors")

assert len(list(untied.parameters())) == len(list(large.parameters())) == 3
torch.testing.assert_close(large.state_dict(), model.state_dict(), **exactly)

# %%
# Variants
# --------
#
# **You have the file but not the model.** To convert a ``.pt`` or ``.pth``
# file, keep the first name of each tensor. ``load_model`` can read the result:


def unshared(state_dict):
    """Return contiguous copies, one for each tensor, under its first name."""
    kept, seen = {}, set()
    for key, value in state_dict.items():
        if isinstance(value, torch.Tensor) and value.numel():
            place = value.data_ptr(), value.shape, value.stride(), value.dtype
            if place in seen:
                continue
            seen.add(place)
            value = value.clone(memory_format=torch.contiguous_format)
        kept[key] = value
    return kept


state_dict = torch.load("model.pt", map_location="cpu")
save_file(unshared(state_dict), "converted.safetensors")
converted = LanguageModel()
load_model(converted, "converted.safetensors")

torch.testing.assert_close(
    converted.state_dict(), model.state_dict(), **exactly
)
assert unshared({}) == {} and unshared({"epoch": 3}) == {"epoch": 3}

# %%

# sphinx_gallery_fold = "The same with slices, other dtypes and empty tensors"
whole = torch.arange(6.0).reshape(2, 3)
odd = {"all": whole, "row": whole[:1], "turned": whole.T, "none": whole[:0]}
odd |= {"bits": whole.view(torch.int32), "empty": torch.empty(0)}
save_file(unshared(odd), "odd.safetensors")
torch.testing.assert_close(load_file("odd.safetensors"), odd, **exactly)

# %%
# **Nested dictionaries, transposed weights, metadata** are refused with other
# messages, which
# :ref:`sphx_glr_recipes_checkpoints_converting_to_safetensors.py` has.
#
# .. diagnosis:: Two tensors of different dtypes share one memory.
#    :message: Cannot save multiple tensors or storages that view the same data
#    :fix: converting_to_safetensors
#
#    state_dict = {k: v.clone() for k, v in state_dict.items()}

# %%
# **Transformers** says ``The weights trying to be saved contained shared
# tensors [...] that are mismatching the transformers base configuration``, or
# in version 5 ``which are not properly defined``. Declare the tie in your
# model's class, with
# ``_tied_weights_keys = {"lm_head.weight": "embed.weight"}``, or in version 4
# with the list ``["lm_head.weight"]``. If the layers should not be tied, give
# one its own weight before saving:

apart = LanguageModel()
apart.head.weight = nn.Parameter(apart.head.weight.detach().clone())
save_file(apart.state_dict(), "apart.safetensors")

assert len(load_file("apart.safetensors")) == 4

# %%

# sphinx_gallery_fold = "Leave the temporary folder"
os.chdir(here)
folder.cleanup()

# %%
# Learn more
# ----------
#
# - :ref:`sphx_glr_recipes_checkpoints_explaining_checkpoint_size.py`
# - :ref:`sphx_glr_recipes_recipes_module_load_state_dict_tips.py`
# - :ref:`sphx_glr_recipes_troubleshooting_reading_missing_and_unexpected_keys.py`
# - `safetensors#98 <https://github.com/safetensors/safetensors/issues/98>`__,
#   `IndicTrans2#77 <https://github.com/AI4Bharat/IndicTrans2/issues/77>`__
# - :meth:`torch.nn.Module.load_state_dict` and its argument ``assign``
