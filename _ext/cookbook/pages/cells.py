"""The cells of a recipe's page: addresses, folds, checks, wrong code.

Two settings of a recipe shape the code cell that they stand in:

    # sphinx_gallery_fold = "The model and its file"     closed, behind this one line
    # sphinx_gallery_wrong = True                        marked as wrong, without a Copy button

The ``assert`` statements of a cell become a closed *2 checks* below its code, so that who copies
the code gets none of them; script and notebook keep them in place. Text is folded by a directive:

    .. fold:: Setup

       Install PyTorch: ...

Every cell and output has an id made of its section's, ``short-answer-code`` and
``short-answer-output``. HTML comments say where the template puts what is no part of the document:
``provenance`` below the promise, ``take-away`` below the short answer.
"""

from __future__ import annotations

import ast
import re
from html import escape
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from sphinx_gallery.py_source_parser import extract_file_config

from cookbook.build import build_of
from cookbook.pages import classes

#: The comment that begins the part of a block in sphinx-gallery's page, with the block's first line.
BLOCK = re.compile(r"GENERATED FROM PYTHON SOURCE LINES (\d+)-\d+")
#: The id of the section with the short answer.
ANSWER = "short-answer"
#: An output that is an error message or a traceback.
ERROR = re.compile(r"^(?:[\w.]*(?:Error|Exception): |Traceback \(most recent call last\):)", re.MULTILINE)


class fold(nodes.container):
    """Content behind one line, the attribute ``summary``, until the reader opens it."""


def visit_fold(self: Any, node: nodes.Element) -> None:
    """Begin a ``<details>``."""
    self.body.append(self.starttag(node, "details", ""))
    summary = re.sub("``(.+?)``", r"<code>\1</code>", escape(node["summary"]))
    self.body.append(f"<summary>{summary}</summary>\n")


def depart_fold(self: Any, node: nodes.Element) -> None:
    """End it."""
    self.body.append("</details>\n")


class place(nodes.Element):
    """A place that the template fills, an HTML comment with the attribute ``name``."""


def visit_place(self: Any, node: nodes.Element) -> None:
    """Write the comment."""
    self.body.append(f"<!-- {node['name']} -->")


def depart_place(self: Any, node: nodes.Element) -> None:
    """End it."""


def unfold(doctree: nodes.document) -> None:
    """Replace each fold in *doctree* by its summary, in bold, and its content; drop checks and places."""
    for mark in list(doctree.findall(place)):
        mark.parent.remove(mark)
    for node in list(doctree.findall(fold)):
        if "checks" in node["classes"]:
            node.parent.remove(node)
        else:
            parts = re.split("``(.+?)``", node["summary"])
            words = (nodes.literal(part, part) if n % 2 else nodes.Text(part) for n, part in enumerate(parts))
            node.replace_self([nodes.rubric("", "", *words), *node.children])


class Fold(SphinxDirective):
    """``.. fold:: SUMMARY`` with the content that is folded."""

    required_arguments = 1
    final_argument_whitespace = True
    has_content = True

    def run(self) -> list[nodes.Node]:
        """Return the fold."""
        node = fold(summary=self.arguments[0], classes=["fold"])
        self.state.nested_parse(self.content, self.content_offset, node)
        return [node]


def is_check(statement: ast.stmt) -> bool:
    """Say whether *statement* only checks: ``assert``, a call of a function named so, or a loop of them."""
    if isinstance(statement, ast.For | ast.If | ast.With):
        return all(map(is_check, [*statement.body, *getattr(statement, "orelse", ())]))
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
        return ast.unparse(statement.value.func).rpartition(".")[2].startswith("assert_")
    return isinstance(statement, ast.Assert)


