"""
Sharing weights and safetensors
===============================

Two layers that share one weight have two keys in the ``state_dict``: see how
``torch.save`` and safetensors write them, and what unties them again.

**For whom:** you tie an embedding to an output layer, or safetensors tells you
that some tensors share memory.

Setup
-----

Install PyTorch, safetensors, and Matplotlib for the figure::

    pip install torch matplotlib safetensors

Steps
-----

1. Import the libraries
2. Tie two layers to one weight
3. Save and load it with PyTorch
4. Save it with safetensors
5. Load it from safetensors
6. Tie the weights again after ``assign=True``
"""

# sphinx_gallery_tags = ["saving", "loading", "sharing", "file size"]
# sphinx_gallery_keywords = ["tied weights", "weight tying", "convert", "Hugging Face"]
# sphinx_gallery_reading_order = 20

# %%
# 1. Import the libraries
# ~~~~~~~~~~~~~~~~~~~~~~~
#
# Besides PyTorch, the recipe uses ``safetensors``, whose files hold named tensors and
# a little text, but no Python objects. The files go to a temporary folder.

import inspect
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import torch
import torch.nn as nn
from safetensors import safe_open
from safetensors.torch import load_file, load_model, save_file, save_model

torch.manual_seed(0)
plt.style.use("petroff10")
folder = tempfile.TemporaryDirectory()
path = Path(folder.name)

# %%
# 2. Tie two layers to one weight
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# Language models often use one matrix twice: to turn tokens into vectors, and to
# turn vectors into scores for the next token. Assigning the parameter of one layer
# to the other *ties* them. The ``state_dict`` then has four keys, but the model has
# three parameters, because :meth:`torch.nn.Module.parameters` counts each one once.


class LanguageModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(1000, 32)
        self.hidden = nn.Linear(32, 32)
        self.head = nn.Linear(32, 1000, bias=False)
        self.head.weight = self.embed.weight

    def forward(self, tokens):
        return self.head(torch.tanh(self.hidden(self.embed(tokens))))


model = LanguageModel()
print("keys:      ", list(model.state_dict()))
print("parameters:", [name for name, _ in model.named_parameters()])
print(f"{model.head.weight is model.embed.weight = }")

assert len(model.state_dict()) == 4 and len(list(model.parameters())) == 3
assert model.head.weight is model.embed.weight

# %%
# 3. Save and load it with PyTorch
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# :func:`torch.save` notices that both keys use the same memory. It writes that
# memory once, and after :func:`torch.load` the two tensors share memory again.

torch.save(model.state_dict(), path / "tied.pt")
state = torch.load(path / "tied.pt")

shared = state["embed.weight"].data_ptr() == state["head.weight"].data_ptr()
print(f"keys: {len(state)}, one memory for both: {shared}")
assert len(state) == 4 and shared

# %%
# By default, :meth:`torch.nn.Module.load_state_dict` copies values into the
# parameters that the model already has. The constructor tied them, so they stay
# tied: still three parameters.

restored = LanguageModel()
restored.load_state_dict(state)
print(f"{restored.head.weight is restored.embed.weight = }")
print(f"{len(list(restored.parameters())) = }")

assert restored.head.weight is restored.embed.weight
assert len(list(restored.parameters())) == 3
torch.testing.assert_close(restored.embed.weight, model.embed.weight, rtol=0, atol=0)

# %%
# 4. Save it with safetensors
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# A safetensors file cannot say that two names mean the same memory, so
# ``save_file`` refuses to write either of them. This is its error, with two
# changes: the indentation is removed by :func:`inspect.cleandoc`, and the two
# names, which come in an arbitrary order, are put in a fixed one.

try:
    save_file(model.state_dict(), path / "tied.safetensors")
except RuntimeError as error:
    message = inspect.cleandoc(str(error)).replace(
        "{'head.weight', 'embed.weight'}", "{'embed.weight', 'head.weight'}"
    )
    print(f"{type(error).__name__}: {message}")
else:
    raise AssertionError("save_file wrote tensors that share memory")

assert "{'embed.weight', 'head.weight'}" in message
assert not (path / "tied.safetensors").exists()

# %%
# ``save_model`` takes the model instead of the ``state_dict``. It keeps one of the
# keys and writes down in the file's metadata which key it left out, and which key
# has the value.

save_model(model, str(path / "tied.safetensors"))
with safe_open(path / "tied.safetensors", framework="pt") as file:
    keys, metadata = sorted(file.keys()), file.metadata()

print("keys:    ", keys)
print("metadata:", metadata)
assert keys == ["embed.weight", "hidden.bias", "hidden.weight"]
assert metadata == {"head.weight": "embed.weight"}

# %%
# The error also goes away when every tensor is cloned first. But a clone has its own
# memory, so the file holds the matrix twice: the chart compares the sizes.

