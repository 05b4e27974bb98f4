"""The digest of the package, and what one build keeps."""

from types import SimpleNamespace

import pytest
from cookbook.build import build_of, digest
from cookbook.pages import cards, cells
from counting import calls
from docutils.utils import new_document


def package(folder, files):
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


FILES = {"a.py": "1", "b/c.py": "2"}


def test_the_digest_of_equal_files_is_equal_wherever_they_lie(tmp_path):
    assert digest(package(tmp_path / "one", FILES)) == digest(package(tmp_path / "two/x", FILES))


@pytest.mark.parametrize(
    "files",
    [
        {**FILES, "a.py": "3"},
        {**FILES, "b/c.py": "3"},
        {**FILES, "d.py": ""},
        {"a.py": "2", "b/c.py": "1"},
        {"a.py": "1"},
        {"e.py": "1", "b/c.py": "2"},
        {"a.py": "1", "c.py": "2"},
    ],
)
def test_the_digest_changes_with_the_content_and_the_path_of_each_module(tmp_path, files):
    assert digest(package(tmp_path / "one", FILES)) != digest(package(tmp_path / "two", files))


def test_the_digest_of_one_file_is_of_its_content(tmp_path):
    package(tmp_path, {"a.py": "1", "b.py": "1", "c.py": "2"})
    assert digest(tmp_path / "a.py") == digest(tmp_path / "b.py") != digest(tmp_path / "c.py")


def test_only_modules_are_in_the_digest(tmp_path):
    more = {**FILES, "__pycache__/a.pyc": "x", "notes.txt": "x", "b/x.py.new": "x"}
    assert digest(package(tmp_path / "one", FILES)) == digest(package(tmp_path / "two", more))


def test_the_build_is_found_by_its_application(app, build):
    assert build_of(app) is build


def test_the_folders_are_those_of_the_configuration(build, project):
    assert (build.source, build.gallery) == (project / "recipes_source", project / "recipes")


def test_the_maker_changes_with_the_configuration_and_with_the_package(app, project, monkeypatch):
    from cookbook import build as module

    def maker():
        return module.Build(app).maker

    first = maker()
    assert maker() == first
    (project / "conf.py").write_text("project = 'y'\n")
    second = maker()
    monkeypatch.setattr(module, "digest", lambda: "another package")
    assert len({first, second, maker()}) == 3


def test_a_problem_is_kept_with_its_place(build):
    build.problem("x.py:3", "what")
    build.problem("x.py:3", "what else")
    assert build.problems == [("x.py:3", "what"), ("x.py:3", "what else")]


class Recipe:
    """One of many recipes."""

    def __init__(self, name):
        self.name = name

    @property
    def docname(self):
        return f"recipes/{self.name}"


def recipes(count):
    return {f"s/{number}.py": Recipe(f"s/{number}") for number in range(count)}


def test_a_page_leads_to_its_recipe(build):
    build.recipes = {**recipes(9), "top.py": Recipe("top")}
    assert build.recipe_of("recipes/s/7") is build.recipes["s/7.py"]
    assert build.recipe_of("recipes/top") is build.recipes["top.py"]
    for docname in ("index", "recipes/index", "other/s/7", "s/7", "recipes/s/10"):
        assert build.recipe_of(docname) is None


@pytest.mark.parametrize("handler", [cells.shape, cards.rewrite_cards])
def test_the_work_for_a_page_does_not_grow_with_the_number_of_recipes(app, build, handler):
    app.env = SimpleNamespace(docname="index")

    def work(count):
        build.recipes = recipes(count)
        return calls(handler, app, new_document("index"))

    assert work(1000) < 2 * work(10)
