"""The process on a Dask worker's machine that hosts the processes of recipes there.

:class:`cookbook.run.dask.worker.Host` starts it with our source files in a folder of their own. It reads
lines, ``NUMBER TASK``, and writes lines, ``NUMBER RESULT``, in the order in which recipes
end; task and result are JSON, the same as :class:`cookbook.run.forkserver.ForkServer` takes and gives, which
does the work. A result that could not be had is ``{"failed": REASON}``.

It ends, with all that it started, when its input ends: when the worker closes it or dies,
however that dies. It also ends when nobody has wanted anything for a while.
"""

import contextlib
import json
import os
import threading
import time

from cookbook.run.forkserver import ForkServer

#: Seconds without a task after which it ends: its builder may have died.
IDLE = 300


def serve(jobs):
    """Run the recipes that come in, *jobs* at a time, until the input ends."""
    tasks, results = os.fdopen(os.dup(0)), os.fdopen(os.dup(1), "w")
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)  # what anything prints must not look like a result
    lock, running = threading.Lock(), set()
    last = time.monotonic()

    def answer(number, future):
        nonlocal last
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

    def watch():
        while running or time.monotonic() - last < IDLE:
            time.sleep(1)
        server.close()
        os._exit(0)

    with ForkServer(jobs) as server:
        threading.Thread(target=watch, daemon=True).start()
        for line in tasks:
            number, _, text = line.partition(" ")
            running.add(number)
            task = json.loads(text)
            for name, value in task["conf"].items():  # JSON has no tuples, sphinx-gallery compares with them
                task["conf"][name] = tuple(value) if isinstance(value, list) else value
            future = server.submit(task)
            future.add_done_callback(lambda future, number=number: answer(number, future))
