"""
How do I save a trained model and load it for predictions?
==========================================================

One file with the weights and the model's constructor arguments, and the lines
that load it and make predictions on any machine.
"""

# sphinx_gallery_tags = ["loading", "saving", "module", "errors"]
# sphinx_gallery_keywords = ["inference", "prediction", "deploy", "evaluation mode", "different results after loading", "gives different results", "save a model", "load a model", "save and load a model", "reload a saved model", "_IncompatibleKeys", "behaves differently after loading", "inconsistent output", "predictions are not the same", "unexpected results"]
# sphinx_gallery_reading_order = 30

# %%

# sphinx_gallery_fold = "The trained model of this page, and a download that cannot seek"
import io
import os
import tempfile

import torch
import torch.nn as nn
import torch.nn.functional as F

here = globals().get("here", os.getcwd())
folder = tempfile.TemporaryDirectory()
os.chdir(folder.name)
torch.set_num_threads(1)  # faster, for a model this small


class Classifier(nn.Module):
    def __init__(self, hidden, classes):
        super().__init__()
        self.hidden = nn.Linear(2, hidden)
        self.norm = nn.BatchNorm1d(hidden)
        self.dropout = nn.Dropout(0.5)
        self.out = nn.Linear(hidden, classes)

    def forward(self, x):
        return self.out(self.dropout(F.relu(self.norm(self.hidden(x)))))


class Download(io.RawIOBase):
    """Stands in for the body of an HTTP response."""

    def __init__(self, path):
        self.file = open(path, "rb")

    def readinto(self, buffer):
        return self.file.readinto(buffer)


torch.manual_seed(0)
centers = torch.tensor([[0.0, 2.0], [2.0, -1.0], [-2.0, -1.0]])
labels = torch.arange(3).repeat(100)
inputs = centers[labels] + 0.8 * torch.randn(300, 2)

model = Classifier(hidden=64, classes=3)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
for _ in range(100):
    optimizer.zero_grad()
    F.cross_entropy(model(inputs), labels).backward()
    optimizer.step()
trained = model
torch.save(model.state_dict(), "weights.pt")

# %%
# Short answer
# ------------
#
# Save the weights along with the arguments that the model was built with.
# Rebuild the model from those arguments, load the weights, and call ``eval()``:

import torch

config = {"hidden": 64, "classes": 3}
torch.save({"config": config, "weights": model.state_dict()}, "model.pt")

device = "cuda" if torch.cuda.is_available() else "cpu"
checkpoint = torch.load("model.pt", map_location="cpu")
model = Classifier(**checkpoint["config"])
model.load_state_dict(checkpoint["weights"])
model.to(device).eval()
with torch.inference_mode():
    scores = model(inputs.to(device))

# %%
# A file with only the weights, from ``torch.save(model.state_dict(),
# "weights.pt")``, is the ``state_dict`` itself. Then you have to know the
# arguments: ``model.load_state_dict(torch.load("weights.pt",
# map_location="cpu"))``.
#
# .. fold:: Who this is for
#
#    You have a trained model and want to use it in another program, or you have
#    loaded one and its predictions are not what they were. To go on training,
#    you need more than the weights:
#    :ref:`sphx_glr_recipes_recipes_saving_and_loading_a_general_checkpoint.py`.
#
# .. fold:: Setup
#
#    Tried with PyTorch 2.6 and 2.13::
#
#        pip install "torch>=2.6"

# %%
# Why it works
# ------------
#
# The file contains no code. The program that loads it imports the class, and
# the arguments give the layers their original sizes. The loaded model then
# makes the same predictions as the trained one.
#
# ``eval()`` changes what the layers compute; ``inference_mode`` saves the
# memory and time that it takes to record operations for gradients. Use both.

trained.to(device).eval()
with torch.inference_mode():
    expected = trained(inputs.to(device))
print("same predictions:", torch.equal(scores, expected))
accuracy = (scores.argmax(dim=1).cpu() == labels).float().mean()
print("more than 90 % right:", accuracy.item() > 0.9)

assert torch.equal(scores, expected) and accuracy > 0.9
assert model(inputs.to(device)).requires_grad and not scores.requires_grad
assert not any(module.training for module in model.modules())

