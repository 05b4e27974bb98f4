"""What the build keeps from one run to the next, in Sphinx's environment.

Sphinx pickles the environment after reading and loads it in the next build. Values that belong
to one page are in ``env.metadata`` instead, which Sphinx clears when it reads the page again.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sphinx.environment import BuildEnvironment

if TYPE_CHECKING:
    from cookbook.pages.navigation import Neighbors
    from cookbook.pages.provenance import Provenance


@dataclass
class State:
    """Values that a build compares with those of the last build to find the pages that changed.

    Keys are docnames, except for ``digests``, whose keys are paths, and ``error_digests``, whose
    keys are names of builders. ``archived`` are the recipes in the gallery's archives.
    """

    archived: list[str] = field(default_factory=list)
    digests: dict[str, str] = field(default_factory=dict)
    error_digests: dict[str, str] = field(default_factory=dict)
    neighbors: dict[str, Neighbors] = field(default_factory=dict)
    notebook_links: dict[str, str] = field(default_factory=dict)
    provenance: dict[str, Provenance | None] = field(default_factory=dict)
    references: dict[str, list[Any]] = field(default_factory=dict)
    related: dict[str, list[tuple[str, str]]] = field(default_factory=dict)


def state_of(env: BuildEnvironment) -> State:
    """Return the state kept in *env*."""
    state: State = env.__dict__.setdefault("cookbook", State())
    return state
