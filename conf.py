"""Sphinx configuration of the state_dict cookbook: literals only, the logic is in ``_ext/``."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

from cookbook.environ import Environ

Environ.read()  # an invalid environment variable ends the build here

# -- Project ---------------------------------------------------------------

project = "state_dict cookbook"
author = "the state_dict cookbook authors"
copyright = "2026, the state_dict cookbook authors"
language = "en"

# -- Extensions ------------------------------------------------------------

extensions = [
    # Sphinx
    "sphinx.ext.intersphinx",
    # others
    "sphinx_gallery.gen_gallery",
    # ours, in _ext/
    "cookbook",
]

include_patterns = ["*.rst", "recipes/**"]
# The first two are not even walked through: by default they hold the environment and what is built.
exclude_patterns = [".*", "_build", "**/GALLERY_HEADER.rst"]
templates_path = ["_templates"]
nitpicky = True

# -- Gallery ---------------------------------------------------------------

sphinx_gallery_conf = {
    "subsection_order": [
        "recipes_source/recipes",
        "recipes_source/troubleshooting",
        "recipes_source/training",
        "recipes_source/checkpoints",
        "recipes_source/libraries",
        "*",
    ],
    "within_subsection_order": "cookbook.recipes.order.ReadingOrder",
    # Every recipe is executed: there is no skip list. Helper modules begin with an underscore.
    "ignore_pattern": r"^_",
    "filename_pattern": r"\.py$",
    "image_scrapers": ("cookbook.run.process.figures.scraper",),
    # Page, script and notebook print the same, so only what is printed is output.
    "capture_repr": (),
    "show_signature": False,
    "thumbnail_size": (480, 300),
    # Never the same twice: pages say it in steps.
    "min_reported_time": 10**6,
    "junit": "../junit.xml",
}

# The rules of this cookbook for all recipes, besides those of tests/rules.py.
recipe_rules = ["some output", "captured output", "used files", "no deprecations", "no temporary paths"]

# The vocabulary of `# sphinx_gallery_tags`: activities first, then topics.
recipe_tags = [
    *("loading", "saving", "resuming", "optimizer", "distributed"),
    *("module", "checkpoint", "errors", "keys", "safety", "device", "dtype", "memory"),
    *("file size", "sharing", "transfer learning", "mixed precision", "scheduler"),
    *("reproducibility", "compatibility"),
]

# -- HTML ------------------------------------------------------------------

html_theme = "pytorch_sphinx_theme2"
html_theme_options = {
    "llm_disabled": True,
    # Our _templates/layout.html has parts of its own in place of these.
    **dict.fromkeys(("navbar_start", "navbar_center", "navbar_end", "navbar_persistent"), []),
    **dict.fromkeys(("article_header_start", "article_header_end", "article_footer_items"), []),
    **dict.fromkeys(("secondary_sidebar_items", "primary_sidebar_end", "content_footer_items"), []),
    **dict.fromkeys(("footer_start", "footer_center", "footer_end"), []),
}
html_sidebars = {"**": []}
html_title = project
html_static_path = ["_static"]
html_additional_pages = {"404": "404.html"}
# The address the site is published at, as in "https://example.org/cookbook/": for the
# sitemap, and for what other sites show of a page.
html_baseurl = ""
# The address of the repository, as in "https://github.com/owner/name": for the links that
# edit a recipe, report a problem with it and open it in Colab.
repository = ""
# The branch that these links lead to.
repository_branch = "main"
html_copy_source = False
html_use_index = False
html_show_sourcelink = False
pygments_style = "a11y-high-contrast-light"

# -- Links -----------------------------------------------------------------

# Resolved without network, from files; `make inventories` fetches them anew.
intersphinx_mapping = {
    "torch": ("https://docs.pytorch.org/docs/2.13/", "_ext/inventories/torch.inv"),
    "python": ("https://docs.python.org/3/", "_ext/inventories/python.inv"),
    "numpy": ("https://numpy.org/doc/stable/", "_ext/inventories/numpy.inv"),
    "matplotlib": ("https://matplotlib.org/stable/", "_ext/inventories/matplotlib.inv"),
}
