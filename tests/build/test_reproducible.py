"""The same bytes whoever builds: other folder, processes, hash seed, cache state."""

import shutil
import subprocess
import sys

import pytest
from conftest import ROOT, TinySite, recipe, sphinx
from reading import differences

pytestmark = pytest.mark.slow

RECIPES = {
    "figure.py": recipe(
        """
        import matplotlib.pyplot as plt
        import torch
        plt.plot(torch.rand(50))
        plt.title("Random")
        plt.show()
        """,
        "Figure",
    ),
    "hashes.py": recipe("print({'a', 'b', 'c', 'd', 'e', 'f'}, hash('a'))", "Hashes"),
    "warns.py": recipe("import warnings\nwarnings.warn('look at the line')", "Warns"),
    "fails.py": recipe("def broken():\n    1 / 0\nbroken()", "Fails"),
    "random_numbers.py": recipe(
        "import random, numpy, torch\nprint(random.random(), numpy.random.rand(), torch.rand(1))", "Random numbers"
    ),
}


def test_cold_builds_give_the_same_bytes(tmp_path):
    one = TinySite(tmp_path / "one", RECIPES)
    two = TinySite(tmp_path / "a longer name/two", RECIPES)
    one.build(JOBS="1", PYTHONHASHSEED="1", SOURCE_DATE_EPOCH="1700000000")
    two.build(JOBS="3", PYTHONHASHSEED="2", SOURCE_DATE_EPOCH="1700000000", OMP_NUM_THREADS="2")
    assert differences(one.out, two.out) == []


def checkout(folder):
    """Make a checkout of this repository in *folder*, with all changes; return it."""
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    for name in filter(lambda name: (ROOT / name).is_file(), names):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, folder / name)
    return folder


def build(folder, **options):
    """Build the checkout in *folder*; return the folder of its site and what was printed."""
    out = folder / "_build/html"
    done = sphinx(folder, out, **options)
    assert done.returncode == 0, done.stderr
    return out, done.stdout


def test_the_real_site_from_its_cache_in_another_folder_gives_the_same_bytes(site, tmp_path):
    out, log = build(
        checkout(tmp_path / "another checkout"), RECIPE_CACHE=str(ROOT / ".recipe_cache"), PYTHONHASHSEED="7"
    )
    assert " 0 to execute" in log
    assert differences(site, out) == []


def test_a_cold_build_of_the_real_site_in_another_environment_gives_the_same_bytes(site, tmp_path):
    """Each checkout has an environment in a folder of its own, as `make html` has."""
    other = checkout(tmp_path / "a longer name/other")
    (other / "venv").symlink_to(sys.prefix)
    out, log = build(
        other,
        python=other / "venv/bin/python",
        JOBS="3",
        PYTHONHASHSEED="2",
        OMP_NUM_THREADS="2",
        TZ="Asia/Tokyo",
        LC_ALL="C.UTF-8",
    )
    assert " 0 from the cache" in log
    assert differences(site, out) == []
    assert (out / ".buildinfo").exists() and (out / "searchindex.js").exists()
