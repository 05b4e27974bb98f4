"""The virtual environment of ``make``: made once, checked each time, installed when a list has changed.

    python tools/environment.py .venv requirements.txt requirements-dev.txt

``.venv/.requirements.txt`` says where the environment was when the list was installed, and repeats the
list and its constraints. If the environment cannot be made or used, one sentence says why and what to
do. Nothing is deleted that this call has not made.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

CONSTRAINTS = "constraints.txt"
#: What pip says when it reaches no index; its errors are then about packages that it has not seen.
NO_NETWORK = r"Retry\(total=0|Max retries exceeded|\.\w*(Timeout|Connection)\w*Error: "
CUDA = """\
torch {version} will be the CUDA build, which recipes do not need: 2.7 GB to download, 5 GB on the disk. For the CPU \
build, stop this (Ctrl-C) and run
    PIP_EXTRA_INDEX_URL=ADDRESS make html
where ADDRESS is the --index-url that pytorch.org shows for Linux, Pip, CPU"""


def ask(python: str | Path, name: str) -> str:
    """Return the value of ``sys.NAME`` in another interpreter, or nothing if that does not run."""
    command = [python, "-c", f"import sys; sys.stdout.write(sys.{name})"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return ""


def make(folder: Path, python: str) -> None:
    """Make the environment *folder*; a folder that has something else in it is left alone."""
    try:
        if folder.is_dir() and not folder.is_symlink():
            folder.rmdir()  # only an empty one can be removed
        folder.mkdir(parents=True)
    except OSError as error:
        if os.path.lexists(folder):
            sys.exit(f"{folder} is there, and is no environment (no pyvenv.cfg): name another folder, make VENV=...")
        sys.exit(f"{folder} cannot be made ({error.strerror}): name another folder, make VENV=...")
    done = None
    try:
        command = [python, "-m", "venv", str(folder)]
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    finally:
        if not done or done.returncode:
            shutil.rmtree(folder)
    said = (done.stdout + done.stderr).strip()
    if done.returncode and ("ensurepip" in said or "No module named" in said):
        sys.exit(f"{python} cannot make {folder}: install its venv module (on Debian: apt-get install python3-venv)")
    if done.returncode:
        sys.exit(f"{python} cannot make {folder}: {said.splitlines()[-1] if said else 'venv fails'}")


def check(folder: Path, python: str) -> None:
    """End with a sentence if this interpreter is not the one that *folder* was made with, or not *python*."""
    remove = f"remove {folder} and run make again"
    version = sys.version.split()[0]
    if not Path(sysconfig.get_path("purelib")).is_dir():
        sys.exit(f"{folder} was made with another version of Python than the {version} that it runs: {remove}")
    for stamp in folder.glob(".*.txt"):
        place = stamp.read_text(encoding="utf-8").partition("\n")[0]
        if not (place and Path(place).exists() and folder.samefile(place)):
            sys.exit(f"{folder} was moved here from {place}, where its programs look for Python: {remove}")
    other = ask(python, "version") if python else sys.version
    if other != sys.version:
        other = f"is {other.split()[0]}" if other else "does not run"
        sys.exit(f"{folder} has Python {version}, and PYTHON={python} {other}: leave out PYTHON, or {remove}")


def cuda(requirements: str) -> str | None:
    """Return the version of torch that pip would take if that is a CUDA build, else None.

    On Linux the registry's torch needs CUDA. A CPU build has a local version, ``2.13.0+cpu``.
    """
    pinned = re.search(r"^torch==(\S+)", requirements, re.MULTILINE)
    if sys.platform != "linux" or not pinned:
        return None
    command = [sys.executable, "-m", "pip", "index", "versions", "torch", "--retries", "0"]
    said = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    version = rf"(?<![\w.]){re.escape(pinned[1])}(?:\+[\w.]+)?(?![\w.])"
    found = re.search(rf"Available versions:.*?({version})", said)  # the newest one stands first
    installed = re.search(rf"INSTALLED:\s*{version}", said)
    return found[1] if found and not installed and not found[1].endswith("+cpu") else None


def install(folder: Path, name: str) -> None:
    """Install the list *name* into *folder* if it, or a pin, has changed."""
    requirements = Path(name).read_text(encoding="utf-8")
    stamp = folder / f".{Path(name).name}"
    wanted = f"{folder.resolve()}\n{requirements}{Path(CONSTRAINTS).read_text(encoding='utf-8')}"
    if stamp.exists() and stamp.read_text(encoding="utf-8") == wanted:
        return
    stamp.unlink(missing_ok=True)
    if not importlib.util.find_spec("pip"):  # making the environment was interrupted
        subprocess.run([sys.executable, "-m", "ensurepip", "--default-pip"], stdout=subprocess.DEVNULL, check=True)
    if version := cuda(requirements):
        print(CUDA.format(version=version))
    print(f"Installing {name} into {folder}", flush=True)
    command = [sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "-r", name, "-c", CONSTRAINTS]
    code, said = run(command, folder / "install.log")
    if code:
        sys.exit(reason(name, said, folder / "install.log"))
    stamp.write_text(wanted, encoding="utf-8")


def run(command: list[str], log: Path) -> tuple[int, list[str]]:
    """Run pip, showing on a terminal what it does in one line; return its exit status and all that it said."""
    width, said = shutil.get_terminal_size().columns - 1, []
    with (
        open(log, "w", encoding="utf-8") as file,
        subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", errors="replace"
        ) as pip,
    ):
        for line in pip.stdout or ():
            said.append(line)
            file.write(line)
            if sys.stdout.isatty():
                print(f"\r\033[K{line.strip()[:width]}", end="", flush=True)
    if sys.stdout.isatty():
        print("\r\033[K", end="", flush=True)
    return pip.returncode, said


def reason(name: str, said: list[str], log: Path) -> str:
    """Return why pip failed, in its own words, and what to do."""
    errors = [number for number, line in enumerate(said) if re.match(r"\s*error:", line, re.IGNORECASE)]
    own = said[errors[0] :][:30] if errors else said[-5:]
    if offline := [line for line in said if re.search(NO_NETWORK, line)]:
        own = offline[-1:]
        advice = "no network, so the package index cannot be reached; run make again where there is one"
    elif "no space left" in "".join(said).lower():
        advice = "the disk is full; free 2 GB and run make again"
    else:
        advice = f"pip failed; all that it said is in {log}"
    return f"{''.join(own).strip()}\nInstalling {name}: {advice}"


def main() -> int | str:
    """Make, check and fill the environment; return an exit status or what is wrong."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--python", default="", help="the Python that the environment must have")
    parser.add_argument("folder", type=Path)
    parser.add_argument("lists", nargs="*")
    arguments = parser.parse_args()
    folder, python = arguments.folder, arguments.folder / "bin/python"
    if not (folder / "pyvenv.cfg").exists():
        make(folder, arguments.python or sys.executable)
    elif Path(sys.prefix).resolve() == folder.resolve():
        check(folder, arguments.python)
        for name in arguments.lists:
            install(folder, name)
        return 0
    elif Path(ask(python, "prefix")).resolve() != folder.resolve():
        return f"the Python of {folder} was moved or removed: remove {folder} and run make again"
    return subprocess.run([python, *sys.argv], check=False).returncode  # its own Python goes on


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
    except OSError as error:
        sys.exit(f"{error.strerror}: {error.filename}. The environment is there: name another folder, make VENV=...")
