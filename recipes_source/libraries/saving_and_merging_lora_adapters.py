"""
How do I save LoRA adapters, and merge them into the model?
===========================================================

Save only what PEFT trained, load it onto the base model, and merge it into
plain weights that need no PEFT.
"""

# sphinx_gallery_tags = ["saving", "loading", "keys", "file size", "compatibility"]
# sphinx_gallery_keywords = ["PEFT", "LoRA", "QLoRA", "base_model.model", "lora_A", "lora_B", "adapter_model.safetensors", "merge_and_unload", "modules_to_save", "embed_tokens size mismatch", "added tokens"]
# sphinx_gallery_reading_order = 30

# %%

# sphinx_gallery_fold = "A network trained with LoRA, and its base"
import logging
import os
import tempfile
import warnings

# Importing PEFT imports torchao, which logs what this machine cannot load.
warnings.filterwarnings("ignore", message="IProgress not found")
logging.getLogger("torchao").setLevel(logging.ERROR)
logging.getLogger("torch.utils._pytree").setLevel(logging.ERROR)

import torch
import torch.nn as nn
from peft import LoraConfig, get_peft_model

here = globals().get("here", os.getcwd())
folder = tempfile.TemporaryDirectory()
os.chdir(folder.name)


class Net(nn.Module):
    def __init__(self, tokens=100):
        super().__init__()
        self.embed = nn.Embedding(tokens, 32)
        self.hidden = nn.Linear(32, 128)
        self.head = nn.Linear(128, 2)

    def forward(self, tokens):
        return self.head(torch.relu(self.hidden(self.embed(tokens))))


def train(adapted):
    trained = [p for p in adapted.parameters() if p.requires_grad]
    optimizer = torch.optim.SGD(trained, lr=0.1)
    for _ in range(3):
        optimizer.zero_grad()
        adapted(tokens).square().sum().backward()
        optimizer.step()
    return adapted.eval()


torch.manual_seed(0)
tokens = torch.arange(20)
base = Net()
torch.save(base.state_dict(), "base.pt")
config = LoraConfig(
    r=4, lora_alpha=8, target_modules=["hidden"], modules_to_save=["head"]
)
adapted = train(get_peft_model(base, config))
expected = adapted(tokens).detach()

# %%
# Short answer
# ------------
#
# ``save_pretrained`` writes the adapter only. Load it onto the weights that it
# was trained on, and merge:

import torch
from peft import PeftModel

adapted.save_pretrained("adapter")

base = Net()
base.load_state_dict(torch.load("base.pt", map_location="cpu"))
model = PeftModel.from_pretrained(base, "adapter")
merged = model.merge_and_unload()
torch.save(merged.state_dict(), "merged.pt")

# %%
# Leave out ``merge_and_unload`` to go on with the adapter, and add
# ``is_trainable=True`` to train it further.
#
# .. fold:: Who this is for
#
#    You fine-tuned with PEFT, and the keys begin with ``base_model.model.``,
#    the file does not load, or a program wants ordinary weights.
#
# .. fold:: Setup
#
#    PEFT works on any module; it installs Transformers too::
#
#        pip install "torch>=2.6" "peft>=0.17" "safetensors>=0.4.3"

# %%
# Is the merged model the same?
# -----------------------------
#
# It gives the outputs of the adapted one, up to rounding, under the keys of the
# plain class:

plain = Net()
plain.load_state_dict(torch.load("merged.pt", map_location="cpu"))

torch.testing.assert_close(plain(tokens), expected)
assert not torch.allclose(Net()(tokens), expected)

# %%
# What do the keys mean?
# ----------------------
#
# The adapter has two thin matrices for each layer in ``target_modules``, and a
# whole copy of each in ``modules_to_save``. In memory the model has more: the
# frozen weights, and the name of the adapter, ``default``:

from safetensors.torch import load_file

adapter = load_file("adapter/adapter_model.safetensors")
for key, value in adapter.items():
    print(key, tuple(value.shape))
print("\n".join(adapted.state_dict()))

assert len(adapter) == 4 and len(adapted.state_dict()) == 9

# %%
# That is all a merge needs: the weight plus ``lora_B @ lora_A``, scaled by
# ``lora_alpha / r``. Without PEFT, for linear layers and plain LoRA:

state_dict = torch.load("base.pt", map_location="cpu")
start = "base_model.model."
for key, value in adapter.items():
    name = key.removeprefix(start)
    if name.endswith(".lora_A.weight"):
        lora_B = adapter[key.replace(".lora_A.", ".lora_B.")]
        name = name.replace(".lora_A.", ".")
        state_dict[name] += config.lora_alpha / config.r * (lora_B @ value)
    elif ".lora_" not in name:
        state_dict[name] = value
plain.load_state_dict(state_dict)

torch.testing.assert_close(plain(tokens), expected)

# %%
# ``adapter_config.json`` has ``r`` and ``lora_alpha``. A file whose
# configuration sets ``use_rslora``, ``use_dora`` or ``rank_pattern`` is merged
# in another way: leave that to ``merge_and_unload``.
#
# What goes wrong
# ---------------
#
# **An adapter is not a model.** Its keys match none of the plain class, and
# none in memory either, so ``strict=False`` loads nothing:
#
# .. diagnosis:: The file has a LoRA adapter, or a model with one.
#    :unexpected: {}lora_{matrix:A|B}.{}
#    :fix: what-goes-wrong
#
#    model = PeftModel.from_pretrained(base, "adapter")

