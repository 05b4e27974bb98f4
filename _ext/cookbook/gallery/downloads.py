"""The files that readers download: a script, a notebook and an archive for each recipe.

sphinx-gallery leaves a copy of the recipe, a notebook and an archive beside each page that it
makes. When Sphinx has read all pages (``env-updated``), ours replace them for each recipe

- whose page sphinx-gallery made in this build,
- whose page Sphinx read in this build, or
- whose notebook's links changed, for example because another recipe has a new title.

``NAME.py.stamp`` holds a fingerprint of what a recipe's files were made from. It is written
last, so files that a killed build left incomplete are made again.

Private name relied on: ``_pickled_doctree_cache`` of Sphinx 7.2's environment, which
``get_doctree`` fills.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

from cookbook.build import Build, build_of
from cookbook.files import write_if_changed
from cookbook.gallery import archives, scripts
from cookbook.gallery.notebooks import Notebooks
from cookbook.pages.navigation import GALLERY
from cookbook.state import state_of


def fingerprint(build: Build, name: str) -> str:
    """Return what the files of the recipe *name* depend on: its result, its text, our code."""
    recipe = build.recipes[name]
    text = hashlib.sha256(recipe.task["source"].encode()).hexdigest()
    return f"{recipe.key if name in build.results else ''} {text} {build.maker}"


def stamp_path(build: Build, name: str) -> Path:
    """Return the path of the file that holds the fingerprint of the recipe *name*."""
    return build.gallery / f"{name}.stamp"


def is_current(build: Build, name: str) -> bool:
    """Say whether the files of the recipe *name* are up to date."""
    path = stamp_path(build, name)
    return name not in build.failed and path.exists() and path.read_text() == fingerprint(build, name)


def record_read(app: Sphinx, env: BuildEnvironment, docnames: Sequence[str]) -> None:
    """Record which pages Sphinx reads in this build."""
    build_of(app).read.update(docnames)


def make(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """Make the downloads that are out of date; return the pages that link to them."""
    build, updated = build_of(app), []
    notebooks = Notebooks(app)
    known = state_of(env).notebook_links
    # Downloads are made from the pages, so a newer download is no reason to read its page again.
    env.dependencies[GALLERY].difference_update(f"{build.gallery.name}/{name}" for name in archives.GALLERY_ARCHIVES)
    for name, recipe in build.recipes.items():
        docname, script = recipe.docname, build.gallery / name
        if docname not in env.found_docs or (build.environ.recipe and name not in build.results):
            continue
        env.dependencies[docname].difference_update(f"{docname}{suffix}" for suffix in (".py", ".ipynb", ".zip"))
        links = notebooks.links(name)
        if name in build.made or docname in build.read or known.get(docname) != links:
            notebook = script.with_suffix(".ipynb")
            write_if_changed(script, scripts.script(recipe))
            write_if_changed(notebook, notebooks.text(name))
            archives.write(script.with_suffix(".zip"), [script, notebook], script.parent)
            known[docname] = links
            if name in build.results and name not in build.failed:
                write_if_changed(stamp_path(build, name), fingerprint(build, name))
            updated.append(docname)
            # Or Sphinx would pickle the cache with the environment, and use it after a page has changed.
            getattr(env, "_pickled_doctree_cache", {}).clear()
    if build.archives and (updated or state_of(env).archived != list(build.recipes)):
        archives.write_all(build)
        state_of(env).archived = list(build.recipes)
    return updated
