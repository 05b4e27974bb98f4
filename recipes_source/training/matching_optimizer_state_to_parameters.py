"""
Matching optimizer state to parameters
======================================

Optimizer state is loaded by position, not by name, so it can silently attach to
the wrong parameter; a pre-hook that compares names prevents it.

**For whom:** you resume training after the layers of your model, or its parameter
groups, were put in another order.

Setup
-----

Install PyTorch, and Matplotlib for the figure::

    pip install torch matplotlib

Steps
-----

1. Import the libraries
2. Train and save
3. Reorder the layers and load
4. Do not trust the names after loading
5. Match by name with a pre-hook
6. Compare the resumed runs
7. Match a file that has no names
8. Recognize the errors around it
"""

# sphinx_gallery_tags = ["optimizer", "errors", "keys"]
# sphinx_gallery_keywords = ["wrong parameter", "order of parameters", "parameter names"]
# sphinx_gallery_reading_order = 30

# %%
# 1. Import the libraries
# ~~~~~~~~~~~~~~~~~~~~~~~
#
# The seed makes every run print the same values. The checkpoint goes to a folder
# that is removed at the end.

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim

torch.manual_seed(0)
plt.style.use("petroff10")

folder = tempfile.TemporaryDirectory()
path = Path(folder.name) / "checkpoint.pt"

# %%
# 2. Train and save
# ~~~~~~~~~~~~~~~~~
#
# Encoder and decoder have the same shapes, so nothing but order or name can tell
# their state apart. Adam keeps two moments per parameter, ``exp_avg`` and
# ``exp_avg_sq``. Given :meth:`~torch.nn.Module.named_parameters`, it also saves the
# names, next to the numbers that stand for the parameters in ``state``.


class Autoencoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Linear(8, 8)
        self.decoder = nn.Linear(8, 8)

    def forward(self, x):
        return self.decoder(torch.sigmoid(self.encoder(x)))


data = 0.1 * torch.randn(64, 8)


def train(model, optimizer, steps):
    losses = []
    for _ in range(steps):
        loss = F.mse_loss(model(data), data)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


model = Autoencoder()
optimizer = optim.Adam(model.named_parameters(), lr=0.05)
before = train(model, optimizer, 100)
torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict()}, path)

group = optimizer.state_dict()["param_groups"][0]
for number, name in zip(group["params"], group["param_names"]):
    print(f"state[{number}] belongs to {name}")
assert group["param_names"] == [name for name, _ in model.named_parameters()]

# %%
# 3. Reorder the layers and load
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# The new class defines the decoder first. The model's ``state_dict`` does not mind,
# for it is matched by key. The optimizer's is matched by position: it loads without
# an error or a warning, and each layer gets the moments of the other one, although
# both optimizers know the names.


class Reordered(Autoencoder):
    def __init__(self):
        nn.Module.__init__(self)
        self.decoder = nn.Linear(8, 8)
        self.encoder = nn.Linear(8, 8)


def load(match=None):
    checkpoint = torch.load(path)
    model = Reordered()
    model.load_state_dict(checkpoint["model"])
    optimizer = optim.Adam(model.named_parameters(), lr=0.05)
    if match is not None:
        optimizer.register_load_state_dict_pre_hook(match)
    optimizer.load_state_dict(checkpoint["optimizer"])
    return model, optimizer


def origins(other, other_optimizer):
    """Map each parameter's name to the name under which its state was saved."""
    found = {}
    for name, parameter in other.named_parameters():
        moment = other_optimizer.state[parameter]["exp_avg"]
        for old_name, old in model.named_parameters():
            if torch.equal(moment, optimizer.state[old]["exp_avg"]):
                found[name] = old_name
    return found


swapped_model, swapped_optimizer = load()
for name, origin in origins(swapped_model, swapped_optimizer).items():
    print(f"{name} has the moments of {origin}")

assert torch.equal(swapped_model.encoder.weight, model.encoder.weight)
assert origins(swapped_model, swapped_optimizer) == {
    "decoder.weight": "encoder.weight",
    "decoder.bias": "encoder.bias",
    "encoder.weight": "decoder.weight",
    "encoder.bias": "decoder.bias",
}

# %%
# 4. Do not trust the names after loading
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# Loading takes ``param_names`` from the file as well. The new optimizer now calls its
# first parameter ``encoder.weight``, but it is the decoder's. Looking at the names
# afterwards therefore cannot reveal the swap.

group = swapped_optimizer.param_groups[0]
first = group["params"][0]
print("name: ", group["param_names"][0])
print("it is:", [n for n, p in swapped_model.named_parameters() if p is first][0])
assert group["param_names"][0] == "encoder.weight"
assert first is swapped_model.decoder.weight

# %%
# 5. Match by name with a pre-hook
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# :meth:`~torch.optim.Optimizer.register_load_state_dict_pre_hook` lets you rewrite
# the ``state_dict`` before it is loaded. The numbers in ``params`` say which entry of
# ``state`` is for which position, so putting *them* into the order of the new
# optimizer is enough. The hook builds new groups, because it receives a shallow
# copy, and changes to the old ones would reach the caller.


def match_by_name(optimizer, state_dict):
    groups = []
    for group, saved in zip(optimizer.param_groups, state_dict["param_groups"]):
        numbers = dict(zip(saved["param_names"], saved["params"]))
        names = list(group["param_names"])
        params = [numbers[name] for name in names]
        groups.append({**saved, "params": params, "param_names": names})
    return {**state_dict, "param_groups": groups}


matched_model, matched_optimizer = load(match_by_name)
for name, origin in origins(matched_model, matched_optimizer).items():
    print(f"{name} has the moments of {origin}")
    assert name == origin

