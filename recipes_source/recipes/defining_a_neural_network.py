"""
Defining a neural network
=========================

Build the small image classifier of these recipes layer by layer, follow an image
through it, and find out which of its parts get a ``state_dict`` key.

**For whom:** you write your own :class:`torch.nn.Module` and want its checkpoint
to hold everything it learns, under names you can predict.

Setup
-----

Install PyTorch, and Matplotlib for the figure::

    pip install torch matplotlib

Steps
-----

1. Import the libraries
2. Choose the layers
3. Define and initialize the network
4. Follow an image through the network
5. Match the keys to the attributes
6. See how nesting makes longer keys
"""

# sphinx_gallery_tags = ["saving", "module", "keys", "errors"]
# sphinx_gallery_keywords = ["create a model class", "subclass", "layers", "architecture", "custom module"]
# sphinx_gallery_reading_order = 20

# %%
# 1. Import the libraries
# ~~~~~~~~~~~~~~~~~~~~~~~
#
# :mod:`torch.nn` has the layers, which own parameters, and
# ``torch.nn.functional`` has operations that own nothing, such as ``relu``.

import matplotlib.pyplot as plt
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(0)
plt.style.use("petroff10")

# %%
# 2. Choose the layers
# ~~~~~~~~~~~~~~~~~~~~
#
# The images are 32 × 32 pixels with three color channels, and a batch holds four
# of them. A convolution with a 5 × 5 kernel and no padding trims two pixels from
# every side, so 32 becomes 28. Pooling with a 2 × 2 window halves that. After two
# rounds each image is 16 channels of 5 × 5 values.

images = torch.randn(4, 3, 32, 32)
x = images
print("images", tuple(x.shape))
pool = nn.MaxPool2d(2, 2)
for layer in (nn.Conv2d(3, 6, 5), pool, nn.Conv2d(6, 16, 5), pool):
    x = layer(x)
    print(type(layer).__name__, tuple(x.shape))

features = x.shape[1:].numel()
print(f"{features = }")
assert x.shape == (4, 16, 5, 5)
assert features == 16 * 5 * 5 == 400

# %%
# 3. Define and initialize the network
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# Those 400 values are what the first linear layer has to accept, and the last one
# returns one score for each of ten classes. The sizes in between, 120 and 84, are
# free to choose.
#
# Layers are created in ``__init__`` and used in ``forward``. Call
# ``super().__init__()`` first: it prepares the module to register each layer at
# the moment it is assigned to an attribute. Printing the network lists what has
# been registered, under the name of the attribute.


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
layers = [name for name, _ in net.named_children()]
assert layers == ["conv1", "pool", "conv2", "fc1", "fc2", "fc3"]

# %%
# What happens without ``super().__init__()``? The first assignment of a layer is
# refused, with this message.


class Unprepared(nn.Module):
    def __init__(self):
        self.fc = nn.Linear(84, 10)


try:
    Unprepared()
except AttributeError as error:
    print(f"{type(error).__name__}: {error}")
else:
    raise AssertionError("a layer was registered before Module.__init__ ran")

# %%
# 4. Follow an image through the network
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# A *forward hook* is called each time a module has computed its output. One hook
# per layer prints the way of a batch through the network, in the order of
# ``forward``. The one ``pool`` appears twice, because ``forward`` uses it twice.
# Between ``pool`` and ``fc1`` the batch is flattened: ``torch.flatten`` is a
# function and not a module, so it has no line of its own.

trace = []


def watch(name):
    def hook(module, args, output):
        trace.append((name, args[0].shape, output.shape))

    return hook


handles = [m.register_forward_hook(watch(name)) for name, m in net.named_children()]
scores = net(images)
for handle in handles:
    handle.remove()

for name, before, after in trace:
    print(f"{name:<6}{str(tuple(before)):<16} -> {tuple(after)}")

used = [name for name, *_ in trace]
assert used == ["conv1", "pool", "conv2", "pool", "fc1", "fc2", "fc3"]
assert scores.shape == (4, 10)

# %%
# How many values describe one image at each stage? The first convolution makes
# more of them than the image had. From there on only the second convolution adds
# to them again, and the linear layers bring them down to ten scores.

stages = ["image"] + used
shapes = [images.shape[1:]] + [after[1:] for *_, after in trace]
values = [shape.numel() for shape in shapes]

