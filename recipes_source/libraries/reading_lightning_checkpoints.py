"""
How do I get plain weights out of a Lightning checkpoint?
=========================================================

Load the weights of a Lightning ``.ckpt`` into a plain PyTorch model, put plain
weights back, and read the errors of ``load_from_checkpoint``.
"""

# sphinx_gallery_tags = ["loading", "saving", "checkpoint", "keys", "compatibility"]
# sphinx_gallery_keywords = ["PyTorch Lightning", "pytorch_lightning", "ckpt to pth", "hparams", "save_hyperparameters", "missing 1 required positional argument", "hyper_parameters", "remove the model. prefix"]
# sphinx_gallery_reading_order = 10

# %%

# sphinx_gallery_fold = "A model trained with Lightning, and its file"
import logging
import os
import tempfile
import warnings

# A notebook without ipywidgets warns of progress bars.
warnings.filterwarnings("ignore", message="IProgress not found")

import lightning as L
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset

# Lightning reports what hardware it found, which differs between machines.
logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
warnings.filterwarnings("ignore", module="lightning")

here = globals().get("here", os.getcwd())
folder = tempfile.TemporaryDirectory()
os.chdir(folder.name)
exactly = {"rtol": 0, "atol": 0}


class Net(nn.Module):
    def __init__(self, layers):
        super().__init__()
        widths = [8] * layers
        self.body = nn.Sequential(*[nn.Linear(8, width) for width in widths])
        self.head = nn.Linear(8, 2)

    def forward(self, x):
        return self.head(torch.relu(self.body(x)))


class Classifier(L.LightningModule):
    def __init__(self, layers, lr=0.1):
        super().__init__()
        self.lr = lr
        self.model = Net(layers)
        self.loss = nn.CrossEntropyLoss(weight=torch.ones(2))

    def training_step(self, batch, batch_index):
        inputs, labels = batch
        return self.loss(self.model(inputs), labels)

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), lr=self.lr)


