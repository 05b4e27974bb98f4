"""The code and what is written about it agree, in both directions."""

import ast
import re
import subprocess
import sys

import pytest
from conftest import ROOT
from cookbook.recipes import settings

README, CONTRIBUTING, TESTS = (
    (ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "CONTRIBUTING.md", "tests/README.md")
)
DOCS = README + CONTRIBUTING + (ROOT / "docs/options.md").read_text(encoding="utf-8")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
MODULES = sorted((ROOT / "_ext").rglob("*.py"))
#: What is read but is no setting: Python's, Make's and the terminal's own, and what a build tells its processes.
NOT_OURS = {"PATH", "PYTHONPATH", "MAKEFILE_LIST", "MAKE", "TERM", "RECIPES_FOLDERS", "RECIPES_USE"}
#: What Python reads for us.
PYTHONS = {"TMPDIR"}


def tree(path):
    return ast.parse(path.read_text(encoding="utf-8"))


def table(text, heading):
    """Return the names in backquotes in the first column of the table below *heading*."""
    rows = re.search(rf"^\| {heading} \|.*\n\|[-|]+\n((?:\|.*\n)+)", text, re.MULTILINE)[1]
    return [name for row in rows.splitlines() for name in re.findall("`(.+?)`", row.split(" | ")[0])]


# -- what one can call and set -----------------------------------------------


def test_every_make_target_is_documented_and_each_documented_one_exists():
    targets = set(re.findall(r"^([a-z][a-z-]*):", MAKEFILE, re.MULTILINE))
    documented = set(re.findall(r"\bmake ([a-z][a-z-]+)", DOCS)) - {"things"}
    in_code = set(re.findall(r"(?:`|^    )make ([a-z][a-z-]*)", DOCS, re.MULTILINE))
    assert targets - {"help"} == in_code - {"help"} and "help" in documented
    assert {target for target in targets if not re.search(rf"^{target}:.*## ", MAKEFILE, re.MULTILINE)} == set()


def test_make_check_and_ci_run_the_same_in_the_same_order():
    ci = re.findall(r"^(?:\w+=\S+ )?make (.*)", (ROOT / ".ci/run").read_text(), re.MULTILINE)
    assert " ".join(ci) == re.search(r"^check: (.*?) ##", MAKEFILE, re.MULTILINE)[1] == "lint types coverage test"


def variables():
    """Return the environment variables that the Makefile, the build, the tests or .ci/run read."""
    found = set(re.findall(r"^([A-Z]+)\s+\?=", MAKEFILE, re.MULTILINE))
    found |= set(re.findall(r"\$\$?\(?([A-Z_]{2,})\)?", MAKEFILE)) - set(
        re.findall(r"^([A-Z]+)\s+:?=", MAKEFILE, re.MULTILINE)
    )
    found |= set(re.findall(r"\$\{?([A-Z_]{2,})", (ROOT / ".ci/run").read_text()))
    for path in [*MODULES, ROOT / "conf.py", *(ROOT / "tests").rglob("*.py")]:
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in (
                "os.environ.get",
                "os.getenv",
                "variables.get",
                "_number",
                "_size",
                "_folder",
            ):
                found.update(
                    word.value
                    for word in node.args[:2]
                    if isinstance(word, ast.Constant) and re.fullmatch("[A-Z_]+", str(word.value))
                )
            elif (
                isinstance(node, ast.Subscript)
                and ast.unparse(node.value) == "os.environ"
                and isinstance(node.ctx, ast.Load)
            ):
                found.update([node.slice.value] if isinstance(node.slice, ast.Constant) else [])
    return found - NOT_OURS


def test_every_variable_is_documented_and_each_documented_one_is_read():
    assert set(table(README, "variable")) == variables() | PYTHONS


def test_every_option_is_documented_and_each_documented_one_exists():
    options = {
        call.args[0].value
        for path in MODULES
        for call in ast.walk(tree(path))
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "app.add_config_value"
    }
    assert options and all(f"`{option}`" in DOCS for option in options), options
    assert options == set(table(CONTRIBUTING, "in `conf.py`"))


