"""
Saving and loading models for inference
=======================================

Save the ``state_dict`` of a trained model, load it into a new model, call
``eval()``, and get the same predictions from the same input.

**For whom:** you have a trained model and want to use it in another program, or
you have loaded one and its predictions change from call to call.

Setup
-----

Install PyTorch, and Matplotlib for the figure::

    pip install torch matplotlib

Steps
-----

1. Import the libraries
2. Define and train a classifier
3. Save the ``state_dict``
4. Load it into a new model
5. See what happens without ``eval()``
6. Predict
"""

# sphinx_gallery_tags = ["loading", "saving", "module", "errors"]
# sphinx_gallery_keywords = ["prediction", "deploy", "evaluation mode", "trained model"]
# sphinx_gallery_reading_order = 30

# %%
# 1. Import the libraries
# ~~~~~~~~~~~~~~~~~~~~~~~
#
# Besides ``torch``, the recipe needs a temporary folder for its file, and
# :mod:`zipfile` to look into it. The seed makes every run the same.

import tempfile
import zipfile
from pathlib import Path

import matplotlib.pyplot as plt
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(0)
plt.style.use("petroff10")
folder = tempfile.TemporaryDirectory()
path = Path(folder.name) / "model.pt"

# %%
# 2. Define and train a classifier
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# The classifier tells three groups of points apart. It contains the two layers
# that behave differently in training and in evaluation: batch normalization and
# dropout.


class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = nn.Linear(2, 64)
        self.norm = nn.BatchNorm1d(64)
        self.dropout = nn.Dropout(0.5)
        self.out = nn.Linear(64, 3)

    def forward(self, x):
        return self.out(self.dropout(F.relu(self.norm(self.hidden(x)))))


# %%
# A hundred steps of training are enough. Afterwards the model puts more than nine
# out of ten points into the right group.

centers = torch.tensor([[0.0, 2.0], [2.0, -1.0], [-2.0, -1.0]])
labels = torch.arange(3).repeat(100)
points = centers[labels] + 0.8 * torch.randn(300, 2)

model = Classifier()
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
for _ in range(100):
    optimizer.zero_grad()
    F.cross_entropy(model(points), labels).backward()
    optimizer.step()

model.eval()
accuracy = (model(points).argmax(dim=1) == labels).float().mean().item()
print(f"{accuracy > 0.9 = }")
assert accuracy > 0.9

# %%
# 3. Save the ``state_dict``
# ~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# :func:`torch.save` writes the ``state_dict`` to a file. The name is up to you;
# ``.pt`` and ``.pth`` are the usual endings. The file is an uncompressed ZIP
# archive, and its listing shows one ``data`` entry for each tensor, in the order of
# the keys. The other entries are small: ``data.pkl`` has the keys, shapes and
# dtypes, and the rest describes the format.

torch.save(model.state_dict(), path)

state_dict = model.state_dict()
keys = iter(state_dict)
with zipfile.ZipFile(path) as archive:
    entries = archive.infolist()
for entry in entries:
    key = next(keys) if "/data/" in entry.filename else ""
    print(f"{entry.filename:<28}{entry.file_size:>5} bytes  {key}".rstrip())

sizes = [entry.file_size for entry in entries if "/data/" in entry.filename]
assert sizes == [t.numel() * t.element_size() for t in state_dict.values()]
assert all(entry.compress_type == zipfile.ZIP_STORED for entry in entries)

# %%
# 4. Load it into a new model
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# The file has no code in it, so you need the class to build a model first. It
# starts with random weights. :func:`torch.load` reads the dictionary, and
# :meth:`torch.nn.Module.load_state_dict` copies its values into the model and
# reports that every key has found its place.

loaded = Classifier()
assert not torch.equal(loaded.out.weight, model.out.weight)

print(loaded.load_state_dict(torch.load(path)))
for key, tensor in loaded.state_dict().items():
    assert torch.equal(tensor, model.state_dict()[key])

# %%
# The new model is in training mode, as every new module is. ``eval()`` switches it,
# with all its layers, to evaluation mode. Now the same input has the same output.

print(f"before eval(): {loaded.training = }")
assert loaded.training
loaded.eval()
print(f"after eval():  {loaded.training = }, {loaded.dropout.training = }")
assert not any(module.training for module in loaded.modules())

print("identical output:", torch.equal(loaded(points), model(points)))
assert torch.equal(loaded(points), model(points))

# %%
# Two slips are common here. What :func:`torch.load` returns is the dictionary and
# not a model, so it has no ``eval()``.

try:
    torch.load(path).eval()
except AttributeError as error:
    print(f"{type(error).__name__}: {error}")
