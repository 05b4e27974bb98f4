"""The environment of `make` on any machine: what it says where it cannot be made or used, and what it leaves alone.

The Makefile and `tools/` are the real ones. Modules that Python finds first stand for venv, pip and
Sphinx, so that nothing is downloaded; environments are real ones, without packages.
"""

import json
import os
import pty
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from conftest import ROOT, recipe

#: The target that all targets with tests or lint need.
DEV = ".installed-dev"
#: Runs the real module, without pip, which takes seconds.
VENV = """
import sys
sys.path = [path for path in sys.path if path != {modules!r}]
import venv
venv.create(sys.argv[1], symlinks=True)
"""
RECORD = "import json, sys; print(json.dumps(sys.argv[1:]), file=open({record!r}, 'a'))\n"
PIP = """
if sys.argv[1] == "index":
    print("torch (2.14.0)\\nAvailable versions: 2.14.0, 2.13.0+cpu, 2.13.0, 2.12.0")
else:
    print("Collecting torch==2.13.0")
"""
#: Names of folders that a shell or make could read in another way.
NAMES = ["two words", "it's;touch harm;$$(touch harm)`touch harm`", "&|(x)<y>{z}*?[!]=,+#%~\\"]


class Checkout:
    """A folder with the Makefile, `tools/` and two lists; ``make`` runs there."""

    def __init__(self, folder):
        self.folder, self.modules = folder, folder.parent / "modules"
        self.record = folder.parent / "record"
        for path in (self.modules, *(folder / name for name in ("_ext", "recipes_source", "tests"))):
            path.mkdir(parents=True)
        for name in ("Makefile", "tools", "pyproject.toml"):
            (folder / name).symlink_to(ROOT / name)
        (folder / "requirements.txt").write_text("torch==2.13.0\n")
        (folder / "requirements-dev.txt").write_text("-r requirements.txt\npytest==9.2.0\n")
        (folder / "constraints.txt").write_text("numpy==2.4.6\n")
        self.module("venv", VENV.format(modules=str(self.modules)))
        self.module("pip", PIP)
        for name in ("sphinx",):
            self.module(name, "")

    def module(self, name, code):
        """Let Python find a module *name* that is *code*, after it has recorded how it was called."""
        self.modules.joinpath(f"{name}.py").write_text(RECORD.format(record=str(self.record)) + code)

    def resolves(self, *packages):
        """Let pip find *packages* for the lists, on a project whose oldest Python is this one."""
        found = [{"metadata": {"name": name, "version": version}} for name, version in packages]
        report = "open(sys.argv[sys.argv.index('--report') + 1], 'w')"
        self.module("pip", f"import json\nif '--report' in sys.argv: json.dump({{'install': {found}}}, {report})")
        (self.folder / "pyproject.toml").unlink()
        (self.folder / "pyproject.toml").write_text(
            '[project]\nrequires-python = ">={}.{}"\n'.format(*sys.version_info)
        )

    def calls(self, word):
        """Return how the modules were called with *word*."""
        lines = self.record.read_text().splitlines() if self.record.exists() else []
        return [call for call in map(json.loads, lines) if word in call]

    def command(self, *arguments):
        keep = {
            "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
            "HOME": str(self.folder.parent),
            "LANG": "C.UTF-8",
        }
        command = ["make", "--no-print-directory", *arguments]
        return {"args": command, "cwd": self.folder, "env": {**keep, "PYTHONPATH": str(self.modules)}}

    def make(self, *arguments, **environment):
        """Run make; return its exit status, and what it printed without its own last line."""
        options = self.command(*arguments)
        options["env"] |= environment
        done = subprocess.run(**options, capture_output=True, text=True)
        lines = [line for line in (done.stdout + done.stderr).splitlines() if not line.startswith("make: ***")]
        return SimpleNamespace(code=done.returncode, said="\n".join(lines), lines=lines)


@pytest.fixture
def checkout(tmp_path):
    return Checkout(tmp_path / "checkout")


def refused(done, *words):
    """One sentence said what is wrong, with *words*, and make failed."""
    assert done.code and len(done.lines) == 1, done.said
    assert all(word in done.said for word in words), done.said


