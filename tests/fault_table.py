"""A pytest plugin that writes `faults/README.md`: what each fault test saw, in the order of the tests.

``note("an empty entry", "builds", "cache: corrupt entry KEY.json ...")`` is a row of it.
What differs between machines, paths and keys, is taken out. When all tests in ``faults/`` have
passed and the file says something else, it is written anew; where that concerns cases or
outcomes, and not only the words of a message, the run fails.
"""

import ast
import re
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent / "faults"
FILE = FOLDER / "README.md"
HEAD = """# What happens when things go wrong

Each row is what a test saw of a real build; `make test ARGS=tests/faults` writes this file, nobody else does.
*Fails* means: the build ends in bounded time and not with success, what went well is there, and once the cause
is gone the next build is complete.
"""
#: File of tests to its rows; files of which every test passed.
rows, passed, failed = {}, set(), set()


def said(pattern, log):
    """Return what the build printed that fits *pattern*."""
    found = re.search(pattern, log)
    assert found, f"{pattern!r} was not said in:\n{log[-4000:]}"
    return found[0]


def cleaned(message):
    """Return *message* without what differs between machines, and not too long."""
    message = re.sub(r"(?<![\w.~/-])(?:/[^\s/:]+)+/(?=[^\s/])", lambda path: ours(path[0]), message)
    message = re.sub(r"\b[0-9a-f]{64}\b", "KEY", " ".join(message.split()))
    message = re.sub(r"\b(recipes?)-\w{8}\b", r"\1-...", message)
    message = re.sub(r"unexpected pos \d+ vs \d+", "unexpected pos ...", message)
    return message if len(message) <= 240 else message[:240].rsplit(" ", 1)[0] + " ..."


def ours(path):
    """Return of an absolute *path* what is the same on every machine: its last folder, if ours."""
    name = path.rstrip("/").rpartition("/")[2]
    return f"{name}/" if name in ("cache", ".recipe_cache") else ""


@pytest.fixture
def note(record_property):
    """Put a row into the table: ``note(case, outcome, message)``."""

    def note(case, outcome, message):
        cells = [cell.replace("|", "\\|").replace("<", "\\<") for cell in (case, outcome, cleaned(message))]
        record_property("fault", f"| {' | '.join(cells)} |")

    return note


def pytest_runtest_logreport(report):
    file = Path(report.nodeid.partition("::")[0]).name
    if f"{FOLDER.name}/{file}" in report.nodeid:
        (failed if report.failed or report.skipped else passed).add(file)
        if report.when == "call":
            rows.setdefault(file, []).extend(row for name, row in report.user_properties if name == "fault")


def text():
    """Return the whole file."""
    parts = [HEAD]
    for file, lines in sorted(rows.items()):
        title = ast.get_docstring(ast.parse((FOLDER / file).read_text(encoding="utf-8"))).splitlines()[0]
        table = ["| case | outcome | message |", "|---|---|---|", *lines]
        parts += ["\n".join([f"## {title.rstrip('.')}", "", *table, ""])] if lines else []
    return "\n".join(parts)


def outcomes(table):
    """Return the first two columns of *table*: an interpreter may word a message in another way."""
    return [row.split(" | ")[:2] for row in table.splitlines() if row.startswith("| ")]


def pytest_sessionfinish(session):
    config = session.config
    part = any(config.getoption(name, None) for name in ("keyword", "markexpr", "deselect", "lf"))
    part = part or any("::" in argument for argument in config.args) or hasattr(config, "workerinput")
    if part or failed or passed != {path.name for path in FOLDER.glob("test_*.py")}:
        return
    before = FILE.read_text(encoding="utf-8") if FILE.exists() else ""
    if before != text():
        FILE.write_text(text(), encoding="utf-8")
        config.fault_table_changed = True
    if outcomes(before) != outcomes(text()):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter, config):
    if getattr(config, "fault_table_changed", False):
        terminalreporter.write_line(
            "tests/faults/README.md was not what the tests saw: it is written anew, read and commit it", red=True
        )
