"""Runs each recipe in a process of its own on this machine, with limits.

:class:`ForkServer` starts Python's fork server with the imports of all recipes preloaded, and forks
a fresh process from it for each recipe: no state leaks into the next recipe, and torch is
imported once (``docs/decisions/isolation.md``). On Windows each process is spawned instead.

A process that exceeds its timeout, crashes or exits early becomes a failed result with a reason,
and its descendants are killed. All temporary files are in one folder, which the fork server
deletes when it exits, also after the build was killed.

Private names relied on: attributes of ``multiprocessing.forkserver._forkserver``, to find orphaned
processes, and ``multiprocessing.util.get_temp_dir``, the folder of its socket.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import signal
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import connection, forkserver, util
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from cookbook.run.process import figures, runner
from cookbook.run.process.child import ENVIRONMENT, GRACE, PRELOAD_PROBLEM, child, children, cpu_time, kill, variables
from cookbook.run.process.limits import WHERE, clock_limit
from cookbook.run.process.text import clean

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from concurrent.futures import Future
    from multiprocessing.process import BaseProcess

    from cookbook.recipes.recipe import Task
    from cookbook.run.result import Error, Message, Result

#: Packages that the fork server preloads, if a recipe uses them.
PACKAGES = ("matplotlib", "torch")
#: Seconds between looks at the processor time of a recipe.
POLL = 0.5
#: A disk with fewer free bytes counts as full.
DISK_FULL = 2**16


class ForkServer:
    """Runs recipes, several at a time.

    Parameters
    ----------
    jobs : int
        How many recipes run at the same time.
    used : iterable of str
        The `PACKAGES` to preload.

    Examples
    --------
    >>> with ForkServer(jobs=2) as server:
    ...     result = server.submit(task).result()
    >>> result["outputs"], result["error"]
    """

    def __init__(self, jobs: int, used: Iterable[str] = PACKAGES) -> None:
        available = multiprocessing.get_all_start_methods()
        method = "forkserver" if "forkserver" in available else "spawn"
        self.context: Any = multiprocessing.get_context(method)  # typeshed has no BaseContext.Process
        self.threads = ThreadPoolExecutor(jobs, thread_name_prefix="recipe")
        self.running: set[BaseProcess] = set()
        self.stopped = False
        self.starting = threading.Lock()
        self.environment = {**os.environ, **ENVIRONMENT}
        self.folder = os.path.realpath(tempfile.mkdtemp(prefix="recipes-"))
        if method == "forkserver":
            self._start_server(used)

    def _start_server(self, used: Iterable[str]) -> None:
        """Start the fork server with the environment of the recipes."""
        here = str(Path(__file__).parents[2])
        ours = {
            **ENVIRONMENT,
            "PYTHONPATH": os.pathsep.join(filter(None, [here, os.environ.get("PYTHONPATH")])),
            # With huge pages there is a smaller page table to copy in each fork.
            "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",
            "TMPDIR": self.folder,
            "RECIPES_FOLDERS": os.pathsep.join([self.folder, util.get_temp_dir()]),  # the latter has its socket
            "RECIPES_USE": " ".join(used),
        }
        with variables(ours):
            forkserver.set_forkserver_preload(["cookbook.run.process.preload"])
            forkserver.ensure_running()

    def preload_problem(self) -> str | None:
        """Return why the packages of the recipes could not be imported in the fork server, if so."""
        path = Path(self.folder, PRELOAD_PROBLEM)
        return path.read_text(encoding="utf-8") if path.exists() else None

    def __enter__(self) -> ForkServer:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def submit(self, task: Task) -> Future[Result]:
        """Return the future of :meth:`run` for *task*."""
        return self.threads.submit(self.run, task)

    def close(self) -> None:
        """Kill all recipes and delete all temporary files."""
        with self.starting:
            self.stopped = True
        for process in list(self.running):
            self._stop(process)
        self.threads.shutdown(cancel_futures=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    def run(self, task: Task) -> Result:
        """Run the recipe of *task* and return its result; InterruptedError after :meth:`close`."""
        scratch = tempfile.mkdtemp(prefix="recipe-", dir=self.folder)
        started = time.monotonic()
        try:
            receiver, sender = self.context.Pipe(duplex=False)
            with self.starting:
                if self.stopped:
                    raise InterruptedError("the fork server is closed")
                arguments = task, scratch, sender, self.environment
                process: BaseProcess = self.context.Process(target=child, args=arguments, daemon=False)
                with variables(ENVIRONMENT):  # a spawned process reads some of them as Python starts
                    process.start()
                self.running.add(process)
            sender.close()
            messages = list(self._messages(process, receiver, task["limits"]["seconds"], Path(scratch, runner.HANG)))
            code = self._stop(process)
            return self._result(task, messages, code, Path(scratch), time.monotonic() - started)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)

    def _messages(
        self, process: BaseProcess, receiver: connection.Connection[Any, Any], seconds: int, hang: Path
    ) -> Iterator[Message]:
        """Yield the messages of *process* until it has exited or its time is up; *hang* then says where it was."""
        deadline = time.monotonic() + clock_limit(seconds) + GRACE
        begun: float | None = None  # its processor time when the recipe began
        while time.monotonic() < deadline:
            ready = connection.wait([receiver, process.sentinel], POLL)
            try:
                while receiver.poll():
                    yield json.loads(receiver.recv_bytes())
                    begun = cpu_time(process.pid) if begun is None else begun
                ended = process.sentinel in ready
            except EOFError:
                ended = True
            if ended:
                process.join(GRACE)  # its exit code comes later than the end of its messages
                return
            if WHERE and begun is not None and cpu_time(process.pid) - begun > seconds:
                os.kill(process.pid or 0, WHERE)
                asked = time.monotonic()
                while not hang.stat().st_size and time.monotonic() < asked + GRACE:
                    time.sleep(0.1)
                return

    def _stop(self, process: BaseProcess) -> int | None:
        """Kill *process* and its descendants; return its exit code, None if it was still running."""
        with self.starting:
            code = process.exitcode
            if code is None:  # otherwise its children were reparented to the fork server
                _kill_tree(process.pid)
                process.join(GRACE)
            self.running.discard(process)
            self._kill_orphans()
        return code

    def _kill_orphans(self) -> None:
        """Kill the processes that were reparented to the fork server, which is a subreaper."""
        server = getattr(forkserver._forkserver, "_forkserver_pid", None)
        running = {process.pid for process in self.running}
        for pid in children(server) if server else ():
            if pid not in running:
                _kill_tree(pid)

    def _result(self, task: Task, messages: list[Message], code: int | None, scratch: Path, elapsed: float) -> Result:
        """Return the result that *messages* add up to, with an error if the last one is missing."""
        outputs = [""] * len(task["blocks"])
        current, outcome = 0, None
        for message in messages:
            current = message.get("block", current)
            if "output" in message:
                outputs[message["block"]] = message["output"]
            outcome = message.get("done", outcome)
        if outcome is None:
            crash = next((m["crash"] for m in messages if "crash" in m), None)
            text, line = self._explain_exit(task, current, code, scratch, crash)
            outputs[current] = (
                "\n.. rst-class:: sphx-glr-script-out\n\n .. code-block:: pytb\n\n"
                + "".join(f"    {row}\n" for row in text.splitlines())
                + "\n\n"
            )
            error: Error = {"text": text, "line": line, "reason": text.splitlines()[-1], "ran": current + 1}
            shown = figures.read_images((scratch / task["gallery"] / task["name"]).parent / "images")
            images = {name: content for name, content in shown.items() if name in "".join(outputs)}
            outcome = {"seconds": round(elapsed, 3), "error": error, "codeobj": {}, "images": images}
        if outcome["error"] and shutil.disk_usage(scratch).free < DISK_FULL:
            outcome["error"]["reason"] += ": no space left for temporary files"
        log = [(runner.first_line(task["blocks"][m["block"]]), m["log"]) for m in messages if m.get("log")]
        return {"outputs": outputs, **outcome, **({"log": log} if log else {})}  # type: ignore[typeddict-item]

    @staticmethod
    def _explain_exit(task: Task, current: int, code: int | None, scratch: Path, crash: str | None) -> tuple[str, int]:
        """Return a traceback for a process that exited while block *current* ran, and its line."""
        limit = task["limits"]["seconds"]
        line = runner.first_line(task["blocks"][current])
        frames: list[int] = []
        hang = scratch / runner.HANG
        dump = hang.read_text(errors="replace") if hang.exists() else ""
        source = str(scratch / runner.SOURCE / task["name"])
        for row in dump.splitlines():
            if source in row:
                frames.insert(0, int(row.rsplit("line ", 1)[1].split()[0]))
        if frames:
            line = frames[-1]
        if crash:
            reason = clean(crash)
        elif dump.startswith("Timeout") or code is None:
            waited = WHERE and (dump.startswith("Timeout") or not dump)
            reason = f"TimeoutError: killed after {f'{clock_limit(limit)} s on the clock' if waited else f'{limit} s'}"
        elif code < 0:
            reason = f"ChildProcessError: the recipe's process was killed by {signal.Signals(-code).name}"
        else:
            reason = f"ChildProcessError: the recipe's process called os._exit({code})"
        rows = [f'  File "{runner.SOURCE}/{task["name"]}", line {n}' for n in frames or [line]]
        return "\n".join(["Traceback (most recent call last):", *rows, reason]), line


def _kill_tree(pid: int | None) -> None:
    """Kill the process *pid* and its descendants, if it still exists."""
    try:
        process = psutil.Process(pid)
        kill([*process.children(recursive=True), process])
    except psutil.NoSuchProcess:
        pass
