"""What a recipe may not do in its process: allocate too much memory, call what is deprecated.

A warning of deprecation whose cause is in the recipe's own code is an error, as it is when
``make test`` runs the script: a reader would see it.
"""

from __future__ import annotations

import re
import warnings
from pathlib import Path

#: The warnings that are errors.
DEPRECATIONS = (DeprecationWarning, PendingDeprecationWarning, FutureWarning)


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
