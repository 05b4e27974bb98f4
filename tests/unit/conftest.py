"""What the unit tests share: a project without recipes, and a build of it that Sphinx knows nothing of."""

import io
import logging

import pytest
from cookbook.build import Build
from cookbook.problems import Problems


class App:
    """Stands where a function takes Sphinx's application and reads a few of its attributes."""

    def __init__(self, **attributes):
        self.__dict__.update(attributes)


@pytest.fixture
def project(tmp_path):
    """The folder of a project with one empty section."""
    for name in ("recipes_source/section", "recipes", "_build/html", "_build/doctrees"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "conf.py").write_text("project = 'x'\n")
    for name in ("", "section/"):
        (tmp_path / f"recipes_source/{name}GALLERY_HEADER.rst").write_text("Title\n=====\n")
    return tmp_path


@pytest.fixture
def conf():
    """What the functions read of sphinx-gallery's configuration."""
    return {
        "examples_dirs": ["recipes_source"],
        "gallery_dirs": ["recipes"],
        "ignore_pattern": r"^_",
        "source_suffix": {".rst": "restructuredtext"},
        "capture_repr": (),
        "ignore_repr_types": "",
        "image_scrapers": ("scraper",),
        "image_srcset": [],
        "expected_failing_examples": set(),
        "filename_pattern": r"\.py$",
        "plot_gallery": True,
        "matplotlib_animations": False,
    }


@pytest.fixture
def app(project, conf):
    """An application whose build is registered: ``build_of(app)`` is the fixture ``build``."""
    return App(
        srcdir=str(project),
        confdir=str(project),
        outdir=str(project / "_build/html"),
        doctreedir=str(project / "_build/doctrees"),
        config=App(sphinx_gallery_conf=conf, html_baseurl="", repository="", recipe_rules=[]),
    )


@pytest.fixture
def build(app, monkeypatch):
    """The build of ``app``, whatever the environment says."""
    for name in ("JOBS", "RECIPE", "EXECUTOR", "RECIPE_CACHE", "RECIPE_CACHE_SIZE", "SOURCE_DATE_EPOCH"):
        monkeypatch.delenv(name, raising=False)
    build = Build(app)
    handler = logging.StreamHandler(io.StringIO())
    handler.setLevel(logging.WARNING)
    handler.addFilter(Problems(build))
    logging.getLogger("sphinx").addHandler(handler)
    yield build
    logging.getLogger("sphinx").removeHandler(handler)
