"""Links to the repository on a recipe's page: edit it, report a problem, open it in Colab.

They are there where ``repository`` in ``conf.py`` is an address, and nowhere else. From
``https://github.com/owner/name`` and the page ``recipes/recipes/what_is_state_dict`` come

    Edit this recipe    .../edit/main/recipes_source/recipes/what_is_state_dict.py
    Report a problem    .../issues/new?title=...&body=..., with the page and its versions
    Open in Colab       the notebook on the branch gh-pages, which holds the built site

The last one only for a repository on github.com, which is what Colab reads.
"""

import re
from urllib.parse import urlencode

from sphinx.errors import ConfigError

from cookbook.build import build_of


def check(app, config):
    """End the build if ``repository`` is no address of one."""
    address = config.repository
    if address and not re.fullmatch(r"https?://[^\s/]+/\S*[^\s/]", address):
        raise ConfigError(
            f"conf.py: repository = {address!r} is no address of a repository: write it as in "
            '"https://github.com/owner/name", or "" for no links to it'
        )


def links(repository, source, title, verified, notebook):
    """Return ``(label, address)`` pairs for the recipe at *source*, a path in the repository."""
    versions = f"torch {verified['torch']}, Python {verified['python']}" if verified else "not executed"
    body = f"Recipe: {source}\nVerified with: {versions}\n\nWhat happened, and what did you expect?\n"
    found = [
        ("Edit this recipe", f"{repository}/edit/main/{source}"),
        ("Report a problem", f"{repository}/issues/new?{urlencode({'title': f'{title}: ', 'body': body})}"),
    ]
    on_github = re.fullmatch(r"https://github\.com/([^/]+/[^/]+)", repository)
    if on_github and notebook:
        colab = f"https://colab.research.google.com/github/{on_github[1]}/blob/gh-pages/{notebook}"
        found.append(("Open in Colab", colab))
    return found


def add_links(app, pagename, templatename, context, doctree):
    """Put ``repository_links`` into the context of a page."""
    build, gallery = build_of(app), app.config.sphinx_gallery_conf["gallery_dirs"][0]
    name = f"{pagename.removeprefix(f'{gallery}/')}.py"
    context["repository_links"] = []
    if app.config.repository and name in build.recipes:
        notebook = app.env.dlfiles.get(f"{pagename}.ipynb")
        context["repository_links"] = links(
            app.config.repository,
            f"{build.source.name}/{name}",
            app.env.titles[pagename].astext(),
            context.get("provenance"),
            notebook and f"_downloads/{notebook[1]}",
        )