names = [name for name, _ in matched_model.named_parameters()]
assert matched_optimizer.param_groups[0]["param_names"] == names

# %%
# 6. Compare the resumed runs
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# All three go on from the same weights. With the state matched by name, the
# reordered model repeats the losses of the original one exactly. With swapped
# moments the first loss is still right, because the weights are, and then the loss
# jumps. Adam divides by the root of the second moment, and the decoder's gradients
# are divided by the far smaller one of the encoder.

after = train(model, optimizer, 50)
matched = train(matched_model, matched_optimizer, 50)
swapped = train(swapped_model, swapped_optimizer, 50)

fig, ax = plt.subplots(figsize=(5, 3.2), layout="constrained")
steps = range(100, 150)
ax.plot(range(80, 150), before[80:] + after, color="C0", label="original order")
ax.plot(steps[::5], matched[::5], "o", color="C1", label="reordered, by name")
ax.plot(steps, swapped, "--", color="C2", label="reordered, by position")
ax.set(xlabel="step", ylabel="mean squared error")
ax.set_title("Training loss, resumed at step 100")
ax.legend()
plt.show()

print("by name, all losses are equal:  ", matched == after)
print("by position, the first is equal:", swapped[0] == after[0])
print("by position, 10 × as high later:", max(swapped) > 10 * max(after))
assert matched == after
assert swapped[0] == after[0] and max(swapped) > 10 * max(after)

state = torch.load(path)["optimizer"]["state"]
roots = [state[number]["exp_avg_sq"].mean().sqrt().item() for number in (0, 2)]
print("decoder's root is 10 × encoder's:", roots[1] > 10 * roots[0])
assert roots[1] > 10 * roots[0]

# %%
# 7. Match a file that has no names
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# An optimizer that was built from :meth:`~torch.nn.Module.parameters` saves no
# names. The model's ``state_dict`` in the same checkpoint still lists them in the old
# order, with buffers in between. Build the new optimizer in that order, and
# matching by position is right again. This holds if the old optimizer received
# *all* parameters of the model, in one group.

old_optimizer = optim.Adam(model.parameters(), lr=0.05)
train(model, old_optimizer, 1)
checkpoint = {"model": model.state_dict(), "optimizer": old_optimizer.state_dict()}
assert "param_names" not in checkpoint["optimizer"]["param_groups"][0]

new_model = Reordered()
new_model.load_state_dict(checkpoint["model"])
parameters = dict(new_model.named_parameters())
old_order = [name for name in checkpoint["model"] if name in parameters]
new_optimizer = optim.Adam([(name, parameters[name]) for name in old_order], lr=0.05)
new_optimizer.load_state_dict(checkpoint["optimizer"])

print("new model:    ", list(parameters))
print("new optimizer:", old_order)
for name, old in model.named_parameters():
    moment = new_optimizer.state[parameters[name]]["exp_avg"]
    assert torch.equal(moment, old_optimizer.state[old]["exp_avg"])

# %%
# 8. Recognize the errors around it
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# Only the *number* of parameters in each group is checked while loading. An
# optimizer with one parameter less is refused.

smaller = optim.Adam(list(model.parameters())[1:])
try:
    smaller.load_state_dict(checkpoint["optimizer"])
except ValueError as error:
    print(f"{type(error).__name__}: {error}")
else:
    raise AssertionError("the state should have been refused")

# %%
# .. admonition:: Do not do this
#
#    ``optimizer.load_state_dict(state, strict=False)``, to get rid of that error.
#    Only a module has ``strict``. An optimizer cannot know which entries to skip,
#    since it does not compare names.

try:
    smaller.load_state_dict(checkpoint["optimizer"], strict=False)
except TypeError as error:
    print(f"{type(error).__name__}: {error}")
else:
    raise AssertionError("strict should have been refused")

# %%
# Shapes are not checked while loading. If the swapped parameters differ in shape,
# the moments do not fit, and the error comes later, from
# :meth:`~torch.optim.Optimizer.step`.

short, long = nn.Parameter(torch.zeros(3)), nn.Parameter(torch.zeros(5))
source, target = optim.Adam([short, long]), optim.Adam([long, short])
(short.sum() + long.sum()).backward()
source.step()

target.load_state_dict(source.state_dict())
assert target.state[long]["exp_avg"].shape == short.shape
try:
    target.step()
except RuntimeError as error:
    print(f"{type(error).__name__}: {error}")
else:
    raise AssertionError("the moments should not have fitted")

# %%
# A :class:`set` has no order that a second run would repeat. In a parameter group it
# is refused. Given directly, as ``optim.Adam(set(...))``, it is accepted silently, so
# pass a list or a generator.

direct = optim.Adam({short, long})
assert len(direct.param_groups[0]["params"]) == 2
try:
    optim.Adam([{"params": {short, long}}])
except TypeError as error:
    print(f"{type(error).__name__}: {error}")
else:
    raise AssertionError("the set should have been refused")

folder.cleanup()

# %%
# You have seen that optimizer state follows the order of the parameters. Build
# optimizers from :meth:`~torch.nn.Module.named_parameters`, and match the names in a
# pre-hook whenever the order may have changed.
#
# Learn more
# ----------
#
# - :ref:`sphx_glr_recipes_recipes_what_is_state_dict.py`
# - :ref:`sphx_glr_recipes_training_placing_optimizer_state.py`
# - :ref:`sphx_glr_recipes_troubleshooting_knowing_what_strict_false_does.py`
# - :meth:`torch.optim.Optimizer.load_state_dict` and
#   :meth:`torch.optim.Optimizer.register_load_state_dict_pre_hook` in the API
#   documentation
# - `pytorch#1489 <https://github.com/pytorch/pytorch/issues/1489>`__, the request to
#   track names instead of positions
