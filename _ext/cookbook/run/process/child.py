"""The life of the process of one recipe, from its fork to its end.

:class:`cookbook.run.forkserver.ForkServer` starts it. It becomes a session of its own, forgets the fork
server, lets :mod:`~cookbook.run.process.runner` run the recipe, and ends with everything that the recipe started:
``child(task, scratch, pipe, environment)`` sends what comes of it through the pipe.

Private names relied on: attributes of ``multiprocessing.forkserver._forkserver``, to let
the server end with the build and not with a recipe.
"""

import ctypes
import json
import multiprocessing
import os
import signal
import sys
from multiprocessing import forkserver
from pathlib import Path

import psutil

from cookbook.run.process import runner
from cookbook.run.process.text import LONGEST_MESSAGE

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
#: What every recipe begins with, besides the environment of the build.
ENVIRONMENT = {
    "PYTHONHASHSEED": "0",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "MPLBACKEND": "agg",
}
#: Seconds that a process over its time is given to write down where it was.
GRACE = 3


def prctl(option, value):
    """Call Linux's ``prctl``; elsewhere do nothing."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def children(pid):
    """Return the numbers of the processes that the process *pid* has started."""
    threads = Path(f"/proc/{pid}/task")
    try:  # what Linux may say by itself; psutil looks through all processes of the machine
        return [int(n) for thread in threads.iterdir() for n in (thread / "children").read_text().split()]
    except OSError:
        return [child.pid for child in psutil.Process(pid).children()] if psutil.pid_exists(pid) else []


def started():
    """Return all processes that this one has started, and those started in turn."""
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:  # none, which is the rule: no need to look through all processes
        return []
    except AttributeError:  # Windows
        pass
    return psutil.Process().children(recursive=True)


def kill(processes):
    """Kill *processes* (of :mod:`psutil`) and wait until they are gone."""
    for process in processes:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            pass
    psutil.wait_procs(processes, timeout=GRACE)


def leave_server():
    """Let go of the fork server's pipe, so that it ends with the build and not with this recipe.

    A process from the fork server holds the pipe whose end tells the server to stop; and
    the server's end is what ends this process if the build is killed.
    """
    server = forkserver._forkserver
    if server._forkserver_alive_fd is not None:
        os.close(server._forkserver_alive_fd)
    server._forkserver_address = server._forkserver_alive_fd = server._forkserver_pid = None


def child(task, scratch, pipe, environment):
    """Run one recipe; the whole life of its process."""
    me = os.getpid()
    if hasattr(os, "setsid"):
        os.setsid()
    leave_server()
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    prctl(PR_SET_CHILD_SUBREAPER, 1)
    os.environ.clear()
    os.environ.update(environment)
    if "fork" in multiprocessing.get_all_start_methods():
        multiprocessing.set_start_method("fork", force=True)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)

    def send(message):
        if os.getpid() != me:  # a fork of the recipe that fell out of its code
            os._exit(0)
        pipe.send_bytes(json.dumps(message).encode())

    try:
        output = os.open(os.path.join(scratch, "descriptor.txt"), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(output, 1)
        os.dup2(output, 2)
        runner.run(task, scratch, send)
    except BaseException as error:
        message = f"{type(error).__name__}: {error}".replace(f"{scratch}{os.sep}", "")
        send({"crash": message[:LONGEST_MESSAGE]})
    finally:
        kill(started())
        os._exit(0)
