"""The index of error messages: complete, leading to the fix, and explaining a reader's own message or none."""

import json
import re

import pytest
from conftest import RECIPES, ROOT, TWO_FRAMES, recipe
from reading import outputs, parse, target

MESSAGE = re.compile(r"^\w*(?:Error|Warning|Exception): ", re.MULTILINE)
#: The files that messages come from which mean other things elsewhere.
TRACEBACK = """2026-11-23 10:15:00 INFO epoch 3 of 10
Traceback (most recent call last):
  File "/home/ana/project/train.py", line 214, in load_from_checkpoint
    main(parse_args())
    ~~~~^^^^^^^^^^^^^^
  File "/opt/conda/lib/python3.12/site-packages/torch/serialization.py", line 1520, in load
    state_dict = torch.load(path)[name]
  File "/opt/conda/lib/python3.12/site-packages/torch/optim/adam.py", line 247, in step
    raise problem
{}
srun: error: node17: task 0: Exited with exit code 1
"""
#: What people met in real threads: with the recipes that answer, and what is no matter of ours.
CASES, FOREIGN = ROOT / "tests/pages/cases.json", ROOT / "tests/pages/foreign.json"
#: How a message gets to a reader: as it is, in a traceback, and through some programs.
WAYS = {
    "alone": lambda text: text,
    "in a traceback": TRACEBACK.format,
    "without its type": lambda text: text.split(": ", 1)[1],
    "from torchrun": lambda text: re.sub("(?m)^", "[rank0]: ", TRACEBACK.format(text)),
    "from pytest": lambda text: re.sub("(?m)^", "E       ", text),
    "from Jupyter": lambda text: (
        f"{text.split(': ')[0]}      Traceback (most recent call last)\nCell In[3], line 1\n\n{text}"
    ),
    "from Windows": lambda text: TRACEBACK.replace("/", "\\").format(text).replace("\n", "\r\n"),
    "from rich": lambda text: "\n".join(f"\u2502 {line:<90}\u2502" for line in TRACEBACK.format(text).splitlines()),
    "as a string": lambda text: text.replace("\n", "\\n").replace("\t", "\\t"),
    "from a web page": lambda text: text.replace("<", "&lt;").replace('"', "&quot;").replace("'", "\u2019"),
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
    for entry in parse(page).select(".error-entry:has(.error-places)"):
        first = entry.select_one(".error-message")
        places = entry.select(".error-places > li")
        result.append([(place.select_one(".error-message") or first, place.a) for place in places])
    return result


def fixed(message):
    """Return what a message has besides its marked parts; repeated lines count once."""
    text = "".join(part if isinstance(part, str) else "…" for part in message.contents)
    return tuple(dict.fromkeys(line.strip() for line in text.splitlines()))


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
    shown = {
        plain(message.get_text()) for message in parse(page).select(".error-entry:has(.error-places) .error-message")
    }
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


def test_the_address_of_an_entry_does_not_depend_on_other_entries(page):
    ids = [entry["id"] for entry in parse(page).select(".error-entry[id]")]
    assert len(ids) > 100 and len(ids) == len(set(ids))
    assert [name for name in ids if not re.fullmatch(r"[a-z0-9-]*-[0-9a-f]{6}", name)] == []


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
            if not tags:  # the pattern of a message that no recipe prints
                continue
            assert tags[0] == section["id"]
            assert tags.count(section["id"]) == max(map(tags.count, tags))


def test_index_is_linked_from_every_page_and_the_home_page_has_its_field(site, page):
    for path in (site / "index.html", site / f"recipes/{RECIPES[0]}.html"):
        links = [target(path, a["href"])[0] for a in parse(path).select("header a")]
        assert page in links
    assert parse(site / "index.html").select_one("article #error-message")


def test_every_message_has_a_cause_lines_to_paste_and_a_link_to_a_fix(page):
    for entry in parse(page).select(".error-entry"):
        assert entry.select(".fix"), entry.pre.get_text()
        for fix in entry.select(".fix"):
            path, anchor = target(page, fix.a["href"])
            assert parse(path).find(id=anchor or True)
            assert fix.select_one(".cause").get_text().endswith(".")
            assert 1 <= len(fix.pre.get_text().strip().splitlines()) <= 3


# -- a pasted message --------------------------------------------------------------


def recipe_of(answer):
    """Return the name of the recipe with the fix of the first of *answer*, or None."""
    return re.search(r"(\w+)\.html", answer[0]["url"])[1] if answer else None


@pytest.mark.parametrize("way", WAYS)
def test_every_message_of_the_recipes_is_explained_however_it_is_pasted(ask, page, way):
    index = {name: entry for entry in parse(page).select(".error-entry") for name in entry.select(".error-places a")}
    fixes = {id(link): {a["href"] for a in entry.select(".fix a")} for link, entry in index.items()}
    found = [(message.get_text(), fixes[id(link)]) for entry in entries_of(page) for message, link in entry]
    expected = ask(*(TRACEBACK.format(text) for text, _ in found))
    answers = ask(*(WAYS[way](text) for text, _ in found))
    for (text, own), wanted, answer in zip(found, expected, answers, strict=True):
        assert wanted and wanted[0]["url"] in own, text
        bare = len(re.findall("[a-z]", text.partition(": ")[2])) < 20 or re.match(r"KeyError: '[^ ]*'$", text)
        short = way == "without its type" and bare
        if short or wanted[0]["traceback"]:
            continue
        if way == "from a narrow terminal":  # which has broken the name that tells two apart
            assert answer and answer[0]["url"] in own, text
        else:
            assert [one["cause"] for one in answer[:1]] == [wanted[0]["cause"]], WAYS[way](text)


def test_messages_of_real_threads_lead_to_a_recipe_that_answers(ask):
    cases = [case for case in json.loads(CASES.read_text(encoding="utf-8")) if case["message"]]
    answers = dict(zip([case["id"] for case in cases], ask(*(case["message"] for case in cases)), strict=True))
    said = {case["id"]: recipe_of(answers[case["id"]]) for case in cases}
    accepted = {case["id"]: case["accept"] or [None] for case in cases}
    misled = {name: recipe for name, recipe in said.items() if recipe and recipe not in accepted[name]}
    wrong = {name: recipe for name, recipe in said.items() if recipe not in accepted[name]}
    assert not misled
    assert len(wrong) <= 0.05 * len(cases), wrong


def test_messages_that_are_none_of_ours_get_no_answer(ask):
    cases = json.loads(FOREIGN.read_text(encoding="utf-8"))
    assert len(cases) >= 40
    answers = ask(*(case["message"] for case in cases))
    assert {case["thread"]: a[0]["url"] for case, a in zip(cases, answers, strict=True) if a} == {}


HEAD = "RuntimeError: Error(s) in loading state_dict for ResNet:\n\t"
PLAIN = '"conv1.weight", "fc.bias"'
WRAPPED = '"module.conv1.weight", "module.fc.bias"'


@pytest.mark.parametrize(
    ("text", "recipe"),
    [
        (HEAD, "reading_missing_and_unexpected_keys"),
        ('Missing key(s) in state_dict: "conv1.weight".', "reading_missing_and_unexpected_keys"),
        ('Unexpected key(s) in state_dict: "conv9.weight".', "reading_missing_and_unexpected_keys"),
        ("KeyError: 'missing keys in state_dict: \"{\\'conv1.weight\\'}\"'", "reading_missing_and_unexpected_keys"),
        (f"Missing key(s) in state_dict: {WRAPPED}", "removing_wrapper_prefixes"),
        (f"Unexpected key(s) in state_dict: {WRAPPED}. ", "removing_wrapper_prefixes"),
        ('size mismatch for fc.bias: copying a param with shape', "warmstarting_model_using_parameters_from_a_different_model"),
        ("attempting to deserialize object on a CUDA device but torch.cuda.is_available() is false", "save_load_across_devices"),
        ("on a CUDA device but torch.cuda.is_available() is", "save_load_across_devices"),
        ("size mismatch for base_model.model.q_proj.lora_A.default.weight: copying a param with shape", "saving_and_merging_lora_adapters"),
        ("ValueError: Key `epoch` is invalid, expected torch.Tensor but received <class 'int'>", "converting_to_safetensors"),
        ("ValueError: Key `_extra_state` is invalid, expected torch.Tensor but received <class 'int'>", "storing_extra_state"),
        ("TypeError: 'weights_only' is an invalid keyword argument for Unpickler()", "loading_safely_with_weights_only"),
    ],
)  # fmt: skip
def test_a_part_of_a_message_is_enough(ask, text, recipe):
    assert recipe_of(ask(text)[0]) == recipe


@pytest.mark.parametrize(
    ("missing", "unexpected", "lines"),
    [
        (PLAIN, WRAPPED, 'removeprefix("module.")'),
        (WRAPPED, PLAIN, "model.module.load_state_dict"),
        (PLAIN, WRAPPED.replace("module", "_orig_mod"), 'removeprefix("_orig_mod.")'),
        (WRAPPED.replace("module", "_orig_mod"), PLAIN, "model._orig_mod.load_state_dict"),
        (PLAIN, WRAPPED.replace("module", "_orig_mod.module"), 'removeprefix("_orig_mod.module.")'),
        (PLAIN, '"epoch", "model", "optimizer"', 'checkpoint["model"]'),
        (PLAIN, '"epoch", "model_state_dict", "loss"', 'checkpoint["model_state_dict"]'),
        (PLAIN, f'{WRAPPED}, "n_averaged"', "AveragedModel(model)"),
        (PLAIN, WRAPPED.replace("module", "backbone.net"), '"backbone.net.'),
    ],
)
def test_lines_to_paste_are_for_the_keys_of_the_message(ask, missing, unexpected, lines):
    text = f"{HEAD}Missing key(s) in state_dict: {missing}. \n\tUnexpected key(s) in state_dict: {unexpected}. "
    assert lines in ask(TRACEBACK.format(text))[0][0]["paste"]


@pytest.mark.parametrize(
    ("ends", "recipe"),
    [
        ("weight.absmax weight.quant_map weight.quant_state.bitsandbytes__nf4", "loading_quantized_models"),
        ("SCB weight_format", "loading_quantized_models"),
        ("_packed_params._packed_params scale zero_point", "loading_quantized_models"),
        ("lora_A.weight lora_B.weight", "saving_and_merging_lora_adapters"),
        ("num_batches_tracked", "taking_part_of_a_checkpoint"),
    ],
)
def test_keys_that_say_what_the_file_is_come_before_the_general_answer(ask, ends, recipe):
    for start in ("", "layer.0.q_proj."):
        keys = ", ".join(f'"{start}{end}"' for end in ends.split())
        assert recipe_of(ask(f"{HEAD}Unexpected key(s) in state_dict: {keys}. ")[0]) == recipe, start


def test_a_prefix_on_both_sides_is_not_taken_for_the_cause(ask):
    other = WRAPPED.replace("conv1", "conv7").replace("fc", "head")
    text = f"{HEAD}Missing key(s) in state_dict: {WRAPPED}. \n\tUnexpected key(s) in state_dict: {other}. "
    only = f"{HEAD}Unexpected key(s) in state_dict: {WRAPPED}. "
    for answer in ask(text, only):
        assert recipe_of(answer) == "reading_missing_and_unexpected_keys"


OURS = "RuntimeError: PytorchStreamReader failed reading zip archive: failed finding central directory"
OTHER = "RuntimeError: CUDA out of memory. Tried to allocate 2.00 GiB"
DURING = "\nDuring handling of the above exception, another exception occurred:\n\nTraceback (most recent call last):\n"
TORCHRUN = """\nTraceback (most recent call last):
torch.distributed.elastic.multiprocessing.errors.ChildFailedError: \ntrain.py FAILED
"""


@pytest.mark.parametrize(
    ("text", "explained"),
    [
        (f"{OTHER}\n{OURS}", True),
        (f"{OURS}\n{OTHER}", False),
        (f"UserWarning: some\n{OURS}\nUserWarning: another", True),
        (f"{OURS}\n{DURING}OSError: Unable to load weights from pytorch checkpoint file", True),
        (f"{OTHER}\n{DURING}{OURS}", True),
        (f"{OURS}\n{TORCHRUN}", True),
        (f"{OTHER}\n{TORCHRUN}", False),
    ],
)
def test_the_last_message_decides_and_those_that_led_to_it(ask, text, explained):
    assert bool(ask(text)[0]) == explained


LINE = "2026-11-23 10:15:00 INFO loss 0.123, 'lr' 1e-3 in /a/b.py for layer.3.weight\n"
KEYS = [f'"layers.{i}.self_attn.q_proj.weight"' for i in range(2400)]


def long_text(where, size):
    """Return *size* characters with a message at *where*: ``head``, ``tail``, or all of it, ``keys``."""
    if where == "keys":
        keys = KEYS[: size // 80]
        below = [key.replace("layers", "model.layers") for key in keys]
        lists = (
            f"Missing key(s) in state_dict: {', '.join(keys)}. \n\tUnexpected key(s) in state_dict: {', '.join(below)}."
        )
        return TRACEBACK.format(HEAD + lists)
    noise = LINE * (size // len(LINE))
    return f"{OURS}\n{noise}" if where == "head" else f"{noise}{OURS}"


@pytest.mark.parametrize("where", ["head", "tail", "keys"])
@pytest.mark.parametrize("size", [200_000, 5_000_000])
def test_a_long_text_is_answered_at_once_wherever_its_message_is(visit, size, where):
    """Counts the time of the processor, in which nothing else that runs here matters: 25 ms here are 100 ms there."""
    tab = visit("errors")
    session = tab.context.new_cdp_session(tab)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})

    def spent():
        metrics = session.send("Performance.getMetrics")["metrics"]
        return next(one["value"] for one in metrics if one["name"] == "ThreadTime")

    tab.evaluate("text => { document.querySelector('#error-message').value = text }", long_text(where, size))
    times = []
    for _ in range(3):
        tab.evaluate(TWO_FRAMES)
        before = spent()
        answers = tab.evaluate("() => diagnose(document.querySelector('#error-message').value).length")
        times.append(spent() - before)
    assert answers
    assert min(times) < 0.025


def test_typing_does_not_wait_for_the_answer(visit):
    tab = visit("errors")
    tab.evaluate("text => { document.querySelector('#error-message').value = text }", long_text("tail", 200_000))
    asked = tab.evaluate(
        """async () => {
          const field = document.querySelector("#error-message");
          const status = document.querySelector("#error-matches [role=status]");
          const said = [];
          for (let i = 0; i < 5; i++) {
            field.dispatchEvent(new Event("input"));
            said.push(status.textContent);
            await new Promise(done => setTimeout(done, 20));
          }
          await new Promise(done => setTimeout(done, 400));
          return [...said, status.textContent];
        }"""
    )
    assert asked == ["", "", "", "", "", "This is the cause:"]


def test_the_field_shows_cause_lines_and_fix_and_leads_there_by_keyboard(visit):
    tab = visit("errors", width=400)
    tab.get_by_label("Paste your message").focus()
    tab.keyboard.insert_text(TRACEBACK.format("TypeError: RNG state must be a torch.ByteTensor"))
    tab.locator("#error-matches .fix").wait_for()
    assert tab.inner_text("#error-matches [role=status]") == "This is the cause:"
    assert 'map_location="cpu"' in tab.inner_text("#error-matches pre")
    overflow = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert tab.evaluate(overflow) <= 0
    for _ in range(3):  # over code that can be scrolled
        tab.keyboard.press("Tab")
        if tab.evaluate("document.activeElement.tagName") == "A":
            break
    tab.keyboard.press("Enter")
    tab.wait_for_url("**/resuming_bit_exactly.html#what-goes-wrong")
    assert tab.complaints == []


@pytest.mark.parametrize("name", ["errors", "index"])
def test_what_is_not_known_gets_a_link_to_the_search(visit, name):
    tab = visit(name)
    tab.fill("#error-message", TRACEBACK.format("ValueError: invalid literal for int() with base 10: 'x'"))
    tab.locator("#error-matches a").wait_for()
    assert tab.inner_text("#error-matches").startswith("No recipe explains this message.")
    assert tab.locator("#error-matches a").count() == 1
    tab.click("#error-matches a")
    tab.wait_for_url("**/search.html?*")
    assert tab.input_value("main input[name=q]").startswith("ValueError: invalid literal")
    assert tab.complaints == []


def test_emptied_field_shows_nothing(visit):
    tab = visit("errors")
    tab.fill("#error-message", OURS)
    tab.locator("#error-matches .fix").wait_for()
    tab.fill("#error-message", " \n")
    tab.locator("#error-matches .fix").wait_for(state="detached")
    assert tab.inner_text("#error-matches").strip() == ""


def test_the_home_page_answers_with_the_same_links(visit):
    tab = visit("index")
    tab.fill("#error-message", OURS)
    tab.locator("#error-matches .fix a").first.click()
    tab.wait_for_url("**/surviving_truncated_checkpoints.html#*")
    assert tab.complaints == []


def test_errors_json_has_the_form_that_is_documented(site, page):
    found = json.loads((site / "errors.json").read_text(encoding="utf-8"))
    documented = re.findall(
        r"^\| (`.+?`(?:, `.+?`)*) \|", (ROOT / "docs/errors-json.md").read_text("utf-8"), re.MULTILINE
    )
    fields = {name for row in documented for name in re.findall("`(.+?)`", row)}
    assert found.keys() | found["entries"][0].keys() == fields
    for entry in found["entries"]:
        assert entry.keys() == fields - found.keys()
        assert entry["fix"].keys() == {"url", "title", "section"}
        assert all(isinstance(entry[name], str) for name in ("cause", "paste"))
        assert all(isinstance(text, str) for name in entry.keys() - {"cause", "paste", "fix"} for text in entry[name])
        assert entry["message"] or entry["missing"] or entry["unexpected"]
        path, anchor = target(site / "errors.json", entry["fix"]["url"])
        assert parse(path).h1.get_text().rstrip("#").strip() == entry["fix"]["title"]
        heading = parse(path).find(id=anchor).find(["h1", "h2", "h3"]) if anchor else None
        assert entry["fix"]["section"] == (heading.get_text().rstrip("#").strip() if heading else entry["fix"]["title"])
    shown = {plain(m.get_text()) for m in parse(page).select(".error-entry:has(.error-places) .error-message")}
    assert set(map(plain, found["messages"])) == shown
    script = next((site / "_static").glob("error-index.*.js")).read_text(encoding="utf-8")
    assert json.loads(script.removeprefix("const errorIndex = ").rstrip(";\n")) == found


def test_index_is_a_list_without_javascript(browser, address):
    context = browser.new_context(java_script_enabled=False, viewport={"width": 400, "height": 900})
    tab = context.new_page()
    tab.goto(f"{address}/errors.html")
    assert not tab.locator("#error-message").is_visible()
    assert tab.locator(".error-entry > pre").first.is_visible()
    assert tab.locator(".error-entry .fix a").first.is_visible()
    assert tab.locator(".error-places a").first.is_visible()
    context.close()


def test_index_is_written_anew_exactly_when_it_changes(tiny_site):
    raises = "try:\n    int('{}')\nexcept ValueError as error:\n    print(f'{{type(error).__name__}}: {{error}}')"
    first, second = (
        recipe(raises.format(name), name.title(), "# sphinx_gallery_tags = ['saving']\n") for name in ("one", "two")
    )
    explained = (
        "# Some text.\n#\n# .. diagnosis:: It is no number.\n#    :message: invalid literal for int()\n#\n#    fix()"
    )
    first, second = (text.replace("# Some text.", explained) for text in (first, second))
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
