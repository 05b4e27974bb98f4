"""The built site: every recipe executed, every address kept, every link good."""

import re
import xml.etree.ElementTree as ET
import zlib

import pytest
from conftest import RECIPES
from golden import FOLDER, text_of
from reading import outputs, parse, target


@pytest.fixture(scope="session")
def pages(site):
    """Every HTML page of the site that a link can lead to."""
    return sorted(p for p in site.rglob("*.html") if "_static" not in p.parts)


def test_every_recipe_is_executed_and_none_fails(site):
    suite = ET.parse(site.parent / "junit.xml").getroot()
    executed = {case.get("file").removeprefix("recipes_source/") for case in suite.iter("testcase")}
    assert executed == {f"{name}.py" for name in RECIPES}
    counts = {key: int(suite.get(key)) for key in ("tests", "failures", "errors", "skipped")}
    assert counts == {"tests": len(RECIPES), "failures": 0, "errors": 0, "skipped": 0}


@pytest.mark.parametrize("name", RECIPES)
def test_output_is_the_golden_output(site, name):
    page = site / f"recipes/{name}.html"
    assert any(outputs(page)), "a page without output"
    expected = (FOLDER / f"{name}.txt").read_text(encoding="utf-8")
    assert text_of(page) == expected, "`make golden` accepts the new output"


def test_there_is_no_golden_output_without_a_recipe():
    golden = {p.relative_to(FOLDER).with_suffix("").as_posix() for p in FOLDER.rglob("*.txt")}
    assert golden == set(RECIPES)


def test_addresses_and_labels_that_others_rely_on(site):
    page = site / "recipes/recipes/what_is_state_dict.html"
    assert parse(page).h1.get_text().startswith("What is a state_dict in PyTorch")
    inventory = (site / "objects.inv").read_bytes()
    labels = zlib.decompress(inventory.split(b"zlib.\n", 1)[1]).decode()
    for label in (
        "sphx_glr_recipes_recipes_what_is_state_dict.py",
        "sphx_glr_download_recipes_recipes_what_is_state_dict.py",
    ):
        assert re.search(rf"^{re.escape(label)} std:label .* recipes/recipes/what_is_state_dict", labels, re.MULTILINE)


def test_what_is_state_dict_keeps_the_sections_of_the_reference(site):
    page = parse(site / "recipes/recipes/what_is_state_dict.html")
    headings = [re.sub("#$", "", h.get_text()) for h in page.select("article h2, article h3")]
    for heading in ("Introduction", "Setup", "Steps", "Learn more"):
        assert heading in headings
    steps = [heading for heading in headings if heading[0].isdigit()]
    assert [step.split()[0] for step in steps] == [f"{i + 1}." for i in range(len(steps))]
    assert 'pip install "torch>=2.6"' in page.get_text() and "torchaudio" not in page.get_text()
    assert "TBD" not in page.get_text()


def test_sections_are_in_the_order_of_the_cookbook(site):
    gallery = [h.get_text().rstrip("#") for h in parse(site / "recipes/index.html").select("article h2")]
    home = [link.get_text() for link in parse(site / "index.html").select(".toctree-l2 > a")]
    assert (
        gallery
        == home
        == [
            "Save and load",
            "When loading fails",
            "Resume training",
            "Size, sharing and scale",
            "With other libraries",
        ]
    )


def test_the_home_page_lists_every_recipe_once_and_has_no_card(site):
    page = parse(site / "index.html")
    links = [target(site / "index.html", link["href"])[0] for link in page.select(".toctree-l3 > a")]
    assert sorted(links) == sorted((site / f"recipes/{name}.html").resolve() for name in RECIPES)
    assert not page.select(".card")


def test_every_recipe_has_a_card_with_its_answer_or_its_own_picture(site):
    page = site / "recipes/index.html"
    cards = parse(page).select("li.card")
    links = {target(page, card.a["href"])[0] for card in cards}
    assert links == {(site / f"recipes/{name}.html").resolve() for name in RECIPES}
    answers = {card.pre.get_text() for card in cards if card.pre}
    pictures = {target(page, card.img["src"])[0].read_bytes() for card in cards if card.img}
    assert len(pictures) + len(answers) == len(RECIPES), "two cards look the same"
    assert all(card.select_one(".promise").get_text().strip() for card in cards)


def test_every_internal_link_and_anchor_resolves(pages):
    broken = []
    for page in pages:
        for tag in parse(page).find_all(["a", "link", "img", "script", "form"]):
            link = tag.get("href") or tag.get("src") or tag.get("action")
            found = target(page, link) if link else None
            if not found:
                continue
            path, anchor = found
            if not path.exists():
                broken.append(f"{page.name}: {link}")
            elif anchor and path.suffix == ".html" and not parse(path).find(id=anchor):
                broken.append(f"{page.name}: {link} (no such anchor)")
    assert not broken


def test_ids_are_unique(pages):
    for page in pages:
        ids = [tag["id"] for tag in parse(page).find_all(id=True)]
        assert len(ids) == len(set(ids)), page


def test_other_hosts_appear_only_as_links_to_click(site, pages):
    for page in pages:
        for tag in parse(page).find_all(True):
            for attribute in ("src", "href", "srcset", "action", "data", "poster", "style"):
                value = str(tag.get(attribute, ""))
                if re.search(r"(^|[\s(\"'])(https?:)?//", value):
                    assert (tag.name, attribute) == ("a", "href"), f"{page}: {tag}"
    for style in site.glob("_static/**/*.css"):
        remote = re.findall(r"(?:url\(|@import)\s*[\"']?(?:https?:)?//[^)\"']+", style.read_text())
        assert not remote, style


def test_pages_have_no_inline_script_or_style(pages):
    for page in pages:
        assert not [s for s in parse(page).find_all("script") if not s.get("src")], page
        assert not parse(page).find_all("style"), page
        assert not parse(page).find_all(style=True), page
        handlers = [t for t in parse(page).find_all(True) if any(a.startswith("on") for a in t.attrs)]
        assert not handlers, page
