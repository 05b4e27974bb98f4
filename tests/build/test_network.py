"""Builds on workers of other machines: no shared folder, latency, and links that fail while a recipe runs.

Each machine is a process in a network and a mount namespace of its own (``network.py``). A link that is
cut loses everything in silence, as a pulled cable does. Dask notices after its timeout of 30 seconds,
which is 12 here.
"""

import re
import signal
import sys
import tempfile
import time
from pathlib import Path

import psutil
import pytest
from conftest import ROOT, TinySite, command, declared, recipe
from network import Network
from test_cluster import RECIPES, wait

pytestmark = pytest.mark.slow

#: A recipe that says to the test that it runs on a worker, and then takes time.
BUSY = """
import os, pathlib, time
if "BUSY" in os.environ:
    pathlib.Path(os.environ["BUSY"], "NAME").touch()
    time.sleep(float(os.environ["SECONDS"]))
print("NAME is done")
"""
#: A recipe whose processes find each other by this machine's name and address.
GROUP = """
import os, socket
import torch
import torch.distributed as dist
from torch.multiprocessing import start_processes

with socket.socket() as probe:
    probe.bind(("localhost", 0))
    port = str(probe.getsockname()[1])

def work(rank):
    os.environ |= {"MASTER_ADDR": "localhost", "MASTER_PORT": port}
    dist.init_process_group("gloo", rank=rank, world_size=2)
    total = torch.ones(2)
    dist.all_reduce(total)
    torch.save(total, f"rank{rank}")

start_processes(work, nprocs=2, start_method="fork")
print(torch.load("rank0"), torch.load("rank1"))
"""
#: A recipe whose result is long on its way.
BIG = "for number in range(20_000):\n    print(number, 'is a number')"
#: Those of test_cluster.py that give the same everywhere.
NAMES = ("figure", "helped", "raises")


def recipes(*names):
    code = {name: RECIPES[name] for name in NAMES} | {"group": GROUP, "big": BIG}
    return {f"{name}.py": recipe(code.get(name, BUSY).replace("NAME", name), name) for name in names}


class Machines:
    """A network with a scheduler, workers and a build, each a machine of its own."""

    def __init__(self, folder):
        self.network, self.folder, self.processes = Network(latency=0.05), folder, {}
        self.hidden = sorted({str(ROOT), tempfile.gettempdir(), str(folder)}, key=len)
        self.address = f"tcp://{self.network.address('scheduler')}:8786"
        self.start("scheduler", ["--port", "8786"])

    def start(self, name, options, hidden=(), **environment):
        """Start the scheduler or a worker, whose folder is made where the hidden ones were."""
        kind, folder = ("scheduler" if name == "scheduler" else "worker"), self.folder / name
        dask = [sys.executable, "-m", "dask", kind, "--host", self.network.address(name), "--no-dashboard", *options]
        with open(self.folder / f"{name}.log", "w") as log:
            self.processes[name] = self.network.start(
                name,
                ["sh", "-euc", 'mkdir -p "$0"; cd "$0"; exec "$@"', str(folder), *dask],
                hidden,
                env={**declared({}), "DASK_DISTRIBUTED__COMM__TIMEOUTS__TCP": "12s", **environment},
                cwd="/",
                stdout=log,
                stderr=log,
            )

    def worker(self, name, seconds=0):
        """Start a worker on which a busy recipe takes so many *seconds*, and wait until it is there."""
        options = [self.address, "--name", name, "--nthreads", "1", "--no-nanny"]
        folder = str(self.folder / name)
        self.start(name, options, self.hidden, BUSY=folder, SECONDS=str(seconds), TMPDIR=folder)
        wait(lambda: self.processes[name].poll() or f"name: {name}\n" in (self.folder / "scheduler.log").read_text())

    def view(self, name, path):
        """Return *path* as the machine sees it."""
        return Path(f"/proc/{self.processes[name].pid}/root{path}")

    def build(self, site, patience="15s"):
        """Start a build on a machine of its own."""
        site.log = self.folder / "build.log"
        ours = {"RECIPE_CACHE": str(site.folder / "kept"), "EXECUTOR": self.address}
        dask = {
            "DASK_DISTRIBUTED__COMM__TIMEOUTS__TCP": "12s",
            "DASK_DISTRIBUTED__SCHEDULER__NO_WORKERS_TIMEOUT": patience,
        }
        with open(site.log, "w") as log:
            self.processes["build"] = self.network.start(
                "build",
                command(site.folder, site.out),
                env=declared(ours | dask),
                cwd=site.folder,
                stdout=log,
                stderr=log,
            )

    def runs(self, name, worker):
        """Wait until the busy recipe *name* runs on *worker*."""
        wait(self.view(worker, self.folder / worker / name).exists)

    def ended(self, site, seconds=240):
        """Wait for the end of the build; return its exit code and what it printed."""
        code = self.processes["build"].wait(seconds)
        return code, site.log.read_text()

    def close(self):
        for process in self.processes.values():
            if process.is_running():
                below = process.children(recursive=True)
                process.kill()  # also one that is stopped
                process.wait()
                for child in below:
                    if child.is_running():
                        child.kill()
                psutil.wait_procs(below, timeout=60)


