"""The settings of a recipe: which values can be meant, and what is told of the others."""

import ast

import pytest
from cookbook.recipes import settings
from cookbook.recipes.settings import FLAGS, SETTINGS, find_error, for_output, limits, line_of, of_block
from fuzzing import fuzz
from hypothesis import given
from hypothesis import strategies as st

COUNTS = ("0", "-1", "1.5", '"3"', "True", "None", "[1]", "1e3")
LISTS = ("[1]", '"loading"', '("a",)', "None", '["a", None]', "{}")
#: What no setting of that name can mean.
BAD = {
    **dict.fromkeys(("timeout", "memory", "output"), COUNTS),
    "overflow": ('"stop"', "True", "cut", "None", '["cut"]'),
    "gpu": ("1", '"yes"', "None", "true"),
    "line_numbers": ("1", '"yes"', "None"),
    "wrong": ("1", '"yes"', "None"),
    "fold": ('""', "True", "None", "The model"),
    "reading_order": ("1.5", '"20"', "True", "None"),
    "thumbnail_number": ("1.5", '"1"', "True", "None"),
    "thumbnail_path": ("1", "None", "_static/x.png"),
    "capture_repr": ('("_repr_svg_", "__repr__")', '"__repr__"', "None", "[[]]"),
    "capture_repr_block": ('("_repr_html",)', "True"),
    "multi_image": ('"multi"', "1"),
    "multi_image_block": ('"multi"', "True"),
    "dummy_images": COUNTS,
    "failing_thumbnail": ("1", '"yes"', "None"),
    "tags": LISTS,
    "keywords": LISTS,
}


def setting(name, value):
    return f'"""\nTitle\n=====\n"""\n\n# sphinx_gallery_{name} = {value}\n'


@pytest.mark.parametrize("name", SETTINGS)
def test_the_example_of_a_setting_and_its_default_fit(name):
    found = SETTINGS[name]
    assert found.fits(ast.literal_eval(found.example)) and find_error(setting(name, found.example)) is None
    assert found.default is None or found.fits(found.default)
    more = {"gpu", "capture_repr", "capture_repr_block", "multi_image", "multi_image_block"}
    assert found.words and found.output == bool(found.limit or name in more)


GOOD = {**dict.fromkeys(("timeout", "memory", "output"), ("1",)), "overflow": ('"cut"', '"fail"'), "tags": ("[]",)}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in GOOD.items() for value in values])
def test_the_least_and_each_of_several_values_fit(name, value):
    assert find_error(setting(name, value)) is None


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in BAD.items() for value in values])
def test_a_value_that_cannot_be_meant_is_told_with_its_line_and_an_example(name, value):
    line, message = find_error(setting(name, value))
    assert line == 6
    told, _, example = message.rpartition(f", as in # sphinx_gallery_{name} = ")
    assert told == f"sphinx_gallery_{name} = {value}: give {SETTINGS[name].words}"
    assert find_error(setting(name, example)) is None


def test_there_is_a_bad_value_of_every_setting():
    assert BAD.keys() == SETTINGS.keys()


@pytest.mark.parametrize(
    "value", ["{[]: 1}", "foo(", "-" * 100_000 + "1", "1" * 5000, "\x00", "'\ud800'", "= 3", "300 s"]
)
def test_what_python_cannot_read_is_a_value_that_cannot_be_meant(value):
    line, message = find_error(setting("timeout", value))
    assert line == 6 and message.startswith("sphinx_gallery_timeout = ") and len(message) < 300


@pytest.mark.parametrize("name", SETTINGS)
def test_a_setting_without_a_value_is_told_as_nobody_reads_it(name):
    line, message = find_error(f"# sphinx_gallery_{name}\n")
    assert line == 1 and message.startswith(f"sphinx_gallery_{name}: give {SETTINGS[name].words}")


