"""After any edits, a build gives what a clean one gives: the same files, the same bytes, the same exit status.

A site is edited at random, built, edited and built again. After each build, a clean one of the same
files executes everything anew in another folder. In between, builds are killed, and files have
times that are older than the last build, as `cp -p` and rsync leave them. No file of the site is
left out of the comparison; the builds declare a date, since pages say when a recipe was executed.
"""

import contextlib
import hashlib
import io
import os
import shutil
import subprocess

import pytest
from conftest import ROOT, TinySite, recipe
from fuzzing import fuzz
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image
from reading import differences

pytestmark = pytest.mark.slow

SECTIONS = ("alpha", "beta", "gamma")
STEMS = ("one", "two", "three", "one_001", "_four")
#: The code of recipes. ``V`` is a number.
CODES = {
    "print": "print('printed', V)",
    "figure": "import matplotlib.pyplot as plt\nplt.plot([1, V])\nplt.title('Figure V')\nplt.show()",
    "two figures": "import matplotlib.pyplot as plt\nfor i in range(2):\n"
    "    plt.figure()\n    plt.plot([i, V])\n    plt.title(f'Figure {i}')\nplt.show()",
    "helper": "import _help\nprint(_help.WORD)",
    "data": "print(open('data.txt').read())",
    "links": "import numpy\nprint(numpy.zeros(V))",
    "message": "print('ValueError: a message, not V')",
    "long": "for i in range(30):\n    print(i, 'x' * 20 * V)",
    "error": "print('before')\n1 / 0",
    "silent": "x = V",
}
SETTINGS = {
    "tags": ('["loading"]', '["saving", "keys"]', '["lodaing"]'),
    "keywords": ('["a word"]', '["another"]'),
    "reading_order": ("1", "2", "-1"),
    "thumbnail_number": ("2", "-1"),
    "thumbnail_path": ('"picture.png"',),
    "line_numbers": ("True",),
}
#: Replaced in conf.py.
CONF = (
    ('repository = ""', 'repository = "https://github.com/o/n"'),
    ('html_baseurl = ""', 'html_baseurl = "https://example.org/a/"'),
    ("html_title = project", 'html_title = "Another title"'),
    ('"thumbnail_size": (480, 300)', '"thumbnail_size": (240, 150)'),
    ('"*",\n    ],', '"recipes_source/beta",\n        "*",\n    ],'),
    ('    *("loading", "saving",', '    *("loading",'),
    ("nitpicky = True", "nitpicky = False"),
)
#: Appended to files of ours.
CODE = {
    "_static/site.css": "\n.site-header {outline-color: #1234V}\n",
    "_static/site.js": "\n// edited V\n",
    "_static/icon.svg": "\n<!-- V -->\n",
    "_templates/layout.html": "{# #}\n<!-- V -->",
    "_templates/404.html": "\n{#- V #}\n",
    "_ext/cookbook/markdown.py": "\n_block = block\n\n\ndef block(*a):\n    return _block(*a).replace('Text', 'Text V')\n",
    "_ext/cookbook/pages/head.py": "\nDEFAULT = 'Described V'\n",
    "_ext/cookbook/run/process/text.py": "\n# V\n",
}
#: Pages, and what they use.
PAGES = {
    "more.rst": "More V\n======\n\n.. image:: picture.png\n\n.. include:: part.txt\n\nSee :ref:`sphx_glr_recipes_alpha_one.py`.\n",
    "other.rst": "Other\n=====\n\nText V. See :doc:`recipes/alpha/two`, :ref:`section_beta`.\n",
    "errors.rst": ":nosearch:\n\nErrors V\n========\n\n.. error-index::\n",
    "part.txt": "Part V.\n",
    "picture.png": "",
    "index.rst": "Tiny V\n======\n\n.. toctree::\n   :maxdepth: 1\n\n   recipes/index\n",
}


def picture(number):
    data = io.BytesIO()
    Image.new("RGB", (30, 20), (number, 0, 0)).save(data, "PNG")
    return data.getvalue()


