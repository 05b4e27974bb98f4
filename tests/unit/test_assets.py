"""Scripts named by their content, and no file that no page uses."""

import hashlib
import re

import pytest
from cookbook.site.assets import name_scripts, remove_unused, replace, written_pages

PAGE = '<script src="{up}_static/site.js?v=1a2b"></script><script defer src="{up}_static/sub/x.js"></script>'


@pytest.fixture
def site(tmp_path):
    """A site of two pages with two scripts."""
    static = tmp_path / "_static"
    (static / "sub").mkdir(parents=True)
    (tmp_path / "deep").mkdir()
    (static / "site.js").write_text("one")
    (static / "sub/x.js").write_text("two")
    (tmp_path / "index.html").write_text(PAGE.format(up=""))
    (tmp_path / "deep/page.html").write_text(PAGE.format(up="../"))
    return tmp_path


def pages(site):
    return [site / "index.html", site / "deep/page.html"]


def named(name, content):
    return f"{name}.{hashlib.sha256(content.encode()).hexdigest()[:8]}.js"


def files(site):
    return {path.relative_to(site / "_static").as_posix() for path in (site / "_static").rglob("*") if path.is_file()}


def test_pages_are_those_below_the_site_and_not_what_is_static(site, app):
    (site / "_static/help.html").write_text("")
    app.outdir = str(site)
    assert written_pages(app) == [site / "deep/page.html", site / "index.html"]


def test_only_what_a_replacement_changes_is_written(site):
    changed, same = pages(site)
    changed.write_text("a@c")
    before = same.stat().st_mtime_ns
    replace(re.compile("@"), "x", pages(site))
    assert changed.read_text() == "axc" and same.stat().st_mtime_ns == before


def test_pages_lead_to_a_copy_of_each_script_that_is_named_by_its_content(site):
    name_scripts(site / "_static", pages(site))
    for page, up in zip(pages(site), ("", "../")):
        assert page.read_text() == (
            f'<script src="{up}_static/{named("site", "one")}"></script>'
            f'<script defer src="{up}_static/{named("sub/x", "two")}"></script>'
        )
    assert (site / "_static" / named("site", "one")).read_text() == "one"
    assert files(site) == {"site.js", "sub/x.js", named("site", "one"), named("sub/x", "two")}


def test_a_second_time_changes_nothing_also_where_the_first_script_is_gone(site):
    name_scripts(site / "_static", pages(site))
    remove_unused(site / "_static", pages(site))
    before = [page.read_text() for page in pages(site)]
    assert files(site) == {named("site", "one"), named("sub/x", "two")}
    name_scripts(site / "_static", pages(site))
    remove_unused(site / "_static", pages(site))
    assert [page.read_text() for page in pages(site)] == before
    assert files(site) == {named("site", "one"), named("sub/x", "two")}


def test_a_changed_script_takes_the_place_of_the_one_before(site):
    name_scripts(site / "_static", pages(site))
    (site / "_static/site.js").write_text("three")
    name_scripts(site / "_static", pages(site))
    remove_unused(site / "_static", pages(site))
    assert files(site) == {named("site", "three"), named("sub/x", "two")}
    assert f'"_static/{named("site", "three")}"' in (site / "index.html").read_text()


@pytest.mark.parametrize(
    "text",
    ['<script src="_static/no.js">', '<script src="https://a.b/x.js">', "import _static/site.js", "_static/a.css"],
)
def test_what_is_no_script_of_ours_is_left_as_it_is(site, text):
    (site / "index.html").write_text(text)
    name_scripts(site / "_static", [site / "index.html"])
    assert (site / "index.html").read_text() == text


def test_files_stay_that_a_page_or_what_it_loads_mentions(site):
    static = site / "_static"
    for name in ("style.css", "used.css", "font/a.woff2", "b.svg", "c.png", "d.png", "e.js", "left.css", "font/z.woff"):
        (static / name).parent.mkdir(exist_ok=True)
        (static / name).write_text("")
    (site / "index.html").write_text('<link href="_static/style.css?v=1"><img src="_static/c.png">')
    (static / "style.css").write_text("@import url(used.css); p {background: url('b.svg')}")
    (static / "used.css").write_text('src: url("font/a.woff2")')
    (static / "left.css").write_text("p {background: url(d.png)}")
    (static / "c.png").write_text("_static/d.png")
    remove_unused(static, [site / "index.html"])
    assert files(site) == {"style.css", "used.css", "font/a.woff2", "b.svg", "c.png"}


def test_what_a_script_loads_stays(site):
    (site / "index.html").write_text('<script src="_static/site.js">')
    (site / "_static/site.js").write_text('load("_static/sub/x.js")')
    remove_unused(site / "_static", [site / "index.html"])
    assert files(site) == {"site.js", "sub/x.js"}


def test_empty_folders_go_and_a_mentioned_one_is_no_file(site):
    (site / "index.html").write_text('<a href="_static/sub/">')
    (site / "_static/sub/deep/deeper").mkdir(parents=True)
    remove_unused(site / "_static", [site / "index.html"])
    assert list((site / "_static").iterdir()) == []
