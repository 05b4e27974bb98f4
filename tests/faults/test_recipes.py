"""What recipes can do wrong, or look as if they did.

All of it is in one site, beside recipes that are good.

Every fault must end as a failure of its recipe, named with file and line, on a page that
shows why; or as clean output. The build must end in bounded time, and not with success.
"""

import re
import time

import psutil
import pytest
from conftest import recipe
from fault_table import said
from reading import outputs, parse

pytestmark = pytest.mark.slow

BAD = {
    "raises": ("raise ValueError('bad value')", r":11: ValueError: bad value"),
    "syntax_error": ("print('unclosed'", r":11: SyntaxError: "),
    "endless_python": ("while True: pass", r":12: TimeoutError: killed after 3 s\."),
    "endless_kernel": (
        "import torch\na = torch.rand(4000, 4000)\nwhile True: a = (a @ a).clamp(0, 1)",
        r":14: TimeoutError: killed after 3 s\.",
    ),
    "endless_program": (
        "import subprocess, sys\nprint(1)\nsubprocess.run([sys.executable, '-c', 'while True: pass'])",
        r":14: TimeoutError: killed after 3 s\.",
    ),
    "waits_for_ever": (
        "import threading\nthreading.Event().wait()",
        r":13: TimeoutError: killed after 30 s on the clock",
    ),
    "killed": (
        "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)",
        r":11: ChildProcessError: the recipe's process was killed by SIGKILL",
    ),
    "segfault": (
        "import ctypes\nctypes.string_at(0)",
        r":12: ChildProcessError: the recipe's process was killed by SIGSEGV",
    ),
    "os_exit": ("import os\nos._exit(0)", r":11: ChildProcessError: .* os\._exit\(0\)"),
    "sys_exit": ("import sys\nprint('before')\nsys.exit(0)", r":13: SystemExit: 0"),
    "memory": ("x = bytearray(2**33)", r":11: MemoryError"),
    "memory_torch": ("import torch\nx = torch.ones(2**31)", r":12: RuntimeError: .*allocate"),
    "long_message": ("raise ValueError('x' * 20_000_000)", r":11: ValueError: xxx"),
    "asks": ("input('name?')", r":11: .*Cannot use input"),
    "silent": ("x = 1", r":11: the recipe has code but shows no output"),
    "descriptor": ("import os\nos.write(1, b'unseen')\nprint(1)", r":11: wrote past Python's sys.stdout"),
    "prints_too_much": ("print('x' * 2000)", r":13: RuntimeError: more than 1,000 characters"),
}
SETTINGS = {
    "endless_python": "# sphinx_gallery_timeout = 3\n",
    "endless_kernel": "# sphinx_gallery_timeout = 3\n",
    "endless_program": "# sphinx_gallery_timeout = 3\n",
    "waits_for_ever": "# sphinx_gallery_timeout = 2\n",
    "slow_clock": "# sphinx_gallery_timeout = 2\n",
    "prints_too_much": '# sphinx_gallery_output = 1000\n# sphinx_gallery_overflow = "fail"\n',
}
GOOD = {
    "plain": ("print('plain')", ["plain"]),
    "much_output": ("for i in range(500_000):\n    print('x' * 100)", None),
    "markup": (
        "print('<script>alert(1)</script> :role:`x` .. raw:: html')",
        ["<script>alert(1)</script> :role:`x` .. raw:: html"],
    ),
    "control": (
        r"print('\x1b[31mred\x1b[0m \x1b]8;;http://x\x07link\x1b]8;;\x07 nul\x00 \ud800 ab\bc')"
        "\nprint('10%\\r100%')",
        ["red link nul\N{REPLACEMENT CHARACTER} \N{REPLACEMENT CHARACTER} ac\n100%"],
    ),
    "thread": ("import threading, time\nthreading.Thread(target=time.sleep, args=(600,)).start()\nprint(1)", ["1"]),
    "children": (
        "import subprocess\n"
        "subprocess.Popen(['sleep', '987.1'])\n"
        "subprocess.Popen(['sleep', '987.1'], start_new_session=True)\n"
        "subprocess.Popen(['sh', '-c', 'setsid sleep 987.1 & exit'])\nprint(1)",
        ["1"],
    ),
    "writes": ("open('left.txt', 'w').write('x')\nprint(1)", ["1"]),
    "loader": (
        """
        import torch
        class Numbers(torch.utils.data.Dataset):
            def __len__(self):
                return 8
            def __getitem__(self, i):
                return torch.tensor(i)
        loader = torch.utils.data.DataLoader(Numbers(), num_workers=2, batch_size=4)
        print([batch.tolist() for batch in loader])
        """,
        ["[[0, 1, 2, 3], [4, 5, 6, 7]]"],
    ),
    "slow_clock": ("import time\ntime.sleep(4)\nprint(1)", ["1"]),
    "spawns": (
        "import multiprocessing\n"
        "process = multiprocessing.get_context('spawn').Process(target=print)\n"
        "process.start()\nprocess.join()\nprint(process.exitcode)",
        ["0"],
    ),
    "five_thousand_lines": ("x = 0\n" + "x += 1\n" * 5000 + "print(x)", ["5000"]),
    "z\u00e4hler": ("print('\u00e4')", ["\u00e4"]),
}
#: What the table says of a case whose name does not say it.
WORDS = {
    "z\u00e4hler": "a name with letters beyond ASCII",
    "spaced name.py": "a name with a space",
    "latin.py": "a byte that is not UTF-8",
    "zeta/plain.py": "the same name in two sections",
    "slow_clock": "longer on the clock than its limit of processor time, as on a busy machine",
    "crlf": "lines that end as on Windows",
    "long_timeout.py": "a setting that cannot be meant",
    "misspelled.py": "a setting that is misspelled",
    "unknown.py": "a setting that there is not",
}
NO_RECIPE = {
    "no_docstring.py": ("print(1)\n", ":1: no title: begin the file with a docstring"),
    "no_title.py": ('"""\nSome text without a title.\n"""\nprint(1)\n', ":1: no title: underline the first line"),
    "latin.py": (recipe("print(1)").encode() + b"# caf\xe9\n", ":12: byte 0xe9 is not UTF-8"),
    "zeta/plain.py": (recipe("print(2)"), "section/plain.py has the same file name"),
    "spaced name.py": (recipe("print(1)"), ":1: the file name has a space in it"),
    "long_timeout.py": (
        recipe("print(1)", settings='# sphinx_gallery_timeout = "long"\n'),
        ':7: sphinx_gallery_timeout = "long": give a whole number of seconds above 0',
    ),
    "misspelled.py": (
        recipe("print(1)", settings="# sphinx_gallery_timeut = 3\n"),
        ":7: unknown setting sphinx_gallery_timeut: did you mean sphinx_gallery_timeout?",
    ),
    "unknown.py": (
        recipe("print(1)", settings="# sphinx_gallery_color = 3\n"),
        ":7: unknown setting sphinx_gallery_color: see CONTRIBUTING.md for the list",
    ),
}


