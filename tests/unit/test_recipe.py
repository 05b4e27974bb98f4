"""What a recipe's result depends on, and what it does not: the key."""

import json
import platform
from types import SimpleNamespace

import pytest
from cookbook.build import PACKAGE, digest
from cookbook.recipes import dependencies, recipe
from cookbook.recipes.recipe import CONF, PROCESS, Recipe, block_lines, drop_empty, figures, is_figure

TEXT = '''"""
Title
=====

A promise.
"""

# sphinx_gallery_tags = ["loading"]
# sphinx_gallery_reading_order = 20

# %%
# Some text.

import _helper

print(open("data/x.bin", "rb").read())

# %%
# More text.

print(2)
'''


@pytest.fixture
def made(project, conf):
    """Return the recipe of this text and configuration."""

    def made(text=TEXT, name="section/one.py", **changed):
        path = project / "recipes_source" / name
        path.write_text(text)
        return Recipe(name, project / "recipes_source", {**conf, **changed})

    folder = project / "recipes_source/section"
    (folder / "data").mkdir()
    (folder / "data/x.bin").write_bytes(bytes(range(256)))
    (folder / "_helper.py").write_text("import _deep\n")
    (folder / "_deep.py").write_text("x = 1\n")
    return made


def test_the_key_is_a_hash_and_the_same_each_time(made):
    key = made().key
    assert key == made().key and len(key) == 64 and int(key, 16)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("print(2)", "print(3)"),
        ("print(2)", "print(2)  # a comment"),
        ("print(2)", "print(2)\n\nprint(3)"),
        ("\n\nimport _helper", "\n\nprint(1)\n\n# %%\n# Text.\n\nimport _helper"),
        ("import _helper\n\n", "import _helper\n\n# %%\n# Text between.\n\n"),
        ("order = 20", "order = 20\n# sphinx_gallery_timeout = 3"),
        ("order = 20", "order = 20\n# sphinx_gallery_memory = 3"),
        ("order = 20", "order = 20\n# sphinx_gallery_output = 3"),
        ("order = 20", 'order = 20\n# sphinx_gallery_overflow = "fail"'),
        ("order = 20", "order = 20\n# sphinx_gallery_gpu = True"),
        ("order = 20", 'order = 20\n# sphinx_gallery_capture_repr = ("_repr_html_",)'),
    ],
)
def test_code_and_settings_that_can_change_its_output_change_the_key(made, old, new):
    assert old in TEXT and made(TEXT.replace(old, new)).key != made().key


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("A promise.", "Another promise.\n\nIn two paragraphs."),
        ("Title\n=====", "Another title\n============="),
        ("Some text.", "Some other text,\n# in two lines."),
        ('["loading"]', '["saving", "keys"]'),
        ("order = 20", "order = 30"),
        ("order = 20", 'order = 20\n# sphinx_gallery_keywords = ["disk space"]'),
        ("order = 20", "order = 20\n# sphinx_gallery_thumbnail_number = 2"),
        ("order = 20", 'order = 20\n# sphinx_gallery_thumbnail_path = "_static/x.png"'),
        ("order = 20", "order = 20\n# sphinx_gallery_line_numbers = True"),
        ("import _helper", "\n\nimport _helper"),
        ("print(2)\n", "print(2)\n\n# sphinx_gallery_tags = []\n\n"),
        ("import _helper", "# sphinx_gallery_tags = []\nimport _helper"),
    ],
)
def test_prose_and_settings_that_change_no_output_leave_the_key(made, old, new):
    assert old in TEXT and made(TEXT.replace(old, new)).key == made().key


@pytest.mark.parametrize("name", ["data/x.bin", "_helper.py", "_deep.py"])
def test_the_files_that_it_names_are_in_its_key_byte_by_byte(made, project, name):
    key = made().key
    path = project / "recipes_source/section" / name
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert made().key != key


def test_files_that_it_does_not_name_are_not_in_its_key(made, project):
    key = made().key
    (project / "recipes_source/section/_other.py").write_text("x = 1\n")
    (project / "recipes_source/section/data/y.bin").write_bytes(b"")
    assert made().key == key


def test_its_name_is_in_its_key_as_its_output_may_say_it(made):
    assert made(name="section/two.py").key != made().key


@pytest.mark.parametrize("setting", [*CONF, "gallery_dirs"])
def test_settings_of_the_gallery_that_change_output_are_in_the_key(made, setting):
    assert made(**{setting: ["other"]}).key != made().key


def test_other_settings_of_the_gallery_are_not(made):
    assert made(thumbnail_size=(1, 2), ignore_pattern="x").key == made().key


def test_a_tuple_in_the_configuration_is_as_good_as_a_list(made):
    assert made(image_scrapers=["scraper"]).key == made(image_scrapers=("scraper",)).key


@pytest.mark.parametrize("other", [{"torch": "9"}, {"sphinx-gallery": "9"}, {"torch": None}])
def test_versions_of_packages_are_in_the_key(made, monkeypatch, other):
    key, stock = made().key, dependencies.version
    monkeypatch.setattr(dependencies, "version", lambda name: other.get(name, stock(name)))
    assert made().key != key


