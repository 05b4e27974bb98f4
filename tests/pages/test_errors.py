"""The index of error messages: complete, leading to the right place, and finding a reader's own."""

import re

import pytest
from conftest import RECIPES, ROOT, recipe
from reading import outputs, parse, target

MESSAGE = re.compile(r"^\w*(?:Error|Warning|Exception): ", re.MULTILINE)
TRACEBACK = """2026-11-23 10:15:00 INFO epoch 3 of 10
Traceback (most recent call last):
  File "/home/ana/project/train.py", line 214, in <module>
    main(parse_args())
    ~~~~^^^^^^^^^^^^^^
  File "/opt/conda/lib/python3.12/site-packages/torch/nn/modules/module.py", line 2584, in main
    raise problem
{}
srun: error: node17: task 0: Exited with exit code 1
"""
#: How a message gets to a reader: as it is, in a traceback, and through some programs.
WAYS = {
    "alone": lambda text: text,
    "in a traceback": TRACEBACK.format,
    "without its type": lambda text: text.split(": ", 1)[1],
    "from torchrun": lambda text: re.sub("(?m)^", "[rank0]: ", TRACEBACK.format(text)),
    "from pytest": lambda text: re.sub("(?m)^", "E       ", text),
    "from a narrow terminal": lambda text: re.sub("(.{40})", r"\1\n", text),
    "in color": lambda text: text.replace(":", "\x1b[0m: \x1b[31;1m", 1),
}


def messages_in(text):
    """Return the messages that an output has, each up to the next one."""
    starts = [match.start() for match in MESSAGE.finditer(text)]
    return [text[a:b].rstrip() for a, b in zip(starts, [*starts[1:], None])]


def plain(text):
    return "\n".join(line.rstrip() for line in text.expandtabs().strip().splitlines())


def entries_of(page):
    """Return ``[[(<pre> of the message, link to a place), ...], ...]``, an entry each."""
    result = []
    for entry in parse(page).select(".error-entry"):
        first = entry.select_one(".error-message")
        places = entry.select(".error-places > li")
        result.append([(place.select_one(".error-message") or first, place.a) for place in places])
    return result


def fixed(message):
    """Return what a message has besides its marked parts; repeated lines count once."""
    text = "".join(part if isinstance(part, str) else "…" for part in message.contents)
    return tuple(dict.fromkeys(line.strip() for line in text.splitlines()))


def changed(message):
    """Return the text of a message with something else in place of each marked part."""

    def other(text):
        if text.startswith("torch.Size"):
            return "torch.Size([77, 5, 99])"
        if text.startswith("<"):
            return "<class 'zeppelin.Quux'>"
        if text[0] in "'\"":
            names = ("zeppelin.7.quux", "zeppelin.8") if "," in text else ("zeppelin",)
            return ", ".join(f"{text[0]}{name}{text[0]}" for name in names)
        return str(float(text.rstrip("%")) + 41) if re.match(r"[\d.]+%?$", text) else "Zeppelin"

    return "".join(part if isinstance(part, str) else other(part.get_text()) for part in message.contents)


@pytest.fixture(scope="module")
def page(site):
    return site / "errors.html"


def test_index_shows_exactly_the_messages_that_the_recipes_print(site, page):
    printed = {
        plain(message)
        for name in RECIPES
        for output in outputs(site / f"recipes/{name}.html")
        for message in messages_in(output)
    }
    shown = {plain(message.get_text()) for message in parse(page).select(".error-message")}
    assert printed and shown == printed


def test_each_link_leads_to_an_output_with_its_message_below_the_heading_it_names(page):
    links = []
    for message, link in (place for entry in entries_of(page) for place in entry):
        path, anchor = target(page, link["href"])
        block = parse(path).find(id=anchor)  # or in it, where the block has several
        block = block if block.has_attr("class") else block.parent
        assert "sphx-glr-script-out" in block["class"]
        assert plain(message.get_text()) in map(plain, messages_in(block.pre.get_text()))
        headings = parse(path).h1, block.find_previous(["h1", "h2", "h3"])
        title, heading = (h.get_text().rstrip("#") for h in headings)
        assert link.find_parent("p").get_text() in (f"{title} · {heading}", title)
        links.append(link["href"])
    printed = [m for name in RECIPES for o in outputs(page.parent / f"recipes/{name}.html") for m in messages_in(o)]
    assert len(links) == len(set(links)) == len(printed), "each place has a link, and one of its own"


