"""What the build puts on every Dask worker, now and later: a plugin that runs recipes there.

The plugin travels as source text, so a worker needs no file of ours and may even have
another Python: it then says so instead of crashing on foreign bytecode. Set up, it offers
the worker's versions as a resource of Dask, so that Dask gives a recipe only to workers
whose versions are those of the recipe's key. Example: the resource
``recipe: matplotlib==3.11.2 numpy==2.4.6 python==3.11.2 torch==2.13.0+cpu``.

Trust: the plugin's code is run on the workers with ``eval``, as Dask runs whatever a client
sends, so a worker trusts all who reach its scheduler. A recipe is text that goes to the host
as JSON, and what comes back is passed on as text; it is neither unpickled nor run here.

Recipes run neither in the worker's process nor in its threads, but in fresh processes below
a :mod:`~cookbook.run.dask.host`, which is started with the first recipe and ends with the worker or the build.
"""

import asyncio
import importlib.metadata
import platform
import shutil
import subprocess
import sys
import threading
from concurrent.futures import Future
from pathlib import Path

from distributed import Status, WorkerPlugin

#: How the host is started: with our folder, and not the working folder, on its path.
COMMAND = (
    "import sys; sys.path.insert(0, sys.argv[1]); from cookbook.run.dask import host; host.serve(int(sys.argv[2]))"
)


def offer(versions, gpu):
    """Return the name of the resource of workers with these *versions* (name to version).

    With *gpu*, the part after ``+`` is left out: ``2.13.0+cu130`` is as good as ``2.13.0+cpu``.
    """
    shown = {name: v.partition("+")[0] if gpu else v for name, v in versions.items()}
    kind = "recipe on GPU" if gpu else "recipe"
    return f"{kind}: " + " ".join(f"{name}=={v}" for name, v in sorted(shown.items()))


def installed(names):
    """Return the versions of Python and of the packages or modules of these *names*."""
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
    """Runs recipes on the worker that it is put on.

    Parameters
    ----------
    name : str
        Its name, another one for every build.
    files : dict
        Path to source text: this file, ``host.py`` and what that imports.
    packages : list of str
        The packages, or modules of them, whose versions the worker offers.
    """

    def __init__(self, name, files, packages):
        self.name, self.files, self.packages = name, files, packages

    def __reduce__(self):
        made = "exec(files['cookbook/run/dask/worker.py'], scope) or scope['Host'](name, files, packages)"
        return eval, (made, {**vars(self), "scope": {"__name__": "worker"}})

    async def setup(self, worker):
        self.folder = Path(worker.local_directory, self.name)
        self.folder.mkdir()
        for name, text in self.files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        self.jobs, self.process = worker.state.nthreads, None
        self.lock, self.waiting, self.closed = threading.Lock(), {}, False
        versions = installed(self.packages)
        await worker.set_resources(**{offer(versions, gpu): 1e6 for gpu in (False, True)})
        if worker.status == Status.running:
            # The scheduler looks again at tasks that nobody could take when a worker says
            # that it is running, but not when it offers more than before.
            worker.status = Status.paused
            worker.status = Status.running

    async def teardown(self, worker):
        await asyncio.to_thread(self.close)

    def close(self):
        """End the host process and delete what was written."""
        with self.lock:
            self.closed = True
        if self.process:
            self.process.stdin.close()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def run(self, task):
        """Run the recipe of *task*, JSON, and return its result, JSON; wait for it."""
        result = Future()
        with self.lock:
            if self.closed:
                raise RuntimeError("the build has ended")
            if self.process is None or self.process.poll() is not None:
                self._start()
            number = str(id(result))
            self.waiting[number] = result
            self.process.stdin.write(f"{number} {task}\n")
            self.process.stdin.flush()
        return result.result()

    def _start(self):
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-c", COMMAND, str(self.folder), str(self.jobs)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            start_new_session=True,
            cwd=self.folder,
        )
        self.waiting = {}
        threading.Thread(target=self._read, args=(self.process, self.waiting), daemon=True).start()

    @staticmethod
    def _read(process, waiting):
        for line in process.stdout:
            number, _, result = line.partition(" ")
            waiting.pop(number).set_result(result)
        for result in list(waiting.values()):
            result.set_exception(RuntimeError(f"the process that runs recipes ended with {process.wait()}"))
