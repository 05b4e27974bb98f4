"""The rules of a recipe that can be read from its file.

Each rule is a function that takes a `Source` and yields ``(line, problem)``, for example
``(7, "its promise is 2 sentences: make it one")``; nothing for a recipe that keeps it.
``CONTRIBUTING.md`` states them for authors. What takes a run to find out is in `running`.
"""

import ast
import importlib.metadata
import re
import sys
from functools import cache, cached_property
from pathlib import Path

from cookbook.pages.cells import is_check
from cookbook.pages.tags import problems as tag_problems
from cookbook.recipes.recipe import HEADING, find_answer
from sphinx_gallery.py_source_parser import extract_file_config, split_code_and_text_blocks

ROOT = Path(__file__).parent.parent
#: The page that the project started from, which keeps its title and sections.
SEED = "what_is_state_dict"
#: The calls that make an output.
SHOW = ("print", "plt.show")
#: Words that talk about the authors, or down to the reader.
WORDS = r"\b(we|our|us|let's|simply|just|obviously|trivially|please)\b"
THREAD = r"`([\w.-]+)#(\d+)\s<https://github\.com/[\w.-]+/\1/(?:issues|pull|discussions)/\2>`__"


class Source:
    """A recipe's file, taken apart.

    Parameters
    ----------
    path : pathlib.Path
        The file; the folder two above it holds all recipes.
    """

    def __init__(self, path):
        self.path, self.gallery = path, path.parent.parent
        self.text = path.read_text(encoding="utf-8")
        self.lines = self.text.splitlines()
        self.settings, blocks = split_code_and_text_blocks(path)
        self.docstring = ast.get_docstring(ast.parse(self.text), clean=False).strip("\n")
        self.blocks = blocks
        self.prose = [block for block in blocks[1:] if block.type == "text"]
        self.cells = [(b.lineno, ast.parse(b.content)) for b in blocks if b.type == "code"]
        self.paragraphs = [" ".join(part.split()) for part in self.docstring.split("\n\n")]

    def line(self, text):
        """Return the number of the first line with *text*, or 1."""
        return next((i for i, line in enumerate(self.lines, 1) if text in line), 1)

    def fold(self, summary):
        """Return what the fold with *summary* has in it, or None."""
        text = "\n".join(block.content for block in self.prose)
        found = re.search(rf"^\.\. fold:: {re.escape(summary)}\n((?:\n|[ ]+.*\n?)+)", text, re.MULTILINE)
        return found and found[1]

    @cached_property
    def answer(self):
        """The first line of the code of the short answer, and its syntax tree; ``(1, None)`` without one."""
        block = find_answer(self.blocks)
        return (block.lineno, ast.parse(block.content)) if block else (1, None)

    @cached_property
    def siblings(self):
        """The labels of all recipes but this one."""
        paths = [p for p in self.gallery.glob("*/[!_]*.py") if p != self.path]
        return {f"sphx_glr_recipes_{p.parent.name}_{p.name}" for p in paths}


def section(text, title):
    """Return what is below the heading *title* in *text*, up to the next heading."""
    found = re.search(rf"^{title}\n-{{{len(title)}}}\n(.*?)(?=\n[^\n]+\n-{{3,}}\n|\Z)", text, re.MULTILINE | re.DOTALL)
    return found and found[1].strip("\n")


def title_is_underlined(source):
    title, underline = (source.docstring.split("\n") + [""])[:2]
    if underline != "=" * len(title):
        yield 2, f"underline the title with {len(title)} times ="


def promise_is_one_sentence(source):
    promise = source.paragraphs[1] if len(source.paragraphs) > 1 else ""
    if not promise.endswith(".") or re.search(r"[.!?]\s", promise):
        yield 5, "the paragraph below the title is the promise: make it one sentence"
    if len(promise) > 160:
        yield 5, f"its promise has {len(promise)} characters: 160 fit on a card"


def title_is_a_question(source):
    title = source.docstring.split("\n")[0]
    if not title.endswith("?") and source.path.stem != SEED:
        yield 2, f"make the title {title!r} the question that the recipe answers, with a ? at its end"


def header_is_title_and_promise(source):
    if len(source.paragraphs) != 2 and source.path.stem != SEED:
        yield 2, "the docstring is the title and the promise: fold the rest, below the short answer"


def who_and_setup_are_folded(source):
    for title in ("Who this is for", "Setup"):
        if source.fold(title) is None:
            yield 1, f"fold {title!r} below the short answer: .. fold:: {title}"