fig, ax = plt.subplots(figsize=(5, 3), layout="constrained")
bars = ax.barh(range(len(stages)), values)
labels = [" × ".join(str(n) for n in shape) for shape in shapes]
ax.bar_label(bars, labels, padding=3)
ax.set_yticks(range(len(stages)), stages)
ax.set(xlabel="values per image", xlim=(0, 6500))
ax.invert_yaxis()
ax.set_title("Size of one image after each layer")
plt.show()

for stage, label, value in zip(stages, labels, values):
    print(f"{stage:<7}{label:<14}{value:>5} values")

assert values == [3072, 4704, 1176, 1600, 400, 120, 84, 10]

# %%
# 5. Match the keys to the attributes
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# Which of these layers get keys? Those that own a parameter or a buffer. The
# table shows every attribute, its layer, and the keys that it contributes:
# none in the case of ``pool``.

keys = list(net.state_dict())
for name, module in net.named_children():
    own = [key for key in keys if key.startswith(f"{name}.")]
    print(f"{name:<7}{type(module).__name__:<11}{', '.join(own) or '-'}")

assert len(keys) == 10
assert not any(key.startswith("pool.") for key in keys)

# %%
# Read a key as a path: ``conv1.weight`` is ``net.conv1.weight``.
# :meth:`torch.nn.Module.get_parameter` follows such a path for you, and arrives
# at the very same object. The value in the ``state_dict`` shares its memory.

for key, tensor in net.state_dict().items():
    layer, attribute = key.split(".")
    parameter = net.get_parameter(key)
    assert parameter is getattr(getattr(net, layer), attribute)
    assert tensor.data_ptr() == parameter.data_ptr()

print(f"{net.get_parameter('conv1.weight') is net.conv1.weight = }")
print(f"{net.fc3.bias.shape = }")

# %%
# The name of the class is not part of the path, and neither is ``forward``. This
# class has another name and another ``forward``, but it inherits the attributes,
# so it has the same keys and loads the same ``state_dict``.


class NetWithProbabilities(Net):
    def forward(self, x):
        return super().forward(x).softmax(dim=1)


other = NetWithProbabilities()
print(other.load_state_dict(net.state_dict()))
assert list(other.state_dict()) == keys
torch.testing.assert_close(other(images), scores.softmax(dim=1))

# %%
# 6. See how nesting makes longer keys
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# A module inside a module adds one more part to the path. A
# :class:`torch.nn.Sequential` numbers its layers, and layers without a key still
# count: below, ``features`` goes on from 1 to 3. A
# :class:`torch.nn.parameter.Parameter` of the module itself has a key of one part,
# and comes before those of the layers. A plain tensor has no key.


class Nested(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 6, 5), nn.BatchNorm2d(6), nn.ReLU(), nn.Conv2d(6, 16, 5)
        )
        self.scale = nn.Parameter(torch.ones(16))
        self.offset = torch.zeros(16)


nested = Nested()
learned = {name for name, _ in nested.named_parameters()}
for key, tensor in nested.state_dict().items():
    kind = "parameter" if key in learned else "buffer"
    print(f"{key:<32}{kind:<11}{tuple(tensor.shape)}")

assert "features.3.weight" in nested.state_dict()
assert not any(key.startswith("features.2.") for key in nested.state_dict())
assert list(nested.state_dict())[0] == "scale"
assert "offset" not in nested.state_dict()

# %%
# Because the dot separates the parts of a key, a name of your own must not
# contain one. This is what a dotted name in a
# :class:`torch.nn.ModuleDict` leads to.

try:
    nn.ModuleDict({"block.1": nn.Linear(2, 2)})
except KeyError as error:
    print(f"{type(error).__name__}: {error}")
else:
    raise AssertionError("a name with a dot was accepted")

# %%
# You have built the network and seen where its keys come from: they are the paths
# to its parameters and buffers. Rename an attribute, or put it in a container, and
# its keys change with it. Checkpoints saved before then need a translation, which
# :ref:`sphx_glr_recipes_troubleshooting_renaming_keys_of_old_checkpoints.py` shows.
#
# Learn more
# ----------
#
# - :ref:`sphx_glr_recipes_recipes_what_is_state_dict.py`
# - :ref:`sphx_glr_recipes_recipes_saving_and_loading_models_for_inference.py`
# - :ref:`sphx_glr_recipes_troubleshooting_reading_missing_and_unexpected_keys.py`
# - :meth:`torch.nn.Module.register_forward_hook` and
#   :meth:`torch.nn.Module.named_parameters` in the API documentation
