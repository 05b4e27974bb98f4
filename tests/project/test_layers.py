"""Imports of the package run downward only, and its `setup()` tells the build in order."""

import ast
import importlib
import inspect
import re
import subprocess
import sys
from graphlib import TopologicalSorter
from itertools import groupby

import pytest
from conftest import ROOT
from cookbook.recipes.recipe import PROCESS

FOLDER = ROOT / "_ext"
PACKAGE = FOLDER / "cookbook"
#: The floors of the house, the highest first: a module imports from its own or from lower ones.
FLOORS = (
    ("cookbook",),
    ("cookbook.site",),
    ("cookbook.gallery",),
    ("cookbook.pages",),
    ("cookbook.run", "cookbook.run.dask"),
    ("cookbook.run.process",),
    ("cookbook.recipes",),
    (
        "cookbook.lock",
        "cookbook.build",
        "cookbook.console",
        "cookbook.environ",
        "cookbook.files",
        "cookbook.inline",
        "cookbook.markdown",
        "cookbook.memory",
        "cookbook.options",
        "cookbook.problems",
        "cookbook.seam",
        "cookbook.state",
    ),
)
#: Where Sphinx learns of us.
CALLS = {"connect", "add_node", "add_directive", "add_config_value", "add_post_transform", "add_transform"}
CALLS |= {"add_role", "add_source_parser"}
#: The events that we use, in the order in which Sphinx emits them, and how many things each gives besides the application.
EVENTS = {
    "config-inited": 1,
    "builder-inited": 0,
    "env-get-outdated": 4,
    "env-before-read-docs": 2,
    "source-read": 2,
    "doctree-read": 1,
    "env-updated": 1,
    "warn-missing-reference": 2,
    "doctree-resolved": 2,
    "html-page-context": 4,
    "build-finished": 1,
}
#: What is set on the application: what Sphinx has no other way for.
SET = {"app.events.emit", "app.statuscode"}


def name_of(path):
    return ".".join(path.relative_to(FOLDER).with_suffix("").parts).removesuffix(".__init__")


MODULES = {name_of(path): ast.parse(path.read_text(encoding="utf-8")) for path in sorted(PACKAGE.rglob("*.py"))}


def imports(tree, lazy=True):
    """Return the modules of ours that a module imports, those that only type checkers read aside.

    Parameters
    ----------
    lazy : bool
        Whether those count that are imported inside of a function.
    """
    found, todo = set(), list(tree.body)
    while todo:
        node = todo.pop()
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            todo += node.orelse
        elif isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "name the package: from cookbook.x import y"
            names = (f"{node.module}.{alias.name}" for alias in node.names)
            found.update(name if name in MODULES else node.module for name in names)
        elif lazy or not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            todo += ast.iter_child_nodes(node)
    return {name for name in found if name.partition(".")[0] == "cookbook"}


def below(name, folder):
    return name == folder or name.startswith(f"{folder}.")


def floor(name):
    """Return the number of the floor that a module is on, 0 being the highest: that of its innermost room."""
    return max((len(room), i) for i, rooms in enumerate(FLOORS) for room in rooms if below(name, room))[1]


IMPORTS = {name: imports(tree) for name, tree in MODULES.items()}
EAGER = {name: imports(tree, lazy=False) for name, tree in MODULES.items()}


# -- imports -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "found", "eager"),
    [
        ("import cookbook.seam, os", {"cookbook.seam"}, True),
        ("from cookbook import seam", {"cookbook.seam"}, True),
        ("from cookbook.build import Build, digest", {"cookbook.build"}, True),
        ("def f():\n    if x:\n        import cookbook.seam", {"cookbook.seam"}, False),
        ("class A:\n    from cookbook import seam", {"cookbook.seam"}, True),
        ("if TYPE_CHECKING:\n    from cookbook import seam\nelse:\n    import os", set(), False),
        ("import cookbooks\nfrom os import path", set(), False),
    ],
)
def test_imports_are_seen(text, found, eager):
    assert imports(ast.parse(text)) == found and bool(imports(ast.parse(text), lazy=False)) == eager


def test_every_room_has_a_floor():
    rooms = {name if name.count(".") < 2 else name.rpartition(".")[0] for name in MODULES}
    assert rooms == {room for rooms in FLOORS for room in rooms}


def test_imports_run_downward_only():
    upward = [f"{name} imports {other}" for name in MODULES for other in IMPORTS[name] if floor(other) < floor(name)]
    assert upward == []


def test_no_modules_import_each_other():
    TopologicalSorter(IMPORTS).prepare()  # raises CycleError, with the circle


def test_what_runs_in_a_recipe_s_process_imports_nothing_else_of_ours():
    inside = [name for name in MODULES if below(name, "cookbook.run.process")]
    outside = {other for name in inside for other in IMPORTS[name] if not below(other, "cookbook.run.process")}
    assert outside == {"cookbook.seam"} and IMPORTS["cookbook.seam"] == set()


def test_what_runs_in_a_recipe_s_process_is_in_the_key_of_its_result():
    inside = {name for name in MODULES if below(name, "cookbook.run.process")}
    for name in inside.union(*(IMPORTS[module] for module in inside)):
        (path,) = (p for p in PACKAGE.rglob("*.py") if name_of(p) == name)
        assert any(path.is_relative_to(part) for part in PROCESS), name


