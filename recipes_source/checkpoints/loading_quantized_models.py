"""
Why does a quantized ``state_dict`` not load?
=============================================

Load weights that torchao, ``torch.ao`` or bitsandbytes quantized, by quantizing
the model first or by assigning the tensors.
"""

# sphinx_gallery_tags = ["loading", "errors", "dtype", "memory", "compatibility"]
# sphinx_gallery_keywords = ["int8", "4bit", "bitsandbytes", "absmax", "quant_map", "quant_state", "Linear4bit", "_packed_params", "zero_point"]
# sphinx_gallery_reading_order = 110

# %%

# sphinx_gallery_fold = "A model quantized with torchao, and its file"
import logging
import os
import tempfile
import warnings

# Quantization logs kernels that this machine cannot load, and deprecations.
warnings.simplefilter("ignore")
logging.getLogger("torchao").setLevel(logging.ERROR)
logging.getLogger("torch.utils._pytree").setLevel(logging.ERROR)

import torch
import torch.nn as nn
from torchao.quantization import Int8WeightOnlyConfig, quantize_

here = globals().get("here", os.getcwd())
folder = tempfile.TemporaryDirectory()
os.chdir(folder.name)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Linear(64, 64)
        self.head = nn.Linear(64, 8)

    def forward(self, x):
        return self.head(torch.relu(self.encoder(x)))


torch.manual_seed(0)
inputs = torch.randn(4, 64)
original = Net().eval()
torch.save(original.state_dict(), "float.pt")
quantized = Net().eval()
quantized.load_state_dict(torch.load("float.pt"))
quantize_(quantized, Int8WeightOnlyConfig())
torch.save(quantized.state_dict(), "int8.pt")
model = Net().eval()

# %%
# Short answer
# ------------
#
# Quantize the new model in the same way, then load. Or put the file's tensors
# in the place of the model's, which takes no memory for the old ones:

import torch
import torchao

state_dict = torch.load("int8.pt", map_location="cpu")
model.load_state_dict(state_dict, assign=True)

# %%
# ``import torchao`` lets ``torch.load`` know the types in the file. The other
# way round, plain weights into a quantized model: load first, quantize after.
#
# .. fold:: Who this is for
#
#    You saved a model after quantizing it, and loading reports an attribute
#    that does not exist, ``_packed_params``, or ``absmax`` and ``quant_state``.
#
# .. fold:: Setup
#
#    Load with the version of torchao that wrote the file, or a newer one. 0.18
#    needs PyTorch 2.11 or newer::
#
#        pip install "torch>=2.11" "safetensors>=0.4.3" "torchao>=0.18"

# %%
# Why it works
# ------------
#
# torchao keeps the names of the parameters and changes their type. ``assign``
# takes the quantized tensor as it is, where the default copies values into the
# existing one, which can hold no scales:

print(type(original.encoder.weight.data).__name__, "->", end=" ")
print(type(model.encoder.weight).__name__)
for name in ["float.pt", "int8.pt"]:
    print(f"{name:<9}{os.path.getsize(name) / 1000:>3.0f} kB")

assert state_dict.keys() == original.state_dict().keys()
assert torch.equal(model(inputs), quantized(inputs))
assert os.path.getsize("int8.pt") < os.path.getsize("float.pt") / 2

# %%
# Without ``assign``, and without quantizing, torchao's message is about an
# attribute of the tensor. It is the same in both directions:
#
# .. diagnosis:: The weights in the file are quantized, and the model's are not.
#    :message: 'Parameter' object has no attribute 'tensor_data_names'
#
#    model.load_state_dict(state_dict, assign=True)
#
# .. diagnosis:: The model is quantized, and the weights in the file are not.
#    :message: 'Tensor' object has no attribute 'qdata'
#
#    model.load_state_dict(state_dict)
#    quantize_(model, config)

attempts = [
    (Net(), torch.load("int8.pt")),
    (quantized, torch.load("float.pt")),
]
for target, weights in attempts:
    try:
        target.load_state_dict(weights)
    except RuntimeError as error:
        print(f"{type(error).__name__}: {error}")

# %%
# Quantized first, with the same configuration, a model loads without
# ``assign``:

first = Net().eval()
quantize_(first, Int8WeightOnlyConfig())
first.load_state_dict(torch.load("int8.pt", map_location="cpu"))

assert torch.equal(first(inputs), quantized(inputs))

# %%
# What goes wrong
# ---------------
#
# **torchao is not imported.** In a program that does not, ``torch.load`` says
# ``Weights only load failed``, and this. Import torchao before you load; no
# list of safe globals is needed:
#
# .. diagnosis:: The file has quantized tensors, whose types torchao knows.
#    :message: Unsupported global: GLOBAL torchao
#    :fix: what-goes-wrong
#
#    import torchao
#    state_dict = torch.load("model.pt", map_location="cpu")

import subprocess
import sys

code = "import torch; torch.load('int8.pt')"
run = subprocess.run(
    [sys.executable, "-c", code], capture_output=True, text=True
)
refusal = [line for line in run.stderr.splitlines() if "GLOBAL" in line]
print(refusal[0].strip())

assert "GLOBAL torchao.quantization.Int8Tensor was not an" in refusal[0]

