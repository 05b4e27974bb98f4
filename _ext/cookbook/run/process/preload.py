"""What the fork server imports once, so that no recipe pays for it.

Besides torch, Matplotlib and sphinx-gallery these are the things that they load late:
the first optimizer imports ``torch._dynamo`` (half a second), the first figure loads fonts
and encoders. Nothing is collected meanwhile, which would take a quarter of the time, and
``gc.freeze`` spares every recipe sphinx-gallery's ``gc.collect`` over all of it. What no
recipe names is left out, for a build that executes few: ``RECIPES_USE`` says what is.
Nothing here may start a thread or touch an accelerator: both would not survive a fork.
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


def leave():
    """End all that recipes started and delete what they wrote."""
    child.kill(child.started())
    for folder in os.environ["RECIPES_FOLDERS"].split(os.pathsep):
        shutil.rmtree(folder, ignore_errors=True)


atexit.register(leave)  # the server ends when the build does, however that ended
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
