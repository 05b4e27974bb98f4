"""Finding recipes: what is one, what is reported, and what goes with one that is removed."""

import pytest
from conftest import recipe
from cookbook.recipes.find import collect, delete_removed, find_recipes, unused_files
from cookbook.recipes.settings import find_error

GOOD = recipe("print(1)")


@pytest.fixture
def source(project):
    return project / "recipes_source"


@pytest.fixture
def collected(source, conf):
    """Write these files below the folder of all recipes; return the names of recipes and the problems."""

    def collected(files):
        for name, text in files.items():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes(text if isinstance(text, bytes) else text.encode())
        problems = []
        found = collect(source, conf, lambda location, message: problems.append((location, message)))
        return found, problems

    return collected


BAD = {
    "a byte that is not UTF-8": (GOOD.encode() + b"# a\n# caf\xe9\n", 13, "byte 0xe9"),
    "a byte order mark": (b"\xef\xbb\xbf" + GOOD.encode(), 1, "byte order mark"),
    "no docstring": ("print(1)\n", 1, "docstring"),
    "an empty docstring": ('""""""\nprint(1)\n', 1, "docstring"),
    "nothing": ("", 1, "docstring"),
    "a docstring that is no text": ('b"""\nTitle\n=====\n"""\n', 1, "docstring"),
    "a title that is not underlined": ('"""\nTitle\n\nText.\n"""\n', 1, "underline"),
    "an underline of two": ('"""\nTitle\n==\n"""\n', 1, "underline"),
    "an underline that is too short": ('"""\nTitle\n===\n"""\n', 1, "underline"),
    "only a label": ('"""\n.. _label:\n"""\n', 1, "underline"),
    "an underline of letters": ('"""\nTitle\naaaaa\n"""\n', 1, "underline"),
    "an underline of several marks": ('"""\nTitle\n=-=-=\n"""\n', 1, "underline"),
    "a line between title and underline": ('"""\nTitle\n\n=====\n\nText.\n"""\n', 1, "underline"),
}


@pytest.mark.parametrize(("text", "line", "word"), BAD.values(), ids=BAD)
def test_what_cannot_be_a_recipe_is_reported_with_its_line_and_left_out(collected, text, line, word):
    found, ((location, message),) = collected({"section/one.py": text, "section/two.py": GOOD})
    assert list(found) == ["section/two.py"]
    assert location == f"recipes_source/section/one.py:{line}" and word in message


def test_a_setting_that_cannot_be_meant_is_reported_with_its_line(collected):
    text = recipe("print(1)", settings="# sphinx_gallery_timeout = 0\n")
    found, problems = collected({"section/one.py": text})
    line, message = find_error(text)
    assert not found and problems == [(f"recipes_source/section/one.py:{line}", message)]


@pytest.mark.parametrize("name", ["spaced name.py", "tab\t.py"])
def test_a_name_with_a_space_is_reported(collected, name):
    found, problems = collected({f"section/{name}": GOOD})
    assert not found and [location for location, _ in problems] == [f"recipes_source/section/{name}:1"]


@pytest.mark.parametrize(
    "text",
    [
        GOOD,
        GOOD.replace("\n", "\r\n"),
        '"""\n=====\nTitle\n=====\n\nText.\n"""\n',
        '"""Title\n=====\n"""\n',
        'r"""\nTitle\n-----\n"""\n',
        '"""Title\n    ~~~~~\n    """\n',
        "1 +\n",
        "\x00",
        '"""\nÜberschrift\n===========\n"""\n',
        '"""\nA title\n.......\n"""\n',
        '"""\nAn\n==\n"""\n',
        '"""\nA title\n====\n"""\n',
        '"""\n.. _label:\n\nA title\n=======\n"""\n',
        '"""\n.. a comment\n\n.. note::\n\n   A note.\n\n   More.\n\n..\n\nA title\n=======\n"""\n',
    ],
)
def test_a_recipe_has_a_title_or_an_error_that_its_page_will_show(collected, text):
    found, problems = collected({"section/one.py": text})
    assert list(found) == ["section/one.py"] and problems == []


def test_a_recipe_cannot_have_the_name_of_the_page_of_its_section(collected):
    found, ((location, message),) = collected({"section/index.py": GOOD})
    assert not found and location == "recipes_source/section/index.py:1" and "rename" in message


def test_recipes_are_found_in_every_section_and_beside_them_in_order(collected):
    found, problems = collected(
        {"b.py": GOOD, "section/c.py": GOOD, "a/GALLERY_HEADER.rst": "A\n=\n", "a/d.py": GOOD, "a/_helper.py": ""}
    )
    assert list(found) == ["b.py", "a/d.py", "section/c.py"] and problems == []
    assert all(found[name].name == name for name in found)


