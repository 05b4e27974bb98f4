"""What happens inside the process of one recipe.

:func:`run` lets sphinx-gallery's own ``execute_script`` execute the code blocks of one
recipe, in the process it is called in, and sends what comes of it as messages, block by
block, so that what was shown before a recipe dies is not lost. The process is expected
to be fresh and to belong to this recipe alone; nothing here is undone.

The module needs the standard library, sphinx-gallery, matplotlib and torch, and nothing
of the site but its neighbors: a Dask worker gets them as source text.

Private names relied on (``tests/upgrade/test_seam.py`` fails when one goes away):
``sphinx_gallery.gen_rst._LoggingTee``, which is subclassed to bound and clean what is
printed, and ``_get_callables``; ``sphinx_gallery.gen_gallery._fill_gallery_conf_defaults`` and
``sphinx_gallery.backreferences._make_ref_regex``.
"""

import base64
import faulthandler
import logging
import os
import random
import re
import sys
import tempfile
import traceback
from pathlib import Path

from cookbook import seam
from cookbook.run.process.hiding import hide_package
from cookbook.run.process.text import bounded, clean

#: The folder, inside a scratch folder, that holds the recipe as it does in the project.
SOURCE = "recipes_source"


def first_line(block):
    """Return the number of the first line of a code *block* that is not blank."""
    _, content, number = block
    return number + content[: len(content) - len(content.lstrip())].count("\n")


def limit_memory(megabytes):
    """Let this process allocate *megabytes* (of 2**20 bytes) more, where the system can say so."""
    try:
        import resource
    except ImportError:  # Windows
        return
    used = 0
    status = Path("/proc/self/status")
    if status.exists():
        used = int(re.search(r"VmData:\s+(\d+)", status.read_text())[1]) * 1024
    resource.setrlimit(resource.RLIMIT_DATA, (used + megabytes * 2**20, resource.RLIM_INFINITY))


def own(name, objects):
    """Return those of the code *objects* behind *name* that carry its name.

    sphinx-gallery also offers the class of every variable and the bases of every class:
    a link to ``str`` below each ``path`` would only be in the reader's way.
    """
    last = name.rpartition(".")[2]
    return [found for found in objects if found["name"].rpartition(".")[2] == last]


def uses(task, package):
    """Say whether the recipe of *task*, or a file that it needs, names *package* anywhere."""
    return any(package in text for text in (task["source"], *task["files"].values()))


def read_images(folder):
    """Return the images in *folder*: file name to content, in base64."""
    return {path.name: base64.b64encode(path.read_bytes()).decode() for path in sorted(folder.glob("*.png"))}


