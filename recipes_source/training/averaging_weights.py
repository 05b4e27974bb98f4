"""
How do I save and load an EMA or SWA model?
===========================================

Resume an average where it left off, load it into the plain model, and give it
the right batch normalization statistics.
"""

# sphinx_gallery_tags = ["loading", "checkpoint", "module", "keys"]
# sphinx_gallery_keywords = ["exponential moving average", "stochastic weight averaging", "model_ema", "ema_model", "state_dict_ema"]
# sphinx_gallery_reading_order = 60

# %%

# sphinx_gallery_fold = "A model, its average, and the checkpoint of both"
import copy
import os
import tempfile

import torch
import torch.nn as nn
from torch.optim.swa_utils import (
    AveragedModel,
    get_ema_multi_avg_fn,
    update_bn,
)

here = globals().get("here", os.getcwd())
folder = tempfile.TemporaryDirectory()
os.chdir(folder.name)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(2, 1)
        self.norm = nn.BatchNorm1d(1)

    def forward(self, x):
        return self.norm(self.fc(x))


def train(model, *averages, steps=5):
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(steps):
        x = torch.randn(16, 2) + 3
        optimizer.zero_grad()
        (model(x) - x.sum(1, keepdim=True)).square().mean().backward()
        optimizer.step()
        for average in averages:
            average.update_parameters(model)


torch.manual_seed(0)
model = Net()
ema = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(0.9))
train(model, ema)
torch.save(
    {"model": model.state_dict(), "ema": ema.state_dict()}, "checkpoint.pt"
)

# %%
# Short answer
# ------------
#
# Save the ``ema.state_dict()`` of an ``AveragedModel`` to resume it, and
# ``ema.module.state_dict()`` for the plain model:

import torch
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

checkpoint = torch.load("checkpoint.pt", map_location="cpu")
model.load_state_dict(checkpoint["model"])
ema = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(0.9))
ema.load_state_dict(checkpoint["ema"])

torch.save(ema.module.state_dict(), "model.pt")

# %%
# ``ema.eval()`` and ``ema(x)`` evaluate the average. To load a file with
# ``n_averaged`` into the plain model, drop the prefix and counter, as below.
#
# .. fold:: Who this is for
#
#    You keep an exponential moving average (EMA) of the weights, average them
#    at the end of training (SWA), or have a file from someone who did.
#
# .. fold:: Setup
#
#    PyTorch 2.0 or newer for ``get_ema_multi_avg_fn``::
#
#        pip install "torch>=2.6"

# %%
# Why it works
# ------------
#
# :class:`torch.optim.swa_utils.AveragedModel` holds a copy of your model in its
# attribute ``module``, and counts its updates in ``n_averaged``. You need the
# counter to resume; the plain model has no place for it:

print(list(ema.state_dict()))
print(list(torch.load("model.pt")))
plain = Net()
plain.load_state_dict(torch.load("model.pt"))

x = torch.randn(4, 2)
assert torch.equal(plain.eval()(x), ema.eval()(x))
assert set(ema.state_dict()) == {"n_averaged"} | {
    f"module.{name}" for name in model.state_dict()
}
assert ema.n_averaged == 5

# %%
# What goes wrong
# ---------------
#
# **Loading the whole average into a plain model** fails: no key matches.
#
# .. diagnosis:: The file is an average of weights, ``AveragedModel``, and the
#       model is a plain one.
#    :missing: {key}
#    :unexpected: {prefix:module}.{key}
#                 n_averaged
#
#    averaged = AveragedModel(model)
#    averaged.load_state_dict(state_dict)
#    model.load_state_dict(averaged.module.state_dict())
#
# .. diagnosis:: The file has averaged weights beside the others.
#    :message: unexpected key in source state_dict: ema_
#
#    weights = {k: v for k, v in weights.items() if not k.startswith("ema_")}

# sphinx_gallery_wrong = True
try:
    plain.load_state_dict(checkpoint["ema"])
