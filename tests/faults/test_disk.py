"""Disks that are full or cannot be written.

Each case is a script in a mount namespace of its own, which needs no rights: a small disk is
mounted over one folder of a tiny site, the site is built, the disk grows, and the site is
built again. ``unshare`` is Linux's.
"""

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from conftest import TinySite, recipe
from fault_table import said
from reading import differences, outputs
from test_builds import FIGURE

pytestmark = pytest.mark.slow

RECIPES = {"figure.py": recipe(FIGURE, "Figure"), "plain.py": recipe("print('plain')", "Plain")}
BIG = "import tempfile\nwith tempfile.TemporaryFile() as file:\n    file.write(bytes(2**22))\n    file.flush()\nprint('big')"
SAVES = "import torch\ntorch.save(torch.zeros(2**20), 'big.pt')\nprint('saves')"
BUILD = shlex.join([sys.executable, "-m", "sphinx", "-nW", "--keep-going", "-d", "_build/doctrees", ".", "_build/html"])
NAMESPACE = ("--map-root-user", "--mount")
NO_SPACE = r"No space left on device: {}.* Free some space and build again.*"
READ_ONLY = r"Read-only file system: {}.* The build writes there.*"
GROW = "mount -o remount,size=90m"
#: Case to the script, recipes of its own, the first build's exit code, what that says, a page it still makes.
CASES = {
    "no space for what a recipe writes": (
        f"disk $TMPDIR size=2m; build first; cp -r _build/html/recipes first; {GROW} $TMPDIR; build then",
        {"big.py": BIG},
        1,
        r"recipes_source/section/big.py:13: OSError: .*No space.*",
        "plain.html",
    ),
    "no space for what torch writes": (
        f"disk $TMPDIR size=2m; build first; cp -r _build/html/recipes first; {GROW} $TMPDIR; build then",
        {"saves.py": SAVES},
        1,
        r"recipes_source/section/saves.py:12: RuntimeError: .*no space.*",
        "plain.html",
    ),
    "no space for the files of a recipe's process": (
        "disk $TMPDIR size=1m,nr_inodes=6; build first; cp -r _build/html/recipes first; "
        "mount -o remount,size=90m,nr_inodes=9999 $TMPDIR; build then",
        {"new.py": "print('new')"},
        1,
        r"recipes_source/section/new.py:\d+: OSError: .*No space.*",
        "plain.html",
    ),
    "the temporary folder is read-only": (
        "disk $TMPDIR ro; build first; cp -r _build/html/recipes first",
        {"new.py": "print('new')"},
        0,
        r"executed \[1 of 1\] section/new.py",
        "new.html",
    ),
    "the temporary folder's path is too long for a socket": (
        "mkdir -p $TMPDIR; build first",
        {"new.py": "print('new')"},
        2,
        r"cannot start the fork server: .*",
        None,
    ),
    "no space for kept results": (
        f"rm -r .recipe_cache; disk .recipe_cache size=20k; build first; cp -r _build/html/recipes first; "
        f"{GROW} .recipe_cache; build then",
        {},
        0,
        r"cache: cannot write to .*",
        "plain.html",
    ),
    "the kept results are read-only": (
        "mount --bind .recipe_cache .recipe_cache; mount -o remount,ro,bind .recipe_cache; build first; "
        "cp -r _build/html/recipes first; umount .recipe_cache; build then",
        {"new.py": "print('new')"},
        0,
        r"cache: cannot write to .*",
        "new.html",
    ),
    "no space for recipes/": (
        f"disk recipes size=100k; build first; {GROW} recipes; build then",
        {},
        2,
        NO_SPACE.format("recipes"),
        None,
    ),
    "no space while Sphinx reads": (
        f"disk _build size={{reading}}; build first; {GROW} _build; build then",
        {},
        2,
        NO_SPACE.format("_build"),
        None,
    ),
    "no space while Sphinx keeps what it read": (
        f"disk _build size={{pickling}}; build first; {GROW} _build; build then",
        {},
        2,
        NO_SPACE.format("_build"),
        None,
    ),
    "no space while Sphinx writes pages": (
        f"disk _build size={{writing}}; build first; {GROW} _build; build then",
        {},
        2,
        NO_SPACE.format("_build"),
        None,
    ),
    "one page cannot be written": (
        "mkdir -p _build/html; touch _build/html/search.html _build/html/.unfinished; mount --bind _build/html/search.html _build/html/search.html; "
        "mount -o remount,ro,bind _build/html/search.html; build first; cp -r _build/html/recipes first; "
        "umount _build/html/search.html; build then",
        {},
        1,
        READ_ONLY.format("_build/html/search.html"),
        "plain.html",
    ),
    "the output folder is read-only": (
        "disk _build/html ro; build first; umount _build/html; build then",
        {},
        2,
        READ_ONLY.format("_build/html"),
        None,
    ),
    "the output folder cannot be made": (
        "disk _build ro; build first; umount _build; build then",
        {},
        2,
        READ_ONLY.format("_build/html"),
        None,
    ),
    "recipes/ is read-only": (
        "disk recipes ro; build first; umount recipes; build then",
        {},
        2,
        READ_ONLY.format("recipes"),
        None,
    ),
}