def train(lightning_module, epochs=1, **options):
    trainer = L.Trainer(
        accelerator="cpu",
        max_epochs=epochs,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(lightning_module, batches, **options)
    return trainer


torch.manual_seed(0)
data = TensorDataset(torch.randn(8, 8), torch.randint(2, (8,)))
batches = DataLoader(data, batch_size=4)
classifier = Classifier(layers=2)
train(classifier).save_checkpoint("model.ckpt", weights_only=False)

# %%
# Short answer
# ------------
#
# The weights are in the entry ``"state_dict"``, below the name of the attribute
# that holds your model, here ``self.model``:

import torch

checkpoint = torch.load("model.ckpt", map_location="cpu")
prefix = "model."
weights = {
    key.removeprefix(prefix): value
    for key, value in checkpoint["state_dict"].items()
    if key.startswith(prefix)
}
model = Net(layers=2)
model.load_state_dict(weights)

# %%
# To stay with Lightning, ``Classifier.load_from_checkpoint("model.ckpt",
# layers=2)`` is enough.
#
# .. fold:: Who this is for
#
#    You trained with PyTorch Lightning, and the file has to load without it; or
#    ``load_from_checkpoint`` stops with ``TypeError`` or ``KeyError``.
#
# .. fold:: Setup
#
#    The short answer needs only PyTorch. ``import pytorch_lightning as pl`` is
#    the same library under its older name::
#
#        pip install "torch>=2.6" "lightning>=2.6"

# %%
# What is in the file?
# --------------------
#
# A dictionary that ``torch.load`` reads without Lightning: counters, the
# optimizer and schedulers, the loops, and the weights of the whole
# ``LightningModule``, its loss included. That is why only the keys with the
# prefix are taken:

print(list(checkpoint))
print(list(checkpoint["state_dict"]))

assert "loss.weight" in checkpoint["state_dict"]
assert weights.keys() == model.state_dict().keys()
torch.testing.assert_close(
    model.state_dict(), classifier.model.state_dict(), **exactly
)

# %%
# ``load_state_dict`` does not look for that entry, and does not remove the
# prefix. A message with ``"epoch", "global_step"`` is the first case, one with
# ``"model.…"`` the second:
#
# .. diagnosis:: The file is a Lightning checkpoint, and its weights are in an
#       entry of it.
#    :unexpected: pytorch-lightning_version
#
#    weights = checkpoint["state_dict"]
#    weights = {k.removeprefix("model."): v for k, v in weights.items()}
#
# .. diagnosis:: The file has the weights below the attribute ``model``, as
#       Lightning saves them.
#    :missing: {key}
#    :unexpected: {prefix:model|net|backbone}.{key}
#
#    weights = {
#        k.removeprefix("{prefix}."): v for k, v in state_dict.items()
#    }

for attempt in [checkpoint, checkpoint["state_dict"]]:
    try:
        Net(layers=2).load_state_dict(attempt)
    except RuntimeError as error:
        print(f"{type(error).__name__}: {error}")

# %%
# What goes wrong
# ---------------
#
# **A missing argument.** ``load_from_checkpoint`` builds the module first, and
# the file says nothing about its arguments:
#
# .. diagnosis:: The Lightning checkpoint does not say what to build the module
#       with.
#    :message: __init__() missing {} required positional argument: '{name}'
#              __init__() missing {} required positional arguments: '{name}'
#    :traceback: load_from_checkpoint
#    :fix: what-goes-wrong
#
#    model = MyModule.load_from_checkpoint("model.ckpt", {name}=...)

# sphinx_gallery_wrong = True
try:
    Classifier.load_from_checkpoint("model.ckpt")
except TypeError as error:
    print(f"{type(error).__name__}: {error}")

assert "hyper_parameters" not in checkpoint

# %%
# Pass them, or write ``save_hyperparameters()`` into ``__init__`` before the
# next training. The file then has the entry ``hyper_parameters``; arguments
# that you pass replace what it says:


class Remembering(Classifier):
    def __init__(self, layers, lr=0.1):
        super().__init__(layers, lr)
        self.save_hyperparameters()


loaded = Classifier.load_from_checkpoint("model.ckpt", layers=2)

trainer = train(Remembering(layers=2))
trainer.save_checkpoint("remembering.ckpt", weights_only=False)
again = Remembering.load_from_checkpoint("remembering.ckpt", lr=0.01)
print(torch.load("remembering.ckpt")["hyper_parameters"])

assert dict(again.hparams) == {"layers": 2, "lr": 0.01}
torch.testing.assert_close(
    loaded.state_dict(), classifier.state_dict(), **exactly
)

# %%
# **A module as an argument.** ``save_hyperparameters()`` pickles it whole, so
# the file needs your code, and ``torch.load`` refuses it:


# sphinx_gallery_wrong = True
class Given(Classifier):
    def __init__(self, net):
        super().__init__(layers=1)
        self.model = net
        self.save_hyperparameters()


train(Given(Net(layers=2))).save_checkpoint("given.ckpt", weights_only=False)
try:
    torch.load("given.ckpt")
except Exception as error:
    print(type(error).__name__)
    print("Unsupported global: GLOBAL __main__.Net" in str(error))

# %%
# Leave it out with ``save_hyperparameters(ignore=["net"])``, and pass it when
# loading. A file that exists already, and that you trust, opens with
# ``weights_only=False``:


class Ignoring(Classifier):
    def __init__(self, net):
        super().__init__(layers=1)
        self.model = net
        self.save_hyperparameters(ignore=["net"])


trainer = train(Ignoring(Net(layers=2)))
trainer.save_checkpoint("ignoring.ckpt", weights_only=False)
loaded = Ignoring.load_from_checkpoint("ignoring.ckpt", net=Net(layers=2))

given = torch.load("given.ckpt", weights_only=False)["state_dict"]
assert given.keys() == loaded.state_dict().keys()
assert "hyper_parameters" not in torch.load("ignoring.ckpt")

# %%
# Back into Lightning
# -------------------
#
# **Plain weights into a LightningModule:** load them into the attribute,
# ``classifier.model.load_state_dict(weights)``. A plain file is not a
# checkpoint of Lightning, and ``load_from_checkpoint`` says so in few words:
#
# .. diagnosis:: The file has plain weights, and is not a Lightning checkpoint.
#    :message: KeyError: 'pytorch-lightning_version'
#    :fix: back-into-lightning
#
#    module.model.load_state_dict(torch.load("model.pt", map_location="cpu"))

torch.save(weights, "weights.pt")
fresh = Classifier(layers=2)
try:
    Classifier.load_from_checkpoint("weights.pt", layers=2)
except KeyError as error:
    print(f"{type(error).__name__}: {error}")

fresh.model.load_state_dict(torch.load("weights.pt", map_location="cpu"))

# %%
# **A file for others to load with Lightning** needs two entries. It is good for
# ``load_from_checkpoint``, not for ``ckpt_path``, which resumes training and
# wants the optimizer and the loops too:
#
# .. diagnosis:: The file has weights only, and ``ckpt_path`` resumes training.
#    :message: Trying to restore optimizer state but checkpoint contains only
#    :fix: back-into-lightning
#
#    model = MyModule.load_from_checkpoint("model.ckpt")
#    trainer.fit(model)

state_dict = {f"model.{key}": value for key, value in weights.items()}
state_dict["loss.weight"] = torch.ones(2)
torch.save(
    {"state_dict": state_dict, "pytorch-lightning_version": L.__version__},
    "made.ckpt",
)
made = Classifier.load_from_checkpoint("made.ckpt", layers=2)
try:
    train(Classifier(layers=2), ckpt_path="made.ckpt")
except Exception as error:
    print(f"{type(error).__name__}: {error}")

torch.testing.assert_close(
    made.state_dict(), classifier.state_dict(), **exactly
)

# %%
# Variants
# --------
#
# **Continue without Lightning:** ``checkpoint["optimizer_states"]`` is a list,
# one for each optimizer. The optimizer has to get the parameters in the order
# of ``configure_optimizers``:

optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
optimizer.load_state_dict(checkpoint["optimizer_states"][0])

assert optimizer.state[model.head.bias]["step"] == len(batches)

# %%
# **A compiled module, DDP, FSDP:** ``_orig_mod.`` is a second prefix, which
# :ref:`another recipe
# <sphx_glr_recipes_troubleshooting_removing_wrapper_prefixes.py>` removes. A
# *folder* named ``.ckpt`` is a sharded checkpoint.

# sphinx_gallery_fold = "Leave the temporary folder"
os.chdir(here)
folder.cleanup()

# %%
# Learn more
# ----------
#
# - :ref:`sphx_glr_recipes_troubleshooting_loading_safely_with_weights_only.py`
# - :ref:`sphx_glr_recipes_checkpoints_sharding_with_distributed_checkpoint.py`
# - :ref:`sphx_glr_recipes_recipes_saving_and_loading_a_general_checkpoint.py`
# - `pytorch-lightning#4600
#   <https://github.com/Lightning-AI/pytorch-lightning/issues/4600>`__
#   on the missing argument
# - :func:`torch.load`, :meth:`torch.nn.Module.load_state_dict`