def short_answer_comes_first(source):
    """The first text is the short answer, and its code is short and has all imports that it uses."""
    titles = [title for block in source.prose for title in HEADING.findall(block.content)]
    if titles[:1] != ["Short answer"]:
        yield 1, "begin with the section Short answer, underlined with ---"
        return
    number, cell = source.answer
    if not cell:
        yield source.line("# Short answer"), "show the short answer as code"
        return
    lines = [line for line in source.lines[number - 1 : number - 1 + cell.body[-1].end_lineno] if line.strip()]
    if len(lines) > 12:
        yield number, f"the short answer has {len(lines)} lines of code: 12 fit on the first screen"
    if any(_asserts(node) for node in ast.walk(cell)):
        yield number, "the short answer asserts something: readers paste it, so check it in a later cell"
    imported = set().union(*(_imports(other) for _, other in source.cells)) - _imports(cell)
    for name in sorted({node.id for node in ast.walk(cell) if isinstance(node, ast.Name)} & imported):
        yield number, f"the short answer uses {name}: import it there, so that it runs where it is pasted"


def _imports(tree):
    """Return the names that *tree* imports."""
    found = [node for node in ast.walk(tree) if isinstance(node, (ast.Import, ast.ImportFrom))]
    return {(alias.asname or alias.name).split(".")[0] for node in found for alias in node.names}


