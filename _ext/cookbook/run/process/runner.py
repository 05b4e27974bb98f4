"""Executes one recipe in the current process.

:func:`run` calls sphinx-gallery's own ``execute_script`` on the code blocks of the recipe and
sends the output of each block as a message, so that it is not lost if the recipe crashes later.
The process has to be fresh and is used for nothing else; no change to it is undone.

A Dask worker gets this module and its neighbors as source text, so they need only the standard
library, sphinx-gallery, NumPy, Matplotlib and torch.

Private names relied on (``tests/upgrade/test_seam.py`` fails if one is gone):
``sphinx_gallery.gen_rst._LoggingTee``, which is subclassed, and ``_get_callables``;
``gen_gallery._fill_gallery_conf_defaults`` and ``backreferences._make_ref_regex``.
"""

from __future__ import annotations

import faulthandler
import logging
import os
import random
import sys
import tempfile
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cookbook import seam
from cookbook.run.process.capture import Descriptor, Drawing
from cookbook.run.process.hiding import hide_package
from cookbook.run.process.limits import limit_memory, limit_time, refuse_deprecations
from cookbook.run.process.text import bounded, clean, tee_class

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from cookbook.recipes.recipe import Task
    from cookbook.run.process.text import ExcInfo
    from cookbook.run.result import CodeObject, Error, Message, Outcome

#: The folder of all recipes below the scratch folder, named as in the project.
SOURCE = "recipes_source"
#: The folder for temporary files in it.
TEMPORARY = "tmp"
#: The files in it with what goes to the file descriptors 1 and 2, and where the process was killed or crashed.
DESCRIPTOR, HANG = "descriptor.txt", "hang.txt"


def first_line(block: tuple[str, str, int]) -> int:
    """Return the number of the first line of a code *block* that is not blank."""
    _, content, number = block
    return number + content[: len(content) - len(content.lstrip())].count("\n")


def with_name(name: str, objects: Iterable[CodeObject]) -> list[CodeObject]:
    """Return those of the *objects* that *name* in the code refers to by their own name.

    sphinx-gallery adds the class of each variable and the bases of each class: a ``path`` would
    be a link to ``str``.
    """
    last = name.rpartition(".")[2]
    return [found for found in objects if found["name"].rpartition(".")[2] == last]


def uses(task: Task, package: str) -> bool:
    """Return whether the recipe of *task*, or a file that it uses, mentions *package*."""
    return any(package in text for text in (task["source"], *task["files"].values()))


