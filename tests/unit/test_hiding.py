"""A recipe cannot import this package; each case in a process of its own, as hiding is for good."""

import json
import subprocess
import sys

import pytest
from cookbook.build import PACKAGE

BEGIN = """
import json, sys
import cookbook, cookbook.run.process.text
from cookbook.run.process.hiding import hide_package
path = list(sys.path)
hide_package()
"""


def run(code, folder):
    """Run *code* after the package is hidden; return what it prints as JSON."""
    begin = f"import sys; sys.path[:0] = {[str(PACKAGE.parent), f'{PACKAGE.parent}/../_ext/', '']!r}\n"
    done = subprocess.run(
        [sys.executable, "-I", "-c", begin + BEGIN + code], cwd=folder, capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


@pytest.mark.parametrize("name", ["cookbook", "cookbook.seam", "cookbook.run.process.text", "cookbook.no_such"])
def test_an_import_fails_with_the_name_and_the_reason(tmp_path, name):
    code = f"""
try:
    import {name}
except ModuleNotFoundError as error:
    print(json.dumps([error.name, str(error)]))
"""
    found, message = run(code, tmp_path)
    assert found in ("cookbook", name) and "cannot import cookbook" in message


def test_nothing_of_it_is_left_and_all_else_stays(tmp_path):
    (tmp_path / "cookbooks.py").write_text("x = 1")
    (tmp_path / "helper.py").write_text("x = 2")
    code = """
import cookbooks, helper, textwrap, sphinx_gallery
left = [name for name in sys.modules if name.split(".")[0] == "cookbook"]
print(json.dumps([left, [entry for entry in path if entry not in sys.path], cookbooks.x, helper.x]))
"""
    package = str(PACKAGE.parent)
    left, gone, *found = run(code, tmp_path)
    assert left == [] and found == [1, 2]
    assert gone == [package, f"{package}/../_ext/"]


def test_a_recipe_s_own_file_of_that_name_is_refused_too(tmp_path):
    (tmp_path / "cookbook.py").write_text("x = 1")
    code = """
try:
    from cookbook import x
except ModuleNotFoundError:
    x = None
print(json.dumps(x))
"""
    assert run(code, tmp_path) is None
