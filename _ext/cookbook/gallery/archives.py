"""Archives of what readers download, the same bytes for the same files.

Each recipe has ``NAME.zip`` with its script and notebook; the gallery has
``recipes_python.zip`` and ``recipes_jupyter.zip`` with those of all recipes. Members are
sorted and without the dates and permissions of the files, which sphinx-gallery's archives have.
"""

import os
import zipfile
from pathlib import Path

from sphinx_gallery import downloads

from cookbook.build import build_of
from cookbook.pages.navigation import GALLERY

#: The date of every file in an archive: the earliest that a zip can hold.
ZIP_DATE = (1980, 1, 1, 0, 0, 0)
#: The archives of all recipes: name to suffix of the members.
OF_ALL = {"recipes_python.zip": ".py", "recipes_jupyter.zip": ".ipynb"}


def write(archive, files, folder):
    """Write the paths *files*, below *folder*, into the zip at *archive* where that changes it."""
    members = {os.path.relpath(path, folder): path for path in sorted(files)}
    if not _holds(archive, members):
        new = archive.with_suffix(".new")
        with zipfile.ZipFile(new, "w", zipfile.ZIP_DEFLATED) as file:
            for name, path in members.items():
                member = zipfile.ZipInfo(name, ZIP_DATE)
                member.external_attr = 0o644 << 16
                member.compress_type = zipfile.ZIP_DEFLATED
                file.writestr(member, path.read_bytes())
        os.replace(new, archive)


def _holds(archive, members):
    """Say whether there is an archive with just these *members*: to read it takes a fifth of writing it."""
    try:
        with zipfile.ZipFile(archive) as file:
            return file.namelist() == list(members) and all(
                file.read(name) == path.read_bytes() for name, path in members.items()
            )
    except Exception:  # there is none, or a damaged one, for which zipfile raises seven kinds
        return False


def write_all(build):
    """Write the archives of all recipes."""
    for name, suffix in OF_ALL.items():
        files = [Path(build.gallery, recipe).with_suffix(suffix) for recipe in build.recipes]
        write(build.gallery / name, [path for path in files if path.exists()], build.gallery)


def offer(app, docname, source):
    """Offer the archives of all recipes at the end of the gallery, as sphinx-gallery words it."""
    build = build_of(app)
    if docname == GALLERY and build.recipes:
        templates = downloads.CODE_ZIP_DOWNLOAD, downloads.NOTEBOOK_ZIP_DOWNLOAD
        details = ("in Python",), ()
        for name, template, detail in zip(OF_ALL, templates, details):
            archive = build.gallery / name
            if not archive.exists():  # a newer one would have the other builds of this folder read the page again
                archive.touch()
            source[0] += template.format(*detail, name, f"{build.gallery.name}/{name}")
