"""Downloads the intersphinx inventories again: ``make inventories``, which needs network.

For each entry of ``intersphinx_mapping`` in conf.py, a literal ``{key: (address, file)}``, this
downloads ``<address>/objects.inv`` and parses it with Sphinx. If one of them fails, it prints one line
with the address, changes nothing and exits with status 1. If all are good, it writes the files that
changed and prints a line for each.

The committed torch.inv has short names that PyTorch's own lacks (``docs/decisions/api-links.md``). A
refresh loses them: the line says how many names are gone, and ``make html`` names the references to them.
"""

from __future__ import annotations

import ast
import io
import sys
from pathlib import Path
from posixpath import join

import requests
from sphinx.util.inventory import InventoryFile

CONF = Path(__file__).resolve().parents[1] / "conf.py"


def mapping() -> dict[str, tuple[str, str]]:
    """Return ``intersphinx_mapping`` of conf.py."""
    for node in ast.parse(CONF.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "intersphinx_mapping":
            found: dict[str, tuple[str, str]] = ast.literal_eval(node.value)
            return found
    sys.exit(f"error: no literal intersphinx_mapping in {CONF}")


def names(data: bytes) -> set[tuple[str, str]]:
    """Return ``{(role, name), ...}`` of the inventory *data*."""
    return {(role, n) for role, v in InventoryFile.load(io.BytesIO(data), "", join).items() for n in v}


def main() -> None:
    """Download all inventories, then write those that changed."""
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
            path.write_bytes(data)
        gone = len(names(old) - new) if old else 0
        print(f"{path.name}: {'unchanged' if data == old else 'replaced'}, {len(new)} names, {gone} names gone")


if __name__ == "__main__":
    main()
