"""Lets sphinx-gallery make its pages around results that are already there.

While sphinx-gallery makes its pages, functions of the table ``PAGES`` in :mod:`cookbook.seam`
are replaced by the methods of :class:`Attachment`, which hand out the results of the build.
The most important one is ``execute_script`` and not ``generate_file_rst`` because only so are
pages made anew around results that are kept: changed prose costs no execution.

A recipe whose files are current is not given to sphinx-gallery: its ``.md5`` knows a recipe's
bytes, not its result. What it keeps of such a recipe is read with its private functions
``_read_cached_backrefs`` and ``_read_cached_cost``.
"""

import base64
import os
import re
from pathlib import Path

from sphinx.util import logging
from sphinx_gallery import gen_rst

from cookbook import seam
from cookbook.build import build_of
from cookbook.gallery import downloads, thumbnails
from cookbook.recipes.recipe import drop_empty, figures

logger = logging.getLogger(__name__)


class Attachment(seam.Seam):
    """Stands between sphinx-gallery and the results of *build*, from its making until :meth:`detach`."""

    def __init__(self, build):
        super().__init__(seam.PAGES)
        self.build = build
        self.attach(
            {
                "sphinx_gallery.gen_gallery._import_matplotlib": lambda: None,
                "sphinx_gallery.gen_rst.execute_script": self.execute_script,
                "sphinx_gallery.gen_rst.generate_file_rst": self.generate_file_rst,
                "sphinx_gallery.gen_rst.identify_names": self.identify_names,
                "sphinx_gallery.gen_rst.scale_image": thumbnails.scale_image,
                "sphinx_gallery.py_source_parser.split_code_and_text_blocks": self.split_code_and_text_blocks,
            }
        )

    def _name_of(self, src_file):
        return Path(os.path.relpath(src_file, self.build.source)).as_posix()

    def generate_file_rst(self, fname, target_dir, src_dir, gallery_conf):
        """Let sphinx-gallery make what belongs to one recipe, where it has to be made."""
        name, target = self._name_of(Path(src_dir, fname)), Path(target_dir, fname)
        made_before = target.with_suffix(".rst").exists()
        if made_before and self.build.environ.recipe and name not in self.build.results:
            logger.info("recipes: %s is left as it was", name)
        elif not made_before or not downloads.is_current(self.build, name):
            self.build.made.add(name)
            downloads.stamp(self.build, name).unlink(missing_ok=True)
            Path(f"{target}.md5").unlink(missing_ok=True)  # or sphinx-gallery would not make it
            return self.stock["sphinx_gallery.gen_rst.generate_file_rst"](fname, target_dir, src_dir, gallery_conf)
        recipe = self.build.recipes[name]
        intro, title = gen_rst.extract_intro_and_title(fname, recipe.blocks[0].content)
        kept = {"backrefs": gen_rst._read_cached_backrefs(gallery_conf, target)}
        if gallery_conf["plot_gallery"]:
            kept["passing"] = True
        if "tags" in recipe.file_conf:
            kept["tags"] = recipe.file_conf["tags"]
        return intro, title, gen_rst._read_cached_cost(target), kept

    def split_code_and_text_blocks(self, source_file, return_node=False):
        """Give the blocks that a result is of, also where the recipe has changed since; only
        where there is no result does sphinx-gallery need the parsed code, *node*."""
        name = self._name_of(source_file)
        if name not in self.build.results:
            stock = self.stock["sphinx_gallery.py_source_parser.split_code_and_text_blocks"]
            return stock(source_file, return_node)
        recipe = self.build.recipes[name]
        return (recipe.file_conf, list(recipe.blocks), None)[: 3 if return_node else 2]

    def execute_script(self, script_blocks, script_vars, gallery_conf, file_conf):
        """Stand in for sphinx-gallery's function of that name: give the result there is."""
        drop_empty(script_blocks)
        name = self._name_of(script_vars["src_file"])
        result = self.build.results.get(name)
        if result is None:
            script_vars["execute_script"] = False
            stock = self.stock["sphinx_gallery.gen_rst.execute_script"]
            return stock(script_blocks, script_vars, gallery_conf, file_conf)
        script_vars["memory_delta"] = 0.0
        script_vars["example_globals"] = CodeObjects(result["codeobj"])
        self._install_images(script_vars, result["images"])
        if result["error"]:
            script_vars["formatted_exception"] = result["error"]["text"]
        else:
            script_vars["passing"] = True
        outputs = iter(result["outputs"])
        shown = [next(outputs) if block.type == "code" else "" for block in script_blocks]
        return shown, result["seconds"]

    def _install_images(self, script_vars, pictures):
        target = Path(script_vars["target_file"])
        folder = target.parent / "images"
        for path in figures(folder, target.stem):
            if path.name not in pictures:
                path.unlink()
        if not pictures:  # or sphinx-gallery would keep the picture of a failure, or of before
            (folder / f"thumb/sphx_glr_{target.stem}_thumb.png").unlink(missing_ok=True)
        for name, content in pictures.items():
            content, path = base64.b64decode(content), folder / name
            if not path.exists() or path.read_bytes() != content:
                path.write_bytes(content)
            if re.search(r"_\d{3}\.png$", name):
                next(script_vars["image_path_iterator"])

    def identify_names(self, script_blocks, ref_regex, global_variables=None, node=""):
        """Add what the recipe's process knew about names in code to what prose refers to."""
        stock = self.stock["sphinx_gallery.gen_rst.identify_names"]
        if not isinstance(global_variables, CodeObjects):
            return stock(script_blocks, ref_regex, global_variables, node)
        found = stock(script_blocks, ref_regex, None, None)
        return {**found, **global_variables.names}


class CodeObjects(dict):
    """Stands where sphinx-gallery expects a recipe's global variables; ``names`` is what it
    would have found out from them."""

    def __init__(self, names):
        super().__init__()
        self.names = names


def detach(app, *_):
    """Give sphinx-gallery its own functions back."""
    build_of(app).attachment.detach()
