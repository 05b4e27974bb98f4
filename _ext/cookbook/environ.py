"""The environment variables of a build, read and checked once.

``JOBS=two make html`` fails with one line:

    JOBS=two: give the number of recipes to run at a time, as in JOBS=2

``conf.py`` checks them too, before Sphinx does: its error for ``SOURCE_DATE_EPOCH`` has a traceback.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sphinx.errors import ConfigError

#: The default maximum size of the cache, in bytes.
CACHE_SIZE = 256 * 2**20
#: The bytes of the units of sizes: "256M" and "256MiB" are the same.
UNITS = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30}


def processors() -> int:
    """Return how many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):  # not on macOS and Windows
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@dataclass(frozen=True)
class Environ:
    """The environment variables of one build.

    Parameters
    ----------
    jobs : int
        ``JOBS``, how many recipes run at a time.
    recipe : str
        ``RECIPE``, the only recipe to execute; empty for all.
    executor : str
        ``EXECUTOR``, the address of a Dask scheduler; empty for this machine.
    cache : str
        ``RECIPE_CACHE``, the folder of the cache; empty for the default.
    cache_size : int
        ``RECIPE_CACHE_SIZE``, the maximum size of the cache, in bytes.
    epoch : int or None
        ``SOURCE_DATE_EPOCH``, the declared date of the build, in seconds since 1970.
    """

    jobs: int
    recipe: str = ""
    executor: str = ""
    cache: str = ""
    cache_size: int = CACHE_SIZE
    epoch: int | None = None

    @classmethod
    def read(cls, variables: Mapping[str, str] = os.environ) -> Environ:
        """Parse *variables*; raise ConfigError if one is invalid."""
        executor = variables.get("EXECUTOR", "")
        if executor and not re.fullmatch(r"[a-z]+://[^\s/:]+(:\d+)?(/\S*)?|[a-z]+://\[[\da-f:]+\]:\d+", executor):
            raise ConfigError(
                f"EXECUTOR={executor}: give the address of a Dask scheduler, as in EXECUTOR=tcp://scheduler:8786"
            )
        epoch = variables.get("SOURCE_DATE_EPOCH")
        if epoch and not re.fullmatch(r"\d{1,11}", epoch):
            raise ConfigError(
                f"SOURCE_DATE_EPOCH={epoch}: give the seconds since 1970, as in SOURCE_DATE_EPOCH=1767225600"
            )
        return cls(
            jobs=_number(variables, "JOBS", processors(), "of recipes to run at a time"),
            recipe=variables.get("RECIPE", ""),
            executor=executor,
            cache=_folder(variables, "RECIPE_CACHE"),
            cache_size=_size(variables, "RECIPE_CACHE_SIZE", CACHE_SIZE),
            epoch=int(epoch) if epoch else None,
        )

    @property
    def declared_date(self) -> str | None:
        """The declared date of the build, as in ``2026-11-23``; None without one."""
        return None if self.epoch is None else datetime.fromtimestamp(self.epoch, UTC).date().isoformat()


def _number(variables: Mapping[str, str], name: str, default: int, what: str) -> int:
    value = variables.get(name) or str(default)
    if not re.fullmatch(r"[1-9]\d*", value):
        raise ConfigError(f"{name}={value}: give the number {what}, as in {name}=2")
    return int(value)


def _size(variables: Mapping[str, str], name: str, default: int) -> int:
    value = variables.get(name) or str(default)
    found = re.fullmatch(r"([1-9]\d*)(?:([KMG])(?:iB)?)?", value, re.ASCII)
    if not found:
        raise ConfigError(f"{name}={value}: give a number of bytes, or one with K, M or G, as in {name}=256M")
    return int(found[1]) * UNITS[found[2] or ""]


def _folder(variables: Mapping[str, str], name: str) -> str:
    value = variables.get(name, "")
    path = Path(value)
    existing = next(folder for folder in (path, *path.parents, Path()) if folder.exists())
    if not existing.is_dir():
        raise ConfigError(
            f"{name}={value}: {existing} is a file; give the path of a folder, as in {name}=.recipe_cache"
        )
    return value
