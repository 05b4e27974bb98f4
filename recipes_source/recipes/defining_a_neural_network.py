"""
Which parts of a network get keys, and what are they called?
============================================================

See how a module's attributes, lists, shared layers and buffers become
``state_dict`` keys, and which parts never get one.
"""

# sphinx_gallery_tags = ["saving", "module", "keys", "errors"]
# sphinx_gallery_keywords = ["define a model", "model class", "nn.Module", "custom module", "subclass", "layer not in state_dict", "layers in a Python list", "parameters in a dict", "not registered"]
# sphinx_gallery_reading_order = 20

# %%
# Short answer
# ------------
#
# Parameters, buffers and submodules of a module get keys. Each key is the path
# of attribute names that leads to the tensor:

import torch
import torch.nn as nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(4, 8), nn.ReLU())
        self.heads = nn.ModuleDict({"age": nn.Linear(8, 1)})
        self.scale = nn.Parameter(torch.ones(1))
        self.register_buffer("mean", torch.zeros(4))


print("\n".join(Net().state_dict()))

# %%
# Layers without weights get none, and neither do plain lists, dictionaries and
# tensors: use ``ModuleList``, ``ModuleDict``, ``Parameter`` or
# ``register_buffer``.
#
# .. fold:: Who this is for
#
#    You write your own :class:`torch.nn.Module` and want its checkpoint to hold
#    everything it learns, under names that you can predict and keep.
#
# .. fold:: Setup
#
#    The parametrization names below are those of PyTorch 2.0 and newer::
#
#        pip install "torch>=2.6"

# %%
# Read a key as a path
# --------------------
#
# ``heads.age.weight`` is ``net.heads["age"].weight``. A module's own parameters
# come first, then its buffers, then the entries of its children. A Sequential
# numbers its layers, including those without weights. A key says nothing about
# the class name, ``forward`` or the order in which layers are used:

net = Net()
weight = net.heads["age"].weight

assert net.get_parameter("heads.age.weight") is weight
assert net.state_dict()["heads.age.weight"].data_ptr() == weight.data_ptr()
assert list(net.state_dict())[:3] == ["scale", "mean", "body.0.weight"]
assert net.get_buffer("mean") is net.mean

# %%
# How each kind of part is named
# ------------------------------
#
# Here are containers, layers with several parameters, and a parametrized layer,
# which stores the tensors that its weight is computed from:

from torch.nn.utils import parametrizations

parts = {
    "Sequential": nn.Sequential(nn.ReLU(), nn.Linear(2, 2)),
    "ModuleList": nn.ModuleList([nn.Linear(2, 2, bias=False)]),
    "ParameterList": nn.ParameterList([torch.ones(2), torch.ones(2)]),
    "MultiheadAttention": nn.MultiheadAttention(4, 2),
    "LSTM": nn.LSTM(2, 2),
    "weight_norm": parametrizations.weight_norm(nn.Linear(2, 2)),
}
for name, part in parts.items():
    print(f"{name}\n   ", ", ".join(part.state_dict()))

assert list(parts["Sequential"].state_dict()) == ["1.weight", "1.bias"]
assert list(parts["ModuleList"].state_dict()) == ["0.weight"]
assert list(parts["ParameterList"].state_dict()) == ["0", "1"]

# %%
# A shared layer has one key per place
# ------------------------------------
#
# ``named_parameters`` lists its weight only once, so the two counts differ. A
# file stores the tensor once:

layer = nn.Linear(4, 4, bias=False)
shared = nn.ModuleDict({"encoder": layer, "decoder": layer})
print(list(shared.state_dict()))
print([name for name, _ in shared.named_parameters()])

addresses = {value.data_ptr() for value in shared.state_dict().values()}
assert len(shared.state_dict()) == 2 and len(addresses) == 1
assert len(list(shared.named_parameters())) == 1

# %%
# What gets no key
# ----------------
#
# Everything in this module can change in training or in use, and none of it is
# saved:

# sphinx_gallery_wrong = True


