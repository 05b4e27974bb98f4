"""For programs that read: a Markdown version of each page, and ``llms.txt``, which lists them.

The Markdown is made from the document by :mod:`to_markdown`, when its page is written, and
lies beside it: ``recipes/recipes/what_is_state_dict.md`` has the text, code, outputs and
figures of the page of that name. ``llms.txt`` has one line for each recipe (llmstxt.org):

    - [What is a state_dict in PyTorch](recipes/recipes/what_is_state_dict.md): A `state_dict` is ...

Links lead to the Markdown versions. Addresses are relative, or begin with ``html_baseurl``.
"""

import re
from pathlib import Path

from docutils import nodes
from sphinx import addnodes
from sphinx.util import logging
from sphinx.util.osutil import FileAvoidWrite

from cookbook import markdown as to_markdown
from cookbook.pages.head import first_paragraph
from cookbook.pages.navigation import GALLERY

logger = logging.getLogger(__name__)

#: What is left out: the buttons for downloads, and what only a browser understands.
CLASSES = {
    "sphx-glr-download-link-note",
    "sphx-glr-footer",
    "sphx-glr-example-tags",
    "only-dark",
}
KINDS = (nodes.raw, nodes.meta, addnodes.toctree, addnodes.tabular_col_spec)


def markdown(doctree):
    """Return the Markdown version of a page; *doctree* is the one its HTML was made from."""
    doctree = doctree.deepcopy()
    for node in list(doctree.findall(nodes.Element)):
        if (isinstance(node, KINDS) or CLASSES & set(node["classes"])) and node.parent is not None:
            node.parent.remove(node)
    for node in list(doctree.findall(nodes.reference)):
        if node.get("internal") and node.get("refuri"):
            node["refuri"] = re.sub(r"\.html(?=#|$)", ".md", node["refuri"])
    for node in list(doctree.findall(addnodes.compact_paragraph)):
        if node.get("toctree"):
            node.replace_self(node.children)
    for node in list(doctree.findall(lambda node: node.tagname == "code_links_block")):
        node.replace_self(nodes.literal_block("", node.rawsource.rstrip("\n"), language=node.get("lang", "")))
    for node in list(doctree.findall(nodes.image)):
        text = to_markdown.escaped(node.get("alt", ""), to_markdown.SPECIAL_IN_LINK)
        picture = f"![{text}]({to_markdown.quoted(node['uri'])})"
        decoration = not node.get("alt")
        node.replace_self([] if decoration else nodes.raw("", picture, format="markdown"))
    parts = (to_markdown.block(node, level) for node, level in to_markdown.flow(doctree))
    return "\n\n".join(filter(None, parts)) + "\n"


def write(path, text):
    """Write *text* to *path* if that changes it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileAvoidWrite(path) as file:
        file.write(text)


def remember_promise(app, doctree):
    """Keep what ``llms.txt`` says of a page with the page, in the environment."""
    app.env.metadata[app.env.docname]["promise"] = first_paragraph(doctree) or ""


def write_page(app, pagename, templatename, context, doctree):
    """Write the Markdown version of a page that is being written."""
    if doctree is not None:
        try:
            text = markdown(doctree)
        except to_markdown.Unsupported as problem:
            logger.warning("no Markdown version: %s", problem, location=problem.node, type="llms")
            return
        write(Path(app.outdir, f"{pagename}.md"), text)
        context["markdown_page"] = f"{pagename.rpartition('/')[2]}.md"


def write_list(app, exception):
    """Write ``llms.txt``: every recipe by section."""
    if exception or app.builder.format != "html":
        return
    env, base = app.env, app.config.html_baseurl
    line = lambda name: (  # noqa: E731
        f"- [{env.titles[name].astext()}]({base}{name}.md): {env.metadata[name].get('promise', '')}\n"
    )
    summary = env.metadata[app.config.root_doc].get("promise", "")
    text = f"# {app.config.project}\n\n> {summary}\n"
    for section in env.toctree_includes.get(GALLERY, ()):
        recipes = "".join(line(name) for name in env.toctree_includes.get(section, ()))
        text += f"\n## {env.titles[section].astext()}\n\n{recipes}"
    write(Path(app.outdir, "llms.txt"), text)