@pytest.fixture
def machines(tmp_path):
    try:
        machines = Machines(tmp_path)
    except OSError:
        pytest.skip("this system has no network namespaces for its users")
    yield machines
    machines.close()


def files(site):
    return {path.relative_to(site.out).as_posix(): path.read_bytes() for path in site.out.rglob("*") if path.is_file()}


def test_pages_are_those_of_a_local_build_though_links_fail(machines, tmp_path):
    there, here = (TinySite(tmp_path / name, recipes("long", "short", "group", *NAMES)) for name in ("there", "here"))
    for site in (there, here):
        site.write("section/_help.py", "WORD = 'helped by'\n")
        site.write("section/data.txt", "data")
        with open(site.folder / "conf.py", "a") as conf:  # how long it took is not the same twice
            conf.write("sphinx_gallery_conf['min_reported_time'] = 1000\n")
    machines.worker("alice", seconds=1000)
    assert list(machines.view("alice", ROOT).glob("[!.]*")) == []
    assert not machines.view("alice", there.source).exists()
    machines.build(there)
    wait(lambda: any(machines.view("alice", tmp_path / "alice" / name).exists() for name in ("long", "short")))
    machines.network.cut("alice")  # for good
    machines.worker("bob", seconds=6)
    machines.runs("short", "bob")
    machines.network.switch("bob", False)
    time.sleep(4)
    machines.network.switch("bob", True)
    code, log = machines.ended(there)
    assert "The worker alice at tcp://10.9.0.2:" in log and "is gone" in log, log
    assert "bob" not in log
    local = here.build(RECIPE_CACHE=str(here.folder / "kept"))
    assert code == local.code == 1, log
    assert "1 problem(s) with recipes" in log  # the one that is to raise
    ours, theirs = files(here), files(there)
    assert len(ours) > 30
    assert [name for name in ours if ours[name] != theirs.get(name)] == []
    assert ours.keys() == theirs.keys()


def test_build_ends_when_the_only_worker_cannot_be_reached(machines, tmp_path):
    site = TinySite(tmp_path / "site", recipes("long"))
    machines.worker("alice", seconds=1000)
    machines.build(site, "2s")
    machines.runs("long", "alice")
    machines.network.cut("alice")
    code, log = machines.ended(site, 90)
    assert code == 2
    assert f"EXECUTOR={machines.address}: no compatible worker within 2 s. Start one with: dask worker tcp:" in log
    assert "Traceback" not in log
    assert machines.processes["alice"].wait(60) is not None  # a recipe without a build does not run on


@pytest.mark.parametrize("when", ["while a recipe runs", "while its result is on the way"])
def test_build_ends_when_it_cannot_reach_the_scheduler(machines, tmp_path, when):
    site = TinySite(tmp_path / "site", recipes("long" if "runs" in when else "big"))
    machines.worker("alice", seconds=1000)
    machines.build(site, "2s")
    if "runs" in when:
        machines.runs("long", "alice")
    else:
        wait(lambda: machines.network.delivered[machines.network.address("build")] > 100_000)
    machines.network.cut("build")
    code, log = machines.ended(site, 90)
    assert code == 2, log
    assert f"EXECUTOR={machines.address}: " in log
    assert "the connection to the scheduler was lost" in log or "no answer from the scheduler within 2 s" in log, log
    assert "Traceback" not in log and "problem(s)" not in log


@pytest.mark.parametrize("fault", ["its link is cut", "it is stopped"])
def test_worker_that_does_not_answer_keeps_no_build_from_the_others(machines, tmp_path, fault):
    site = TinySite(tmp_path / "site", recipes("short"))
    machines.worker("alice")
    machines.worker("bob")
    if "stopped" in fault:
        machines.processes["bob"].send_signal(signal.SIGSTOP)
    machines.build(site)
    wait(lambda: "to execute" in site.log.read_text())
    if "cut" in fault:
        machines.network.cut("bob")
    code, log = machines.ended(site, 120)
    assert code == 0, log
    assert "cluster: No answer from a worker or the scheduler (" in log, log
    assert "short is done" in site.page("short.html").read_text()


@pytest.mark.parametrize("there", ["before the build", "later"])
def test_build_ends_when_the_scheduler_cannot_connect_to_the_worker(machines, tmp_path, there):
    site = TinySite(tmp_path / "site", recipes("short"))
    machines.network.guard("alice")
    if "before" in there:
        machines.worker("alice")
        machines.build(site, "2s")
        said = r"no compatible worker within 2 s\. The worker alice at tcp://[\d.:]+ has not answered\. "
    else:
        machines.build(site, "40s")
        wait(lambda: "Registering Worker plugin recipes-" in (tmp_path / "scheduler.log").read_text())
        machines.worker("alice")
        said = r"the scheduler could not fetch the result of section/short\.py from its worker\. "
    code, log = machines.ended(site)
    assert code == 2, log
    assert re.search(said + "Let its machine accept connections from the scheduler", log), log
    assert "Traceback" not in log and "problem(s)" not in log