@pytest.fixture(scope="module")
def clean(tmp_path_factory):
    """A site after one clean build; its folder of results is copied for each case."""
    if subprocess.run(["unshare", *NAMESPACE, "true"], capture_output=True).returncode:
        pytest.skip("this system has no mount namespaces for its users")
    site = TinySite(tmp_path_factory.mktemp("clean"), RECIPES)
    done = site.build()
    assert done.code == 0, done.log
    return site


def run(clean, folder, script, recipes, temporary):
    """Run *script* in the folder of a new site; return the site, with codes and logs of its builds."""
    site = TinySite(folder, {**RECIPES, **recipes})
    shutil.copytree(clean.folder / ".recipe_cache", folder / ".recipe_cache")
    ours = {"NO_COLOR": "1", "SOURCE_DATE_EPOCH": "1700000000", "TMPDIR": str(temporary)}
    prepared = f"""
        build() {{ code=0; {BUILD} > log 2>&1 || code=$?; mv log $1.log; echo $code > $1.code; }}
        disk() {{ mkdir -p $1; mount -t tmpfs -o $2 tmpfs $1; }}
        set -x
        {script}
        test ! -d _build/html || cp -r _build/html kept
    """
    done = subprocess.run(
        ["unshare", *NAMESPACE, "sh", "-euc", prepared],
        cwd=folder,
        env={**os.environ, **ours},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    site.out = folder / "kept"
    site.logs = {path.stem: path.read_text() for path in folder.glob("*.log")}
    site.codes = {path.stem: int(path.read_text()) for path in folder.glob("*.code")}
    return site


@pytest.mark.parametrize("case", CASES)
def test_disk(clean, tmp_path, note, case):
    script, recipes, code, pattern, page = CASES[case]
    kept = sum(path.stat().st_size for path in (clean.folder / "_build/doctrees").rglob("*")) // 1024
    script = script.format(reading="64k", pickling=f"{kept * 9 // 10}k", writing=f"{kept + 150}k")
    with tempfile.TemporaryDirectory() as short:
        temporary = Path(short, *["long"] * 20) if "too long" in case else Path(short)
        added = {name: recipe(code, name.title()) for name, code in recipes.items()}
        site = run(clean, tmp_path / "site", script, added, temporary)
    log = site.logs["first"]
    assert "full traceback" not in log and "threw an exception" not in log
    assert site.codes["first"] == code, log
    message = said(pattern, log)
    note(case, "builds" if code == 0 else "fails", message)
    if page:
        assert outputs(site.folder / "first/section" / page)[0]
    if "then" in site.codes:
        assert site.codes["then"] == 0, site.logs["then"]
        if not recipes:
            assert differences(site.out, clean.out) == []
        for name in recipes:
            assert outputs(site.out / f"recipes/section/{name[:-3]}.html") == [name[:-3]]
            assert f"executed [1 of 1] section/{name}" in site.logs["then"]
