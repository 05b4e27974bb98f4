"""Links to the repository on a recipe's page: edit it, report a problem, open it in Colab.

They need ``repository`` in ``conf.py``, the address of the repository, and ``repository_branch``. From
``https://github.com/owner/name`` and the page ``recipes/recipes/what_is_state_dict`` come

    Edit this recipe    .../edit/main/recipes_source/recipes/what_is_state_dict.py
    Report a problem    .../issues/new?title=...&body=..., with the page and its versions
    Open in Colab       the notebook on the branch gh-pages, which holds the built site

Colab reads notebooks from GitHub only, so other repositories have no such link.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote, urlencode

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.errors import ConfigError

from cookbook.build import build_of
from cookbook.pages.provenance import Provenance


def check(app: Sphinx, config: Config) -> None:
    """Raise ConfigError unless ``repository`` is an address, and ``repository_branch`` a name, of such."""
    address, branch = config.repository, config.repository_branch
    if address and not re.fullmatch(r"https?://[^\s/]+/\S*[^\s/]", address):
        raise ConfigError(
            f"conf.py: repository = {address!r} is not the address of a repository. Write it as in "
            '"https://github.com/owner/name", or set it to "" for no links to it'
        )
    if address.endswith(".git"):
        raise ConfigError(
            f"conf.py: repository = {address!r} is the address to clone from. Give that of its pages, "
            f'as in "{address.removesuffix(".git")}"'
        )
    if not re.fullmatch(r"[^\s/~^:?*[\\]+(/[^\s/~^:?*[\\]+)*", branch):
        raise ConfigError(f'conf.py: repository_branch = {branch!r} is not the name of a branch, as in "main"')


def links(
    repository: str, branch: str, source: str, title: str, verified: Provenance | None, notebook: str
) -> list[tuple[str, str]]:
    """Return ``(label, address)`` pairs for a recipe.

    *source* is its path on the *branch* of the repository, *notebook* the path of its notebook on the site, or "".
    """
    versions = f"torch {verified['torch']}, Python {verified['python']}" if verified else "not executed"
    body = f"Recipe: {source}\nVerified with: {versions}\n\nWhat happened, and what did you expect?\n"
    found = [
        ("Edit this recipe", f"{repository}/edit/{quote(branch)}/{source}"),
        ("Report a problem", f"{repository}/issues/new?{urlencode({'title': f'{title}: ', 'body': body})}"),
    ]
    on_github = re.fullmatch(r"https://github\.com/([^/]+/[^/]+)", repository)
    if on_github and notebook:
        colab = f"https://colab.research.google.com/github/{on_github[1]}/blob/gh-pages/{notebook}"
        found.append(("Open in Colab", colab))
    return found


def add_links(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Put ``repository_links`` into the context of a page."""
    build = build_of(app)
    name = f"{pagename.removeprefix(f'{build.gallery.name}/')}.py"
    context["repository_links"] = []
    if app.config.repository and name in build.recipes:
        notebook = app.env.dlfiles.get(f"{pagename}.ipynb")
        context["repository_links"] = links(
            app.config.repository,
            app.config.repository_branch,
            f"{build.source.name}/{name}",
            app.env.titles[pagename].astext(),
            context["provenance"],
            f"_downloads/{notebook[1]}" if notebook else "",
        )
