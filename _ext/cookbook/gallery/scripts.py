'''Scripts with the packages that they need, as inline metadata (PEP 723) for uv, pipx and others.

sphinx-gallery copies each recipe to where readers download it. To that copy, and not to the
recipe itself, this module appends a block with the imported packages, pinned to the versions that
the site was built with. The block is at the end, and settings of sphinx-gallery become empty lines,
so that line numbers are the same as on the page. Input:

    """Title ..."""
    # sphinx_gallery_tags = ["loading"]
    import torch

Result:

    """Title ..."""

    import torch

    # /// script
    # requires-python = ">=3.11"
    # dependencies = ["torch==2.13.0"]
    # ///
'''

from __future__ import annotations

import ast
import json
import re

from sphinx_gallery.py_source_parser import INFILE_CONFIG_PATTERN

from cookbook.recipes import dependencies
from cookbook.recipes.recipe import Recipe

#: The oldest Python that the project supports, as in README.md.
PYTHON = ">=3.11"


def _comment(setting: re.Match[str]) -> str:
    """Return what a script has in place of a *setting*: what a fold says, or as many empty lines."""
    if setting[1] == "fold":
        return setting[0].replace(setting[0].strip("\n"), f"# {ast.literal_eval(setting[3].strip())}")
    return "\n" * setting[0].count("\n")


def script(recipe: Recipe) -> str:
    """Return the text of the script that readers of *recipe* download."""
    packages = json.dumps(recipe.installs or dependencies.requirements(recipe.code))
    text = recipe.task["source"].rstrip("\n")
    text = INFILE_CONFIG_PATTERN.sub(_comment, text)
    return f'{text}\n\n# /// script\n# requires-python = "{PYTHON}"\n# dependencies = {packages}\n# ///\n'
