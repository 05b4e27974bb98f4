"""
Averaging weights and saving the average
========================================

The ``state_dict`` of an averaged model (EMA or SWA) has the keys of your model
behind ``module.``, and one more: the number of updates, ``n_averaged``.

**For whom:** you keep an exponential moving average (EMA) of the weights, or
average them at the end of training (SWA), and want to save, resume and use it.

Setup
-----

Install PyTorch, and Matplotlib for the figure::

    pip install torch matplotlib

Steps
-----

1. Import the libraries
2. Look into the ``state_dict`` of an averaged model
3. Average while training
4. Decide what happens to the buffers
5. Save and resume the average
6. Load the average into the plain model
"""

# sphinx_gallery_tags = ["loading", "checkpoint", "module", "keys"]
# sphinx_gallery_keywords = ["exponential moving average", "EMA", "SWA"]
# sphinx_gallery_reading_order = 60

# %%
# 1. Import the libraries
# ~~~~~~~~~~~~~~~~~~~~~~~
#
# The averaging is in ``torch.optim.swa_utils``. Its default is the equally
# weighted average of SWA; :func:`torch.optim.swa_utils.get_ema_multi_avg_fn`
# makes it an EMA.

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import torch
import torch.nn as nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn, update_bn

torch.manual_seed(0)
plt.style.use("petroff10")

folder = tempfile.TemporaryDirectory()
path = Path(folder.name) / "checkpoint.pt"

# %%
# 2. Look into the ``state_dict`` of an averaged model
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# :class:`torch.optim.swa_utils.AveragedModel` is a module that holds a copy of
# yours in its attribute ``module``. So each key of the network appears once more,
# with that prefix. ``n_averaged`` is a buffer that counts the updates.


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(2, 1)
        self.norm = nn.BatchNorm1d(1)

    def forward(self, x):
        return self.norm(self.fc(x))


net = Net()
average = AveragedModel(net, multi_avg_fn=get_ema_multi_avg_fn(0.9))
for name in average.state_dict():
    print(name)

expected = {"n_averaged"} | {f"module.{name}" for name in net.state_dict()}
assert set(average.state_dict()) == expected

# %%
# The averaging function with its decay of 0.9 and the argument ``use_buffers`` are
# not among the keys. An SWA model with other settings has the same keys, so one
# loads the ``state_dict`` of the other without a complaint. Keep these settings in
# your code or your configuration.

swa = AveragedModel(net, use_buffers=True)
print(swa.load_state_dict(average.state_dict()))
assert swa.state_dict().keys() == average.state_dict().keys()
assert swa.multi_avg_fn is None and swa.use_buffers

# %%
# 3. Average while training
# ~~~~~~~~~~~~~~~~~~~~~~~~~
#
# Two averages follow the same training; they differ in ``use_buffers`` only. After
# each step of the optimizer, ``update_parameters`` adds the network's weights to an
# average. The first call copies them. Each later one keeps 90% of the average and
# takes 10% from the network, which the last lines repeat by hand. The counter says
# 30 afterwards.

decay = 0.9
synced = AveragedModel(net, multi_avg_fn=get_ema_multi_avg_fn(decay))
averaged = AveragedModel(
    net, multi_avg_fn=get_ema_multi_avg_fn(decay), use_buffers=True
)
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
data = [(x, x.sum(1, keepdim=True)) for x in torch.randn(30, 16, 2) + 3]
weights, means = [], {"network": [], "use_buffers=False": [], "use_buffers=True": []}

for x, y in data:
    optimizer.zero_grad()
    nn.functional.mse_loss(net(x), y).backward()
    optimizer.step()
    synced.update_parameters(net)
    averaged.update_parameters(net)
    weights.append(net.fc.weight.detach().clone())
    for values, model in zip(means.values(), (net, synced.module, averaged.module)):
        values.append(model.norm.running_mean.item())

by_hand = weights[0]
for weight in weights[1:]:
    by_hand = decay * by_hand + (1 - decay) * weight

print(f"{synced.n_averaged = }")
assert synced.n_averaged == len(data) == 30
torch.testing.assert_close(synced.module.fc.weight, by_hand)

# %%
# 4. Decide what happens to the buffers
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# The weights of the two averages are equal, their batch normalization statistics
# are not. With ``use_buffers=False``, the default, each update copies the buffers
# of the network, whose statistics belong to the weights of the moment. With
# ``use_buffers=True`` the buffers are averaged like the weights, and in the figure
# they lag behind.

fig, ax = plt.subplots(figsize=(5, 3), layout="constrained")
for (label, values), style in zip(means.items(), ("-", "--", ":")):
    ax.plot(range(1, 31), values, style, label=label, linewidth=2.5)
ax.set(xlabel="training steps", ylabel="running_mean")
ax.set_title("running_mean of the network and two averages")
ax.legend()
plt.show()

for step in (1, 10, 30):
    values = [f"{label} {values[step - 1]:.2f}" for label, values in means.items()]
    print(f"step {step}: {', '.join(values)}")
