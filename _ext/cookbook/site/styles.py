"""One stylesheet with what the pages use, and nothing else.

The theme's four stylesheets are 500 KB, nearly all of it for parts that no page here has.
When the pages are written, their rules are joined in order, and a selector is dropped when
it names a class, id or element that no page and no script mentions; then animations and
variables that nothing left refers to, and all fonts: the theme's are icon fonts, which
``site.css`` does without. The result is ``_static/styles.HASH.css``, a name
that a browser may keep for ever, and pages are pointed to it. For example, of
``.btn, .card {color: red} @font-face {...}`` remains ``.card{color:red}``.
"""

import hashlib
import os
import re
from pathlib import Path

import tinycss2
from sphinx.util import logging

from cookbook.build import build_of, digest
from cookbook.site import assets

logger = logging.getLogger(__name__)

#: The stylesheets of the page, in order, below ``_static``.
SHEETS = (
    "styles/theme.css",
    "styles/bootstrap.css",
    "styles/pydata-sphinx-theme.css",
    "pygments.css",
    "css/theme.css",
    "site.css",
)
#: Scripts of the page that name classes in words of their own.
SCRIPTS = ("site.js", "search.js", "filter.js", "errors.js")
LINK = re.compile(r"_static/styles(\.[0-9a-f]{8})?\.css")
NAMES = re.compile(r"(?:\sclass|\sid)=\"([^\"]*)\"")


def used_names(pages, scripts):
    """Return all classes, ids, element and other names that *pages* and *scripts* have."""
    names = set()
    for page in pages:
        text = page.read_text(encoding="utf-8")
        names.update(re.findall(r"<([a-z][a-z0-9]*)", text))
        for value in set(NAMES.findall(text)):
            names.update(value.split())
    for script in scripts:
        names.update(re.findall(r"[\w-]+", script.read_text(encoding="utf-8")))
    return names


def matches(selector, names):
    """Say whether *selector* (a string) can match something that has only *names*."""
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


def _split(prelude):
    """Return the selectors of a rule's *prelude*, split at its commas."""
    depth, parts = 0, [""]
    for character in tinycss2.serialize(prelude):
        depth += (character in "([") - (character in ")]")
        if character == "," and not depth:
            parts.append("")
        else:
            parts[-1] += character
    return [part.strip() for part in parts]


def _rules(text, names):
    """Return the parsed rules of a sheet, without most of those that cannot apply.

    Parsing costs a second for the theme's sheets, so what names a class that is not there
    is not even parsed; that is told apart by braces, if no text has any.
    """
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
    if not re.search(r"([\"'])[^\"'\n]*[{}][^\"'\n]*\1", text):
        text = re.sub(r"([^{}]+)\{[^{}]*\}", lambda rule: rule[0] if _may_apply(rule[1], names) else "", text)
    return tinycss2.parse_stylesheet(text, skip_comments=True, skip_whitespace=True)


def _may_apply(prelude, names):
    """Say whether a selector of *prelude* has only classes and ids among *names*, negated ones aside."""
    plain = re.sub(r":(?:not|is|where)\([^{}]*", "", prelude)
    return any(names.issuperset(re.findall(r"[.#](-?[a-zA-Z_][\w-]*)", part)) for part in plain.split(","))


def _prune(rules, names):
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


def _compact(text):
    """Return *text* without comments and space, but for what is in quotes."""
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
    quoted = r'"(?:[^"\\]|\\.)*"'
    return re.sub(rf"({quoted})|\s*([;:{{}},])\s+|\s+", lambda m: m[1] or m[2] or " ", text).strip(" ;")


def prune(sheets, names):
    """Return the rules of *sheets* (texts) that a page with only *names* can use."""
    text = "\n".join(rule for sheet in sheets for rule in _prune(_rules(sheet, names), names))
    for animation in re.findall(r"(?m)^@keyframes ([\w-]+)", text):
        if not re.search(rf"animation(?:-name)?:[^;}}]*\b{re.escape(animation)}\b", text):
            text = re.sub(rf"(?m)^@keyframes {re.escape(animation)}\{{.*\n?", "", text)
    while True:  # a variable may be all that refers to another
        referred = set(re.findall(r"var\(\s*(--[\w-]+)", text))
        less = re.sub(
            r"(?<=[{;])(--[\w-]+):(?:[^;{}\"]|\"[^\"]*\")*(?:;|(?=\}))",
            lambda match: match[0] if match[1] in referred else "",
            text,
        )
        if less == text:
            return re.sub(r"(?m)^[^\n{@]*\{\}\n?", "", text)
        text = less


def copy_changed(app, static):
    """Copy our static files that changed: Sphinx does not where no page is out of date."""
    for folder in app.config.html_static_path:
        source = Path(app.srcdir, folder)
        for path in filter(Path.is_file, source.rglob("*")):
            target = static / path.relative_to(source)
            content = path.read_bytes()
            if not target.exists() or target.read_bytes() != content:
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(content)


def note_pygments(app):
    """Note the time of the one stylesheet that the theme writes in every build."""
    path = Path(app.outdir, "_static/pygments.css")
    build_of(app).pygments = (path.stat().st_mtime_ns, path.read_bytes()) if path.exists() else None


def keep_time(app, path):
    """Give *path* its time back if its content is as it was."""
    time, content = build_of(app).pygments or (None, None)
    if path.exists() and path.read_bytes() == content:
        os.utime(path, ns=(time, time))


def write_stylesheet(app, exception):
    """Write the stylesheet that the pages need, and point the pages to it."""
    if exception or app.builder.format != "html":
        return
    static = Path(app.outdir, "_static")
    copy_changed(app, static)
    keep_time(app, static / "pygments.css")
    pages = assets.written_pages(app)
    folders = [Path(app.srcdir, folder) for folder in app.config.html_static_path]
    folders += [Path(folder, "static") for folder in app.builder.theme.get_theme_dirs()]
    folders.append(static)  # for pygments.css, which is generated in every build

    def source(name):
        return next(folder / name for folder in folders if (folder / name).exists())

    scripts = [source(name) for name in SCRIPTS]
    sheets = tuple(source(name).read_text(encoding="utf-8") for name in SHEETS)
    names = used_names(pages, scripts).intersection(*[re.findall(r"[\w-]+", "\n".join(sheets))])
    inputs = [*sheets, *sorted(names), digest()]
    name = f"styles.{hashlib.sha256(repr(inputs).encode()).hexdigest()[:8]}.css"
    if not (static / name).exists():
        text = prune(sheets, names)
        (static / name).write_text(text, encoding="utf-8")
        logger.info("stylesheet: %s, %d KB", name, len(text) // 1000)
    for old in static.glob("styles.*.css"):
        if old.name != name:
            old.unlink()
    assets.replace(LINK, f"_static/{name}", pages)