else:
    raise AssertionError("a state_dict has an eval method")

# %%
# And :meth:`torch.nn.Module.load_state_dict` takes that dictionary, not the name
# of the file.

try:
    Classifier().load_state_dict("model.pt")
except TypeError as error:
    print(f"{type(error).__name__}: {error}")
else:
    raise AssertionError("a file name was accepted as a state_dict")

# %%
# 5. See what happens without ``eval()``
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# ``careless`` loads the same file, but stays in training mode. Dropout then
# switches off other hidden values on every call, each with a probability of 0.5. The
# figure shows the probability of the right group for one point, in 500 calls with the
# same 30 points. In evaluation mode all 500 calls agree.

careless = Classifier()
careless.load_state_dict(torch.load(path))
batch, group = points[:30], labels[0]


def probabilities(model):
    with torch.inference_mode():
        return [model(batch)[0].softmax(dim=0)[group].item() for _ in range(500)]


training, evaluation = probabilities(careless), probabilities(loaded)

fig, ax = plt.subplots(figsize=(5, 3), layout="constrained")
ax.hist(training, bins=30, hatch="//", label="training mode")
ax.axvline(evaluation[0], color="C1", linewidth=3, label="evaluation mode")
ax.set(xlabel="probability of the right group", ylabel="calls")
ax.legend()
ax.set_title("One point, 500 predictions")
plt.show()

print("distinct predictions in evaluation mode:", len(set(evaluation)))
print("more than one in training mode:", len(set(training)) > 1)
assert len(set(evaluation)) == 1
assert len(set(training)) > 1

# %%
# Batch normalization does two things in training mode. It normalizes with the mean
# and variance of the current batch, so the output for one point depends on its
# neighbors. And it updates its running statistics. Those are buffers, and
# ``inference_mode`` does not protect them: it turns off the recording of operations
# for gradients, not the updates. The calls above have changed the model. These keys
# no longer hold what the file holds.

saved = torch.load(path)
changed = [k for k, v in careless.state_dict().items() if not torch.equal(v, saved[k])]
print(changed)
assert changed == ["norm.running_mean", "norm.running_var", "norm.num_batches_tracked"]

unchanged = loaded.state_dict()
assert all(torch.equal(unchanged[key], saved[key]) for key in saved)

# %%
# To see the neighbors at work, turn off the dropout alone. The first point gets
# one output among the first ten points and another among the first thirty. In
# evaluation mode its output stays the same.

careless.dropout.eval()
with torch.inference_mode():
    few, many = careless(points[:10])[0], careless(points[:30])[0]
    print("training mode, same output:  ", torch.allclose(few, many))
    assert not torch.allclose(few, many)

    few, many = loaded(points[:10])[0], loaded(points[:30])[0]
    print("evaluation mode, same output:", torch.allclose(few, many))
    torch.testing.assert_close(few, many)

# %%
# A single point has no neighbors, and so no variance. If you meet this message when
# you predict, ``eval()`` is missing.

try:
    careless(points[:1])
except ValueError as error:
    print(f"{type(error).__name__}: {error}")
else:
    raise AssertionError("batch normalization in training mode accepted one point")

# %%
# 6. Predict
# ~~~~~~~~~~
#
# With the class and the file, another program needs only what follows. ``eval()``
# sets the behavior of the layers, and ``inference_mode`` saves the work of recording
# operations for gradients. Use both: neither does the work of the other.

predictor = Classifier()
predictor.load_state_dict(torch.load(path))
predictor.eval()
print("requires_grad with eval() alone:    ", predictor(centers).requires_grad)
assert predictor(centers).requires_grad

with torch.inference_mode():
    scores = predictor(centers)
print("requires_grad in inference mode too:", scores.requires_grad)
print("groups of the three centers:", scores.argmax(dim=1).tolist())
assert not scores.requires_grad
assert scores.argmax(dim=1).tolist() == [0, 1, 2]

folder.cleanup()

# %%
# You have saved a ``state_dict``, loaded it into a new model and got identical
# predictions, because ``eval()`` came before the first of them. To go on training
# you need more than the model: see the general checkpoint below.
#
# Learn more
# ----------
#
# - :ref:`sphx_glr_recipes_recipes_saving_and_loading_a_general_checkpoint.py`
# - :ref:`sphx_glr_recipes_recipes_save_load_across_devices.py`
# - :ref:`sphx_glr_recipes_troubleshooting_avoiding_whole_model_pickles.py`
# - :func:`torch.save`, :func:`torch.load`, :meth:`torch.nn.Module.eval` and
#   :class:`torch.autograd.grad_mode.inference_mode` in the API documentation
