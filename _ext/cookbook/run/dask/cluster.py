"""Runs recipes on a Dask cluster, for ``EXECUTOR=tcp://SCHEDULER:PORT``.

:class:`Cluster` has the interface of :class:`cookbook.run.forkserver.ForkServer` and gives the same
results. It sends the source of the modules that run recipes, and the recipes, as text, and gets
JSON back. No file system is shared; a worker needs only the packages of ``requirements.txt`` and
``distributed``. Dask schedules the recipes, and reschedules those of a worker that dies.

Two things are added. A recipe must run with the package versions of its cache key: workers offer
theirs as a resource (:mod:`~cookbook.run.dask.worker`). And Dask waits forever if no worker can take
a task: here a recipe fails after 30 seconds without such a worker, or after Dask's
``distributed.scheduler.no-workers-timeout`` (``docs/decisions/dask.md``).

Trust: the build's own code runs on the workers, with ``eval``. Results are JSON, validated by
:mod:`cookbook.run.result`, so a recipe or a worker's disk cannot put code or markup into the build.
Whoever controls the scheduler or a worker can, as Dask unpickles what they send.
"""

from __future__ import annotations

import contextlib
import json
import threading
import time
import uuid
from concurrent.futures import Future
from functools import partial
from typing import TYPE_CHECKING, Any

import dask
import distributed
from dask.utils import parse_timedelta
from sphinx.errors import ExtensionError
from sphinx.util import logging

from cookbook.build import PACKAGE
from cookbook.run.dask import worker
from cookbook.run.dask.roster import CONNECTIONS, Roster, silence
from cookbook.run.result import failure

if TYPE_CHECKING:
    from cookbook.recipes.recipe import Task
    from cookbook.run.dask.roster import Workers
    from cookbook.run.result import Result

logger = logging.getLogger(__name__)

#: Evaluated on a worker for each task: text and built-ins, so it can be unpickled without our code.
CALL = "__import__('distributed').get_worker().plugins[name].run(task)"
#: Timeout for an answer of the scheduler, in seconds.
TIMEOUT = 10
#: Timeout for a result, in seconds, besides that for workers: Dask itself tries without end.
FETCH_TIMEOUT = 60
#: Seconds between two polls of the list of workers.
INTERVAL = 1