except RuntimeError as error:
    print(f"{type(error).__name__}: {error}")

# %%
# For such a file, drop the counter and the prefix:

state_dict = {
    name.removeprefix("module."): value
    for name, value in checkpoint["ema"].items()
    if name != "n_averaged"
}
plain.load_state_dict(state_dict)
assert torch.equal(plain.fc.weight, ema.module.fc.weight)

# %%
# **Resuming without the counter.** With ``n_averaged`` at 0, the next update
# counts as the first, which *copies* the model: the average is lost.

# sphinx_gallery_wrong = True
forgetful = AveragedModel(Net(), multi_avg_fn=get_ema_multi_avg_fn(0.9))
forgetful.module.load_state_dict(torch.load("model.pt"))
forgetful.update_parameters(model)
print("a copy:", torch.equal(forgetful.module.fc.weight, model.fc.weight))

assert torch.equal(forgetful.module.fc.weight, model.fc.weight)

# %%
# With the counter, the update keeps 90% of the average. The decay itself and
# ``use_buffers`` are *not* in the file: an average with other settings loads
# without a warning, so keep them in your configuration.

# sphinx_gallery_fold = "The same update with the counter"
before = ema.module.fc.weight.clone()
ema.update_parameters(model)

torch.testing.assert_close(
    ema.module.fc.weight, 0.9 * before + 0.1 * model.fc.weight
)
other = AveragedModel(Net(), use_buffers=True)
assert other.load_state_dict(ema.state_dict())
assert other.multi_avg_fn is None and other.use_buffers

# %%
# Batch normalization
# -------------------
#
# By default, each update *copies* the buffers, so their statistics belong to
# the current weights and not to the average. ``use_buffers=True`` averages them
# like the weights, including the counter ``num_batches_tracked``. ``update_bn``
# recomputes them from the training data:

averaged = AveragedModel(
    model, multi_avg_fn=get_ema_multi_avg_fn(0.9), use_buffers=True
)
train(model, ema, averaged)
final = copy.deepcopy(ema)
data = torch.randn(64, 2) + 3
update_bn(data.split(16), final)

torch.testing.assert_close(
    final.module.norm.running_mean, final.module.fc(data).mean(0)
)
assert torch.equal(ema.module.norm.running_mean, model.norm.running_mean)
assert not torch.equal(
    averaged.module.norm.running_mean, ema.module.norm.running_mean
)
assert averaged.module.norm.num_batches_tracked < model.norm.num_batches_tracked

# %%
# ``update_bn`` gives every batch the same weight, however small, and takes the
# variance within each batch. Use large batches and ``drop_last=True``.

# sphinx_gallery_fold = "A batch of 32 samples, and a last one of 4"
update_bn(data[:36].split(32), final)
received = final.module.fc(data[:36]).split(32)
exact = torch.cat(received).mean(0)
norm = final.module.norm

assert not torch.allclose(norm.running_mean, exact)
torch.testing.assert_close(
    norm.running_mean, sum(part.mean(0) for part in received) / 2
)
torch.testing.assert_close(
    norm.running_var, sum(part.var(0) for part in received) / 2
)

# %%
# Variants
# --------
#
# **Compiled models and DDP.** Average the inner model, or the keys begin with
# ``module._orig_mod.`` or ``module.module.``. You can still update from the
# wrapped model:

compiled = torch.compile(model, backend="eager")
ema.update_parameters(compiled)
wrapped = [AveragedModel(net) for net in (compiled, nn.DataParallel(model))]
for average in [ema, *wrapped]:
    print(list(average.state_dict())[1])

assert [list(average.state_dict())[1] for average in [ema, *wrapped]] == [
    "module.fc.weight",
    "module._orig_mod.fc.weight",
    "module.module.fc.weight",
]

# %%
# **A trainer that validates the model itself**: load the average into the
# model, and the training weights back afterward. Copy those first, because a
# ``state_dict`` shares its tensors with the model.

