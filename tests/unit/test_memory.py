"""A build of many pages keeps few of them in memory, and writes all."""

import json
import subprocess
import sys

#: Builds the folder that it is given, in a process of its own, and prints how many documents were kept each time.
BUILD = """
import io, json, pickle, sys
from pathlib import Path
from cookbook import memory
from sphinx.application import Sphinx

def documents(env):
    "The most documents that a dictionary in *env* has, whatever its name."
    caches = [value for name, value in vars(env).items() if isinstance(value, dict) and "doctree" in name]
    return max(len(env.found_docs & cache.keys()) for cache in caches)

folder, memory.KEPT, kept = Path(sys.argv[1]), 3, []
out, trees = folder / "out", folder / "trees"
app = Sphinx(folder, None, out, trees, "html", {"html_theme": "basic"}, status=io.StringIO(), warningiserror=True)
for event in ("source-read", "html-page-context"):
    app.connect(event, memory.drop_documents)
    app.connect(event, lambda app, *_: kept.append(documents(app.env)))
app.build()
print(json.dumps([kept, documents(pickle.loads((trees / "environment.pickle").read_bytes()))]))
"""


def test_a_build_keeps_and_pickles_few_documents(tmp_path):
    names = [f"page{i}" for i in range(10)]
    (tmp_path / "index.rst").write_text("Title\n=====\n\n.. toctree::\n\n   " + "\n   ".join(names))
    for name in names:
        (tmp_path / f"{name}.rst").write_text(f"{name}\n======\n\nText of {name}.\n")
    command = [sys.executable, "-c", f"import sys\nsys.path[:] = {sys.path}\n{BUILD}", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    kept, pickled = json.loads(done.stdout)
    assert len(kept) > 2 * len(names) and max(kept) == 3
    assert pickled <= 4
    assert all(f"Text of {name}." in (tmp_path / f"out/{name}.html").read_text() for name in names)