def split_checks(code: str) -> tuple[str, str, int]:
    """Return the *code* of a cell without its checks, the checks, and how many they are.

    >>> split_checks("x = 1\\nassert x == 1")
    ('x = 1', 'assert x == 1', 1)
    """
    try:
        found = [statement for statement in ast.parse(code).body if is_check(statement)]
    except SyntaxError:
        return code, "", 0
    lines = code.split("\n")
    checks = []
    cut: set[int] = set()
    for statement in found:
        numbers = range(statement.lineno - 1, statement.end_lineno or statement.lineno)
        checks += [lines[number] for number in numbers]
        cut.update(numbers)
    kept = "\n".join(line for n, line in enumerate(lines) if n not in cut)
    return re.sub(r"\n{4,}", "\n\n\n", kept).strip("\n"), "\n".join(checks), len(found)


def shape(app: Sphinx, doctree: nodes.document) -> None:
    """Shape the cells of the recipe's page that was read."""
    recipe = build_of(app).recipe_of(app.env.docname)
    if recipe is None:
        return
    cells = {block.lineno: block for block in recipe.code}
    answer = recipe.answer
    for comment in list(doctree.findall(nodes.comment)):
        found = BLOCK.fullmatch(comment.astext())
        if not found or int(found[1]) not in cells:
            continue
        block = cells[int(found[1])]
        settings = extract_file_config(block.content)
        section = comment.parent
        while not isinstance(section, (nodes.section, nodes.document)):
            section = section.parent
        name = section["ids"][0] if section["ids"] else "page"
        for part in _parts(comment):
            if "sphx-glr-script-out" in part.get("classes", ()):
                _address(doctree, part, f"{name}-output")
                if ERROR.search(part.astext()):
                    part["classes"].append("error-output")
            elif isinstance(part, nodes.literal_block) and part.get("language") == "Python":
                cell = _cell(part, settings)
                _address(doctree, cell, f"{name}-code")
                if block is answer:
                    cell["classes"].append(classes.ANSWER)
    _mark_places(doctree)


def _parts(comment: nodes.comment) -> list[nodes.Element]:
    """Return what stands between *comment* and the next block."""
    parts: list[nodes.Element] = []
    for node in comment.parent.children[comment.parent.index(comment) + 1 :]:
        if isinstance(node, nodes.section) or (isinstance(node, nodes.comment) and BLOCK.fullmatch(node.astext())):
            break
        if isinstance(node, nodes.Element):
            parts.append(node)
    return parts


def _cell(code: nodes.literal_block, settings: dict[str, Any]) -> nodes.container:
    """Put the cell with the node *code* in its place; return it."""
    cell = nodes.container(classes=["cell", *([classes.WRONG] if settings.get("wrong") else [])])
    summary = settings.get("fold")
    outer = fold("", cell, summary=summary, classes=["fold"]) if summary else cell
    code.replace_self(outer)
    shown, checks, count = split_checks(code.astext())
    if shown:
        numbers = {name: code[name] for name in ("linenos", "highlight_args") if name in code}
        cell += nodes.literal_block(shown, shown, language=code["language"], **numbers)
    if count:
        block = nodes.literal_block(checks, checks, language=code["language"])
        cell += fold("", block, summary=f"{count} check{'s' if count > 1 else ''}", classes=["checks"])
    return cell


def _address(doctree: nodes.document, node: nodes.Element, name: str) -> None:
    """Give *node* the id *name*, or *name* with a number where it is taken."""
    number, taken = 1, name
    while taken in doctree.ids:
        number += 1
        taken = f"{name}-{number}"
    doctree.ids[taken] = node
    node["ids"].append(taken)


def _mark_places(doctree: nodes.document) -> None:
    """Leave the HTML comments at which the template puts its parts."""
    title = next(doctree.findall(nodes.section))
    promise = next((node for node in title if isinstance(node, nodes.paragraph)), None)
    if promise is not None:
        title.insert(title.index(promise) + 1, place(name="provenance"))
    answer = next((node for node in doctree.findall(nodes.section) if ANSWER in node["ids"]), None)
    if answer is None:
        return
    answers = [isinstance(node, nodes.Element) and classes.ANSWER in node["classes"] for node in answer]
    code = answers.index(True) if True in answers else 0
    ends = (fold, nodes.section)
    end = next((n for n, node in enumerate(answer) if n > code and isinstance(node, ends)), len(answer))
    answer.insert(end, place(name="take-away"))
