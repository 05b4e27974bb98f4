"""One small site, from recipe to page, script and notebook: what `make quick` builds."""

import json
import re
import subprocess
import sys

from conftest import ROOT, declared, recipe
from reading import downloads, outputs, parse


def test_a_recipe_becomes_a_page_a_script_and_a_notebook(tiny_site):
    site = tiny_site(
        {"one.py": recipe("import torch\nprint(torch.zeros(2))", "One"), "two.py": recipe("print(2)", "Two")}
    )
    done = site.build()
    assert done.code == 0 and not done.errors, done.log
    page = site.page("one.html")
    assert parse(page).h1.get_text().startswith("One") and outputs(page) == ["tensor([0., 0.])"]
    script = downloads(page)[".py"].read_text()
    assert "print(torch.zeros(2))" in script and "# /// script" in script
    cells, plain = (
        json.loads(downloads(site.page(name))[".ipynb"].read_text())["cells"] for name in ("one.html", "two.html")
    )
    assert cells[-1]["outputs"][0]["text"] == ["tensor([0., 0.])\n"]
    assert "%pip install torch==" in cells[0]["source"][-1]
    assert "".join(plain[0]["source"]).startswith("# Two\n")  # it imports nothing that has to be installed
    # README's command without make, and no program but Python
    command = re.search(r"^    \.venv/bin/python (-m sphinx .*)", (ROOT / "README.md").read_text(), re.MULTILINE)[1]
    environment = declared({"PATH": ""})
    again = subprocess.run([sys.executable, *command.split()], cwd=site.folder, env=environment, capture_output=True)
    assert again.returncode == 0 and not again.stderr and b"executed" not in again.stdout.split(b"Sphinx-Gallery")[0]