def test_what_only_a_cluster_needs_is_imported_where_one_is_used():
    users = {name for name in MODULES if not below(name, "cookbook.run.dask")}
    assert {name for name in users if any(below(other, "cookbook.run.dask") for other in IMPORTS[name])} == {
        "cookbook.run.execute"
    }
    assert not any(below(other, "cookbook.run.dask") for other in EAGER["cookbook.run.execute"])
    assert IMPORTS["cookbook.run.dask.worker"] == set(), "it travels alone, as text"


def test_what_travels_to_a_worker_needs_nothing_that_stays_here():
    pytest.importorskip("distributed")
    from cookbook.run.dask import cluster

    sent = {name_of(FOLDER / path) for path in cluster._files()}
    missing = {other for name in sent - {"cookbook"} for other in IMPORTS[name]} - sent
    packages = {".".join(name.split(".")[:i]) for name in sent for i in range(1, name.count(".") + 1)}
    assert missing == set() == packages - sent


def imported_with(module):
    """Return the top-level modules that Python has after importing *module* in a fresh process."""
    code = f"import sys; sys.path.insert(0, {str(FOLDER)!r}); import {module}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_the_package_alone_imports_nothing():
    """The process of a recipe imports it: nothing but the standard library, and nothing else of ours."""
    tops = {name.partition(".")[0] for name in imported_with("cookbook")}
    assert tops - set(sys.stdlib_module_names) - {name.partition(".")[0] for name in imported_with("sys")} == {
        "cookbook"
    }
    assert {name for name in imported_with("cookbook") if below(name, "cookbook")} == {"cookbook"}


def test_the_process_of_a_recipe_imports_neither_sphinx_nor_torch_nor_our_other_rooms():
    found = imported_with("cookbook.run.process.child")
    assert not {"sphinx", "docutils", "torch", "matplotlib", "sphinx_gallery"} & found
    ours = {name for name in found if below(name, "cookbook")}
    assert ours - {"cookbook", "cookbook.seam", "cookbook.run"} == {n for n in ours if below(n, "cookbook.run.process")}


# -- setup() tells the build ---------------------------------------------------------

SETUP = next(node for node in MODULES["cookbook"].body if isinstance(node, ast.FunctionDef) and node.name == "setup")


def table():
    """Return the rows of ``setup()``: event, priority, handler."""
    (loop,) = (node for node in ast.walk(SETUP) if isinstance(node, ast.For))
    assert ast.unparse(loop.body) == "app.connect(event, handler, priority)"
    (rows,) = (n.value for n in ast.walk(SETUP) if isinstance(n, ast.AnnAssign) and n.target.id == loop.iter.id)
    return [(row.elts[0].value, row.elts[1].value, row.elts[2]) for row in rows.elts]


def test_events_are_connected_in_setup_and_nowhere_else():
    calls = {
        (name, node.func.attr)
        for name, tree in MODULES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CALLS
    }
    assert {name for name, _ in calls} == {"cookbook"} and ("cookbook", "connect") in calls
    assert not [name for name, tree in MODULES.items() for node in tree.body if name != "cookbook" and is_setup(node)]


def is_setup(node):
    return isinstance(node, ast.FunctionDef) and node.name == "setup"


def test_the_rows_of_each_event_stand_together_in_the_order_of_their_priorities():
    rows = [(event, priority) for event, priority, _ in table()]
    assert len(rows) > 20 and all(isinstance(priority, int) for _, priority in rows)
    together = [list(group) for _, group in groupby(rows, key=lambda row: row[0])]
    assert len(together) == len({event for event, _ in rows}), "the rows of an event stand together"
    assert [group for group in together if group != sorted(group)] == []


def test_the_events_stand_in_the_order_in_which_they_happen():
    assert list(dict.fromkeys(event for event, _, _ in table())) == list(EVENTS)


def test_every_handler_in_the_table_is_a_function_that_takes_what_its_event_gives():
    for event, _, handler in table():
        if not isinstance(handler, ast.Lambda):
            room, name = ast.unparse(handler).split(".")
            (module,) = (other for other in IMPORTS["cookbook"] if other.endswith(f".{room}"))
            found = getattr(importlib.import_module(module), name)
            inspect.signature(found).bind("app", *range(EVENTS[event]))


def test_priorities_are_nowhere_else():
    """But for those of transforms, which Sphinx reads from their class."""
    words = {
        word
        for name, tree in MODULES.items()
        for node in ast.walk(tree)
        for word in [getattr(node, "id", None) or getattr(node, "attr", None) or getattr(node, "arg", None)]
        if name != "cookbook" and word and "priority" in str(word)
    }
    assert words == {"default_priority"}


def test_nothing_of_ours_is_set_on_the_application():
    found = set()
    for tree in MODULES.values():
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and isinstance(node.ctx, (ast.Store, ast.Del)):
                found.add(ast.unparse(node))
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("setattr", "delattr"):
                found.add(f"{ast.unparse(node.args[0])}.{ast.unparse(node.args[1])}")
    assert {text for text in found if re.search(r"\bapp\.", text)} == SET