weights = copy.deepcopy(model.state_dict())
model.load_state_dict(ema.module.state_dict())
loss = model.eval()(x).square().mean()  # your validation
model.load_state_dict(weights)
model.train()

assert loss == ema.eval()(x).square().mean()
assert torch.equal(model.fc.weight, weights["fc.weight"])
assert not torch.equal(model.fc.weight, ema.module.fc.weight)

# %%
# **Decay warm-up.** With a decay of 0.999, 90% of the average is still the
# starting weights after 100 steps. A decay that grows with ``n_averaged``
# catches up sooner, and resumes where it was, since the file has the counter:


def warm_up(average, current, n_averaged):
    decay = min(0.999, (1 + n_averaged.item()) / (10 + n_averaged.item()))
    return average.lerp(current, 1 - decay)


# %%

# sphinx_gallery_fold = "Two averages after 20 steps"
slow = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(0.999))
fast = AveragedModel(model, avg_fn=warm_up)
train(model, slow, fast, steps=20)
distances = [
    (average.module.fc.weight - model.fc.weight).abs().max().item()
    for average in (slow, fast)
]
print("warm-up is nearer to the model:", distances[1] < distances[0])
assert distances[1] < distances[0]
assert 0.9 < 0.999**100 < 0.91

# %%
# **bfloat16.** With a decay of 0.999, an average in ``bfloat16`` does not move
# while the weights grow by half: each update is too small for the dtype. Keep
# the average in ``float32``: call its ``.float()``, and pass ``avg_fn=lambda
# average, current, n: average.lerp(current.float(), 0.001)``.

# sphinx_gallery_fold = "100 updates in bfloat16 and in float32"


def float32(average, current, n_averaged):
    return average.lerp(current.float(), 0.001)


half = nn.Linear(1, 1).to(torch.bfloat16)
stuck = AveragedModel(half, multi_avg_fn=get_ema_multi_avg_fn(0.999))
moving = AveragedModel(half, avg_fn=float32).float()
for average in (stuck, moving):
    average.update_parameters(half)
start = half.weight.item()
half.weight.data.mul_(1.5)
for _ in range(100):
    stuck.update_parameters(half)
    moving.update_parameters(half)
for name, average in {"bfloat16": stuck, "float32": moving}.items():
    print(f"{name} moved: {average.module.weight.item() != start}")

assert stuck.module.weight == start and moving.module.weight != start

# %%
# **Files from other libraries.** timm saves the average as ``state_dict_ema``,
# next to ``state_dict``. MMCV's EMA hook swaps the two: the usual keys hold the
# average, and extra keys, with underscores, hold the trained weights.
# *unexpected key in source state_dict: ema_backbone_model_base_layer_0_weight*
# means that the hook was not there yet. To resume, give the hook
# ``resume_from`` too. For inference, drop the extra keys:

state_dict = {"backbone.weight": x, "ema_backbone_weight": x}
state_dict = {k: v for k, v in state_dict.items() if not k.startswith("ema_")}
assert list(state_dict) == ["backbone.weight"]

# %%

# sphinx_gallery_fold = "Leave the temporary folder"
os.chdir(here)
folder.cleanup()

# %%
# Learn more
# ----------
#
# - :ref:`sphx_glr_recipes_training_keeping_the_best_weights.py`
# - :ref:`sphx_glr_recipes_troubleshooting_removing_wrapper_prefixes.py`
# - :ref:`sphx_glr_recipes_troubleshooting_reading_missing_and_unexpected_keys.py`
# - `pytorch#65495 <https://github.com/pytorch/pytorch/pull/65495>`__, on the
#   buffers of an average
# - `CLRerNet#26 <https://github.com/hirotomusiker/CLRerNet/issues/26>`__, on
#   the keys that begin with ``ema_``
# - :class:`torch.optim.swa_utils.AveragedModel`,
#   :func:`torch.optim.swa_utils.update_bn`
