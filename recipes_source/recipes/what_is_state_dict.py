"""
What is a state_dict in PyTorch
===============================

A ``state_dict`` is a Python dictionary that maps every parameter and buffer of
a model, or all the state of an optimizer, to its current value.

**For whom:** you train models with PyTorch and want to know what ends up in a
checkpoint, and what does not.

Introduction
------------

A :class:`torch.nn.Module` keeps what it learns in *parameters* (weights and
biases, reached with :meth:`~torch.nn.Module.parameters`) and what it merely
remembers in *buffers* (such as the ``running_mean`` of a batch normalization
layer). Its ``state_dict`` lists both, by name. Layers that own neither, such as
pooling or dropout, have no entry.

An optimizer from :mod:`torch.optim` has a ``state_dict`` too. It holds what the
optimizer has accumulated for each parameter, and the hyperparameters in use.

Because both are ordinary dictionaries, they are easy to inspect, save, change
and restore, which is what the other recipes do. This one looks inside.

Setup
-----

Install PyTorch, and Matplotlib for the figure::

    pip install torch matplotlib

Steps
-----

1. Import the libraries
2. Define and initialize the neural network
3. Initialize the optimizer
4. Access the model and optimizer ``state_dict``
5. Train for one step and look again
6. See what a ``state_dict`` leaves out
"""

# sphinx_gallery_tags = ["saving", "module", "optimizer"]
# sphinx_gallery_keywords = ["explained", "meaning", "what optimizer.state_dict() contains"]
# sphinx_gallery_reading_order = 10

# %%
# 1. Import the libraries
# ~~~~~~~~~~~~~~~~~~~~~~~
#
# The recipe uses ``torch`` with its subpackages ``torch.nn`` and
# ``torch.optim``. The seed makes every run print the same values.

import matplotlib.pyplot as plt
import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim

torch.manual_seed(0)
plt.style.use("petroff10")

# %%
# 2. Define and initialize the neural network
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# The network classifies 32 × 32 color images. It has two convolutional layers
# with a pooling layer between them, and three linear layers.
# :ref:`sphx_glr_recipes_recipes_defining_a_neural_network.py` builds it step by
# step. Printing it lists the layers by the attribute that holds each one.


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
        x = torch.flatten(x, 1)
        x = F.relu(self.fc1(x))
        x = F.relu(self.fc2(x))
        return self.fc3(x)


net = Net()
print(net)
assert [type(layer).__name__ for layer in net.children()].count("Linear") == 3

# %%
# 3. Initialize the optimizer
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# Stochastic gradient descent with momentum, over all parameters of the network.
# Printing it shows its one *parameter group* and the hyperparameters in use.

optimizer = optim.SGD(net.parameters(), lr=0.001, momentum=0.9)
print(optimizer)
assert len(optimizer.param_groups) == 1

# %%
# 4. Access the model and optimizer ``state_dict``
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# The model's ``state_dict`` has ten keys: a weight and a bias for each of the
# five layers that learn. Each key is the path to the attribute that holds the
# tensor. ``pool`` learns nothing, so it is not there.

print("Model's state_dict:")
for name, tensor in net.state_dict().items():
    print(f"{name:<14}{tuple(tensor.size())}")

assert len(net.state_dict()) == 10
assert not any(name.startswith("pool") for name in net.state_dict())

# %%
# The optimizer's ``state_dict`` has two keys. ``state`` is still empty, because
# nothing has been trained. ``param_groups`` holds every hyperparameter, with
# ``params`` numbering the parameters of the group in the order in which the
# optimizer received them.

print("Optimizer's state_dict:")
print("state:", optimizer.state_dict()["state"])
for group in optimizer.state_dict()["param_groups"]:
    for name, value in group.items():
        print(f"param_groups[0][{name!r}]: {value}")

assert optimizer.state_dict()["state"] == {}
assert group["lr"] == 0.001 and group["momentum"] == 0.9

# %%
# How large are the entries? The bytes of a tensor are its number of elements
# times the size of one: 4 bytes for ``torch.float32``. The first linear layer
# alone makes up more than three quarters of the model, so the horizontal axis is
# logarithmic.

