"""TypeScript checks the scripts of the checkpoint doctor: a mistake in one ends `make types`."""

import shutil
import subprocess
import sys

import pytest
from conftest import ROOT

MISTAKES = {
    "another script's function": 'doctorFindings.bytes("3");',
    "a field of the report": "/** @param {Report} report */ (report) => report.tensor;",
    "no type": "(value) => value;",
}


@pytest.mark.parametrize("mistake", ["", *MISTAKES])
def test_types_of_scripts_are_checked(tmp_path, mistake):
    for folder in ("tools/typescript", "_static/doctor"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    with open(tmp_path / "_static/doctor/page.js", "a") as script:
        script.write(f"\n{MISTAKES.get(mistake, '')}\n")
    done = subprocess.run(
        [sys.executable, "tools/typescript/check.py"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout.count("error TS")) == ((1, 1) if mistake else (0, 0)), (
        done.stdout + done.stderr
    )
    assert not mistake or "_static/doctor/page.js" in done.stdout
