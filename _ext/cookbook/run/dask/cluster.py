"""Recipes on the machines of a Dask cluster, for ``EXECUTOR=tcp://SCHEDULER:PORT``.

:class:`Cluster` stands where :class:`cookbook.run.forkserver.ForkServer` stands otherwise and gives the same
results: what travels to the workers is the source of the modules that run recipes here, and
recipes, as text; what comes back is JSON. No file system is shared, and a worker needs only
the packages of ``requirements.txt`` and ``distributed``. Dask decides which worker runs what,
and runs a recipe again elsewhere when its worker dies.

Two things Dask does not do by itself. It would give a recipe to a worker with other versions
than the result's key says: so workers offer their versions as a resource (:mod:`~cookbook.run.dask.worker`).
And it waits for ever for a worker that can take a task: so a recipe that none could take
for 30 seconds fails, or for the time that Dask's setting ``distributed.scheduler.no-workers-timeout``
has here. Dask's own futures are used, not joblib's backend for Dask, which hung when a
worker died.

Trust: what is sent is run there, the build's own code with ``eval``. What comes back is text,
read as JSON and checked by :mod:`cookbook.run.result`, so a recipe, or a worker's disk, cannot put code or
markup into the build. Whoever has the scheduler or a worker can: Dask unpickles what they send.
"""

import json
import threading
import time
import uuid
from concurrent.futures import Future

import dask
import distributed
from dask.utils import parse_timedelta
from distributed.client import CancelledError
from sphinx.errors import ExtensionError
from sphinx.util import logging

from cookbook.build import PACKAGE
from cookbook.run.dask import worker
from cookbook.run.result import failure

logger = logging.getLogger(__name__)

#: What is executed on a worker for a task: text and built-ins only, so it needs no code of ours.
CALL = "__import__('distributed').get_worker().plugins[name].run(task)"
#: Seconds within which the scheduler has to answer.
ANSWER = 10
#: Seconds between two looks at which workers there are.
INTERVAL = 1


