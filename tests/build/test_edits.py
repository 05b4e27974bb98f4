"""Whatever is edited, the next `make html` shows it: our package, templates, styles, inventories, `conf.py`.

One site, with copies of all of them, is edited step by step. Functions are wrapped at the end of
their module, so no test here depends on how they are written.
"""

import json
import shutil
import zlib
from importlib.metadata import version

import pytest
from conftest import ROOT, TinySite, recipe
from cookbook.build import PACKAGE, digest
from cookbook.recipes.recipe import code_of
from reading import parse
from sphinx_gallery.py_source_parser import split_code_and_text_blocks

MODULES = sorted(path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py"))
WRAPPED = """

_unedited = {name}


def {name}(*arguments):
    result = _unedited(*arguments)
    {change}
    return result
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    text = recipe("import torch\nprint(torch.zeros(1))", "One").replace("Some text", "Some text of :func:`torch.zeros`")
    site = TinySite(tmp_path_factory.mktemp("edits"), {"one.py": text})
    with open(site.folder / "index.rst", "a") as index:
        index.write("   more\n")
    (site.folder / "more.rst").write_text("More\n====\n\nIt is about :func:`torch.zeros`.\n")
    for name in ("_ext", "_templates", "_static"):
        (site.folder / name).unlink()
        shutil.copytree(ROOT / name, site.folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    done = site.build()
    assert done.code == 0, done.log
    return site


def edit(site, name, before, after):
    path = site.folder / name
    text = path.read_text(encoding="utf-8")
    assert before in text
    path.write_text(text.replace(before, after), encoding="utf-8")


def wrap(site, module, name, change):
    with open(site.folder / "_ext/cookbook" / module, "a") as file:
        file.write(WRAPPED.format(name=name, change=change))


def build(site):
    done = site.build()
    assert done.code == 0, done.log
    assert "0 to execute" in done.log
    return done.log


def one(site, pattern):
    """Return the text of the only file of the site that fits *pattern*."""
    (path,) = site.out.glob(pattern)
    return path.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", MODULES)
def test_an_edit_of_any_module_makes_all_pages_be_read_anew(name, tmp_path):
    """The digest is the version of Sphinx's environment; that a version does so is tested below."""
    shutil.copytree(PACKAGE, tmp_path / "cookbook", ignore=shutil.ignore_patterns("__pycache__"))
    assert digest.__wrapped__(tmp_path / "cookbook") == digest()
    with open(tmp_path / "cookbook" / name, "a") as module:
        module.write("\n")
    assert digest.__wrapped__(tmp_path / "cookbook") != digest()


def test_styles_and_scripts(site):
    for name, text in (
        ("site.css", "main {outline-color: #123456}"),
        ("search.js", "// edited"),
        ("icon.svg", "<!-- edited -->"),
    ):
        with open(site.folder / "_static" / name, "a") as file:
            file.write(f"\n{text}\n")
    assert " 0 added, 0 changed" in build(site)
    assert "#123456" in one(site, "_static/styles.*.css")
    assert "// edited" in one(site, "_static/search.*.js")
    assert "<!-- edited -->" in one(site, "_static/icon.svg")
    for page, mentioned in (("index.html", "styles.*.css"), ("search.html", "search.*.js")):
        (path,) = (site.out / "_static").glob(mentioned)
        assert f"_static/{path.name}" in (site.out / page).read_text()


def test_templates(site):
    edit(site, "_templates/layout.html", "{{ provenance.said", "Edited: {{ provenance.said")
    edit(site, "_templates/404.html", "{%- extends", "{#- edited #}{%- extends")
    build(site)
    assert "Edited: Verified with" in parse(site.page("one.html")).select_one(".provenance").get_text()


def test_inventories(site):
    path = site.folder / "_ext/inventories/torch.inv"
    *head, body = path.read_bytes().split(b"\n", 4)
    body = zlib.compress(zlib.decompress(body).replace(b"generated/", b"edited/"))
    path.write_bytes(b"\n".join([*head, body]))
    build(site)
    for page in (site.page("one.html"), site.out / "more.html"):
        links = [link["href"] for link in parse(page).select("a[href*=zeros]")]
        assert links and all("/edited/torch.zeros" in link for link in links)
    assert "/edited/torch.zeros" in one(site, "_downloads/*/one.ipynb")


def test_what_other_versions_of_torch_print(site):
    code = code_of(split_code_and_text_blocks(site.source / "section/one.py")[1])
    findings = {"2.6.0": "KeyError: '<old>'", "2.98.0": [], "2.99.0": ["-old", "+<new>"]}
    records = {other: {"section/one.py": {"code": code, "found": found}} for other, found in findings.items()}
    pinned = version("torch").partition("+")[0]
    (site.folder / "_ext/verified.json").write_text(json.dumps({pinned: records}))
    build(site)
    page = parse(site.page("one.html"))
    same = f" Same output on torch {pinned} and 2.98.0."
    exceptions = "Output differs on torch 2.99.0. Does not run on torch 2.6.0."
    line = page.select_one(".provenance")
    assert " ".join(line.get_text().split()).endswith(f"{same} {exceptions}")
    there = page.find(id=line.a["href"].removeprefix("#"))
    assert [pre.get_text() for pre in there.select("pre")] == ["KeyError: '<old>'", "-old\n+<new>"]
    text = one(site, "recipes/section/one.md")
    assert f"{same} {exceptions}" in text and "\n-old\n+<new>\n" in text and "\nKeyError: '<old>'\n" in text


def test_headers_and_pages(site):
    edit(site, "recipes_source/section/GALLERY_HEADER.rst", "Some recipes.", "Some edited recipes.")
    edit(site, "index.rst", "Tiny", "Edit")
    build(site)
    assert "Some edited recipes." in parse(site.page("index.html")).get_text()
    assert parse(site.out / "index.html").h1.get_text().startswith("Edit")


def test_configuration(site):
    edit(site, "conf.py", "html_title = project", 'html_title = "An edited title"')
    build(site)
    assert "An edited title" in parse(site.page("one.html")).title.get_text()


def test_modules(site):
    wrap(site, "markdown.py", "block", 'result = result.replace("Some text", "Some edited text")')
    wrap(site, "pages/provenance.py", "provenance", 'result = result and {**result, "said": "torch edited"}')
    env = "arguments[0].env"
    wrap(
        site,
        "site/search.py",
        "collect_text",
        f'{env}.metadata[{env}.docname].get("search", {{}}).update(promise="edited")',
    )
    assert " 5 added" in build(site)
    assert "Some edited text" in one(site, "recipes/section/one.md")
    assert "Some edited text" in one(site, "_downloads/*/one.ipynb")
    assert "torch edited" in " ".join(parse(site.page("one.html")).select_one(".provenance").get_text().split())
    assert '"promise":"edited"' in one(site, "_static/search-index.*.js")
