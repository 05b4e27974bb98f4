"""What a recipe's script does when a reader runs it: the same everywhere, soon, leaving nothing."""

from functools import cache

import pytest
from conftest import RECIPES
from reading import downloads, lines, outputs
from running import run_script

pytestmark = pytest.mark.slow

#: Seconds of processor time, of the script and its subprocesses together.
LIMIT = 20


@pytest.fixture(scope="session")
def ran(site, tmp_path_factory):
    """What came of a downloaded script, run once: ``ran(name)``.

    The page was made with the hash seed 0 and one thread, this run has others.
    """
    return cache(
        lambda name: run_script(
            downloads(site / f"recipes/{name}.html")[".py"], tmp_path_factory.mktemp("script"), seed=1, threads=2
        )
    )


@pytest.mark.parametrize("name", RECIPES)
def test_prints_what_the_page_shows_with_another_hash_seed_and_number_of_threads(site, ran, name):
    done = ran(name)
    assert done.code == 0, done.stderr
    assert not done.stderr
    assert lines(done.stdout) == lines("\n".join(outputs(site / f"recipes/{name}.html")))


@pytest.mark.parametrize("name", RECIPES)
def test_ends_soon(ran, name):
    assert ran(name).seconds < LIMIT


@pytest.mark.parametrize("name", RECIPES)
def test_leaves_no_file_behind(ran, name):
    assert ran(name).left == []


def run(tmp_path, code):
    path = tmp_path / "script.py"
    path.write_text(code)
    return run_script(path, tmp_path)


@pytest.mark.parametrize("warning", ["DeprecationWarning", "FutureWarning"])
def test_a_warning_of_deprecation_ends_a_script(tmp_path, warning):
    done = run(tmp_path, f"import warnings\nwarnings.warn('old', {warning})")
    assert done.code == 1 and f"{warning}: old" in done.stderr


def test_a_warning_that_a_script_catches_is_no_error(tmp_path):
    code = (
        "import warnings\n"
        "with warnings.catch_warnings(record=True) as caught:\n"
        "    warnings.simplefilter('always')\n"
        "    warnings.warn('old', FutureWarning)\n"
        "print(len(caught))"
    )
    assert run(tmp_path, code).stdout == "1\n"


@pytest.mark.parametrize(
    "call",
    [
        "socket.create_connection(('192.0.2.1', 80), timeout=1)",
        "socket.getaddrinfo('example.org', 80)",
        "subprocess.run([sys.executable, '-c', 'import socket; socket.gethostbyname(\"example.org\"); "
        'socket.create_connection(("192.0.2.1", 80), timeout=1)\'], check=True)',
    ],
)
def test_a_script_that_calls_another_machine_ends(tmp_path, call):
    done = run(tmp_path, f"import socket, subprocess, sys\n{call}")
    assert done.code == 1 and "a recipe uses no network" in done.stderr


def test_what_a_script_leaves_and_costs_is_seen(tmp_path):
    code = (
        "import subprocess, sys, tempfile\n"
        "open('model.pt', 'w')\n"
        "tempfile.mkdtemp(prefix='left')\n"
        "loop = 'import time\\nwhile time.process_time() < 0.5: pass'\n"
        "subprocess.run([sys.executable, '-c', loop])"
    )
    done = run(tmp_path, code)
    assert done.left[0].startswith("left") and done.left[1] == "model.pt"
    assert 0.5 < done.seconds < 5


def test_the_hash_seed_reaches_a_script(tmp_path):
    code = "print(list({'a', 'b', 'c', 'd', 'e', 'f'}))"
    outputs = set()
    for seed in (1, 2):
        folder = tmp_path / str(seed)
        folder.mkdir()
        (folder / "script.py").write_text(code)
        outputs.add(run_script(folder / "script.py", folder, seed=seed).stdout)
    assert len(outputs) == 2
