"""The options of sphinx-gallery in ``conf.py``: each works, or is refused before anything is built.

    conf.py: sphinx_gallery_conf["binder"] = {'org': ...}: pages have no links to Binder. Leave it out

``docs/options.md`` lists all of them. The build sets what it relies on itself (`OURS`), so a project sets
only what it wants to be different.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sphinx.errors import ConfigError
from sphinx_gallery.gen_gallery import DEFAULT_GALLERY_CONF

from cookbook.build import build_of

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.config import Config

#: The options that do what sphinx-gallery's documentation says.
WORKS = {
    *("backreferences_dir", "capture_repr", "default_thumb_file", "doc_module", "download_all_examples"),
    *("examples_dirs", "exclude_implicit_doc", "expected_failing_examples", "filename_pattern", "gallery_dirs"),
    *("ignore_pattern", "ignore_repr_types", "image_scrapers", "junit", "line_numbers", "log_level"),
    *("matplotlib_animations", "min_reported_time", "minigallery_sort_order", "plot_gallery", "prefer_full_module"),
    *("show_signature", "subsection_order", "thumbnail_size", "within_subsection_order"),
}
#: The options that are refused, and why or what to use instead.
REFUSED = {
    "abort_on_example_error": "a build goes on, and lists all problems at its end",
    "api_usage_ignore": "there is no page about the use of an API",
    "binder": "pages have no links to Binder",
    "compress_images": "pictures are kept as they were drawn",
    "copyfile_regex": "only recipes become pages of the gallery, other pages are named by include_patterns",
    "css": "pages have one style sheet of their own",
    "example_extensions": "recipes are .py files",
    "failing_examples": "it is a record that sphinx-gallery keeps",
    "filetype_parsers": "recipes are .py files",
    "first_notebook_cell": "the first cell of a notebook says what to install",
    "image_srcset": "figures have one size, which is sharp on all screens",
    "inspect_global_variables": "names in the code are looked up where it runs",
    "jupyterlite": "pages have no links to JupyterLite",
    "last_notebook_cell": "a notebook ends with the recipe",
    "nested_sections": "every section has a page",
    "notebook_extensions": "every recipe has a notebook",
    "notebook_images": "notebooks contain their pictures",
    "only_warn_on_example_error": "a recipe that fails is a warning, which Sphinx's option -W makes an error",
    "parallel": "JOBS says how many recipes run at a time",
    "passing_examples": "it is a record that sphinx-gallery keeps",
    "promote_jupyter_magic": "a recipe is a script, too, in which there is no magic",
    "pypandoc": "notebooks are made without pandoc",
    "recommender": "pages list related recipes in any case",
    "reference_url": "sphinx-gallery ignores it, use intersphinx_mapping",
    "remove_config_comments": "pages, scripts and notebooks show no settings",
    "reset_argv": "recipes have no arguments",
    "reset_modules": "each recipe runs in a process of its own",
    "reset_modules_order": "each recipe runs in a process of its own",
    "run_stale_examples": "RECIPE=name executes a recipe again",
    "show_api_usage": "there is no page about the use of an API",
    "show_memory": "memory is limited and not measured",
    "stale_examples": "it is a record that sphinx-gallery keeps",
    "write_computation_times": "these pages load scripts from other hosts, junit has the times",
}
#: What the build relies on.
OURS = {
    "capture_repr": ("__repr__",),
    "examples_dirs": ["recipes_source"],
    "gallery_dirs": ["recipes"],
    "only_warn_on_example_error": True,
    "remove_config_comments": True,
    "reset_modules": (),
    "write_computation_times": False,
}
#: The warnings of sphinx-gallery that this build gives in its own words, with file and line.
SUPPRESSED = [
    f"sphinx_gallery.{name}"
    for name in ("config", "duplicate_filename", "example_error", "space_in_filename", "thumbnail")
]


def find_error(name: str, value: Any) -> str:
    """Return why the option *name* of sphinx-gallery cannot be *value*, or "" if it can.

    An option that neither table has is new in sphinx-gallery.
    """
    if name in ("examples_dirs", "gallery_dirs"):
        folders = [value] if isinstance(value, str | Path) else list(value)
        if [str(folder) for folder in folders] != OURS[name]:
            return f"there is one gallery, made from recipes_source/ in recipes/, so this is {OURS[name]}"
    elif name == "capture_repr" and "_repr_html_" in value and not find_spec("nh3"):
        return "HTML is shown where nh3 is installed, which cleans it: pip install nh3"
    elif name == "matplotlib_animations" and value not in (False, (True, "gif"), [True, "gif"]):
        return 'pages show an animation as a GIF, because their security policy allows no players: give (True, "gif")'
    elif name == "image_scrapers":
        if not all(isinstance(scraper, str) for scraper in value):
            return 'recipes run in other processes, so give the name of a function, as in "package.module.function"'
    elif name not in WORKS and name in DEFAULT_GALLERY_CONF:
        allowed = OURS.get(name, DEFAULT_GALLERY_CONF[name])
        if value != allowed and str(value) != str(allowed):
            return f"{REFUSED.get(name, 'this build does not know the option')}. Leave it out"
    return ""


def check(app: Sphinx, config: Config) -> None:
    """Raise ConfigError for an option that is refused; set what the build relies on."""
    conf = config.sphinx_gallery_conf
    if conf is DEFAULT_GALLERY_CONF:
        conf = {}
    for name, value in {"abort_on_example_error": config.abort_on_example_error, **conf}.items():
        if error := find_error(name, value):
            raise ConfigError(f"conf.py: sphinx_gallery_conf[{name!r}] = {value!r}: {error}")
    if not Path(app.srcdir, "recipes_source").is_dir():
        raise ConfigError("there is no folder recipes_source/ beside conf.py: put the recipes there")
    if conf.get("default_thumb_file"):
        picture = Path(app.srcdir, conf["default_thumb_file"])
        if not picture.is_file():
            raise ConfigError(f"conf.py: sphinx_gallery_conf['default_thumb_file']: there is no picture {picture}")
        conf = {**conf, "default_thumb_file": str(picture)}
    # our own archives take the place of sphinx-gallery's
    build_of(app).archives = str(conf.get("download_all_examples", True)) not in ("False", "0")
    # an animation is our GIF, for which sphinx-gallery would want its extension for videos
    animations = {"matplotlib_animations": bool(conf.get("matplotlib_animations"))}
    conf = {**OURS, **conf, **animations, "download_all_examples": False}
    for name in ("examples_dirs", "gallery_dirs", "image_scrapers"):
        if isinstance(conf.get(name), str | Path):
            conf[name] = [str(conf[name])]
    config.sphinx_gallery_conf = conf  # type: ignore[attr-defined]
    config.suppress_warnings = [*config.suppress_warnings, *SUPPRESSED]  # type: ignore[attr-defined]
