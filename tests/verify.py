"""Runs every recipe with another torch: ``make verify TORCH=2.14.1``.

The environment in ``_build/verify/2.14.1/venv`` gets all of ``requirements.txt`` but for that torch. What each
recipe prints there is compared with ``tests/golden/``, and written to ``_ext/verified.json``, from which its page
says on which versions it prints the same:

    {"2.14.1": {"recipes/what_is_state_dict.py": {"code": "<SHA-256>", "difference": ["-old line", "+new line"]}}}

``difference`` is empty if the output is the same, and null if the recipe does not run there.
"""

import difflib
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from cookbook.pages.provenance import VERIFIED
from cookbook.recipes.recipe import code_of
from golden import FOLDER as GOLDEN
from golden import SEPARATOR
from reading import lines
from running import run_script
from sphinx_gallery.py_source_parser import split_code_and_text_blocks

ROOT = Path(__file__).parent.parent


def install(python, version, folder):
    """Install the requirements with torch *version*; what they bring with them fits that torch, so it is not pinned."""
    text = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    (folder / "requirements.txt").write_text(re.sub(r"(?m)^torch==.*$", f"torch=={version}", text), encoding="utf-8")
    if subprocess.run([python, "-m", "pip", "install", "--quiet", "-r", folder / "requirements.txt"]).returncode:
        sys.exit(f"torch {version} cannot be installed with the rest of requirements.txt: pip says why above")


def difference(golden, done):
    """Return the lines of *golden* and of a script's output that differ; None if the script failed."""
    if done.code:
        return None
    wanted, printed = lines(golden.replace(SEPARATOR, "\n")), lines(done.stdout)
    found = difflib.unified_diff(wanted, printed, lineterm="", n=0)
    return [line for line in found if not line.startswith(("---", "+++", "@@"))]


def main(version, folder):
    folder = Path(folder).resolve()
    python = folder / "venv/bin/python"
    install(python, version, folder)
    source, found = ROOT / "recipes_source", {}
    for path in sorted(source.glob("*/[!_]*.py")):
        name = path.relative_to(source).as_posix()
        golden = (GOLDEN / name).with_suffix(".txt").read_text(encoding="utf-8")
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            done = run_script(path, Path(scratch), python=python)
        found[name] = {"code": code_of(split_code_and_text_blocks(path)[1]), "difference": difference(golden, done)}
        differs = found[name]["difference"]
        said = "same output" if differs == [] else "\n".join(differs or [f"fails: {lines(done.stderr)[-1]}"])
        print(f"{name}: {said}", flush=True)
    verified = json.loads(VERIFIED.read_text(encoding="utf-8")) if VERIFIED.exists() else {}
    text = json.dumps({**verified, version: found}, indent=1, sort_keys=True)
    VERIFIED.write_text(f"{text}\n", encoding="utf-8")
    same = sum(recipe["difference"] == [] for recipe in found.values())
    print(
        f"{same} of {len(found)} recipes print the same with torch {version}; recorded in {VERIFIED.relative_to(ROOT)}"
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