class Forgetful(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = [nn.Linear(2, 2), nn.Linear(2, 2)]
        self.offset = torch.zeros(2)
        self.steps = 0
        self.register_buffer("cache", torch.zeros(2), persistent=False)


print(list(Forgetful().state_dict()))

assert len(Forgetful().state_dict()) == 0
assert len(list(Forgetful().parameters())) == 0

# %%
# An optimizer does not find these layers either, and ``to(device)`` leaves them
# where they are. For a number such as ``steps``, see
# :ref:`sphx_glr_recipes_checkpoints_storing_extra_state.py`.
#
# **A lazy layer** has its keys before its shapes are known. Run a first batch
# through the model before you save it; the model that you load into may still
# be lazy:
#
# .. diagnosis:: The file was saved from a lazy layer that had seen no input
#       yet.
#    :message: Can't access the shape of an uninitialized parameter or buffer
#    :fix: what-gets-no-key
#
#    model(example_input)  # before you save it

lazy = nn.LazyLinear(3)
print(list(lazy.state_dict()))
try:
    nn.Linear(4, 3).load_state_dict(lazy.state_dict())
except RuntimeError as error:
    print(f"{type(error).__name__}: {error}")

lazy.load_state_dict(nn.Linear(4, 3).state_dict())
assert lazy.weight.shape == (3, 4)

# %%
# Assignments that PyTorch refuses
# --------------------------------
#
# ``super().__init__()`` prepares a module to register its attributes, so call
# it first. Dots separate the parts of a key, so a name cannot contain one. And
# a parameter cannot be replaced with a plain tensor:
#
# .. diagnosis:: The class assigns a layer before ``nn.Module`` is set up.
#    :message: before Module.__init__() call
#    :fix: assignments-that-pytorch-refuses
#
#    super().__init__()  # the first line of __init__
#
# .. diagnosis:: Dots separate the parts of a key, so no name of a part has one.
#    :message: module name can't contain "."
#              parameter name can't contain "."
#              buffer name can't contain "."
#    :fix: assignments-that-pytorch-refuses
#
#    name = name.replace(".", "_")
#
# .. diagnosis:: The name of a layer or buffer is assigned something else.
#    :message: as child module '{name}' (torch.nn.Module or None expected)
#              as buffer '{name}' (torch.nn.Buffer, torch.Tensor or None
#    :fix: assignments-that-pytorch-refuses
#
#    del model.{name}  # before another kind of value gets this name
#
# .. diagnosis:: A parameter is replaced with a plain tensor.
#    :message: as parameter '{name}' (torch.nn.Parameter or None expected)
#    :fix: assignments-that-pytorch-refuses
#
#    with torch.no_grad():
#        model.{name}.copy_(tensor)


class Unprepared(nn.Module):
    def __init__(self):
        self.fc = nn.Linear(84, 10)


# sphinx_gallery_wrong = True
try:
    Unprepared()
except AttributeError as error:
    print(f"{type(error).__name__}: {error}")
try:
    nn.ModuleDict({"block.1": nn.Linear(2, 2)})
except KeyError as error:
    print(f"{type(error).__name__}: {error}")
try:
    net.scale = torch.zeros(1)
except TypeError as error:
    print(f"{type(error).__name__}: {error}")

# %%
# Keep the names stable
# ---------------------
#
# If you rename an attribute or move a layer into a container, its keys change,
# and loading an old file reports them as missing. Another class with the same
# attributes can load the file, because only the paths count:


class AgeNet(Net):
    def forward(self, x):
        return self.heads["age"](self.body(x - self.mean)) * self.scale


model = AgeNet()
print(model.load_state_dict(net.state_dict()))
model.backbone = model.body
del model.body
try:
    model.load_state_dict(net.state_dict())
except RuntimeError as error:
    print(f"{type(error).__name__}: {error}")

assert AgeNet()(torch.ones(1, 4)).shape == (1, 1)

# %%
# Learn more
# ----------
#
# - :ref:`sphx_glr_recipes_recipes_what_is_state_dict.py`
# - :ref:`sphx_glr_recipes_troubleshooting_renaming_keys_of_old_checkpoints.py`
# - :ref:`sphx_glr_recipes_troubleshooting_reading_missing_and_unexpected_keys.py`
# - :ref:`sphx_glr_recipes_checkpoints_sharing_weights_and_safetensors.py`
# - :class:`torch.nn.Module`, :class:`torch.nn.ModuleList`
