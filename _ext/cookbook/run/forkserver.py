"""Recipes in processes of their own on this machine, within limits.

:class:`ForkServer` starts Python's fork server once, with everything imported that
recipes import, and forks a fresh process from it for each recipe: nothing leaks from one
recipe into the next, and importing torch is paid for once. Where there is no fork server
(Windows), each process is spawned.

A process that runs too long, dies or exits early becomes a failed result with a reason.
Whatever it started is ended with it. All that is written meanwhile lies in one folder, which
goes with the fork server, however the build ends.

Private names relied on: attributes of ``multiprocessing.forkserver._forkserver``, to find
what recipes left behind, and ``multiprocessing.util.get_temp_dir``, the folder of its socket.
"""

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

import psutil

from cookbook.run.process import runner
from cookbook.run.process.child import ENVIRONMENT, GRACE, child, children, kill
from cookbook.run.process.text import clean

#: What is imported once for all recipes, where one of them names it.
PACKAGES = ("matplotlib", "torch")
#: Bytes below which a disk counts as full.
LITTLE = 2**16


class ForkServer:
    """Runs recipes, a number of them at a time.

    Parameters
    ----------
    jobs : int
        How many recipes run at the same time.
    used : iterable of str
        Those of `PACKAGES` that they use, which are imported once for all.

    Examples
    --------
    >>> with ForkServer(jobs=2) as server:
    ...     result = server.submit(task).result()
    >>> result["outputs"], result["error"]
    """

    def __init__(self, jobs, used=PACKAGES):
        available = multiprocessing.get_all_start_methods()
        method = "forkserver" if "forkserver" in available else "spawn"
        self.context = multiprocessing.get_context(method)
        self.threads = ThreadPoolExecutor(jobs, thread_name_prefix="recipe")
        self.live = {}
        self.stopped = False
        self.starting = threading.Lock()
        self.environment = dict(os.environ)
        self.folder = os.path.realpath(tempfile.mkdtemp(prefix="recipes-"))
        if method == "forkserver":
            self._start_server(used)

    def _start_server(self, used):
        """Start the fork server with the environment that every recipe begins in."""
        here = str(Path(__file__).parents[2])
        self.environment.update(ENVIRONMENT)
        ours = {
            **ENVIRONMENT,
            "PYTHONPATH": os.pathsep.join(filter(None, [here, os.environ.get("PYTHONPATH")])),
            # Large pages, where the system has them: a fork copies the table of pages.
            "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",
        }
        before = dict(os.environ)
        folders = os.pathsep.join([self.folder, util.get_temp_dir()])  # the latter for its socket
        os.environ.update(ours, TMPDIR=self.folder, RECIPES_FOLDERS=folders, RECIPES_USE=" ".join(used))
        try:
            forkserver.set_forkserver_preload(["cookbook.run.process.preload"])
            forkserver.ensure_running()
        finally:
            os.environ.clear()
            os.environ.update(before)

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        self.close()

    def submit(self, task):
        """Return the future result of *task*: see :meth:`run`."""
        return self.threads.submit(self.run, task)

    def close(self):
        """End everything that was started."""
        with self.starting:
            self.stopped = True
        for process in list(self.live.values()):
            self._end(process)
        self.threads.shutdown(cancel_futures=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    def run(self, task):
        """Run one recipe and return its result.

        Parameters
        ----------
        task : dict
            A :class:`cookbook.recipes.recipe.Task`.

        Returns
        -------
        result : dict
            ``outputs``, a list with the reStructuredText shown below each code block;
            ``seconds`` (float); ``error``, None or a dict of ``text``, ``line`` and
            ``reason``; ``codeobj`` and ``images`` as :func:`cookbook.run.process.runner.run` sends them.
        """
        scratch = tempfile.mkdtemp(prefix="recipe-", dir=self.folder)
        started = time.monotonic()
        try:
            receiver, sender = self.context.Pipe(duplex=False)
            with self.starting:
                if self.stopped:
                    raise InterruptedError("the build was stopped")
                process = self.context.Process(
                    target=child, args=(task, scratch, sender, self.environment), daemon=False
                )
                process.start()
                self.live[process.pid] = process
            sender.close()
            messages = list(self._messages(process, receiver, task["limits"]["seconds"]))
            code = self._end(process)
            return self._result(task, messages, code, Path(scratch), time.monotonic() - started)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)

    def _messages(self, process, receiver, seconds):
        """Yield what the process sends until it has ended or its time is up."""
        deadline = time.monotonic() + seconds + GRACE
        while True:
            ready = connection.wait([receiver, process.sentinel], deadline - time.monotonic())
            if not ready:
                return
            try:
                while receiver.poll():
                    yield json.loads(receiver.recv_bytes())
            except EOFError:
                process.join(GRACE)
                return
            if process.sentinel in ready:
                return

    def _end(self, process):
        """Kill the process with all that it started; return its exit code, None if it ran on."""
        with self.starting:
            code = process.exitcode
            if code is None:  # else what it has left was handed to the fork server
                _kill_with_children(process.pid)
                process.join(GRACE)
            self.live.pop(process.pid, None)
            self._end_orphans()
        return code

    def _end_orphans(self):
        """Kill what recipes that are gone have left to the fork server."""
        server = getattr(forkserver._forkserver, "_forkserver_pid", None)
        for pid in children(server) if server else ():
            if pid not in self.live:
                _kill_with_children(pid)

    def _result(self, task, messages, code, scratch, elapsed):
        """Put the messages of a process together, and say why it ended if it did too early."""
        outputs = [""] * len(task["blocks"])
        current, result = 0, None
        for message in messages:
            current = message.get("block", current)
            if "output" in message:
                outputs[message["block"]] = message["output"]
            result = message.get("done", result)
        if result is None:
            crash = next((m["crash"] for m in messages if "crash" in m), None)
            text, line = self._death(task, current, code, scratch, crash)
            outputs[current] = (
                "\n.. rst-class:: sphx-glr-script-out\n\n .. code-block:: pytb\n\n"
                + "".join(f"    {row}\n" for row in text.splitlines())
                + "\n\n"
            )
            error = {"text": text, "line": line, "reason": text.splitlines()[-1]}
            shown = runner.read_images((scratch / task["gallery"] / task["name"]).parent / "images")
            images = {name: content for name, content in shown.items() if name in "".join(outputs)}
            result = {"seconds": round(elapsed, 3), "error": error, "codeobj": {}, "images": images}
        if result["error"] and shutil.disk_usage(scratch).free < LITTLE:
            result["error"]["reason"] += ": no space is left for temporary files"
        written = scratch / "descriptor.txt"
        unseen = clean(written.read_text(errors="replace") if written.exists() else "").strip()
        if unseen and not result["error"]:
            reason = "wrote past Python's sys.stdout, which no page shows: " + unseen[:200]
            result["error"] = {"text": reason, "line": 1, "reason": reason.splitlines()[0]}
        return {**result, "outputs": outputs}

    @staticmethod
    def _death(task, current, code, scratch, crash):
        """Return the text of a traceback for a process that died, and its line."""
        limit = task["limits"]["seconds"]
        line = runner.first_line(task["blocks"][current])
        frames = []
        hang = scratch / "hang.txt"
        dump = hang.read_text(errors="replace") if hang.exists() else ""
        source = str(scratch / runner.SOURCE / task["name"])
        for row in dump.splitlines():
            if source in row:
                number = int(row.rsplit("line ", 1)[1].split()[0])
                frames.insert(0, number)
        if frames:
            line = frames[-1]
        if crash:
            reason = clean(crash)
        elif dump.startswith("Timeout") or code is None:
            reason = f"TimeoutError: it ran for more than {limit} s and was ended"
        elif code < 0:
            reason = f"ProcessLookupError: its process was ended by {signal.Signals(-code).name}"
        else:
            reason = f"ProcessLookupError: its process ended itself with os._exit({code})"
        rows = [f'  File "{runner.SOURCE}/{task["name"]}", line {n}' for n in frames or [line]]
        return "\n".join(["Traceback (most recent call last):", *rows, reason]), line


def _kill_with_children(pid):
    """Kill the process *pid* and all that it started, if it is still there."""
    try:
        process = psutil.Process(pid)
        kill([*process.children(recursive=True), process])
    except psutil.NoSuchProcess:
        pass
