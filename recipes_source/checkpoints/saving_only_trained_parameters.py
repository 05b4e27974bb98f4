"""
Saving only the trained parameters
==================================

When most of a model is frozen, save what you trained and load it on top of the
original weights, with a check that nothing else is missing.

**For whom:** you fine-tune an adapter or a new head on a frozen body, and every
checkpoint repeats weights that never change.

Setup
-----

Install PyTorch, and Matplotlib for the figure::

    pip install torch matplotlib

Steps
-----

1. Import the libraries
2. Freeze the body
3. Train the rest, and look at what changed
4. Save everything that is not frozen
5. Load it on top of the body
6. Restore the freeze flags
"""

# sphinx_gallery_tags = ["saving", "loading", "transfer learning", "file size"]
# sphinx_gallery_keywords = ["LoRA", "adapter", "frozen", "trainable", "PEFT", "without the base model"]
# sphinx_gallery_reading_order = 30

# %%
# 1. Import the libraries
# ~~~~~~~~~~~~~~~~~~~~~~~
#
# The seed makes every run print the same values. The files go to a temporary folder.

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(0)
plt.style.use("petroff10")
folder = tempfile.TemporaryDirectory()
path = Path(folder.name)

# %%
# 2. Freeze the body
# ~~~~~~~~~~~~~~~~~~
#
# The model has three parts: a body, a small adapter that corrects what the body
# computes, and a head for the new task. The body's weights come from a file,
# ``body.pt``. Here they are random, and stand for weights that somebody else trained.


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(
            nn.Linear(64, 512), nn.BatchNorm1d(512), nn.ReLU(), nn.Linear(512, 512)
        )
        self.adapter = nn.Sequential(nn.Linear(512, 8), nn.ReLU(), nn.Linear(8, 512))
        self.head = nn.Linear(512, 4)

    def forward(self, x):
        hidden = self.body(x)
        return self.head(F.relu(hidden + self.adapter(hidden)))


torch.save(Net().body.state_dict(), path / "body.pt")

model = Net()
result = model.body.load_state_dict(torch.load(path / "body.pt"))
print(result)
assert not result.missing_keys and not result.unexpected_keys

# %%
# ``requires_grad_(False)`` freezes the body: its six parameters get no gradients, so
# the optimizer has nothing to do for them. The names of the frozen parameters are the
# thread through this recipe.

model.body.requires_grad_(False)
frozen = {name for name, p in model.named_parameters() if not p.requires_grad}

print(f"{len(list(model.named_parameters()))} parameters, {len(frozen)} frozen:")
print("\n".join(sorted(frozen)))
assert len(frozen) == 6 and all(name.startswith("body.") for name in frozen)

# %%
# 3. Train the rest, and look at what changed
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# Twenty steps on synthetic data. Then each key of the ``state_dict`` is compared with
# its value from before. All parameters of the adapter and the head changed, and none
# of the body. But three *buffers* of the body changed as well: batch normalization
# updates its statistics in training mode, frozen or not.

before = {name: tensor.clone() for name, tensor in model.state_dict().items()}

optimizer = torch.optim.Adam(p for p in model.parameters() if p.requires_grad)
inputs = torch.randn(64, 64) + 1
targets = inputs[:, :4].argmax(dim=1)
for _ in range(20):
    optimizer.zero_grad()
    F.cross_entropy(model(inputs), targets).backward()
    optimizer.step()

changed = [k for k, v in model.state_dict().items() if not torch.equal(v, before[k])]
print("\n".join(changed))
assert set(changed) == set(before) - frozen
assert {"body.1.running_mean", "body.1.running_var"} < set(changed)

# %%
# 4. Save everything that is not frozen
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# The flag ``requires_grad`` has to be read from the parameters, as above. The tensors
# in a ``state_dict`` are detached, so that none of them requires gradients, and a
# filter on them finds nothing.

found = [name for name, t in model.state_dict().items() if t.requires_grad]
print(f"tensors in the state_dict that require gradients: {len(found)}")
assert found == []

# %%
# Deleting what is frozen leaves the trained parameters and the buffers. The names of
# the frozen parameters go into the file too: loading will need them.

state = model.state_dict()
for name in frozen:
    del state[name]

torch.save({"model": state, "frozen": sorted(frozen)}, path / "trained.pt")
torch.save(model.state_dict(), path / "whole.pt")

print(f"keys in trained.pt: {len(state)} of {len(model.state_dict())}")
assert set(state) == set(changed)