def test_messages_that_differ_in_names_and_numbers_are_one_entry(page):
    kinds = [{fixed(message) for message, _ in entry} for entry in entries_of(page)]
    assert all(len(kind) == 1 for kind in kinds)
    assert len(set.union(*kinds)) == len(kinds), "two entries differ in variable parts only"
    assert any(len({message.get_text() for message, _ in entry}) > 1 for entry in entries_of(page))


def test_names_and_numbers_are_marked(page):
    unmarked = ["".join(fixed(entry[0][0])) for entry in entries_of(page)]
    short = [entry[0][0].get_text() for entry in entries_of(page) if not entry[0][0].select(".varies")]
    for name in ("Sequential", "Net", '"head.weight"', "torch.Size", "<class", "data.pkl", "argparse.Namespace"):
        assert any(name in m.get_text() for m in parse(page).select(".varies")), name
        pattern = rf"(?<!\w){re.escape(name)}(?!\w)"
        assert not [text for text in unmarked if re.search(pattern, text) and text not in short], name
    assert all(re.search(r"\w{4}.*: .*\w{4}", text) for text in unmarked), "nothing is left to recognize"


def test_entries_are_grouped_by_what_their_recipes_do(page):
    activities = ["loading", "saving", "resuming", "optimizer", "distributed"]
    sections = [s["id"] for s in parse(page).select("article section section")]
    assert sections == [a for a in activities if a in sections] and len(sections) > 3
    for section in parse(page).select("article section section"):
        assert section.h2.get_text().rstrip("#").strip()
        for entry in section.select(".error-entry"):
            tags = []
            for link in entry.select(".error-places a"):
                source = target(page, link["href"])[0].relative_to(page.parent / "recipes").with_suffix(".py")
                line = re.search(r"sphinx_gallery_tags = (.*)", (ROOT / "recipes_source" / source).read_text())[1]
                tags.append(next(a for a in re.findall(r'"(.*?)"', line) if a in activities))
            assert tags[0] == section["id"]
            assert tags.count(section["id"]) == max(map(tags.count, tags))


def test_index_is_linked_from_every_page_and_from_the_text_of_the_first(site, page):
    for path in (site / "index.html", site / f"recipes/{RECIPES[0]}.html"):
        links = [target(path, a["href"])[0] for a in parse(path).select("header a")]
        assert page in links
    assert page in [target(site / "index.html", a["href"])[0] for a in parse(site / "index.html").select("article p a")]


def paste(tab, text):
    """Paste *text*; return the first message that the page then shows, and the links below it."""
    tab.fill("#error-message", text)
    if not tab.locator("#error-matches .error-entry").count():
        return None, []
    first = tab.locator("#error-matches .error-entry").first
    return first.locator("pre").text_content(), first.locator("a").evaluate_all(
        "all => all.map(a => a.getAttribute('href'))"
    )


@pytest.mark.parametrize("way", WAYS)
def test_reader_s_own_message_finds_its_entry_first(visit, page, way):
    tab = visit("errors")
    for entry in entries_of(page):
        own = {message.get_text() for message, _ in entry}
        for message, _ in entry:
            if way == "without its type" and len(re.findall("[a-z]", message.get_text().partition(": ")[2])) < 20:
                continue  # KeyError: 'step'
            text = WAYS[way](changed(message))
            assert paste(tab, text)[0] in own, text
    assert tab.complaints == []


def test_message_with_the_names_of_one_recipe_leads_to_that_recipe_first(visit, page):
    tab = visit("errors")
    for entry in entries_of(page):
        for message, _link in entry:
            same = [other["href"] for text, other in entry if text.get_text() == message.get_text()]
            assert paste(tab, TRACEBACK.format(message.get_text()))[1][0] in same, message.get_text()


@pytest.mark.parametrize(
    ("names", "recipe"),
    [
        ('"conv1.weight". | "module.conv1.weight".', "removing_wrapper_prefixes"),
        ('"conv1.weight". | "epoch", "model", "optimizer".', "saving_and_loading_a_general_checkpoint"),
        ('"conv1.weight". | "module.conv1.weight", "n_averaged".', "averaging_weights"),
    ],
)
def test_names_in_a_message_choose_among_its_recipes(visit, names, recipe):
    missing, unexpected = names.split(" | ")
    text = (
        "RuntimeError: Error(s) in loading state_dict for ResNet:\n"
        f"\tMissing key(s) in state_dict: {missing} \n\tUnexpected key(s) in state_dict: {unexpected} "
    )
    assert recipe in paste(visit("errors"), TRACEBACK.format(text))[1][0]


