"""How many documents a build keeps in memory.

Sphinx keeps the document of every page that it has read until it writes the page, and pickles all
of them with its environment; for thousands of recipes that is gigabytes. All but a few are dropped,
and read from their files again when they are written.

Private names relied on: ``_write_doc_doctree_cache`` and ``_pickled_doctree_cache`` of Sphinx 7.2's environment.
"""

from __future__ import annotations

from sphinx.application import Sphinx

#: How many documents are kept.
KEPT = 200


def drop_documents(app: Sphinx, *_: object) -> None:
    """Drop documents from Sphinx's caches, before another page is read or written."""
    for name in ("_write_doc_doctree_cache", "_pickled_doctree_cache"):
        cache = getattr(app.env, name, {})
        while len(cache) > KEPT:
            cache.popitem()
