"""
Avoiding whole-model pickles
============================

``torch.save(model)`` stores the name of your class but not its code, so the file
breaks with the next change; a ``state_dict`` and its settings keep working.

**For whom:** you save models with ``torch.save(model, path)``, or you got
``Can't get attribute`` from a file that loaded fine before.

Setup
-----

Install PyTorch, and Matplotlib for the figure::

    pip install torch matplotlib

Steps
-----

1. Import the libraries and define a network
2. Save it in both ways and compare what the files need
3. Load the whole model in another process
4. Change the class and load again
5. Load the ``state_dict`` in another process
6. Convert the whole-model files you have
"""

# sphinx_gallery_tags = ["loading", "saving", "errors", "compatibility"]
# sphinx_gallery_keywords = ["entire model", "class moved or renamed", "ModuleNotFoundError: No module named"]
# sphinx_gallery_reading_order = 60

# %%
# 1. Import the libraries and define a network
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# The network has two layers. ``hidden`` is a setting that you choose when you build
# it.

import subprocess
import sys
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(0)
plt.style.use("petroff10")
folder = tempfile.TemporaryDirectory()
whole = Path(folder.name) / "whole_model.pt"
portable = Path(folder.name) / "state_dict.pt"


class Net(nn.Module):
    def __init__(self, hidden):
        super().__init__()
        self.fc1 = nn.Linear(4, hidden)
        self.fc2 = nn.Linear(hidden, 2)

    def forward(self, x):
        return self.fc2(F.relu(self.fc1(x)))


# %%
# 2. Save it in both ways and compare what the files need
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# The first file holds the model object, as Python's :mod:`pickle` stores it. The
# second holds a dictionary with the settings and the ``state_dict``. The function
# lists the names that must be imported to load a file, other than those that
# PyTorch allows by default. The whole model needs your class, under the module in
# which it was defined. The dictionary needs nothing.

net = Net(hidden=8)
torch.save(net, whole)
torch.save({"settings": {"hidden": 8}, "model": net.state_dict()}, portable)

needed = {}
for path in (whole, portable):
    names = torch.serialization.get_unsafe_globals_in_checkpoint(path)
    needed[path.stem] = sorted(names)
    print(f"{path.name}: {needed[path.stem]}")

assert needed["whole_model"] == ["__main__.Net", "torch.nn.modules.linear.Linear"]
assert needed["state_dict"] == []

# %%
# In the same session the class is still there, so both files work. The only hint is
# that :func:`torch.load` refuses the whole model until you pass
# ``weights_only=False``. The recipe notes what worked, for the figure in step 5.
#
# .. warning::
#
#    ``weights_only=False`` can run any code that the file contains. It is used here
#    because this recipe wrote the file itself a moment ago.

x = torch.ones(1, 4)
try:
    torch.load(whole)
except Exception as error:
    refused = type(error).__name__
print("by default:", refused)

again = torch.load(whole, weights_only=False)
print("with weights_only=False:", type(again).__name__)
rebuilt = Net(hidden=8)
rebuilt.load_state_dict(torch.load(portable)["model"])

works = {"whole model": {}, "state_dict": {}}
works["whole model"]["same session"] = torch.equal(again(x), net(x))
works["state_dict"]["same session"] = torch.equal(rebuilt(x), net(x))
assert refused == "UnpicklingError" and torch.equal(again(x), rebuilt(x))

# %%
# 3. Load the whole model in another process
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# Deployment, evaluation, or your notebook on the next day: this is another Python
# process, which does not have the class. ``__main__`` now means the new program,
# and pickle looks there for ``Net``.


def run(code):
    command = [sys.executable, "-c", code]
    return subprocess.run(command, cwd=folder.name, capture_output=True, text=True)


code = """
import torch
torch.load("whole_model.pt", weights_only=False)
"""
result = run(code)
print(result.stderr.splitlines()[-1])
works["whole model"]["another process"] = result.returncode == 0
assert "Can't get attribute 'Net' on <module '__main__'" in result.stderr

# %%
# 4. Change the class and load again
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# Now the class is there, but its code has moved on: the activation became a layer.
# The file loads, because pickle restores the saved attributes and does not call
# ``__init__``. The object is half old and half new: the old attributes with the new
# ``forward``.


class Net(nn.Module):
    def __init__(self, hidden):
        super().__init__()
        self.fc1 = nn.Linear(4, hidden)
        self.activation = nn.ReLU()
        self.fc2 = nn.Linear(hidden, 2)

    def forward(self, x):
        return self.fc2(self.activation(self.fc1(x)))


