"""Writes ``constraints.txt``: the versions of all packages that the requirements bring with them.

    .venv/bin/python tools/constraints.py requirements-dev.txt constraints.txt

The versions are those that the first release of this minor version of Python can install, so that
each later one can. It has to be the oldest that README.md names, since pip asks the interpreter
that runs it what that needs.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

HEAD = "# What requirements.txt and requirements-dev.txt bring with them, pinned by: make constraints\n"


def main(requirements: str, constraints: str) -> int | str:
    """Resolve *requirements* and write *constraints*; return an exit status or what is wrong."""
    project = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]
    oldest, this = project["requires-python"].removeprefix(">="), "{}.{}".format(*sys.version_info)
    if this != oldest:
        advice = f"make constraints PYTHON=python{oldest} VENV=_build/oldest"
        return f"{constraints} is made with Python {oldest}, and this is Python {this}: {advice}"
    with tempfile.TemporaryDirectory() as folder:
        options = ["--dry-run", "--ignore-installed", "--only-binary=:all:", "--python-version", f"{oldest}.0"]
        report = Path(folder, "report.json")
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *options]
        command += ["--target", folder, "--report", str(report), "-r", requirements]
        if code := subprocess.run(command, check=False).returncode:
            return code
        packages = [package["metadata"] for package in json.loads(report.read_text(encoding="utf-8"))["install"]]
    pins = {p["name"]: p["version"].partition("+")[0] for p in packages if p["name"] != "pip"}
    lines = [f"{name}=={pins[name]}\n" for name in sorted(pins, key=str.lower)]
    Path(constraints).write_text("".join([HEAD, *lines]), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
