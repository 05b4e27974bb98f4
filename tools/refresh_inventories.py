"""Refresh the committed intersphinx inventories; run it by hand where there is network.

    python tools/refresh_inventories.py

For each entry of ``intersphinx_mapping`` in conf.py (a literal ``{key: (address, file)}``) this
downloads ``<address>/objects.inv`` and checks it with Sphinx's own reader. Only when all of them parsed
are the changed files replaced, each atomically, and one line printed per file. On any failure it
prints one line naming the address, changes nothing and exits 1.

The first torch.inv was not downloaded: it was generated from PyTorch's docs sources by Sphinx autodoc
run on torch 2.13.0, with short names added that the official file lacks (torch.nn.Parameter,
torch.amp.GradScaler, torch.distributed.checkpoint.save, torch.float32, ...). A refresh loses those:
see the "names gone" count, then build the site with -n and give such references their full names.
"""

import ast
import io
import os
import sys
from pathlib import Path
from posixpath import join

import requests
from sphinx.util.inventory import InventoryFile

CONF = Path(__file__).resolve().parents[1] / "conf.py"


def mapping():
    """Return ``intersphinx_mapping`` of conf.py."""
    for node in ast.parse(CONF.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "intersphinx_mapping":
            return ast.literal_eval(node.value)
    sys.exit(f"error: no literal intersphinx_mapping in {CONF}")


def names(data):
    """Return ``{(role, name), ...}`` of the inventory *data*."""
    return {(role, n) for role, v in InventoryFile.load(io.BytesIO(data), "", join).items() for n in v}


def main():
    """Fetch all, then replace what changed."""
    fetched = []
    for base, file in mapping().values():
        url = base.rstrip("/") + "/objects.inv"
        try:
            reply = requests.get(url, timeout=30)
            reply.raise_for_status()
            fetched.append((CONF.parent / file, reply.content, names(reply.content)))
        except Exception as e:  # no network, HTTP error, not an inventory
            sys.exit(f"error: {url}: {type(e).__name__}; no file changed")
    for path, data, new in fetched:
        old = path.read_bytes() if path.exists() else b""
        if data != old:
            part = path.with_suffix(".part")
            part.write_bytes(data)
            os.replace(part, path)
        gone = len(names(old) - new) if old else 0
        print(f"{path.name}: {'unchanged' if data == old else 'replaced'}, {len(new)} names, {gone} names gone")


if __name__ == "__main__":
    main()
