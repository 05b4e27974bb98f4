"""The form of a result, and what it says of a failure."""

import base64
import io
from textwrap import indent

import pytest
from cookbook.run.process.text import clean
from cookbook.run.process.values import HEADER
from cookbook.run.result import check, check_output, failure, remember_lines
from fuzzing import ANY, MARKUP, fuzz
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from sphinx_gallery.gen_rst import CODE_OUTPUT

TASK = {
    "name": "s/one.py",
    "gallery": "recipes",
    "conf": {},
    "file_conf": {},
    "blocks": [["code", "x = 1", 9], ["code", "\n\nprint(1)", 20]],
}
RESULT = {"outputs": ["", ""], "seconds": 0.5, "error": None, "codeobj": {}, "images": {}}
PICTURE = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=="
ERROR = {"text": "Traceback ...", "line": 20, "reason": "ValueError: x", "ran": 2}
OBJECT = {
    "name": "load",
    "module": "torch.serialization",
    "module_short": "torch",
    "is_class": False,
    "is_explicit": True,
}
WORDS = st.lists(ANY | st.sampled_from([*MARKUP, "\n", "\n\n", "\x1b[31m", "\r", "  "]), max_size=8).map("".join)


def picture(kind):
    """Return a picture of this kind, in base64."""
    file = io.BytesIO(b'<svg xmlns="http://www.w3.org/2000/svg"/>')
    if kind != "svg":
        Image.new("L", (2, 2)).save(file, "JPEG" if kind == "jpg" else kind)
    return base64.b64encode(file.getvalue()).decode()


def output_of(text):
    """Return what sphinx-gallery makes of what is printed, as the runner sends it."""
    text = clean(text)
    return f"\n{CODE_OUTPUT.format(indent(text, ' ' * 4))}\n\n\n" if text.strip() else "\n\n\n"


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"seconds": 3},
        {"error": ERROR},
        {"codeobj": {"torch.load": [OBJECT], "x": [{**OBJECT, "name": "f.<locals>.g"}]}},
        {"images": {"sphx_glr_one_001.png": PICTURE, "sphx_glr_one_002.png": PICTURE}},
        {"images": {"sphx_glr_one_1000.png": PICTURE}},
        {"images": {f"sphx_glr_one_001.{kind}": picture(kind) for kind in ("png", "gif", "jpg", "webp", "svg")}},
        {"lines": [9, 20]},
        {"date": "2026-11-23"},
        {"outputs": [output_of("one"), output_of("two\n\n  three")]},
    ],
)
def test_what_a_recipe_gives_is_a_result(changed):
    result = {**RESULT, **changed}
    assert check(result, TASK) is result


@pytest.mark.parametrize("field", RESULT)
def test_without_one_of_its_fields_it_is_none(field):
    with pytest.raises(ValueError, match="missing or unknown fields"):
        check({name: value for name, value in RESULT.items() if name != field}, TASK)


@pytest.mark.parametrize("value", [None, [], "x", 1, {**RESULT, "more": 1}])
def test_with_another_field_or_of_another_kind_it_is_none(value):
    with pytest.raises(ValueError, match="missing or unknown fields"):
        check(value, TASK)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("outputs", value) for value in ("", ["", 1], ["", None], None)),
        *(("seconds", value) for value in (True, "1", -0.1, float("nan"), float("inf"), 10**6, None)),
        *(("error", value) for value in ("x", {}, True, {**ERROR, "more": 1}, {**ERROR, "line": "1"})),
        *(("error", {**ERROR, part: value}) for part in ("text", "reason") for value in (1, "\x1b", "\ud800")),
        *(("error", {**ERROR, part: value}) for part in ("line", "ran") for value in (1.0, True, None)),
        *(("codeobj", value) for value in ([], None, {"x": []}, {"x": {}}, {"x": [1]}, {"x\x00": [OBJECT]})),
        *(("codeobj", {"x": [{**OBJECT, part: "<b>"}]}) for part in ("is_class", "is_explicit")),
        *(("codeobj", {"x": [{**OBJECT, part: value}]}) for part in ("name", "module") for value in ("a b", 1, "'")),
        ("codeobj", {"x": [{**OBJECT, "more": "1"}]}),
        *(("images", value) for value in ([], None, {"sphx_glr_one_001.png": 1}, {"sphx_glr_one_001.png": "x"})),
        ("images", {"sphx_glr_one_001.png": PICTURE[:40]}),
        ("images", {"sphx_glr_one_001.png": PICTURE + "\n"}),
        *(("lines", value) for value in (None, "x", [1.0], [True], {"a": 1})),
        *(("date", value) for value in (None, "", "today", "20261123", "2026-11-23T00:00", "2026-13-01", 1)),
    ],
)
def test_a_field_of_another_form_is_named(field, value):
    with pytest.raises(ValueError, match=f"'{field}'"):
        check({**RESULT, field: value}, TASK)