old = torch.load(whole, weights_only=False)
print("layers:", [name for name, _ in old.named_children()])
try:
    old(x)
except AttributeError as error:
    works["whole model"]["changed class"] = False
    print(f"{type(error).__name__}: {error}")
else:
    raise AssertionError("the old object has the new layer")

# %%
# The ``state_dict`` does not mind. The new layer has no parameters, so the keys are
# the same, the new ``__init__`` builds a complete object, and its output equals that
# of the network that was saved.

checkpoint = torch.load(portable)
new = Net(**checkpoint["settings"])
print(new.load_state_dict(checkpoint["model"]))
print(f"{torch.equal(new(x), net(x)) = }")
works["state_dict"]["changed class"] = torch.equal(new(x), net(x))
assert torch.equal(new(x), net(x))

# %%
# Had a layer been renamed or resized, :meth:`torch.nn.Module.load_state_dict` would
# have named the keys that differ.
# :ref:`sphx_glr_recipes_troubleshooting_renaming_keys_of_old_checkpoints.py` shows
# how to load such a file.
#
# 5. Load the ``state_dict`` in another process
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# This program defines its own network, with another class name. It loads the file
# with the safe default of :func:`torch.load`. The keys match, because the attribute
# names are the same, and so does the output.

code = """
import torch
from torch import nn

class Classifier(nn.Module):
    def __init__(self, hidden):
        super().__init__()
        self.fc1 = nn.Linear(4, hidden)
        self.fc2 = nn.Linear(hidden, 2)

    def forward(self, x):
        return self.fc2(torch.relu(self.fc1(x)))

checkpoint = torch.load("state_dict.pt")
model = Classifier(**checkpoint["settings"])
print(model.load_state_dict(checkpoint["model"]))
torch.save(model(torch.ones(1, 4)), "output.pt")
"""
result = run(code)
print(result.stdout.strip())
output = torch.load(Path(folder.name) / "output.pt")
torch.testing.assert_close(output, net(x))
works["state_dict"]["another process"] = result.returncode == 0
assert result.stdout.startswith("<All keys matched")

# %%
# The figure sums up the steps. A whole-model file works for as long as nothing
# changes. The dictionary worked each time.

situations = ["same session", "another process", "changed class"]
fig, ax = plt.subplots(figsize=(5, 3), layout="constrained")
for column, results in enumerate(works.values()):
    for row, situation in enumerate(situations):
        good = results[situation]
        marker, color = ("o", "C0") if good else ("X", "C1")
        ax.plot(column, row, marker, color=color, markersize=14)
        ax.text(column + 0.15, row, "works" if good else "fails", va="center")
ax.set_xticks([0, 1], works)
ax.set_yticks(range(3), situations)
ax.set(xlim=(-0.4, 1.6), ylim=(2.5, -0.5), xlabel="what the file holds")
ax.set_title("Which file still works?")
plt.show()

for name, results in works.items():
    print(f"{name}: works in {sum(results.values())} of {len(results)} situations")
assert sum(works["whole model"].values()) == 1
assert all(works["state_dict"][situation] for situation in situations)

# %%
# 6. Convert the whole-model files you have
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# To get the ``state_dict`` out of a whole-model file you do not need the original
# code. A class with the right name is enough, even an empty one: the layers are in
# the file. Allow the names that step 2 listed with
# :class:`torch.serialization.safe_globals`, and the safe default stays on.


class Net(nn.Module):
    pass


with torch.serialization.safe_globals([Net, nn.Linear]):
    model = torch.load(whole)
torch.save({"settings": {"hidden": 8}, "model": model.state_dict()}, portable)

converted = torch.load(portable)["model"]
for key, tensor in converted.items():
    print(f"{key:<12}{tuple(tensor.shape)}")
assert converted.keys() == net.state_dict().keys()
assert all(torch.equal(converted[key], net.state_dict()[key]) for key in converted)

folder.cleanup()

# %%
# You have seen what a whole-model file leaves out, how that shows as an error in
# another process or after a change, and how to move to a ``state_dict``.
#
# Learn more
# ----------
#
# - :ref:`sphx_glr_recipes_recipes_saving_and_loading_models_for_inference.py`
# - :ref:`sphx_glr_recipes_troubleshooting_loading_safely_with_weights_only.py`
# - :ref:`sphx_glr_recipes_troubleshooting_renaming_keys_of_old_checkpoints.py`
# - :func:`torch.serialization.get_unsafe_globals_in_checkpoint` and
#   :class:`torch.serialization.safe_globals` in the API documentation
# - `pytorch#2762 <https://github.com/pytorch/pytorch/issues/2762>`__, where
#   this error was reported