# %%
# Of the whole model, 1.2 MB, the part that has to be saved again and again is 51 kB.

names = ["whole.pt", "trained.pt"]
sizes = [(path / name).stat().st_size / 1000 for name in names]

fig, ax = plt.subplots(figsize=(5, 2), layout="constrained")
bars = ax.barh(names, sizes, color=["C1", "C0"])
bars[0].set_hatch("//")
ax.bar_label(bars, labels=[f"{size:,.0f} kB" for size in sizes], padding=3)
ax.set(xlabel="file size (kB)", xlim=(0, 1500))
ax.invert_yaxis()
ax.set_title("The whole model, and what was trained")
plt.show()

for name, size in zip(names, sizes):
    print(f"{name:<11}{size:>6,.0f} kB")
assert sizes[1] < 0.05 * sizes[0]

# %%
# 5. Load it on top of the body
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# The new model takes the body from the one file and the rest from the other. The
# second file is incomplete on purpose, so it needs ``strict=False``. That alone would
# accept any missing key. Compare the result with what you expect: the missing keys
# are the frozen parameters, and there are no unexpected ones.

checkpoint = torch.load(path / "trained.pt")
restored = Net()
restored.body.load_state_dict(torch.load(path / "body.pt"))
result = restored.load_state_dict(checkpoint["model"], strict=False)

print("missing == frozen:", set(result.missing_keys) == set(checkpoint["frozen"]))
print("unexpected:", result.unexpected_keys)
assert set(result.missing_keys) == set(checkpoint["frozen"]) == frozen
assert result.unexpected_keys == []

model.eval()
restored.eval()
torch.testing.assert_close(restored(inputs), model(inputs), rtol=0, atol=0)

# %%
# The comparison is worth its line. Here the keys have the prefix of a wrapper, such as
# :class:`torch.nn.DataParallel`. With ``strict=False`` nothing is loaded and no error
# tells you, but the missing keys are not the expected ones.

prefixed = {f"module.{name}": tensor for name, tensor in state.items()}
result = Net().load_state_dict(prefixed, strict=False)

print("missing == frozen:", set(result.missing_keys) == frozen)
print(f"unexpected: {len(result.unexpected_keys)} of {len(prefixed)}")
assert set(result.missing_keys) != frozen
assert set(result.unexpected_keys) == set(prefixed)

# %%
# What if only the trained *parameters* are saved, without the buffers? Then the
# statistics of the batch normalization are those of ``body.pt``, and the model
# computes something else. The same comparison finds out: three keys too many.

parameters = dict(model.named_parameters())
for name in set(state) - set(parameters):
    del state[name]

partial = Net()
partial.body.load_state_dict(torch.load(path / "body.pt"))
result = partial.load_state_dict(state, strict=False)
partial.eval()

print("missing, but not frozen:", *sorted(set(result.missing_keys) - frozen), sep="\n")
print("same outputs:", torch.allclose(partial(inputs), model(inputs)))
assert len(set(result.missing_keys) - frozen) == 3
assert not torch.allclose(partial(inputs), model(inputs))

# %%
# 6. Restore the freeze flags
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# A ``state_dict`` does not hold ``requires_grad``. In the restored model, all
# parameters are trainable again, and training it further would change the body. The
# list in the checkpoint freezes the same ones.

trainable = sum(p.requires_grad for p in restored.parameters())
print(f"trainable after loading: {trainable} of {len(parameters)}")
assert trainable == len(parameters) == 12

for name in checkpoint["frozen"]:
    restored.get_parameter(name).requires_grad_(False)

trainable = sum(p.requires_grad for p in restored.parameters())
print(f"trainable after freezing: {trainable} of {len(parameters)}")
assert {n for n, p in restored.named_parameters() if not p.requires_grad} == frozen

folder.cleanup()

# %%
# Save the keys that are not frozen, which includes the buffers, together with the
# names of the frozen ones. Load with ``strict=False``, compare the missing keys with
# those names, and freeze them again.
#
# Learn more
# ----------
#
# - :ref:`sphx_glr_recipes_troubleshooting_knowing_what_strict_false_does.py`
# - :ref:`sphx_glr_recipes_recipes_warmstarting_model_using_parameters_from_a_different_model.py`
# - :ref:`sphx_glr_recipes_checkpoints_explaining_checkpoint_size.py`
# - :meth:`torch.nn.Module.requires_grad_`,
#   :meth:`torch.nn.Module.named_parameters` and
#   :meth:`torch.nn.Module.load_state_dict` in the API documentation
