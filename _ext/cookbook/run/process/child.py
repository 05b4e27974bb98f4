"""The main function of a recipe's process, and what is needed to kill its descendants.

:class:`cookbook.run.forkserver.ForkServer` forks the process. It starts a session of its own,
detaches from the fork server, becomes a subreaper, lets :mod:`~cookbook.run.process.runner` run the
recipe, and kills all of its descendants: ``child(task, scratch, pipe, environment)`` sends its
messages through the pipe.

Private names relied on: attributes of ``multiprocessing.forkserver._forkserver``, so that the
server exits with the build and not with a recipe.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import multiprocessing
import os
import signal
import sys
from multiprocessing import forkserver
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import psutil

from cookbook.run.process import runner
from cookbook.run.process.text import LONGEST_MESSAGE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from multiprocessing.connection import Connection

    from cookbook.recipes.recipe import Task
    from cookbook.run.result import Message

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
#: The environment variables of every recipe, besides those of the build.
ENVIRONMENT = {
    "PYTHONHASHSEED": "0",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "MPLBACKEND": "agg",
    "TORCH_CPP_LOG_LEVEL": "ERROR",  # gloo warns on a machine without a name server
}
#: Seconds for a process after its timeout to dump its traceback and exit.
GRACE = 3
#: The file in the fork server's folder that says what could not be preloaded.
PRELOAD_PROBLEM = "preload.txt"


@contextlib.contextmanager
def variables(ours: Mapping[str, str]) -> Iterator[None]:
    """Set the environment variables *ours* for a process that is started meanwhile."""
    before = {name: os.environ.get(name) for name in ours}
    os.environ.update(ours)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def prctl(option: int, value: int) -> None:
    """Call Linux's ``prctl``; elsewhere do nothing."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def children(pid: int) -> list[int]:
    """Return the process ids of the children of the process *pid*."""
    threads = Path(f"/proc/{pid}/task")
    try:  # Linux lists them, if so configured; psutil has to look at all processes of the machine
        return [int(n) for thread in threads.iterdir() for n in (thread / "children").read_text().split()]
    except OSError:
        return [child.pid for child in psutil.Process(pid).children()] if psutil.pid_exists(pid) else []


def cpu_time(pid: int | None) -> float:
    """Return the seconds that the process *pid* and its descendants, also those that have exited, used a processor."""
    try:
        return sum(psutil.Process(pid).cpu_times()[:4]) + sum(map(cpu_time, children(pid or 0)))
    except psutil.Error:  # it has exited
        return 0.0


def descendants() -> list[psutil.Process]:
    """Return the children of this process and their descendants."""
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:  # no children, the usual case: psutil would look at all processes
        return []
    except AttributeError:  # Windows
        pass
    return psutil.Process().children(recursive=True)


def kill(processes: Sequence[psutil.Process]) -> None:
    """Kill *processes* and wait until they have exited."""
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(processes, timeout=GRACE)


def detach_from_server() -> None:
    """Close this process's copy of the fork server's "alive" pipe, and forget the server.

    The server exits when all copies are closed. With one here it would outlive a killed build,
    and so would this process, which dies with the server (``PR_SET_PDEATHSIG``).
    """
    server: Any = forkserver._forkserver
    if server._forkserver_alive_fd is not None:
        os.close(server._forkserver_alive_fd)
    server._forkserver_address = server._forkserver_alive_fd = server._forkserver_pid = None


def child(task: Task, scratch: str, pipe: Connection, environment: Mapping[str, str]) -> NoReturn:
    """Run one recipe, send its messages through *pipe*, and exit."""
    me = os.getpid()
    if hasattr(os, "setsid"):
        os.setsid()
    detach_from_server()
    prctl(PR_SET_PDEATHSIG, getattr(signal, "SIGKILL", 0))  # Windows has neither
    prctl(PR_SET_CHILD_SUBREAPER, 1)
    os.environ.clear()
    os.environ.update(environment)
    if "fork" in multiprocessing.get_all_start_methods():
        multiprocessing.set_start_method("fork", force=True)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)

    def send(message: Message) -> None:
        if os.getpid() != me:  # a fork of the recipe that has left the recipe's code
            os._exit(0)
        pipe.send_bytes(json.dumps(message).encode())

    try:
        output = os.open(f"{scratch}/{runner.DESCRIPTOR}", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(output, 1)
        os.dup2(output, 2)
        runner.run(task, scratch, send)
    except BaseException as error:
        message = f"{type(error).__name__}: {error}".replace(f"{scratch}{os.sep}", "")
        send({"crash": message[:LONGEST_MESSAGE]})
    finally:
        kill(descendants())
        os._exit(0)