@pytest.mark.parametrize("header", ["README.rst", "GALLERY_HEADER.txt", "GALLERY_HEADER.rst"])
def test_a_section_needs_a_header_and_is_reported_once_without_one(collected, header):
    found, problems = collected({"other/a.py": GOOD, "other/b.py": "print(1)", "empty/_a.py": ""})
    assert not found and [location for location, _ in problems] == ["recipes_source/other:1"]
    found, problems = collected({f"other/{header}": "Other\n=====\n", "other/b.py": GOOD})
    assert list(found) == ["other/a.py", "other/b.py"] and problems == []


def test_two_recipes_of_one_file_name_are_reported_at_the_second(collected):
    files = {"section/one.py": GOOD, "z/one.py": GOOD, "z/GALLERY_HEADER.rst": "Z\n=\n"}
    found, problems = collected(files)
    assert list(found) == ["section/one.py", "z/one.py"]
    assert [location for location, _ in problems] == ["recipes_source/z/one.py:1"]
    assert "recipes_source/section/one.py" in problems[0][1]


@pytest.mark.parametrize("bad", ["section", "z"])
def test_a_recipe_of_the_name_of_an_invalid_one_is_not_left_out_silently(collected, bad):
    files = {f"{name}/one.py": "print(1)" if name == bad else GOOD for name in ("section", "z")}
    found, problems = collected({**files, "z/GALLERY_HEADER.rst": "Z\n=\n"})
    assert list(found) == [f"{'z' if bad == 'section' else 'section'}/one.py"]
    reported = [(location.split("/")[1], "same file name" in message) for location, message in problems]
    assert sorted(reported) == sorted([(bad, False), ("z", True)])


# -- files that belong to none -------------------------------------------------------


def test_files_that_no_recipe_names_are_strays(collected, source, conf):
    files = {"section/one.py": recipe("import _a"), "section/_a.py": "open('x.csv')", "section/x.csv": "1"}
    other = {"section/model.pt": "", "y.txt": "", "section/_a.txt": "", "section/.z": "", "section/x.csv~": ""}
    (source / "section/__pycache__").mkdir()
    found, problems = collected({**files, **other, "section/_b.py": "", "section/__pycache__/x.pyc": ""})
    assert problems == []
    assert unused_files(source, found, conf) == [source / "section/model.pt", source / "y.txt"]


def test_a_script_in_a_folder_of_a_section_is_named_unless_a_recipe_uses_it(collected, source, conf):
    deeper = {f"section/{name}.py": GOOD for name in ("deeper/lost", "deeper/_helper", "used/x", "_hidden/y")}
    found, problems = collected({"section/one.py": recipe("import used.x"), **deeper})
    assert list(found) == ["section/one.py"] and problems == []
    assert unused_files(source, found, conf) == [source / "section/deeper/lost.py"]


@pytest.mark.parametrize("ruled", [True, False])
def test_a_stray_is_a_problem_of_a_project_with_that_rule(app, build, ruled):
    app.config.recipe_rules = ["used files"] * ruled
    (build.source / "section/one.py").write_text(GOOD)
    (build.source / "section/model.pt").write_text("")
    find_recipes(app)
    assert list(build.recipes) == ["section/one.py"]
    assert [location for location, _ in build.problems] == ["recipes_source/section/model.pt:1"] * ruled
    assert not any("delete" in message for _, message in build.problems), "a recipe may find it by its pattern"


# -- what is removed -------------------------------------------------------------------

SUFFIXES = (".py", ".ipynb", ".zip", ".rst", ".py.md5", ".py.stamp", ".codeobj.json")
IMAGES = ("{}_001.png", "{}_1000.png", "thumb/{}_thumb.png", "thumb/{}_thumb.svg")


def outcome(build, stem):
    """Return the files that sphinx-gallery makes of the recipe *stem* of the section."""
    folder = build.gallery / "section"
    images = (folder / "images" / image.replace("{}", f"sphx_glr_{stem}") for image in IMAGES)
    return {*images, *(folder / f"{stem}{suffix}" for suffix in SUFFIXES)}


def test_all_that_was_made_of_a_removed_recipe_goes_and_nothing_of_another(app, build):
    (build.source / "section/load_more.py").write_text(GOOD)
    (build.source / "section/load_100_files.py").write_text(GOOD)
    kept = outcome(build, "load_more") | outcome(build, "load_100_files") | {build.gallery / "section/index.rst"}
    for path in outcome(build, "load") | kept:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    delete_removed(app)
    assert {path for path in outcome(build, "load") | kept if path.exists()} == kept