# %%
# Why predictions differ after loading
# ------------------------------------
#
# 1. ``eval()`` is missing, in either program. This is the usual cause.
# 2. Not all weights were loaded: ``load_state_dict(..., strict=False)`` raised
#    no error, or you loaded into one model and used another.
# 3. The inputs are prepared differently: scale, normalization, order of the
#    color channels, image size.
#
# A new model is in training mode. There, dropout zeroes different values on
# every call, and batch normalization uses the mean of the batch, so each
# prediction depends on the rest of its batch. Batch normalization also updates
# its running statistics, even in ``inference_mode``: predicting changes the
# model.

# sphinx_gallery_wrong = True
model = Classifier(**checkpoint["config"])
model.load_state_dict(checkpoint["weights"])
with torch.inference_mode():
    first, second = model(inputs), model(inputs)
print("two calls, same predictions:", torch.equal(first, second))
before = checkpoint["weights"]["norm.running_mean"]
same = torch.equal(model.norm.running_mean, before)
print("same running mean as before:", same)

assert not torch.equal(first, second) and not same
model.dropout.eval()  # batch normalization alone
assert not torch.allclose(model(inputs[:10])[0], model(inputs[:30])[0])
model.eval()
torch.testing.assert_close(model(inputs[:10])[0], model(inputs[:30])[0])

# %%
# A single input leaves batch normalization nothing to average over. This
# message means that ``eval()`` is missing:
#
# .. diagnosis:: The model is in training mode, where batch normalization needs
#       several inputs.
#    :message: Expected more than 1 value per channel when training
#    :fix: why-predictions-differ-after-loading
#
#    model.eval()

# sphinx_gallery_wrong = True
model = Classifier(**checkpoint["config"])
try:
    model(inputs[:1])
except ValueError as error:
    print(f"{type(error).__name__}: {error}")

# %%
# To find out which cause it is, save an input and its prediction in the file,
# and compare them wherever you load it:

trained.cpu().eval()
with torch.inference_mode():
    example = {"input": inputs[:5], "output": trained(inputs[:5])}
torch.save({**checkpoint, "example": example}, "model.pt")

checkpoint = torch.load("model.pt", map_location="cpu")
model = Classifier(**checkpoint["config"])
model.load_state_dict(checkpoint["weights"])
model.eval()
with torch.inference_mode():
    output = model(checkpoint["example"]["input"])
difference = (output - checkpoint["example"]["output"]).abs().max()
print(f"largest difference: {difference:.4f}")

torch.testing.assert_close(output, checkpoint["example"]["output"])

# %%
# What goes wrong
# ---------------
#
# **You take the file for the model.** :func:`torch.load` returns the dictionary
# that you saved. It has no ``eval()``, and ``torch.onnx.export`` fails on it.
# Build the model and load the dictionary into it, instead of this:
#
# .. diagnosis:: ``torch.load`` returned the dictionary that was saved, not a
#       model.
#    :message: 'collections.OrderedDict' object has no attribute '{name}'
#              'OrderedDict' object has no attribute '{name}'
#              OrderedDict' object is not callable
#              'dict' object has no attribute '{name:eval|training|half}'
#              'dict' object has no attribute '{name:state_dict|parameters}'
#              'dict' object has no attribute 'load_state_dict'
#    :fix: what-goes-wrong
#
#    model = Net()  # as when saving
#    model.load_state_dict(torch.load(path, map_location="cpu"))

# sphinx_gallery_wrong = True
for path, attribute in [("weights.pt", "eval"), ("model.pt", "training")]:
    try:
        getattr(torch.load(path), attribute)
    except AttributeError as error:
        print(f"{type(error).__name__}: {error}")

# %%
# **You take the report for the model.** ``load_state_dict`` changes the model
# in place and returns a report on the keys. Do not assign that to ``model``:
#
# .. diagnosis:: ``load_state_dict`` returns a report, and ``model`` was
#       replaced with it.
#    :message: 'IncompatibleKeys' object has no attribute '{name}'
#              '_IncompatibleKeys' object has no attribute '{name}'
#              '_IncompatibleKeys' object is not callable
#    :fix: what-goes-wrong
#
#    model.load_state_dict(state_dict)  # without model = ...

