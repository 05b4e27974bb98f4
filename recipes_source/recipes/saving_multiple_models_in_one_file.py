"""
Saving multiple models in one file
==================================

Keep the two models of a GAN and their two optimizers in one file, restore all four,
and load a single one of them when that is all you need.

**For whom:** you train models that belong together, such as a generator and a
discriminator or an encoder and a decoder, and want one checkpoint for all of them.

Setup
-----

Install PyTorch, and Matplotlib for the figure::

    pip install torch matplotlib

Steps
-----

1. Import the libraries
2. Define the models and their optimizers
3. Train them
4. Save everything in one file
5. Load everything and go on
6. Load one model alone
7. Keep the entries apart
"""

# sphinx_gallery_tags = ["saving", "optimizer", "checkpoint", "errors"]
# sphinx_gallery_keywords = ["several models", "two models together", "encoder decoder", "GAN"]
# sphinx_gallery_reading_order = 50

# %%
# 1. Import the libraries
# ~~~~~~~~~~~~~~~~~~~~~~~
#
# The file goes into a temporary folder. The seed makes every run the same.

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(0)
plt.style.use("petroff10")
folder = tempfile.TemporaryDirectory()
path = Path(folder.name) / "gan.pt"

# %%
# 2. Define the models and their optimizers
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# A generative adversarial network (GAN) is a pair of models. The *generator* turns
# noise into points, and the *discriminator* tells them from real ones. Each has an
# optimizer of its own. A dictionary holds the four parts by name, and these names
# will be the keys of the file.


def build():
    generator = nn.Sequential(
        nn.Linear(2, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 2)
    )
    discriminator = nn.Sequential(
        nn.Linear(2, 24), nn.ReLU(), nn.Linear(24, 24), nn.ReLU(), nn.Linear(24, 1)
    )
    return {
        "generator": generator,
        "discriminator": discriminator,
        "generator_optimizer": torch.optim.Adam(
            generator.parameters(), lr=0.004, betas=(0.5, 0.999)
        ),
        "discriminator_optimizer": torch.optim.Adam(
            discriminator.parameters(), lr=0.006, betas=(0.5, 0.999)
        ),
    }


gan = build()
for name, part in gan.items():
    print(f"{name:<24}{type(part).__name__}")
assert len(gan) == 4

# %%
# 3. Train them
# ~~~~~~~~~~~~~
#
# The real points lie on a circle of radius 1. In each step the discriminator learns
# from real and generated points, and then the generator learns from the judgment
# of the discriminator.


def real_points(number):
    angle = 2 * torch.pi * torch.rand(number)
    circle = torch.stack([angle.cos(), angle.sin()], dim=1)
    return circle + 0.03 * torch.randn(number, 2)


def train(gan, steps):
    generator, discriminator = gan["generator"], gan["discriminator"]
    for _ in range(steps):
        real, fake = real_points(64), generator(torch.randn(64, 2))

        real_score, fake_score = discriminator(real), discriminator(fake.detach())
        loss = F.softplus(-real_score).mean() + F.softplus(fake_score).mean()
        gan["discriminator_optimizer"].zero_grad()
        loss.backward()
        gan["discriminator_optimizer"].step()

        loss = F.softplus(-discriminator(fake)).mean()
        gan["generator_optimizer"].zero_grad()
        loss.backward()
        gan["generator_optimizer"].step()


# %%
# Before training the generated points lie close to the center. After 400 steps
# their mean distance from it is close to the radius of the circle.

noise = torch.randn(300, 2)


def mean_distance(generator):
    with torch.inference_mode():
        return generator(noise).norm(dim=1).mean().item()


before = mean_distance(gan["generator"])
train(gan, steps=400)
after = mean_distance(gan["generator"])
print(f"{before < 0.5 = }")
print(f"{0.7 < after < 1.3 = }")
assert before < 0.5 and 0.7 < after < 1.3

# %%
# 4. Save everything in one file
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# Modules and optimizers have a ``state_dict`` each. Collect them in one dictionary
# under the names of the parts, and save it. The listing shows how many tensors each
# entry holds: a weight and a bias for three linear layers, and for each of these
# six the three tensors that Adam keeps.


torch.save({name: part.state_dict() for name, part in gan.items()}, path)

counts = {}
for name, entry in torch.load(path).items():
    if "state" in entry:
        counts[name] = sum(len(tensors) for tensors in entry["state"].values())
    else:
        counts[name] = len(entry)
    print(f"{name:<24}{counts[name]:>3} tensors")
assert list(counts.values()) == [6, 6, 18, 18]

# %%
# 5. Load everything and go on
# ~~~~~~~~~~~~~~~~~~~~~~~~~~~~
#
# Build the four parts again and give each its own entry. Everything that was saved
# is back: all tensors of the models, and the state and hyperparameters of the
# optimizers.