@pytest.fixture(scope="module")
def built(module_site):
    cases = {
        **{name: code for name, (code, _) in BAD.items()},
        **{name: code for name, (code, _) in GOOD.items()},
    }
    site = module_site({f"{n}.py": recipe(c, n, SETTINGS.get(n, "")) for n, c in cases.items()})
    site.add({name: text for name, (text, _) in NO_RECIPE.items()})
    site.write("section/crlf.py", recipe("print('one')\nprint('two')", "Crlf").replace("\n", "\r\n"))
    site.write("headless/lost.py", recipe("print(1)"))
    site.write("section/model.pt", b"left by hand")
    started = time.monotonic()
    site.done = site.build(JOBS="2")
    site.seconds = time.monotonic() - started
    site.summary = site.done.log.split("problem(s) with recipes")[1]
    return site


def test_build_ends_soon_and_without_success(built):
    assert built.done.code != 0
    assert built.seconds < 120
    assert "Traceback" not in built.done.errors.replace('Traceback (most recent call last):\n      File "rec', "")


@pytest.mark.parametrize("name", BAD)
def test_fault_is_named_with_its_line_and_shown_on_its_page(built, name, note):
    pattern = rf"recipes_source/section/{name}\.py{BAD[name][1]}".replace(": ", ": (?:WARNING: )?", 1)
    named = re.findall(pattern, built.done.log)
    assert len(named) == 2, "once as it happens and once in the summary"
    note(
        name.replace("_", " "),
        "fails",
        said(
            rf"recipes_source/section/{name}\.py:\d+: \w+Error.*|"
            rf"recipes_source/section/{name}\.py:\d+: .*",
            built.summary,
        ),
    )
    page = parse(built.page(f"{name}.html"))
    assert page.h1.get_text().rstrip("#").replace("Error", "").strip()
    if name not in ("silent", "descriptor"):
        assert "Traceback" in outputs(built.page(f"{name}.html"))[-1]
        assert len(outputs(built.page(f"{name}.html"))[-1]) < 10_000


