"""What a recipe knows about a message: its cause, lines to paste, and where the fix is.

A recipe says so above the cell that prints the message:

    # .. diagnosis:: The file was saved from a wrapped model, and this one is not wrapped.
    #    :unexpected: {prefix:module|_orig_mod}.{key}
    #    :missing: {key}
    #
    #    state_dict = {k.removeprefix("{prefix}."): v for k, v in state_dict.items()}

The directive shows nothing where it stands. The page with the error index
(:mod:`cookbook.site.error_index`) shows it below the message, and who pastes a message like that
gets it as the answer.

Without options it is about the messages that the next output has, and the fix is the short answer
of the page. ``:message:`` is the part of a message that decides, or several, a line each; no cell
has to print them. ``:missing:`` and ``:unexpected:`` are keys that a ``state_dict`` error lists; a
diagnosis with such keys is about those errors, and about the messages that it names, if it does.
``:except:`` is text with which a message means something else, and ``:traceback:`` is text of which one has to be
before the message, for messages that mean many things. ``:fix:`` is the id of a section of the page, or
the name of another recipe, and of a section of it: ``averaging_weights#variants``.

In these patterns, ``{}`` stands for any text, ``{key}`` for a name or number, which is the same
wherever it occurs, and ``{prefix:module|model}`` for one of these. The lines to paste can contain
``{key}`` and ``{prefix}``, and get what they stand for in the reader's message.
"""

from __future__ import annotations

import difflib
import re
from typing import NamedTuple

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

from cookbook.pages import classes
from cookbook.pages.cells import ANSWER
from cookbook.site.message import messages, pattern_of

logger = logging.getLogger(__name__)

#: How many lines a reader pastes at most.
LINES = 3
#: What stands for other text in a pattern: any text, a name, or one of several.
PLACEHOLDER = re.compile(r"\{(?:([a-z]\w*)(?::([^{}]+))?)?\}")


class Diagnosis(NamedTuple):
    """One cause of messages; *place* is the ``file:line`` of the directive."""

    cause: str
    code: str
    messages: tuple[str, ...]
    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    exceptions: tuple[str, ...]
    traceback: tuple[str, ...]
    fix: str
    place: str

    @property
    def pattern(self) -> str:
        """What to show where no recipe prints such a message."""
        lists = (("Missing", self.missing), ("Unexpected", self.unexpected))
        keys = [f'{name} key(s) in state_dict: "{key}"' for name, found in lists for key in found]
        return "\n".join([*self.messages, *keys])

    def may_fit(self, message: str) -> bool:
        """Say whether it may be about a *message* for its keys, which are not looked at."""
        return bool(self.missing or self.unexpected) and "key(s) in state_dict: " in message


def regex(pattern: str) -> re.Pattern[str]:
    r"""Return *pattern* as a regular expression.

    >>> regex("Unsupported operand {byte:60|118}").pattern
    'Unsupported\\ operand\\ (?P<byte>60|118)'
    """
    parts: list[str] = []
    at = 0
    for found in PLACEHOLDER.finditer(pattern):
        name, choices = found.groups()
        again = name and any(f"(?P<{name}>" in part for part in parts)
        one = "|".join(map(re.escape, choices.split("|"))) if choices else r"[^\s\"']+?"
        parts += [re.escape(pattern[at : found.start()])]
        parts += [f"(?P={name})" if again else f"(?P<{name}>{one})" if name else ".*?"]
        at = found.end()
    return re.compile("".join([*parts, re.escape(pattern[at:])]))


def example(code: str, *patterns: str) -> str:
    """Return *code* with names in place of what stands for a part of a message in *patterns*.

    >>> example('key.removeprefix("{prefix}.")', "{prefix:module|_orig_mod}.{key}")
    'key.removeprefix("module.")'
    """
    for found in PLACEHOLDER.finditer(" ".join(patterns)):
        if found[1]:
            code = code.replace(f"{{{found[1]}}}", (found[2] or found[1]).partition("|")[0])
    return code


def parts(pattern: str) -> list[tuple[str, bool]]:
    """Return the parts of *pattern* as readers see them: ``[(text, is variable), ...]``.

    >>> parts("Unsupported operand {byte}")
    [('Unsupported operand ', False), ('…', True)]
    """
    texts = PLACEHOLDER.sub("\0\N{HORIZONTAL ELLIPSIS}\0", pattern).split("\0")
    return [(text, n % 2 == 1) for n, text in enumerate(texts) if text]


class diagnosis(nodes.Element):
    """Marks where a diagnosis stands, until `collect` takes it out of the page."""


def _lines(argument: str | None) -> tuple[str, ...]:
    return tuple(line.strip() for line in (argument or "").splitlines() if line.strip())


