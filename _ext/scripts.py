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

Relies on ``sphinx_gallery.gen_rst._replace_md5``, which is replaced while sphinx-gallery
makes its pages: it makes the copy, and compares it with the recipe in each build.
'''

import json
from pathlib import Path

from sphinx_gallery import gen_rst
from sphinx_gallery.py_source_parser import INFILE_CONFIG_PATTERN

import dependencies

#: The oldest Python that the project supports, as in README.md.
PYTHON = ">=3.11"


def script(recipe):
    """Return the text that readers download of *recipe*."""
    needs = dependencies.requirements(recipe.code)
    text = recipe.task["source"].rstrip("\n")
    text = INFILE_CONFIG_PATTERN.sub(lambda match: "\n" * match[0].count("\n"), text)
    return (
        f"{text}\n\n# /// script\n"
        f'# requires-python = "{PYTHON}"\n'
        f"# dependencies = {json.dumps(needs)}\n"
        "# ///\n"
    )


def copy(stock, build):
    """Return what stands in for sphinx-gallery's ``_replace_md5``, *stock*, in *build*."""

    def _replace_md5(fname_new, fname_old=None, **options):
        if options.get("method") != "copy" or options.get("mode") != "t":
            return stock(fname_new, fname_old, **options)
        if Path(fname_new) == Path(fname_old):  # a page that is left as it is
            return False
        new = Path(f"{fname_old}.new")
        name = Path(fname_new).relative_to(build.source).as_posix()
        new.write_text(script(build.recipes[name]), encoding="utf-8")
        return stock(new)

    return _replace_md5


def attach(app):
    """Take the place of sphinx-gallery's function."""
    app.stock_copy = gen_rst._replace_md5
    gen_rst._replace_md5 = copy(app.stock_copy, app.recipe_build)


def detach(app, *_):
    """Give sphinx-gallery its own function back."""
    if hasattr(app, "stock_copy"):
        gen_rst._replace_md5 = app.stock_copy


def setup(app):
    app.connect("builder-inited", attach, priority=450)
    app.connect("builder-inited", detach, priority=550)
    app.connect("build-finished", detach)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