@pytest.mark.parametrize("name", GOOD)
def test_clean_output(built, name, note):
    expected = GOOD[name][1]
    if expected:
        assert outputs(built.page(f"{name}.html")) == expected
    note(WORDS.get(name, name.replace("_", " ")), "builds", "")
    assert f"{name}.py:" not in built.done.log.split("problem(s) with recipes")[1].replace("zeta/plain.py:1", "")


def test_output_before_a_death_is_kept(built):
    assert outputs(built.page("sys_exit.html"))[-1].count("SystemExit") == 1


def test_too_much_output_is_cut_and_says_so(built):
    text = outputs(built.page("much_output.html"))[0]
    assert len(text) < 2**20 + 200
    assert re.search(r"cut: [\d,]+ more characters were printed", text)
    assert built.page("much_output.html").stat().st_size < 2**21


def test_markup_in_output_stays_text(built):
    assert not parse(built.page("markup.html")).select("article script")


@pytest.mark.parametrize("name", NO_RECIPE)
def test_what_is_no_recipe_is_named(built, name, note):
    path = name if "/" in name else f"section/{name}"
    message = said(rf"recipes_source/{path}:\d+: .*", built.summary)
    assert NO_RECIPE[name][1] in message
    note(WORDS.get(name, name[:-3].replace("_", " ")), "fails", message)


def test_section_without_a_header_and_stray_file_are_named(built, note):
    assert "recipes_source/headless:1: WARNING: this section has 1 recipe(s) but no GALLERY_HEADER" in built.done.log
    assert "recipes_source/section/model.pt:1: WARNING: no recipe names this file" in built.done.log
    note("a section without a header", "fails", said(r"recipes_source/headless:1: .*", built.summary))
    note("a file left among the recipes", "fails", said(r"recipes_source/section/model.pt:1: .*", built.summary))


def test_lines_that_end_as_on_windows(built, note):
    assert outputs(built.page("crlf.html")) == ["one\ntwo"]
    assert "crlf.py:" not in built.summary
    note(WORDS["crlf"], "builds", "")


def test_nothing_is_left_running_or_lying_around(built):
    left = [p for p in psutil.process_iter(["cmdline"]) if "987.1" in (p.info["cmdline"] or [])]
    assert not left
    assert not list(built.folder.rglob("left.txt"))


def test_failures_are_executed_again_and_the_rest_comes_from_the_cache(built):
    again = built.build(RECIPE="no_such")
    assert again.code != 0 and "RECIPE=no_such: there is no such recipe" in again.log
    # mend one fault: only failures run again
    for name in BAD:
        if name != "raises":
            (built.source / f"section/{name}.py").unlink()
    built.write("section/raises.py", recipe("print('mended')", "raises"))
    again = built.build()
    executed = set(re.findall(r"executed \[\d+ of \d+\] section/(\w+)\.py", again.log))
    assert executed == {"raises"}
    assert outputs(built.page("raises.html")) == ["mended"]
    assert not built.page("killed.html").exists(), "the page of a recipe that is gone"
