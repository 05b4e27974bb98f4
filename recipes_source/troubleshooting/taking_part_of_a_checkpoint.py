"""
How do I load only part of a checkpoint?
========================================

Take the entries that your model needs, drop others by name, and let a strict
load check that nothing else was lost.
"""

# sphinx_gallery_tags = ["loading", "keys", "errors", "transfer learning"]
# sphinx_gallery_keywords = ["encoder only", "backbone only", "submodule", "subset of keys", "extract", "filter keys", "delete keys", "which key holds the weights", "unexpected keys num_batches_tracked", "missing keys num_batches_tracked", "batch norm running_mean missing"]
# sphinx_gallery_reading_order = 15

# %%

# sphinx_gallery_fold = "An encoder, and the checkpoint of a classifier that contains one"
import os
import tempfile

import torch
import torch.nn as nn

here = globals().get("here", os.getcwd())
folder = tempfile.TemporaryDirectory()
os.chdir(folder.name)


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(4, 2)
        self.norm = nn.BatchNorm1d(2)
        positions = torch.arange(16)
        self.register_buffer("position_ids", positions, persistent=False)


torch.manual_seed(0)
trained = nn.ModuleDict({"encoder": Encoder(), "classifier": nn.Linear(2, 3)})
weights = trained.state_dict()
optimizer = torch.optim.Adam(trained.parameters())
torch.save(
    {
        "epoch": 3,
        "state_dict": weights,
        "optimizer": optimizer.state_dict(),
        "ema": {"decay": 0.99, "shadow": weights},
    },
    "checkpoint.pt",
)
encoder = Encoder()

# %%
# Short answer
# ------------
#
# Take the keys below a prefix, and remove it. This gets the encoder out of a
# model that has a classifier too:

import torch

checkpoint = torch.load("checkpoint.pt", map_location="cpu")
state_dict = checkpoint["state_dict"]

prefix = "encoder."
part = {
    key.removeprefix(prefix): value
    for key, value in state_dict.items()
    if key.startswith(prefix)
}
encoder.load_state_dict(part)

# %%
# If your model has the encoder as an attribute, load the part into that:
# ``model.encoder.load_state_dict(part)``. The rest of it keeps its values.
#
# .. fold:: Who this is for
#
#    You want a backbone out of a larger file, the file has keys that nobody
#    needs, or ``checkpoint["state_dict"]`` fails with ``KeyError``.
#
# .. fold:: Setup
#
#    Tried with PyTorch 2.6 and 2.13::
#
#        pip install "torch>=2.6"

# %%
# Why it works
# ------------
#
# A key is the path to a tensor, from the model that was saved. In the encoder
# alone, the paths begin one level further down, so each of its keys is reported
# twice, without ``encoder.`` and with it:

try:
    encoder.load_state_dict(state_dict)
except RuntimeError as error:
    print(f"{type(error).__name__}: {error}")

assert set(part) == set(encoder.state_dict())
assert torch.equal(encoder.norm.weight, weights["encoder.norm.weight"])
assert torch.equal(encoder.lstm.bias_hh_l0, weights["encoder.lstm.bias_hh_l0"])

# %%
# The dot at the end of the prefix matters: ``encoder_ema.norm.weight`` begins
# with ``encoder`` too. And since the load is strict, a wrong prefix is an error
# that lists all keys, not a model with random weights.
#
# Which entry has the weights?
# ----------------------------
#
# ``KeyError`` means that the file has no entry of that name. This function
# prints each dictionary of tensors in it, as you would write it:


def show(value, name="checkpoint"):
    if isinstance(value, dict):
        tensors = [key for key in value if torch.is_tensor(value[key])]
        if tensors:
            print(f"{name}: {len(tensors)} tensors, {tensors[0]}")
        for key, entry in value.items():
            show(entry, f"{name}[{key!r}]")


show(checkpoint)
try:
    checkpoint["model_state_dict"]
except KeyError as error:
    print(f"{type(error).__name__}: {error}")

assert checkpoint["ema"]["shadow"].keys() == weights.keys()

