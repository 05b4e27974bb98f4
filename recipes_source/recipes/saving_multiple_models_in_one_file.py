"""
How do I save several models in one file?
=========================================

Save two models and their optimizers in one file by name, load them back, or
load one of them without reading the others, with ``mmap=True``.
"""

# sphinx_gallery_tags = ["saving", "optimizer", "checkpoint", "errors"]
# sphinx_gallery_keywords = ["encoder decoder", "several models together", "two models", "single checkpoint file", "multiple models"]
# sphinx_gallery_reading_order = 50

# %%

# sphinx_gallery_fold = "The two models of this page, a GAN, and their optimizers"
import copy
import inspect
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import torch
import torch.nn as nn
import torch.nn.functional as F

here = globals().get("here", os.getcwd())
folder = tempfile.TemporaryDirectory()
os.chdir(folder.name)


def mlp(*sizes):
    layers = []
    for inputs, outputs in zip(sizes, sizes[1:]):
        layers += [nn.Linear(inputs, outputs), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def build():
    generator, discriminator = mlp(2, 32, 32, 2), mlp(2, 24, 24, 1)
    return (
        generator,
        discriminator,
        torch.optim.Adam(generator.parameters(), lr=0.004),
        torch.optim.Adam(discriminator.parameters(), lr=0.006),
    )


def train(generator, discriminator, optimizer_g, optimizer_d, steps):
    for _ in range(steps):
        angle = 2 * torch.pi * torch.rand(64)
        real = torch.stack([angle.cos(), angle.sin()], dim=1)
        fake = generator(torch.randn(64, 2))

        optimizer_d.zero_grad()
        loss = F.softplus(-discriminator(real)).mean()
        loss = loss + F.softplus(discriminator(fake.detach())).mean()
        loss.backward()
        optimizer_d.step()

        optimizer_g.zero_grad()
        F.softplus(-discriminator(fake)).mean().backward()
        optimizer_g.step()


torch.manual_seed(0)
gan = build()
train(*gan, steps=20)
generator, discriminator, optimizer_g, optimizer_d = gan

# %%
# Short answer
# ------------
#
# Collect the ``state_dict`` of each part in a dictionary, under a name of your
# choice. To load, build all parts and give each its entry:

import torch

parts = {
    "generator": generator,
    "discriminator": discriminator,
    "optimizer_g": optimizer_g,
    "optimizer_d": optimizer_d,
}
torch.save({name: p.state_dict() for name, p in parts.items()}, "gan.pt")

checkpoint = torch.load("gan.pt", map_location="cpu")
for name, part in parts.items():
    part.load_state_dict(checkpoint[name])

# %%
# If you need only one of them, ``mmap=True`` leaves the others on disk:
# ``torch.load("gan.pt", map_location="cpu", mmap=True)["generator"]``.
#
# .. fold:: Who this is for
#
#    You train models that belong together, such as a generator and a
#    discriminator, an encoder and a decoder, or a teacher and a student, and
#    want one checkpoint of all of them.
#
# .. fold:: Setup
#
#    ``mmap=True`` needs PyTorch 2.1 or newer. Tried with 2.6 and 2.13;
#    measuring memory needs Linux or macOS::
#
#        pip install "torch>=2.6"

# %%
# Why it works
# ------------
#
# The names keep the entries apart, although both models have a ``0.weight``.
# Here four new parts load the file: after five more steps with the same random
# numbers, their weights and optimizer state are the same as those of the old
# parts.

old, new = copy.deepcopy(gan), build()
checkpoint = torch.load("gan.pt", map_location="cpu")
for name, part in zip(parts, new):
    part.load_state_dict(checkpoint[name])
for pair in (old, new):
    torch.manual_seed(1)
    train(*pair, steps=5)
x = torch.randn(100, 2)
print("same output:", torch.allclose(old[0](x), new[0](x)))

for part, copied in zip(old, new):
    torch.testing.assert_close(copied.state_dict(), part.state_dict())
assert not torch.allclose(old[0](x), generator(x))

# %%

# sphinx_gallery_fold = "A large file, and the memory that a process needs to read it"
# skip_data takes milliseconds: it leaves a hole in the file for the tensors.
with torch.serialization.skip_data():
    size = {"generator": 1, "discriminator": 1, "adam_g": 2, "adam_d": 2}
    large = {
        name: {"0.weight": torch.empty(n, 4096, 4096)}
        for name, n in size.items()
    }
    torch.save(large, "large.pt")


def peak():
    """Return the peak memory of this process, in MiB."""
    status = Path("/proc/self/status")
    if status.exists():  # Linux, where getrusage can count the parent too
        return int(status.read_text().split("VmHWM:")[1].split()[0]) / 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20  # macOS


def load_generator(**options):
    before = peak()
    weights = torch.load("large.pt", **options)["generator"]
    weights["0.weight"].sum()  # use them
    print(peak() - before)


def memory(call):
    imports = ["import resource", "from pathlib import Path", "import torch"]
    functions = map(inspect.getsource, (peak, load_generator))
    command = [sys.executable, "-c", "\n".join([*imports, *functions, call])]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(done.stdout)


# %%
# Load only one model
# -------------------
#
# :func:`torch.load` reads the whole file, even the entries that you do not use.
# Adam's state is twice as large as its model, so the file is six times the
# generator here. With ``mmap=True``, only what you use is read:

measured = []
for call in ("load_generator()", "load_generator(mmap=True)"):
    measured.append(memory(call) / 64)
    print(f"{call:<26}{measured[-1]:.0f} × the generator")

torch.testing.assert_close(measured, [6.0, 1.0], atol=0.3, rtol=0)

# %%
# What goes wrong
# ---------------
#
# **One flat dictionary.** The models have keys in common, and the second
# model's entries replace the first's:

# sphinx_gallery_wrong = True
merged = generator.state_dict() | discriminator.state_dict()
print(len(merged), "of 12 tensors are left")

assert len(merged) == 6
assert merged["0.weight"].shape == discriminator[0].weight.shape

# %%
# **Another model's entry** has other keys, or the right keys and the wrong
# shapes. Swapping two models that are built alike gives no error; these two
# differ:
#
# .. diagnosis:: The entry belongs to another of the models in this file.
#    :fix: what-goes-wrong
#    :message: state_dict for Sequential: size mismatch for {n}.weight
#
#    print({name: list(entry) for name, entry in checkpoint.items()})

# sphinx_gallery_wrong = True
try:
    new[0].load_state_dict(checkpoint["discriminator"])
except RuntimeError as error:
    print(f"{type(error).__name__}: {error}")

assert not mlp(2, 4).load_state_dict(mlp(2, 4).state_dict()).missing_keys

# %%
# **Another optimizer's entry** loads without an error, because only the number
# of parameters is compared, and it brings along the other learning rate. The
# error comes at the next step, far from its cause:
#
# .. diagnosis:: The state of the optimizer belongs to parameters of other
#       shapes.
#    :message: The size of tensor a ({a}) must match the size of tensor b ({b})
#    :traceback: torch/optim/
#    :fix: matching_optimizer_state_to_parameters
#
#    optimizer = torch.optim.AdamW(model.parameters())  # from scratch

# sphinx_gallery_wrong = True
model, _, optimizer, _ = build()
optimizer.load_state_dict(checkpoint["optimizer_d"])
model(x).sum().backward()
try:
    optimizer.step()
except RuntimeError as error:
    print(f"{type(error).__name__}: {error}")

assert optimizer.param_groups[0]["lr"] == 0.006

# %%
# Variants
# --------
#
# **A module that holds both models** puts their names in front of the keys. One
# ``state_dict`` then has both, and one call loads them:

models = nn.ModuleDict({"generator": generator, "discriminator": discriminator})
print(list(models.state_dict())[::6])
assert len(models.state_dict()) == 12

# %%
# **Models that share layers,** such as two heads on one encoder, can go into
# one file, which stores the shared tensors once. After loading, the layers are
# shared if the models that you built share them.

encoder = nn.Linear(512, 512)
age, mood = (
    nn.Sequential(encoder, mlp(512, 1)),
    nn.Sequential(encoder, mlp(512, 2)),
)
torch.save({"age": age.state_dict(), "mood": mood.state_dict()}, "heads.pt")
torch.save(encoder.state_dict(), "encoder.pt")
ratio = os.path.getsize("heads.pt") / os.path.getsize("encoder.pt")
print(f"size of the file: {ratio:.1f} × the encoder")

both = torch.load("heads.pt", map_location="cpu")
assert ratio < 1.05
address = both["age"]["0.weight"].data_ptr()
assert address == both["mood"]["0.weight"].data_ptr()
age.load_state_dict(both["age"])
mood.load_state_dict(both["mood"])
assert age[0].weight is mood[0].weight

# %%

# sphinx_gallery_fold = "Leave the temporary folder"
os.chdir(here)
folder.cleanup()

# %%
# Learn more
# ----------
#
# - :ref:`sphx_glr_recipes_recipes_saving_and_loading_a_general_checkpoint.py`
# - :ref:`sphx_glr_recipes_recipes_module_load_state_dict_tips.py`
# - :ref:`sphx_glr_recipes_training_matching_optimizer_state_to_parameters.py`
# - :func:`torch.save`, :func:`torch.load`, :class:`torch.nn.ModuleDict`
