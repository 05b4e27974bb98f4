"""Executes the recipes: isolated, in parallel, from a cache, and with an honest end.

Before sphinx-gallery makes its pages (``builder-inited``, priority 400), every recipe
whose result is not in the cache is executed, ``JOBS`` at a time, by :mod:`local` or, with
``EXECUTOR=tcp://...``, by :mod:`cluster`. While sphinx-gallery makes its pages (500), an
:mod:`attachment` hands out those results; 600 ends that. So sphinx-gallery's own code
executes (in the recipe's process), parses, writes pages, thumbnails, notebooks and zips,
and reports to junit. The build ends with a list of what went wrong, each as
``recipes_source/saving/x.py:12: ValueError: ... What to do``.

Replaced: ``sphinx_gallery.gen_gallery._import_matplotlib``, which costs each build half a
second and is of no use where no recipe runs.
"""

import difflib
import hashlib
import os
import re
import signal
import time
from concurrent.futures import as_completed
from pathlib import Path

import psutil
from sphinx.errors import ExtensionError
from sphinx.util import logging
from sphinx_gallery import gen_gallery

import cache
import collection
import provenance
import runner
from attachment import Attachment
from result import advice, check, failure, look_for_output, remember_lines

logger = logging.getLogger(__name__)

#: What a recipe names that starts other programs: each of them imports torch again.
PROGRAMS = ("subprocess", "multiprocessing")


class Build:
    """The execution of one build: what was found, what came of it, what went wrong.

    ``recipes`` maps the path of a recipe below ``recipes_source`` to its
    :class:`recipe.Recipe`; ``results`` maps it to its result, where there is one;
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
        self.attachment = Attachment(self)
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
            result = None if name in forced else self.cache.read(recipe.key, recipe.task)
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
        self._report()

    def _execute(self, tasks):
        started = time.monotonic()
        # those that start programs take longest: first, or the last one would run alone
        tasks = dict(sorted(tasks.items(), key=lambda item: not any(runner.uses(item[1], name) for name in PROGRAMS)))
        with self._executor(list(tasks.values())) as executor:
            futures = {executor.submit(task): name for name, task in tasks.items()}
            for count, future in enumerate(as_completed(futures), 1):
                name = futures[future]
                try:
                    result = check(future.result(), tasks[name])
                except (ValueError, OSError) as error:
                    result = failure(tasks[name], f"{type(error).__name__}: {error}")
                if not result["error"]:
                    look_for_output(tasks[name], result)
                remember_lines(tasks[name], result)
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
        from local import PACKAGES, ForkServer

        jobs = number("JOBS", len(psutil.Process().cpu_affinity()), "of recipes to run at a time")
        try:
            used = [name for name in PACKAGES if any(runner.uses(task, name) for task in tasks)]
            return ForkServer(min(jobs, len(tasks)), used)
        except OSError as error:
            raise ExtensionError(
                f"no recipe can be executed: {error}. Set TMPDIR to a folder with a short path that "
                "can be written and has space, then build again"
            ) from error

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
                    f"{error['reason'].rstrip('.')}. {advice(error)}",
                )


def number(variable, default, what):
    """Return the environment *variable* as a number above 0, or *default* if it is not set."""
    value = os.environ.get(variable) or str(default)
    if not re.fullmatch(r"[1-9]\d*", value):
        raise ExtensionError(f"{variable}={value}: give the number {what}, as in {variable}=2")
    return int(value)


def interrupt(signal_number, frame):
    """End the build as Ctrl-C does: what was started is ended, what is done is kept."""
    raise KeyboardInterrupt


def execute(app):
    """Execute what has to be, then let sphinx-gallery take the results."""
    signal.signal(signal.SIGTERM, interrupt)
    app.recipe_build = Build(app)
    collection.forget_removed(app.recipe_build)
    app.recipe_build.execute()
    app.recipe_build.attachment.attach()


def detach(app):
    """Let sphinx-gallery be as it was, once its pages are made."""
    app.recipe_build.attachment.detach()


def summarize(app, exception):
    """Say at the end which recipes failed, and where."""
    build = getattr(app, "recipe_build", None)
    if build is None:
        return
    build.attachment.detach()
    if build.problems:
        lines = [f"  {location}: {message}" for location, message in build.problems]
        logger.info("\n%d problem(s) with recipes:\n%s", len(lines), "\n".join(lines))


def setup(app):
    gen_gallery._import_matplotlib = lambda: None
    app.connect("builder-inited", execute, priority=400)
    app.connect("builder-inited", detach, priority=600)
    app.connect("build-finished", summarize, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
