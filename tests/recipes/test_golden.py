"""`make golden` writes the expected outputs and says which are new, changed or gone."""

import golden
import pytest

PAGE = '<div class="sphx-glr-script-out"><pre>{}</pre></div>'


@pytest.fixture
def accept(tmp_path, capsys):
    """Write pages with these outputs, run `make golden`'s program; return what it prints."""

    def accept(**outputs):
        site, folder = tmp_path / "html", tmp_path / "golden"
        for page in site.rglob("*.html"):
            page.unlink()
        for name, text in outputs.items():
            path = site / f"recipes/section/{name}.html"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(PAGE.format(text))
        (site / "recipes/section/index.html").write_text("")
        folder.mkdir(exist_ok=True)
        golden.main(site, folder)
        files = {path.stem: path.read_text() for path in folder.rglob("*.txt")}
        assert files == {name: f"{text}\n" for name, text in outputs.items()}
        return capsys.readouterr().out.splitlines()

    return accept


def test_it_says_what_is_new_changed_and_removed(accept):
    see = ": see git diff and git status"
    assert accept(one="1", two="2") == ["new: section/one", "new: section/two", f"0 of 2 outputs are as before{see}"]
    assert accept(one="1", two="2") == ["2 of 2 outputs are as before"]
    assert accept(one="1", three="3") == [
        "new: section/three",
        "removed: section/two",
        f"1 of 2 outputs are as before{see}",
    ]
    assert accept(one="11", three="3") == ["changed: section/one", f"1 of 2 outputs are as before{see}"]


def test_what_is_as_before_is_not_written(accept, tmp_path):
    accept(one="1", two="2")
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.txt")}
    accept(one="1", two="22")
    after = {path.stem for path, time in before.items() if path.stat().st_mtime_ns != time}
    assert after == {"two"}
