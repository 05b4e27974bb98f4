"""Executes the recipes: isolated, in parallel, and only if the cache has no result.

Cache misses are executed, ``JOBS`` at a time, by :mod:`cookbook.run.forkserver` or, with
``EXECUTOR=tcp://...``, by :mod:`cookbook.run.dask`. sphinx-gallery's own code executes them, in
the recipe's process, and makes the pages from the results afterwards. The build ends with a
list of problems, each as ``recipes_source/saving/x.py:12: ValueError: ... What to do``.
"""

from __future__ import annotations

import difflib
import signal
import textwrap
import time
from concurrent.futures import as_completed
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from sphinx.errors import ExtensionError
from sphinx.util import logging
from sphinx_gallery.gen_rst import executable_script

from cookbook.build import build_of
from cookbook.recipes.settings import line_of
from cookbook.run import rules
from cookbook.run.advice import advice, install
from cookbook.run.cache import Cache
from cookbook.run.process import runner
from cookbook.run.result import check, failure, remember_lines

if TYPE_CHECKING:
    from types import FrameType

    from sphinx.application import Sphinx

    from cookbook.build import Build
    from cookbook.recipes.recipe import Task
    from cookbook.run.dask.cluster import Cluster
    from cookbook.run.forkserver import ForkServer

logger = logging.getLogger(__name__)

#: The most characters of what one block wrote past sys.stdout that are logged.
LONGEST_LOG = 500
#: Modules with which recipes start other processes, each of which imports torch again.
SLOW = ("subprocess", "multiprocessing")


def select(build: Build) -> set[str]:
    """Return the names of the recipes that may be executed."""
    wanted = build.environ.recipe
    if not wanted or not build.conf["plot_gallery"]:
        return {name for name in build.recipes if executable_script(str(build.source / name), build.conf)}
    path = Path(wanted)
    parts = (path.resolve() if path.is_file() else path).parts or ("",)
    parts = (*parts[:-1], parts[-1].removesuffix(".py"))
    found = {name for name in build.recipes if (build.source / name).with_suffix("").parts[-len(parts) :] == parts}
    if len(found) == 1:
        return found
    if found:
        names = ", ".join(sorted(found))
        raise ExtensionError(f"RECIPE={wanted} is the name of {len(found)} recipes: give one of {names}")
    stems = sorted(Path(name).stem for name in build.recipes)
    close = difflib.get_close_matches(parts[-1], stems, n=3, cutoff=0.4)
    hint = f" Did you mean {' or '.join(f'RECIPE={stem}' for stem in close)}?" if close else ""
    names = textwrap.shorten(", ".join(stems) or "none", 2000, placeholder=" ...")
    raise ExtensionError(f"RECIPE={wanted}: there is no such recipe in {build.source.name}/.{hint} There are: {names}")


def execute(app: Sphinx) -> None:
    """Get the result of every recipe, from the cache or by executing it."""
    build = build_of(app)
    cache = Cache(build.environ.cache or Path(app.srcdir, ".recipe_cache"), build.environ.cache_size)
    selected = select(build)
    forced = selected if build.environ.recipe else set()
    tasks = {}
    for name, recipe in build.recipes.items():
        result = None if name in forced else cache.read(recipe.key, recipe.task)
        if result is not None and recipe.accepts(result):
            build.results[name] = result
        elif name in selected:
            tasks[name] = recipe.task
    if build.recipes:
        logger.info("recipes: %d from the cache, %d to execute", len(build.results), len(tasks))
    if tasks:
        before = signal.signal(signal.SIGTERM, _interrupt)
        try:
            _execute(build, cache, tasks)
        finally:
            signal.signal(signal.SIGTERM, before)
    for name, result in build.results.items():
        rules.apply(app.config.recipe_rules, build.recipes[name].task, result)
    cache.prune()
    _report(build)


def _interrupt(signal_number: int, frame: FrameType | None) -> None:
    """End the build as Ctrl-C does: kill child processes and keep results."""
    raise KeyboardInterrupt