assert torch.equal(synced.module.fc.weight, averaged.module.fc.weight)
assert means["use_buffers=False"] == means["network"]
assert means["use_buffers=True"] != means["network"]

# %%
# Averaging touches *every* buffer, and one of them is an integer. The counter
# ``num_batches_tracked`` is averaged too, with its fraction cut off in each update,
# so it no longer counts the batches. Look for such buffers in your own modules
# before you choose ``use_buffers=True``.

for label, model in zip(means, (net, synced.module, averaged.module)):
    print(f"{label}: num_batches_tracked = {model.norm.num_batches_tracked.item()}")
assert synced.module.norm.num_batches_tracked == len(data)
assert averaged.module.norm.num_batches_tracked < len(data)

# %%
# A third way is to compute the statistics anew for the averaged weights.
# :func:`torch.optim.swa_utils.update_bn` passes the training data through the
# averaged model once, and replaces the statistics. They are then exact for the
# averaged weights: the ``running_mean`` is the mean of what the layer receives.

final = AveragedModel(net)
final.load_state_dict(synced.state_dict())
update_bn([x for x, y in data], final)

with torch.no_grad():
    inputs = torch.cat([x for x, y in data])
    outputs = final.module.fc(inputs)
print(f"mean of the layer's inputs: {outputs.mean():.2f}")
print(f"running_mean after update_bn: {final.module.norm.running_mean.item():.2f}")
torch.testing.assert_close(final.module.norm.running_mean, outputs.mean(0))

# %%
# 5. Save and resume the average
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# A checkpoint for going on with the training holds the average next to the network
# and the optimizer. The network is needed as well: it is what is trained. After
# loading, both are as they were, ``n_averaged`` included.

checkpoint = {
    "model": net.state_dict(),
    "average": averaged.state_dict(),
    "optimizer": optimizer.state_dict(),
}
torch.save(checkpoint, path)

checkpoint = torch.load(path)
resumed_net = Net()
resumed = AveragedModel(
    resumed_net, multi_avg_fn=get_ema_multi_avg_fn(decay), use_buffers=True
)
resumed_net.load_state_dict(checkpoint["model"])
resumed.load_state_dict(checkpoint["average"])

print(f"{resumed.n_averaged = }")
for name, tensor in averaged.state_dict().items():
    assert torch.equal(resumed.state_dict()[name], tensor)
assert not torch.equal(resumed.module.fc.weight, resumed_net.fc.weight)

# %%
# Do not leave ``n_averaged`` out. Here the weights of the average are restored
# through ``module``, without the counter. It says 0, so the next update is taken
# for the first one: it copies the network, and the average is lost.

forgetful = AveragedModel(Net(), multi_avg_fn=get_ema_multi_avg_fn(decay))
forgetful.module.load_state_dict(averaged.module.state_dict())

for label, model in (("with", resumed), ("without", forgetful)):
    model.update_parameters(resumed_net)
    same = torch.equal(model.module.fc.weight, resumed_net.fc.weight)
    print(f"{label} n_averaged: average equals the network = {same}")
    assert same == (model is forgetful)

# %%
# 6. Load the average into the plain model
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# For inference you want the averaged weights in the plain network. Its keys have no
# prefix, so loading the ``state_dict`` of the average fails with this error.

plain = Net()
try:
    plain.load_state_dict(checkpoint["average"])
except RuntimeError as error:
    print(f"{type(error).__name__}: {error}")
else:
    raise AssertionError("the keys were expected to differ")

# %%
# Load it into an :class:`torch.optim.swa_utils.AveragedModel` instead, and take its
# ``module``. Nothing has to be renamed. To write a file that loads directly into
# the plain network, save ``average.module.state_dict()``.

loaded = AveragedModel(Net())
loaded.load_state_dict(checkpoint["average"])
torch.save(loaded.module.state_dict(), path)

print("\n".join(torch.load(path)))
plain.load_state_dict(torch.load(path))
plain.eval()
averaged.eval()
x = torch.randn(4, 2)
assert torch.equal(plain(x), averaged(x))

# %%
# The last cell removes the temporary folder.

folder.cleanup()

# %%
# You have seen what an averaged model saves: your keys behind ``module.``, and the
# counter ``n_averaged``. The averaging function and the treatment of buffers are
# not saved, and have to be the same when you resume.
#
# Learn more
# ----------
#
# - :ref:`sphx_glr_recipes_training_keeping_the_best_weights.py`
# - :ref:`sphx_glr_recipes_training_resuming_bit_exactly.py`
# - :ref:`sphx_glr_recipes_troubleshooting_removing_wrapper_prefixes.py`
# - `pytorch#65495 <https://github.com/pytorch/pytorch/pull/65495>`__, the discussion
#   of how to treat buffers
# - :class:`torch.optim.swa_utils.AveragedModel`,
#   :func:`torch.optim.swa_utils.get_ema_multi_avg_fn` and
#   :func:`torch.optim.swa_utils.update_bn` in the API documentation
