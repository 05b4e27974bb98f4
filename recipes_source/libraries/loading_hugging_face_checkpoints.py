"""
How do I load Hugging Face weights with plain PyTorch?
======================================================

Read the shards that ``save_pretrained`` writes without ``from_pretrained``, and
know what its load report, errors and data types mean.
"""

# sphinx_gallery_tags = ["loading", "errors", "keys", "dtype", "compatibility"]
# sphinx_gallery_keywords = ["transformers", "huggingface", "from_pretrained", "newly initialized", "should probably TRAIN this model on a down-stream task", "position_ids", "pytorch_model.bin", "ignore_mismatched_sizes", "torch_dtype", "resize_token_embeddings"]
# sphinx_gallery_reading_order = 20

# %%

# sphinx_gallery_fold = "A small Llama, saved in shards"
import logging
import os
import re
import shutil
import tempfile
import warnings

# Transformers imports torchao, which logs what this machine cannot load.
warnings.filterwarnings("ignore", message="IProgress not found")
logging.getLogger("torchao").setLevel(logging.ERROR)
logging.getLogger("torch.utils._pytree").setLevel(logging.ERROR)

import torch
import transformers
from transformers import (
    LlamaConfig,
    LlamaForCausalLM,
    LlamaForSequenceClassification,
)

transformers.utils.logging.disable_progress_bar()
transformers.utils.logging.set_verbosity_error()


def show(record):
    """Print what from_pretrained would log in color."""
    print(re.sub(r"\x1b\[\d+m| +$", "", record.getMessage(), flags=re.M))


reports = logging.getLogger("transformers.modeling_utils")
reports.setLevel(logging.WARNING)
reports.addFilter(show)
here = globals().get("here", os.getcwd())
folder = tempfile.TemporaryDirectory()
os.chdir(folder.name)
exactly = {"rtol": 0, "atol": 0}

torch.manual_seed(0)
config = LlamaConfig(
    vocab_size=100,
    hidden_size=16,
    intermediate_size=32,
    num_hidden_layers=1,
    num_attention_heads=2,
    tie_word_embeddings=True,
)
trained = LlamaForCausalLM(config)
trained.save_pretrained("llama", max_shard_size="10KB")
model = LlamaForCausalLM(config)

# %%
# Short answer
# ------------
#
# Each ``.safetensors`` file of the folder is a part of one ``state_dict``. Join
# them, load, and let the missing keys be those that the model ties:

from pathlib import Path

from safetensors.torch import load_file

state_dict = {}
for shard in sorted(Path("llama").glob("*.safetensors")):
    state_dict |= load_file(shard)
result = model.load_state_dict(state_dict, strict=False)
untied = set(result.missing_keys) - set(model.all_tied_weights_keys)
if untied or result.unexpected_keys:
    raise RuntimeError(f"{untied} missing, {result.unexpected_keys} unexpected")

# %%
# With Transformers, ``LlamaForCausalLM.from_pretrained("llama")`` does that and
# also finds the data type, renames old keys and downloads.
#
# .. fold:: Who this is for
#
#    You have a folder or a file from the Hugging Face Hub, and want its weights
#    in your own code; or ``from_pretrained`` reports keys as missing,
#    unexpected or mismatched.
#
# .. fold:: Setup
#
#    Messages are those of Transformers 5; what version 4 says is quoted::
#
#        pip install "torch>=2.6" "safetensors>=0.4.3" "transformers>=5.0"

# %%
# What is in the folder?
# ----------------------
#
# The configuration, the shards, and an index that says which shard has which
# key. A small model is one file, ``model.safetensors``, and an old one is
# ``pytorch_model.bin``, which ``torch.load`` reads:

for path in sorted(Path("llama").iterdir()):
    print(path.name)

torch.testing.assert_close(model.state_dict(), trained.state_dict(), **exactly)

# %%
# The output layer is not in any of them. It is tied to the embedding, so a
# strict load reports it, though it gets its values through the tie:
#
# .. diagnosis:: The output layer is tied to the embedding, and so it is not in
#       the file.
#    :missing: lm_head.weight
#
#    result = model.load_state_dict(state_dict, strict=False)
#    print(set(result.missing_keys) - set(model.all_tied_weights_keys))

