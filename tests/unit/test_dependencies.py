"""What a recipe depends on: what its code imports, and the files beside it that it names."""

import importlib.metadata
import sys
from types import SimpleNamespace

import pytest
from cookbook.recipes import dependencies
from cookbook.recipes.dependencies import PACKAGES, imported, local_files, requirements, version, versions


@pytest.fixture(autouse=True)
def installed(monkeypatch):
    """Spares each run reading about everything that is installed."""
    monkeypatch.setattr(dependencies, "_all_packages", lambda: {"PIL": ["pillow"]})


def code(*texts):
    return [SimpleNamespace(content=text) for text in texts]


# -- packages ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "modules"),
    [
        ("import torch", {"torch"}),
        ("import torch.nn as nn", {"torch"}),
        ("from safetensors.torch import load_file", {"safetensors"}),
        ("import os, sys\nimport torch", {"torch"}),
        ("import os, torch", {"torch"}),
        ("import torch.nn as nn, numpy as np,  yaml  # and, more", {"torch", "numpy", "yaml"}),
        ("def load():\n    import torch\n\timport numpy", {"torch", "numpy"}),
        ("program = '''\nimport numpy\n'''", {"numpy"}),
        ("from . import x\nfrom .y import z", set()),
        ("from __future__ import annotations", set()),
        ("x = 1  # import torch\nimportant = 1\nfrom_ = 2\nprint('import numpy')", set()),
        ("import torch\n1 +", {"torch"}),
        ("", set()),
    ],
)
def test_imported_are_the_modules_that_are_not_python_s_own(text, modules):
    assert imported(code(text)) == modules


def test_imported_are_the_modules_of_all_blocks():
    assert imported(code("import torch", "x = 1", "import numpy")) == {"torch", "numpy"}


def test_versions_are_of_what_is_imported_and_of_what_all_recipes_need():
    found = versions(code("import packaging\nimport no_such_package"))
    assert found == {name: importlib.metadata.version(name) for name in (*PACKAGES, "packaging")}
    assert list(found) == sorted(found)


def test_the_version_of_a_module_is_that_of_its_package():
    assert version("PIL") == f"pillow {importlib.metadata.version('pillow')}"
    assert version("no_such_package") is None


def test_a_module_may_be_of_several_packages(monkeypatch):
    monkeypatch.setattr(dependencies, "_all_packages", lambda: {"shared": ["pillow", "packaging", "pillow"]})
    found = [f"{name} {importlib.metadata.version(name)}" for name in ("packaging", "pillow")]
    assert version("shared") == ",".join(found)


def test_the_package_of_the_same_name_is_found_without_reading_all_others(monkeypatch):
    monkeypatch.setattr(dependencies, "_all_packages", None)
    dependencies._packages.cache_clear()
    assert [line.partition("==")[0] for line in requirements(code("import torch, numpy"))] == ["torch", "numpy"]


@pytest.mark.parametrize("record", [None, "", "packaging_extras.py,,\n", "xpackaging.py,,\n", "packaging/other.py,,\n"])
def test_a_package_of_the_same_name_without_the_module_is_not_its_package(monkeypatch, record):
    read = {"RECORD": record}.get
    other = SimpleNamespace(name="packaging", version="1.5", read_text=lambda name: read(name, "packaging.py,"))
    monkeypatch.setattr(importlib.metadata, "distribution", lambda name: other)
    monkeypatch.setattr(dependencies, "_all_packages", lambda: {"packaging": ["pillow"]})
    dependencies._packages.cache_clear()
    version.cache_clear()
    assert requirements(code("import packaging")) == ["pillow==1.5"]
    version.cache_clear()
    dependencies._packages.cache_clear()


def test_requirements_have_torch_first_and_no_local_version(monkeypatch):
    text = "import numpy\nimport torch\nfrom PIL import Image\nimport os\nimport no_such_package"
    cut = importlib.metadata.version("torch").partition("+")[0]
    assert requirements(code(text)) == [
        f"torch=={cut}",
        *(f"{name}=={importlib.metadata.version(name)}" for name in ("numpy", "pillow")),
    ]
    assert requirements(code("import os")) == []
    monkeypatch.setattr(dependencies, "version", lambda name: "1.0+cu130")
    assert requirements(code("import torch")) == ["torch==1.0"]


# -- files -----------------------------------------------------------------------------


@pytest.fixture
def found(tmp_path):
    """Write these files into a section; return those that the recipe ``one.py`` depends on."""

    def found(files):
        folder = tmp_path / "section"
        for name, text in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text if isinstance(text, bytes) else text.encode())
        paths = local_files(folder / "one.py")
        assert paths == sorted(paths)
        return [path.relative_to(folder).as_posix() for path in paths]

    return found


