"""The same bytes whoever builds: other folder, processes, hash seed, cache state."""

import shutil
import subprocess

from conftest import ROOT, TinySite, recipe, sphinx
from reading import differences

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
    print(*differences(one.out, two.out), sep="\n")
    assert differences(one.out, two.out) == []


def test_the_real_site_from_its_cache_in_another_folder_gives_the_same_bytes(site, tmp_path):
    copy = tmp_path / "another checkout"
    tracked = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    for name in tracked:
        if (ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, copy / name)
    cache = str(ROOT / ".recipe_cache")
    out = copy / "_build/html"
    done = sphinx(copy, out, RECIPE_CACHE=cache, PYTHONHASHSEED="7")
    assert done.returncode == 0, done.stderr
    assert " 0 to execute" in done.stdout
    print(*differences(site, out), sep="\n")
    assert differences(site, out) == []
