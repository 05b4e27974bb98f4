"""Pages that ``make serve`` serves may reload themselves.

sphinx-autobuild adds an inline script to each page that it serves, which waits on a WebSocket for
the next build. The policy of published pages forbids both, so a build with the tag ``serve``
allows them; it has an output folder of its own, ``_build/serve``.
"""

from __future__ import annotations

import re

from sphinx.application import Sphinx

from cookbook.site.assets import replace, written_pages

STRICT = "default-src 'self'"
LOOSE = f"{STRICT}; script-src 'self' 'unsafe-inline'; connect-src 'self' ws:"


def allow_reload(app: Sphinx, exception: Exception | None) -> None:
    """Allow sphinx-autobuild's script in all pages, if they are only served."""
    if not exception and "serve" in app.tags:
        replace(re.compile(f'(?<="){STRICT}(?!{LOOSE.removeprefix(STRICT)})'), LOOSE, written_pages(app))
