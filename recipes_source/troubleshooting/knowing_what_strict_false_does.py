"""
Knowing what strict=False does
==============================

``strict=False`` silences missing and unexpected keys, and nothing else: it can
load no weight at all without a word, and it still stops at a size mismatch.

**For whom:** you load a ``state_dict`` that fits only in part, or you have been
advised to add ``strict=False`` to make an error go away.

Introduction
------------

With the default ``strict=True``, :meth:`torch.nn.Module.load_state_dict` raises
an error unless the keys of the ``state_dict`` and of the model are the same. With
``strict=False`` it copies what matches by name, and *returns* the rest as two
lists. What then happens depends on whether you read them.

Setup
-----

Install PyTorch, and Matplotlib for the figure::

    pip install torch matplotlib

Steps
-----

1. Import the libraries and define the model
2. Read what ``strict=False`` returns
3. Load nothing at all without an error
4. Meet the error that remains
5. Find the model half-loaded
6. Load in part, on purpose
7. Keep it away from the optimizer
"""

# sphinx_gallery_tags = ["loading", "errors", "keys", "transfer learning"]
# sphinx_gallery_keywords = ["ignore errors", "size mismatch", "copying a param with shape", "the shape in current model is"]
# sphinx_gallery_reading_order = 30

# %%
# 1. Import the libraries and define the model
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# ``pretrained`` stands for a downloaded file: a body of two layers and a head
# for 10 classes. ``loaded_share`` says which part of a model's weights equals
# those of the file. It is 0 for a new model, because the initial weights differ.

import matplotlib.pyplot as plt
import torch
import torch.nn as nn

torch.manual_seed(0)
plt.style.use("petroff10")


class Net(nn.Module):
    def __init__(self, classes=10):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, 32))
        self.head = nn.Linear(32, classes)

    def forward(self, x):
        return self.head(self.body(x))


def loaded_share(model, tensors):
    same = total = 0
    for name, value in model.state_dict().items():
        total += value.numel()
        if value.shape == tensors[name].shape:
            same += (value == tensors[name]).sum().item()
    return same / total


pretrained = Net().state_dict()
net = Net()
print(f"share of the weights from the file: {loaded_share(net, pretrained):.0%}")
assert loaded_share(net, pretrained) == 0

# %%
# 2. Read what ``strict=False`` returns
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# The file at hand has no head, as is common for a pretrained body, and one entry
# that the model does not know. ``load_state_dict`` returns both facts.

shares = {}
body_only = {key: value for key, value in pretrained.items() if "body" in key}
result = net.load_state_dict(body_only | {"logit_scale": torch.ones(1)}, strict=False)

shares["body only"] = loaded_share(net, pretrained)
print("missing:   ", result.missing_keys)
print("unexpected:", result.unexpected_keys)
print(f"share of the weights from the file: {shares['body only']:.0%}")
assert result.missing_keys == ["head.weight", "head.bias"]
assert result.unexpected_keys == ["logit_scale"]
assert 0.8 < shares["body only"] < 0.9

# %%
# 3. Load nothing at all without an error
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# This file was saved from a wrapped model, so that each key begins with
# ``module.`` and none matches. The call below returns normally. The model keeps
# its random initial weights, and nothing but the returned lists tells.

prefixed = {f"module.{key}": value for key, value in pretrained.items()}
net = Net()
result = net.load_state_dict(prefixed, strict=False)

shares["module. prefix"] = loaded_share(net, pretrained)
print(f"missing: {len(result.missing_keys)} of {len(net.state_dict())} keys")
print(f"unexpected: {len(result.unexpected_keys)} of {len(prefixed)} keys")
print(f"share of the weights from the file: {shares['module. prefix']:.0%}")
assert result.missing_keys == list(net.state_dict())
assert result.unexpected_keys == list(prefixed)
assert shares["module. prefix"] == 0

# %%
# 4. Meet the error that remains
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# .. admonition:: Do not do this
#
#    "The head has another number of classes. Pass ``strict=False``, which ignores
#    size mismatches."
#
#    It does not. ``strict`` is about *names*. A tensor whose name matches and
#    whose size does not is an error in either case, and the message is the same.

messages = []
for strict in [True, False]:
    net = Net(classes=3)
    try:
        net.load_state_dict(pretrained, strict=strict)
    except RuntimeError as error:
        messages.append(f"{type(error).__name__}: {error}")

