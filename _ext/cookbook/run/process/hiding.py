"""Hides this package from a recipe, which has to run without it on a reader's machine.

A recipe with ``import cookbook`` fails:

    ModuleNotFoundError: a recipe cannot import cookbook: it is this site's own code, ...
"""

from __future__ import annotations

import sys
from importlib.abc import MetaPathFinder
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType

#: The name of this package.
OURS = __name__.partition(".")[0]


class _Blocker(MetaPathFinder):
    """Blocks the import of this package."""

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> None:
        """Raise ModuleNotFoundError for this package; leave other names to the next finder."""
        if name.partition(".")[0] == OURS:
            raise ModuleNotFoundError(
                f"a recipe cannot import {OURS}: it is this site's own code, which readers do not have", name=name
            )


def hide_package() -> None:
    """Remove this package from ``sys.path`` and ``sys.modules``, and block its import."""
    folder = Path(__file__).resolve().parents[3]
    sys.path[:] = [entry for entry in sys.path if not entry or Path(entry).resolve() != folder]
    for name in [name for name in sys.modules if name.partition(".")[0] == OURS]:
        del sys.modules[name]
    sys.meta_path.insert(0, _Blocker())
