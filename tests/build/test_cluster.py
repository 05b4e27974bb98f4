"""Builds on a real Dask scheduler with real workers, each in a folder of its own.

Every recipe here leaves the name of the worker that runs it in a folder of the test's, by
two variables that only the workers have, so pages are the same whoever runs it.
"""

import os
import re
import signal
import socket
import sys
import time

import psutil
import pytest
from conftest import TinySite, recipe

pytestmark = pytest.mark.slow

SEEN = """
import os, pathlib, time
seen = pathlib.Path(os.environ.get("SEEN", "."), "NAME")
again = seen.exists()
seen.write_text(os.environ.get("WORKER", "here"))
"""
#: It waits to be killed, the first time.
SLOW = SEEN + "time.sleep(0 if again else 100)\nprint('done')"
RECIPES = {
    "plain": SEEN + "print('plain')",
    "figure": """
        import matplotlib.pyplot as plt
        fig, ax = plt.subplots()
        _ = ax.plot([1, 2])
        plt.show()
    """,
    "helped": "import pathlib\nimport _help\nprint(_help.WORD, pathlib.Path('data.txt').read_text())",
    "raises": "import torch\ntorch.zeros(2) + torch.zeros(3)",
    "wants_gpu": SEEN + "print('fast')",
}
GPU = "# sphinx_gallery_gpu = True\n"


def recipes(names):
    """Return the recipes of these names: their own code, or a slow one."""
    return {
        f"{name}.py": recipe(RECIPES.get(name, SLOW).replace("NAME", name), name, GPU if name == "wants_gpu" else "")
        for name in names
    }


def wait(condition, seconds=240):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


class Dask:
    """A scheduler, and workers that are started and killed by name."""

    def __init__(self, folder):
        self.folder, self.processes = folder, {}
        self.seen = folder / "seen"
        self.seen.mkdir()
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.address = f"tcp://127.0.0.1:{port}"
        self.start("scheduler", ["scheduler", "--host", "127.0.0.1", "--port", str(port), "--no-dashboard"])

    def start(self, name, command, **environment):
        if name in self.processes:
            return
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        environment = {
            **{k: v for k, v in os.environ.items() if k != "PYTHONPATH"},
            "WORKER": name,
            "SEEN": str(self.seen),
            "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "1",
            **environment,
        }
        with open(folder / "log.txt", "a") as log:
            self.processes[name] = psutil.Popen(
                [sys.executable, "-m", "dask", *command], cwd=folder, env=environment, stdout=log, stderr=log
            )

    def worker(self, name, *options, **environment):
        command = [
            "worker",
            self.address,
            "--name",
            name,
            "--nthreads",
            "1",
            "--no-nanny",
            "--no-dashboard",
            "--local-directory",
            str(self.folder / name),
            *options,
        ]
        self.start(name, command, **environment)

    def other(self, name):
        """Start a worker whose environment has another version of torch, as pip would record it."""
        torch = self.folder / "other/torch-9.9.dist-info/METADATA"
        torch.parent.mkdir(parents=True, exist_ok=True)
        torch.write_text("Metadata-Version: 2.1\nName: torch\nVersion: 9.9\n")
        self.worker(name, PYTHONPATH=str(self.folder / "other"))

    def only(self, *names):
        """Kill the workers that are not wanted and start those that are not there."""
        for name in set(self.processes) - {"scheduler", *names}:
            self.kill(name)
        for name in names:
            self.worker(name)

    def ready(self, count):
        """Wait until the scheduler has so many workers."""
        from distributed import Client

        with Client(self.address, timeout=30, set_as_default=False) as client:
            wait(lambda: len(client.scheduler_info()["workers"]) == count)

    def kill(self, name):
        """Kill it with SIGKILL; what it had started must end by itself."""
        process = self.processes.pop(name)
        below = process.children(recursive=True)
        process.kill()
        process.wait()
        assert not psutil.wait_procs(below, timeout=60)[1]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    cluster = Dask(tmp_path_factory.mktemp("dask"))
    yield cluster
    for name in list(cluster.processes):
        cluster.kill(name)


@pytest.fixture(scope="module")
def nobody(tmp_path_factory):
    """A build, in the background, with an address where no scheduler is."""
    site = TinySite(tmp_path_factory.mktemp("nobody"), recipes(["plain"]))
    return start(site, "tcp://127.0.0.1:9")


def start(site, address, patience="30s"):
    """Start a build on the cluster and return its process."""
    return site.start(
        EXECUTOR=address,
        RECIPE_CACHE=str(site.folder / "kept"),
        DASK_DISTRIBUTED__SCHEDULER__NO_WORKERS_TIMEOUT=patience,
    )


def ended(build):
    """Wait for the end of a build and return what it printed."""
    build.wait(240)
    return build.log.read_text()


@pytest.fixture
def site(tmp_path):
    return lambda *names: TinySite(tmp_path, recipes(names))


@pytest.fixture(autouse=True)
def nothing_seen(cluster):
    for path in cluster.seen.iterdir():
        path.unlink()


@pytest.fixture(scope="module")
def both(cluster, nobody, tmp_path_factory):
    """The same site, built on the cluster and on this machine."""
    cluster.worker("gina", "--resources", "GPU=1")
    cluster.only("gina", "alice")
    cluster.other("carol")
    cluster.ready(3)
    sites = []
    for address in (cluster.address, ""):
        site = TinySite(tmp_path_factory.mktemp("same"), recipes(RECIPES))
        site.write("section/_help.py", "WORD = 'helped by'\n")
        site.write("section/data.txt", "data")
        with open(site.folder / "conf.py", "a") as conf:  # how long it took is not the same twice
            conf.write("sphinx_gallery_conf['min_reported_time'] = 1000\n")
        site.done = site.build(EXECUTOR=address, RECIPE_CACHE=str(site.folder / "kept"), SOURCE_DATE_EPOCH="0")
        site.seen = {path.name: path.read_text() for path in cluster.seen.iterdir()}
        sites.append(site)
    return sites


