"""What readers download of each recipe, made when Sphinx has read its page.

sphinx-gallery leaves a copy of the recipe, a notebook and an archive beside each page that it
makes; a script, a notebook and an archive of ours take their place (``env-updated``) where

- sphinx-gallery made them anew,
- the page was read anew, or
- what the links of the notebook depend on has changed, the title of another recipe for example.

``NAME.py.stamp``, written last, says what a recipe's files were made from, so a build that is
killed in between makes them again.

Private name relied on: ``_pickled_doctree_cache`` of Sphinx 7.2's environment, which ``get_doctree`` fills.
"""

import hashlib
import os
from pathlib import Path

from cookbook.build import build_of
from cookbook.gallery import archives, scripts
from cookbook.gallery.notebooks import Notebooks
from cookbook.pages.navigation import GALLERY

#: The downloads of a recipe, by suffix.
SUFFIXES = (".py", ".ipynb", ".zip")


def made_from(build, name):
    """Return what the files of the recipe *name* are made from: its result, its text, our code."""
    recipe = build.recipes[name]
    text = hashlib.sha256(recipe.task["source"].encode()).hexdigest()
    return f"{recipe.key if name in build.results else ''} {text} {build.maker}"


def stamp(build, name):
    """Return the path of what says what the files of the recipe *name* were made from."""
    return build.gallery / f"{name}.stamp"


def is_current(build, name):
    """Say whether the files of the recipe *name* were made from what there is now."""
    path = stamp(build, name)
    return name not in build.failed and path.exists() and path.read_text() == made_from(build, name)


def note_read(app, env, docnames):
    """Note which pages are read in this build."""
    build_of(app).read.update(docnames)


def make(app, env):
    """Make the downloads that have to be made; return the pages that offer them."""
    build, updated = build_of(app), []
    notebooks = Notebooks(app)
    known = env.__dict__.setdefault("notebook_links", {})
    # the downloads are made of the pages, so a newer one is no reason to read its page again
    env.dependencies[GALLERY].difference_update(f"{build.gallery.name}/{name}" for name in archives.OF_ALL)
    for name, recipe in build.recipes.items():
        docname, target = recipe.docname, build.gallery / name
        if docname not in env.found_docs or build.environ.recipe and name not in build.results:
            continue
        env.dependencies[docname].difference_update(f"{docname}{suffix}" for suffix in SUFFIXES)
        links = notebooks.links(name)
        if name in build.made or docname in build.read or known.get(docname) != links:
            problems = len(build.problems)
            _replace(target, scripts.script(recipe))
            _replace(target.with_suffix(".ipynb"), notebooks.text(name))
            archives.write(target.with_suffix(".zip"), [target, target.with_suffix(".ipynb")], target.parent)
            known[docname] = links if len(build.problems) == problems else None
            if name in build.results and name not in build.failed:
                _replace(stamp(build, name), made_from(build, name))
            updated.append(docname)
    # or it would be kept with the environment, and given again after the page has changed
    getattr(env, "_pickled_doctree_cache", {}).clear()
    if updated:
        archives.write_all(build)
    return updated


def _replace(path, text):
    """Write *text* to *path*, all of it or nothing, where that changes it."""
    if not path.exists() or path.read_bytes() != text.encode():
        new = Path(f"{path}.new")
        new.write_bytes(text.encode())
        os.replace(new, path)
