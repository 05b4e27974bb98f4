"""Every problem is in the list at the end of the build once, with the author's file, its line and its cause."""

import json
import re

import pytest
from conftest import recipe
from reading import parse

pytestmark = pytest.mark.slow

TEXT = "Some text."


def prose(text, title):
    return recipe("print(1)", title).replace(TEXT, text.replace("\n", "\n# "))


#: The text of a recipe, and what is said of it: the line of the file that it is about, and the message.
TEXTS = {
    "renamed": ("See :ref:`sphx_glr_recipes_section_missing_fil.py`.", "See :ref:", "no such label: sphx_glr_"),
    "role": ("See :fucn:`torch.load`.", "See :fucn:", 'Unknown interpreted text role "fucn"'),
    "name": ("See :func:`torch.loda`.", "torch.loda", "torch.loda. Did you mean torch.load?"),
    "underline": ("Well\n\nOne two three\n~~~~", "# ~~~~", "Title underline too short: One two three"),
    "emphasis": ("One\n\n*two", "# *two", "Inline emphasis start-string without end-string"),
    "directive": (".. nite:: Look", ".. nite::", 'Unknown directive type "nite": .. nite:: Look'),
    "markup": ("=== ===\n1   - a\n=== ===", "1   - a", "Markdown has no syntax for 'bullet_list': rephrase 'a'"),
    "document": ("See :doc:`gone`.", "See :doc:", "unknown document: 'gone'"),
}
CODE = {
    "raises": (
        "x = 1\nraise ValueError('bad')",
        "raise Val",
        "ValueError: bad. See the traceback on its page, or run: ",
    ),
    "missing_file": (
        "print(1)\nprint(open('data/no.csv').read())",
        "print(open",
        "FileNotFoundError: [Errno 2] No such file or directory: 'data/no.csv'. "
        "Put the file at recipes_source/section/data/no.csv, and write its path in the recipe as one string.",
    ),
    "missing_package": (
        "import no_such_package",
        "import no_such",
        "ModuleNotFoundError: No module named 'no_such_package'. Add its package to requirements.txt",
    ),
    "missing_helper": (
        "import _no_such",
        "import _no_such",
        "ModuleNotFoundError: No module named '_no_such'. Write the helper module recipes_source/section/_no_such.py",
    ),
}
#: What the tests of a recipe would refuse: code, settings, where and what the build says of it.
RULES = {
    "deprecated": (
        "import warnings\nprint(1)\nwarnings.warn('use b', FutureWarning)",
        "",
        "warnings.warn",
        "FutureWarning: use b. Use what it names instead, or catch and print the warning.",
    ),
    "temporary": (
        "import tempfile\nprint(tempfile.mkdtemp())",
        "",
        "import tempfile",
        "a temporary path is in the output. It differs in every run: print the file's name, as in path.name.",
    ),
    "picture": (
        "print(1)",
        '# sphinx_gallery_thumbnail_path = "_static/gone.png"\n',
        "thumbnail_path",
        'sphinx_gallery_thumbnail_path = "_static/gone.png": there is no such picture: give its path',
    ),
    "figures": (
        "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.title('Line')\nplt.show()",
        "# sphinx_gallery_thumbnail_number = 2\n",
        "thumbnail_number",
        "sphinx_gallery_thumbnail_number = 2: the recipe has 1 figure(s): give the number of one",
    ),
    "image": (".. image:: /_static/gone.png", "", "image::", "image file not readable: _static/gone.png"),
}


@pytest.fixture(scope="module")
def built(module_site):
    site = module_site({f"{name}.py": prose(text, name) for name, (text, _, _) in TEXTS.items()})
    site.add({f"{name}.py": recipe(code, name) for name, (code, _, _) in CODE.items()})
    for name, (code, settings, _, _) in RULES.items():
        text = prose(code, name) if name == "image" else recipe(code, name, settings)
        site.add({f"{name}.py": text})
    more = "".join(f"\n# %%\n# Step {n}\n\n{code}\n" for n, code in ((2, "1 / 0"), (3, "print(3)"), (4, "x = 4")))
    site.add({"stops.py": recipe("print(1)", "Stops") + more, "well.py": recipe("print(1)", "Well")})
    site.add({"docstring.py": recipe("print(1)", "Doc").replace("something.", "something.\n\nSee `x\n")})
    site.add({"later.py": recipe("print(1)", "Later") + "\n# %%\n# One\n#\n# - two\n# three\n\nprint(2)\n"})
    site.write("section/GALLERY_HEADER.rst", "Section\n-------\n\nAll of\n:ref:`nothing`\n")
    with open(site.folder / "index.rst", "a") as index:
        index.write("\n:ref:`nobody`\n")
    site.done = site.build()
    return site