class Model:
    """The files of a site, as far as they are edited."""

    def __init__(self):
        self.recipes = {}
        self.sections = {name: {"GALLERY_HEADER.rst": 1, "_help.py": 1} for name in ("alpha", "beta")}
        self.pages = {"index.rst": 1, "picture.png": 1, "part.txt": 1}
        self.conf, self.code, self.listed = set(), {}, set()
        for stem, section, code in (("one", "alpha", "print"), ("two", "alpha", "figure"), ("three", "beta", "print")):
            self.add(stem, section, code)

    # -- edits -------------------------------------------------------------

    def add(self, stem, section, code):
        if stem not in self.recipes:
            values = {"section": section, "code": code, "title": 1, "text": 1, "value": 1, "ref": None}
            self.recipes[stem] = {**values, "settings": {}}
            self.sections.setdefault(section, {"GALLERY_HEADER.rst": 1})

    def delete(self, stem):
        self.recipes.pop(stem, None)

    def rename(self, stem, new):
        if stem in self.recipes and new not in self.recipes:
            self.recipes[new] = self.recipes.pop(stem)

    def change(self, stem, field, value):
        if stem in self.recipes:
            self.recipes[stem][field] = value

    def set(self, stem, name, number):
        if stem in self.recipes:
            values = (None, *SETTINGS[name])
            self.recipes[stem]["settings"][name] = values[number % len(values)]

    def section(self, name, file, value):
        self.sections.setdefault(name, {})[file] = value

    def remove(self, section):
        self.sections.pop(section, None)
        self.recipes = {stem: r for stem, r in self.recipes.items() if r["section"] != section}

    def page(self, name, value):
        if value or name != "index.rst":
            self.pages[name] = value

    def list(self, name):
        """Add a page to the home page's list, or take it out, whether it exists or not."""
        self.listed ^= {name}

    def configure(self, number):
        self.conf ^= {number}

    def program(self, name, value):
        self.code[name] = value

    # -- files -------------------------------------------------------------

    def files(self):
        """Return the content of all files by path."""
        files = {"recipes_source/GALLERY_HEADER.rst": "Recipes\n=======\n\nAll of them.\n"}
        for name, section in self.sections.items():
            texts = {
                "GALLERY_HEADER.rst": f".. _section_{name}:\n\n{name.title()} V\n-------\n\nSome recipes.\n",
                "_help.py": "WORD = 'helped V'\n",
                "data.txt": "data V",
            }
            files |= {f"recipes_source/{name}/{f}": texts[f].replace("V", str(n)) for f, n in section.items() if n}
        for stem, r in self.recipes.items():
            settings = "".join(f"# sphinx_gallery_{k} = {v}\n" for k, v in r["settings"].items() if v)
            text = recipe(CODES[r["code"]].replace("V", str(r["value"])), f"{stem} {r['title']}", settings)
            more = f"Text {r['text']}. " + (f":ref:`sphx_glr_recipes_{r['ref']}.py`" if r["ref"] else "")
            files[f"recipes_source/{r['section']}/{stem}.py"] = text.replace("Some text.", more)
        files |= {name: PAGES[name].replace("V", str(n)) for name, n in self.pages.items() if n}
        listed = [f"   {name[:-4]}\n" for name in sorted(self.listed)]
        files["index.rst"] += "".join(listed)
        if self.pages.get("picture.png"):
            files["picture.png"] = picture(self.pages["picture.png"])
        files["conf.py"] = (ROOT / "conf.py").read_text(encoding="utf-8")
        for number in self.conf:
            assert CONF[number][0] in files["conf.py"]
            files["conf.py"] = files["conf.py"].replace(*CONF[number])
        for name, n in self.code.items():
            appended = CODE[name].replace("V", str(n)) if n else ""
            files[name] = (ROOT / name).read_text(encoding="utf-8") + appended
        return {name: text if isinstance(text, bytes) else text.encode() for name, text in files.items()}


def edits():
    """Return the strategy of one edit: a method of `Model`, and its arguments."""
    stem, section = st.sampled_from(STEMS), st.sampled_from(SECTIONS)
    version, code = st.integers(1, 3), st.sampled_from(list(CODES))
    label = st.none() | st.builds("{}_{}".format, section, stem)
    optional = st.integers(0, 3)
    return st.one_of(
        st.tuples(st.just("add"), stem, section, code),
        st.tuples(st.just("delete"), stem),
        st.tuples(st.just("rename"), stem, stem),
        st.tuples(st.just("change"), stem, st.just("section"), section),
        st.tuples(st.just("change"), stem, st.just("code"), code),
        st.tuples(st.just("change"), stem, st.sampled_from(("title", "text", "value")), version),
        st.tuples(st.just("change"), stem, st.just("ref"), label),
        st.tuples(st.just("set"), stem, st.sampled_from(list(SETTINGS)), optional),
        st.tuples(
            st.just("section"), section, st.sampled_from(("GALLERY_HEADER.rst", "_help.py", "data.txt")), optional
        ),
        st.tuples(st.just("remove"), section),
        st.tuples(st.just("page"), st.sampled_from(list(PAGES)), optional),
        st.tuples(st.just("list"), st.sampled_from(("more.rst", "other.rst", "errors.rst"))),
        st.tuples(st.just("configure"), st.integers(0, len(CONF) - 1)),
        st.tuples(st.just("program"), st.sampled_from(list(CODE)), optional),
    )