clones = {name: tensor.clone() for name, tensor in model.state_dict().items()}
save_file(clones, path / "cloned.safetensors")

names = ["tied.pt", "tied.safetensors", "cloned.safetensors"]
sizes = [(path / name).stat().st_size for name in names]

fig, ax = plt.subplots(figsize=(5, 2.5), layout="constrained")
bars = ax.barh(names, [size / 1000 for size in sizes], color=["C0", "C0", "C1"])
bars[2].set_hatch("//")
ax.bar_label(bars, labels=[f"{size / 1000:.0f} kB" for size in sizes], padding=3)
ax.set(xlabel="file size (kB)", xlim=(0, 320))
ax.invert_yaxis()
ax.set_title("One shared matrix, saved once or twice")
plt.show()

matrix = model.embed.weight.numel() * model.embed.weight.element_size()
print(f"shared matrix: {matrix:,} bytes")
for name, size in zip(names, sizes):
    print(f"{name:<19} holds it {size // matrix}x: {size / 1000:.0f} kB")
assert [size // matrix for size in sizes] == [1, 1, 2]

# %%
# 5. Load it from safetensors
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# ``load_file`` returns what is in the file: a dictionary without the second key.
# :meth:`~torch.nn.Module.load_state_dict` does not know that the two are tied, and
# reports it missing.

state = load_file(path / "tied.safetensors")
try:
    LanguageModel().load_state_dict(state)
except RuntimeError as error:
    print(f"{type(error).__name__}: {error}")
else:
    raise AssertionError("the missing key was not reported")

# %%
# ``load_model`` is the counterpart of ``save_model``. It looks at the model, sees
# that ``head.weight`` is tied to a key that is in the file, and accepts that. It
# returns the keys that are really missing, and those that the model does not have.

restored = LanguageModel()
missing, unexpected = load_model(restored, path / "tied.safetensors")

print(f"missing: {sorted(missing)}, unexpected: {sorted(unexpected)}")
assert not missing and not unexpected
assert restored.head.weight is restored.embed.weight
for name, tensor in model.state_dict().items():
    torch.testing.assert_close(restored.state_dict()[name], tensor, rtol=0, atol=0)

# %%
# 6. Tie the weights again after ``assign=True``
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# With ``assign=True``, the model does not copy the values but takes over the tensors
# of the ``state_dict``, each wrapped in a new parameter. One tied parameter becomes
# two, also if the tensors share their memory as they do in ``tied.pt``.

state = torch.load(path / "tied.pt")
restored = LanguageModel()
restored.load_state_dict(state, assign=True)

print(f"{restored.head.weight is restored.embed.weight = }")
print(f"{len(list(restored.parameters())) = }")
assert restored.head.weight is not restored.embed.weight
assert len(list(restored.parameters())) == 4

# %%
# An optimizer now updates both on their own, and conversions convert both on their
# own. Here ``to()`` gives each its own memory, and after one step of training the
# two matrices, which should be one, have different values.

restored.to(torch.float64)
apart = restored.head.weight.data_ptr() != restored.embed.weight.data_ptr()

optimizer = torch.optim.SGD(restored.parameters(), lr=0.1)
restored(torch.arange(8)).square().mean().backward()
optimizer.step()

equal = torch.equal(restored.head.weight, restored.embed.weight)
print(f"own memory each: {apart}, equal after a step: {equal}")
assert apart and not equal

# %%
# The remedy is one line after loading: tie the weights again as the constructor
# does, and build the optimizer only after that.

restored = LanguageModel()
restored.load_state_dict(torch.load(path / "tied.pt"), assign=True)
restored.head.weight = restored.embed.weight

restored.to(torch.float64)
optimizer = torch.optim.SGD(restored.parameters(), lr=0.1)
restored(torch.arange(8)).square().mean().backward()
optimizer.step()

print(f"{restored.head.weight is restored.embed.weight = }")
print(f"{len(list(restored.parameters())) = }")
assert restored.head.weight is restored.embed.weight
assert len(list(restored.parameters())) == 3

folder.cleanup()

# %%
# Tied weights survive a plain save and load in both formats, as long as the tie is
# made in the constructor, and safetensors is used through ``save_model`` and
# ``load_model``. Only ``assign=True`` needs the tie to be made again.
#
# Learn more
# ----------
#
# - :ref:`sphx_glr_recipes_checkpoints_explaining_checkpoint_size.py`
# - :ref:`sphx_glr_recipes_recipes_module_load_state_dict_tips.py`
# - :ref:`sphx_glr_recipes_troubleshooting_reading_missing_and_unexpected_keys.py`
# - `safetensors#98 <https://github.com/safetensors/safetensors/issues/98>`__, where the
#   error of ``save_file`` is discussed
# - :meth:`torch.nn.Module.load_state_dict` and its argument ``assign``
