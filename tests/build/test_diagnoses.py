"""A diagnosis in a recipe: where it shows, where it does not, and what is said of a wrong one."""

import re

from conftest import recipe
from reading import parse

RAISES = """try:
    {}
except {} as error:
    print(f"{{type(error).__name__}}: {{error}}")
"""
ZERO = RAISES.format("1 / 0", "ZeroDivisionError")
#: A wrong diagnosis, and what is said of it.
WRONG = {
    "diagnosis::": "1 argument(s) required",
    "diagnosis:: Because\n\n   fix()": "end the cause 'Because' with a full stop",
    "diagnosis:: It is so.": "a reader pastes 1 to 3 lines, these are 0",
    "diagnosis:: It is so.\n\n   a\n   b\n   c\n   d": "these are 4",
    "diagnosis:: It is so.\n   :message:\n\n   fix()": "the option message is empty",
    "diagnosis:: It is so.\n   :message: {} a\n\n   fix()": "the message '{} a' fits almost any text",
    "diagnosis:: It is so.\n   :cause: that\n\n   fix()": 'unknown option: "cause"',
    "diagnosis:: It is so.\n   :fix: variant\n\n   fix()": "did you mean variants?",
    "diagnosis:: It is so.\n   :fix: nowhere\n\n   fix()": "choose one of variants",
}


def comment(text):
    return "".join(f"# {line}".rstrip() + "\n" for line in text.splitlines())


def with_index(site):
    (site.folder / "errors.rst").write_text("Errors\n======\n\n.. error-index::\n")
    (site.folder / "index.rst").write_text("Tiny\n====\n\n.. toctree::\n\n   errors\n   recipes/index\n")
    return site


def test_a_wrong_diagnosis_is_reported_with_its_line(tiny_site):
    text = recipe("print(1)") + "\n# %%\n# Variants\n# --------\n# Text.\n"
    places = {}
    for lines, problem in WRONG.items():
        text += "#\n"
        places[text.count("\n") + 1] = problem
        text += comment(f".. {lines}")
    text += f"\n{ZERO}\n# %%\n#\n# .. diagnosis:: It is about nothing.\n#\n#    fix()\n\nprint(1)\n"
    places[text[: text.index(".. diagnosis:: It is about")].count("\n") + 1] = "this diagnosis is about no message"
    done = with_index(tiny_site({"one.py": text})).build()
    assert done.code == 1
    summary = done.log.partition("problem(s) with recipes:")[2]
    said = {
        int(line): text
        for line, text in re.findall(r"^  recipes_source/section/one\.py:(\d+): (.*)", summary, re.MULTILINE)
    }
    assert said.keys() == places.keys(), done.log
    for line, problem in places.items():
        assert problem in said[line]


def test_a_diagnosis_shows_with_its_message_and_nowhere_else(tiny_site):
    text = recipe("print(1)") + "\n# %%\n# Variants\n# --------\n# Text.\n#\n"
    text += comment(".. diagnosis:: ``b`` was zero.\n   :fix: variants\n\n   b = 1") + f"\n{ZERO}"
    text += "\n# %%\n# More.\n#\n"
    text += comment(".. diagnosis:: It is older.\n   :message: old words of {name}\n\n   new({name})")
    text += f"\n{ZERO}"
    site = with_index(tiny_site({"one.py": text, "two.py": recipe(ZERO, "Another")}))
    done = site.build()
    assert done.code == 0, done.log
    division, other = parse(site.out / "errors.html").select(".error-entry")
    assert division.select_one("pre").get_text() == "ZeroDivisionError: division by zero"
    (fix,) = division.select(".fix")
    assert [part.get_text().strip() for part in fix.find_all(["p", "pre"])] == [
        "b was zero.",
        "b = 1",
        "A recipe · Variants",
    ]
    assert fix.select_one("p > code").get_text() == "b"
    assert fix.a["href"] == "recipes/section/one.html#variants"
    assert [a.get_text() for a in division.select(".error-places a")] == ["A recipe", "A recipe", "Another"]
    assert other.select_one("pre").get_text() == "old words of …"
    assert "new(name)" in other.get_text() and other.select_one(".fix a")["href"] == "recipes/section/one.html"
    assert "``b``" not in (site.out / "errors.md").read_text() and "b = 1" in (site.out / "errors.md").read_text()
    for suffix in ("html", "md", "ipynb"):
        for path in site.out.rglob(f"one*.{suffix}"):
            assert "was zero" not in path.read_text() and "diagnosis" not in path.read_text()