class DiagnosisDirective(SphinxDirective):
    """``.. diagnosis:: CAUSE`` with the lines to paste."""

    required_arguments = 1
    final_argument_whitespace = True
    has_content = True
    option_spec = {  # noqa: RUF012
        "message": _lines,
        "missing": _lines,
        "unexpected": _lines,
        "except": _lines,
        "traceback": _lines,
        "fix": directives.unchanged,
    }

    def run(self) -> list[nodes.Node]:
        """Return its mark; raise what is wrong with it."""
        cause, code = " ".join(self.arguments[0].split()), "\n".join(self.content)
        if not cause.endswith("."):
            raise self.error(f"end the cause {cause!r} with a full stop.")
        if not 1 <= len(self.content) <= LINES:
            raise self.error(f"a reader pastes 1 to {LINES} lines, these are {len(self.content)}: change them.")
        for name, lines in self.options.items():
            if not lines:
                raise self.error(f"the option {name} is empty: write its text or remove it.")
            for line in lines if name in ("message", "except") else ():
                if len(re.findall(r"\w", PLACEHOLDER.sub("", line))) < 4:
                    raise self.error(f"the {name} {line!r} fits almost any text: write more of it.")
        node = diagnosis(cause=cause, code=code, **{name: self.options.get(name, ()) for name in self.option_spec})
        self.set_source_info(node)
        return [node]


def collect(app: Sphinx, doctree: nodes.document) -> None:
    """Take the diagnoses out of a page that was read, and store them in its metadata."""
    found: list[Diagnosis] = []
    waiting: list[diagnosis] = []
    for node in list(doctree.findall(nodes.Element)):
        if isinstance(node, diagnosis):
            waiting.append(node)
        elif isinstance(node, nodes.literal_block) and classes.OUTPUT in node["classes"]:
            printed = tuple(dict.fromkeys(map(pattern_of, messages(node.astext()))))
            found += [_read(app, doctree, mark, printed) for mark in waiting]
            waiting = []
    found += [_read(app, doctree, mark, ()) for mark in waiting]
    for mark in list(doctree.findall(diagnosis)):
        mark.parent.remove(mark)
    if found:
        app.env.metadata[app.env.docname]["diagnoses"] = found


def _read(app: Sphinx, doctree: nodes.document, mark: diagnosis, printed: tuple[str, ...]) -> Diagnosis:
    """Return the diagnosis that *mark* stands for, above an output with the messages *printed*."""
    about_keys = mark["missing"] or mark["unexpected"]
    shown = mark["message"] or (() if about_keys else printed)
    if not shown and not about_keys:
        logger.warning(
            "this diagnosis is about no message: move it above the cell that prints one, or add :message:.",
            location=mark,
        )
    place = f"{mark.source}:{mark.line}"
    fix = mark["fix"] or ANSWER
    return Diagnosis(
        mark["cause"],
        mark["code"],
        shown,
        mark["missing"],
        mark["unexpected"],
        mark["except"],
        mark["traceback"],
        fix,
        place,
    )


def headings(env: BuildEnvironment, docname: str) -> dict[str, str]:
    """Return the headings of a page by the ids of their sections; the first one is its title."""
    links = env.tocs[docname].findall(nodes.reference) if docname in env.tocs else ()
    return {link["anchorname"].removeprefix("#"): link.astext() for link in links if link["refuri"] == docname}


def target(env: BuildEnvironment, docname: str, fix: str) -> tuple[str, str]:
    """Return the docname and the id that the *fix* of a diagnosis on the page *docname* leads to.

    The id is empty for a page without a short answer, and both are if there is no such section.
    """
    if fix in headings(env, docname):
        return docname, fix
    if fix == ANSWER:
        return docname, ""
    name, _, anchor = fix.partition("#")
    for other in sorted(other for other in env.found_docs if other.rpartition("/")[2] == name):
        if not anchor or anchor in headings(env, other):
            return other, anchor or (ANSWER if ANSWER in headings(env, other) else "")
    return "", ""


def in_reading_order(env: BuildEnvironment, what: str) -> list[str]:
    """Return the pages whose metadata has *what*."""
    order = {docname: i for i, docname in enumerate(env.collect_relations())}
    pages = [name for name in env.found_docs if what in env.metadata[name]]
    return sorted(pages, key=lambda name: (order.get(name, len(order)), name))


def all_of(env: BuildEnvironment) -> list[tuple[str, Diagnosis]]:
    """Return the diagnoses of all pages, each with its docname, in reading order."""
    pages = in_reading_order(env, "diagnoses")
    return [(name, one) for name in pages for one in env.metadata[name]["diagnoses"]]


def check(env: BuildEnvironment) -> None:
    """Warn of diagnoses whose fix leads nowhere."""
    for docname, one in all_of(env):
        if not target(env, docname, one.fix)[0]:
            own = [name for name in headings(env, docname) if name]
            names = [*own, *(name.rpartition("/")[2] for name in env.found_docs)]
            close = difflib.get_close_matches(one.fix, names, n=1)
            hint = f"did you mean {close[0]}?" if close else f"choose one of {', '.join(own)}"
            text = ":fix: %s is no section of this page and no other recipe: %s"
            logger.warning(text, one.fix, hint, location=one.place)