@pytest.mark.parametrize(
    "text",
    [
        "RuntimeError: CUDA out of memory. Tried to allocate 2.00 GiB (GPU 0; 7.79 GiB total capacity)",
        "ModuleNotFoundError: No module named 'torch'",
        "KeyError: 'lr'",
        "AttributeError: module 'torch' has no attribute 'foo'",
        "ValueError: invalid literal for int() with base 10: 'x'",
        "hello",
    ],
)
def test_other_message_gets_a_link_to_the_search(visit, text):
    tab = visit("errors")
    assert paste(tab, TRACEBACK.format(text) if " " in text else text) == (None, [])
    assert "No recipe" in tab.inner_text("#error-matches")
    tab.click("#error-matches a")
    assert tab.url.split("?")[0].endswith("/search.html")
    assert tab.input_value(".page-search input") == text
    assert tab.complaints == []


def test_emptied_field_shows_nothing(visit):
    tab = visit("errors")
    paste(tab, "TypeError: RNG state must be a torch.ByteTensor")
    assert tab.locator("#error-matches a").count() == 1
    assert paste(tab, " \n") == (None, [])
    assert tab.inner_text("#error-matches").strip() == ""


def test_field_works_with_the_keyboard_and_says_what_it_found(visit):
    tab = visit("errors", width=400)
    field = tab.get_by_label("Paste your message")
    field.focus()
    tab.keyboard.insert_text(TRACEBACK.format("TypeError: RNG state must be a torch.ByteTensor"))
    assert tab.get_by_role("status").inner_text() == "This message is like yours:"
    overflow = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert tab.evaluate(overflow) <= 0
    tab.keyboard.press("Tab")
    tab.keyboard.press("Enter")
    tab.wait_for_url("**/resuming_bit_exactly.html#*")
    place = tab.locator(":target")
    assert "RNG state must be a torch.ByteTensor" in place.inner_text()
    assert 0 < place.bounding_box()["y"] < 900 - 100


def test_index_is_a_list_without_javascript(browser, address):
    context = browser.new_context(java_script_enabled=False, viewport={"width": 400, "height": 900})
    tab = context.new_page()
    tab.goto(f"{address}/errors.html")
    assert not tab.locator("#error-message").is_visible()
    assert tab.locator(".error-entry > pre").first.is_visible()
    assert tab.locator(".error-places a").first.is_visible()
    context.close()


def test_index_is_written_anew_exactly_when_it_changes(tiny_site):
    raises = "try:\n    int('{}')\nexcept ValueError as error:\n    print(f'{{type(error).__name__}}: {{error}}')"
    first, second = (
        recipe(raises.format(name), name.title(), "# sphinx_gallery_tags = ['saving']\n") for name in ("one", "two")
    )
    site = tiny_site({"first.py": first, "second.py": second})
    (site.folder / "index.rst").write_text("Tiny\n====\n\n.. toctree::\n\n   errors\n   recipes/index\n")
    (site.folder / "errors.rst").write_text("Errors\n======\n\n.. error-index::\n")
    page = site.out / "errors.html"

    def build(*options):
        before = page.stat().st_mtime_ns if page.exists() else None
        done = site.build(*options)
        assert done.code == 0, done.errors
        return page.stat().st_mtime_ns != before

    def shown():
        return [message.get_text() for message in parse(page).select(".error-message")]

    message = "ValueError: invalid literal for int() with base 10: '{}'"
    build()
    assert shown() == [message.format("one"), message.format("two")]
    assert len(entries_of(page)) == 1 and parse(page).select_one("section#saving")

    assert not build(), "nothing changed"
    site.write("section/second.py", second.replace("Some text.", "Other text."))
    assert not build(), "only prose changed"
    site.write("section/second.py", second.replace("int('two')", "int('2.5')"))
    assert build() and shown() == [message.format("one"), message.format("2.5")]
    site.write("section/first.py", first.replace("One\n===", "Uno\n==="))
    assert build() and entries_of(page)[0][0][1].get_text() == "Uno"
    (site.source / "section/second.py").unlink()
    assert build() and shown() == [message.format("one")]

    alone = page.read_bytes()
    assert build("-E", "-j", "2")
    assert page.read_bytes() == alone, "read in two processes"
