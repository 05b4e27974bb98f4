"""Runs a downloaded script as a reader would, but watched.

Each run gets an empty working folder and an empty folder for temporary files, a hash seed
and a number of threads. Warnings of deprecation that concern the script itself are errors,
and so is every connection to another machine. The script's own subprocesses are watched
in the same way.
"""

import os
import subprocess
import sys
import threading
from types import SimpleNamespace

from cookbook.run.process.limits import DEPRECATIONS

#: Python imports this first in every process: it refuses to look up or call another machine.
NO_NETWORK = """
import socket
import sys

LOCAL = (None, "", "localhost", socket.gethostname(), "0.0.0.0", "::", "::1", b"localhost")

def refuse(event, args):
    if event in ("socket.getaddrinfo", "socket.gethostbyname"):
        host = args[0]
    elif event in ("socket.connect", "socket.sendto") and isinstance(args[1], tuple):
        host = args[1][0]
    else:
        return
    if host not in LOCAL and not str(host).startswith("127."):
        raise PermissionError(f"a recipe uses no network: {event} {host}")

sys.addaudithook(refuse)
"""


def run_script(path, folder, seed=0, threads=1, python=sys.executable):
    """Run the script at *path* with *python*, below the empty *folder*; return what came of it.

    The result has ``code``, ``stdout``, ``stderr``, ``left`` (the files that are left behind)
    and ``seconds`` (the processor time of the script and of its subprocesses).
    """
    folders = {name: folder / name for name in ("work", "temporary", "site")}
    for path_of in folders.values():
        path_of.mkdir()
    (folders["site"] / "sitecustomize.py").write_text(NO_NETWORK)
    environment = {
        **os.environ,
        "MPLBACKEND": "agg",
        "OMP_NUM_THREADS": str(threads),
        "OMP_WAIT_POLICY": "passive",  # threads that wait for each other leave the cores to others
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONHASHSEED": str(seed),
        "PYTHONPATH": str(folders["site"]),
        "PYTHONWARNINGS": ",".join(f"error::{category.__name__}:__main__" for category in DEPRECATIONS),
        "TMPDIR": str(folders["temporary"]),
        # importing torch._dynamo makes this folder, which no recipe is to answer for
        "TORCHINDUCTOR_CACHE_DIR": str(folder / "inductor"),
    }
    with open(folder / "stdout", "w+") as stdout, open(folder / "stderr", "w+") as stderr:
        process = subprocess.Popen(
            [str(python), str(path)], cwd=folders["work"], env=environment, stdout=stdout, stderr=stderr
        )
        timer = threading.Timer(300, process.kill)
        timer.start()
        _, status, usage = os.wait4(process.pid, 0)
        timer.cancel()
        process.returncode = os.waitstatus_to_exitcode(status)
    return SimpleNamespace(
        code=process.returncode,
        stdout=(folder / "stdout").read_text(),
        stderr=(folder / "stderr").read_text(),
        left=sorted(p.name for name in ("work", "temporary") for p in folders[name].iterdir()),
        seconds=usage.ru_utime + usage.ru_stime,
    )
