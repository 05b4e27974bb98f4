"""API links: every name in prose and code that an inventory has, and no other."""

import copy
import posixpath
import re
from functools import cache

import pytest
from conftest import RECIPES, ROOT, recipe
from reading import parse
from sphinx.util.inventory import InventoryFile

PREFIXES = {"nn": "torch.nn", "F": "torch.nn.functional", "np": "numpy", "plt": "matplotlib.pyplot"}
#: Pygments' classes of strings and comments, whose words are no names.
NO_NAMES = {"s", "s1", "s2", "sa", "sd", "se", "si", "c1"}


@cache
def inventory():
    """All names that the inventories have: name to addresses."""
    found = {}
    conf = {}
    exec((ROOT / "conf.py").read_text(), {"__file__": str(ROOT / "conf.py")}, conf)
    for address, path in conf["intersphinx_mapping"].values():
        with open(ROOT / path, "rb") as stream:
            for names in InventoryFile.load(stream, address, posixpath.join).values():
                for name, (_, _, link, _) in names.items():
                    found.setdefault(name, set()).add(link)
    return found


def code_blocks(page):
    """The blocks of code on a page, without strings and comments."""
    for block in parse(page).select(".highlight-Python pre"):
        block = copy.copy(block)
        for span in block.find_all("span", class_=NO_NAMES):
            span.replace_with(" ")
        yield block


@pytest.mark.parametrize("name", RECIPES)
def test_every_documented_name_in_code_is_a_link(site, name):
    plain, linked = set(), set()
    for block in code_blocks(site / f"recipes/{name}.html"):
        for link in block.find_all("a"):
            linked.add(link.get_text())
            link.replace_with(" ")
        for prefix, rest in re.findall(r"(?<!from )(?<![\w.)\]])(torch|nn|F|np|plt)((?:\.\w+)+)", block.get_text()):
            if PREFIXES.get(prefix, prefix) + rest in inventory():
                plain.add(prefix + rest)
    assert not plain
    assert linked


@pytest.mark.parametrize("name", RECIPES)
def test_every_api_link_leads_to_a_name_of_the_inventories(site, name):
    known = {link for links in inventory().values() for link in links}
    links = {a["href"] for a in parse(site / f"recipes/{name}.html").select("article a.reference.external")}
    documentation = {
        link for link in links if re.match(r"https://(docs\.pytorch|docs\.python|numpy|matplotlib)\.org", link)
    }
    assert any("docs.pytorch.org" in link for link in documentation)
    assert not {link for link in documentation if "#" in link} - known


def test_a_name_in_prose_that_does_not_resolve_fails_the_build(tiny_site):
    text = recipe("print(1)").replace("Some text.", "See :func:`torch.no_such_name` and :class:`torch.nn.Module`.")
    built = tiny_site({"bad.py": text, "good.py": recipe("print(2)")}).build()
    assert built.code != 0
    assert "no such name in the API documentation: torch.no_such_name" in built.log
    assert "torch.nn.Module" not in built.errors
