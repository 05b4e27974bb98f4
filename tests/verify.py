"""Runs every recipe, or ``RECIPE``, with another torch: ``make verify TORCH=2.14.1``.

The environment in ``_build/verify/2.14.1/venv`` gets all of ``requirements.txt`` but for that torch. What each
recipe prints there is compared with ``tests/golden/``, and written to ``_ext/verified.json`` below the version
that is pinned; its page, built with that one, says on which versions it prints the same:

    {"2.13.0": {"2.14.1": {"recipes/what_is_state_dict.py": {"code": "<SHA-256>", "found": ["-old line", "+new line"]}}}}

``found`` has the lines that differ, none if the output is the same, or says why the recipe does not run. Messages that
name another line of torch's C++ source are the same.
"""

import difflib
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from cookbook.pages.provenance import VERIFIED
from cookbook.recipes.dependencies import imported
from cookbook.recipes.recipe import code_of
from golden import FOLDER as GOLDEN
from golden import SEPARATOR
from reading import lines
from running import run_script
from sphinx_gallery.py_source_parser import split_code_and_text_blocks

ROOT = Path(__file__).parent.parent
#: The pin of torch.
PIN = re.compile(r"^torch==(.+)$", re.MULTILINE)


def install(python, version, requirements, folder):
    """Install the *requirements* with torch *version*; what they bring with them fits that torch, so it is not pinned."""
    (folder / "requirements.txt").write_text(PIN.sub(f"torch=={version}", requirements), encoding="utf-8")
    if subprocess.run([python, "-m", "pip", "install", "--quiet", "-r", folder / "requirements.txt"]).returncode:
        sys.exit(f"torch {version} cannot be installed with the rest of requirements.txt: pip says why above")


def error(stderr):
    """Return the error that a program ended with; of several processes, that of the last with a rank."""
    text = "\n".join(lines(stderr))
    ranks, errors = (re.findall(rf"(?m)^{rank}([\w.]+(?:: .*)?)$", text) for rank in (r"\[rank\d+\]: ", ""))
    return (ranks or errors or text.splitlines() or ["no message"])[-1]


def uninstall(python, version, requirements, modules):
    """Uninstall those of *modules* that torch *version* is too old or too new for; return why, by their names.

    Others use them where they find them: with torch 2.6.0, peft fails where torchao 0.18.0 is installed.
    """
    pins = {name: pin for name, pin in re.findall(r"(?m)^(\w+)==(.+)$", requirements) if name in modules - {"torch"}}
    found = {}
    for name in pins:
        done = subprocess.run([python, "-c", f"import {name}"], capture_output=True, text=True)
        if done.returncode:
            cause = done.stderr.partition("\n\n")[0]  # Python prints the first error first
            raised = [name, *re.findall(rf"site-packages/({'|'.join(pins)})/", cause)][-1]
            found[raised] = f"{raised} {pins[raised]} does not run with torch {version}: {error(cause)}"
    for name in found:
        subprocess.run([python, "-m", "pip", "uninstall", "--quiet", "--yes", name], check=True)
    return found


def compare(golden, done):
    """Return the lines of *golden* and of a script's output that differ, or the error that the script ended with."""
    if done.code:
        return error(done.stderr)
    wanted, printed = lines(golden.replace(SEPARATOR, "\n")), lines(done.stdout)
    places = re.compile(r"(\.(?:cc|cpp|h)):\d+")  # a line of C++ source, which readers do not care about
    without = ([places.sub(r"\1", line) for line in text] for text in (wanted, printed))
    found = []
    for kind, *ends in difflib.SequenceMatcher(None, *without, autojunk=False).get_opcodes():
        if kind != "equal":
            found += [f"-{line}" for line in wanted[slice(*ends[:2])]] + [
                f"+{line}" for line in printed[slice(*ends[2:])]
            ]
    return found


def main(version, folder):
    folder = Path(folder).resolve()
    python = folder / "venv/bin/python"
    requirements = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    pinned = PIN.search(requirements)[1]
    source, results, wanted = ROOT / "recipes_source", {}, os.environ.get("RECIPE", "")
    recipes = {path: split_code_and_text_blocks(path)[1] for path in sorted(source.glob("*/[!_]*.py"))}
    chosen = {path: blocks for path, blocks in recipes.items() if wanted in ("", path.stem)}
    if not chosen:
        sys.exit(f"RECIPE={wanted}: there is no such recipe in recipes_source/")
    install(python, version, requirements, folder)
    broken = uninstall(python, version, requirements, set().union(*map(imported, recipes.values())))
    for path, blocks in chosen.items():
        name = path.relative_to(source).as_posix()
        golden = (GOLDEN / name).with_suffix(".txt").read_text(encoding="utf-8")
        reasons = [broken[module] for module in sorted(imported(blocks) & broken.keys())]
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            found = reasons[0] if reasons else compare(golden, run_script(path, Path(scratch), python=python))
        results[name] = {"code": code_of(blocks), "found": found}
        said = f"does not run: {found}" if isinstance(found, str) else "\n".join(found) or "same output"
        print(f"{name}: {said}", flush=True)
    verified = json.loads(VERIFIED.read_text(encoding="utf-8")) if VERIFIED.exists() else {}
    versions = verified.get(pinned, {})
    versions[version] = {**(versions.get(version, {}) if wanted else {}), **results}
    text = json.dumps({pinned: versions}, indent=1, sort_keys=True)
    VERIFIED.write_text(f"{text}\n", encoding="utf-8")
    same = sum(result["found"] == [] for result in results.values())
    print(f"{same} of {len(results)} recipes print the same with torch {version}; recorded in {VERIFIED.name}")


if __name__ == "__main__":
    main(*sys.argv[1:])
