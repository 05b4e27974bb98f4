"""Lets sphinx-gallery make its pages around results that are already there.

While sphinx-gallery makes its pages, its ``execute_script`` is replaced by one that hands
out the results of :mod:`execution`. The seam is ``execute_script`` and not
``generate_file_rst`` because only so are the pages made anew around results that are
kept: changed prose costs no execution.

Names of ``sphinx_gallery.gen_rst`` that are replaced meanwhile: ``execute_script``,
``identify_names`` (its answer needs the objects, which live in the recipe's process),
``generate_file_rst`` (to make only what changed: sphinx-gallery's ``.md5`` knows a recipe's
bytes, not its result), ``scale_image`` (see :mod:`images`) and ``zip_files``, there and in
``sphinx_gallery.downloads``, for archives that are the same in every build; and
``split_code_and_text_blocks`` of ``py_source_parser``, since :mod:`recipe` has parsed each
recipe already. ``get_md5sum`` and ``utils._replace_md5`` are called. ``tests/test_attachment.py`` fails when one of them changes.
"""

import base64
import os
import re
import zipfile
from pathlib import Path

from sphinx.util import logging
from sphinx_gallery import downloads, gen_rst, py_source_parser
from sphinx_gallery.utils import _replace_md5

import images
from recipe import drop_empty

logger = logging.getLogger(__name__)

#: The date of every file in an archive: the earliest that a zip can hold.
ZIP_DATE = (1980, 1, 1, 0, 0, 0)


class Attachment:
    """Stands between sphinx-gallery and the results of *build*, an :class:`execution.Build`."""

    def __init__(self, build):
        self.build, self.stock = build, {}

    def attach(self):
        """Let sphinx-gallery take the results from here."""
        ours = {
            (gen_rst, "execute_script"): self.execute_script,
            (gen_rst, "identify_names"): self.identify_names,
            (gen_rst, "generate_file_rst"): self.generate_file_rst,
            (gen_rst, "scale_image"): images.scale_image,
            (gen_rst, "zip_files"): zip_files,
            (downloads, "zip_files"): zip_files,
            (py_source_parser, "split_code_and_text_blocks"): self.split_code_and_text_blocks,
        }
        for (module, name), function in ours.items():
            self.stock[module, name] = getattr(module, name)
            setattr(module, name, function)

    def detach(self):
        """Give sphinx-gallery its own functions back."""
        for (module, name), function in self.stock.items():
            setattr(module, name, function)
        self.stock.clear()

    def _name_of(self, src_file):
        return Path(os.path.relpath(src_file, self.build.source)).as_posix()

    def generate_file_rst(self, fname, target_dir, src_dir, gallery_conf):
        """Let sphinx-gallery make what belongs to one recipe, where it has to be made."""
        name, target = self._name_of(Path(src_dir, fname)), Path(target_dir, fname)
        stamp, md5 = Path(f"{target}.stamp"), Path(f"{target}.md5")
        made_from = f"{self.build.recipes[name].key if name in self.build.results else ''} {self.build.maker}"
        if name in self.build.results or not os.environ.get("RECIPE"):
            if not stamp.exists() or stamp.read_text() != made_from or name in self.build.failed:
                md5.unlink(missing_ok=True)  # so that it is made
        elif md5.exists():
            logger.info("recipes: %s is left as it was", name)
            src_dir = target_dir  # its copy there is unchanged, so nothing is made
        stock = self.stock[gen_rst, "generate_file_rst"]
        *made, out_vars = stock(fname, target_dir, src_dir, gallery_conf)
        if out_vars.pop("stale", None):
            out_vars["passing"] = True
            return *made, out_vars
        if name in self.build.results and name not in self.build.failed:
            # last, so that a build that is killed before makes it again
            stamp.with_suffix(".new").write_text(made_from)
            os.replace(stamp.with_suffix(".new"), stamp)
        return *made, out_vars

    def split_code_and_text_blocks(self, source_file, return_node=False):
        """Give the blocks that a result is of, also where the recipe has changed since; only
        where there is no result does sphinx-gallery need the parsed code, *node*."""
        name = self._name_of(source_file)
        if name not in self.build.results:
            stock = self.stock[py_source_parser, "split_code_and_text_blocks"]
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
            stock = self.stock[gen_rst, "execute_script"]
            return stock(script_blocks, script_vars, gallery_conf, file_conf)
        script_vars["memory_delta"] = 0.0
        script_vars["example_globals"] = CodeObjects(result["codeobj"])
        self._install_images(script_vars, result["images"])
        if result["error"]:
            script_vars["formatted_exception"] = result["error"]["text"]
        else:
            script_vars["passing"] = True
            target = script_vars["target_file"]
            new, stamp = Path(f"{target}.md5.new"), Path(f"{target}.md5")
            new.write_text(gen_rst.get_md5sum(target, mode="t"))
            _replace_md5(new, stamp)
        outputs = iter(result["outputs"])
        shown = [next(outputs) if block.type == "code" else "" for block in script_blocks]
        return shown, result["seconds"]

    def _install_images(self, script_vars, pictures):
        target = Path(script_vars["target_file"])
        folder = target.parent / "images"
        for path in folder.glob(f"sphx_glr_{target.stem}_[0-9][0-9][0-9]*.png"):
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
        stock = self.stock[gen_rst, "identify_names"]
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


def zip_files(file_list, zipname, relative_to, extension=None):
    """Make an archive as sphinx-gallery's function of that name does, but always the same
    for the same files: sorted, and without the dates and rights of the files."""
    files = [Path(name) for name in file_list]
    if extension is not None:
        files = [path.with_suffix(extension) for path in files]
    members = {os.path.relpath(path, relative_to): path for path in sorted(files)}
    if not _holds(zipname, members):
        new = Path(f"{zipname}.new")
        with zipfile.ZipFile(new, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, path in members.items():
                member = zipfile.ZipInfo(name, ZIP_DATE)
                member.external_attr = 0o644 << 16
                member.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(member, path.read_bytes())
        os.replace(new, zipname)
    return str(zipname)


def _holds(zipname, members):
    """Say whether there is an archive with just these *members*: to read it takes a fifth of writing it."""
    try:
        with zipfile.ZipFile(zipname) as archive:
            return archive.namelist() == list(members) and all(
                archive.read(name) == path.read_bytes() for name, path in members.items()
            )
    except Exception:  # there is none, or a damaged one, for which zipfile raises seven kinds
        return False