def setup_installs_what_the_code_imports(source):
    installed = re.search(r"^ +pip install (.+)$", source.fold("Setup") or "", re.MULTILINE)
    named = {re.split("[<>=~!]", name.strip("'\""))[0] for name in installed[1].split()} if installed else set()
    if installed and installed[1].count(">=") < len(named):
        yield source.line("pip install"), 'name the least version of each package: pip install "torch>=2.6"'
    modules = set()
    for node in (node for _, cell in source.cells for node in ast.walk(cell)):
        if isinstance(node, ast.Import):
            modules.update(alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            modules.add(node.module.split(".")[0])
    local = {path.stem for path in source.path.parent.glob("_*.py")}
    imported = modules - set(sys.stdlib_module_names) - local
    needed = {_owners().get(module, [module])[0].lower() for module in imported}
    if named != needed:
        line = source.line("pip install")
        yield line, f"Setup installs {sorted(named)}, the code imports {sorted(needed)}"


@cache
def _owners():
    return importlib.metadata.packages_distributions()


def links_lead_to_siblings(source):
    more = section("\n".join(block.content for block in source.prose), "Learn more") or ""
    if len(re.findall(r"^- :ref:", more, re.MULTILINE)) < 2:
        yield len(source.lines), "end with Learn more and at least two recipes, - :ref:`...`"
    for label in re.findall(r":ref:`(?:[^`<]*<)?([^`>]*)>?`", source.text):
        if label not in source.siblings:
            yield source.line(label), f":ref: leads to no other recipe: {label}"


def threads_are_named_and_linked(source):
    """In the text; code has the addresses that it uses."""
    text = re.sub(r"\s+", " ", "\n".join(block.content for block in source.blocks if block.type == "text"))
    good = [match[0] for match in re.finditer(THREAD, text)]
    links = re.findall(r"`[^`<>]*<http[^>]*>`_*", text)
    for link in links:
        if "github.com" in link and link not in good:
            number = re.search(r"https?://[^>]*", link)[0]
            yield source.line(number), f"write `repository#NUMBER <address>`__ for {link}"
    if len(re.findall("https?://", text)) != len(links):
        yield source.line("://"), "an address outside of a link: write `text <address>`__"


def settings_are_in_bounds(source):
    tags, order = source.settings.get("tags", []), source.settings.get("reading_order")
    contributing = " ".join((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").split())
    vocabulary = re.search(r"Tags: activities (.*?) \(.*?; topics (.*?)\.", contributing)
    activities, topics = (re.findall("`(.+?)`", part) for part in vocabulary.groups())
    line = source.line("sphinx_gallery_tags")
    for problem in tag_problems(tags, activities + topics):  # as the build does
        yield line, problem
    if not set(tags) & set(activities):
        yield line, f"no tag says what the reader is doing: add one of {activities}"
    others = [p for p in source.path.parent.glob("[!_]*.py") if p != source.path]
    same = [p.name for p in others if _order(p) == order]
    if not isinstance(order, int) or same:
        yield source.line("reading_order"), f"reading_order is {order}, as in {same}: choose a free number"


def _order(path):
    return extract_file_config(path.read_text(encoding="utf-8")).get("reading_order")


def what_is_shown_is_checked(source):
    """A cell that shows something asserts it, or shows an error, or loads strictly."""
    shows = set(SHOW)
    for _, cell in source.cells:  # functions of the recipe that print
        functions = [node for node in cell.body if isinstance(node, ast.FunctionDef)]
        shows |= {f.name for f in functions if any(_calls(node) & shows for node in f.body)}
    for first, cell in source.cells:
        body = [n for n in cell.body if not isinstance(n, (ast.FunctionDef, ast.ClassDef))]
        shown = any(_calls(node) & shows for node in body)
        checked = any(_asserts(node) or _fails(node) for part in body for node in ast.walk(part))
        if shown and not checked and first != source.answer[0]:
            yield first, "a cell shows something and asserts nothing: assert what its text claims"


def asserts_are_at_the_top_level(source):
    """Those are what the page folds, so that who copies the code gets none of them."""
    for first, cell in source.cells:
        for statement in cell.body:
            if not is_check(statement) and any(isinstance(node, ast.Assert) for node in ast.walk(statement)):
                yield first + statement.lineno - 1, "an assert among other code: move it to the end of the cell"


def _calls(tree):
    return {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}


def _asserts(node):
    """Say whether *node* can fail: assert, raise AssertionError, assert_close(...)."""
    if isinstance(node, ast.Raise):
        return isinstance(node.exc, ast.Call) and ast.unparse(node.exc.func) == "AssertionError"
    if isinstance(node, ast.Call):
        return ast.unparse(node.func).endswith("assert_close")
    return isinstance(node, ast.Assert) and not isinstance(node.test, ast.Constant)


def _fails(node):
    """Say whether *node* is not shown as it is unless it does what the text says."""
    if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(".load_state_dict"):
        return not any(keyword.arg == "strict" for keyword in node.keywords)
    return isinstance(node, ast.Try)


def figures_have_titles_and_labels(source):
    """A title is the alternative text."""
    for first, cell in source.cells:
        if "plt.show" not in _calls(cell):
            continue
        calls = {name.rsplit(".", 1)[-1] for name in _calls(cell)}
        keywords = {node.arg for node in ast.walk(cell) if isinstance(node, ast.keyword)}
        if "set_title" not in calls:
            yield first, "a figure without a title, which is its alternative text: ax.set_title(...)"
        if not calls & {"set_xlabel", "set_axis_off"} and "xlabel" not in keywords:
            yield first, "a figure without a label of its x axis: ax.set(xlabel=...)"


def no_cell_ends_in_a_bare_expression(source):
    for first, cell in source.cells:
        last = cell.body[-1] if cell.body else None
        if isinstance(last, ast.Expr) and not isinstance(last.value, ast.Call):
            yield first + last.lineno - 1, "a notebook would show this value, the page does not: print it"


def lines_are_short(source):
    for number, line in enumerate(source.lines, 1):
        whole = line.startswith("# sphinx_gallery_") or " " not in line.lstrip("#- ")
        if len(line) > 80 and not whole:  # a setting and a link alone cannot be broken
            yield number, f"{len(line)} characters: break the line at 80"


def words_are_plain(source):
    texts = [(1, source.docstring), *((b.lineno, b.content) for b in source.prose)]
    for first, text in texts:
        for number, line in enumerate(text.splitlines()):
            for word in re.findall(WORDS, re.sub("``.*?``", "", line), re.IGNORECASE):
                yield first + number, f"{word!r}: say it without"


RULES = [
    title_is_underlined,
    promise_is_one_sentence,
    title_is_a_question,
    header_is_title_and_promise,
    short_answer_comes_first,
    who_and_setup_are_folded,
    setup_installs_what_the_code_imports,
    links_lead_to_siblings,
    threads_are_named_and_linked,
    settings_are_in_bounds,
    what_is_shown_is_checked,
    asserts_are_at_the_top_level,
    figures_have_titles_and_labels,
    no_cell_ends_in_a_bare_expression,
    lines_are_short,
    words_are_plain,
]


def problems(path):
    """Return all that is wrong with the recipe at *path*, as ``file:line: problem``."""
    source = Source(path)
    return [f"{path.name}:{line}: {what}" for rule in RULES for line, what in rule(source)]
