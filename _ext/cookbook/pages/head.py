"""What search engines and other sites read of a page.

Each page gets its first paragraph as ``description``, for a recipe its promise:
``<meta name="description" content="A state_dict is a Python dictionary that maps ...">``.
Where ``html_baseurl`` says where the site is published, a page also knows its own address
and its card's picture, which have to be absolute, and there is a ``sitemap.xml``.
"""

import re
from html import escape
from pathlib import Path
from urllib.parse import quote, urljoin, urlsplit

from docutils import nodes
from sphinx.errors import ConfigError
from sphinx.util.osutil import FileAvoidWrite

DEFAULT = "Recipes about PyTorch's state_dict: every one was run, everything claimed is asserted."


def check(app, config):
    """End the build if ``html_baseurl`` is no address of a site."""
    base = config.html_baseurl
    if base and not re.fullmatch(r"https?://[^\s/]+/(\S*/)?", base):
        raise ConfigError(
            f"conf.py: html_baseurl = {base!r} is no address of a site: write it with its scheme "
            'and a slash at the end, as in "https://example.org/cookbook/", or "" for none'
        )


def first_paragraph(doctree):
    """Return the text of the first paragraph that is a section's own; None without one."""
    for paragraph in doctree.findall(nodes.paragraph):
        if isinstance(paragraph.parent, nodes.section) and paragraph.astext().strip():
            return re.sub(r"\s+", " ", paragraph.astext()).strip()
    return None


def add_head(app, pagename, templatename, context, doctree):
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


def write_sitemap(app, exception):
    """List every page in ``sitemap.xml``; without an address there is none."""
    if exception or app.builder.format != "html":
        return
    path = Path(app.outdir, "sitemap.xml")
    base = app.config.html_baseurl
    if not base:
        path.unlink(missing_ok=True)
        return
    pages = [urljoin(base, quote(app.builder.get_target_uri(name))) for name in sorted(app.env.found_docs)]
    text = "".join(f"<url><loc>{escape(page)}</loc></url>\n" for page in pages)
    text = (
        '<?xml version="1.0" encoding="utf-8"?>\n'
        f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n{text}</urlset>\n'
    )
    with FileAvoidWrite(path) as file:
        file.write(text)
