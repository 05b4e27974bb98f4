"""A build of many pages keeps few of them in memory, and writes all."""

import io
import pickle

from cookbook import memory
from sphinx.application import Sphinx


def test_a_build_keeps_and_pickles_few_documents(tmp_path, monkeypatch):
    monkeypatch.setattr(memory, "KEPT", 3)
    names = [f"page{i}" for i in range(10)]
    (tmp_path / "index.rst").write_text("Title\n=====\n\n.. toctree::\n\n   " + "\n   ".join(names))
    for name in names:
        (tmp_path / f"{name}.rst").write_text(f"{name}\n======\n\nText of {name}.\n")
    out, trees = tmp_path / "out", tmp_path / "trees"
    app = Sphinx(tmp_path, None, out, trees, "html", {"html_theme": "basic"}, status=io.StringIO(), warningiserror=True)
    kept = []
    for event in ("source-read", "html-page-context"):
        app.connect(event, memory.drop_documents)
        app.connect(event, lambda app, *_: kept.append(documents(app.env)))
    app.build()
    assert len(kept) > 2 * len(names) and max(kept) == 3
    with open(trees / "environment.pickle", "rb") as file:
        assert documents(pickle.load(file)) <= 4
    assert all(f"Text of {name}." in (out / f"{name}.html").read_text() for name in names)


def documents(env):
    """Return the most documents that a dictionary in *env* has, whatever its name."""
    names = env.found_docs
    caches = [value for name, value in vars(env).items() if isinstance(value, dict) and "doctree" in name]
    return max(len(names & cache.keys()) for cache in caches)
