"""Writes a recipe to start from: ``make new NAME=my_recipe SECTION=training``.

The file is a small recipe that builds and passes every test in ``tests/recipes``. Its title comes
from its name, it is the last one of its section, and it links to the two recipes before it. The
author replaces the rest. If the input is invalid, one line says what is wrong and what to do.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

RECIPES = Path(__file__).parent.parent / "recipes_source"
TEMPLATE = '''"""
{title}
{underline}

Save the ``state_dict`` of a layer, load it into a new layer, and get the same
output.
"""

# sphinx_gallery_tags = ["saving", "loading", "module"]
# sphinx_gallery_reading_order = {order}

# %%

# sphinx_gallery_fold = "The model and the folder of this page"
import os
import tempfile

import torch
import torch.nn as nn

here = globals().get("here", os.getcwd())
folder = tempfile.TemporaryDirectory()
os.chdir(folder.name)

model = nn.Linear(4, 2)

# %%
# Short answer
# ------------
#
# Save the ``state_dict``, not the model:

import torch

torch.save(model.state_dict(), "model.pt")
state_dict = torch.load("model.pt", map_location="cpu")
model.load_state_dict(state_dict)

# %%
# .. fold:: Who this is for
#
#    You save a model and want to know that loading restores it.
#
# .. fold:: Setup
#
#    ::
#
#        pip install "torch>=2.6"

# %%
# Why it works
# ------------
#
# A new layer starts with other weights. After loading, it has those of the
# file, and both layers compute the same.

loaded = nn.Linear(4, 2)
print(loaded.load_state_dict(torch.load("model.pt")))

x = torch.ones(1, 4)
torch.testing.assert_close(loaded(x), model(x), rtol=0, atol=0)

# %%
# What goes wrong
# ---------------
#
# A layer of another size does not take these weights.
#
# .. diagnosis:: The model has another size than the one that was saved.
#    :message: size mismatch for weight: copying a param with shape
#
#    model = nn.Linear(4, 2)

# sphinx_gallery_wrong = True
try:
    nn.Linear(3, 2).load_state_dict(state_dict)
except RuntimeError as error:
    print(f"{{type(error).__name__}}: {{error}}")

# %%

# sphinx_gallery_fold = "Leave the temporary folder"
os.chdir(here)
folder.cleanup()

# %%
# Learn more
# ----------
#
{links}
# - :meth:`torch.nn.Module.load_state_dict` in the API documentation
'''


def reading_order(path: Path) -> int:
    """Return the reading order of the recipe at *path*, or 0 if it has none."""
    found = re.search(r"^# sphinx_gallery_reading_order = (\d+)", path.read_text(encoding="utf-8"), re.MULTILINE)
    return int(found[1]) if found else 0


def new_recipe(name: str, section: str) -> tuple[Path, str]:
    """Return the path and the text of the new recipe; raise ValueError if the input is invalid."""
    sections = sorted(header.parent.name for header in RECIPES.glob("*/GALLERY_HEADER.rst"))
    recipes = sorted(RECIPES.glob("*/[!_]*.py"), key=lambda p: (p.parent.name == section, reading_order(p)))
    missing = [variable for variable, value in (("NAME", name), ("SECTION", section)) if not value]
    if missing:
        example = f"make new NAME={name or 'my_recipe'} SECTION={section or sections[0]}"
        raise ValueError(f"{' and '.join(missing)} missing: {example} (sections: {', '.join(sections)})")
    if section not in sections:
        raise ValueError(f"there is no section {section}: choose one of {', '.join(sections)}")
    if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name) or name == "index":
        raise ValueError(
            f"NAME={name} is not a valid file name: use lower-case words joined by underscores, such as NAME=my_recipe"
        )
    for recipe in recipes:
        if recipe.stem == name:
            taken = recipe.relative_to(RECIPES.parent)
            raise ValueError(f"{taken} has this name, and names must be unique across sections: choose another")
    if len(recipes) < 2:
        raise ValueError("a recipe links to two others, but there are fewer: write the first two by hand")
    title = f"{name.replace('_', ' ').capitalize()}?"
    labels = (f"sphx_glr_recipes_{recipe.parent.name}_{recipe.name}" for recipe in recipes[-2:])
    places = [reading_order(recipe) for recipe in recipes if recipe.parent.name == section]
    text = TEMPLATE.format(
        title=title,
        underline="=" * len(title),
        order=max(places, default=0) // 10 * 10 + 10,
        links="\n".join(f"# - :ref:`{label}`" for label in labels),
    )
    return RECIPES / section / f"{name}.py", text


def main(name: str = "", section: str = "") -> str | None:
    """Write the recipe; return an error message, or None."""
    try:
        path, text = new_recipe(name, section)
    except ValueError as error:
        return str(error)
    path.write_text(text, encoding="utf-8")
    path = path.relative_to(RECIPES.parent)
    print(f"Wrote {path}: replace its text and code, then run make html RECIPE={name} and make golden")
    return None


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