restored = build()
checkpoint = torch.load(path)
for name, part in restored.items():
    part.load_state_dict(checkpoint[name])

for name in gan:
    torch.testing.assert_close(
        restored[name].state_dict(), gan[name].state_dict(), rtol=0, atol=0
    )
    print(f"{name}: all {counts[name]} tensors equal")

# %%
# The figure shows real points, and what the restored generator makes of noise. The
# generator that was saved makes the very same points.

with torch.inference_mode():
    points, expected = restored["generator"](noise), gan["generator"](noise)

fig, ax = plt.subplots(figsize=(5, 4), layout="constrained")
ax.scatter(*real_points(150).T, marker="x", label="real")
ax.scatter(*points.T, marker="o", s=12, label="restored generator")
ax.set(xlabel="first coordinate", ylabel="second coordinate", aspect="equal")
ax.legend(loc="center")
ax.set_title("Points from the restored generator")
plt.show()

print("same points:", torch.equal(points, expected))
assert torch.equal(points, expected)

# %%
# Both pairs can go on training. With the same random numbers they take the same
# step, which needs the right models and the right optimizer state.

torch.manual_seed(1)
train(gan, steps=1)
torch.manual_seed(1)
train(restored, steps=1)

moved = not torch.equal(gan["generator"](noise), expected)
print("generator: moved by one more step:", moved)
assert moved
for name in ("generator", "discriminator"):
    torch.testing.assert_close(restored[name].state_dict(), gan[name].state_dict())
    print(f"{name}: same weights in both pairs")

# %%
# 6. Load one model alone
# ~~~~~~~~~~~~~~~~~~~~~~~
#
# To generate points, the generator is enough. Take its entry and leave the others.

generator = build()["generator"]
print(generator.load_state_dict(torch.load(path)["generator"]))
generator.eval()

with torch.inference_mode():
    assert torch.equal(generator(noise), expected)

# %%
# 7. Keep the entries apart
# ~~~~~~~~~~~~~~~~~~~~~~~~~
#
# Could the two models share one flat dictionary? Not if they have keys in common.
# Here both have ``0.weight`` and so on. Of the twelve tensors six remain, because
# those of the discriminator replace those of the generator.

merged = gan["generator"].state_dict() | gan["discriminator"].state_dict()
print(f"{len(merged) = }")
assert len(merged) == 6
assert merged["0.weight"].shape == gan["discriminator"][0].weight.shape

# %%
# A :class:`torch.nn.ModuleDict` does it right: it puts the name of the model in front
# of every key. This is another way to keep all models in one ``state_dict``.

models = nn.ModuleDict({name: gan[name] for name in ("generator", "discriminator")})
print("\n".join(models.state_dict()))
assert len(models.state_dict()) == 12

# %%
# If you take the wrong entry for a model, the keys fit but the shapes do not, and the
# message lists each tensor that differs.

try:
    build()["generator"].load_state_dict(checkpoint["discriminator"])
except RuntimeError as error:
    print(f"{type(error).__name__}: {error}")
else:
    raise AssertionError("a generator accepted the weights of a discriminator")

# %%
# An optimizer does not compare shapes when it loads, only the number of parameters
# in each group. The wrong entry is accepted without a message, and the learning
# rate of the other optimizer comes with it.

swapped = build()
swapped["generator_optimizer"].load_state_dict(checkpoint["discriminator_optimizer"])

print("lr:", swapped["generator_optimizer"].param_groups[0]["lr"])
assert swapped["generator_optimizer"].param_groups[0]["lr"] == 0.006

# %%
# The mistake shows in the next step of this optimizer, far from its cause. The sizes
# in the message are those of a state and of a parameter that do not belong together.

swapped["generator"](noise).sum().backward()
try:
    swapped["generator_optimizer"].step()
except RuntimeError as error:
    print(f"{type(error).__name__}: {error}")
else:
    raise AssertionError("the generator was trained with the wrong optimizer state")
folder.cleanup()

# %%
# You have saved two models and two optimizers in one file, restored all four, and
# loaded one model on its own. The same dictionary has room for the epoch and the
# loss, which the general checkpoint adds.
#
# Learn more
# ----------
#
# - :ref:`sphx_glr_recipes_recipes_saving_and_loading_a_general_checkpoint.py`
# - :ref:`sphx_glr_recipes_training_matching_optimizer_state_to_parameters.py`
# - :ref:`sphx_glr_recipes_troubleshooting_reading_missing_and_unexpected_keys.py`
# - :func:`torch.save`, :func:`torch.load` and :class:`torch.nn.ModuleDict` in the API
#   documentation
