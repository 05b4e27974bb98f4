"""
What is a state_dict in PyTorch
===============================

A dictionary with the tensors that a model has learned, or with all that an
optimizer remembers: what is in it, what is not, and what shares its memory.
"""

# sphinx_gallery_tags = ["saving", "module", "optimizer"]
# sphinx_gallery_keywords = ["explained", "meaning", "what optimizer.state_dict() contains", "difference between parameters and buffers"]
# sphinx_gallery_reading_order = 10

# %%
# Short answer
# ------------
#
# A model's ``state_dict`` maps the name of each parameter and each persistent
# buffer to its tensor. It is what you save and load:

import torch.nn as nn

model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.BatchNorm1d(8))
for name, tensor in model.state_dict().items():
    print(f"{name:<22}{tuple(tensor.shape)}")

# %%
# ``ReLU`` learns nothing and has no entry. The class, ``forward`` and the
# hyperparameters are not stored either: build the model first, then call
# ``model.load_state_dict(state_dict)``.
#
# .. fold:: Who this is for
#
#    You train models with PyTorch and want to know what ends up in a
#    checkpoint, and what does not.
#
# Introduction
# ------------
#
# A :class:`torch.nn.Module` keeps what it learns in *parameters* (weights and
# biases) and what it only remembers in *buffers* (such as the ``running_mean``
# of a batch normalization layer). An optimizer from :mod:`torch.optim` has a
# ``state_dict`` too, with what it has accumulated for each parameter and its
# hyperparameters. Both are Python dictionaries: easy to inspect, save, change
# and restore.
#
# Setup
# -----
#
# .. fold:: Setup
#
#    Tried with PyTorch 2.6 and 2.13::
#
#        pip install "torch>=2.6"
#
# Steps
# -----
#
# 1. Import the libraries
# 2. Define and initialize the neural network
# 3. Initialize the optimizer
# 4. Access the model and optimizer ``state_dict``
# 5. Train for one step and look again
# 6. See what shares its memory
# 7. See what a ``state_dict`` leaves out
#
# 1. Import the libraries
# ~~~~~~~~~~~~~~~~~~~~~~~
#
# The recipe uses ``torch`` with its subpackages ``torch.nn`` and
# ``torch.optim``.

# sphinx_gallery_fold = "The imports"
import copy

import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim

# %%
# 2. Define and initialize the neural network
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# The network classifies 32 × 32 color images. A layer's keys start with the
# name of the attribute that holds it.

# sphinx_gallery_fold = "The network, with two convolutional and three linear layers"
torch.manual_seed(0)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 6, 5)
        self.pool = nn.MaxPool2d(2, 2)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.fc1 = nn.Linear(16 * 5 * 5, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, 10)

    def forward(self, x):
        x = self.pool(F.relu(self.conv1(x)))
        x = self.pool(F.relu(self.conv2(x)))
        x = F.relu(self.fc1(torch.flatten(x, 1)))
        return self.fc3(F.relu(self.fc2(x)))


net = Net()

# %%
# 3. Initialize the optimizer
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# Stochastic gradient descent with momentum, over all parameters:

optimizer = optim.SGD(net.parameters(), lr=0.001, momentum=0.9)

# %%
# 4. Access the model and optimizer ``state_dict``
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# The model's ``state_dict`` has ten keys, a weight and a bias for each of the
# five layers that learn. Each key is the path to the attribute that holds the
# tensor. ``pool`` learns nothing, so it is not there:

print("Model's state_dict:")
for name, tensor in net.state_dict().items():
    print(f"{name:<14}{tuple(tensor.size())}")

assert len(net.state_dict()) == 10
assert not any(name.startswith("pool") for name in net.state_dict())

# %%
# The optimizer's ``state_dict`` has two keys. ``state`` is still empty, because
# nothing has been trained. ``param_groups`` holds every hyperparameter, and
# numbers the parameters in the order in which the optimizer received them:

print("Optimizer's state_dict:")
print("state:", optimizer.state_dict()["state"])
for group in optimizer.state_dict()["param_groups"]:
    for name, value in group.items():
        print(f"param_groups[0][{name!r}]: {value}")

assert optimizer.state_dict()["state"] == {}
assert group["lr"] == 0.001 and group["momentum"] == 0.9
assert group["params"] == list(range(10))

# %%
# 5. Train for one step and look again
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# The model's keys stay the same, and their values change. The optimizer gains
# one entry for each parameter: the ``momentum_buffer`` that it needs to
# continue as if it had never been interrupted.

