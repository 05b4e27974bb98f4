"""The text of a recipe, read as Sphinx reads the page, before Sphinx reads any page.

sphinx-gallery packs notebooks into zips before there is a page, so :class:`RecipeText`
reads the same text early. Roles to an API are resolved by intersphinx, and references to
recipes by the recipes' own titles. Input: ``:func:`torch.load```; result: a ``reference``
node with the text ``torch.load()`` and the address in the API documentation.

Private names relied on: ``sphinx.io.SphinxStandaloneReader``, of which a subclass neither
announces nor records what it reads, and ``sphinx.ext.intersphinx.missing_reference``.
"""

from functools import cache
from pathlib import Path

from docutils import nodes
from docutils.core import publish_doctree
from sphinx import addnodes
from sphinx.ext.intersphinx import missing_reference
from sphinx.io import SphinxStandaloneReader
from sphinx.parsers import RSTParser
from sphinx.transforms import DoctreeReadEvent
from sphinx.transforms.references import SphinxDomains
from sphinx.util.docutils import sphinx_domains
from sphinx.util.rst import default_role
from sphinx.util.tags import Tags
from sphinx_gallery.gen_rst import extract_intro_and_title


class Reader(SphinxStandaloneReader):
    """Reads as Sphinx does, but tells no extension, and records no label."""

    def get_transforms(self):
        return [t for t in super().get_transforms() if t not in (DoctreeReadEvent, SphinxDomains)]

    def read_source(self, env):
        return self.source.read()


class RecipeText:
    """Reads texts of the recipes of one build.

    ``site`` is the address of the site, "" where it is not configured; ``labels`` maps the
    label of each recipe to the name of its page and its title.
    """

    def __init__(self, app):
        self.app = app
        self.site = (app.config.html_baseurl or "").rstrip("/")
        self.labels = {}
        for name, recipe in app.recipe_build.recipes.items():
            title = extract_intro_and_title(name, recipe.blocks[0].content)[1]
            self.labels[f"sphx_glr_{recipe.docname.replace('/', '_')}.py"] = (recipe.docname, title)
        self.title = cache(lambda text: self.read("index", f"{text}\n{'=' * 99}").astext())

    def read(self, docname, text):
        """Return the document that Sphinx makes of *text*, with its references resolved."""
        env = self.app.env
        env.prepare_settings(docname)
        reader, parser = Reader(), RSTParser()
        reader.setup(self.app)
        parser.set_application(self.app)
        # What is wrong with the text is said once, when Sphinx reads the page.
        settings = {**env.settings, "env": env, "report_level": 5, "output_encoding": "unicode"}
        try:
            with sphinx_domains(env), default_role(docname, self.app.config.default_role):
                document = publish_doctree(
                    text, str(Path(self.app.srcdir, docname)),
                    reader=reader, parser=parser, settings_overrides=settings,
                )  # fmt: skip
            for node in list(document.findall(addnodes.only)):
                wanted = Tags([*self.app.tags, "html"]).eval_condition(node["expr"])
                node.replace_self(node.children if wanted else nodes.comment())
            for node in list(document.findall(addnodes.pending_xref)):
                node.replace_self(self.resolve(node, node[0].deepcopy(), document))
            for node in document.findall(nodes.reference):
                if "refid" in node and self.site:
                    node["refuri"] = f"{self.site}/{docname}.html#{node['refid']}"
        finally:
            env.temp_data.clear()
        return document

    def resolve(self, node, content, document):
        """Return what stands for the reference *node*: a link, or the text *content*."""
        if node["reftype"] == "ref" and node["reftarget"] in self.labels:
            docname, title = self.labels[node["reftarget"]]
            text = content.astext() if node["refexplicit"] else self.title(title)
            if self.site:
                return nodes.reference("", text, refuri=f"{self.site}/{docname}.html")
            return nodes.inline("", text)
        found = missing_reference(self.app, self.app.env, node, content)
        if found or node["refdomain"] != "std":
            return found or content
        anchor = document.nameids.get(node["reftarget"])
        if not node["refexplicit"]:
            part = document.ids.get(anchor)
            if not isinstance(part, nodes.section):
                return node  # its text is not known yet, so it has no form
            content = nodes.inline("", part[0].astext())
        return nodes.reference("", "", content, refid=anchor) if anchor else content
