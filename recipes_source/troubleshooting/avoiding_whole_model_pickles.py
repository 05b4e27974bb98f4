"""
Why does ``torch.save(model)`` break, and what should I save?
=============================================================

Save the settings and the ``state_dict``, recover the weights of whole-model
files without their code, and understand their errors.
"""

# sphinx_gallery_tags = ["loading", "saving", "errors", "compatibility"]
# sphinx_gallery_keywords = ["entire model", "class moved or renamed", "full model", "convert a whole model to a state_dict", "torch.save(model) vs state_dict", "class definition", "No module named", "import a saved model"]
# sphinx_gallery_reading_order = 60

# %%

# sphinx_gallery_fold = "A class in models.py, and a file of the whole model"
import importlib
import os
import pickle
import shutil
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import torch
import torch.nn as nn

here = globals().get("here", os.getcwd())
folder = tempfile.TemporaryDirectory()
os.chdir(folder.name)

Path("models.py").write_text(
    """
import torch.nn as nn

class Net(nn.Module):
    def __init__(self, hidden):
        super().__init__()
        self.fc1 = nn.Linear(4, hidden)
        self.fc2 = nn.Linear(hidden, 2)

    def forward(self, x):
        return self.fc2(self.fc1(x).relu())
"""
)
sys.path.insert(0, folder.name)
sys.modules.pop("models", None)
Net = importlib.import_module("models").Net
sys.path.remove(folder.name)

torch.manual_seed(0)
torch.save(Net(hidden=8), "whole_model.pt")

# %%
# Short answer
# ------------
#
# ``torch.save(model)`` stores the *names* of your classes, not their code. Save
# the arguments that build the model, and its weights:

import torch

settings = {"hidden": 8}
model = Net(**settings)
torch.save({"settings": settings, "model": model.state_dict()}, "model.pt")

checkpoint = torch.load("model.pt", map_location="cpu")
model = Net(**checkpoint["settings"])
model.load_state_dict(checkpoint["model"])

# %%
# If a whole-model file is all you have, get its weights without the code:

import torch

names = torch.serialization.get_unsafe_globals_in_checkpoint("whole_model.pt")
stand_ins = [(torch.nn.Module, name) for name in names]
with torch.serialization.safe_globals(stand_ins):
    state_dict = torch.load("whole_model.pt").state_dict()

# %%
# .. fold:: Who this is for
#
#    You save models with ``torch.save(model, path)``, or a file that used to
#    load fails with ``Can't get attribute`` or ``No module named``.
#
# .. fold:: Setup
#
#    PyTorch 2.6 or newer for the second answer::
#
#        pip install "torch>=2.6"

# %%
# What does the message say?
# --------------------------
#
# ======================================= ===================================
# the message                             what to do
# ======================================= ===================================
# ``Weights only load failed``            use the second answer
# ``Can't get attribute 'Net' on``        import ``Net`` there, or as above
# ``No module named 'models'``            make it importable, or as above
# ``'GELU' object has no attribute``      PyTorch changed: set the attribute
# ``No module named 'numpy._core'``       install NumPy 1.26.4 or newer
# ``cannot pickle '_thread.RLock'``       save the ``state_dict``
# ======================================= ===================================
#
# Why it works
# ------------
#
# The file asks for its classes by name. The second answer supplies a plain
# ``nn.Module`` for each, which is enough to hold the layers and their weights,
# and runs no code from the file. Where the class can be imported, both files
# load:

print(sorted(names))
whole = "whole_model.pt"
assert isinstance(torch.load(whole, weights_only=False), Net)
assert state_dict.keys() == model.state_dict().keys()
model.load_state_dict(state_dict)
assert torch.equal(model.fc1.weight, state_dict["fc1.weight"])

# %%
# .. warning::
#
#    ``weights_only=False`` runs whatever code a file names. This page uses it
#    only for files that it wrote itself.

# %%
# What goes wrong
# ---------------
#
# **In another place.** A program in another folder cannot import ``models``,
# and a class from a notebook or a script is looked up in the ``__main__`` of
# the program that loads it. ``model.pt`` needs neither: the first program loads
# it, and fails on the other file:
#
# .. diagnosis:: The file holds the whole model, and its module cannot be
#       imported here.
#    :message: No module named '{name}'
#    :traceback: torch/serialization.py
#                torch.load(
#                /pickle.py
#    :except: ZStandard
#             No module named 'numpy._core
#             No module named 'torch
#
#    names = torch.serialization.get_unsafe_globals_in_checkpoint(path)
#    print(names)  # the classes that the file asks for
#
# .. diagnosis:: The file holds the whole model, and its class is not in this
#       program.
#    :message: Can't get attribute '{name}' on <module
#    :except: Can't get attribute '_rebuild_
#
#    from models import {name}  # under the name that it had
#
# .. diagnosis:: The file was saved with NumPy 2, and this is NumPy 1.
#    :message: No module named 'numpy._core
#
#    import numpy
#    print(numpy.__version__)  # 1.26.4 or newer reads the file
#
# .. diagnosis:: The file holds the whole model, and its code has changed since.
#    :message: source code of class '{name}' has changed
#
#    torch.save(model.state_dict(), "model.pt")  # not the model