try:
    LlamaForCausalLM(config).load_state_dict(state_dict)
except RuntimeError as error:
    print(f"{type(error).__name__}: {error}")

assert model.lm_head.weight is model.model.embed_tokens.weight

# %%
# What do the messages of ``from_pretrained`` mean?
# -------------------------------------------------
#
# **MISSING** is ``newly initialized``: random weights. That is right for the
# head of another task, which you are about to train, and wrong for anything
# else. Version 4 says ``Some weights of … were not initialized from the model
# checkpoint … You should probably TRAIN this model``. Ask for the report as
# data, and check it:
#
# .. diagnosis:: These weights are not in the file, and are random.
#    :message: newly initialized because missing from the checkpoint
#              are newly initialized
#    :fix: what-do-the-messages-of-from-pretrained-mean
#
#    model, report = MyModel.from_pretrained(path, output_loading_info=True)
#    print(report["missing_keys"])

classifier, report = LlamaForSequenceClassification.from_pretrained(
    "llama", num_labels=3, output_loading_info=True
)
classifier.save_pretrained("classifier")

assert report["missing_keys"] == {"score.weight"}

# %%
# **UNEXPECTED** is a key that the model has no place for, and it is dropped.
# Harmless are buffers that left the file in later versions, such as
# ``position_ids``. A whole layer among them means that the class or
# ``config.json`` is not the one of the file. With
# :meth:`~torch.nn.Module.load_state_dict`, remove what you know to be harmless,
# and stay strict:
#
# .. diagnosis:: These weights are in the file, and the class has no place for
#       them.
#    :message: Some weights of the model checkpoint at {} were not used
#    :fix: what-do-the-messages-of-from-pretrained-mean
#
#    model, report = MyModel.from_pretrained(path, output_loading_info=True)
#    print(report["unexpected_keys"])
#
# .. diagnosis:: ``position_ids`` is in the file, and newer versions of
#       Transformers do not save it.
#    :unexpected: {prefix}.position_ids
#    :fix: what-do-the-messages-of-from-pretrained-mean
#
#    for key in [k for k in state_dict if k.endswith(".position_ids")]:
#        del state_dict[key]

old = dict(classifier.state_dict())
old["model.embeddings.position_ids"] = torch.arange(8)
try:
    classifier.load_state_dict(old)
except RuntimeError as error:
    print(f"{type(error).__name__}: {error}")

for key in [key for key in old if key.endswith(".position_ids")]:
    del old[key]
classifier.load_state_dict(old)

# %%
# **MISMATCH** is a tensor of another shape, which stops the load:
#
# .. diagnosis:: A tensor has another shape than the model's, often the head of
#       another number of classes.
#    :message: You set `ignore_mismatched_sizes` to `False`
#              Reinit due to size mismatch
#    :fix: what-do-the-messages-of-from-pretrained-mean
#
#    model = MyModel.from_pretrained(path, ignore_mismatched_sizes=True)

try:
    LlamaForSequenceClassification.from_pretrained("classifier", num_labels=5)
except RuntimeError as error:
    print(f"{type(error).__name__}: {error}")

# %%
# ``ignore_mismatched_sizes=True`` loads the rest, and the mismatched tensors
# are random. That is for a new head; check that nothing else is on the list:

_, report = LlamaForSequenceClassification.from_pretrained(
    "classifier",
    num_labels=5,
    ignore_mismatched_sizes=True,
    output_loading_info=True,
)

assert {key for key, *_ in report["mismatched_keys"]} == {"score.weight"}

# %%
# What goes wrong
# ---------------
#
# **A larger vocabulary.** Tokens were added before training, so the embedding
# in the file has more rows than the new model:
#
# .. diagnosis:: Tokens were added to the vocabulary of the file.
#    :message: size mismatch for {}embed_tokens.weight
#    :except: base_model.model
#    :fix: what-goes-wrong
#
#    model.resize_token_embeddings(len(tokenizer))
#    model.load_state_dict(state_dict)