def test_the_version_of_what_it_imports_is_in_the_key(made, monkeypatch):
    text, stock = TEXT.replace("import _helper", "import yaml"), dependencies.version
    monkeypatch.setattr(dependencies, "version", lambda name: "1" if name == "yaml" else stock(name))
    key, without = made(text).key, made().key
    monkeypatch.setattr(dependencies, "version", lambda name: "2" if name == "yaml" else stock(name))
    assert made(text).key != key and made().key == without


def test_the_version_of_python_is_in_the_key(made, monkeypatch):
    key = made().key
    monkeypatch.setattr(platform, "python_version", lambda: "3.99.0")
    assert made().key != key


@pytest.mark.parametrize("path", PROCESS, ids=lambda path: path.name)
def test_the_code_of_its_process_is_in_the_key(made, monkeypatch, path):
    key = made().key
    assert path.exists() and path.is_relative_to(PACKAGE)
    monkeypatch.setattr(recipe, "digest", lambda other: "changed" if other == path else digest(other))
    assert made().key != key


@pytest.mark.parametrize(("setting", "same"), [("", False), ("# sphinx_gallery_gpu = True\n", True)])
def test_only_a_recipe_for_a_gpu_may_run_on_another_build_of_a_version(made, monkeypatch, setting, same):
    keys = set()
    for version in ("2.13.0+cpu", "2.13.0+cu130"):
        monkeypatch.setattr(dependencies, "version", lambda name, version=version: version)
        found = made(TEXT.replace("# %%", f"{setting}\n# %%", 1))
        assert found.task["gpu"] is same and set(found.task["versions"].values()) == {version}
        keys.add(found.key)
    assert len(keys) == (1 if same else 2)
    monkeypatch.setattr(dependencies, "version", lambda name: "3.0+cpu")
    assert made(TEXT.replace("# %%", f"{setting}\n# %%", 1)).key not in keys


# -- its figures -----------------------------------------------------------------------


def test_figures_are_those_of_the_recipe_and_of_no_other(tmp_path):
    own = {f"sphx_glr_load_{name}" for name in ("001.png", "1000.png", "001.svg", "002.gif")}
    others = {
        f"sphx_glr_load_{name}.png" for name in ("01", "more_001", "100_001", "001_dark", "x001", "\u0661\u0661\u0661")
    }
    for name in {*own, *others, "sphx_glr_load_001.txt", "sphx_glr_other_001.png", "xsphx_glr_load_001.png"}:
        (tmp_path / name).write_text("")
    assert {path.name for path in figures(tmp_path, "load")} == own
    assert is_figure("sphx_glr_a.b_001.png", "a.b") and not is_figure("sphx_glr_axb_001.png", "a.b")


# -- the task ------------------------------------------------------------------------


def test_the_task_is_json_and_has_all_that_a_process_needs(made):
    one = made()
    assert one.docname == "recipes/section/one"
    task = one.task
    assert json.loads(json.dumps(task)) == {
        **task,
        "blocks": [list(block) for block in task["blocks"]],
        "conf": {**task["conf"], "capture_repr": [], "image_scrapers": ["scraper"]},
    }
    assert (task["name"], task["source"], task["gallery"], task["gpu"]) == ("section/one.py", TEXT, "recipes", False)
    assert {name: text.encode("latin-1") for name, text in task["files"].items()} == {
        "section/_deep.py": b"x = 1\n",
        "section/_helper.py": b"import _deep\n",
        "section/data/x.bin": bytes(range(256)),
    }
    assert [kind for kind, _, _ in task["blocks"]] == ["code", "code"]
    for _kind, content, line in task["blocks"]:
        shown = TEXT.splitlines()[line - 1 :]
        assert shown[: len(content.splitlines())] == content.splitlines()
    assert task["limits"] == {"seconds": 120, "memory": 4096, "output": 2**20, "overflow": "cut"}
    assert task["file_conf"] == {}


def test_blocks_that_hold_nothing_but_settings_are_dropped():
    block = lambda kind, content: SimpleNamespace(type=kind, content=content)  # noqa: E731
    blocks = [
        block("text", ""),
        block("code", "\n# sphinx_gallery_tags = []\n"),
        block("code", "\n"),
        block("code", "# a comment"),
        block("code", "# sphinx_gallery_gpu = True\nx = 1"),
    ]
    kept = [blocks[0], *blocks[3:]]
    assert drop_empty(blocks) is blocks and blocks == kept


def test_a_kept_result_is_accepted_where_the_lines_that_it_shows_are_the_same(made):
    one = made()
    result = {"error": None, "date": "2026-11-23"}
    lines = block_lines(one.task)
    assert lines == [block[2] for block in one.task["blocks"]] and lines == sorted(set(lines))
    assert one.accepts(result) and one.accepts({**result, "lines": lines})
    assert not one.accepts({**result, "lines": [line + 1 for line in lines]})
    assert not one.accepts({"error": None}) and not one.accepts({**result, "error": {"text": "x"}})


@pytest.mark.parametrize(
    ("line", "packages"),
    [
        ('    pip install "torch>=2.6"', ["torch>=2.6"]),
        ("        pip install 'torch>=2.6' numpy", ["torch>=2.6", "numpy"]),
        ("pip install torch", []),
        ("", []),
    ],
)
def test_what_a_recipe_says_to_install_is_a_line_of_its_text(made, line, packages):
    text = f'"""\nOne\n===\n\nText::\n\n{line}\n"""\n\nprint("    pip install code")\n'
    assert made(text).installs == packages