def contents(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*")}


# -- what is made, once ---------------------------------------------------------


def test_lists_are_installed_once_and_again_when_they_change(checkout):
    assert checkout.make("html").code == 0
    assert checkout.make(DEV).said == "Installing requirements-dev.txt into .venv"
    assert [call[call.index("-r") :] for call in checkout.calls("install")] == [
        ["-r", f"requirements{dev}.txt", "-c", "constraints.txt"] for dev in ("", "-dev")
    ]
    for name in ("requirements.txt", "constraints.txt", "requirements-dev.txt"):
        os.utime(checkout.folder / name)  # as git does, or a cache of the environment
    assert checkout.make(DEV).said == ""
    with open(checkout.folder / "constraints.txt", "a") as file:
        file.write("pillow==13.0.0\n")
    assert checkout.make(DEV).lines == [f"Installing requirements{dev}.txt into .venv" for dev in ("", "-dev")]
    assert len(checkout.calls("install")) == 4


def test_what_failed_to_install_is_installed_the_next_time(checkout):
    checkout.module("pip", "sys.exit(1)")
    assert checkout.make("html").code
    checkout.module("pip", PIP)
    assert checkout.make("html").code == 0
    (checkout.folder / "constraints.txt").write_text("")
    checkout.module("pip", "sys.exit(1)")
    assert checkout.make("html").code
    (checkout.folder / "constraints.txt").write_text("numpy==2.4.6\n")
    assert checkout.make("html").code, "the first list may be there in part only"


def test_pip_is_added_where_making_the_environment_was_interrupted(checkout):
    assert checkout.make("html").code == 0
    (checkout.folder / "constraints.txt").write_text("")
    pip = checkout.modules / "pip.py"
    pip.rename(checkout.modules / "later.py")
    checkout.module("ensurepip", f"import os; os.rename({str(pip.with_name('later.py'))!r}, {str(pip)!r})")
    done = checkout.make("html")
    assert done.code == 0 and checkout.calls("--default-pip"), done.said


@pytest.mark.parametrize("name", NAMES)
def test_folders_may_have_any_name(checkout, name):
    done = checkout.make("html", "clean", f"VENV=env {name}", f"BUILD=out {name}")
    assert done.code == 0, done.said
    real = name.replace("$$", "$")
    assert checkout.calls("-b") == [
        ["-nW", "--keep-going", "-b", "html", "-d", f"out {real}/doctrees", ".", f"out {real}/html"]
    ]
    assert (checkout.folder / f"env {real}/pyvenv.cfg").exists()
    assert not (checkout.folder / f"out {real}").exists()
    assert not list(checkout.folder.rglob("harm"))


@pytest.mark.parametrize("variable", ["VENV", "BUILD", "PYTHON"])
def test_an_empty_name_is_refused(checkout, variable):
    done = subprocess.run(**checkout.command("clean", f"{variable}="), capture_output=True, text=True)
    assert done.returncode and f"{variable} is empty" in done.stderr


# -- nothing is lost ------------------------------------------------------------

VENV_FAILS = "print('Error: no luck'); sys.exit(1)"


@pytest.mark.parametrize("target", ["html", "test", "constraints"])
def test_a_folder_that_is_no_environment_stays_as_it_is(checkout, target):
    mine = checkout.folder / "mine"
    mine.mkdir()
    (mine / "thesis.txt").write_text("years of work")
    checkout.module("venv", VENV_FAILS)
    refused(checkout.make(target, "VENV=mine"), "mine is there", "pyvenv.cfg", "VENV=")
    assert contents(mine) == {"thesis.txt"}


def test_an_installed_python_is_no_environment(checkout):
    """Its folder has the form of one, and the packages of others."""
    system = checkout.folder.parent / "usr"
    (system / "bin").mkdir(parents=True)
    (system / "bin/python").write_text(f'#!/bin/sh\nexec {sys.base_prefix}/bin/python3 "$@"\n')
    (system / "bin/python").chmod(0o755)
    (checkout.folder / "base").symlink_to(sys.base_prefix)
    for name in (str(system), "base"):
        refused(checkout.make("html", f"VENV={name}"), f"{name} is there", "pyvenv.cfg")
    assert not checkout.calls("install")


def test_an_environment_of_which_the_making_is_interrupted_is_taken_away(checkout):
    checkout.module(
        "venv",
        "import os, signal, time\nos.mkdir(sys.argv[1] + '/bin')\nos.kill(os.getppid(), signal.SIGINT)\ntime.sleep(60)",
    )
    before = contents(checkout.folder)
    done = checkout.make("html")
    assert done.code and done.said == ""
    assert contents(checkout.folder) == before


@pytest.mark.parametrize("kind", ["file", "link to nowhere", "link to an empty folder"])
def test_what_is_no_folder_stays_as_it_is(checkout, kind):
    mine = checkout.folder / "mine"
    if kind == "file":
        mine.write_text("years of work")
    else:
        mine.symlink_to(checkout.folder if "nowhere" not in kind else "nowhere")
    refused(checkout.make("html", "VENV=mine"), "mine is there", "VENV=")
    assert os.path.lexists(mine)


def test_an_empty_folder_becomes_the_environment(checkout):
    (checkout.folder / "mine").mkdir()
    assert checkout.make("html", "VENV=mine").code == 0
    assert (checkout.folder / "mine/pyvenv.cfg").exists()


@pytest.mark.parametrize(
    ("code", "says"),
    [
        (VENV_FAILS, "no luck"),
        ("import os; os.mkdir(sys.argv[1] + '/bin'); " + VENV_FAILS, "no luck"),
        ("print('not created successfully because ensurepip is not\\navailable.'); sys.exit(1)", "python3-venv"),
        ("import nothing_of_the_kind", "python3-venv"),
    ],
)
def test_a_failed_environment_is_taken_away_and_the_reason_said(checkout, code, says):
    checkout.module("venv", code)
    before = contents(checkout.folder)
    refused(checkout.make("html"), "cannot make .venv", says)
    assert contents(checkout.folder) == before


def test_a_build_folder_that_make_did_not_make_stays_as_it_is(checkout):
    for path in ("mine/html", "mine/future", "future", "html"):
        (checkout.folder / path).mkdir(parents=True)
        (checkout.folder / path / "thesis.txt").write_text("years of work")
    assert checkout.make(DEV).code == 0
    before = contents(checkout.folder.parent)
    for name in ("mine", ".", ".."):
        refused(checkout.make("clean", f"BUILD={name}"), f"{name} was not made by make", "remove it yourself")
        for target in ("html", "audit", "future"):
            refused(checkout.make(target, f"BUILD={name}"), f"{name} is not empty", "BUILD=")
    assert contents(checkout.folder.parent) == before


def test_a_target_builds_into_no_folder_without_looking_at_it():
    rules = re.findall(r"^([a-z][a-z-]*):(.*)\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    writes = [name for name, needs, recipe in rules if "$(OUT)/" in recipe and ".build" not in needs]
    assert sorted(writes) == ["clean", "golden"]  # these look themselves, and only read


def test_pins_are_kept_when_they_cannot_be_made_anew(checkout):
    checkout.module("pip", "sys.exit('ERROR: no luck')")
    (checkout.folder / "pyproject.toml").unlink()
    (checkout.folder / "pyproject.toml").write_text(
        '[project]\nrequires-python = ">={}.{}"\n'.format(*sys.version_info)
    )
    done = checkout.make("constraints")
    assert done.code and "ERROR: no luck" in done.said
    assert (checkout.folder / "constraints.txt").read_text() == "numpy==2.4.6\n"


def test_pins_are_those_of_the_oldest_python(checkout):
    checkout.resolves(("torch", "2.13.0+cpu"), ("pip", "1"), ("Babel", "2"))
    assert checkout.make("constraints").code == 0
    assert (checkout.folder / "constraints.txt").read_text().splitlines()[1:] == ["Babel==2", "torch==2.13.0"]
    (call,) = checkout.calls("--python-version")
    assert call[call.index("--python-version") + 1] == "{}.{}.0".format(*sys.version_info)
    (checkout.folder / "pyproject.toml").write_text('[project]\nrequires-python = ">=3.9"\n')
    refused(checkout.make("constraints"), "made with Python 3.9", "PYTHON=python3.9")


@pytest.mark.parametrize("version", ["", "2.14", "2.14.1; touch harm"])
def test_another_torch_is_verified_by_its_whole_version(checkout, version):
    done = checkout.make("verify", f"TORCH={version}")
    assert done.code and done.lines[-1] == "Name a version: make verify TORCH=2.14.1", done.said
    assert not (checkout.folder / "_build/verify").exists() and not (checkout.folder / "harm").exists()


def test_another_torch_is_pinned_by_one_command(checkout):
    checkout.resolves(("torch", "2.14.1"))
    (checkout.folder / "conf.py").write_text('"torch": ("https://docs.pytorch.org/docs/2.13/", "x")\n')
    (checkout.folder / "tests/golden.py").write_text("print('golden')")
    for version in ("", "2.14", "2.14.1; touch harm"):
        refused(checkout.make("pin", f"TORCH={version}"), "make pin TORCH=2.14.1")
    done = checkout.make("pin", "TORCH=2.14.1")
    assert done.code == 0 and done.lines[-1] == "golden", done.said
    texts = [(checkout.folder / name).read_text() for name in ("requirements.txt", "conf.py", "constraints.txt")]
    assert ["torch==2.14.1" in texts[0], "docs/2.14/" in texts[1], "torch==2.14.1" in texts[2]] == [True] * 3
    assert not list(checkout.folder.glob("*.bak")) and not (checkout.folder / "harm").exists()


# -- an interpreter that is another ----------------------------------------------


def test_an_environment_that_cannot_be_written_is_said(checkout):
    assert checkout.make("html").code == 0
    log = checkout.folder / ".venv/install.log"
    log.unlink()
    log.mkdir()  # as root, permissions stop nobody
    (checkout.folder / "constraints.txt").write_text("")
    done = checkout.make("html")
    assert done.code and done.lines[-1].startswith("Is a directory: .venv/install.log") and "VENV=" in done.lines[-1]


@pytest.fixture
def made(checkout):
    assert checkout.make("html").code == 0
    return checkout


def test_an_interpreter_that_was_removed_is_recognized(made):
    for path in (made.folder / ".venv/bin").glob("python*"):
        path.unlink()
        path.symlink_to("/opt/removed/bin/python3")
    refused(made.make("html"), "the Python of .venv was moved or removed", "remove .venv and run make again")


def test_an_interpreter_of_another_version_is_recognized(made):
    library = made.folder / ".venv/lib/python{}.{}".format(*sys.version_info)
    library.rename(library.with_name("python3.0"))
    refused(made.make("html"), "another version of Python", "remove .venv and run make again")


def test_an_environment_that_was_moved_is_recognized(made):
    shutil.move(made.folder / ".venv", made.folder / "env")
    refused(made.make("html", "VENV=env"), f"moved here from {made.folder}/.venv", "remove env and run make again")
    (made.folder / ".venv").symlink_to("env")
    assert made.make("html").code == 0, "a link leads from the old place to the new one"


def python(folder, code):
    """Return an interpreter that is the shell script *code*."""
    path = folder / "other python"
    path.write_text(f"#!/bin/sh\n{code}\n")
    path.chmod(0o755)
    return str(path)


@pytest.mark.parametrize("given", ["variable", "environment"])
def test_another_python_is_obeyed_or_refused(made, given):
    def make(path):
        return made.make("html", f"PYTHON={path}") if given == "variable" else made.make("html", PYTHON=path)

    refused(
        make(python(made.folder, "echo '3.12.1 (main)'")), "other python is 3.12.1", "leave out PYTHON, or remove .venv"
    )
    refused(make("/nowhere/python3"), "PYTHON=/nowhere/python3 does not run")
    assert make(sys.executable).code == 0
    assert made.make("html", f"PYTHON={sys.executable}", "VENV=second").code == 0


@pytest.mark.parametrize(
    ("code", "says"),
    [
        (None, "is not there: install Python 3.11"),
        ("exit 127", "does not run: install Python 3.11"),
        (
            'case $1 in -V) echo Python 2.7.18;; *) case "$2" in *version_info*) exit 1;; esac;; esac',
            "is Python 2.7.18",
        ),
    ],
    ids=["missing", "broken", "too old"],
)
def test_a_python_that_cannot_be_used_is_refused(checkout, code, says):
    path = python(checkout.folder, code) if code else "/nowhere/python3"
    before = contents(checkout.folder)
    refused(checkout.make("html", f"PYTHON={path}"), path, says, "make PYTHON=")
    assert contents(checkout.folder) == before


# -- pip ---------------------------------------------------------------------------

CONFLICT = """\
Collecting networkx==3.6.1
ERROR: Cannot install networkx because these package versions have conflicting dependencies.

The conflict is caused by:
    beautifulsoup4 4.15.0 depends on soupsieve>=1.6.1
"""
OFFLINE = """\
WARNING: Retrying (Retry(total=0)) after connection broken by 'NewConnectionError(...)': /simple/sphinx/
ERROR: No matching distribution found for Sphinx==7.2.6
"""
FULL = "Collecting numpy\nERROR: Could not install packages due to an OSError: [Errno 28] No space left on device\n"


@pytest.mark.parametrize(
    ("said", "own", "advice"),
    [
        (CONFLICT, "depends on soupsieve>=1.6.1", "all that it said is in .venv/install.log"),
        (OFFLINE, "NewConnectionError", "no network"),
        (OFFLINE.replace("total=0", "total=4"), "ERROR: No matching distribution", "install.log"),
        (FULL, "[Errno 28]", "the disk is full"),
        ("  error: subprocess-exited-with-error\n  gcc is not there\n", "gcc is not there", "install.log"),
        ("Killed\n", "Killed", "install.log"),
        ("", "", "install.log"),
    ],
)
def test_the_reason_of_pip_is_shown(checkout, said, own, advice):
    checkout.module("pip", f"if sys.argv[1] == 'install':\n    print({said!r}, end='')\n    sys.exit(1)")
    done = checkout.make("html")
    assert done.code and own in done.said and "Collecting" not in done.said
    assert done.lines[-1].startswith("Installing requirements.txt: ") and advice in done.lines[-1]
    assert (checkout.folder / ".venv/install.log").read_text() == said


def test_what_pip_does_moves_in_one_line_of_a_terminal(checkout):
    terminal, other = pty.openpty()
    done = subprocess.Popen(**checkout.command("html"), stdout=other, stderr=other)
    os.close(other)
    said = b""
    try:
        while part := os.read(terminal, 4096):
            said += part
    except OSError:  # Linux says so when all have closed it
        pass
    assert done.wait() == 0
    assert b"Installing requirements.txt into .venv\r\n\r\x1b[KCollecting torch==2.13.0\r\x1b[K" in said
    assert "\x1b" not in checkout.make(DEV).said


@pytest.mark.parametrize(
    ("found", "says"),
    [
        ("Available versions: 2.14.0, 2.13.0, 2.12.0+cpu", "torch 2.13.0 will be the CUDA build"),
        ("Available versions: 2.13.0+cu130, 2.13.0+cpu, 2.13.0", "torch 2.13.0+cu130 will be the CUDA build"),
        ("Available versions: 2.13.0+cpu, 2.13.0", None),
        ("Available versions: 2.13.0, 2.12.0\n  INSTALLED: 2.13.0", None),
        ("Available versions: 2.13.0, 2.12.0\n  INSTALLED: 2.12.0+cpu", "torch 2.13.0 will be"),
        ("Available versions: 2.13.0.post1, 12.13.0", None),
        ("", None),
    ],
)
@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the registry's torch is the CPU build")
def test_the_cuda_build_is_said_before_it_is_downloaded(checkout, found, says):
    checkout.module("pip", f"if sys.argv[1] == 'index': print({found!r})")
    done = checkout.make("html")
    assert done.code == 0
    before, _, _ = done.said.partition("Installing requirements.txt")
    assert (
        (says in before and "GB" in before and "PIP_EXTRA_INDEX_URL=ADDRESS make html" in before)
        if says
        else not before
    )
    assert "CUDA" not in checkout.make(DEV).said, "requirements-dev.txt does not name torch"


# -- everywhere ----------------------------------------------------------------------


def test_help_needs_nothing_that_only_gnu_has(checkout):
    tools = checkout.folder.parent / "tools"
    tools.mkdir()
    for name in ("sed", "expand", "column", "grep"):
        (tools / name).write_text("#!/bin/sh\nexit 1\n")
        (tools / name).chmod(0o755)
    done = checkout.make("help", PATH=f"{tools}:/usr/bin:/bin")
    assert done.code == 0 and re.search(r"^html +Build the site", done.said, re.MULTILINE)
    assert "\t" not in done.said and len(done.lines) >= 15


def test_without_make_the_commands_of_the_readme_build(checkout, tiny_site):
    section = (ROOT / "README.md").read_text().partition("without `make`")[2]
    commands = re.search(r"\n((?: {4}.*\n)+)", section)[1]
    shutil.rmtree(checkout.folder)
    site = tiny_site({"one.py": recipe("print(1)")})
    for name in ("requirements.txt", "constraints.txt"):
        shutil.copy(ROOT / name, site.folder)
    options = checkout.command()
    (checkout.modules / "sphinx.py").unlink()
    packages = [path for path in sys.path if path.endswith("-packages")]
    environment = {**options["env"], "PYTHONPATH": os.pathsep.join([str(checkout.modules), *packages])}
    done = subprocess.run(
        ["sh", "-e", "-c", commands], cwd=site.folder, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert (site.out / "index.html").exists()
    (install,) = checkout.calls("install")
    assert all((site.folder / name).exists() for name in install if name.endswith(".txt"))
    built = subprocess.run(["make", "-n", "html"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert commands.splitlines()[-1].split("-m ")[1] in built.replace("'", "")
