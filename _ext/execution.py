"""Executes the recipes: isolated, in parallel, from a cache, and with an honest end.

Before sphinx-gallery makes its pages (``builder-inited``, priority 400), every recipe
whose result is not in the cache is executed, ``JOBS`` at a time, by :mod:`local` or, with
``EXECUTOR=tcp://...``, by :mod:`cluster`. While sphinx-gallery makes its pages (500), its
``execute_script`` is replaced by one that hands out those results; 600 puts it back. So
sphinx-gallery's own code executes (in the recipe's process), parses, writes pages,
thumbnails, notebooks and zips, and reports to junit. The seam is ``execute_script`` and
not ``generate_file_rst`` because only so are the pages made anew around results that are
kept: changed prose costs no execution.

Names of ``sphinx_gallery.gen_rst`` that are replaced while it runs: ``execute_script``,
``identify_names`` (its answer needs the objects, which live in the recipe's process),
``generate_file_rst`` (to make only what changed: sphinx-gallery's ``.md5`` knows a recipe's
bytes, not its result) and ``zip_files``, there and in ``sphinx_gallery.downloads``, for archives that are the same in
every build. ``tests/test_attachment.py`` fails when one of them changes.
"""

import difflib
import hashlib
import os
import re
import signal
import time
import zipfile
from concurrent.futures import as_completed
from pathlib import Path

import psutil
from sphinx.errors import ExtensionError
from sphinx.util import logging
from sphinx_gallery import downloads, gen_rst
from sphinx_gallery.utils import _replace_md5

import cache
import collection
import provenance

logger = logging.getLogger(__name__)

#: The date of every file in an archive: the earliest that a zip can hold.
ZIP_DATE = (1980, 1, 1, 0, 0, 0)