def summary(done):
    """Return the lines of the list at the end of a build: file and line to message."""
    (lines,) = re.findall(r"\d+ problem\(s\) with recipes:\n((?:  .*\n)+)", done.log)
    return [line.strip().split(": ", 1) for line in lines.splitlines()]


def line_of(site, name, text):
    lines = (site.source / name).read_text().splitlines()
    (line,) = (number for number, line in enumerate(lines, 1) if text in line)
    return f"recipes_source/{name}:{line}"


@pytest.mark.parametrize("name", [*TEXTS, *CODE, *RULES])
def test_a_problem_is_said_once_with_its_place_and_its_cause(built, name):
    *_, where, message = {**TEXTS, **CODE, **RULES}[name]
    place, said = next(row for row in summary(built.done) if f"/{name}.py:" in row[0])
    file, _, line = line_of(built, f"section/{name}.py", where).rpartition(":")
    # docutils gives an image the number of the line after it
    assert place == f"{file}:{int(line) + (name == 'image')}"
    assert message in said
    assert len(re.findall(rf"{re.escape(place)}: (?:WARNING|ERROR): {re.escape(said[:20])}", built.done.errors)) == 1


def test_what_is_wrong_in_a_docstring_a_list_a_header_and_a_page(built):
    rows = dict(summary(built.done))
    assert "without end-string" in rows[line_of(built, "section/docstring.py", "See `x")]
    assert "Bullet list ends" in rows[line_of(built, "section/later.py", "# three")]
    header = line_of(built, "section/GALLERY_HEADER.rst", ":ref:`nothing`").split(":")[0]
    assert [said for place, said in summary(built.done) if place.startswith(header)] == ["no such label: nothing"]
    assert rows["index.rst:8"] == "no such label: nobody"


def test_each_names_a_file_of_the_author_and_nothing_is_said_twice(built):
    rows = [tuple(row) for row in summary(built.done)]
    assert len(rows) == len(set(rows)) == len(TEXTS) + len(CODE) + len(RULES) + 5
    assert all(re.fullmatch(r"(recipes_source/.+\.(py|rst)|index\.rst):\d+", place) for place, _ in rows)
    assert "undefined label" not in built.done.log and str(built.folder) not in built.done.errors


# -- pages of recipes that failed ----------------------------------------------------------------


def test_the_page_of_a_recipe_that_stops_says_so_at_the_top_and_what_never_ran(built):
    page = parse(built.page("stops.html"))
    note = page.select_one("article h1").find_next_sibling()
    line = line_of(built, "section/stops.py", "1 / 0").rpartition(":")[2]
    assert f"This recipe failed in line {line}: ZeroDivisionError: division by zero" in note.get_text()
    assert "2 of its 4 code blocks never ran." in note.get_text() and "failed-recipe" in note["class"]
    marked = [mark.find_next(class_="highlight").get_text().strip() for mark in page.select(".never-ran")]
    assert marked == ["print(3)", "x = 4"]
    cells = json.loads((built.folder / "recipes/section/stops.ipynb").read_text())["cells"]
    assert "failed" not in json.dumps(cells) and "Never ran" not in json.dumps(cells)


@pytest.mark.parametrize(
    ("name", "failed", "never"),
    [("raises", 1, 0), ("temporary", 1, 0), ("deprecated", 1, 0), ("well", 0, 0), ("role", 0, 0), ("figures", 0, 0)],
)
def test_a_page_is_marked_if_its_recipe_failed(built, name, failed, never):
    page = parse(built.page(f"{name}.html"))
    assert [len(page.select(css)) for css in (".failed-recipe", ".never-ran")] == [failed, never]


# -- the next build ------------------------------------------------------------------------------


def test_they_are_the_same_if_pages_are_read_and_written_in_parallel(built, tmp_path):
    assert summary(built.build("-j", "2", out=tmp_path / "html")) == summary(built.done)


def test_a_problem_is_said_again_until_it_is_gone(built):
    again = built.build()
    assert again.code != 0 and summary(again) == summary(built.done)
    built.write("section/role.py", prose("See :func:`torch.load`.", "role"))
    built.write("section/stops.py", recipe("print(1)", "Stops"))
    (built.source / "section/emphasis.py").unlink()
    rows = summary(built.build())
    assert [row for row in summary(again) if row not in rows] == [
        row for row in summary(again) if re.search(r"/(role|emphasis|stops)\.py", row[0])
    ]
    assert not parse(built.page("stops.html")).select(".failed-recipe, .never-ran")