# sphinx_gallery_wrong = True
model = Classifier(**checkpoint["config"])
model = model.load_state_dict(checkpoint["weights"])
try:
    model.eval()
except AttributeError as error:
    print(f"{type(error).__name__}: {error}")

# %%
# **You pass a path where the dictionary belongs,** or ``None`` where the path
# belongs, often from a command-line option that was not set, or you call the
# method of the class, without a model:
#
# .. diagnosis:: ``load_state_dict`` got a path or a model, and takes a
#       dictionary.
#    :message: Expected state_dict to be dict-like, got
#    :fix: what-goes-wrong
#
#    model.load_state_dict(torch.load(path, map_location="cpu"))
#
# .. diagnosis:: ``torch.load`` got an object that is no path and no file, such
#       as a path that was never set.
#    :message: object has no attribute '{name:seek|read|tell}'. You can only
#    :fix: what-goes-wrong
#
#    assert path is not None, "no path to load from"
#    state_dict = torch.load(path, map_location="cpu")
#
# .. diagnosis:: The arguments of ``torch.save`` are the object first and the
#       path second.
#    :message: expected 'f' to be string, path, or a file-like object
#    :fix: short-answer
#
#    torch.save(checkpoint, "model.pt")
#
# .. diagnosis:: ``load_state_dict`` got a model, and takes its dictionary.
#    :message: '{type}' object has no attribute 'copy'
#    :traceback: load_state_dict
#    :fix: what-goes-wrong
#
#    model.load_state_dict(other.state_dict())
#
# .. diagnosis:: ``load_state_dict`` was called on the class, not on a model.
#    :message: load_state_dict() missing 1 required positional argument
#    :fix: what-goes-wrong
#
#    model = Net()  # as when saving
#    model.load_state_dict(state_dict)

# sphinx_gallery_wrong = True
model = Classifier(**checkpoint["config"])
try:
    model.load_state_dict("model.pt")
except TypeError as error:
    print(f"{type(error).__name__}: {error}")
try:
    torch.load(None)
except AttributeError as error:
    print(f"{type(error).__name__}: {error}")
try:
    Classifier.load_state_dict(checkpoint["weights"])
except TypeError as error:
    print(f"{type(error).__name__}: {error}")

# %%
# **You load from a stream that cannot seek,** such as a download from S3 or
# over HTTP. Read all of it into memory first:
#
# .. diagnosis:: The stream cannot seek, and ``torch.load`` has to.
#    :message: UnsupportedOperation: seek. You can only torch.load from a file
#    :fix: what-goes-wrong
#
#    state_dict = torch.load(io.BytesIO(stream.read()), map_location="cpu")

# sphinx_gallery_wrong = True
try:
    torch.load(Download("model.pt"))
except io.UnsupportedOperation as error:
    print(f"{type(error).__name__}: {error}")

data = io.BytesIO(Download("model.pt").read())  # the fix
print(list(torch.load(data, map_location="cpu")))
assert list(checkpoint) == ["config", "weights", "example"]

# %%

# sphinx_gallery_fold = "Leave the temporary folder"
os.chdir(here)
folder.cleanup()

# %%
# Learn more
# ----------
#
# - :ref:`sphx_glr_recipes_recipes_save_load_across_devices.py`
# - :ref:`sphx_glr_recipes_troubleshooting_removing_wrapper_prefixes.py`
# - :ref:`sphx_glr_recipes_troubleshooting_knowing_what_strict_false_does.py`
# - :ref:`sphx_glr_recipes_troubleshooting_avoiding_whole_model_pickles.py`
# - `EfficientNet-PyTorch#119
#   <https://github.com/lukemelas/EfficientNet-PyTorch/issues/119>`__ on
#   ``_IncompatibleKeys``,
#   `Graph-WaveNet#22 <https://github.com/nnzhan/Graph-WaveNet/issues/22>`__ and
#   `tabnet#163 <https://github.com/dreamquark-ai/tabnet/issues/163>`__ on
#   ``seek``,
#   `torch2tflite#4 <https://github.com/omerferhatt/torch2tflite/issues/4>`__ on
#   exporting a dictionary
# - :meth:`torch.nn.Module.eval`,
#   :class:`torch.autograd.grad_mode.inference_mode`
