"""What the build says of a reference that leads nowhere, such as one to a recipe that was renamed.

Sphinx says ``undefined label: 'sphx_glr_recipes_saving_old.py'``; here the closest name is given too:

    recipes_source/saving/x.py:9: no such label: sphx_glr_recipes_saving_old.py. Did you mean
    sphx_glr_recipes_saving_new.py?
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from sphinx.ext.intersphinx import InventoryAdapter
from sphinx.util import logging

if TYPE_CHECKING:
    from collections.abc import Collection

    from docutils import nodes
    from sphinx.application import Sphinx
    from sphinx.domains import Domain

logger = logging.getLogger(__name__)


def explain(app: Sphinx, domain: Domain | None, node: nodes.Element) -> bool | None:
    """Warn of a missing label or Python name; leave other references to Sphinx."""
    target, known = node["reftarget"], names(app, domain, node)
    if target in known or not known:
        return None
    close = difflib.get_close_matches(target, known, n=1, cutoff=0.8)
    what = "no such label" if node["reftype"] == "ref" else "no such name in the API documentation"
    hint = f". Did you mean {close[0]}?" if close else ""
    logger.warning("%s: %s%s", what, target, hint, location=node, type="ref", subtype=node["reftype"])
    node["reftype"] = "missing"  # or Sphinx's handler, which runs in any case, would warn too
    return True


def names(app: Sphinx, domain: Domain | None, node: nodes.Element) -> Collection[str]:
    """Return what a reference of this kind can lead to; nothing if Sphinx knows better."""
    if domain and domain.name == "std" and node["reftype"] == "ref":
        labels: dict[str, object] = domain.data["anonlabels"]
        return labels.keys()
    if domain and domain.name == "py":
        inventory = InventoryAdapter(app.env).main_inventory
        return {name for kind, found in inventory.items() if kind.startswith("py:") for name in found}
    return ()
