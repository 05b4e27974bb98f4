"""The size of each image in its tag, so that the page does not shift when the image loads; its name.

``<img alt="A figure" src="x.png" />`` becomes
``<img alt="A figure" src="x.png" width="1000" height="800" loading="lazy" />``. These are
attributes because the Content-Security-Policy forbids the inline styles that docutils writes.
Lazy loading keeps browsers from fetching figures before they are scrolled to.

Two images with the same name in two folders are ``x.png`` and ``x1.png`` in ``_images``. Sphinx gives these
names in the order in which it has read pages, so after a recipe has moved they would not be those of
a clean build.
"""

from __future__ import annotations

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import FilenameUniqDict
from sphinx.util.images import get_image_size
from sphinx.writers.html5 import HTML5Translator


def visit_image(self: HTML5Translator, node: nodes.image) -> None:
    """Write the tag of an image, with its size."""
    size = get_image_size(str(self.builder.srcdir / node["uri"]))
    HTML5Translator.visit_image(self, node)
    if size and self.body[-1].startswith("<img "):
        tag, end, rest = self.body[-1].rpartition("/>")
        self.body[-1] = f'{tag.rstrip()} width="{size[0]}" height="{size[1]}" loading="lazy" {end}{rest}'


depart_image = HTML5Translator.depart_image


def name_files(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """Name the files of all images in the order of their paths; return the pages with one that has another name."""
    before, env.images = env.images, FilenameUniqDict()
    for path in sorted(before):
        for docname in before[path][0]:
            env.images.add_file(docname, path)
    renamed = (docs for path, (docs, name) in env.images.items() if before[path][1] != name)
    return sorted(set().union(*renamed))