STEPS = st.lists(
    st.tuples(
        st.lists(edits(), min_size=1, max_size=6),
        st.booleans(),  # whether the files are older than the build
        st.none() | st.floats(0.1, 1),  # when the build is killed
    ),
    min_size=2,
    max_size=6,
)


#: What a switch to another branch can change at once: our code, two sections, the configuration.
BRANCH = [
    ("program", "_ext/cookbook/markdown.py", 1),
    ("remove", "alpha"),
    ("add", "one_001", "gamma", "figure"),
    ("add", "one", "gamma", "message"),
    ("configure", 0),
    ("program", "_templates/layout.html", 1),
]


class Site(TinySite):
    """A site whose files are those of a model."""

    def __init__(self, folder):
        super().__init__(folder)
        for name in ("_ext", "_templates", "_static"):
            (folder / name).unlink()
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.rmtree(self.source)
        (folder / "index.rst").unlink()
        self.files = {}

    def sync(self, files, old=False):
        for name in self.files.keys() - files.keys():
            path = self.folder / name
            path.unlink()
            if path.parent != self.folder and not any(path.parent.iterdir()):
                path.parent.rmdir()
        for name, content in files.items():
            if self.files.get(name) != content:
                path = self.folder / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
                if old:
                    os.utime(path, (1_000_000_000 + len(self.files),) * 2)
        self.files = dict(files)


class Rebuilds:
    """Sites below one folder, and clean builds to compare them with."""

    def __init__(self, folder):
        self.folder, self.count, self.clean_builds = folder, 0, {}

    def clean(self, files):
        """Return the site of a clean build of *files*, with its result ``done``.

        Builds whose folders of recipes are the same share a cache, which nothing else has written to.
        """
        key = repr(sorted(files.items()))
        if key not in self.clean_builds:
            site = self.clean_builds[key] = Site(self.folder / f"clean{len(self.clean_builds)}")
            site.sync(files)
            recipes = repr([(name, content) for name, content in sorted(files.items()) if "/" in name])
            cache = self.folder / f"cache-{hashlib.sha256(recipes.encode()).hexdigest()}"
            site.done = site.build(RECIPE_CACHE=str(cache))
        return self.clean_builds[key]

    def check(self, steps):
        """Build a new site, then do the *steps*; after each, the site must be that of a clean build."""
        self.count += 1
        model, site = Model(), Site(self.folder / f"site{self.count}")
        site.sync(model.files())
        site.build(RECIPE_CACHE=str(self.folder / "cache"))
        shutil.copytree(self.folder / "cache", site.folder / ".recipe_cache")
        for changes, old, kill in steps:
            for name, *arguments in changes:
                getattr(model, name)(*arguments)
            site.sync(files := model.files(), old)
            if kill is not None:
                build = site.start()
                with contextlib.suppress(subprocess.TimeoutExpired):
                    build.wait(3 * kill)
                build.kill()
                build.wait()
            done, clean = site.build(), self.clean(files)
            wrong = differences(site.out, clean.out)
            assert not wrong, (wrong, site.out, clean.out, done.log, clean.done.log)
            assert done.code == clean.done.code, ([done.code], site.out, clean.out, done.log, clean.done.log)
        shutil.rmtree(site.folder)


@pytest.fixture(scope="module")
def rebuilds(tmp_path_factory):
    return Rebuilds(tmp_path_factory.mktemp("rebuilds"))


@fuzz(2)
@given(STEPS)
@example([(BRANCH, True, None), ([("delete", "one_001")], False, 0.5)])
def test_after_any_edits_the_site_is_that_of_a_clean_build(rebuilds, steps):
    rebuilds.check(steps)
