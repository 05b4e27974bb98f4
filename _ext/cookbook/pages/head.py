"""What search engines and other sites read of a page.

Each page has its first paragraph as ``description``; for a recipe that is its promise:
``<meta name="description" content="A state_dict is a Python dictionary that maps ...">``.
With ``html_baseurl``, the address of the published site, a page also has its own address and that
of its card's picture, which must be absolute, and the site has a ``sitemap.xml``.
"""

from __future__ import annotations

import re
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.errors import ConfigError

from cookbook.files import write_if_changed

DEFAULT = "Recipes about PyTorch's state_dict: every one was run, everything claimed is asserted."


def check(app: Sphinx, config: Config) -> None:
    """Raise ConfigError if ``html_baseurl`` is not the address of a site."""
    base = config.html_baseurl
    if base and not re.fullmatch(r"https?://[^\s/]+/(\S*/)?", base):
        raise ConfigError(
            f"conf.py: html_baseurl = {base!r} is not the address of a site. Include the scheme and "
            'a trailing slash, as in "https://example.org/cookbook/", or set it to ""'
        )


def first_paragraph(doctree: nodes.document) -> str | None:
    """Return the text of the first paragraph directly in a section, or None."""
    for paragraph in doctree.findall(nodes.paragraph):
        if isinstance(paragraph.parent, nodes.section) and paragraph.astext().strip():
            return re.sub(r"\s+", " ", paragraph.astext()).strip()
    return None


def add_head(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Put ``description``, ``page_address``, ``page_picture`` and ``site_root`` into the context."""
    base = app.config.html_baseurl
    context["description"] = (doctree and first_paragraph(doctree)) or DEFAULT
    context["site_root"] = urlsplit(base).path or "/"
    context["page_address"] = context["page_picture"] = None
    if base and doctree:
        context["page_address"] = urljoin(base, quote(app.builder.get_target_uri(pagename)))
        folder, _, name = pagename.rpartition("/")
        picture = app.env.images.get(f"{folder}/images/thumb/sphx_glr_{name}_thumb.png")
        context["page_picture"] = picture and urljoin(base, f"_images/{quote(picture[1])}")


def write_sitemap(app: Sphinx, exception: Exception | None) -> None:
    """List every page in ``sitemap.xml``; delete it if the site has no address."""
    if exception or app.builder.format != "html":
        return
    path = Path(app.outdir, "sitemap.xml")
    base = app.config.html_baseurl
    if not base:
        path.unlink(missing_ok=True)
        return
    pages = [urljoin(base, quote(app.builder.get_target_uri(name))) for name in sorted(app.env.found_docs)]
    urls = "".join(f"<url><loc>{escape(page)}</loc></url>\n" for page in pages)
    write_if_changed(
        path,
        '<?xml version="1.0" encoding="utf-8"?>\n'
        f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n{urls}</urlset>\n',
    )
