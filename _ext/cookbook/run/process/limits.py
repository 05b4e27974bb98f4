"""What a recipe may not do in its process: take too long, allocate too much memory, call what is deprecated.

Time is that of the processor, of the process and those that it starts, so that a busy machine fails no recipe;
:class:`cookbook.run.forkserver.ForkServer` watches it. On the clock a recipe may take `PATIENCE` times as long,
as one that waits for something that never comes uses no processor. Windows has only the clock.

A warning of deprecation whose cause is in the recipe's own code is an error, as it is when
``make test`` runs the script: a reader would see it.
"""

from __future__ import annotations

import faulthandler
import re
import signal
import warnings
from pathlib import Path
from typing import IO

#: The warnings that are errors.
DEPRECATIONS = (DeprecationWarning, PendingDeprecationWarning, FutureWarning)

#: How many times as long as the processor a recipe may take on the clock, and the seconds that it may take in any case.
PATIENCE, LEAST = 5, 30
#: The signal at which a process writes where it is; None on Windows.
WHERE = getattr(signal, "SIGXCPU", None)


def clock_limit(seconds: int) -> int:
    """Return how long a recipe may take on the clock whose limit is *seconds*."""
    return max(seconds * PATIENCE, LEAST) if WHERE else seconds


def limit_time(seconds: int, file: IO[str]) -> None:
    """Let this process exit when its time on the clock is over; it writes to *file* where it is, also if asked."""
    if WHERE:
        faulthandler.register(WHERE, file)
    faulthandler.dump_traceback_later(clock_limit(seconds), exit=True, file=file)


def limit_memory(mebibytes: int) -> None:
    """Let this process allocate at most *mebibytes* more, if the system has resource limits."""
    try:
        import resource
    except ImportError:  # Windows
        return
    status = Path("/proc/self/status")
    data = re.search(r"VmData:\s+(\d+)", status.read_text()) if status.exists() else None
    used = int(data[1]) * 1024 if data else 0
    limit, (_, most) = used + mebibytes * 2**20, resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (limit if most == resource.RLIM_INFINITY else min(limit, most), most))


def refuse_deprecations() -> None:
    """Make a warning of deprecation an error, if its cause is in the recipe itself."""
    for category in DEPRECATIONS:
        warnings.filterwarnings("error", category=category, module="__main__")