@pytest.mark.parametrize(
    ("text", "files"),
    [
        ("import _a", ["_a.py"]),
        ("import _a as b", ["_a.py"]),
        ("from _a import x", ["_a.py"]),
        ("def f():\n    import _a", ["_a.py"]),
        ("open('data/x y.csv')", ["data/x y.csv"]),
        ("open('_a.py')", ["_a.py"]),
        ("open('./data/../data/x y.csv')", ["data/x y.csv"]),
        ("print('_a')", ["_a.py"]),
        ("f'{1}data/x y.csv'", ["data/x y.csv"]),
        ("import other\nprint('other', 'y.csv', '', '.', '..')", []),
        ("Path('data') / name", ["data/x y.csv"]),
        ("Path(__file__).parent.joinpath('data', name)", ["data/x y.csv"]),
        ("sorted(Path().rglob(f'*.{kind}'))", ["_a.py", "data/x y.csv"]),
        ("os.listdir()", ["_a.py", "data/x y.csv"]),
        ("from glob import glob", ["_a.py", "data/x y.csv"]),
        ("open(b'data/x y.csv')", []),
        ("x = 1  # _a data/x", []),
    ],
)
def test_a_file_is_found_where_the_recipe_imports_it_or_has_its_path_as_a_string(found, text, files):
    assert found({"one.py": text, "_a.py": "", "data/x y.csv": "1"}) == files


def test_a_helper_may_need_others_in_turn(found):
    files = {"one.py": "import _a", "_a.py": "import _b", "_b.py": "open('c.bin')", "c.bin": b"\xff", "_d.py": ""}
    assert found(files) == ["_a.py", "_b.py", "c.bin"]


def test_helpers_may_need_each_other(found):
    assert found({"one.py": "import _a", "_a.py": "import _b", "_b.py": "import _a, _b, one"}) == ["_a.py", "_b.py"]


@pytest.mark.parametrize("text", ["import _p.sub.x", "from _p.sub import x", "from _p.sub.x import y"])
def test_a_package_of_helpers_comes_with_what_python_imports_of_it(found, text):
    files = {"one.py": text, "_p/__init__.py": "", "_p/sub/__init__.py": "", "_p/sub/x.py": "", "_p/other.py": ""}
    assert found(files) == ["_p/__init__.py", "_p/sub/__init__.py", "_p/sub/x.py"]


def test_a_module_beside_a_recipe_is_a_helper_whatever_its_name(found):
    assert found({"one.py": "import two", "two.py": "from three import x", "three.py": ""}) == ["three.py", "two.py"]


def test_a_recipe_beside_the_sections_does_not_use_them(found):
    assert found({"one.py": "os.walk('.')", "s/GALLERY_HEADER.rst": "", "s/two.py": "", "data/x.csv": ""}) == [
        "data/x.csv"
    ]


@pytest.mark.parametrize("text", ["open('two.py')", "Path().glob('*')", "open('GALLERY_HEADER.rst')", "print('one')"])
@pytest.mark.parametrize("beside", ["_a.py", "data/x.csv", "two.ipynb"])
def test_another_recipe_and_the_header_are_no_files_of_a_recipe(found, text, beside):
    assert found({"one.py": text, "two.py": "", "GALLERY_HEADER.rst": "", beside: ""}) == [beside] * ("glob" in text)


@pytest.mark.parametrize("text", ["open('../secret.txt')", "open('../other/x.csv')", "open('{}/secret.txt')"])
def test_a_file_outside_of_the_folder_is_no_file_of_the_recipe(found, tmp_path, text):
    (tmp_path / "secret.txt").write_text("x")
    assert found({"one.py": text.format(tmp_path), "_a.py": "", "../other/x.csv": ""}) == []


def test_a_link_that_leads_outside_of_the_folder_is_no_file_of_the_recipe(found, tmp_path):
    (tmp_path / "secret.txt").write_text("x")
    (tmp_path / "section").mkdir()
    (tmp_path / "section/link.txt").symlink_to(tmp_path / "secret.txt")
    assert found({"one.py": "open('link.txt')"}) == []


def test_a_path_to_the_section_may_be_a_link(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "real/one.py").write_text("import _a")
    (tmp_path / "real/_a.py").write_text("")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert local_files(tmp_path / "link/one.py") == [tmp_path / "link/_a.py"]


@pytest.mark.parametrize("content", ["1 +", "\x00", b"# caf\xe9\nimport _b"])
def test_a_file_that_python_cannot_read_names_nothing(found, content):
    assert found({"one.py": "import _a", "_a.py": content, "_b.py": ""}) == ["_a.py"]
    assert found({"one.py": content, "_a.py": ""}) == []


def test_a_long_string_is_no_path(found):
    assert found({"one.py": f"x = {'a/' * 5000 + 'b'!r}", "_a.py": ""}) == []


def test_the_standard_library_s_modules_are_no_packages():
    assert not imported(code("\n".join(f"import {name}" for name in sorted(sys.stdlib_module_names))))


def test_a_recipe_with_nothing_beside_it_uses_no_files(tmp_path):
    (tmp_path / "one.py").write_text("import _a\nopen('x.csv')\n")
    (tmp_path / "two.py").write_text("")
    (tmp_path / "GALLERY_HEADER.rst").write_text("")
    assert local_files(tmp_path / "one.py") == []


def test_text_in_a_data_file_and_a_relative_import_name_nothing(tmp_path):
    (tmp_path / "one.py").write_text("from . import _a\nopen('x.txt')\n")
    (tmp_path / "x.txt").write_text("import _a\n")
    (tmp_path / "_a.py").write_text("")
    assert local_files(tmp_path / "one.py") == [tmp_path / "x.txt"]
