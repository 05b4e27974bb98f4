"""Imports in the fork server what all recipes would import.

Besides torch, Matplotlib and sphinx-gallery this includes what they import lazily: the first
optimizer imports ``torch._dynamo``, the first figure loads fonts and encoders. ``RECIPES_USE``
lists the packages that the recipes of this build use; others are not imported. The garbage
collector is off meanwhile, and ``gc.freeze`` exempts the imported modules from the
``gc.collect`` that sphinx-gallery calls in every recipe (``docs/decisions/garbage.md``).
What cannot be imported is reported in a file in the fork server's folder, as Python's
fork server itself ignores an ImportError and exits at any other.
Nothing here may start a thread or initialize an accelerator: neither survives a fork.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import io
import os
import shutil
import warnings
from collections.abc import Collection
from pathlib import Path

from cookbook.run.process import child


def clean_up() -> None:
    """Kill the processes of recipes and delete their files."""
    child.kill(child.descendants())
    for folder in os.environ["RECIPES_FOLDERS"].split(os.pathsep):
        shutil.rmtree(folder, ignore_errors=True)


def import_packages(used: Collection[str]) -> None:
    """Import what the recipes need that use the packages *used*, and what those import lazily."""
    import matplotlib

    matplotlib.use("agg")
    for name in ("matplotlib.pyplot", "numpy.random", "sphinx_gallery.gen_gallery", "cookbook.run.process.figures"):
        importlib.import_module(name)
    if "torch" in used:
        import torch
        import torch._dynamo

        torch.manual_seed(0)
        torch.set_num_threads(1)
    if "matplotlib" in used:
        from matplotlib import pyplot

        figure, axes = pyplot.subplots(layout="constrained")
        axes.plot([1, 2], label="line")
        axes.legend()
        figure.savefig(io.BytesIO())
        pyplot.close(figure)


child.prctl(child.PR_SET_CHILD_SUBREAPER, 1)
atexit.register(clean_up)  # the server exits when the build does, even if that was killed
warnings.filterwarnings("ignore", message="forkserver: waitpid returned")
gc.disable()
try:
    import_packages(os.environ["RECIPES_USE"].split())
except Exception as error:
    Path(os.environ["RECIPES_FOLDERS"].split(os.pathsep)[0], child.PRELOAD_PROBLEM).write_text(
        f"{type(error).__name__}: {error}"
    )
gc.freeze()
gc.enable()
