"""What a build prints: in a log, a few lines; on a terminal, one moving line; and of bad input, one sentence.

The terminal is a real one, of a size that long names exceed. What it shows at the end is worked
out from what the build has written to it.
"""

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios

import pytest
from conftest import TinySite, command, declared, recipe

pytestmark = pytest.mark.slow

LONG = "a_name_that_is_longer_than_the_terminal_is_wide"
WIDTH = 50


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A site that was built; ``cold`` is what that printed."""
    recipes = {"one.py": recipe("print(1)", "One"), f"{LONG}.py": recipe("print(2)", "Two")}
    site = TinySite(tmp_path_factory.mktemp("console"), recipes)
    site.cold = printed(site)
    return site


def printed(site, *options, **environment):
    """Build; return what was printed to a log, cursor and color codes too."""
    done = subprocess.run(
        command(site.folder, site.out, *options),
        cwd=site.folder,
        env=declared({"NO_COLOR": None, **environment}),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=550,
    )
    site.code = done.returncode
    return done.stdout


def on_terminal(site, **environment):
    """Build on a terminal; return what was written to it."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, WIDTH, 0, 0))
    environment = declared({"TERM": "xterm", "NO_COLOR": None, "COLUMNS": None, **environment})
    build = subprocess.Popen(
        command(site.folder, site.out), cwd=site.folder, env=environment, stdin=theirs, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    written = b""
    try:
        while data := os.read(ours, 4096):
            written += data
    except OSError:  # Linux: the other side is closed
        pass
    os.close(ours)
    site.code = build.wait(60)
    return re.sub(r"\x1b\[[\d;]*m", "", written.decode())


def shown(written):
    """Return the lines that a terminal shows at the end: only "erase to the end of the line" and "\\r" are known."""
    lines = []
    for line in written.replace("\r\n", "\n").split("\n"):
        text = ""
        for part in line.split("\r"):
            text = "" if part.startswith("\x1b[K") else text
            part = part.removeprefix("\x1b[K")
            text = part + text[len(part) :]
        lines.append(text)
    return lines[:-1]


def test_a_cold_build_prints_one_line_for_each_recipe_and_a_few_more(site):
    lines = site.cold.splitlines()
    executed = [line for line in lines if re.fullmatch(r"executed \[[12] of 2\] section/\w+\.py in \d+\.\d s", line)]
    assert len(executed) == 2 and f"section/{LONG}.py" in site.cold
    assert len(lines) <= 5 + 2 + 1, site.cold


def test_a_build_without_a_change_prints_at_most_five_lines(site):
    printed(site)
    log = printed(site)
    assert site.code == 0 and len(log.splitlines()) <= 4, log  # `make html` adds one
    assert "2 from the cache, 0 to execute" in log and "0 added, 0 changed, 0 removed" in log


@pytest.mark.parametrize("environment", [{}, {"FORCE_COLOR": "1", "TERM": "xterm"}], ids=["plain", "colors"])
def test_a_log_has_no_cursor_codes(site, environment):
    site.write("section/one.py", recipe(f"print(1)\n# {environment}", "One"))
    log = printed(site, **environment)
    assert site.code == 0 and "executed [1 of 1]" in log
    assert not re.search(r"\x1b\[[\d;]*[^\d;m]|\r", log), repr(log)
    assert environment or "\x1b" not in log


def test_progress_on_a_terminal_is_one_moving_line(site):
    for name, text in (("one", "edited"), (LONG, "edited too")):
        site.write(f"section/{name}.py", recipe(f"print({text!r})", name))
    written = on_terminal(site)
    assert site.code == 0, written
    first, *lines = shown(written)
    assert first.startswith("Running Sphinx ")
    assert [re.sub(r"\d+\.\d s", "N s", line) for line in lines] == [
        "recipes: 0 from the cache, 2 to execute",
        "executed 2 recipes in N s",
        "updating environment: 0 added, 4 changed, 0 removed",
        "build succeeded.",
    ]
    moving = re.findall(r"\x1b\[K([^\r\n]+)(?=\r\x1b)", written)
    assert any("executed [1 of 2]" in part for part in moving) and any("writing output" in part for part in moving)
    assert max(map(len, moving)) < WIDTH, "it would not be one line"
    assert re.findall(r"\x1b\[[^mK]*[^mK\d;]", written) == []


def test_a_warning_does_not_mix_with_the_moving_line(site):
    (site.folder / "index.rst").write_text((site.folder / "index.rst").read_text() + "\nSee :ref:`nothing`.\n")
    warning = next(line for line in shown(on_terminal(site)) if "nothing" in line)
    assert site.code == 1 and re.match(r"\S+index\.rst:\d+: WARNING: ", warning), warning
    (site.folder / "index.rst").write_text((site.folder / "index.rst").read_text().replace(":ref:", ""))


def test_a_terminal_without_cursor_codes_gets_lines(site):
    site.write("section/one.py", recipe("print('dumb')", "One"))
    written = on_terminal(site, TERM="dumb")
    assert "\x1b[K" not in written and "executed [1 of 1] section/one.py in" in written


def test_everything_is_printed_where_it_is_asked_for(site):
    assert "loading intersphinx inventory" in printed(site, "-v")


INVALID = [
    ("EXECUTOR", "foo", "EXECUTOR=tcp://scheduler:8786"),
    ("RECIPE_CACHE_SIZE", "1X", "RECIPE_CACHE_SIZE=256M"),
    ("RECIPE_CACHE", "conf.py", "RECIPE_CACHE=.recipe_cache"),
    ("SOURCE_DATE_EPOCH", "yesterday", "SOURCE_DATE_EPOCH=1767225600"),
    ("JOBS", "many", "JOBS=2"),
]


@pytest.mark.parametrize(("name", "value", "example"), INVALID, ids=[name for name, *_ in INVALID])
def test_an_invalid_variable_is_one_sentence_at_the_start(site, name, value, example):
    log = printed(site, **{name: value})
    assert site.code == 2
    _running, _blank, _heading, sentence = log.rstrip().split("\n")
    assert sentence.startswith(f"{name}={value}: ") and sentence.endswith(f", as in {example}")


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("repository=https://github.com/o/n.git", 'Give that of its pages, as in "https://github.com/o/n"'),
        ("repository_branch=a b", "is not the name of a branch"),
    ],
)
def test_an_invalid_value_in_conf_is_one_sentence_at_the_start(site, setting, said):
    log = printed(site, "-D", setting)
    assert site.code == 2
    _running, _blank, _heading, sentence = log.rstrip().split("\n")
    assert sentence.startswith(f"conf.py: {setting.partition('=')[0]} = ") and said in sentence


def test_linkcheck_without_network_is_one_sentence_at_the_start(site):
    nowhere = "http://127.0.0.1:9"
    variables = dict.fromkeys(("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"), nowhere)
    log = printed(site, "-b", "linkcheck", NO_PROXY=None, no_proxy=None, **variables)
    assert site.code == 2 and "recipes:" not in log
    _running, _blank, _heading, sentence = log.rstrip().split("\n")
    assert sentence.startswith("none of docs.pytorch.org, ") and sentence.endswith(
        "answers: run make linkcheck again where one does"
    )
