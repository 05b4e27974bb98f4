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

import json

from sphinx_gallery.py_source_parser import INFILE_CONFIG_PATTERN

from cookbook.recipes import dependencies
from cookbook.recipes.recipe import Recipe

#: The oldest Python that the project supports, as in README.md.
PYTHON = ">=3.11"


def script(recipe: Recipe) -> str:
    """Return the text of the script that readers of *recipe* download."""
    packages = json.dumps(dependencies.requirements(recipe.code))
    text = recipe.task["source"].rstrip("\n")
    text = INFILE_CONFIG_PATTERN.sub(lambda match: "\n" * match[0].count("\n"), text)
    return f'{text}\n\n# /// script\n# requires-python = "{PYTHON}"\n# dependencies = {packages}\n# ///\n'