layers = ["conv1", "conv2", "fc1", "fc2", "fc3"]
size = {layer: 0 for layer in layers}
count = {layer: 0 for layer in layers}
for name, tensor in net.state_dict().items():
    layer = name.split(".")[0]
    size[layer] += tensor.numel() * tensor.element_size()
    count[layer] += tensor.numel()
    assert tensor.element_size() == 4

fig, ax = plt.subplots(figsize=(5, 3), layout="constrained")
names = [f"{layer}\n{count[layer]:,} parameters" for layer in layers]
bars = ax.barh(names, [size[layer] for layer in layers])
ax.bar_label(bars, [f"{size[layer]:,}" for layer in layers], padding=3)
ax.set(xscale="log", xlim=(100, 4e6), xlabel="size (bytes)")
ax.invert_yaxis()
ax.set_title("Size of each layer in the state_dict")
plt.show()

for layer in layers:
    print(f"{layer}: {count[layer]:,} parameters, {size[layer]:,} bytes")
assert sum(count.values()) == sum(p.numel() for p in net.parameters()) == 62006
assert count["fc1"] / sum(count.values()) > 0.75

# %%
# 5. Train for one step and look again
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# One step on a batch of random images is enough to change both. The model's keys
# stay the same and only their values move. The optimizer gains one entry per
# parameter: the ``momentum_buffer`` that it will need to continue as if it had
# never been interrupted.

before = {name: tensor.clone() for name, tensor in net.state_dict().items()}

images, labels = torch.randn(4, 3, 32, 32), torch.randint(10, (4,))
F.cross_entropy(net(images), labels).backward()
optimizer.step()

after = net.state_dict()
assert after.keys() == before.keys()
assert all(not torch.equal(after[name], before[name]) for name in before)

print("Optimizer's state_dict after one step:")
for index, entries in optimizer.state_dict()["state"].items():
    for name, value in entries.items():
        print(f"state[{index}][{name!r}]: {tuple(value.size())}")

# Entry i belongs to parameter i, and has its shape.
for index, parameter in enumerate(net.parameters()):
    buffer = optimizer.state_dict()["state"][index]["momentum_buffer"]
    assert buffer.shape == parameter.shape

# %%
# 6. See what a ``state_dict`` leaves out
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# Only tensors that were registered with the module get a key. This one looks as
# if it had three layers and two buffers, but its ``state_dict`` has only three
# keys: the layers in a plain Python list were never registered, and the second
# buffer was registered with ``persistent=False``.


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

# %%
# An :class:`torch.nn.ModuleList` in place of the list registers its layers: now
# they have keys, and the optimizer would find them too.

forgetful.hidden = nn.ModuleList(forgetful.hidden)
print(list(forgetful.state_dict()))
assert "hidden.0.weight" in forgetful.state_dict()
assert "cache" not in forgetful.state_dict()

# %%
# Two settings are missing as well, because they are flags and not tensors:
# whether a parameter is trained (``requires_grad``), and whether the module is in
# training or evaluation mode. A model that loads the ``state_dict`` keeps its own.

source, target = Net(), Net()
source.conv1.requires_grad_(False)
source.eval()
target.load_state_dict(source.state_dict())

print(f"{source.conv1.weight.requires_grad = }, {source.training = }")
print(f"{target.conv1.weight.requires_grad = }, {target.training = }")
assert torch.equal(target.conv1.weight, source.conv1.weight)
assert target.conv1.weight.requires_grad and target.training

# %%
# You have seen what a ``state_dict`` holds: the parameters and persistent
# buffers of a model, and the state and hyperparameters of an optimizer. That is
# what you save, and all that you get back.
#
# Learn more
# ----------
#
# - :ref:`sphx_glr_recipes_recipes_saving_and_loading_models_for_inference.py`
# - :ref:`sphx_glr_recipes_recipes_saving_and_loading_a_general_checkpoint.py`
# - :meth:`torch.nn.Module.state_dict` and
#   :meth:`torch.optim.Optimizer.state_dict` in the API documentation