@pytest.mark.parametrize("outputs", [[], [""], ["", "", ""]])
def test_there_is_an_output_for_each_block(outputs):
    with pytest.raises(ValueError, match="blocks"):
        check({**RESULT, "outputs": outputs}, TASK)


@pytest.mark.parametrize(
    "name",
    [
        "sphx_glr_two_001.png",
        "sphx_glr_one_01.png",
        "sphx_glr_one_001.bmp",
        "sphx_glr_one_001.svgz",
        "sphx_glr_one_001.html",
        "sphx_glr_one_001_dark.png",
        "sphx_glr_one_more_001.png",
        "../sphx_glr_one_001.png",
        "sphx_glr_one_001.png\n",
        "sphx_glr_one_٠٠١.png",
        "",
    ],
)
def test_its_images_have_the_names_of_this_recipe(name):
    with pytest.raises(ValueError, match="image"):
        check({**RESULT, "images": {name: PICTURE}}, TASK)


@pytest.mark.parametrize("kind", ["png", "gif", "jpg", "webp"])
@pytest.mark.parametrize("other", ["png", "gif", "jpg", "webp", "svg"])
def test_a_picture_is_of_the_kind_that_its_name_says(kind, other):
    result = {**RESULT, "images": {f"sphx_glr_one_001.{kind}": picture(other)}}
    if kind == other:
        assert check(result, TASK) is result
    else:
        with pytest.raises(ValueError, match="images"):
            check(result, TASK)


def test_a_picture_that_does_more_than_draw_is_told_by_name():
    hostile = base64.b64encode(b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>').decode()
    with pytest.raises(
        ValueError, match=r"^sphx_glr_one_001.svg is no SVG that a page shows: it has onload=alert\(1\)"
    ):
        check({**RESULT, "images": {"sphx_glr_one_001.svg": hostile}}, TASK)


@pytest.mark.parametrize(
    "asks",
    [
        {"conf": {"capture_repr": ["_repr_html_"]}},
        {"file_conf": {"capture_repr": ["_repr_html_", "__repr__"]}},
        {"blocks": [TASK["blocks"][0], ["code", '# sphinx_gallery_capture_repr_block = ("_repr_html_",)\nx', 20]]},
    ],
)
def test_html_is_an_output_where_the_recipe_asks_for_it(asks):
    result = {**RESULT, "outputs": [HEADER.format("    <b>x</b>\n    x"), ""]}
    assert check(result, {**TASK, **asks}) is result
    with pytest.raises(ValueError, match="output"):
        check(result, TASK)


def test_an_output_shows_only_its_own_images():
    image = ".. image:: /recipes/s/images/sphx_glr_one_{}.png\n   :alt: x\n   :class: sphx-glr-single-img invertible\n"
    result = {**RESULT, "images": {"sphx_glr_one_001.png": PICTURE}, "outputs": [image.format("001"), ""]}
    assert check(result, TASK)
    assert check({**result, "outputs": [image.format("001").replace("/s/", "/"), ""]}, {**TASK, "name": "one.py"})
    for task in (TASK, {**TASK, "name": "t/one.py"}, {**TASK, "gallery": "other"}):
        with pytest.raises(ValueError, match="output"):
            check({**result, "outputs": [image.format("001" if task is not TASK else "002"), ""]}, task)


@fuzz()
@given(WORDS)
def test_whatever_is_printed_is_an_output(text):
    check_output(output_of(text), set())


# -- failures ------------------------------------------------------------------------------


@fuzz(100)
@given(WORDS, st.integers(0, 10**6))
def test_a_recipe_that_failed_outside_of_its_code_has_a_result_that_says_so(text, line):
    result = failure(TASK, f"OSError: {text}", line)
    assert check(result, TASK) is result
    assert result["error"] == {
        "text": clean(f"OSError: {text}"),
        "line": line,
        "reason": result["error"]["reason"],
        "ran": 0,
    }
    assert result["error"]["text"].splitlines()[-1] == result["error"]["reason"]


# -- what is added to a result ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("output", "remembered"),
    [
        ('  File "recipes_source/s/one.py", line 9, in <module>', True),
        ("recipes_source/s/one.py:9: UserWarning: x", True),
        ("one.py", False),
        ("two.py:9: x", False),
        ("", False),
    ],
)
def test_the_lines_of_the_blocks_are_remembered_where_an_output_shows_one(output, remembered):
    result = {**RESULT, "outputs": ["", output]}
    remember_lines(TASK, result)
    assert result.get("lines") == ([9, 20] if remembered else None)