# %%
# If the file itself is a ``state_dict``, the first line is ``checkpoint``
# without brackets, and there is nothing to take out of it:
#
# .. diagnosis:: The file has no entry of that name, and may be the
#       ``state_dict`` itself.
#    :message: KeyError: '{entry:state_dict|model_state_dict}'
#    :fix: which-entry-has-the-weights
#
#    print(list(checkpoint))
#    state_dict = checkpoint.get("{entry}", checkpoint)

torch.save(weights, "model.pt")
state_dict = torch.load("model.pt", map_location="cpu")
show(state_dict)
try:
    state_dict["state_dict"]
except KeyError as error:
    print(f"{type(error).__name__}: {error}")

trained.load_state_dict(state_dict)

# %%
# Drop keys by name
# -----------------
#
# Some keys belong to no layer of yours: ``total_ops`` and ``total_params`` from
# the profiler thop, ``position_ids`` from transformers before 4.31,
# ``model_ema.`` and ``ema_`` from averaged weights, ``loss.`` from a loss with
# layers. Name them, and the load checks all others:
#
# .. diagnosis:: The file has a key that no layer needs: a buffer of older code,
#       or a counter of a profiler.
#    :unexpected: {}{name:position_ids|total_ops|total_params}
#    :fix: drop-keys-by-name
#
#    state_dict = {
#        k: v for k, v in state_dict.items() if not k.endswith("{name}")
#    }
#
# .. diagnosis:: The file has a second set of weights, their moving average.
#    :message: unexpected key in source state_dict: {ema:ema_}
#    :unexpected: {ema:model_ema.|ema_}{}
#    :fix: drop-keys-by-name
#
#    state_dict = {
#        k: v for k, v in state_dict.items() if not k.startswith("{ema}")
#    }

saved = {
    **weights,
    "encoder.position_ids": torch.arange(16),
    "classifier.total_ops": torch.zeros(1),
    "model_ema.decay": torch.tensor(0.99),
}
try:
    trained.load_state_dict(saved)
except RuntimeError as error:
    print(f"{type(error).__name__}: {error}")

beginnings = ("model_ema.", "loss.")
endings = (".position_ids", ".total_ops", ".total_params")
kept = {
    key: value
    for key, value in saved.items()
    if not key.startswith(beginnings) and not key.endswith(endings)
}
trained.load_state_dict(kept)

assert kept.keys() == weights.keys()

# %%
# mmcv only warns: ``unexpected key in source state_dict: ema_backbone_...``.
# The file has a second set of weights, from ``EMAHook``. To test, ignore it; to
# resume, use the hook again.
#
# Buffers that came and went
# --------------------------
#
# The same kind of key can be *missing*, if newer code saves a buffer that it
# computes itself. Take the model's own value for it, and load the rest:
#
# .. diagnosis:: The model computes this buffer itself, and the file was saved
#       without it.
#    :missing: {}{name:position_ids|attn_mask|relative_position_index}
#    :fix: buffers-that-came-and-went
#
#    own = model.state_dict()
#    buffers = {k: own[k] for k in own if k.endswith("{name}")}
#    model.load_state_dict(state_dict | buffers)

newer = Encoder()
newer.register_buffer("position_ids", torch.arange(16), persistent=True)
try:
    newer.load_state_dict(part)
except RuntimeError as error:
    print(f"{type(error).__name__}: {error}")

own = newer.state_dict()
newer.load_state_dict(part | {"position_ids": own["position_ids"]})