class _Run:
    """The execution of one task; see :func:`run`."""

    def __init__(self, task, scratch, send):
        self.task, self.scratch, self.send = task, Path(scratch), send
        self.source = self.scratch / SOURCE / task["name"]
        self.index = -1

    def write_files(self):
        for name, text in {self.task["name"]: self.task["source"], **self.task["files"]}.items():
            path = self.scratch / SOURCE / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text.encode("latin-1") if name != self.task["name"] else text.encode())

    def seed(self):
        import numpy

        random.seed(0)
        numpy.random.seed(0)
        if uses(self.task, "torch"):
            import torch

            torch.manual_seed(0)
            torch.set_num_threads(1)

    def tee_class(self, stock):
        """Return sphinx-gallery's tee *stock* with an end to what it keeps, and clean output."""
        limit = self.task["limits"]["output"]
        fail = self.task["limits"]["overflow"] == "fail"

        class Tee(stock):
            def set_std_and_reset_position(self):
                self.kept = self.cut = 0
                return super().set_std_and_reset_position()

            def write(self, data):
                room = limit - self.kept
                self.kept += len(data)
                if self.kept > limit and fail:
                    raise RuntimeError(f"more than {limit:,} characters of output in one block")
                if room > 0:
                    self.output.write(data[:room])
                if len(data) > room:
                    self.cut += len(data) - max(room, 0)
                return len(data)

            def restore_std(self):
                if getattr(self, "kept", 0):
                    text = clean(self.output.getvalue())
                    if self.cut:
                        text += f"\n... (cut: {self.cut:,} more characters were printed)\n"
                    self.output = type(self.output)(text)
                    self.kept = self.cut = 0
                super().restore_std()

        return Tee

    def handle_exception(self, stock):
        def handle_exception(exc_info, src_file, script_vars, gallery_conf):
            error, frames = exc_info[1], traceback.extract_tb(exc_info[2])
            lines = [frame.lineno for frame in frames if frame.filename == src_file]
            if isinstance(error, SyntaxError) and error.filename == src_file:
                lines = [error.lineno]
            rst = stock(bounded(exc_info), src_file, script_vars, gallery_conf)
            text = clean(self.relative(script_vars["formatted_exception"]))  # it quotes the source, too
            script_vars["formatted_exception"] = text
            reason = text[text.rstrip().rfind("\n  File") + 1 :].strip().splitlines()
            reason = next((r for r in reason if r and not r.startswith((" ", "File"))), text)
            self.error = {"text": text, "line": lines[-1] if lines else 1, "reason": reason[:300]}
            return self.relative(rst)

        return handle_exception

    def execute_code_block(self, stock, handle_exception):
        def execute_code_block(compiler, block, example_globals, script_vars, *conf):
            self.index += 1
            self.send({"block": self.index})
            try:
                output = stock(compiler, block, example_globals, script_vars, *conf)
            except (SystemExit, KeyboardInterrupt):
                output = f"\n{handle_exception(sys.exc_info(), str(self.source), script_vars, conf[0])}\n\n"
            output = clean(self.relative(output))  # titles of figures and tracebacks, too
            self.send({"block": self.index, "output": output})
            return output

        return execute_code_block

    def relative(self, text):
        return text.replace(f"{self.scratch}{os.sep}", "").replace(str(self.scratch), ".")

    def execute(self):
        from sphinx_gallery import gen_gallery, gen_rst
        from sphinx_gallery.backreferences import _make_ref_regex, identify_names
        from sphinx_gallery.py_source_parser import Block, parse_source_file
        from sphinx_gallery.scrapers import ImagePathIterator

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
                "sphinx_gallery.gen_rst._LoggingTee": self.tee_class(stock["_LoggingTee"]),
            }
        )

        conf = gen_gallery._fill_gallery_conf_defaults(
            {**self.task["conf"], "image_scrapers": tuple(self.task["conf"]["image_scrapers"])}
        )
        # resolved here, since it is by name and ours are hidden from here on
        conf["image_scrapers"] = gen_rst._get_callables(conf, "image_scrapers")
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
        blocks = [Block(*block) for block in self.task["blocks"]]
        self.error = None
        _, seconds = gen_rst.execute_script(blocks, script_vars, gen_rst_conf, self.task["file_conf"])

        node, _ = parse_source_file(self.source)
        found = identify_names([], _make_ref_regex(), script_vars["example_globals"], node)
        return {
            "seconds": round(seconds, 3),
            "error": self.error,
            "codeobj": {name: kept for name in sorted(found) if (kept := own(name, found[name]))},
            "images": read_images(images),
        }


def run(task, scratch, send):
    """Execute the recipe of *task* in this process.

    Parameters
    ----------
    task : dict
        A :class:`cookbook.recipes.recipe.Task`.
    scratch : str or pathlib.Path
        An empty folder of the recipe's own; the caller deletes it.
    send : callable
        Takes a dict that JSON can hold: ``{"block": i}`` when code block *i* starts,
        ``{"block": i, "output": rst}`` when it has ended, and ``{"done": {...}}`` at the
        end, with ``seconds``, ``error`` (None, or ``text``, ``line`` and ``reason``),
        ``codeobj`` (as sphinx-gallery's ``identify_names`` returns it) and ``images``
        (file name to content, in base64).
    """
    this = _Run(task, scratch, send)
    this.write_files()
    temporary = this.scratch / "tmp"
    temporary.mkdir()
    os.environ.update(TMPDIR=str(temporary), MPLBACKEND="agg")
    tempfile.tempdir = None  # whoever asked before may have another in mind
    sys.path.insert(0, str(this.source.parent))
    os.chdir(this.source.parent)
    this.seed()
    limit_memory(task["limits"]["memory"])
    with open(this.scratch / "hang.txt", "w") as hang:
        faulthandler.enable(hang)
        faulthandler.dump_traceback_later(task["limits"]["seconds"], exit=True, file=hang)
        result = this.execute()
        faulthandler.cancel_dump_traceback_later()
        faulthandler.disable()
    send({"done": result})