# %%
# **safetensors.** A quantized tensor is several plain ones, which ``save_file``
# cannot know:
#
# .. diagnosis:: A tensor is a quantized one, which safetensors cannot store.
#    :message: data pointer on an invalid python storage
#    :fix: what-goes-wrong
#
#    torch.save(model.state_dict(), "model.pt")

from safetensors.torch import save_file

try:
    save_file(quantized.state_dict(), "int8.safetensors")
except RuntimeError as error:
    print(f"{type(error).__name__}: {error}")

# %%
# Keep ``torch.save`` for these.
#
# **Going back.** A quantization is not undone by loading plain weights into
# the model; call ``dequantize()`` on the tensors. They have the rounded values:

state_dict = {
    key: value.dequantize() if key.endswith("weight") else value
    for key, value in torch.load("int8.pt", map_location="cpu").items()
}
plain = Net().eval()
plain.load_state_dict(state_dict)
error = (plain.encoder.weight - original.encoder.weight).abs().max()
print(f"largest difference: {error:.4f}")

assert type(plain.encoder.weight) is nn.Parameter and 0 < error < 1e-3

# %%
# Packed keys of ``torch.ao``
# ---------------------------
#
# The older quantization of PyTorch, deprecated, replaces the modules, so the
# keys change too. ``_packed_params`` is the weight and the bias in one:
#
# .. diagnosis:: The file is of a model that ``torch.ao`` quantized.
#    :unexpected: {}_packed_params._packed_params
#    :fix: packed-keys-of-torch-ao
#
#    model = torch.ao.quantization.quantize_dynamic(model, {torch.nn.Linear})
#    model.load_state_dict(state_dict)
#
# .. diagnosis:: The model is quantized, and the file is not.
#    :message: KeyError: '{}.scale'
#    :fix: packed-keys-of-torch-ao
#
#    original.load_state_dict(state_dict)
#    model = torch.ao.quantization.quantize_dynamic(original, {torch.nn.Linear})

from torch.ao.quantization import quantize_dynamic

packed = quantize_dynamic(original, {nn.Linear}, dtype=torch.qint8)
torch.save(packed.state_dict(), "packed.pt")
try:
    Net().load_state_dict(torch.load("packed.pt"))
except RuntimeError as error:
    print(f"{type(error).__name__}: {error}")
try:
    quantize_dynamic(Net(), {nn.Linear}).load_state_dict(torch.load("float.pt"))
except KeyError as error:
    print(f"{type(error).__name__}: {error}")

# %%
# The rule is the same: the steps that made the file, then the load:

fresh = quantize_dynamic(Net().eval(), {nn.Linear}, dtype=torch.qint8)
fresh.load_state_dict(torch.load("packed.pt"))

assert torch.equal(fresh(inputs), packed(inputs))

# %%
# ``strict=False`` loads nothing of it, and the model keeps its random weights:

# sphinx_gallery_wrong = True
result = Net().load_state_dict(torch.load("packed.pt"), strict=False)
print(result.missing_keys)

assert set(result.missing_keys) == set(original.state_dict())

# %%
# Keys of bitsandbytes
# --------------------
#
# bitsandbytes packs in 4 or 8 bits when the model moves to the GPU, so this is
# quoted, and not run here:
#
# .. diagnosis:: The file has weights that bitsandbytes packed.
#    :unexpected: {}weight.absmax
#    :message: quant_state.bitsandbytes
#    :fix: keys-of-bitsandbytes
#
#    model = AutoModelForCausalLM.from_pretrained(path)
#
# .. diagnosis:: The file has weights that bitsandbytes packed in 8 bits.
#    :unexpected: {}SCB
#    :fix: keys-of-bitsandbytes
#
#    model = AutoModelForCausalLM.from_pretrained(path)
#
# .. code-block:: text
#
#    Unexpected key(s) in state_dict:
#    "base_model.model.model.layers.0.self_attn.q_proj.base_layer.weight
#    .absmax", ".quant_map", ".quant_state.bitsandbytes__nf4"
#
# The weight is a packed block of bytes, and the other keys are what unpacks it.
# ``load_state_dict`` of a plain layer does not take them, and ``strict=False``
# leaves a model that answers nonsense. Load such a folder with
# ``from_pretrained``, which builds the quantized layers from ``config.json``
# and knows their keys. If you trained with QLoRA, save only
# :ref:`the adapter
# <sphx_glr_recipes_libraries_saving_and_merging_lora_adapters.py>`: the base is
# unchanged, and merges in 16 bits.

# sphinx_gallery_fold = "Leave the temporary folder"
os.chdir(here)
folder.cleanup()

# %%
# Learn more
# ----------
#
# - :ref:`sphx_glr_recipes_recipes_module_load_state_dict_tips.py`
# - :ref:`sphx_glr_recipes_troubleshooting_controlling_dtype_on_load.py`
# - :ref:`sphx_glr_recipes_troubleshooting_knowing_what_strict_false_does.py`
# - `fsdp_qlora#70 <https://github.com/AnswerDotAI/fsdp_qlora/issues/70>`__
# - :meth:`torch.nn.Module.load_state_dict` and its argument ``assign``
