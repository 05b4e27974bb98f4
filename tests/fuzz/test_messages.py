"""The index of error messages, given what nobody thought of: quick, and still right."""

import re
import time

from cookbook.run.process.text import clean
from cookbook.site.error_index import collect
from cookbook.site.message import MESSAGE, anchor_of, split
from docutils import nodes, utils
from fuzzing import ANY, MARKUP, WORD, fuzz
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

PIECE = st.sampled_from(
    [
        "'",
        '"',
        "'a'",
        "KeyError: ",
        "<",
        ">",
        "torch.Size([",
        "for ",
        "GLOBAL ",
        "/a",
        "a-",
        "\n",
        " ",
        "(1) ",
        "1.5%",
        ": ",
    ]
)
#: A message: a type, and anything that a line or two can hold.
MESSAGES = st.builds(
    lambda kind, parts: clean(f"{kind}: {''.join(parts)}").rstrip(),  # as it comes to the index
    st.sampled_from(["KeyError", "RuntimeError", "UserWarning"]),
    st.lists(PIECE | WORD | ANY, min_size=1, max_size=8),
).filter(MESSAGE.match)


@fuzz(600)
@given(MESSAGES)
@example("KeyError: '")
def test_the_parts_of_a_message_are_the_message(message):
    assert "".join(text for text, _ in split(message)) == message
    assert re.fullmatch(r"[\w-]+-[0-9a-f]{6}", anchor_of(message))


@fuzz()
@given(
    MESSAGES.filter(lambda message: not message.startswith("KeyError")),
    st.lists(st.sampled_from(["a", "b.c", "lr"]), min_size=20, max_size=20),
)
def test_names_in_quotes_do_not_matter(message, names):
    other = iter(names)
    parts = [re.sub(r"'\w+'", f"'{next(other)}'", text) if variable else text for text, variable in split(message)[:20]]
    if len(parts) == len(split(message)):
        assert anchor_of("".join(parts)) == anchor_of(message)


@fuzz(150)
@given(st.lists(PIECE | WORD | ANY, min_size=1, max_size=3).map("".join).map(clean).filter(bool))
def test_a_long_message_takes_no_time(piece):
    message = ("ValueError: x" + piece * (20_000 // len(piece))).rstrip()
    started = time.process_time()
    anchor_of(message)
    assert time.process_time() - started < 2


class Page:
    """What Sphinx gives `collect`: an environment, and a document with an output."""

    docname = "page"

    def __init__(self):
        self.env, self.metadata = self, {"page": {}}


@fuzz(150)
@given(
    st.lists(PIECE | WORD | ANY | MESSAGES | st.sampled_from(["ValueError: \n", "\nTypeError:", "\n"]), max_size=8)
    .map("".join)
    .map(clean)
)
@example("AssertionError: ")
def test_an_output_is_read_whatever_it_is(text):
    page, document = Page(), utils.new_document("page")
    document += nodes.section("", nodes.title("", "A"), nodes.literal_block("", text, classes=["sphx-glr-script-out"]))
    collect(page, document)
    for message, *_ in page.metadata["page"].get("errors", []):
        assert message in text and split(message)


JUDGE = """texts => texts.map(text => {
  const started = performance.now();
  const fixes = diagnose(text).map(({ entry }) => entry.fix.url);
  return { took: performance.now() - started, fixes };
})"""


def drawn(strategy, count):
    """Return *count* values of *strategy*, the same in every run."""
    values = []

    @settings(fuzz(count), suppress_health_check=list(HealthCheck))
    @given(strategy)
    def draw(value):
        values.append(value)

    draw()
    return values


def test_any_pasted_text_is_answered_at_once(visit):
    page = visit("errors")
    texts = drawn(st.lists(PIECE | WORD | ANY | MESSAGES, max_size=12).map("".join), 300)
    texts = [text.encode("utf-8", "replace").decode() for text in texts]
    pieces = ["Error", "a.", "Error: ", "[rank0]:", "| ", "\n ", "\x1b[", "\\n", "'a', ", "KeyError: 'a'\n"]
    pieces += [
        "Missing key(s) in state_dict: 'a', 'b'",
        "\nDuring handling of the above exception, another\nKeyError: 1",
    ]
    texts += [piece * (200_000 // len(piece)) for piece in pieces] + [piece * 5000 for piece in MARKUP]
    for text, answer in zip(texts, page.evaluate(JUDGE, texts), strict=True):
        assert answer["took"] < 2000, (text[:200], answer)
    assert not page.complaints


def test_markup_in_a_message_is_shown_as_text(visit):
    page = visit("errors")
    for markup in MARKUP:
        text = f"RuntimeError: size mismatch for fc.bias: copying a param with shape {markup}"
        page.fill("#error-message", f"AttributeError: Can't get attribute '{markup}' on <module '__main__'>\n{text}")
        page.locator("#error-matches .fix").first.wait_for()
        assert page.locator("#error-matches :is(script, img, b, iframe, svg)").count() == 0
    assert not page.complaints


ENTRIES = """() => [...document.querySelectorAll(".error-entry:has(.error-places)")].map(entry => ({
  parts: [...entry.querySelector(".error-message").childNodes].map(part => [part.textContent, part.nodeType !== Node.TEXT_NODE]),
  fixes: [...entry.querySelectorAll(".fix a")].map(a => a.getAttribute("href")),
}))"""
NOISE = st.lists(
    st.sampled_from(["epoch 3", "INFO:", 'File "/a/b.py", line 7', "^^^^", "x = y", "  at", "\n"]), max_size=6
).map(" ".join)


def test_a_message_with_other_names_misleads_in_no_surroundings(visit):
    page = visit("errors")
    entries = page.evaluate(ENTRIES)
    cases = drawn(
        st.tuples(
            st.integers(0, len(entries) - 1),
            NOISE,
            NOISE,
            st.sampled_from(["zeppelin", "quux_7", "Fnord"]),
            st.booleans(),
        ),
        300,
    )
    texts = []
    for number, before, after, name, wrapped in cases:
        message = "".join(renamed(text, name) if varies else text for text, varies in entries[number]["parts"])
        message = re.sub(r"(.{40,60}) ", r"\1\n    ", message) if wrapped else message
        texts.append(f"{before}\n{message}\n{after}")
    for case, text, answer in zip(cases, texts, page.evaluate(JUDGE, texts), strict=True):
        assert not answer["fixes"] or answer["fixes"][0] in entries[case[0]]["fixes"], (case, text)


def renamed(text, name):
    """Return the variable *text* of a message with another name or number in it."""
    if re.fullmatch(r"[\d.]+%?", text):
        return str(float(text.rstrip("%")) + 41)
    return re.sub(r"\w+", name, text, count=1) if text[0] in "'\"<" else name
