"""The workers of a Dask scheduler: which can take recipes, and which are named in the log.

A worker that has other versions, or is gone, is named once, whatever Dask says about it:

    cluster: The worker carol at tcp://127.0.0.1:4711 is not used: it has torch 2.12.0 (needed: 2.13.0). ...
    cluster: The worker dave at tcp://127.0.0.1:4712 is gone: its log says why. Its recipes run on other workers
"""

from __future__ import annotations

import logging as standard_logging
from collections.abc import Mapping
from typing import Any

from sphinx.util import logging

from cookbook.run.dask import worker

#: The scheduler's information about its workers, by address.
Workers = Mapping[str, Mapping[str, Any]]

logger = logging.getLogger(__name__)

#: What to do about a worker that the scheduler cannot reach.
CONNECTIONS = "Let its machine accept connections from the scheduler, to a port that you set: dask worker --worker-port"


def silence() -> None:
    """Turn off the logs of distributed and its network library: the build says itself what they report."""
    for name in standard_logging.root.manager.loggerDict:
        if name.partition(".")[0] in ("distributed", "tornado"):
            standard_logging.getLogger(name).setLevel(standard_logging.CRITICAL)


class Roster:
    """The workers that a build has seen.

    Parameters
    ----------
    versions : dict
        The versions that a worker needs, by package.
    """

    def __init__(self, versions: dict[str, str]) -> None:
        self.versions = versions
        self.names: dict[str, str] = {}
        self.reported: set[str] = set()

    def is_compatible(self, found: Mapping[str, Any], gpu: bool) -> bool:
        """Return whether a worker can take recipes, with or without *gpu*."""
        needed = {worker.resource_name(self.versions, gpu), *(["GPU"] if gpu else [])}
        return needed <= set(found["resources"])

    def incompatible(self, workers: Workers) -> str:
        """Return a sentence about each of the *workers* with other versions, and what to do; or ""."""
        lines = []
        for address, found in workers.items():
            for offered in found["resources"]:
                kind, _, versions = offered.partition(": ")
                has = dict(version.split("==") for version in versions.split()) if kind == "recipe" else {}
                if has.keys() == self.versions.keys() and has != self.versions:
                    other = (f"{n} {v} (needed: {self.versions[n]})" for n, v in has.items() if v != self.versions[n])
                    lines.append(f"The worker {found['name']} at {address} is not used: it has {', '.join(other)}.")
        return " ".join([*lines, "Install requirements.txt there"]) if lines else ""

    def unusable(self, workers: Workers) -> str:
        """Return the same, or if there is none, about each of the *workers* that does not offer its versions."""
        silent = [a for a, w in workers.items() if not any(offer.startswith("recipe: ") for offer in w["resources"])]
        lines = [f"The worker {workers[address]['name']} at {address} has not answered." for address in silent]
        return self.incompatible(workers) or (" ".join([*lines, CONNECTIONS]) if lines else "")

    def report(self, workers: Workers) -> None:
        """Log each of the *workers* with other versions, and each that was there before and is gone."""
        for address in sorted(self.names.keys() - workers.keys()):
            name = self.names.pop(address)
            gone = "is gone: its log says why. Its recipes run on other workers"
            logger.info("cluster: The worker %s at %s %s", name, address, gone)
        for address, found in sorted(workers.items()):
            self.names[address] = found["name"]
            if address not in self.reported and (incompatible := self.incompatible({address: found})):
                logger.info("cluster: %s", incompatible)
                self.reported.add(address)
