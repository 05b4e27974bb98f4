"""The state of one build: its recipes, their results, and the problems found.

``setup()`` makes ``Build(app)``; event handlers get it with ``build_of(app)``, so no attribute
is added to Sphinx's application object.
"""

from __future__ import annotations

import hashlib
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from sphinx.application import Sphinx
from sphinx.util import logging

from cookbook.environ import Environ

if TYPE_CHECKING:
    from filelock import FileLock

    from cookbook.gallery.attachment import Attachment
    from cookbook.lock import WriteErrors
    from cookbook.recipes.recipe import Recipe
    from cookbook.run.result import Result

logger = logging.getLogger(__name__)

PACKAGE = Path(__file__).parent
_builds: WeakKeyDictionary[Sphinx, Build] = WeakKeyDictionary()


def build_of(app: Sphinx) -> Build:
    """Return the state of the build that *app* runs."""
    return _builds[app]


@cache
def digest(folder: Path = PACKAGE) -> str:
    """Return the SHA-256, in hexadecimal, of the Python files below *folder*, or of one file."""
    found = hashlib.sha256()
    for path in [folder] if folder.is_file() else sorted(folder.rglob("*.py")):
        found.update(f"{path.relative_to(folder).as_posix()}\0".encode() + path.read_bytes())
    return found.hexdigest()


class Build:
    """One build.

    ``recipes`` maps the path of each recipe below ``recipes_source`` to its
    :class:`~cookbook.recipes.recipe.Recipe`, ``results`` to its result, if any; ``failed`` are
    those with an error, ``made`` those whose files sphinx-gallery has written in this build,
    ``read`` the pages that Sphinx has read in it; ``archives`` whether the gallery has archives of all
    recipes; ``problems`` lists ``(location, message)``:
    :mod:`cookbook.problems` collects them.
    """

    def __init__(self, app: Sphinx) -> None:
        self.app = app
        self.environ = Environ.read()
        self.recipes: dict[str, Recipe] = {}
        self.results: dict[str, Result] = {}
        self.failed: set[str] = set()
        self.made: set[str] = set()
        self.read: set[str] = set()
        self.problems: list[tuple[str, str]] = []
        self.archives = True
        self.attachment: Attachment
        self.lock: FileLock
        self.write_errors: WriteErrors
        _builds[app] = self

    @property
    def conf(self) -> dict[str, Any]:
        """sphinx-gallery's configuration."""
        conf: dict[str, Any] = self.app.config.sphinx_gallery_conf
        return conf

    @property
    def source(self) -> Path:
        """The folder of all recipes, ``recipes_source``."""
        return Path(self.app.srcdir, self.conf["examples_dirs"][0])

    @property
    def gallery(self) -> Path:
        """The folder that sphinx-gallery writes to, ``recipes``; all builds of a checkout share it."""
        return Path(self.app.srcdir, self.conf["gallery_dirs"][0])

    def recipe_of(self, docname: str) -> Recipe | None:
        """Return the recipe that the page *docname* is made of, if there is one."""
        recipe = self.recipes.get(f"{docname.partition('/')[2]}.py")
        return recipe if recipe and recipe.docname == docname else None

    @cached_property
    def maker(self) -> str:
        """The SHA-256 of what turns results into pages: this package and ``conf.py``."""
        conf = Path(self.app.confdir, "conf.py").read_bytes()
        return hashlib.sha256(digest().encode() + conf).hexdigest()

    def problem(self, location: str, message: str) -> None:
        """Report a problem at *location*, ``file:line``; the build goes on and ends with an error."""
        logger.warning(message, location=location)