assert len(messages) == 2 and messages[0] == messages[1]
print(messages[1])

# %%
# 5. Find the model half-loaded
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# The error is raised after everything else has been copied. Code that catches it
# and carries on, "training from scratch", has in fact a pretrained body and a new
# head.

for name, value in net.state_dict().items():
    same = torch.equal(value, pretrained[name])
    print(f"{name:<15}{'from the file' if same else 'initial value'}")
    assert same == name.startswith("body")

shares["size mismatch"] = loaded_share(net, pretrained)
print(f"share of the weights from the file: {shares['size mismatch']:.0%}")

# %%
# 6. Load in part, on purpose
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# To load in part, choose the tensors yourself, by name *and* shape, and say what
# you expect to be missing. Then ``strict=False`` allows only what the assertion
# names, and the next renamed layer raises an error again.

net = Net(classes=3)
state_dict = net.state_dict()
fitting = {
    name: value
    for name, value in pretrained.items()
    if name in state_dict and value.shape == state_dict[name].shape
}
result = net.load_state_dict(fitting, strict=False)

shares["by name and shape"] = loaded_share(net, pretrained)
print("missing:   ", result.missing_keys)
print("unexpected:", result.unexpected_keys)
assert set(result.missing_keys) == {"head.weight", "head.bias"}
assert not result.unexpected_keys

# %%
# The same assertion catches the silent failure of step 3. Put into a function,
# it reports the keys that nobody expected. This is its message for the file with
# prefixed keys: the four keys of the body are missing, and all six are unexpected.


def load_except(model, tensors, allowed):
    result = model.load_state_dict(tensors, strict=False)
    surprises = set(result.missing_keys) - set(allowed) | set(result.unexpected_keys)
    if surprises:
        raise ValueError(f"{len(surprises)} keys do not match: {min(surprises)}, ...")


try:
    load_except(Net(), prefixed, allowed=["head.weight", "head.bias"])
except ValueError as error:
    print(error)
    assert str(error) == "10 keys do not match: body.0.bias, ..."
else:
    raise AssertionError("the keys should not match")

# %%
# Side by side, the share of the weights that came from the file says nothing
# about whether there was an error. Two calls load the same body: one is silent
# and one raises. The call that loads nothing is silent too.

outcome = {"size mismatch": "RuntimeError"}
fig, ax = plt.subplots(figsize=(5, 3), layout="constrained")
for row, (case, share) in enumerate(shares.items()):
    raised = case in outcome
    bar = ax.barh(row, 100 * share, color="C1" if raised else "C0")
    bar[0].set_hatch("//" if raised else "")
    text = f"{share:.0%}, {outcome.get(case, 'no error')}"
    ax.text(101 * share + 1, row, text, va="center")
    print(f"{case:<19}{text}")
ax.set_yticks(range(len(shares)), shares)
ax.set(xlim=(0, 190), xticks=range(0, 101, 25), ylim=(len(shares) - 0.5, -0.5))
ax.set_xlabel("weights from the file (%)")
ax.set_title("What strict=False loads")
plt.show()

assert shares["size mismatch"] == shares["by name and shape"] > 0.9

# %%
# 7. Keep it away from the optimizer
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# .. admonition:: Do not do this
#
#    ``optimizer.load_state_dict(state_dict, strict=False)``
#
#    Only modules have this argument. An optimizer matches its state to the
#    parameters by their order, so there are no names to skip, and the call fails
#    before anything is loaded.

optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
try:
    optimizer.load_state_dict(optimizer.state_dict(), strict=False)
except TypeError as error:
    print(f"{type(error).__name__}: {error}")
else:
    raise AssertionError("strict should not be an argument")

# %%
# ``strict=False`` means "do not check the names". Use it with a check of your
# own, and never as the answer to an error that you have not read.
#
# Learn more
# ----------
#
# - :ref:`sphx_glr_recipes_troubleshooting_reading_missing_and_unexpected_keys.py`
# - :ref:`sphx_glr_recipes_recipes_warmstarting_model_using_parameters_from_a_different_model.py`
# - :ref:`sphx_glr_recipes_training_matching_optimizer_state_to_parameters.py`
# - `pytorch#40859 <https://github.com/pytorch/pytorch/issues/40859>`__, where an
#   option to skip mismatching shapes is discussed
# - :meth:`torch.nn.Module.load_state_dict` in the API documentation
