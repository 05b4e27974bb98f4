"""No code comes in from outside, and no recipe teaches to let it in; the workflow may do little."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT

PACKAGE = ROOT / "_ext/cookbook"

#: Names that run what they are given, by themselves or as an attribute of a module.
RUNS = {"eval", "exec", "compile", "__import__", "system", "popen"}
#: Modules whose files or bytes are code.
PICKLES = {"pickle", "cPickle", "_pickle", "marshal", "shelve", "dill", "cloudpickle", "joblib", "code", "runpy"}
#: The only ones: the build's own code, sent to the workers of a cluster, as the docstrings say.
OURS = {("run/dask/cluster.py", "eval"), ("run/dask/worker.py", "eval")}
#: Recipes that may turn the protection off, how often, and only on a file that they wrote themselves.
DANGERS = {
    "troubleshooting/loading_safely_with_weights_only.py": 1,  # shows what the file does then
    "troubleshooting/identifying_a_checkpoint_file.py": 1,  # shows the messages of older versions
    "libraries/reading_lightning_checkpoints.py": 1,  # a module among the hyperparameters, marked as wrong
    "troubleshooting/avoiding_whole_model_pickles.py": 4,  # a whole model cannot be loaded otherwise
}


def runners(text):
    """Yield the names in the Python code *text* by which something else could be run."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.Name, ast.Attribute)):
            name = node.id if isinstance(node, ast.Name) else node.attr
            regex = isinstance(node, ast.Attribute) and ast.unparse(node.value) == "re"
            if name in RUNS and not regex:
                yield name
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            modules = [node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
            yield from PICKLES.intersection(module.split(".")[0] for module in modules)
        elif isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            if called in ("torch.load", "numpy.load", "np.load", "yaml.load", "pickle.load", "pickle.loads"):
                yield called
            if any(word.arg == "shell" and getattr(word.value, "value", True) for word in node.keywords):
                yield "shell"


@pytest.mark.parametrize(
    "text",
    [
        "eval(x)",
        "f(exec)",
        "import pickle",
        "from marshal import loads",
        "torch.load(f)",
        "os.system(x)",
        "run(x, shell=True)",
    ],
)
def test_what_runs_code_is_seen(text):
    assert list(runners(text))


def test_the_build_runs_nothing_that_it_is_given():
    found = {
        (path.relative_to(PACKAGE).as_posix(), name)
        for path in PACKAGE.rglob("*.py")
        for name in runners(path.read_text())
    }
    assert found == OURS
    assert not list(runners((ROOT / "conf.py").read_text()))


def test_what_is_sent_to_workers_is_said_to_be_code_and_to_need_trust():
    for name, _ in OURS:
        assert "Trust:" in ast.get_docstring(ast.parse((PACKAGE / name).read_text())), name
    assert "can run code" in " ".join((ROOT / "README.md").read_text().split())


def test_scripts_of_the_pages_write_text_and_no_markup():
    for path in (ROOT / "_static").glob("*.js"):
        found = re.search(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function|fetch\((?!markdown\.href\))|XMLHttp",
            path.read_text(),
        )
        assert not found, (path.name, found)


def test_no_recipe_turns_the_protection_off_but_those_that_show_why():
    found = {}
    for path in (ROOT / "recipes_source").glob("*/*.py"):
        text = path.read_text(encoding="utf-8")
        codes = [ast.parse(text)]  # and the programs that a recipe gives to other processes
        codes += [ast.parse(node.value) for node in ast.walk(codes[0]) if is_program(node)]
        calls = [call for code in codes for call in ast.walk(code) if isinstance(call, ast.Call)]
        unsafe = [call for call in calls if turns_off(call)]
        if unsafe:
            found[path.relative_to(ROOT / "recipes_source").as_posix()] = len(unsafe)
            assert re.search(r"^# \.\. warning::|^# sphinx_gallery_wrong = True", text, re.MULTILINE), path
            assert {ast.unparse(call.args[0]) for call in unsafe} <= {
                "path",
                "whole",
                "'whole_model.pt'",
                "'given.ckpt'",
                "content",
            }, path
    assert found == DANGERS


def is_program(node):
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and "\nimport torch\n" in node.value


def turns_off(call):
    called = ast.unparse(call.func)
    keywords = {word.arg: word.value for word in call.keywords}
    if called in ("pickle.load", "pickle.loads", "torch.serialization.add_safe_globals", "add_safe_globals"):
        return True
    if called.endswith("save_checkpoint"):  # of Lightning, which means another thing by it
        return False
    return "weights_only" in keywords and getattr(keywords["weights_only"], "value", None) is not True


def run(*command):
    return subprocess.run(
        [str(Path(sys.prefix, "bin", command[0])), *command[1:]], cwd=ROOT, capture_output=True, text=True
    )


def test_the_workflow_has_the_form_of_one():
    done = run(
        "check-jsonschema",
        "--builtin-schema",
        "vendor.github-workflows",
        *map(str, (ROOT / ".github/workflows").iterdir()),
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_workflow_may_do_no_more_than_it_has_to():
    done = run("zizmor", "--offline", "--no-progress", "--persona", "pedantic", ".github")
    assert done.returncode == 0 and "No findings" in done.stdout + done.stderr, done.stdout + done.stderr