before = copy.deepcopy(net.state_dict())
images, labels = torch.randn(4, 3, 32, 32), torch.randint(10, (4,))
F.cross_entropy(net(images), labels).backward()
optimizer.step()
after = net.state_dict()

state = optimizer.state_dict()["state"]
print("Optimizer's state_dict after one step:")
for name, value in state[0].items():
    print(f"state[0][{name!r}]: {tuple(value.size())}")
print(len(state), "entries")

assert after.keys() == before.keys()
assert all(not torch.equal(after[name], before[name]) for name in before)
assert len(state) == 10
for index, parameter in enumerate(net.parameters()):
    assert state[index]["momentum_buffer"].shape == parameter.shape

# %%
# 6. See what shares its memory
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# A ``state_dict`` is not a copy. Its tensors share memory with the model's, so
# training changes a dictionary that you keep, and changing the dictionary
# changes the model. :func:`copy.deepcopy` makes it independent; the
# dictionary's own ``copy()`` does not:

kept = net.state_dict()
shallow, deep = kept.copy(), copy.deepcopy(kept)
optimizer.step()
for name, state_dict in [("kept", kept), ("shallow", shallow), ("deep", deep)]:
    moved = torch.equal(state_dict["fc3.bias"], net.fc3.bias)
    print(f"{name:<8} went along with the model: {moved}")

assert kept["fc3.bias"].data_ptr() == net.fc3.bias.data_ptr()
assert torch.equal(shallow["fc3.bias"], net.fc3.bias)
assert not torch.equal(deep["fc3.bias"], net.fc3.bias)
kept["fc3.bias"].zero_()  # changes the model
assert (net.fc3.bias == 0).all()

# %%
# The ``_metadata`` attribute has a version for each layer, which tells the
# layer how to read an old file. A plain dictionary, such as one from a
# comprehension, lacks it and counts as old. A batch normalization layer then
# does not report that ``num_batches_tracked`` is missing.

# sphinx_gallery_fold = "Load a dictionary with its versions, and without"
norm = nn.BatchNorm1d(4)
state_dict = norm.state_dict()
del state_dict["num_batches_tracked"]
with_versions = norm.load_state_dict(state_dict, strict=False)
without = norm.load_state_dict(dict(state_dict), strict=False)

assert state_dict._metadata[""] == {"version": 2}
assert with_versions.missing_keys == ["num_batches_tracked"]
assert without.missing_keys == []

# %%
# 7. See what a ``state_dict`` leaves out
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# This module looks as if it had three layers and two buffers. But the layers
# in a plain Python list were never registered, and the second buffer was
# registered with ``persistent=False``:


class Forgetful(nn.Module):
    def __init__(self):
        super().__init__()
        self.head = nn.Linear(4, 2)
        self.hidden = [nn.Linear(4, 4), nn.Linear(4, 4)]
        self.register_buffer("mean", torch.zeros(4))
        self.register_buffer("cache", torch.zeros(4), persistent=False)


forgetful = Forgetful()
print(list(forgetful.state_dict()))

assert list(forgetful.state_dict()) == ["mean", "head.weight", "head.bias"]
forgetful.hidden = nn.ModuleList(forgetful.hidden)
assert "hidden.0.weight" in forgetful.state_dict()

# %%
# A :class:`torch.nn.ModuleList` in place of the list registers its layers. Then
# they have keys, and the optimizer finds them too.
#
# Two settings are flags, not tensors, so a ``state_dict`` leaves them out:
# whether a parameter is trained (``requires_grad``), and whether the module is
# in training mode. A model that loads the ``state_dict`` keeps its own
# settings.

# sphinx_gallery_fold = "Load from a frozen model in evaluation mode"
source, target = Net(), Net()
source.requires_grad_(False).eval()
target.load_state_dict(source.state_dict())

assert torch.equal(target.fc3.bias, source.fc3.bias)
assert target.fc3.bias.requires_grad and target.training
assert not source.fc3.bias.requires_grad and not source.training

# %%
# Learn more
# ----------
#
# - :ref:`sphx_glr_recipes_recipes_defining_a_neural_network.py`
# - :ref:`sphx_glr_recipes_recipes_saving_and_loading_models_for_inference.py`
# - :ref:`sphx_glr_recipes_recipes_saving_and_loading_a_general_checkpoint.py`
# - :ref:`sphx_glr_recipes_training_keeping_the_best_weights.py`
# - :meth:`torch.nn.Module.state_dict`,
#   :meth:`torch.optim.Optimizer.state_dict`
