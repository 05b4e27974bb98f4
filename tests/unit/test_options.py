"""The options of sphinx-gallery: each that it has is known, documented, and works or is refused."""

import re
from pathlib import Path
from types import SimpleNamespace

import pytest
import sphinx_gallery
from conftest import ROOT
from cookbook import options
from cookbook.options import OURS, REFUSED, WORKS, find_error
from cookbook.recipes import settings
from sphinx.errors import ConfigError
from sphinx_gallery.gen_gallery import DEFAULT_GALLERY_CONF

DOCUMENTED = (ROOT / "docs/options.md").read_text(encoding="utf-8")
#: Values that no project can want to be those of the build.
OTHER = {
    bool: lambda value: not value,
    int: lambda value: value + 1,
    str: lambda value: "other",
    type(None): lambda value: 1,
}


def other(name):
    """Return a value that is not the one of the build."""
    value = OURS.get(name, DEFAULT_GALLERY_CONF[name])
    return OTHER.get(type(value), lambda value: ["other"])(value)


def test_every_option_of_sphinx_gallery_is_known():
    assert DEFAULT_GALLERY_CONF.keys() == WORKS | REFUSED.keys() and not WORKS & REFUSED.keys()


def test_the_documentation_says_of_every_option_what_it_does():
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", DOCUMENTED, re.MULTILINE))
    assert {name for name, text in rows.items() if text.startswith("works")} == WORKS
    assert {name: text.removeprefix("refused: ") for name, text in rows.items() if name not in WORKS} == REFUSED


def test_every_setting_of_sphinx_gallery_is_known_and_documented():
    source = "".join(path.read_text() for path in Path(sphinx_gallery.__file__).parent.glob("*.py"))
    theirs = set(re.findall(r"(?:file|block)_conf\"?\]?(?:\.get\(|\[)\s*\"(\w+)\"", source))
    theirs |= set(re.findall(r"#(?:\\s\*)?\s*sphinx_gallery_(defer_\w+)", source))
    theirs |= set(re.findall(r"FLAG_START \+ \"sphinx_gallery_(\w+)\"", source))
    assert {"thumbnail_number", "capture_repr_block", "multi_image", "defer_figures", "start_ignore"} <= theirs
    assert theirs <= settings.SETTINGS.keys() | settings.FLAGS | settings.REFUSED.keys()
    documented = set(re.findall(r"`# sphinx_gallery_(\w+)", DOCUMENTED))
    assert documented == theirs


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_a_refused_option_is_told_unless_its_value_is_that_of_the_build(name):
    assert REFUSED[name] in find_error(name, other(name))
    assert find_error(name, OURS.get(name, DEFAULT_GALLERY_CONF[name])) == ""


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(
            ("matplotlib_animations", value)
            for value in (True, (True,), (True, None), (True, "mp4"), (1, "html5"), "gif")
        ),
        ("examples_dirs", ["recipes_source", "more"]),
        ("examples_dirs", "more"),
        ("gallery_dirs", ["auto_examples"]),
        ("image_scrapers", ("matplotlib", len)),
        ("abort_on_example_error", "True"),
    ],
)
def test_a_value_that_the_build_cannot_obey_is_told(name, value):
    assert find_error(name, value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("capture_repr", ()),
        ("capture_repr", ("_repr_html_", "__repr__")),
        ("matplotlib_animations", False),
        ("matplotlib_animations", (True, "gif")),
        ("matplotlib_animations", [True, "gif"]),
        ("examples_dirs", "recipes_source"),
        ("examples_dirs", Path("recipes_source")),
        ("gallery_dirs", "recipes"),
        ("image_scrapers", "matplotlib"),
        ("image_scrapers", ["matplotlib", "package.module.function"]),
        ("parallel", "False"),
        ("show_memory", False),
    ],
)
def test_a_value_that_the_build_obeys_is_not_told(name, value):
    assert find_error(name, value) == ""


def test_an_option_that_sphinx_gallery_adds_is_not_ignored(monkeypatch):
    monkeypatch.setitem(DEFAULT_GALLERY_CONF, "brand_new", False)
    assert find_error("brand_new", True) == "this build does not know the option. Leave it out"


@pytest.fixture
def checked(app, build):
    """Check these options; return what the build makes of them."""

    def checked(**conf):
        config = SimpleNamespace(sphinx_gallery_conf=conf, abort_on_example_error=False, suppress_warnings=[])
        options.check(app, config)
        return config.sphinx_gallery_conf

    return checked


def test_the_build_sets_what_it_relies_on(checked, build):
    assert checked() == {**OURS, "download_all_examples": False, "matplotlib_animations": False} and build.archives
    assert checked(examples_dirs="recipes_source", capture_repr=())["examples_dirs"] == ["recipes_source"]


@pytest.mark.parametrize(("value", "archives"), [(True, True), (False, False), ("0", False)])
def test_the_archives_are_those_of_the_build(checked, build, value, archives):
    assert not checked(download_all_examples=value)["download_all_examples"] and build.archives == archives


def test_html_needs_what_cleans_it(checked, monkeypatch):
    assert checked(capture_repr=("_repr_html_",))["capture_repr"] == ("_repr_html_",)
    monkeypatch.setattr(options, "find_spec", lambda name: None)
    with pytest.raises(
        ConfigError, match=r"\['capture_repr'\] = .* where nh3 is installed, which cleans it: pip install nh3$"
    ):
        checked(capture_repr=("_repr_html_",))
    assert checked(capture_repr=("__str__",))


def test_sphinx_gallery_is_asked_for_animations_without_its_extension_for_videos(checked):
    assert checked(matplotlib_animations=(True, "gif"))["matplotlib_animations"] is True


def test_what_is_refused_is_one_sentence_that_names_the_option(checked):
    with pytest.raises(ConfigError, match=r"^conf.py: sphinx_gallery_conf\['binder'\] = {'org': 'x'}: pages .*"):
        checked(binder={"org": "x"})


def test_a_project_without_recipes_is_told_where_to_put_them(app, build, checked):
    (build.source / "section/GALLERY_HEADER.rst").unlink()
    for folder in ("section", ""):
        for path in (build.source / folder).glob("*.rst"):
            path.unlink()
        (build.source / folder).rmdir()
    with pytest.raises(ConfigError, match=r"no folder recipes_source/ beside conf\.py"):
        checked()