elsewhere = """
import torch
torch.load("../model.pt")
torch.load("whole_model.pt", weights_only=False)
"""
notebook = """
import torch
class Net(torch.nn.Linear): pass
torch.save(Net(4, 2), "whole_model.pt")
del Net  # as in the next session
torch.load("whole_model.pt", weights_only=False)
"""
Path("elsewhere").mkdir(exist_ok=True)
errors = []
for code in (elsewhere, notebook):
    shutil.copy("whole_model.pt", "elsewhere")
    command = [sys.executable, "-c", code]
    done = subprocess.run(
        command, cwd="elsewhere", capture_output=True, text=True
    )
    errors.append(done.stderr.splitlines()[-1])
    print(errors[-1])

assert errors[0].startswith("ModuleNotFoundError: No module named 'models'")
assert errors[1].startswith("AttributeError: Can't get attribute 'Net' on")

# %%
# **After the class changed.** Loading does not call ``__init__``: the object
# has the old layers and the new ``forward``. The ``state_dict`` fills a new
# one:
#
# .. diagnosis:: The file holds the whole model, and its class has changed
#       since.
#    :message: 'ChangedNet' object has no attribute 'dropout'
#    :fix: what-goes-wrong
#
#    model = Net()
#    model.load_state_dict(old_model.state_dict())


class ChangedNet(Net):
    def __init__(self, hidden):
        super().__init__(hidden)
        self.dropout = nn.Dropout(0.1)

    def forward(self, x):
        return self.fc2(self.dropout(self.fc1(x).relu()))


sys.modules["models"].Net = ChangedNet  # as if models.py had been edited
print(ChangedNet(**settings).load_state_dict(checkpoint["model"]))
try:
    torch.load(whole, weights_only=False)(torch.ones(1, 4))
except AttributeError as error:
    print(f"{type(error).__name__}: {error}")
sys.modules["models"].Net = Net

# %%
# **After a PyTorch upgrade.** PyTorch's own classes change too. ``nn.GELU`` has
# had ``approximate`` since 1.12, so an older model fails until you set it.
# ``'Upsample' object has no attribute 'recompute_scale_factor'`` has the same
# cause: set it to ``None``, or load with PyTorch 2.13, which does that. (To
# imitate an old file, this cell removes both attributes before saving.)
#
# .. diagnosis:: The file holds a layer of an older PyTorch, without an
#       attribute that this one reads.
#    :message: 'GELU' object has no attribute 'approximate'
#              'Upsample' object has no attribute 'recompute_scale_factor'
#              'Conv2d' object has no attribute '_padding_repeated_twice'
#              'Conv2d' object has no attribute 'padding_mode'
#              object has no attribute '_non_persistent_buffers_set'
#    :fix: what-goes-wrong
#
#    new_model.load_state_dict(old_model.state_dict())

old = nn.Sequential(nn.GELU(), nn.Upsample(scale_factor=2))
del old[0].approximate, old[1].recompute_scale_factor
torch.save(old, "old.pt")
with torch.serialization.safe_globals([nn.GELU, nn.Upsample, nn.Sequential]):
    old = torch.load("old.pt")
try:
    old(torch.ones(1, 1, 4))
except AttributeError as error:
    print(f"{type(error).__name__}: {error}")

for module in old.modules():
    if isinstance(module, nn.GELU):
        module.approximate = "none"
assert old(torch.ones(1, 1, 4)).shape == (1, 1, 8)
assert hasattr(old[1], "recompute_scale_factor")

# %%
# **With an attribute that cannot be pickled**, such as a lock or a lambda,
# saving the whole model fails, at the end of training. This finds the
# attribute; the ``state_dict`` does not need it:
#
# .. diagnosis:: The model has an attribute that cannot be pickled, which its
#       ``state_dict`` does not need.
#    :message: cannot pickle '_thread.{name:RLock|lock}' object
#              can't pickle _thread.{name:RLock|lock} objects
#    :except: multiprocessing
#             dataloader.py
#             popen_spawn
#
#    torch.save(model.state_dict(), "model.pt")
#
# .. diagnosis:: A lambda or a class within a function cannot be pickled, and a
#       ``state_dict`` has neither.
#    :message: Can't pickle local object
#              Can't get local object
#              Can't pickle <function <lambda>
#    :traceback: torch/serialization.py
#                torch.save(
#    :except: dataloader.py
#
#    torch.save(model.state_dict(), "model.pt")

model.logger = threading.RLock()
for name, module in model.named_modules():
    for attribute, value in vars(module).items():
        try:
            if attribute != "_modules":
                pickle.dumps(value)
        except Exception as error:
            print(f"{name or 'model'}.{attribute}: {error}")

try:
    torch.save(model, "fails.pt")
except TypeError as error:
    print(f"{type(error).__name__}: {error}")

torch.save(model.state_dict(), "works.pt")
assert torch.load("works.pt").keys() == state_dict.keys()

# %%

# sphinx_gallery_fold = "Leave the temporary folder"
os.chdir(here)
folder.cleanup()

# %%
# Learn more
# ----------
#
# - :ref:`sphx_glr_recipes_recipes_saving_and_loading_models_for_inference.py`
# - :ref:`sphx_glr_recipes_troubleshooting_loading_safely_with_weights_only.py`
# - `pytorch#112944 <https://github.com/pytorch/pytorch/issues/112944>`__ on
#   ``__main__``, `yolov5#6948
#   <https://github.com/ultralytics/yolov5/issues/6948>`__ on ``Upsample``
# - :class:`torch.serialization.safe_globals`
