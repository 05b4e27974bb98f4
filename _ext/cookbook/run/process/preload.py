"""Imports in the fork server what all recipes would import.

Besides torch, Matplotlib and sphinx-gallery this includes what they import lazily: the first
optimizer imports ``torch._dynamo``, the first figure loads fonts and encoders. ``RECIPES_USE``
lists the packages that the recipes of this build use; others are not imported. The garbage
collector is off meanwhile, and ``gc.freeze`` exempts the imported modules from the
``gc.collect`` that sphinx-gallery calls in every recipe (``docs/decisions/garbage.md``).
Nothing here may start a thread or initialize an accelerator: neither survives a fork.
"""

import atexit
import gc
import io
import os
import shutil
import warnings

gc.disable()

import matplotlib

matplotlib.use("agg")

import matplotlib.pyplot as plt

from cookbook.run.process import child, figures  # noqa: F401

child.prctl(child.PR_SET_CHILD_SUBREAPER, 1)


def clean_up() -> None:
    """Kill the processes of recipes and delete their files."""
    child.kill(child.descendants())
    for folder in os.environ["RECIPES_FOLDERS"].split(os.pathsep):
        shutil.rmtree(folder, ignore_errors=True)


atexit.register(clean_up)  # the server exits when the build does, even if that was killed
warnings.filterwarnings("ignore", message="forkserver: waitpid returned")

used = os.environ["RECIPES_USE"].split()
if "torch" in used:
    import torch
    import torch._dynamo

    torch.manual_seed(0)
    torch.set_num_threads(1)
if "matplotlib" in used:
    figure, axes = plt.subplots(layout="constrained")
    axes.plot([1, 2], label="line")
    axes.legend()
    figure.savefig(io.BytesIO())
    plt.close(figure)
gc.freeze()
gc.enable()