# %%
# ``num_batches_tracked`` counts the batches of a batch norm layer. PyTorch
# before 0.4.1 finds it *unexpected*: drop it. Where it is *missing*, pass a
# plain dictionary, and PyTorch counts from 0:
#
# .. diagnosis:: The file has no counters of batch norm: PyTorch before 0.4.1
#       wrote it, or they were removed.
#    :missing: {}num_batches_tracked
#    :fix: buffers-that-came-and-went
#
#    model.load_state_dict(dict(state_dict))
#
# .. diagnosis:: The file has counters of batch norm, which PyTorch before 0.4.1
#       does not know.
#    :unexpected: {}num_batches_tracked
#    :fix: buffers-that-came-and-went
#
#    end = "num_batches_tracked"
#    state_dict = {k: v for k, v in state_dict.items() if not k.endswith(end)}
#
# .. diagnosis:: The file is from before PyTorch 0.4, whose instance norm kept
#       statistics by default.
#    :message: Unexpected running stats buffer(s)
#    :fix: buffers-that-came-and-went
#
#    for key in [k for k in state_dict if ".running_" in k]:
#        del state_dict[key]  # if no batch norm layer needs them

norm = nn.BatchNorm1d(4)
state_dict = norm.state_dict()
del state_dict["num_batches_tracked"]
try:
    norm.load_state_dict(state_dict)
except RuntimeError as error:
    print(f"{type(error).__name__}: {error}")

norm.load_state_dict(dict(state_dict))
assert norm.num_batches_tracked == 0

# %%
# ``state_dict()`` notes the version of each layer, here one that has a counter.
# A plain dictionary, such as ``part`` above, has no versions, so its layers
# count as old.
#
# What goes wrong
# ---------------
#
# ``if key in own`` and ``strict=False`` take whatever fits. Here that is
# nothing, since the prefix was not removed, and no error says so:

# sphinx_gallery_wrong = True
own = encoder.state_dict()
fitting = {key: value for key, value in weights.items() if key in own}
own.update(fitting)
encoder.load_state_dict(own)
result = encoder.load_state_dict(weights, strict=False)
print(len(fitting), "taken,", len(result.missing_keys), "missing")

assert set(own) - set(result.missing_keys) == {"norm.num_batches_tracked"}
assert not fitting

# %%
# Variants
# --------
#
# **Save the part by itself**, and nobody has to take it out again. Its keys
# have no prefix:

torch.save(trained["encoder"].state_dict(), "encoder.pt")
encoder.load_state_dict(torch.load("encoder.pt", map_location="cpu"))

# %%
# **Some layers of a stack**, such as the first 6 of 12: a prefix for each,
# ``("layers.0.", "layers.1.")``, which :meth:`str.startswith` takes as a tuple.
# ``layers.1`` without the dot also takes layers 10 and 11.

# sphinx_gallery_fold = "Checks of the variants, and the end of the temporary folder"
stack = nn.ModuleDict({"layers": nn.ModuleList([nn.Linear(1, 1)] * 12)})
first = ("layers.0.", "layers.1.")
taken = [key for key in stack.state_dict() if key.startswith(first)]
assert len(taken) == 4
assert sum(key.startswith("layers.1") for key in stack.state_dict()) == 6

similar = ["encoder.norm.weight", "encoder_ema.norm.weight"]
assert [key for key in similar if key.startswith("encoder.")] == similar[:1]
assert all(key.startswith("encoder") for key in similar)
try:
    encoder.load_state_dict({})  # what a wrong prefix takes
except RuntimeError as error:
    message = str(error)
assert "norm.running_var" in message and "lstm.weight_hh_l0" in message

os.chdir(here)
folder.cleanup()

# %%
# Learn more
# ----------
#
# - :ref:`sphx_glr_recipes_troubleshooting_reading_missing_and_unexpected_keys.py`
# - :ref:`sphx_glr_recipes_troubleshooting_knowing_what_strict_false_does.py`
# - :ref:`sphx_glr_recipes_recipes_warmstarting_model_using_parameters_from_a_different_model.py`
# - :ref:`sphx_glr_recipes_training_averaging_weights.py`
# - `SentEval#39 <https://github.com/facebookresearch/SentEval/issues/39>`__ on
#   an encoder in a classifier,
#   `transformers#25330
#   <https://github.com/huggingface/transformers/issues/25330>`__ on
#   ``position_ids``,
#   `CLRerNet#26 <https://github.com/hirotomusiker/CLRerNet/issues/26>`__ on
#   ``ema_`` keys
# - :meth:`torch.nn.Module.load_state_dict`, :meth:`str.removeprefix`
