'''Scripts that say what they need: the form of PEP 723, which runners such as uv and pipx know.

sphinx-gallery copies each recipe to where readers download it; here the copy gets, at its
end, a block with what the recipe imports, pinned as the site was built. It is at the end so
that line numbers are those of the page, and settings of sphinx-gallery become empty lines
for the same reason. The recipe's own file has none of it. Input:

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

import json

from sphinx_gallery.py_source_parser import INFILE_CONFIG_PATTERN

from cookbook.recipes import dependencies

#: The oldest Python that the project supports, as in README.md.
PYTHON = ">=3.11"


def script(recipe):
    """Return the text that readers download of *recipe*."""
    needs = dependencies.requirements(recipe.code)
    text = recipe.task["source"].rstrip("\n")
    text = INFILE_CONFIG_PATTERN.sub(lambda match: "\n" * match[0].count("\n"), text)
    return f'{text}\n\n# /// script\n# requires-python = "{PYTHON}"\n# dependencies = {json.dumps(needs)}\n# ///\n'
