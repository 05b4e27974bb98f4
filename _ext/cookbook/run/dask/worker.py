"""A Dask worker plugin that runs recipes; the client registers it on all workers, also later ones.

The plugin is sent as source text: a worker needs no file of ours, and one with another Python
version reports it instead of crashing on the bytecode. The plugin offers the worker's package
versions as a Dask resource, so that a recipe goes only to workers with the versions of its cache
key, for example ``recipe: matplotlib==3.11.2 numpy==2.4.6 python==3.11.2 torch==2.13.0+cpu``.

Trust: the plugin's source runs on the workers with ``eval``, as Dask runs any code of a client,
so a worker trusts everyone who can connect to its scheduler. Tasks and results are passed
between client and host process as JSON text; here they are neither parsed nor executed.

Recipes run in fresh processes below a :mod:`~cookbook.run.dask.host` process, which starts with
the first recipe and exits with the worker or the build.
"""

from __future__ import annotations

import asyncio
import importlib.metadata
import platform
import shutil
import subprocess
import sys
import threading
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING, Any

from distributed import Status, WorkerPlugin

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from distributed import Worker

#: The program of the host process, with our folder on its path.
COMMAND = (
    "import sys; sys.path.insert(0, sys.argv[1]); from cookbook.run.dask import host; host.serve(int(sys.argv[2]))"
)


def resource_name(versions: Mapping[str, str], gpu: bool) -> str:
    """Return the name of the resource of workers with these *versions* (name to version).

    With *gpu*, any build of a version will do: ``2.13.0+cu130`` or ``2.13.0+cpu``.
    """
    shown = {name: v.partition("+")[0] if gpu else v for name, v in versions.items()}
    kind = "recipe on GPU" if gpu else "recipe"
    return f"{kind}: " + " ".join(f"{name}=={v}" for name, v in sorted(shown.items()))


def installed_versions(names: Iterable[str]) -> dict[str, str]:
    """Return the versions of Python and of the packages or modules with these *names*."""
    packages, versions = None, {"python": platform.python_version()}
    for name in names:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            packages = packages or importlib.metadata.packages_distributions()
            found = sorted({f"{p}-{importlib.metadata.version(p)}" for p in packages.get(name, ())})
            versions[name] = ",".join(found) or "none"
    return versions


class Host(WorkerPlugin):
    """Runs recipes on a worker.

    Parameters
    ----------
    name : str
        Its name, unique for each build.
    files : dict
        Path to source text: this file, ``host.py`` and its imports.
    packages : list of str
        The packages or modules whose versions the worker offers.
    """

    process: subprocess.Popen[str] | None

    def __init__(self, name: str, files: dict[str, str], packages: list[str]) -> None:
        self.name, self.files, self.packages = name, files, packages

    def __reduce__(self) -> tuple[Any, ...]:
        made = "exec(files['cookbook/run/dask/worker.py'], scope) or scope['Host'](name, files, packages)"
        return eval, (made, {**vars(self), "scope": {"__name__": "worker"}})

    async def setup(self, worker: Worker) -> None:
        self.folder = Path(worker.local_directory, self.name)
        self.folder.mkdir()
        for name, text in self.files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        self.jobs, self.process = worker.state.nthreads, None
        self.lock, self.closed = threading.Lock(), False
        self.waiting: dict[str, Future[str]] = {}
        versions = installed_versions(self.packages)
        await worker.set_resources(**{resource_name(versions, gpu): 1e6 for gpu in (False, True)})
        if worker.status == Status.running:
            # The scheduler reconsiders tasks without a worker when the status of a worker changes
            # to running, but not when a worker gets new resources.
            worker.status = Status.paused
            worker.status = Status.running

    async def teardown(self, worker: Worker) -> None:
        await asyncio.to_thread(self.close)

    def close(self) -> None:
        """Stop the host process and delete the files."""
        with self.lock:
            self.closed = True
        if self.process and self.process.stdin:
            self.process.stdin.close()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def run(self, task: str) -> str:
        """Run the recipe of *task* and return its result, both JSON."""
        result: Future[str] = Future()
        with self.lock:
            if self.closed:
                raise RuntimeError("the build has ended")
            if self.process is None or self.process.poll() is not None:
                self.process = self._start()
            number = str(id(result))
            self.waiting[number] = result
            print(number, task, file=self.process.stdin, flush=True)
        return result.result()

    def _start(self) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-P", "-c", COMMAND, str(self.folder), str(self.jobs)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            start_new_session=True,
            cwd=self.folder,
        )
        self.waiting = {}
        threading.Thread(target=self._read, args=(process, self.waiting), daemon=True).start()
        return process

    @staticmethod
    def _read(process: subprocess.Popen[str], waiting: dict[str, Future[str]]) -> None:
        for line in process.stdout or ():
            number, _, result = line.partition(" ")
            waiting.pop(number).set_result(result)
        for future in list(waiting.values()):
            future.set_exception(RuntimeError(f"the host process exited with {process.wait()}"))