class _Execution:
    """The execution of one task; see :func:`run`."""

    def __init__(self, task: Task, scratch: str | Path, send: Callable[[Message], None]) -> None:
        self.task, self.scratch, self.send = task, Path(scratch), send
        self.source = self.scratch / SOURCE / task["name"]
        self.folder = self.source.parent
        self.index, self.ran = -1, 0
        self.drawing, self.descriptor = Drawing(), Descriptor(self.scratch / DESCRIPTOR)
        self.error: Error | None = None

    def write_files(self) -> None:
        for name, text in {self.task["name"]: self.task["source"], **self.task["files"]}.items():
            path = self.scratch / SOURCE / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text.encode("latin-1") if name != self.task["name"] else text.encode())

    def seed(self) -> None:
        import numpy

        random.seed(0)
        numpy.random.seed(0)
        if uses(self.task, "torch"):
            import torch

            torch.manual_seed(0)
            torch.set_num_threads(1)

    def handle_exception(self, stock: Callable[..., str]) -> Callable[..., str]:
        def handle_exception(
            exc_info: ExcInfo, src_file: str, script_vars: dict[str, Any], gallery_conf: dict[str, Any]
        ) -> str:
            error, frames = exc_info[1], traceback.extract_tb(exc_info[2])
            lines = [frame.lineno or 1 for frame in frames if frame.filename == src_file]
            if isinstance(error, SyntaxError) and error.filename == src_file:
                lines = [error.lineno or 1]
            rst = stock(bounded(exc_info), src_file, script_vars, gallery_conf)
            text = clean(self.relative(script_vars["formatted_exception"]))  # it quotes the source
            script_vars["formatted_exception"] = text
            rows = text.rstrip().splitlines()
            last = max((i for i, row in enumerate(rows) if row.startswith("  File ")), default=0)
            reason = next((row for row in rows[last + 1 :] if row and not row.startswith(" ")), rows[-1])
            line = lines[-1] if lines else 1
            self.error = {"text": text, "line": line, "reason": reason[:300], "ran": self.ran}
            return self.relative(rst)

        return handle_exception

    def execute_code_block(self, stock: Callable[..., str], handle_exception: Callable[..., str]) -> Callable[..., str]:
        def execute_code_block(
            compiler: Any, block: Any, example_globals: dict[str, Any], script_vars: dict[str, Any], *conf: Any
        ) -> str:
            self.index += 1
            if script_vars["execute_script"]:  # no block before it has failed
                self.ran = self.index + 1
                self.send({"block": self.index})
            try:
                output = stock(compiler, block, example_globals, script_vars, *conf)
            except (SystemExit, KeyboardInterrupt, RuntimeError):  # the last one from the value of the block
                output = f"\n{handle_exception(sys.exc_info(), str(self.source), script_vars, conf[0])}\n\n"
            output += self.drawing.output()
            place = f"{self.scratch}{os.sep}{TEMPORARY}" if "no temporary paths" in self.task["rules"] else None
            if place and place in output and not self.error:
                text, line = "a temporary path is in the output", first_line(block)
                self.error = {"text": text, "line": line, "reason": text, "ran": len(self.task["blocks"])}
            output = clean(self.relative(output))  # also titles of figures and tracebacks
            self.send({"block": self.index, "output": output, "log": self.relative(self.descriptor.read())})
            return output

        return execute_code_block

    def exec_and_get_memory(self, stock: Callable[..., Any]) -> Callable[..., Any]:
        """Return *stock*, which runs the code of a cell, in the folder where the cell before it ended.

        sphinx-gallery starts every cell in the folder of the recipe; scripts and notebooks do not.
        """

        def exec_and_get_memory(*args: Any, **kwargs: Any) -> Any:
            os.chdir(self.folder)
            try:
                return stock(*args, **kwargs)
            finally:
                try:
                    self.folder = Path.cwd()
                except FileNotFoundError:  # the cell deleted it
                    self.folder = self.source.parent

        return exec_and_get_memory

    def relative(self, text: str) -> str:
        return text.replace(f"{self.scratch}{os.sep}", "").replace(str(self.scratch), ".")

    def execute(self) -> Outcome:
        from sphinx_gallery import gen_gallery, gen_rst
        from sphinx_gallery.backreferences import _make_ref_regex, identify_names
        from sphinx_gallery.py_source_parser import Block, parse_source_file
        from sphinx_gallery.scrapers import ImagePathIterator

        from cookbook.run.process import figures, values

        for name in ("sphinx", "sphinx.sphinx-gallery"):
            logging.getLogger(name).addHandler(logging.NullHandler())
        names = seam.Seam(seam.PROCESS)
        stock = {name.rpartition(".")[2]: function for name, function in names.stock.items()}
        handle = self.handle_exception(stock["handle_exception"])
        names.attach(
            {
                "sphinx_gallery.gen_rst.handle_exception": handle,
                "sphinx_gallery.gen_rst.execute_code_block": self.execute_code_block(
                    stock["execute_code_block"], handle
                ),
                "sphinx_gallery.gen_rst._exec_and_get_memory": self.exec_and_get_memory(stock["_exec_and_get_memory"]),
                "sphinx_gallery.gen_rst._get_last_repr": values.last_repr(stock["_get_last_repr"], self.task["limits"]),
                "sphinx_gallery.gen_rst._LoggingTee": tee_class(stock["_LoggingTee"], self.task["limits"]),
                "sphinx_gallery.gen_rst.HTML_HEADER": values.HEADER,
                "sphinx_gallery.scrapers._anim_rst": figures.animation_rst,
            }
        )

        scrapers = tuple(self.task["conf"]["image_scrapers"])
        conf = gen_gallery._fill_gallery_conf_defaults({**self.task["conf"], "image_scrapers": scrapers})
        # scrapers are imported by name, so before ours are hidden
        conf["image_scrapers"] = tuple(map(self.drawing.scraper, gen_rst._get_callables(conf, "image_scrapers")))
        hide_package()
        gen_rst_conf = {**conf, "src_dir": str(self.scratch), "plot_gallery": True}
        target = self.scratch / self.task["gallery"] / self.task["name"]
        images = target.parent / "images"
        images.mkdir(parents=True)
        target.write_text(self.task["source"], encoding="utf-8")
        script_vars = {
            "execute_script": True,
            "image_path_iterator": ImagePathIterator(f"{images}/sphx_glr_{target.stem}_{{0:03}}.png"),
            "src_file": str(self.source),
            "target_file": str(target),
        }
        if "no deprecations" in self.task["rules"]:
            refuse_deprecations()
        blocks = [Block(*block) for block in self.task["blocks"]]
        _, seconds = gen_rst.execute_script(blocks, script_vars, gen_rst_conf, self.task["file_conf"])

        node, _ = parse_source_file(self.source)
        found = identify_names([], _make_ref_regex(), script_vars["example_globals"], node)
        return {
            "seconds": round(seconds, 3),
            "error": self.error,
            "codeobj": {name: objects for name in sorted(found) if (objects := with_name(name, found[name]))},
            "images": figures.read_images(images),
        }


def run(task: Task, scratch: str | Path, send: Callable[[Message], None]) -> None:
    """Execute the recipe of *task* in this process.

    Parameters
    ----------
    task : dict
        A :class:`cookbook.recipes.recipe.Task`.
    scratch : str or pathlib.Path
        An empty folder for this recipe only; the caller deletes it.
    send : callable
        Takes a :class:`cookbook.run.result.Message`: ``{"block": i}`` when code block *i* starts,
        ``{"block": i, "output": rst}`` when it has run, ``{"done": outcome}`` at the end.
    """
    this = _Execution(task, scratch, send)
    this.write_files()
    temporary = this.scratch / TEMPORARY
    temporary.mkdir()
    os.environ.update(TMPDIR=str(temporary), MPLBACKEND="agg")
    tempfile.tempdir = None  # it may be cached from before
    sys.path.insert(0, str(this.source.parent))
    os.chdir(this.source.parent)
    this.seed()
    limit_memory(task["limits"]["memory"])
    with open(this.scratch / HANG, "w") as hang:
        faulthandler.enable(hang)
        limit_time(task["limits"]["seconds"], hang)
        result = this.execute()
        faulthandler.cancel_dump_traceback_later()
        faulthandler.disable()
    send({"block": this.index, "log": this.relative(this.descriptor.read()), "done": result})