added = LlamaForCausalLM.from_pretrained("llama")
added.resize_token_embeddings(102, mean_resizing=False)
larger = added.state_dict()
fresh = LlamaForCausalLM.from_pretrained("llama")
try:
    fresh.load_state_dict(larger)
except RuntimeError as error:
    print(f"{type(error).__name__}: {error}")

# %%
# Make the model as large first. ``save_pretrained`` writes the new size into
# ``config.json``, so that ``from_pretrained`` does it by itself:

rows = larger["model.embed_tokens.weight"].shape[0]
fresh.resize_token_embeddings(rows, mean_resizing=False)
fresh.load_state_dict(larger)
added.save_pretrained("added")

assert LlamaForCausalLM.from_pretrained("added").config.vocab_size == 102

# %%
# **A damaged or absent shard.** Delete the file and download it again; in the
# cache of the Hub, ``force_download=True`` does both:
#
# .. diagnosis:: The index names a shard that is not in the folder.
#    :message: No such file or directory: {}model-{}.safetensors
#    :fix: what-goes-wrong
#
#    model = AutoModel.from_pretrained("org/model", force_download=True)

shutil.copytree("llama", "damaged", dirs_exist_ok=True)
shard = Path("damaged", "model-00001-of-00002.safetensors")
shard.write_bytes(shard.read_bytes()[:1000])
for _ in range(2):
    try:
        LlamaForCausalLM.from_pretrained("damaged")
    except Exception as error:
        print(f"{type(error).__name__}: {error}")
    shard.unlink(missing_ok=True)

assert not shard.exists()

# %%
# **No weights in the folder**, because the download took only the small files,
# or they have names of your own:
#
# .. diagnosis:: The folder has a configuration, and no weights.
#    :message: Error no file named
#    :fix: what-goes-wrong
#
#    from huggingface_hub import snapshot_download
#    path = snapshot_download("owner/model")

config.save_pretrained("empty")
try:
    LlamaForCausalLM.from_pretrained("empty")
except OSError as error:
    print(f"{type(error).__name__}: {error}")

# %%
# **Hugging Face refuses** ``.bin`` **files** with PyTorch before 2.6, even with
# ``weights_only=True``: ``Due to a serious vulnerability issue in torch.load``
# (quoted, it needs an older torch). Upgrade torch, or
# :ref:`convert the file
# <sphx_glr_recipes_checkpoints_converting_to_safetensors.py>`.

# %%
# Variants
# --------
#
# **The data type** is the one that ``config.json`` names, in version 5. Your
# own model has its own, ``float32``, and ``load_state_dict`` converts:

trained.bfloat16().save_pretrained("half")
half = LlamaForCausalLM.from_pretrained("half")
full = LlamaForCausalLM.from_pretrained("half", dtype=torch.float32)
print(half.dtype, full.dtype)

assert (half.dtype, full.dtype) == (torch.bfloat16, torch.float32)

# %%
# ``dtype`` is ``torch_dtype`` in version 4, where the default is ``float32``.
#
# **A state_dict of your own into a Transformers model:** pass it, and the load
# is checked, tied and converted as from a folder:

mine, report = LlamaForCausalLM.from_pretrained(
    None, config=config, state_dict=state_dict, output_loading_info=True
)
print(report["missing_keys"], report["unexpected_keys"])

assert not report["missing_keys"] and not report["unexpected_keys"]
assert mine.lm_head.weight is mine.model.embed_tokens.weight

# %%

# sphinx_gallery_fold = "Leave the temporary folder"
os.chdir(here)
folder.cleanup()

# %%
# Learn more
# ----------
#
# - :ref:`sphx_glr_recipes_checkpoints_sharing_weights_and_safetensors.py`
# - :ref:`sphx_glr_recipes_troubleshooting_reading_missing_and_unexpected_keys.py`
# - :ref:`sphx_glr_recipes_troubleshooting_controlling_dtype_on_load.py`
# - `transformers#25330
#   <https://github.com/huggingface/transformers/issues/25330>`__
#   on ``position_ids``
# - :meth:`torch.nn.Module.load_state_dict`