class Cluster:
    """Runs recipes on the workers of a Dask scheduler.

    Parameters
    ----------
    address : str
        The scheduler's address, as in ``tcp://127.0.0.1:8786``.
    tasks : list of dict
        The tasks that will be submitted: workers must have the versions that they need.

    Examples
    --------
    >>> with Cluster("tcp://127.0.0.1:8786", [task]) as cluster:
    ...     result = cluster.submit(task).result()
    """

    def __init__(self, address, tasks):
        self.address = address
        timeout = dask.config.get("distributed.scheduler.no-workers-timeout")
        self.patience = parse_timedelta(timeout or "30s")
        names = sorted({name for task in tasks for name in task["versions"]})
        self.needs = worker.installed(names)
        self.waiting, self.known = {}, set()
        self.lock, self.closing = threading.Lock(), threading.Event()
        try:
            self.client = distributed.Client(address, timeout=ANSWER, set_as_default=False)
        except (OSError, ValueError, TypeError) as error:
            raise ExtensionError(
                f"EXECUTOR={address}: no Dask scheduler answers there "
                f"({type(error).__name__}: {error}). Start one with: dask scheduler; "
                "or build without EXECUTOR, on this machine"
            ) from None
        self.host = worker.Host(f"recipes-{uuid.uuid4().hex}", _files(), names)
        try:
            self._start()
        except BaseException:
            self.close()
            raise

    def _start(self):
        self.client.register_plugin(self.host)
        workers = self._workers()
        if workers and not any(self._fits(found, False) for found in workers.values()):
            raise ExtensionError(f"EXECUTOR={self.address}: no worker can be used. {self._others(workers)}")
        threading.Thread(target=self._watch, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        self.close()

    def submit(self, task):
        """Return the future result of *task*: see :meth:`cookbook.run.forkserver.ForkServer.run`."""
        resources = {worker.offer(self.needs, task["gpu"]): 1}
        if task["gpu"]:
            resources["GPU"] = 1
        key, future = f"{task['name']} {self.host.name}", Future()
        remote = self.client.submit(
            eval,
            CALL,
            {"name": self.host.name, "task": json.dumps(task)},
            key=key,
            resources=resources,
            retries=2,
        )
        self.waiting[key] = task, future, remote
        remote.add_done_callback(self._done)
        return future

    def close(self):
        """Cancel what is left, end what was started on the workers, and leave."""
        self.closing.set()
        closer = threading.Thread(target=self._close, daemon=True)
        closer.start()
        closer.join(ANSWER)  # a scheduler that is gone must not keep the build

    def _close(self):
        if self.client.status == "running":
            self.client.cancel([remote for _, _, remote in list(self.waiting.values())])
            self.client.unregister_worker_plugin(self.host.name)
        self.client.close(ANSWER)

    # -- what comes of a task --------------------------------------------------

    def _done(self, remote):
        """Hand on what a task has come to."""
        task = self.waiting[remote.key][0] if remote.key in self.waiting else None
        if task is None or self.closing.is_set():
            return
        try:
            result = json.loads(remote.result())
            if "failed" in result:
                result = failure(task, result["failed"])
        except CancelledError:
            result = self._problem("the connection to the scheduler was lost")
        except distributed.KilledWorker as error:
            died = f"each of the {error.allowed_failures + 1} workers that ran it died"
            result = failure(task, f"KilledWorker: {died}")
        except Exception as error:
            result = failure(task, f"{type(error).__name__}: {error}")
        self._give(remote.key, result)

    def _give(self, key, result):
        """Give the task *key* its result, or the exception that ends the build; once."""
        with self.lock:
            _, future, remote = self.waiting.pop(key, (None, None, None))
        if future is None:
            return
        if isinstance(result, Exception):
            future.set_exception(result)
        else:
            future.set_result(result)
        if not remote.done():
            remote.cancel()

    def _problem(self, text):
        return ExtensionError(f"EXECUTOR={self.address}: {text}. What was executed is kept: see to it and build again")

    # -- which workers there are -----------------------------------------------

    def _workers(self):
        """Return what the scheduler says of its workers, by address."""
        identity = self.client.scheduler.identity
        return self.client.sync(identity, n_workers=-1, callback_timeout=ANSWER)["workers"]

    def _fits(self, found, gpu):
        """Say whether a worker can take recipes, those that need a GPU or the others."""
        wanted = {worker.offer(self.needs, gpu), *(["GPU"] if gpu else [])}
        return wanted <= set(found["resources"])

    def _others(self, workers):
        """Say of each of the *workers* with other versions which they are."""
        lines = []
        for address, found in workers.items():
            for offered in found["resources"]:
                kind, _, versions = offered.partition(": ")
                has = dict(version.split("==") for version in versions.split()) if kind == "recipe" else {}
                if has.keys() == self.needs.keys() and has != self.needs:
                    other = (f"{n} {v} (needed: {self.needs[n]})" for n, v in has.items() if v != self.needs[n])
                    lines.append(f"The worker {found['name']} at {address} is not used: it has {', '.join(other)}.")
        return " ".join([*lines, "Install requirements.txt there"]) if lines else ""

    def _watch(self):
        """Give up on tasks that no worker could take for too long."""
        able = dict.fromkeys((False, True), time.monotonic())
        workers = None
        while not self.closing.wait(INTERVAL):
            try:
                workers = self._workers()
            except Exception:  # it does not answer, in whatever way
                workers = None
            for address in sorted(set(workers or ()) - self.known):
                if others := self._others({address: workers[address]}):
                    logger.info("cluster: %s", others)
                    self.known.add(address)
            for gpu in (False, True):
                if any(self._fits(found, gpu) for found in (workers or {}).values()):
                    able[gpu] = time.monotonic()
                elif time.monotonic() - able[gpu] > self.patience:
                    for key, (task, _, _) in list(self.waiting.items()):
                        if task["gpu"] == gpu:
                            self._give(key, self._given_up(task, workers))

    def _given_up(self, task, workers):
        """Return the failed result, or the end of the build, for a task that none could take."""
        waited = f"for {self.patience:g} s"
        if workers is None:
            return self._problem(f"the scheduler has not answered {waited}")
        if task["gpu"] and workers:
            offering = {a: found for a, found in workers.items() if "GPU" in found["resources"]}
            others = self._others(offering)
            return failure(
                task,
                f"it waits for a worker that offers the resource GPU, and {waited} there was none; "
                f"start one with: dask worker {self.address} --resources GPU=1" + (f" ({others})" if others else ""),
            )
        others = self._others(workers) or f"Start one with: dask worker {self.address}"
        return self._problem(f"{waited} there was no worker that could be used. {others}")


def _files():
    """Return the source of all modules that a worker needs, by path below the package's folder."""
    paths = [PACKAGE / name for name in ("__init__.py", "seam.py", "run/__init__.py", "run/forkserver.py")]
    paths += sorted((PACKAGE / "run").glob("process/*.py"))
    paths += [PACKAGE / "run/dask" / name for name in ("__init__.py", "host.py", "worker.py")]
    return {path.relative_to(PACKAGE.parent).as_posix(): path.read_text(encoding="utf-8") for path in paths}
