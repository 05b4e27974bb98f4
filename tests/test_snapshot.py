"""The snapshot of the whole site: put in place where nothing differs, and nowhere else."""

import hashlib
import json
import os
import shutil
import stat
import zipfile

import pytest
from conftest import ROOT, TinySite, recipe
from pages import differences, flip, outputs, seal

KEY = {"RECIPE_CACHE_KEY": "a key of these tests"}
RECIPES = {
    "one.py": recipe("import _helper\nprint(_helper.WORD)", "One"),
    "two.py": recipe("import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.title('Two')\nplt.show()", "Two"),
    "_helper.py": "WORD = 'good'\n",
}
PLACED, SAME = "the cache has the site: it is in place now", "the cache has the site: nothing has changed"


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """A built site, whose cache has its snapshot."""
    site = TinySite(tmp_path_factory.mktemp("kept"), RECIPES)
    own(site)
    done = site.build(**KEY)
    assert done.code == 0 and snapshot(site), done.log
    return site


@pytest.fixture
def checkout(kept, tmp_path):
    """A clean checkout of it in another folder, with a copy of its cache."""
    site = TinySite(tmp_path / "elsewhere/checkout", RECIPES)
    own(site)
    shutil.copytree(kept.folder / ".recipe_cache", site.folder / ".recipe_cache")
    return site


def own(site):
    """Let *site* have files of its own instead of links to those of the project."""
    for name in ("_ext", "_templates", "_static"):
        (site.folder / name).unlink()
        shutil.copytree(ROOT / name, site.folder / name, ignore=shutil.ignore_patterns("__pycache__"))


def snapshot(site):
    """Return the path of the one snapshot in the cache of *site*, None without one."""
    found = list((site.folder / ".recipe_cache").glob("*.zip"))
    assert len(found) < 2
    return found[0] if found else None


def times(site):
    return {path: path.stat().st_mtime_ns for path in site.out.rglob("*")}


def append(name, text):
    return lambda site: site.folder.joinpath(name).write_text(site.folder.joinpath(name).read_text() + text)


def test_clean_checkout_elsewhere_gets_the_same_bytes_and_makes_no_page(kept, checkout):
    done = checkout.build(**KEY)
    assert done.code == 0 and done.log.endswith(f"{PLACED}\n"), done.log
    assert "2 from the cache, 0 to execute" in done.log and "reading sources" not in done.log
    assert differences(kept.out, checkout.out) == []
    assert (checkout.out / "../junit.xml").read_text() == (kept.out / "../junit.xml").read_text()


def test_pages_that_are_made_anew_are_those_of_the_snapshot(kept, checkout):
    done = checkout.build(RECIPE_CACHE_KEY="another")
    assert done.code == 0 and "the cache has the site" not in done.log and "no usable snapshot" not in done.log
    assert differences(kept.out, checkout.out) == []


def test_build_without_a_change_writes_nothing(checkout):
    checkout.build(**KEY)
    before = times(checkout)
    done = checkout.build(**KEY)
    assert done.code == 0 and done.log.endswith(f"{SAME}\n"), done.log
    assert times(checkout) == before


@pytest.mark.parametrize(
    "change",
    {
        "a word of a recipe": append("recipes_source/section/one.py", "\n# %%\n# A word.\n"),
        "the settings of a recipe": append("recipes_source/section/two.py", "\n# sphinx_gallery_line_numbers = True\n"),
        "the title of a section": append("recipes_source/section/GALLERY_HEADER.rst", "More of it.\n"),
        "the first page": append("index.rst", "\nMore of it.\n"),
        "the configuration": append("conf.py", "\nhtml_title = 'Another'\n"),
        "an extension": append("_ext/tags.py", "\nNAME = 1\n"),
        "a template": append("_templates/404.html", "<!-- more -->\n"),
        "a style": append("_static/site.css", ".card { margin: 7px }\n"),
        "an inventory": lambda site: (site.folder / "_ext/inventories/numpy.inv").unlink(),
    }.items(),
    ids=lambda change: change[0],
)
def test_site_that_differs_is_made(checkout, change):
    change[1](checkout)
    done = checkout.build(**KEY)
    assert "the cache has the site" not in done.log and "0 to execute" in done.log, done.log


def test_result_that_differs_is_shown(checkout):
    checkout.write("section/_helper.py", "WORD = 'better'\n")
    assert checkout.build(**KEY).code == 0
    assert outputs(checkout.page("one.html")) == ["better"]


def test_result_that_was_made_another_time_is_another(checkout):
    path = next(p for p in (checkout.folder / ".recipe_cache").glob("*.json") if "good" in p.read_text())
    seal(path, {**json.loads(path.read_bytes().partition(b"\n")[2]), "seconds": 119.0})
    assert "the cache has the site" not in checkout.build(**KEY).log


def test_options_and_date_of_a_build_are_part_of_its_snapshot(checkout):
    assert "the cache has the site" not in checkout.build("-D", "html_title=Another", **KEY).log
    shutil.rmtree(checkout.folder / "_build")
    assert "the cache has the site" not in checkout.build(**KEY, SOURCE_DATE_EPOCH="1600000000").log


def test_first_edit_afterwards_gives_what_a_clean_build_gives(checkout, tmp_path):
    assert PLACED in checkout.build(**KEY).log
    edited = {**RECIPES, "one.py": recipe("print('edited')", "Another title"), "three.py": recipe("print(3)", "Three")}
    checkout.add(edited)
    assert checkout.build(**KEY).code == 0
    clean = TinySite(tmp_path / "clean", edited)
    assert clean.build().code == 0
    assert differences(checkout.out, clean.out) == []


