"""The zip archives that readers download, reproducible byte for byte.

Each recipe has ``NAME.zip`` with its script and notebook. The gallery has
``recipes_python.zip`` and ``recipes_jupyter.zip`` with those of all recipes. Members are
sorted and have a fixed date and fixed permissions, unlike in sphinx-gallery's own archives.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable
from pathlib import Path

from sphinx.application import Sphinx
from sphinx_gallery import downloads

from cookbook.build import Build, build_of
from cookbook.files import write_if_changed
from cookbook.pages.navigation import GALLERY

#: The date of every member: the earliest that the zip format can hold.
ZIP_DATE = (1980, 1, 1, 0, 0, 0)
#: The archives of the gallery, and the suffix of their members.
GALLERY_ARCHIVES = {"recipes_python.zip": ".py", "recipes_jupyter.zip": ".ipynb"}


def write(archive: Path, files: Iterable[Path], folder: Path) -> None:
    """Write *files*, which are below *folder*, into the zip *archive* if that changes it."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as file:
        for path in sorted(files):
            member = zipfile.ZipInfo(path.relative_to(folder).as_posix(), ZIP_DATE)
            member.external_attr = 0o644 << 16
            member.compress_type = zipfile.ZIP_DEFLATED
            file.writestr(member, path.read_bytes())
    write_if_changed(archive, data.getvalue())


def write_all(build: Build) -> None:
    """Write the archives of the gallery."""
    for name, suffix in GALLERY_ARCHIVES.items():
        files = [Path(build.gallery, recipe).with_suffix(suffix) for recipe in build.recipes]
        write(build.gallery / name, [path for path in files if path.exists()], build.gallery)


def add_links(app: Sphinx, docname: str, source: list[str]) -> None:
    """Add links to the gallery's archives at the end of its page, with sphinx-gallery's templates."""
    build = build_of(app)
    if docname == GALLERY and build.recipes and build.archives:
        templates = downloads.CODE_ZIP_DOWNLOAD, downloads.NOTEBOOK_ZIP_DOWNLOAD
        details = ("in Python",), ()
        for name, template, detail in zip(GALLERY_ARCHIVES, templates, details, strict=True):
            archive = build.gallery / name
            if not archive.exists():  # a newer one would have the other builds of this folder read the page again
                archive.touch()
            source[0] += template.format(*detail, name, f"{build.gallery.name}/{name}")
