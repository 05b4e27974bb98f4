"""The process on a Dask worker's machine that runs a fork server for recipes.

:class:`cookbook.run.dask.worker.Host` starts it with our source files in a folder of their own. It reads
lines ``NUMBER TASK`` and writes lines ``NUMBER RESULT`` in the order of completion; tasks and
results are those of :class:`cookbook.run.forkserver.ForkServer`, as JSON. If an exception prevents
a result, it is ``{"failed": REASON}``.

The process kills its recipes and exits at the end of its input, that is when the worker closes it
or dies in any way, and after some idle time.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
import time
from functools import partial
from typing import TYPE_CHECKING

from cookbook.run.forkserver import ForkServer

if TYPE_CHECKING:
    from concurrent.futures import Future

    from cookbook.run.result import Result

#: Seconds without a task after which the process exits, as the build may be gone.
IDLE_TIMEOUT = 300


def serve(jobs: int) -> None:
    """Run the recipes of the input, *jobs* at a time, until it ends."""
    tasks, results = os.fdopen(os.dup(0)), os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)  # nothing that is printed may get into the results
    lock = threading.Lock()
    running: set[str] = set()
    last = time.monotonic()

    def answer(number: str, future: Future[Result]) -> None:
        nonlocal last
        result: Result | dict[str, str]
        try:
            result = future.result()
        except Exception as error:
            result = {"failed": f"{type(error).__name__}: {error}"}
        with lock:
            with contextlib.suppress(BrokenPipeError):  # the worker is gone
                results.write(f"{number} {json.dumps(result)}\n")
                results.flush()
            running.discard(number)
            last = time.monotonic()

    def watch() -> None:
        while running or time.monotonic() - last < IDLE_TIMEOUT:
            time.sleep(1)
        server.close()
        os._exit(0)

    with ForkServer(jobs) as server:
        threading.Thread(target=watch, daemon=True).start()
        for line in tasks:
            number, _, text = line.partition(" ")
            running.add(number)
            task = json.loads(text)
            for name, value in task["conf"].items():  # sphinx-gallery expects tuples, which JSON has not
                task["conf"][name] = tuple(value) if isinstance(value, list) else value
            server.submit(task).add_done_callback(partial(answer, number))