class Cluster:
    """Runs recipes on the workers of a Dask scheduler.

    Parameters
    ----------
    address : str
        The scheduler's address, as in ``tcp://127.0.0.1:8786``.
    tasks : list of dict
        The tasks that will be submitted; workers need the same versions of their packages.

    Examples
    --------
    >>> with Cluster("tcp://127.0.0.1:8786", [task]) as cluster:
    ...     result = cluster.submit(task).result()
    """

    def __init__(self, address: str, tasks: list[Task]) -> None:
        self.address = address
        silence()
        timeout = dask.config.get("distributed.scheduler.no-workers-timeout")
        self.no_workers_timeout = parse_timedelta(timeout or "30s")
        names = sorted({name for task in tasks for name in task["versions"]})
        self.versions = worker.installed_versions(names)
        self.roster = Roster(self.versions)
        self.pending: dict[str, tuple[Task, Future[Result], distributed.Future[str]]] = {}
        self.lock, self.closing = threading.Lock(), threading.Event()
        try:
            self.client = distributed.Client(address, timeout=TIMEOUT, set_as_default=False)
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

    def _start(self) -> None:
        try:  # the call is made in the client's event loop, as only there it can have a timeout
            self.client.sync(self.client.register_plugin, self.host, callback_timeout=TIMEOUT)
            workers = self._workers()
        except OSError as error:  # the others have the plugin
            problem = f"{type(error).__name__}: {error}"
            logger.info("cluster: No answer from a worker or the scheduler (%s). Recipes run on the others", problem)
        else:
            if workers and not any(self.roster.is_compatible(found, False) for found in workers.values()):
                advice = self.roster.incompatible(workers)
                raise ExtensionError(f"EXECUTOR={self.address}: no compatible worker. {advice}")
        threading.Thread(target=self._watch_workers, daemon=True).start()

    def __enter__(self) -> Cluster:
        return self

    def preload_problem(self) -> None:
        """Return None: what a worker cannot import shows in the results of its recipes."""

    def __exit__(self, *exc_info: object) -> None:
        if exc_info == (None, None, None):
            with contextlib.suppress(Exception):  # no answer, for any reason
                self.roster.report(self._workers())
        self.close()

    def submit(self, task: Task) -> Future[Result]:
        """Return the future of the result of *task*."""
        resources = {worker.resource_name(self.versions, task["gpu"]): 1}
        if task["gpu"]:
            resources["GPU"] = 1
        key = f"{task['name']} {self.host.name}"
        future: Future[Result] = Future()
        remote = self.client.submit(
            eval,
            CALL,
            {"name": self.host.name, "task": json.dumps(task)},
            key=key,
            resources=resources,
            retries=2,
        )
        self.pending[key] = task, future, remote
        remote.add_done_callback(partial(self._done, key))
        return future

    def close(self) -> None:
        """Cancel pending tasks, remove the plugin from the workers, and disconnect."""
        self.closing.set()
        closer = threading.Thread(target=self._close, daemon=True)
        closer.start()
        closer.join(TIMEOUT)  # the scheduler may be gone

    def _close(self) -> None:
        with contextlib.suppress(Exception), contextlib.closing(self.client):  # no answer, for any reason
            if self.client.status == "running":
                self.client.cancel([remote for _, _, remote in list(self.pending.values())])
                self.client.unregister_worker_plugin(self.host.name)

    # -- results ----------------------------------------------------------------

    def _done(self, key: str, remote: distributed.Future[str]) -> None:
        """Resolve the future of the task *key*, which Dask has finished."""
        found = self.pending.get(key)
        if found is None or self.closing.is_set():
            return
        task = found[0]
        result: Result | ExtensionError
        try:
            answer = json.loads(remote.result(self.no_workers_timeout + FETCH_TIMEOUT))
            result = failure(task, answer["failed"]) if "failed" in answer else answer
        except distributed.KilledWorker as error:
            died = f"each of the {error.allowed_failures + 1} workers that ran it died"
            result = failure(task, f"KilledWorker: {died}")
        except Exception as error:
            if remote.status == "error" or not isinstance(error, (distributed.CancelledError, OSError)):
                result = failure(task, f"{type(error).__name__}: {error}")
            elif remote.status in ("pending", "lost"):  # with its worker, so the recipe runs again
                remote.add_done_callback(partial(self._done, key))
                return
            elif isinstance(error, TimeoutError):
                result = self._problem(
                    f"the scheduler could not fetch the result of {task['name']} from its worker. {CONNECTIONS}"
                )
            else:
                result = self._problem("the connection to the scheduler was lost")
        self._resolve(key, result)

    def _resolve(self, key: str, result: Result | ExtensionError) -> None:
        """Set the result of the task *key*, or the exception that ends the build, unless it is set."""
        with self.lock:
            found = self.pending.pop(key, None)
        if found is None:
            return
        _, future, remote = found
        if isinstance(result, Exception):
            future.set_exception(result)
        else:
            future.set_result(result)
        if not remote.done():
            remote.cancel()

    def _problem(self, text: str) -> ExtensionError:
        return ExtensionError(f"EXECUTOR={self.address}: {text}. Executed recipes are cached: fix this and build again")

    # -- workers ------------------------------------------------------------------

    def _workers(self) -> Workers:
        """Return the scheduler's information about its workers, by address."""
        scheduler: Any = self.client.scheduler
        workers: Workers = self.client.sync(scheduler.identity, n_workers=-1, callback_timeout=TIMEOUT)["workers"]
        return workers

    def _watch_workers(self) -> None:
        """Fail the tasks that no worker could take until the timeout."""
        last_seen = dict.fromkeys((False, True), time.monotonic())
        workers: Workers | None
        while not self.closing.wait(INTERVAL):
            try:
                workers = self._workers()
            except Exception:  # no answer, for any reason
                workers = None
            if workers is not None:
                self.roster.report(workers)
            for gpu in (False, True):
                if any(self.roster.is_compatible(found, gpu) for found in (workers or {}).values()):
                    last_seen[gpu] = time.monotonic()
                elif time.monotonic() - last_seen[gpu] > self.no_workers_timeout:
                    for key, (task, _, _) in list(self.pending.items()):
                        if task["gpu"] == gpu:
                            self._resolve(key, self._timed_out(task, workers))

    def _timed_out(self, task: Task, workers: Workers | None) -> Result | ExtensionError:
        """Return the failed result, or the exception that ends the build, for a task without a worker."""
        limit = f"within {self.no_workers_timeout:g} s"
        if workers is None:
            return self._problem(f"no answer from the scheduler {limit}")
        if task["gpu"] and workers:
            incompatible = self.roster.incompatible({a: w for a, w in workers.items() if "GPU" in w["resources"]})
            return failure(
                task,
                f"no worker offered the resource GPU {limit}; start one with: dask worker {self.address} "
                "--resources GPU=1" + (f" ({incompatible})" if incompatible else ""),
            )
        advice = self.roster.unusable(workers) or f"Start one with: dask worker {self.address}"
        return self._problem(f"no compatible worker {limit}. {advice}")


def _files() -> dict[str, str]:
    """Return the source of the modules that a worker needs, by path below the package's folder."""
    paths = [PACKAGE / name for name in ("__init__.py", "seam.py", "run/__init__.py", "run/forkserver.py")]
    paths += sorted((PACKAGE / "run").glob("process/*.py"))
    paths += [PACKAGE / "run/dask" / name for name in ("__init__.py", "host.py", "worker.py")]
    return {path.relative_to(PACKAGE.parent).as_posix(): path.read_text(encoding="utf-8") for path in paths}
