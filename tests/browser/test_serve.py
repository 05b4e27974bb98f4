"""`make serve`: an edit of a recipe shows in an open page, without a reload by hand."""

import os
import re
import signal
import socket
import subprocess
import sys
import time

import pytest
from conftest import ROOT, TinySite, recipe

pytestmark = pytest.mark.slow


@pytest.fixture
def served(tmp_path):
    """A site below folders that have the names of ours, served as `make serve` does; with ``address`` and ``log``."""
    texts = {"recipes/one.py": recipe("print(1)", "One"), "training/two.py": recipe("print(2)", "Two")}
    site = TinySite(tmp_path / "recipes/_build/site", texts)
    for name in ("Makefile", "requirements.txt", "requirements-dev.txt", "constraints.txt"):
        (site.folder / name).symlink_to(ROOT / name)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    dry = ["make", "--dry-run", "serve", f"VENV={sys.prefix}", f"PORT={port}"]  # it would install what is there
    done = subprocess.run(dry, cwd=site.folder, capture_output=True, text=True, check=True)
    (command,) = re.findall(r"^\S*python\S* -m sphinx_autobuild(?:.*\\\n)*.*", done.stdout, re.MULTILINE)
    site.address, site.log = f"http://127.0.0.1:{port}", tmp_path / "log"
    with open(site.log, "w") as log:
        server = subprocess.Popen(
            ["sh", "-c", command], cwd=site.folder, stdout=log, stderr=log, start_new_session=True
        )
    try:
        wait_until(lambda: answers(port), site)
        yield site
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(30)


def answers(port):
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def wait_until(true, site):
    deadline = time.monotonic() + 200
    while not true():
        assert time.monotonic() < deadline, site.log.read_text()
        time.sleep(0.1)


def builds(site):
    return len(re.findall(r"build finished with problems|build succeeded", site.log.read_text()))


def test_edits_show_in_an_open_page_by_themselves(served, browser):
    page = browser.new_page()
    complaints = []
    page.on("console", lambda message: message.type in ("error", "warning") and complaints.append(message.text))
    for i, (name, text) in enumerate((("recipes/one", "First edit"), ("training/two", "Second edit"))):
        page.goto(f"{served.address}/recipes/{name}.html", wait_until="load")
        assert builds(served) == i + 1
        path = served.source / f"{name}.py"
        path.write_text(path.read_text().replace("Some text", text))
        page.get_by_text(text).wait_for(timeout=200_000)
    page.close()
    assert complaints == []
    time.sleep(5)
    assert builds(served) == 3, "what a build writes is no edit"
    assert not served.out.exists(), "what is published is another folder"
