"""What is describe_os_error of an error of the system."""

import errno
import logging
import os
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
from cookbook.lock import ADVICE, RIGHTS, SPACE, WriteErrors, describe_os_error, make_folders, refuse_foreign_folder
from sphinx.errors import ExtensionError


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_told_with_the_file_and_that_space_helps(app, build, number):
    error = OSError(number, "", f"{app.srcdir}/_build/html/search.html")
    assert describe_os_error(app, error) == f"{os.strerror(number)}: _build/html/search.html. {SPACE}"


@pytest.mark.parametrize("number", [errno.EROFS, errno.EACCES, errno.EPERM])
def test_a_file_that_may_not_be_written_is_told_with_what_to_allow(app, build, number):
    assert (
        describe_os_error(app, OSError(number, "", "/elsewhere/x")) == f"{os.strerror(number)}: /elsewhere/x. {RIGHTS}"
    )


@pytest.mark.parametrize(
    "error", [None, ValueError("x"), OSError("x"), OSError(errno.ENOENT, "", "x"), FileNotFoundError()]
)
def test_of_any_other_error_there_is_nothing_better_to_tell(app, build, error):
    assert describe_os_error(app, error) is None


@pytest.mark.parametrize("filename", [None, 5])
def test_without_a_name_it_is_the_folder_with_the_least_space(app, build, monkeypatch, filename):
    free = {app.outdir: 5, app.doctreedir: 3, str(build.gallery): 4}
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=free[str(path)]))
    error = OSError(errno.ENOSPC, "")
    error.filename = filename
    assert describe_os_error(app, error) == f"{os.strerror(errno.ENOSPC)}: _build/doctrees. {SPACE}"
    shutil.rmtree(app.doctreedir)
    assert ": recipes. " in describe_os_error(app, error)


def test_a_path_object_is_as_good_as_a_string(app, build, project):
    error = OSError(errno.EACCES, "", "x")
    error.filename = project / "conf.py"
    assert describe_os_error(app, error).startswith(f"{os.strerror(errno.EACCES)}: conf.py. ")


def test_what_sphinx_only_warns_of_is_kept_where_it_is_an_error_with_advice(app, build):
    unwritten = WriteErrors(app)
    logger = logging.Logger("test")
    logger.addHandler(unwritten)
    full = OSError(errno.ENOSPC, "", "/x")
    logger.warning("cannot write %s: %s", "/x", full)
    logger.error("%s", OSError(errno.ENOENT, "", "/y"))
    logger.warning("no arguments")
    logger.warning("%(a)s", {"a": 1})
    logger.info("%s", full)
    assert unwritten.messages == [describe_os_error(app, full)]


@pytest.mark.parametrize("system", ["Linux", "Windows"])
def test_a_folder_that_may_not_be_written_is_told_on_every_system(app, build, monkeypatch, system):
    monkeypatch.setattr(os, "access", lambda path, mode: str(path) != app.doctreedir)
    if system == "Windows":
        monkeypatch.delattr(os, "statvfs")
    with pytest.raises(ExtensionError, match=f"^{os.strerror(errno.EACCES)}: _build/doctrees. {RIGHTS}$"):
        make_folders(app)


@pytest.mark.parametrize("name", ["a.html", "notes/x.txt", "README.md"])
def test_a_folder_with_files_of_others_is_no_output_folder(app, build, name):
    app.builder = SimpleNamespace(format="html")
    refuse_foreign_folder(app)  # empty
    (Path(app.outdir) / ".git").mkdir()
    refuse_foreign_folder(app)  # nothing at stake
    (Path(app.outdir) / name).parent.mkdir(exist_ok=True)
    (Path(app.outdir) / name).write_text("mine")
    with pytest.raises(ExtensionError, match=f"^_build/html has {name.split('/')[0]}, which no build has made: "):
        refuse_foreign_folder(app)
    app.builder.format = "text"
    refuse_foreign_folder(app)  # which deletes nothing
    app.builder.format = "html"
    (Path(app.outdir) / ".buildinfo").touch()
    refuse_foreign_folder(app)


def test_every_advice_is_for_an_error_of_this_system():
    assert all(os.strerror(number) and text for number, text in ADVICE.items())