def test_every_setting_of_a_recipe_is_documented_and_each_documented_one_exists():
    assert set(re.findall(r"# sphinx_gallery_(\w+) =", DOCS)) == set(settings.SETTINGS)


# -- where things are ----------------------------------------------------------


def test_the_map_is_short_and_leads_to_everything():
    rows = re.search(r"^\| path \|.*\n\|[-|]+\n((?:\|.*\n)+)", README, re.MULTILINE)[1].splitlines()
    assert len(rows) <= 12
    mapped = set(table(README, "path"))
    assert all((ROOT / name).exists() for name in mapped)
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    top = {name.split("/")[0] for name in tracked.splitlines() if "/" in name}
    rooms = {path.parent.relative_to(ROOT).as_posix() for path in MODULES}
    for folder in {*top, *(room for room in rooms if room.count("/") <= 2)}:
        assert any(f"{name.rstrip('/')}/".startswith(f"{folder}/") for name in mapped), folder


def test_the_tests_readme_has_every_file_and_no_other():
    folder = ROOT / "tests"
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*.py")}
    listed = set(table(TESTS, "file"))
    folders = tuple(name for name in listed if name.endswith("/"))  # with a row for all that is in it
    assert {name for name in listed if name.endswith(".py")} == {name for name in files if not name.startswith(folders)}
    assert all((folder / name).exists() for name in listed)


@pytest.mark.parametrize("plugin", ["cacheprovider", "xdist"])
def test_the_table_of_faults_needs_no_plugin_of_pytest(plugin):
    command = [sys.executable, "-m", "pytest", "-q", "-p", f"no:{plugin}", "--collect-only", "tests/unit/test_order.py"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_unit_test_has_the_name_of_its_module():
    tested = {path.stem.removeprefix("test_") for path in (ROOT / "tests/unit").glob("test_*.py")}
    assert tested and tested <= {path.stem for path in MODULES}


# -- what modules say of themselves ----------------------------------------------


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.name)
def test_a_module_says_what_it_is_for(path):
    module, problems = tree(path), []
    first, _, rest = (ast.get_docstring(module) or "").partition("\n\n")
    if not first.endswith((".", "``")) or not rest:
        problems.append("a summary, and why or how")
    for node, owner in public(module):
        name = ".".join(filter(None, [owner and owner.name, node.name]))
        overrides = owner is not None and owner.bases
        if not ast.get_docstring(node) and name != "setup" and not overrides:
            problems.append(f"{name} has no docstring")
    text = ast.get_docstring(module) or ""
    problems += [f"{name} is another's, and private" for name in foreign(module) if name not in text]
    assert not problems
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 250


def public(module):
    """Yield ``(function or class, the class that it is in)`` of all that are not private."""
    for node in module.body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and node.name[0] != "_":
            yield node, None
            for inner in node.body if isinstance(node, ast.ClassDef) else ():
                if isinstance(inner, ast.FunctionDef) and inner.name[0] != "_":
                    yield inner, node


def foreign(module):
    """Return the private names of other packages that a module uses."""
    found, imported = set(), set()
    for node in ast.walk(module):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            names = [part for alias in node.names for part in alias.name.split(".")]
            names += (node.module or "").split(".") if isinstance(node, ast.ImportFrom) else []
            found.update(name for name in names if re.match(r"_[a-z]", name))
            imported.update(alias.asname or alias.name.split(".")[0] for alias in node.names)
    for node in ast.walk(module):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in imported:
            found.update([node.attr] if re.match(r"_[a-zA-Z]", node.attr) else [])
    return found - {"_exit"}


def test_conf_is_a_page_of_literals():
    assert len((ROOT / "conf.py").read_text(encoding="utf-8").splitlines()) <= 150
    kinds = (ast.Expr, ast.Import, ast.ImportFrom, ast.Assign)
    assert all(isinstance(node, kinds) for node in tree(ROOT / "conf.py").body)