def test_what_was_read_of_another_site_is_forgotten(checkout, tmp_path):
    first = checkout.source.joinpath("section/one.py").read_text()
    edited = recipe("print(1)", "Another title, which the page of the next recipe shows")
    checkout.build(**KEY)
    for text in (edited, first, edited):
        checkout.write("section/one.py", text)
        if text == first:
            shutil.rmtree(checkout.out)
        done = checkout.build(**KEY)
        assert done.code == 0 and (PLACED in done.log) == (text == first)
    clean = TinySite(tmp_path / "clean", {**RECIPES, "one.py": edited})
    assert clean.build().code == 0
    assert differences(checkout.out, clean.out) == []


def test_only_a_site_that_was_built_from_nothing_is_kept(checkout):
    assert PLACED in checkout.build(**KEY).log
    snapshot(checkout).unlink()
    checkout.add({"one.py": recipe("print('edited')")})
    assert checkout.build(**KEY).code == 0
    assert snapshot(checkout) is None


@pytest.mark.parametrize("code", ["1 / 0", "print(1)\n\n# %%\n# :func:`no.such.name`"], ids=["fails", "warns"])
def test_site_with_a_fault_is_not_kept(tiny_site, code):
    site = tiny_site({"one.py": recipe(code)})
    for _ in range(2):
        assert site.build(**KEY).code != 0
        assert snapshot(site) is None
        shutil.rmtree(site.folder / "_build")


def truncate(path):
    path.write_bytes(path.read_bytes()[:-100])


def forge(path):
    """Put a script on a page, with all digests right, but without the key."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    manifest = json.loads(members["manifest.json"])
    script = b"<script>alert(1)</script>"
    digest = manifest["files"]["index.html"] = hashlib.sha256(script).hexdigest()
    members |= {"manifest.json": json.dumps(manifest).encode(), digest: script}
    signature = path.read_bytes().partition(b"\n")[0]
    with open(path, "wb") as file:
        file.write(signature + b"\n")
        with zipfile.ZipFile(file, "w") as archive:
            for name, content in members.items():
                archive.writestr(name, content)


@pytest.mark.parametrize("damage", [truncate, flip, forge], ids=lambda damage: damage.__name__)
def test_damaged_or_forged_snapshot_is_a_miss_with_a_note(kept, checkout, damage):
    damage(snapshot(checkout))
    done = checkout.build(**KEY)
    assert done.code == 0 and "is no usable snapshot (" in done.log and "making the pages anew" in done.log
    assert differences(kept.out, checkout.out) == []
    assert [path.name for path in (checkout.folder / "_build").glob("html.*")] == []


def test_snapshot_of_another_site_is_not_used_under_the_name_of_this(kept, checkout, tmp_path):
    other = TinySite(tmp_path / "other", {"one.py": recipe("print('other')")})
    assert other.build(**KEY).code == 0
    shutil.copy(snapshot(other), snapshot(checkout))
    done = checkout.build(**KEY)
    assert done.code == 0 and "no usable snapshot (it is of another site)" in done.log
    assert differences(kept.out, checkout.out) == []


def test_snapshots_go_before_results_when_the_cache_is_full(kept, checkout):
    cache = checkout.folder / ".recipe_cache"
    result, other = cache / f"{'0' * 64}.json", cache / f"{'0' * 64}.zip"
    result.write_text("of another site, and older")
    os.utime(result, (0, 0))
    shutil.copy(snapshot(kept), other)
    size = sum(path.stat().st_size for path in cache.iterdir())
    done = checkout.build(**KEY, RECIPE_CACHE_SIZE=str(size - 1))
    assert done.code == 0 and "0 to execute" in done.log and PLACED in done.log
    assert result.exists() and not other.exists()


def test_site_that_would_fill_the_cache_is_not_kept(tiny_site):
    site = tiny_site({"one.py": recipe("print(1)")})
    assert site.build(**KEY, RECIPE_CACHE_SIZE="10000").code == 0
    assert snapshot(site) is None and list((site.folder / ".recipe_cache").glob("*.json"))


def test_without_a_variable_the_key_is_in_a_folder_that_only_the_user_can_read(tiny_site, tmp_path):
    site, state = tiny_site({"one.py": recipe("print(1)")}), tmp_path / "state"
    assert site.build(RECIPE_CACHE_KEY=None, XDG_STATE_HOME=str(state)).code == 0
    (key,) = state.rglob("key")
    assert stat.S_IMODE(key.stat().st_mode) == 0o600 and len(key.read_text()) == 64
    shutil.rmtree(site.folder / "_build")
    assert PLACED in site.build(RECIPE_CACHE_KEY=None, XDG_STATE_HOME=str(state)).log
    shutil.rmtree(site.folder / "_build")
    assert "the cache has" not in site.build(RECIPE_CACHE_KEY=None, XDG_STATE_HOME=str(tmp_path / "other")).log


def test_build_goes_on_where_no_key_can_be_kept(tiny_site, tmp_path):
    (tmp_path / "file").write_text("no folder")
    site = tiny_site({"one.py": recipe("print(1)")})
    assert site.build(RECIPE_CACHE_KEY=None, XDG_STATE_HOME=str(tmp_path / "file")).code == 0
    assert snapshot(site) is None