# sphinx_gallery_wrong = True
before = Net()
result = before.load_state_dict(adapter, strict=False)
print(len(result.missing_keys), "of", len(before.state_dict()), "missing")
try:
    adapted.load_state_dict(adapter)
except RuntimeError as error:
    print(f"{type(error).__name__}: {error}")

assert len(result.missing_keys) == len(before.state_dict())

# %%
# To load into a model that has the adapter already, there is a function that
# adds the names, and says what did not fit:

from peft import set_peft_model_state_dict

fresh = Net()
fresh.load_state_dict(torch.load("base.pt", map_location="cpu"))
fresh = get_peft_model(fresh, config).eval()
result = set_peft_model_state_dict(fresh, adapter)

torch.testing.assert_close(fresh(tokens), expected)
assert not result.unexpected_keys
assert not [key for key in result.missing_keys if "lora_" in key]

# %%
# **Another rank** than the file's does not fit. ``PeftModel.from_pretrained``
# takes the rank from ``adapter_config.json``:
#
# .. diagnosis:: The adapter in the file has another rank than the model's.
#    :message: size mismatch for {}lora_{matrix:A|B}
#    :fix: what-goes-wrong
#
#    model = PeftModel.from_pretrained(base, "adapter")  # has the rank
#
# .. diagnosis:: The folder has no adapter, but perhaps a whole model.
#    :message: Can't find 'adapter_config.json' at
#
#    print(os.listdir(path))  # adapter_config.json, adapter_model.safetensors

# sphinx_gallery_wrong = True
higher = get_peft_model(Net(), LoraConfig(r=8, target_modules=["hidden"]))
try:
    set_peft_model_state_dict(higher, adapter)
except RuntimeError as error:
    print(f"{type(error).__name__}: {error}")

# %%
# **Another base** gives no message if its shapes fit. The adapter is a change
# to certain weights, so keep the file of the base, or its name, with it:

# sphinx_gallery_wrong = True
other = PeftModel.from_pretrained(Net(), "adapter").eval()
print("same outputs:", torch.allclose(other(tokens), expected, atol=0.01))

assert not torch.allclose(other(tokens), expected, atol=0.01)

# %%
# Added tokens and trained embeddings
# -----------------------------------
#
# If the vocabulary grew, the adapter has the whole embedding, and a base with
# the old number of rows does not take it:
#
# .. diagnosis:: Tokens were added before the adapter was trained.
#    :message: size mismatch for base_model.model.{}embed
#    :fix: added-tokens-and-trained-embeddings
#
#    base.resize_token_embeddings(len(tokenizer))
#    model = PeftModel.from_pretrained(base, "adapter")

grown = LoraConfig(r=4, target_modules=["hidden"], modules_to_save=["embed"])
train(get_peft_model(Net(tokens=102), grown)).save_pretrained("grown")
try:
    PeftModel.from_pretrained(Net(tokens=100), "grown")
except RuntimeError as error:
    print(f"{type(error).__name__}: {error}")

# %%
# Make the base as large first. With Transformers that is
# ``model.resize_token_embeddings(len(tokenizer))`` before
# ``PeftModel.from_pretrained``; with a module of your own, build it with more
# rows, and copy those of the base:

rows = load_file("grown/adapter_model.safetensors")[
    "base_model.model.embed.weight"
].shape[0]
larger = Net(tokens=rows)
state_dict = torch.load("base.pt", map_location="cpu")
weight = larger.embed.weight.detach().clone()
weight[: len(state_dict["embed.weight"])] = state_dict["embed.weight"]
state_dict["embed.weight"] = weight
larger.load_state_dict(state_dict)
merged = PeftModel.from_pretrained(larger, "grown").merge_and_unload()

assert merged.embed.weight.shape == (102, 32)

# %%
# Embeddings that you trained and did not name in ``modules_to_save`` are not
# trained by PEFT at all: it freezes them.
#
# Variants
# --------
#
# **A full checkpoint of the adapted model**, which a trainer saved with
# ``model.state_dict()``: wrap a model in the same way, load it strictly, then
# save the adapter or merge:

torch.save(adapted.state_dict(), "full.pt")
whole = get_peft_model(Net(), config).eval()
whole.load_state_dict(torch.load("full.pt", map_location="cpu"))
merged = whole.merge_and_unload()

torch.testing.assert_close(merged(tokens), expected)

# %%
# **QLoRA:** keys such as ``base_layer.weight.absmax`` are the quantized base.
# Save the adapter only, and merge it into the base in 16 bits:
# :ref:`quantized weights
# <sphx_glr_recipes_checkpoints_loading_quantized_models.py>` do not load into
# plain layers.

# sphinx_gallery_fold = "Leave the temporary folder"
os.chdir(here)
folder.cleanup()

# %%
# Learn more
# ----------
#
# - :ref:`sphx_glr_recipes_checkpoints_saving_only_trained_parameters.py`
# - :ref:`sphx_glr_recipes_libraries_loading_hugging_face_checkpoints.py`
# - :ref:`sphx_glr_recipes_troubleshooting_knowing_what_strict_false_does.py`
# - `unsloth#237 <https://github.com/unslothai/unsloth/issues/237>`__ on added
#   tokens
# - :meth:`torch.nn.Module.load_state_dict`
