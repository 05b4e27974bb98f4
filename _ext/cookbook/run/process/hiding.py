"""Hides this package from a recipe: what runs here has to run at the reader's.

A recipe with ``import cookbook`` fails as

    ModuleNotFoundError: a recipe cannot import cookbook: it is this site's own code, ...
"""

import sys
from importlib.abc import MetaPathFinder
from pathlib import Path

#: The name of this package.
OURS = __name__.partition(".")[0]


class _Refusal(MetaPathFinder):
    """Refuses imports of this package."""

    def find_spec(self, name, path=None, target=None):
        """Raise ModuleNotFoundError for this package; leave all else to others."""
        if name.partition(".")[0] == OURS:
            raise ModuleNotFoundError(
                f"a recipe cannot import {OURS}: it is this site's own code, which readers do not have", name=name
            )


def hide_package():
    """Let the recipe import nothing of ours: what runs here has to run at the reader's."""
    folder = Path(__file__).resolve().parents[3]
    sys.path[:] = [entry for entry in sys.path if not entry or Path(entry).resolve() != folder]
    for name in [name for name in sys.modules if name.partition(".")[0] == OURS]:
        del sys.modules[name]
    sys.meta_path.insert(0, _Refusal())
