"""Systems that have less than Linux: macOS, Windows, and those that can only spawn processes.

What they lack is taken away, in every process of a build, by a module that Python imports first: of macOS from all
packages, of Windows from ours alone, since the standard library that is installed here is that of a Unix.
"""

import psutil
import pytest
from conftest import TinySite, recipe
from fault_table import said
from reading import differences

FIGURE = "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.title('Line')\nplt.show()"
RECIPES = {
    "figure.py": recipe(FIGURE, "Figure"),
    "tensor.py": recipe("import torch\nprint(torch.rand(2), {'a', 'b', 'c', 'd'}, hash('a'))", "Tensor"),
    "starts.py": recipe(
        "import subprocess\nsubprocess.Popen(['sleep', '985.1'])\nprint(subprocess.check_output(['echo', '1']))",
        "Starts",
    ),
}
BAD = {
    "raises.py": recipe("raise ValueError('bad')", "Raises"),
    "endless.py": recipe("while True: pass", "Endless", "# sphinx_gallery_timeout = 2\n"),
    "memory.py": recipe("x = bytearray(2**50)", "Memory"),
    "killed.py": recipe("import os\nos.kill(os.getpid(), 9)", "Killed"),
}
#: What only Linux has, and what this project asks ``sys.platform``.
MACOS = """
import os
import sys

import psutil

for name in ("sched_getaffinity", "sched_setaffinity", "waitid", "pidfd_open", "memfd_create", "eventfd", "splice"):
    if hasattr(os, name):
        delattr(os, name)
for name in ("cpu_affinity", "ionice", "rlimit"):
    delattr(psutil.Process, name)

def of(frame, package):
    return f"{os.sep}{package}{os.sep}" in frame.f_code.co_filename

class Platform(str):
    __hash__ = str.__hash__

    def __eq__(self, other):
        return str(other) == ("darwin" if of(sys._getframe(1), "cookbook") else "linux")

def refuse(event, arguments):
    if event in ("open", "os.listdir", "os.scandir") and str(arguments[0]).startswith("/proc"):
        if not of(sys._getframe(1), "psutil"):  # on macOS it asks the system in another way
            raise FileNotFoundError(2, "No such file or directory", arguments[0])

def stat(path, *arguments, stat=os.stat, **options):
    if str(path).startswith("/proc"):
        raise FileNotFoundError(2, "No such file or directory", path)
    return stat(path, *arguments, **options)

sys.platform = Platform("linux")
os.stat = stat
sys.addaudithook(refuse)
"""
SPAWN = """
import multiprocessing
from multiprocessing import context

for name in ("fork", "forkserver"):
    del context._concrete_contexts[name]
multiprocessing.get_all_start_methods = lambda: ["spawn"]
multiprocessing.set_start_method("spawn", force=True)
"""
#: What no code of ours finds on Windows, where text is not UTF-8 either, unless one asks for it.
WINDOWS = """
import builtins
import os
import signal
import sys

NAMES = {
    os: "fork forkpty setsid setpgid getpgid getpgrp killpg getuid geteuid getgid statvfs fstatvfs ST_RDONLY waitid "
        "wait wait3 wait4 P_ALL WEXITED WNOHANG WNOWAIT sched_getaffinity sched_setaffinity O_NOFOLLOW O_NONBLOCK O_CLOEXEC "
        "O_DIRECTORY O_TMPFILE mkfifo chown uname nice sysconf getloadavg register_at_fork",
    signal: "SIGKILL SIGHUP SIGALRM SIGCHLD SIGUSR1 SIGUSR2 SIGPIPE SIGSTOP SIGTSTP SIGXCPU alarm setitimer pthread_sigmask sigwait",
}
MODULES = {"resource", "fcntl", "pwd", "grp", "termios", "syslog"}

def ours():
    return sys._getframe(2).f_globals.get("__name__", "").partition(".")[0] == "cookbook"

def hide(module, names):
    kept = {name: vars(module).pop(name) for name in names.split() if hasattr(module, name)}

    def __getattr__(name):
        if name in kept and not ours():
            return kept[name]
        raise AttributeError(f"module {module.__name__!r} has no attribute {name!r}")

    module.__getattr__ = __getattr__

def imported(name, *arguments, stock=builtins.__import__, **options):
    if name in MODULES and ours():
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)
    return stock(name, *arguments, **options)

for module, names in NAMES.items():
    hide(module, names)
builtins.__import__ = imported
"""
LIMIT = """
import resource
resource.setrlimit(resource.RLIMIT_DATA, (3 * 2**30, 3 * 2**30))
"""
SYSTEMS = {
    "macOS": MACOS,
    "macOS, where processes can only be spawned": MACOS + SPAWN,
    "Windows": MACOS.replace("darwin", "win32") + SPAWN + WINDOWS,
    "a session with a limit of memory (ulimit -d) below that of recipes": LIMIT,
}


@pytest.fixture(scope="module")
def linux(tmp_path_factory):
    site = TinySite(tmp_path_factory.mktemp("linux"), {**RECIPES, **BAD})
    site.done = site.build()
    return site


@pytest.fixture(scope="module", params=SYSTEMS)
def system(request, tmp_path_factory):
    site = TinySite(tmp_path_factory.mktemp("system"), {**RECIPES, **BAD})
    (site.folder / "less").mkdir()
    (site.folder / "less/sitecustomize.py").write_text(SYSTEMS[request.param])
    site.name = request.param
    encoding = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"} if site.name == "Windows" else {}
    site.done = site.build(PYTHONPATH=str(site.folder / "less"), **encoding)
    return site


def test_the_site_is_that_of_linux(linux, system, note):
    assert linux.done.code == system.done.code == 1, system.done.log
    assert differences(linux.out, system.out) == []
    for name in BAD:
        assert said(rf"  recipes_source/section/{name}:.*", linux.done.log) in system.done.log
    note(system.name, "builds, and recipes that fail are named", "")


def test_nothing_is_left_running(system):
    assert [process for process in psutil.process_iter(["cmdline"]) if "985.1" in (process.info["cmdline"] or [])] == []
