"""Archives: the same bytes for the same files, and written only where they would differ."""

import os
import zipfile
from types import SimpleNamespace

import pytest
from cookbook.gallery import archives
from cookbook.pages.navigation import GALLERY


@pytest.fixture
def files(tmp_path):
    paths = [tmp_path / "a.py", tmp_path / "sub/b.py"]
    for path in paths:
        path.parent.mkdir(exist_ok=True)
        path.write_text(path.name * 999)
    return paths


def contents(archive):
    with zipfile.ZipFile(archive) as file:
        assert file.testzip() is None
        return {name: file.read(name) for name in file.namelist()}


def test_an_archive_holds_the_files_sorted_below_their_folder(files, tmp_path):
    archives.write(tmp_path / "all.zip", reversed(files), tmp_path)
    assert contents(tmp_path / "all.zip") == {"a.py": files[0].read_bytes(), "sub/b.py": files[1].read_bytes()}
    assert list(contents(tmp_path / "all.zip")) == ["a.py", "sub/b.py"]
    assert not list(tmp_path.rglob("*.new"))
    assert (tmp_path / "all.zip").stat().st_size < 999


def test_dates_rights_and_order_of_the_files_make_no_difference(files, tmp_path):
    archives.write(tmp_path / "one.zip", files, tmp_path)
    for path in files:
        os.utime(path, (0, 0))
        path.chmod(0o700)
    archives.write(tmp_path / "two.zip", reversed(files), tmp_path)
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()


def test_whoever_unpacks_an_archive_may_read_and_write_the_files(files, tmp_path):
    archives.write(tmp_path / "all.zip", files, tmp_path)
    with zipfile.ZipFile(tmp_path / "all.zip") as file:
        assert {member.external_attr >> 16 for member in file.infolist()} == {0o644}


def test_an_archive_is_written_only_where_it_would_differ(files, tmp_path):
    archive = tmp_path / "all.zip"

    def written(files):
        before = archive.stat().st_ino if archive.exists() else None
        archives.write(archive, files, tmp_path)
        assert contents(archive) == {path.relative_to(tmp_path).as_posix(): path.read_bytes() for path in files}
        return archive.stat().st_ino != before

    assert written(files) and not written(files)
    whole = archive.read_bytes()
    for position in (-30, 60, 0):  # the list of the members, the content of one, the whole
        archive.write_bytes(whole[:position] + b"damaged" + whole[position + 7 :])
        assert written(files)
    archive.write_bytes(b"")
    assert written(files) and written(files[:1]) and written(files)
    files[1].write_text("another")
    assert written(files)


def test_an_archive_that_cannot_be_written_is_left_as_it_was(files, tmp_path):
    archive = tmp_path / "all.zip"
    archives.write(archive, files[:1], tmp_path)
    before = archive.read_bytes()
    with pytest.raises(FileNotFoundError):
        archives.write(archive, [*files, tmp_path / "gone.py"], tmp_path)
    assert archive.read_bytes() == before


def test_the_archives_of_all_have_what_each_recipe_has(tmp_path):
    for name in ("a.py", "a.ipynb", "s/b.py", "s/_helper.py", "left.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    archives.write_all(SimpleNamespace(gallery=tmp_path, recipes=["s/b.py", "a.py"]))
    assert {path.name: list(contents(path)) for path in tmp_path.glob("*.zip")} == {
        "recipes_python.zip": ["a.py", "s/b.py"],
        "recipes_jupyter.zip": ["a.ipynb"],
    }


@pytest.mark.parametrize(("page", "recipes", "offered"), [(GALLERY, 1, True), (GALLERY, 0, False), ("index", 1, False)])
def test_the_gallery_offers_the_archives_of_all_where_there_are_recipes(app, build, page, recipes, offered):
    build.recipes = {"a.py": None} if recipes else {}
    source = ["Text.\n"]
    archives.add_links(app, page, source)
    for name in archives.GALLERY_ARCHIVES:
        assert (f"</recipes/{name}>`" in source[0]) == (build.gallery / name).exists() == offered
    assert source[0].startswith("Text.\n") and (source == ["Text.\n"]) != offered
