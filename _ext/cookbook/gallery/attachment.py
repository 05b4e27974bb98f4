"""Makes sphinx-gallery build its pages around results that exist already.

While sphinx-gallery makes its pages, the methods of :class:`Attachment` replace the functions in
the table ``PAGES`` of :mod:`cookbook.seam`. ``execute_script`` is replaced, and not only
``generate_file_rst``, so that changed prose is rendered around a cached result.

A recipe whose files are up to date is not passed to sphinx-gallery, whose ``.md5`` files cover
the recipe but not its result. What sphinx-gallery keeps of such a recipe is read with its
private functions ``_read_cached_backrefs`` and ``_read_cached_cost``.
"""

from __future__ import annotations

import base64
import os
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx_gallery import gen_rst

from cookbook import seam
from cookbook.build import Build, build_of
from cookbook.files import write_if_changed
from cookbook.gallery import downloads, thumbnails
from cookbook.recipes.recipe import drop_empty, figures, from_title

logger = logging.getLogger(__name__)


class Attachment(seam.Seam):
    """Gives sphinx-gallery the results of *build*, until :meth:`detach` is called."""

    def __init__(self, build: Build) -> None:
        super().__init__(seam.PAGES)
        self.build = build
        self.attach(
            {
                "sphinx_gallery.gen_gallery._import_matplotlib": lambda: None,
                "sphinx_gallery.gen_rst._collect_gallery_files": self.collect_gallery_files,
                "sphinx_gallery.gen_rst.execute_script": self.execute_script,
                "sphinx_gallery.gen_rst.extract_intro_and_title": self.extract_intro_and_title,
                "sphinx_gallery.gen_rst.generate_file_rst": self.generate_file_rst,
                "sphinx_gallery.gen_rst.identify_names": self.identify_names,
                "sphinx_gallery.gen_rst.scale_image": thumbnails.scale_image,
                "sphinx_gallery.py_source_parser.split_code_and_text_blocks": self.split_code_and_text_blocks,
            }
        )

    def _name_of(self, src_file: str | Path) -> str:
        return Path(os.path.relpath(src_file, self.build.source)).as_posix()

    def collect_gallery_files(self, examples_dirs: list[Path], *args: Any, **options: Any) -> list[str]:
        """Return the recipes in a folder, without files that were refused."""
        names: list[str] = self.stock["sphinx_gallery.gen_rst._collect_gallery_files"](examples_dirs, *args, **options)
        return [name for name in names if self._name_of(Path(examples_dirs[0], name)) in self.build.recipes]

    def extract_intro_and_title(self, filename: str | Path, docstring: str) -> tuple[str, str]:
        """Return the promise and the title of a recipe, whatever stands above the title."""
        stock = self.stock["sphinx_gallery.gen_rst.extract_intro_and_title"]
        intro, title = stock(filename, from_title(docstring))
        return intro, title

    def generate_file_rst(
        self, fname: str, target_dir: str, src_dir: str, gallery_conf: dict[str, Any]
    ) -> tuple[str, str, Any, dict[str, Any]]:
        """Let sphinx-gallery make the files of one recipe, if they are out of date."""
        name, target = self._name_of(Path(src_dir, fname)), Path(target_dir, fname)
        made_before = target.with_suffix(".rst").exists()
        if made_before and self.build.environ.recipe and name not in self.build.results:
            logger.info("recipes: %s is left as it was", name)
        elif not made_before or not downloads.is_current(self.build, name):
            self.build.made.add(name)
            downloads.stamp_path(self.build, name).unlink(missing_ok=True)
            Path(f"{target}.md5").unlink(missing_ok=True)  # or sphinx-gallery would skip the recipe
            made: tuple[str, str, Any, dict[str, Any]] = self.stock["sphinx_gallery.gen_rst.generate_file_rst"](
                fname, target_dir, src_dir, gallery_conf
            )
            return made
        recipe = self.build.recipes[name]
        intro, title = self.extract_intro_and_title(fname, recipe.blocks[0].content)
        kept = {"backrefs": gen_rst._read_cached_backrefs(gallery_conf, target)}
        if gallery_conf["plot_gallery"]:
            kept["passing"] = True
        if "tags" in recipe.file_conf:
            kept["tags"] = recipe.file_conf["tags"]
        return intro, title, gen_rst._read_cached_cost(target), kept

    def split_code_and_text_blocks(self, source_file: str, return_node: bool = False) -> Any:
        """Return the blocks that the result belongs to, even if the recipe has changed since.

        sphinx-gallery uses the parsed code, *node*, only where there is no result.
        """
        name = self._name_of(source_file)
        if name not in self.build.results:
            stock = self.stock["sphinx_gallery.py_source_parser.split_code_and_text_blocks"]
            return stock(source_file, return_node)
        recipe = self.build.recipes[name]
        return (recipe.file_conf, list(recipe.blocks), None)[: 3 if return_node else 2]

    def execute_script(
        self,
        script_blocks: list[Any],
        script_vars: dict[str, Any],
        gallery_conf: dict[str, Any],
        file_conf: dict[str, Any],
    ) -> tuple[list[str], float]:
        """Return the outputs and the run time of the result, instead of executing the recipe."""
        drop_empty(script_blocks)
        name = self._name_of(script_vars["src_file"])
        result = self.build.results.get(name)
        if result is None:
            script_vars["execute_script"] = False
            stock = self.stock["sphinx_gallery.gen_rst.execute_script"]
            outputs, seconds = stock(script_blocks, script_vars, gallery_conf, file_conf)
            return outputs, seconds
        script_vars["memory_delta"] = 0.0
        script_vars["example_globals"] = CodeObjects(result["codeobj"])
        self._install_images(script_vars, result["images"])
        if result["error"]:
            script_vars["formatted_exception"] = result["error"]["text"]
        else:
            script_vars["passing"] = True
        unused = iter(result["outputs"])
        shown = [next(unused) if block.type == "code" else "" for block in script_blocks]
        return shown, result["seconds"]

    def _install_images(self, script_vars: dict[str, Any], images: dict[str, str]) -> None:
        target = Path(script_vars["target_file"])
        folder = target.parent / "images"
        for path in figures(folder, target.stem):
            if path.name not in images:
                path.unlink()
        if {Path(name).suffix for name in images} != {".png"}:  # or sphinx-gallery would keep an outdated thumbnail
            for path in folder.glob(f"thumb/sphx_glr_{target.stem}_thumb.*"):
                path.unlink()
        for name, content in images.items():
            write_if_changed(folder / name, base64.b64decode(content))
        for _ in {Path(name).stem for name in images}:  # an animation and its first frame are one
            next(script_vars["image_path_iterator"])

    def identify_names(
        self, script_blocks: list[Any], ref_regex: Any, global_variables: Any = None, node: Any = ""
    ) -> dict[str, Any]:
        """Add the names that were resolved in the recipe's process to those that its prose refers to."""
        stock = self.stock["sphinx_gallery.gen_rst.identify_names"]
        if not isinstance(global_variables, CodeObjects):
            names: dict[str, Any] = stock(script_blocks, ref_regex, global_variables, node)
            return names
        return {**stock(script_blocks, ref_regex, None, None), **global_variables.names}


class CodeObjects(dict[str, Any]):
    """Takes the place of a recipe's global variables.

    ``names`` is what sphinx-gallery would find out from the variables.
    """

    def __init__(self, names: dict[str, Any]) -> None:
        super().__init__()
        self.names = names


def detach(app: Sphinx, *_: object) -> None:
    """Restore sphinx-gallery's own functions."""
    build_of(app).attachment.detach()