def _execute(build: Build, cache: Cache, tasks: dict[str, Task]) -> None:
    started = time.monotonic()
    # the slowest first, so that none of them runs alone at the end
    tasks = dict(sorted(tasks.items(), key=lambda item: not any(runner.uses(item[1], name) for name in SLOW)))
    with _executor(build, list(tasks.values())) as executor:
        futures = {executor.submit(task): name for name, task in tasks.items()}
        for count, future in enumerate(as_completed(futures), 1):
            name = futures[future]
            try:
                result = check(future.result(), tasks[name])
            except (ValueError, OSError) as error:
                result = failure(tasks[name], f"{type(error).__name__}: {error}")
            remember_lines(tasks[name], result)
            for line, text in result.get("log", ()):
                shown = text if len(text) < LONGEST_LOG else f"{text[:LONGEST_LOG]} ..."
                logger.info("%s/%s:%d: wrote past sys.stdout: %s", build.source.name, name, line, shown)
            result["date"] = datetime.now(UTC).date().isoformat()  # not the declared one, which is not kept
            build.results[name] = result
            if not result["error"]:
                cache.write(build.recipes[name].key, result)
            logger.info(
                "executed [%d of %d] %s in %.1f s%s",
                count,
                len(tasks),
                name,
                result["seconds"],
                ": FAILED" if result["error"] else "",
                type="progress",
            )
        problem = executor.preload_problem()
        if problem:
            logger.warning(
                "what recipes import cannot be imported once for all of them (%s), so each recipe tries by itself: "
                "install the packages again: %s",
                problem,
                install("requirements.txt"),
                type="recipes",
                subtype="preload",
            )
    logger.info("executed %d recipes in %.1f s", len(tasks), time.monotonic() - started)


def _executor(build: Build, tasks: list[Task]) -> Cluster | ForkServer:
    address = build.environ.executor
    if address:
        try:
            from cookbook.run.dask.cluster import Cluster
        except ModuleNotFoundError as error:
            raise ExtensionError(
                f"EXECUTOR={address}: {error}. Install the packages for clusters: {install('requirements-dev.txt')}"
            ) from None
        return Cluster(address, tasks)
    from cookbook.run.forkserver import PACKAGES, ForkServer

    try:
        used = [name for name in PACKAGES if any(runner.uses(task, name) for task in tasks)]
        return ForkServer(min(build.environ.jobs, len(tasks)), used)
    except OSError as error:
        raise ExtensionError(
            f"cannot start the fork server: {error}. Set TMPDIR to a writable folder with a short path "
            "and free space, then build again"
        ) from error


def _report(build: Build) -> None:
    expected = {Path(build.app.srcdir, path).resolve() for path in build.conf["expected_failing_examples"]}
    for path in expected - {(build.source / name).resolve() for name in build.recipes}:
        build.problem(
            "conf.py:1", f"expected_failing_examples has {path.name}, which is no recipe: remove it from there"
        )
    for name, result in build.results.items():
        error, place = result["error"], f"{build.source.name}/{name}"
        is_expected = (build.source / name).resolve() in expected
        if error:
            build.failed.add(name)
            if not is_expected:
                todo = advice(error, build.recipes[name])
                build.problem(f"{place}:{error['line']}", f"{error['reason'].rstrip('.')}. {todo}")
            continue
        if is_expected:
            build.problem(f"{place}:1", "it ran to its end: remove it from expected_failing_examples in conf.py")
        recipe = build.recipes[name]
        wanted = recipe.file_conf.get("thumbnail_number", 0)
        there = len({Path(image).stem for image in result["images"]})
        if abs(wanted) > there:
            line = line_of(recipe.task["source"], "thumbnail_number")
            build.problem(
                f"{place}:{line}",
                f"sphinx_gallery_thumbnail_number = {wanted}: the recipe has {there} figure(s): give the number of one",
            )