@pytest.mark.parametrize(
    ("name", "meant"), [("timeut", "timeout"), ("tag", "tags"), ("readingorder", "reading_order"), ("GPU", None)]
)
def test_a_name_that_nobody_reads_is_told_with_the_one_that_is_meant(name, meant):
    line, message = find_error(setting(name, "3"))
    assert line == 6 and f"sphinx_gallery_{name}:" in message
    assert (f"sphinx_gallery_{meant}?" in message) == bool(meant)


@pytest.mark.parametrize("name", sorted(FLAGS))
def test_a_flag_takes_no_value(name):
    line, message = find_error(setting(name, "True"))
    assert line == 6 and "takes no value" in message


START, END = "# sphinx_gallery_start_ignore\n", "# sphinx_gallery_end_ignore\n"


@pytest.mark.parametrize(
    ("text", "line"), [(END, 1), (START, 1), (START + START + END, 2), (START + END + END, 3), (START + END + START, 3)]
)
def test_what_is_ignored_begins_and_ends(text, line):
    found, message = find_error(text)
    assert found == line and "sphinx_gallery_end_ignore" in message
    assert find_error(START + "x = 1\n" + END + START + END) is None


def test_a_setting_that_a_recipe_cannot_have_is_told_why():
    line, message = find_error(setting("parallel", "False"))
    assert line == 6 and "process of its own" in message and "remove" in message


def test_the_settings_of_a_block_that_change_its_output_are_found():
    code = 'x = 1\n# sphinx_gallery_defer_figures\n# sphinx_gallery_capture_repr_block = ("__str__",)\n# sphinx_gallery_fold = "a"'
    assert of_block(code) == [("defer_figures", ""), ("capture_repr_block", '("__str__",)')]


@pytest.mark.parametrize("text", ["", "x = 1\n", setting("timeout", 3) + setting("gpu", "False  # a comment")])
def test_of_good_settings_there_is_nothing_to_tell(text):
    assert find_error(text) is None


def test_the_first_of_several_is_told():
    text = setting("timeout", 3) + "\n" + setting("memory", 0) + setting("timeout", 0)
    line, message = find_error(text)
    assert line == text.splitlines().index("# sphinx_gallery_memory = 0") + 1 and "_memory = 0" in message


@fuzz()
@given(st.sampled_from([*SETTINGS, "other"]), st.text(max_size=30))
def test_any_value_is_good_or_told_with_its_line(name, value):
    found = find_error(setting(name, value))
    assert found is None or (found[0] >= 6 and f"sphinx_gallery_{name}" in found[1])


def test_the_line_of_a_setting_is_where_its_name_is():
    text = setting("tags", "[]") + "x = 1\n    # sphinx_gallery_gpu = True\n"
    assert (line_of(text, "tags"), line_of(text, "gpu"), line_of(text, "timeout")) == (6, 8, 1)


def test_limits_are_the_recipe_s_own_or_the_defaults():
    defaults = {"seconds": 120, "memory": 4096, "output": 2**20, "overflow": "cut"}
    assert limits({}) == limits({"tags": ["a"], "gpu": True}) == defaults
    own = {"timeout": 3, "memory": 1, "output": 2, "overflow": "fail"}
    assert limits(own) == {"seconds": 3, "memory": 1, "output": 2, "overflow": "fail"}


def test_settings_that_change_no_output_do_not_count_for_it():
    conf = {name: ast.literal_eval(found.example) for name, found in SETTINGS.items()}
    assert for_output(conf) == {name: value for name, value in conf.items() if SETTINGS[name].output}


def test_html_needs_what_cleans_it(monkeypatch):
    for name in ("capture_repr", "capture_repr_block"):
        text = f"x = 1\n# sphinx_gallery_{name} = ('_repr_html_', '__repr__')\n"
        assert find_error(text) is None
        monkeypatch.setattr(settings, "find_spec", lambda name: None)
        line, message = find_error(text)
        assert line == 2 and 'where nh3 is installed (pip install nh3), "_repr_html_", as in # sphinx' in message
        assert find_error(text.replace("_repr_html_", "__str__")) is None
        monkeypatch.undo()
