"""Files are written only where their content changes."""

from cookbook.files import write_if_changed


def test_a_file_is_written_only_where_it_changes(tmp_path):
    path = tmp_path / "deep/page.md"
    write_if_changed(path, "one\n")
    before = path.stat().st_mtime_ns
    write_if_changed(path, "one\n")
    assert path.read_text() == "one\n" and path.stat().st_mtime_ns == before
    write_if_changed(path, "two\n")
    assert path.read_text() == "two\n"
