"""What a recipe's script does when it runs: the same everywhere, soon, and leaving nothing."""

import pytest
from conftest import RECIPES
from running import run_script

#: Seconds of processor time, of the script and its subprocesses together.
LIMIT = 20


@pytest.mark.parametrize("name", RECIPES)
def test_output_is_the_same_with_another_hash_seed_and_number_of_threads(scripts, name):
    first, second = scripts[name, 1].result(), scripts[name, 2].result()
    assert second.code == 0, second.stderr
    assert first.stdout == second.stdout


@pytest.mark.parametrize("name", RECIPES)
def test_recipe_ends_soon_on_one_core(scripts, name):
    assert scripts[name, 1].result().seconds < LIMIT


@pytest.mark.parametrize("name", RECIPES)
def test_recipe_leaves_no_file_behind(scripts, name):
    assert scripts[name, 1].result().left == scripts[name, 2].result().left == []


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
        "socket.create_connection((\"192.0.2.1\", 80), timeout=1)'], check=True)",
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
