"""``make linkcheck`` ends at once where there is no network, rather than call every link broken.

There is a network if one of the sites that API links lead to answers, whatever it says:

    none of docs.pytorch.org, docs.python.org, numpy.org answers: run make linkcheck again where one does
"""

from __future__ import annotations

from urllib.parse import urlsplit

import requests
from sphinx.application import Sphinx
from sphinx.errors import SphinxError

#: Seconds to wait for an answer of a site.
TIMEOUT = 10


class NoNetworkError(SphinxError):
    """No site answers."""

    category = "No network"


def check_network(app: Sphinx) -> None:
    """Raise NoNetworkError if links are to be checked and no documentation site answers."""
    if app.builder.name != "linkcheck":
        return
    sites = {urlsplit(uri).netloc: uri for _, (uri, _) in app.config.intersphinx_mapping.values()}
    for uri in sites.values():
        try:
            requests.head(uri, timeout=TIMEOUT)
        except requests.RequestException:
            continue
        return
    raise NoNetworkError(f"none of {', '.join(sites)} answers: run make linkcheck again where one does")
