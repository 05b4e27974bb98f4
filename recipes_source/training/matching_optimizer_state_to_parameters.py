"""
How do I load optimizer state into a changed model?
===================================================

Match the state by name, convert a file that no longer fits, and recognize
state that landed on the wrong parameter or in another kind of optimizer.
"""

# sphinx_gallery_tags = ["optimizer", "errors", "keys"]
# sphinx_gallery_keywords = ["wrong parameter", "order of parameters", "frozen layers", "fine-tuning", "different parameter groups", "partial optimizer state", "optimizer.register_load_state_dict_pre_hook", "cannot load the optimizer state", "loading the optimizer state fails"]
# sphinx_gallery_reading_order = 30

# %%

# sphinx_gallery_fold = "The old model, the new one, and their optimizers"
import os
import tempfile

import torch
import torch.nn as nn

here = globals().get("here", os.getcwd())
folder = tempfile.TemporaryDirectory()
os.chdir(folder.name)


class OldNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Linear(8, 8)
        self.decoder = nn.Linear(8, 8)

    def forward(self, x):
        return self.decoder(torch.sigmoid(self.encoder(x)))


class NewNet(nn.Module):  # other order, and one layer more
    def __init__(self):
        super().__init__()
        self.decoder = nn.Linear(8, 8)
        self.encoder = nn.Linear(8, 8)
        self.head = nn.Linear(8, 2)

    def forward(self, x):
        return self.head(self.decoder(torch.sigmoid(self.encoder(x))))


class Reordered(OldNet):
    def __init__(self):
        nn.Module.__init__(self)
        self.decoder = nn.Linear(8, 8)
        self.encoder = nn.Linear(8, 8)


def step(model, optimizer):
    optimizer.zero_grad()
    model(torch.ones(4, 8)).square().mean().backward()
    optimizer.step()


torch.manual_seed(0)
old_model, model = OldNet(), NewNet()
old_optimizer = torch.optim.AdamW(old_model.parameters(), lr=0.01)
optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
step(old_model, old_optimizer)

# %%
# Short answer
# ------------
#
# An optimizer's ``state_dict`` is matched by position. Have PyTorch save and
# load it by parameter name instead:

import torch
import torch.distributed.checkpoint.state_dict as dsd

state_dict = dsd.get_optimizer_state_dict(old_model, old_optimizer)
torch.save(state_dict, "optimizer.pt")

state_dict = torch.load("optimizer.pt", map_location="cpu")
options = dsd.StateDictOptions(strict=False)  # new layers start afresh
dsd.set_optimizer_state_dict(model, optimizer, state_dict, options=options)

# %%
# If your file was written by ``optimizer.state_dict()``, add the names first,
# as shown below. If its state is not worth the trouble, load only the weights
# and start with a new optimizer.
#
# .. fold:: Who this is for
#
#    You froze, added, removed or reordered layers, or changed the parameter
#    groups, and the optimizer state does not load, or it loads and training
#    gets worse.
#
# .. fold:: Setup
#
#    Tried with PyTorch 2.13. Older versions, such as 2.6, raise a ``KeyError``
#    for a new layer despite ``strict=False`` (`pytorch#132628
#    <https://github.com/pytorch/pytorch/issues/132628>`__)::
#
#        pip install "torch>=2.13"

# %%
# Why it works
# ------------
#
# The state is keyed by name, and each parameter gets the state saved under its
# own. A new layer has no state yet, which is an error without ``strict=False``;
# its state starts with the next step. A layer that only the file has is left
# out either way.
#
# .. diagnosis:: The file has no optimizer state for this parameter, which was
#       frozen or is new.
#    :message: Missing optimizer state for parameter
#
#    options = dsd.StateDictOptions(strict=False)
#    dsd.set_optimizer_state_dict(model, optimizer, saved, options=options)

try:
    dsd.set_optimizer_state_dict(model, optimizer, state_dict)
except RuntimeError as error:
    print(f"{type(error).__name__}: {error}")

for name in [
    "encoder.weight",
    "decoder.weight",
    "encoder.bias",
    "decoder.bias",
]:
    assert torch.equal(
        optimizer.state[model.get_parameter(name)]["exp_avg"],
        old_optimizer.state[old_model.get_parameter(name)]["exp_avg"],
    )
assert model.head.weight not in optimizer.state
smaller = nn.ModuleDict({"encoder": nn.Linear(8, 8)})
adamw = torch.optim.AdamW(smaller.parameters())
dsd.set_optimizer_state_dict(smaller, adamw, state_dict)
assert len(adamw.state) == 2

