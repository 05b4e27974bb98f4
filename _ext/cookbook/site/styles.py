"""One stylesheet with the rules that the pages use.

When all pages are written, the theme's stylesheets and ours are joined in order. A selector is
dropped if it names a class, id or element that is on no page and in no script; then animations and
variables that nothing refers to, and all fonts, which are icon fonts that ``site.css`` does not
use. The result is ``_static/styles.HASH.css``, which browsers may cache forever. For example,
``.btn, .card {color: red} @font-face {...}`` becomes ``.card{color:red}``.

``docs/decisions/styles.md`` says why.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import tinycss2
from sphinx.application import Sphinx
from sphinx.builders.html import StandaloneHTMLBuilder
from sphinx.util import logging
from sphinx.util.fileutil import copy_asset

from cookbook.build import digest
from cookbook.files import write_if_changed
from cookbook.site import assets

logger = logging.getLogger(__name__)

#: The stylesheets that are joined, in order.
SHEETS = (
    "styles/theme.css",
    "styles/bootstrap.css",
    "styles/pydata-sphinx-theme.css",
    "pygments.css",
    "css/theme.css",
    "site.css",
)
#: The scripts that add elements or classes to pages.
SCRIPTS = ("site.js", "search.js", "filter.js", "errors.js", "doctor/page.js", "doctor/table.js")
LINK = re.compile(r"_static/styles(\.[0-9a-f]{8})?\.css")
NAMES = re.compile(r"(?:\sclass|\sid)=\"([^\"]*)\"")


def used_names(pages: Iterable[Path], scripts: Iterable[Path]) -> set[str]:
    """Return the names of classes, ids and elements on *pages*, and all words in *scripts*."""
    names: set[str] = set()
    for page in pages:
        text = page.read_text(encoding="utf-8")
        names.update(re.findall(r"<([a-z][a-z0-9]*)", text))
        for value in set(NAMES.findall(text)):
            names.update(value.split())
    for script in scripts:
        names.update(re.findall(r"[\w-]+", script.read_text(encoding="utf-8")))
    return names


def matches(selector: str, names: set[str]) -> bool:
    """Say whether *selector* can match an element if there are only *names*."""
    selector = re.sub(r":not\([^()]*(?:\([^()]*\)[^()]*)*\)", "", selector)
    selector = re.sub(r"\[[^\]]*\]|\\.", "", selector)
    if re.search(r"::?(-moz|-ms|-webkit-search|-webkit-inner|-webkit-outer|-webkit-date|-webkit-file)", selector):
        return False
    alternatives = re.findall(r":(?:is|where)\(([^()]*)\)", selector)
    if any(not any(matches(part, names) for part in a.split(",")) for a in alternatives):
        return False
    plain = re.sub(r":(?:is|where)\([^()]*\)|::?[\w-]+(?:\([^()]*\))?", "", selector)
    wanted = re.findall(r"[.#]([\w-]+)", plain)
    wanted += re.findall(r"(?:^|[\s>+~])([a-zA-Z][\w-]*)", plain)
    return all(name in names for name in wanted)


def _split(prelude: Any) -> list[str]:
    """Return the selectors in the *prelude* of a rule."""
    depth, parts = 0, [""]
    for character in tinycss2.serialize(prelude):
        depth += (character in "([") - (character in ")]")
        if character == "," and not depth:
            parts.append("")
        else:
            parts[-1] += character
    return [part.strip() for part in parts]


def _rules(text: str, names: set[str]) -> list[Any]:
    """Return the parsed rules of a sheet, without most of those that cannot apply.

    Parsing is slow, so rules with unknown classes or ids are removed before. A regular expression
    finds them by their braces, if no string in the sheet contains one.
    """
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
    if not re.search(r"([\"'])[^\"'\n]*[{}][^\"'\n]*\1", text):
        text = re.sub(r"([^{}]+)\{[^{}]*\}", lambda rule: rule[0] if _may_apply(rule[1], names) else "", text)
    rules: list[Any] = tinycss2.parse_stylesheet(text, skip_comments=True, skip_whitespace=True)
    return rules


def _may_apply(prelude: str, names: set[str]) -> bool:
    """Say whether all classes and ids of a selector in *prelude*, except in ``:not()``, are in *names*."""
    plain = re.sub(r":(?:not|is|where)\([^{}]*", "", prelude)
    return any(names.issuperset(re.findall(r"[.#](-?[a-zA-Z_][\w-]*)", part)) for part in plain.split(","))


def _prune(rules: Iterable[Any], names: set[str]) -> Iterator[str]:
    """Yield the text of each of *rules* that can apply."""
    for rule in rules:
        if rule.type == "qualified-rule":
            kept = [part for part in _split(rule.prelude) if matches(part, names)]
            body = _compact(tinycss2.serialize(rule.content))
            if kept and body:
                yield f"{','.join(kept)}{{{body}}}"
        elif rule.type == "at-rule" and rule.lower_at_keyword in ("media", "supports"):
            inner = tinycss2.parse_rule_list(rule.content, skip_comments=True, skip_whitespace=True)
            body = "".join(_prune(inner, names))
            if body:
                yield f"@{rule.lower_at_keyword} {tinycss2.serialize(rule.prelude).strip()}{{{body}}}"
        elif rule.type == "at-rule" and rule.content is not None and rule.lower_at_keyword != "font-face":
            prelude = tinycss2.serialize(rule.prelude).strip()
            yield f"@{rule.at_keyword} {prelude}{{{_compact(tinycss2.serialize(rule.content))}}}"


def _compact(text: str) -> str:
    """Return *text* without comments and space, but for what is in quotes."""
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
    quoted = r'"(?:[^"\\]|\\.)*"'
    return re.sub(rf"({quoted})|\s*([;:{{}},])\s+|\s+", lambda m: m[1] or m[2] or " ", text).strip(" ;")


def prune(sheets: Iterable[str], names: set[str]) -> str:
    """Return the rules of *sheets*, texts of stylesheets, that can apply if there are only *names*."""
    text = "\n".join(rule for sheet in sheets for rule in _prune(_rules(sheet, names), names))
    for animation in re.findall(r"(?m)^@keyframes ([\w-]+)", text):
        if not re.search(rf"animation(?:-name)?:[^;}}]*\b{re.escape(animation)}\b", text):
            text = re.sub(rf"(?m)^@keyframes {re.escape(animation)}\{{.*\n?", "", text)
    before = ""
    while text != before:  # dropping a variable can drop the last reference to another
        before, text = text, _drop_variables(text)
    return re.sub(r"(?m)^[^\n{@]*\{\}\n?", "", text)


def _drop_variables(text: str) -> str:
    """Return *text* without the variables that nothing in it refers to."""
    referred = set(re.findall(r"var\(\s*(--[\w-]+)", text))
    return re.sub(
        r"(?<=[{;])(--[\w-]+):(?:[^;{}\"]|\"[^\"]*\")*(?:;|(?=\}))",
        lambda match: match[0] if match[1] in referred else "",
        text,
    )


def write_stylesheet(app: Sphinx, exception: Exception | None) -> None:
    """Write the stylesheet that the pages need, and make the pages refer to it."""
    if exception or not isinstance(app.builder, StandaloneHTMLBuilder):
        return
    static = Path(app.outdir, "_static")
    folders = [Path(app.srcdir, folder) for folder in app.config.html_static_path]
    for folder in folders:  # Sphinx copies them only if a page is out of date
        copy_asset(folder, static)
    folders += [Path(folder, "static") for folder in app.builder.theme.get_theme_dirs()]
    folders.append(static)  # for pygments.css, which the theme generates

    def source(name: str) -> Path:
        return next(folder / name for folder in folders if (folder / name).exists())

    pages = assets.written_pages(app)
    sheets = [source(name).read_text(encoding="utf-8") for name in SHEETS]
    names = used_names(pages, map(source, SCRIPTS)).intersection(re.findall(r"[\w-]+", "\n".join(sheets)))
    inputs = [*sheets, *sorted(names), digest()]
    name = f"styles.{hashlib.sha256(repr(inputs).encode()).hexdigest()[:8]}.css"
    if not (static / name).exists():
        text = prune(sheets, names)
        write_if_changed(static / name, text)
        logger.verbose("stylesheet: %s, %d KB", name, len(text) // 1000)
    assets.replace(LINK, f"_static/{name}", pages)