class Build:
    """The execution of one build: what was found, what came of it, what went wrong.

    ``recipes`` maps the path of a recipe below ``recipes_source`` to its
    :class:`collection.Recipe`; ``results`` maps it to its result, where there is one;
    ``problems`` lists ``(location, message)``.
    """

    def __init__(self, app):
        self.app = app
        self.conf = app.config.sphinx_gallery_conf
        self.source = Path(app.srcdir, self.conf["examples_dirs"][0])
        self.gallery = Path(app.srcdir, self.conf["gallery_dirs"][0])
        self.cache = cache.Cache(
            os.environ.get("RECIPE_CACHE") or Path(app.srcdir, ".recipe_cache"),
            number("RECIPE_CACHE_SIZE", cache.SIZE, "of bytes to keep"),
        )
        self.results, self.problems = {}, []
        self.recipes = collection.collect(self.source, self.conf, self.problem)
        self.selected = self._select(os.environ.get("RECIPE"))
        self.failed = set()
        self.stock = {}
        ours = [Path(app.confdir, "conf.py"), *sorted(Path(__file__).parent.glob("*.py"))]
        self.maker = hashlib.sha256(b"".join(path.read_bytes() for path in ours)).hexdigest()

    # -- what to execute -----------------------------------------------------

    def problem(self, location, message):
        """Report something wrong at *location*, ``file:line``: the build will fail for it."""
        self.problems.append((location, message))
        logger.warning(message, location=location)

    def _select(self, wanted):
        """Return the recipes that may be executed."""
        if not self.conf["plot_gallery"]:
            return set()
        if not wanted:
            return set(self.recipes)
        stem = re.sub(r"\.py$", "", wanted)
        found = {name for name in self.recipes if stem in (Path(name).stem, name[:-3])}
        if not found:
            stems = sorted(Path(name).stem for name in self.recipes)
            close = difflib.get_close_matches(stem, stems, n=3, cutoff=0.4) or stems
            raise ExtensionError(
                f"RECIPE={wanted}: there is no such recipe in {self.source.name}/. "
                f"Give a file name, as in RECIPE={close[0]} (or {', '.join(close[1:]) or '...'})"
            )
        return found

    def execute(self):
        """Get the result of every recipe, from the cache or by executing it."""
        forced = self.selected if os.environ.get("RECIPE") else set()
        tasks = {}
        for name, recipe in self.recipes.items():
            result = None if name in forced else self.cache.read(recipe.key)
            if result is not None and recipe.accepts(result):
                self.results[name] = result
            elif name in self.selected:
                tasks[name] = recipe.task
        if self.recipes:
            logger.info(
                "recipes: %d from the cache, %d to execute", len(self.results), len(tasks)
            )
        if tasks:
            self._execute(tasks)
        self.cache.prune()
        self._report()

    def _execute(self, tasks):
        started = time.monotonic()
        with self._executor(list(tasks.values())) as executor:
            futures = {executor.submit(task): name for name, task in tasks.items()}
            for count, future in enumerate(as_completed(futures), 1):
                name = futures[future]
                try:
                    result = cache.check(future.result())
                except ValueError as error:
                    result = collection.failure(tasks[name], f"ValueError: {error}")
                if not result["error"]:
                    collection.look_for_output(tasks[name], result)
                collection.remember_lines(tasks[name], result)
                result["date"] = provenance.today()
                self.results[name] = result
                if not result["error"]:
                    self.cache.write(self.recipes[name].key, result)
                logger.info(
                    "executed [%d of %d] %s in %.1f s%s",
                    count, len(tasks), name, result["seconds"],
                    ": FAILED" if result["error"] else "",
                )  # fmt: skip
        logger.info("executed %d recipes in %.1f s", len(tasks), time.monotonic() - started)

    def _executor(self, tasks):
        address = os.environ.get("EXECUTOR")
        if address:
            try:
                from cluster import Cluster
            except ModuleNotFoundError as error:
                raise ExtensionError(
                    f"EXECUTOR={address}: {error}. Install what the cluster needs: "
                    "pip install -r requirements-dev.txt -c constraints.txt"
                ) from None
            return Cluster(address, tasks)
        from local import ForkServer

        jobs = number("JOBS", len(psutil.Process().cpu_affinity()), "of recipes to run at a time")
        return ForkServer(min(jobs, len(tasks)))

    def _report(self):
        for path in collection.strays(self.source, self.recipes, self.conf):
            self.problem(
                f"{path.relative_to(self.source.parent)}:1",
                "this is no recipe, and none names it: delete the file, or let the name of a "
                "helper begin with _",
            )
        for name, result in self.results.items():
            error = result["error"]
            if error:
                self.failed.add(name)
                self.problem(
                    f"{self.source.name}/{name}:{error['line']}",
                    f"{error['reason'].rstrip('.')}. {collection.advice(error)}",
                )

    # -- while sphinx-gallery makes its pages ----------------------------------

    def attach(self):
        """Let sphinx-gallery take the results from here."""
        ours = {
            (gen_rst, "execute_script"): self.execute_script,
            (gen_rst, "identify_names"): self.identify_names,
            (gen_rst, "generate_file_rst"): self.generate_file_rst,
            (gen_rst, "zip_files"): zip_files,
            (downloads, "zip_files"): zip_files,
        }
        for (module, name), function in ours.items():
            self.stock[module, name] = getattr(module, name)
            setattr(module, name, function)

    def detach(self):
        for (module, name), function in self.stock.items():
            setattr(module, name, function)
        self.stock.clear()

    def name_of(self, src_file):
        return Path(src_file).relative_to(self.source).as_posix()

    def generate_file_rst(self, fname, target_dir, src_dir, gallery_conf):
        """Let sphinx-gallery make what belongs to one recipe, where it has to be made."""
        name, target = self.name_of(Path(src_dir, fname)), Path(target_dir, fname)
        stamp, md5 = Path(f"{target}.stamp"), Path(f"{target}.md5")
        made_from = f"{self.recipes[name].key if name in self.results else ''} {self.maker}"
        if name in self.results or not os.environ.get("RECIPE"):
            if not stamp.exists() or stamp.read_text() != made_from or name in self.failed:
                md5.unlink(missing_ok=True)  # so that it is made
        elif md5.exists():
            logger.info("recipes: %s is left as it was", name)
            src_dir = target_dir  # its copy there is unchanged, so nothing is made
        stock = self.stock[gen_rst, "generate_file_rst"]
        *made, out_vars = stock(fname, target_dir, src_dir, gallery_conf)
        if out_vars.pop("stale", None):
            out_vars["passing"] = True
        elif name in self.results and name not in self.failed:
            # last, so that a build that is killed before makes it again
            stamp.with_suffix(".new").write_text(made_from)
            os.replace(stamp.with_suffix(".new"), stamp)
        return *made, out_vars

    def execute_script(self, script_blocks, script_vars, gallery_conf, file_conf):
        """Stand in for sphinx-gallery's function of that name: give the result there is."""
        collection.drop_empty(script_blocks)
        name = self.name_of(script_vars["src_file"])
        result = self.results.get(name)
        if result and [list(b) for b in script_blocks if b.type == "code"] != self.recipes[name].task["blocks"]:
            self.problem(f"{self.source.name}/{name}:1", "it changed during the build: build again")
            result = None
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

    def _install_images(self, script_vars, images):
        target = Path(script_vars["target_file"])
        folder = target.parent / "images"
        for path in folder.glob(f"sphx_glr_{target.stem}_[0-9][0-9][0-9]*.png"):
            if path.name not in images:
                path.unlink()
        if not images:  # or sphinx-gallery would keep the picture of a failure, or of before
            (folder / f"thumb/sphx_glr_{target.stem}_thumb.png").unlink(missing_ok=True)
        for name, content in images.items():
            content, path = content.encode("latin-1"), folder / name
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


def number(variable, default, what):
    """Return the environment *variable* as a number above 0, or *default* if it is not set."""
    value = os.environ.get(variable) or str(default)
    if not re.fullmatch(r"[1-9]\d*", value):
        raise ExtensionError(f"{variable}={value}: give the number {what}, as in {variable}=2")
    return int(value)


def interrupt(signal_number, frame):
    """End the build as Ctrl-C does: what was started is ended, what is done is kept."""
    raise KeyboardInterrupt


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
    new = Path(f"{zipname}.new")
    with zipfile.ZipFile(new, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(files):
            member = zipfile.ZipInfo(os.path.relpath(path, relative_to), ZIP_DATE)
            member.external_attr = 0o644 << 16
            member.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(member, path.read_bytes())
    _replace_md5(new, zipname)
    return str(zipname)


def execute(app):
    signal.signal(signal.SIGTERM, interrupt)
    app.recipe_build = Build(app)
    collection.forget_removed(app.recipe_build)
    app.recipe_build.execute()
    app.recipe_build.attach()


def detach(app):
    app.recipe_build.detach()


def summarize(app, exception):
    """Say at the end which recipes failed, and where."""
    build = getattr(app, "recipe_build", None)
    if build is None:
        return
    build.detach()
    if build.problems:
        lines = [f"  {location}: {message}" for location, message in build.problems]
        logger.info("\n%d problem(s) with recipes:\n%s", len(lines), "\n".join(lines))


def setup(app):
    app.connect("builder-inited", execute, priority=400)
    app.connect("builder-inited", detach, priority=600)
    app.connect("build-finished", summarize, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