# %%
# Convert a file that has no names
# --------------------------------
#
# ``optimizer.state_dict()`` numbers the parameters in the order in which the
# optimizer got them. PyTorch checks only how many there are in each group, so a
# layer that was added, or frozen and left out, is an error, and there is no
# ``strict=False``:
#
# .. diagnosis:: The optimizer has more or fewer parameters than the one that
#       was saved.
#    :message: that doesn't match the size of optimizer's group
#              loaded state dict has a different number of parameter groups
#    :fix: convert-a-file-that-has-no-names
#
#    optimizer = torch.optim.AdamW(model.parameters())  # from scratch
#
# .. diagnosis:: An optimizer matches its state by order, so it has no
#       ``strict``.
#    :message: load_state_dict() got an unexpected keyword argument 'strict'
#    :fix: convert-a-file-that-has-no-names
#
#    optimizer.load_state_dict(saved)

torch.save({"optimizer": old_optimizer.state_dict()}, "checkpoint.pt")
checkpoint = torch.load("checkpoint.pt", map_location="cpu")
optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
try:
    optimizer.load_state_dict(checkpoint["optimizer"])
except ValueError as error:
    print(f"{type(error).__name__}: {error}")
try:
    optimizer.load_state_dict(checkpoint["optimizer"], strict=False)
except TypeError as error:
    print(f"{type(error).__name__}: {error}")

# %%
# Name the entries, then load them as in the short answer. The names are those
# of the model *as it was*, in the order in which its optimizer got the
# parameters. If it got only some, such as those with ``requires_grad``, filter
# the names.


def add_names(state_dict, names):
    groups = state_dict["param_groups"]
    if sum(len(group["params"]) for group in groups) != len(names):
        raise ValueError(f"{len(names)} names do not fit the optimizer")
    return {
        "state": {names[i]: s for i, s in state_dict["state"].items()},
        "param_groups": [
            {**group, "params": [names[i] for i in group["params"]]}
            for group in groups
        ],
    }


names = [name for name, _ in OldNet().named_parameters()]
named = add_names(checkpoint["optimizer"], names)
dsd.set_optimizer_state_dict(model, optimizer, named, options=options)

assert list(named["state"]) == list(state_dict["state"])
for name, state in named["state"].items():
    torch.testing.assert_close(state, state_dict["state"][name])
assert len(optimizer.state) == 4

# %%
# If the old class is gone, take the names from the model's ``state_dict`` in
# the same checkpoint: its keys, minus the buffers (``running_mean``,
# ``running_var``, ``num_batches_tracked``) and the second key of tied weights.
# Lightning keeps a list: take ``checkpoint["optimizer_states"][0]``.
#
# What goes wrong
# ---------------
#
# **Layers in another order.** If the numbers of parameters agree, the state
# loads without a warning, and each layer gets the other's averages:

# sphinx_gallery_wrong = True
reordered = Reordered()
wrong = torch.optim.AdamW(reordered.named_parameters(), lr=0.01)
wrong.load_state_dict(checkpoint["optimizer"])

decoder_state = wrong.state[reordered.decoder.weight]["exp_avg"]
encoder_state = named["state"]["encoder.weight"]["exp_avg"]
print("swapped:", torch.equal(decoder_state, encoder_state))

assert torch.equal(decoder_state, encoder_state)

# %%
# An optimizer built from ``named_parameters()`` (2.6 or newer) saves the names
# as ``param_names``, but loading does not compare them; it takes them from the
# file. A hook can refuse a file with other names:
#
# .. diagnosis:: The file is for parameters of other names.
#    :fix: what-goes-wrong
#
#    optimizer = torch.optim.AdamW(model.named_parameters())  # from scratch
#
# .. diagnosis:: Parameters that share a group here had different settings when
#       they were saved.
#    :message: should have the same saved param_group value
#
#    groups = [{"params": body, "lr": 0.01}, {"params": head, "lr": 0.1}]
#    optimizer = torch.optim.AdamW(groups)  # the groups that were saved


def same_names(optimizer, state_dict):
    saved = [g.get("param_names") for g in state_dict["param_groups"]]
    if saved != [g.get("param_names") for g in optimizer.param_groups]:
        raise ValueError(f"the file is for the parameters {saved}")


saved = torch.optim.AdamW(old_model.named_parameters()).state_dict()
careful = torch.optim.AdamW(reordered.named_parameters())
careful.register_load_state_dict_pre_hook(same_names)
try:
    careful.load_state_dict(saved)
except ValueError as error:
    print(f"{type(error).__name__}: {error}")

