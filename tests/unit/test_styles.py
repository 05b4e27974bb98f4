"""One stylesheet: which selectors can apply to a page, and what is left of a sheet."""

import pytest
import tinycss2
from cookbook.site.styles import matches, prune, used_names
from fuzzing import fuzz
from hypothesis import given
from hypothesis import strategies as st

NAMES = {"a", "p", "div", "card", "note", "main"}


@pytest.mark.parametrize(
    "selector",
    [
        "p",
        ".card",
        "#main",
        "div.card#main > p.note",
        "div p",
        "*",
        ":root",
        "[data-theme=dark] .card",
        'a[href^="http"]',
        ".card:hover::before",
        ".card:not(.unused)",
        ".card:not(.unused:not(.other))",
        ":is(.unused, .card) p",
        ":where(.card, .note)",
        "p:nth-child(2n+1)",
        "a + p ~ div",
        "::selection",
        "::-webkit-scrollbar",
    ],
)
def test_a_selector_of_what_is_there_can_match(selector):
    assert matches(selector, NAMES)


@pytest.mark.parametrize(
    "selector",
    [
        "table",
        ".unused",
        "#unused",
        ".card .unused",
        "div.card.unused",
        ".card > table",
        ".card+table",
        ":is(.unused, .other) p",
        ":where(.unused)",
        ".unused:hover",
        ".unused:not(.card)",
        ".card::-moz-focus-inner",
        "input::-webkit-search-cancel-button",
        "p:-ms-input-placeholder",
    ],
)
def test_a_selector_of_what_is_not_there_cannot(selector):
    assert not matches(selector, NAMES)


def test_names_are_compared_as_a_whole():
    assert not matches(".car", NAMES) and not matches(".card-title", NAMES) and not matches(".Card", NAMES)


def test_names_are_those_of_elements_classes_and_ids_of_pages_and_all_words_of_scripts(tmp_path):
    (tmp_path / "a.html").write_text(
        '<html><h1 id="top" class="one two-three">Text</h1><svg data-x="not"></svg></html>'
    )
    (tmp_path / "b.html").write_text('<p\n class="four">')
    (tmp_path / "c.js").write_text('element.classList.add("is-open")')
    names = used_names([tmp_path / "a.html", tmp_path / "b.html"], [tmp_path / "c.js"])
    assert names == {"html", "h1", "top", "one", "two-three", "svg", "p", "four"} | {
        *("element", "classList", "add", "is-open"),
    }


@pytest.mark.parametrize(
    ("sheet", "left"),
    [
        (".btn, .card {color: red} @font-face {src: url(x)}", ".card{color:red}"),
        (".card { color : red ; margin: 0  auto; }", ".card{color:red;margin:0 auto}"),
        (".unused {color: red}", ""),
        (".card {}", ""),
        ("/* .card {color: red} */ p {/* x */ color: red}", "p{color:red}"),
        ("@media print {.unused {color: red} .card {color: red}}", "@media print{.card{color:red}}"),
        ("@media print {.unused {color: red}}", ""),
        ("@supports (color: red) {.card {color: red}}", "@supports (color: red){.card{color:red}}"),
        ("@page {margin: 1cm}", "@page {margin:1cm}"),
        ("@charset 'utf-8'; @import url(x.css);", ""),
        ("p:is(.card, .x), :is(.y) {color: red}", "p:is(.card, .x){color:red}"),
        ('p[title="a,b"] {color: red}', 'p[title="a,b"]{color:red}'),
        ('p::before {content: "}"} .unused {color: red}', 'p::before{content:"}"}'),
        (
            'p::before {content: "Note:  x, \\"y; z: "; color:  red}',
            'p::before{content:"Note:  x, \\"y; z: ";color:red}',
        ),
        ('p::before {content: "{"} a {color: red}', 'p::before{content:"{"}\na{color:red}'),
    ],
)
def test_of_a_sheet_remains_what_a_page_can_use(sheet, left):
    assert prune([sheet], NAMES).strip("\n") == left


def test_the_rules_of_all_sheets_are_in_their_order():
    assert prune(["p {color: red}", "p {color: blue} a {color: red}"], NAMES).split("\n") == [
        "p{color:red}",
        "p{color:blue}",
        "a{color:red}",
    ]


@pytest.mark.parametrize("declaration", ["animation: spin 1s", "animation-name:spin", "animation: 1s x, 2s spin"])
def test_an_animation_stays_where_a_rule_uses_it(declaration):
    sheet = f"@keyframes spin {{from {{color: red}} to {{color: blue}}}}\n.card {{{declaration}}}"
    assert "@keyframes spin{" in prune([sheet], NAMES)
    assert "@keyframes" not in prune([sheet.replace(".card", ".unused")], NAMES)
    assert "@keyframes" not in prune([sheet.replace(declaration, "animation: spinning 1s")], NAMES)


def test_variables_go_that_nothing_left_refers_to():
    sheet = """
    :root {--used: red; --chain: var(--end); --end: blue; --unused: var(--only); --only: "a;b"; color: var(--used)}
    .card {--local: 1; background: var( --chain, var(--other))}
    .unused {color: var(--only)}
    html {--alone: 1}
    """
    assert prune([sheet], {*NAMES, "html"}).strip().split("\n") == [
        ":root{--used:red;--chain:var(--end);--end:blue;color:var(--used)}",
        ".card{background:var( --chain,var(--other))}",
    ]


SELECTORS = st.lists(
    st.sampled_from([".card", ".unused", "p", "p:hover", ".card .unused", "#main"]), min_size=1, max_size=3
)
RULES = st.lists(
    st.builds(lambda parts, value: f"{', '.join(parts)} {{ color: {value}; }}", SELECTORS, st.sampled_from("abc")),
    max_size=5,
)


@fuzz(200)
@given(RULES, RULES)
def test_what_remains_is_a_sheet_of_rules_that_apply_and_pruning_it_changes_nothing(plain, printed):
    sheet = "\n".join(plain) + f"\n@media print {{{' '.join(printed)}}}"
    once = prune([sheet], NAMES)
    assert prune([once], NAMES) == once
    for rule in tinycss2.parse_stylesheet(once, skip_whitespace=True):
        assert rule.type in ("qualified-rule", "at-rule")
        if rule.type == "qualified-rule":
            assert all(matches(part, NAMES) for part in tinycss2.serialize(rule.prelude).split(","))