def test_pages_are_those_of_a_local_build(both):
    there, here = (
        {p.relative_to(s.out).as_posix(): p.read_bytes() for p in s.out.rglob("*") if p.is_file()} for s in both
    )
    assert len(here) > 30
    assert [name for name in here if here[name] != there.get(name)] == []
    assert here.keys() == there.keys()


def test_a_failed_recipe_is_reported_as_by_a_local_build(both):
    there, here = (s.done.log.partition("problem(s) with recipes")[2].split("\n\n")[0] for s in both)
    assert "raises.py:12: RuntimeError: The size of tensor a (2)" in there.splitlines()[1]
    assert there == here


def test_worker_with_other_versions_is_named_and_gets_nothing(both):
    site = both[0]
    assert "The worker carol at tcp://127.0.0.1:" in site.done.log
    assert "is not used: it has torch 9.9 (needed: 2." in site.done.log
    assert set(site.seen) == {"plain", "wants_gpu"} and "carol" not in site.seen.values()


def test_recipe_for_a_gpu_goes_to_the_worker_that_offers_one(both):
    assert both[0].seen["wants_gpu"] == "gina"


def test_dead_workers_recipe_runs_elsewhere_and_one_that_kills_all_fails(cluster, site):
    cluster.only("alice")
    site = site("slow", "tough")
    build = start(site, cluster.address)
    wait((cluster.seen / "slow").exists)
    cluster.kill("alice")
    cluster.worker("dave", "--nthreads", "2")
    wait((cluster.seen / "tough").exists)
    wait(lambda: list((site.folder / "kept").glob("*.json")))  # slow is done
    assert (cluster.seen / "slow").read_text() == "dave"
    cluster.kill("dave")
    log = ended(build)
    assert build.returncode == 1
    assert "1 problem(s) with recipes" in log, log
    assert "section/tough.py:1: KilledWorker: each of the 2 workers that ran it died. See the logs" in log
    assert "done" in site.page("slow.html").read_text()
    gone = re.findall(r"cluster: The worker (\w+) at tcp://127\.0\.0\.1:\d+ is gone: its log says why", log)
    assert gone == ["alice", "dave"], log
    assert "distributed" not in log and "tornado" not in log


def test_lost_scheduler_is_one_sentence(tmp_path_factory, site):
    cluster = Dask(tmp_path_factory.mktemp("lost"))
    cluster.only("alice")
    build = start(site("slow"), cluster.address)
    wait((cluster.seen / "slow").exists)
    cluster.kill("scheduler")
    cluster.only()
    log = ended(build)
    assert build.returncode == 2
    assert f"EXECUTOR={cluster.address}: the connection to the scheduler was lost. Executed recipes" in log, log
    assert "distributed" not in log and "Traceback" not in log, log


def test_without_a_gpu_the_others_run_and_the_recipe_says_what_it_waits_for(cluster, site):
    cluster.only("erin")
    cluster.ready(1)
    site = site("plain", "wants_gpu")
    log = ended(build := start(site, cluster.address, "2s"))
    assert build.returncode == 1
    assert (
        "section/wants_gpu.py:1: no worker offered the resource GPU within 2 s; "
        f"start one with: dask worker {cluster.address} --resources GPU=1. Then build again." in log
    ), log
    assert "1 problem(s) with recipes" in log
    assert (cluster.seen / "plain").read_text() == "erin"


def test_build_ends_when_all_workers_are_gone(cluster, site):
    cluster.only("erin")
    build = start(site("slow"), cluster.address, "2s")
    wait((cluster.seen / "slow").exists)
    cluster.kill("erin")
    log = ended(build)
    assert build.returncode == 2
    assert "no compatible worker within 2 s. Start one with: dask worker tcp:" in log, log
    assert "Traceback" not in log


def test_build_ends_at_once_when_all_workers_have_other_versions(cluster, site):
    cluster.other("carol")
    cluster.ready(1)
    log = ended(build := start(site("plain"), cluster.address, "1h"))
    assert build.returncode == 2
    assert f"EXECUTOR={cluster.address}: no compatible worker. The worker carol at tcp:" in log, log
    assert "Install requirements.txt there" in log


def test_interrupted_build_ends_what_it_started_on_the_workers(cluster, site):
    cluster.only("frank")
    build = start(site("slow"), cluster.address)
    wait((cluster.seen / "slow").exists)
    started = cluster.processes["frank"].children(recursive=True)
    assert len(started) >= 3  # the host, its fork server, the recipe
    build.send_signal(signal.SIGINT)
    assert build.wait(240) != 0
    assert not psutil.wait_procs(started, timeout=60)[1]
    assert cluster.processes["frank"].is_running()


def test_no_scheduler_is_a_one_line_error(nobody):
    log = ended(nobody)
    assert nobody.returncode == 2
    line = next(line for line in log.splitlines() if "EXECUTOR=" in line)
    assert line.startswith("EXECUTOR=tcp://127.0.0.1:9: no Dask scheduler answers there (")
    assert "Start one with: dask scheduler" in line
    assert "Traceback" not in log