assert wrong.load_state_dict(saved) is None  # without the hook
assert wrong.param_groups[0]["param_names"][0] == "encoder.weight"
assert wrong.param_groups[0]["params"][0] is reordered.decoder.weight

# %%
# **Other shapes, or another kind of optimizer.** PyTorch compares neither; the
# error comes from the next step. The settings are replaced too, and Adam's have
# no ``momentum``. SGD's state has no ``step``, so Adam fails while loading it.
# Keep the weights, and let a new optimizer start from scratch.
#
# .. diagnosis:: The state is from an optimizer of another class, whose settings
#       lack this one.
#    :message: KeyError: '{name:momentum|betas|dampening|nesterov|amsgrad|eps}'
#    :fix: what-goes-wrong
#
#    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)  # from scratch
#
# .. diagnosis:: The state is from an optimizer of another class, or from an
#       older PyTorch.
#    :message: KeyError: '{name:step|exp_avg|momentum_buffer|max_exp_avg_sq}'
#    :traceback: torch/optim/
#    :fix: what-goes-wrong
#
#    optimizer = torch.optim.Adam(model.parameters())  # from scratch
#
# .. diagnosis:: The state of the optimizer belongs to parameters of other
#       shapes.
#    :message: The size of tensor a ({a}) must match the size of tensor b ({b})
#              output with shape {} doesn't match the broadcast shape
#    :traceback: torch/optim/
#    :fix: what-goes-wrong
#
#    optimizer = torch.optim.AdamW(model.parameters())  # from scratch

# sphinx_gallery_wrong = True
wider = nn.Sequential(nn.Linear(8, 16), nn.Linear(16, 8))
sgd = torch.optim.SGD(old_model.parameters(), momentum=0.9)
step(old_model, sgd)

adamw_state = torch.load("checkpoint.pt")["optimizer"]
for net, kind, saved in [
    (wider, torch.optim.AdamW, adamw_state),
    (old_model, torch.optim.SGD, adamw_state),
    (old_model, torch.optim.Adam, sgd.state_dict()),
]:
    wrong = kind(net.parameters())
    try:
        wrong.load_state_dict(saved)
        step(net, wrong)
    except (RuntimeError, KeyError) as error:
        print(f"{type(error).__name__}: {error}")

# %%
# Variants
# --------
#
# **Other parameter groups.** The state follows the names, but the settings of a
# saved group go to *one* new group. If you split it, the other groups have no
# settings, and the next step fails with ``KeyError: 'betas'``. Put the new
# optimizer's settings back:

decay = [model.encoder.weight, model.decoder.weight, model.head.weight]
rest = [model.encoder.bias, model.decoder.bias, model.head.bias]
optimizer = torch.optim.AdamW(
    [{"params": decay}, {"params": rest, "weight_decay": 0.0}], lr=0.01
)
settings = optimizer.state_dict()["param_groups"]
named = add_names(torch.load("checkpoint.pt")["optimizer"], names)
dsd.set_optimizer_state_dict(model, optimizer, named, options=options)
print(["lr" in group for group in optimizer.param_groups])

for group, own in zip(optimizer.param_groups, settings):
    group.update(own, params=group["params"])
step(model, optimizer)

assert [g["weight_decay"] for g in optimizer.param_groups] == [0.01, 0.0]
assert optimizer.state[model.encoder.weight]["step"] == 2
assert names == list(
    dsd.get_optimizer_state_dict(
        torch.compile(old_model, backend="eager"), old_optimizer
    )["state"]
)
assert [f"module.{name}" for name in names] == list(
    dsd.get_optimizer_state_dict(nn.DataParallel(old_model), old_optimizer)[
        "state"
    ]
)

# %%
# **Wrapped models**, whether compiled or in DDP or FSDP, need nothing else: the
# names have no prefix. With ``DataParallel``, pass ``model.module``.

# sphinx_gallery_fold = "Leave the temporary folder"
os.chdir(here)
folder.cleanup()

# %%
# Learn more
# ----------
#
# - :ref:`sphx_glr_recipes_training_placing_optimizer_state.py`
# - :ref:`sphx_glr_recipes_recipes_saving_and_loading_a_general_checkpoint.py`
# - :ref:`sphx_glr_recipes_checkpoints_saving_only_trained_parameters.py`
# - `pytorch#34660 <https://github.com/pytorch/pytorch/issues/34660>`__, on
#   loading part of an optimizer's state
# - `pytorch#7499 <https://github.com/pytorch/pytorch/issues/7499>`__, on
#   ``KeyError: 'momentum'``
# - :meth:`torch.optim.Optimizer.load_state_dict`
