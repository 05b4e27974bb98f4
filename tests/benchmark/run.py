"""Measures this build against stock sphinx-gallery with the stock theme: ``make benchmark``.

All ways build the same recipes into pages of the PyTorch Sphinx Theme. Ours is the real
configuration with all of ``_ext/``, so it also pays for notebooks with outputs, Markdown,
search and the rest, which the stock ways do without. These have the configuration `STOCK`;
to be hard to beat, they leave out what makes the theme slow, except in the way *stock theme
as it comes*. A run gives ratios between ways measured one after the other on one machine,
medians of the rounds; after each the table goes to ``tests/benchmark/README.md``.

    python tests/benchmark/run.py [--rounds 3] [--sizes cookbook figures 30 200 1000]
"""

import argparse
import contextlib
import itertools
import json
import os
import platform
import re
import runpy
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

HERE = Path(__file__).parent
ROOT = HERE.parent.parent

#: What makes the theme slow: files for programs made from its HTML, and all pages in each sidebar.
LEAN = {"llm_disabled": True, "collapse_navigation": True}
#: Options of sphinx-gallery, extensions and options of the theme of each way; None for ours.
WAYS = {
    "this build": None,
    "stock, serial": ({}, [], LEAN),
    "stock, parallel=2": ({"parallel": 2}, [], LEAN),
    "process per example": ({}, ["official"], LEAN),
    "stock theme as it comes": ({}, [], {}),
}
#: The largest size at which all is measured: beyond, the theme as it comes takes an hour and is
#: left out, and a process per example takes half of one and is measured in the last round only.
SLOW = 200

INDEX = "Benchmark\n=========\n\n.. toctree::\n\n   recipes/index\n"
STOCK = """
import os
import sys

import pytorch_sphinx_theme2

sys.path.insert(0, os.path.dirname(__file__))
project = "benchmark"
extensions = ["sphinx.ext.intersphinx", "sphinx_gallery.gen_gallery", "pytorch_sphinx_theme2", "folders", *{extensions}]
exclude_patterns = ["_build", "recipes_source", "**/GALLERY_HEADER.rst"]
templates_path = [os.path.join(os.path.dirname(pytorch_sphinx_theme2.__file__), "templates")]
sphinx_gallery_conf = {{
    "examples_dirs": ["recipes_source"],
    "gallery_dirs": ["recipes"],
    "filename_pattern": r"\\.py$",
    "ignore_pattern": "^_",
    "remove_config_comments": True,
    "junit": "../junit.xml",
    **{gallery},
}}
html_theme = "pytorch_sphinx_theme2"
html_context = {{"theme_variables": pytorch_sphinx_theme2.get_theme_variables()}}
html_theme_options = {{"use_edit_page_button": False, **{theme}}}
intersphinx_mapping = {inventories}
"""
#: The cookbook's recipes stay in the folder that a cell has gone to; sphinx-gallery goes back before each.
FOLDERS = """
import os
from sphinx_gallery import gen_rst

stock = gen_rst._exec_and_get_memory
last = {}


def exec_and_get_memory(*arguments, script_vars, **keywords):
    os.chdir(last.get(script_vars["src_file"], os.getcwd()))
    try:
        return stock(*arguments, script_vars=script_vars, **keywords)
    finally:
        last[script_vars["src_file"]] = os.getcwd()


gen_rst._exec_and_get_memory = exec_and_get_memory


def setup(app):
    return {"parallel_read_safe": True}
"""
#: How the official tutorials isolate examples: torch imported in the parent, a forked process each.
OFFICIAL = """
import multiprocessing
import torch
from sphinx_gallery import gen_gallery, gen_rst

stock = gen_rst.generate_file_rst


def work(connection, *arguments):
    connection.send(stock(*arguments))
    connection.close()


def generate_file_rst(*arguments):
    receiver, sender = multiprocessing.Pipe(False)
    process = multiprocessing.get_context("fork").Process(target=work, args=(sender, *arguments))
    process.start()
    result = receiver.recv()
    process.join()
    return result


gen_rst.generate_file_rst = generate_file_rst


def setup(app):
    return {"parallel_read_safe": True}
"""

RECIPE = '''"""
Recipe {number}
{underline}

Recipe number {number} of the benchmark, which trains a small model.
"""

# %%
# Define the model
# ----------------

import torch
from torch import nn

torch.manual_seed({number})
model = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 10))
print(model)

# %%
# Train it
# --------

optimizer = torch.optim.{optimizer}(model.parameters(), lr=0.01)
losses = []
for step in range({steps}):
    x = torch.randn(128, 64)
    loss = nn.functional.cross_entropy(model(x), torch.zeros(128, dtype=torch.long))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    losses.append(loss.item())
print(len(losses), losses[-1] < losses[0])

# %%
# Look at its ``state_dict``
# --------------------------

for name, tensor in model.state_dict().items():
    print(name, tuple(tensor.shape))
'''
FIGURE = """
import matplotlib.pyplot as plt

fig, ax = plt.subplots(figsize=(5, 3), layout="constrained")
ax.plot(losses)
ax.set(xlabel="step", ylabel="loss", title="Loss")
plt.show()
"""
#: How many recipes the size *figures* has, and each of them: three figures and little else.
FIGURES = 20
FIGURE_RECIPE = '''"""
Recipe {number}
{underline}

Recipe number {number} of the benchmark, which draws three figures.
"""

# %%
# Lines
# -----

import matplotlib.pyplot as plt
import numpy as np

random = np.random.default_rng({number})
losses = random.random((2, 300)).cumsum(axis=1)
fig, ax = plt.subplots(figsize=(5, 3), layout="constrained")
for name, values in zip(("train", "test"), losses):
    ax.plot(values, label=name)
ax.set(xlabel="step", ylabel="loss", title="Loss")
ax.legend()
plt.show()

# %%
# Bars
# ----

fig, ax = plt.subplots(figsize=(5, 3), layout="constrained")
ax.bar_label(ax.bar(list("abcdef"), random.integers(1, 100, 6)))
ax.set(xlabel="layer", ylabel="MiB", title="Sizes of layers")
plt.show()

# %%
# Points
# ------

fig, ax = plt.subplots(figsize=(5, 3), layout="constrained")
ax.scatter(*random.random((2, 500)))
ax.set(xlabel="before", ylabel="after", title="Weights")
plt.show()
'''


def configure(folder, way):
    """Write everything but the recipes of a project that is built in *way*."""
    if WAYS[way] is None:
        for name in ("_ext", "_templates", "_static"):
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        for name in ("conf.py", "errors.rst"):
            shutil.copy(ROOT / name, folder)
        (folder / "index.rst").write_text(f"{INDEX}   errors\n")
        return
    gallery, extensions, theme = WAYS[way]
    own = runpy.run_path(str(ROOT / "conf.py"))["intersphinx_mapping"]
    inventories = {name: (address, str(ROOT / path)) for name, (address, path) in own.items()}
    conf = STOCK.format(gallery=gallery, extensions=extensions, theme=theme, inventories=inventories)
    (folder / "conf.py").write_text(conf)
    (folder / "official.py").write_text(OFFICIAL)
    (folder / "folders.py").write_text(FOLDERS)
    (folder / "index.rst").write_text(INDEX)


def make_site(folder, size, way):
    """Write a project with *size* recipes (the cookbook's own, or those with figures) that is built in *way*."""
    configure(folder, way)
    source = folder / "recipes_source"
    if size == "cookbook":
        shutil.copytree(ROOT / "recipes_source", source)
        return
    source.mkdir()
    (source / "GALLERY_HEADER.rst").write_text("Recipes\n=======\n\nAll of them.\n")
    for number in range(FIGURES if size == "figures" else int(size)):
        section = source / f"section_{number // 50:02}"
        if not section.exists():
            section.mkdir()
            title = f"Section {number // 50}"
            (section / "GALLERY_HEADER.rst").write_text(f"{title}\n{'-' * len(title)}\n\nSome.\n")
        text = (FIGURE_RECIPE if size == "figures" else RECIPE).format(
            number=number,
            underline="=" * 12,
            steps=50 + 25 * (number % 5),
            optimizer=("SGD", "Adam", "AdamW")[number % 3],
        )
        path = section / f"recipe_{number:04}.py"
        path.write_text(text + (FIGURE if number % 2 and size != "figures" else ""))


def build(folder):
    """Build; return seconds, peak memory of all its processes in MB, and what it printed."""
    environment = {**os.environ, "SOURCE_DATE_EPOCH": "1700000000", "NO_COLOR": "1"}
    started = time.monotonic()
    with tempfile.TemporaryFile("w+") as log:
        process = psutil.Popen(
            [sys.executable, "-m", "sphinx", "-b", "html", "-d", "_build/doctrees", ".", "_build/html"],
            cwd=folder,
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        peak = 0
        while True:
            peak = max(peak, memory(process))
            try:
                process.wait(0.5)
                break
            except psutil.TimeoutExpired:
                continue
        seconds = time.monotonic() - started
        log.seek(0)
        text = log.read()
    assert process.returncode == 0, text[-3000:]
    return seconds, peak / 2**20, text


def memory(process):
    """Return the bytes of memory that *process* and its children hold (shared ones counted once)."""
    total = 0
    for one in [process, *_children(process)]:
        with contextlib.suppress(psutil.Error, AttributeError):
            total += one.memory_full_info().pss
    return total


def _children(process):
    try:
        return process.children(recursive=True)
    except psutil.Error:
        return []


def execution(text, junit):
    """Return the seconds of the execution part, and of each recipe, of a build of ours."""
    spent = float(re.search(r"executed \d+ recipes in ([\d.]+) s", text)[1])
    return spent, [float(s) for s in re.findall(r'<testcase[^>]* time="([\d.]+)"', junit)]


def clean(folder, cache=True):
    for name in ("_build", "recipes", *([".recipe_cache"] if cache else [])):
        shutil.rmtree(folder / name, ignore_errors=True)


def measure(size, rounds, ways):
    """Yield ``{way: {phase: [(seconds, MB)]}}`` and the floor ratios of our execution after each round."""
    results, floors = {way: {} for way in ways}, []
    with tempfile.TemporaryDirectory() as top:
        folders = {way: Path(top, str(i)) for i, way in enumerate(ways)}
        for way, folder in folders.items():
            folder.mkdir()
            make_site(folder, size, way)
        for number in range(1, rounds + 1):
            for way, folder in folders.items():

                def note(phase, folder=folder, way=way):
                    seconds, peak, text = build(folder)
                    results[way].setdefault(phase, []).append((seconds, peak))
                    print(f"{size:>9} {way:<20} {phase:<22} {seconds:7.1f} s {peak:7.0f} MB", flush=True)
                    return text

                slow = size.isdigit() and int(size) > SLOW
                last = number == rounds
                if slow and (way == "stock theme as it comes" or (way == "process per example" and not last)):
                    continue
                clean(folder)
                text = note("cold")
                if way == "this build":
                    spent, each = execution(text, (folder / "_build/junit.xml").read_text())
                    floors.append(spent / max(*each, sum(each) / len(os.sched_getaffinity(0))))
                note("no change")
                if way == "this build":
                    clean(folder, cache=False)
                    note("warm cache")
                edited = min(folder.glob("recipes_source/*/*.py"))
                before = edited.read_text()
                edited.write_text(before + "\n# %%\n# Edited.\n\nprint('edited')\n")
                note("one edit")
                if way == "this build":
                    note("no change after it")
                edited.write_text(before)
            yield results, floors


def median(runs, index=0):
    return statistics.median(run[index] for run in runs)


def report(measured):
    """Return the Markdown of the results."""
    rows = [
        "# Benchmark",
        "",
        "Written by `make benchmark`; what is measured is in `run.py`. Ratios are between ways measured in",
        "one run; below 1 it is faster than *stock, serial*, cold. Each number is the median of as many rounds as",
        "the second column says.",
        "The stock ways do less: no notebooks with outputs, no Markdown, no search texts, no pruned styles. All but",
        "*stock theme as it comes* have `llm_disabled` and `collapse_navigation` set, which makes the theme fast.",
        "Floor: max(longest recipe, time of all recipes / processors). *Warm cache*: a clean checkout makes all pages around",
        "the cached results.",
        "",
        f"- Machine: {platform.machine()}, {len(os.sched_getaffinity(0))} processors, "
        f"{psutil.virtual_memory().total / 2**30:.0f} GiB, {platform.system()}, Python {platform.python_version()}",
        f"- Date: {time.strftime('%Y-%m-%d')}",
        "",
        "| recipes | rounds | way | phase | seconds | ratio | peak memory (MB) |",
        "|---|---|---|---|---|---|---|",
    ]
    for size, (results, _) in measured.items():
        base = median(results.get("stock, serial", results["this build"])["cold"])
        for way, phases in results.items():
            for phase, runs in phases.items():
                rows.append(
                    f"| {size} | {len(runs)} | {way} | {phase} | {median(runs):.1f} | {median(runs) / base:.2f} "
                    f"| {median(runs, 1):.0f} |"
                )
    rows += ["", "| what is asked | recipes | reached | wanted |", "|---|---|---|---|"]
    for size, (results, floors) in measured.items():
        ours = results["this build"]
        cold = median(ours["cold"])
        asked = [
            ("execution / floor", statistics.median(floors), 1.25),
            ("warm cache on a clean checkout / cold", median(ours["warm cache"]) / cold, 0.30),
        ]
        for way, phase, goal in (
            ("stock, serial", "cold", {"200": 0.50, "1000": 0.50, "figures": 0.80}.get(size, 0.70)),
            ("process per example", "cold", 0.40),
            ("stock theme as it comes", "no change", 0.6),
            ("stock theme as it comes", "no change after it", 0.6),
        ):
            if results.get(way):
                stock = results[way][phase.removesuffix(" after it")]
                asked.append((f"{phase} / {way}", median(ours[phase]) / median(stock), goal))
        rows += [
            f"| {what.replace('after it', 'after an edit')} | {size} | {reached:.2f} | {f'≤ {goal:.2f}' if goal else '-'} |"
            for what, reached, goal in asked
        ]
    sizes = sorted(filter(str.isdigit, measured), key=int)
    for small, large in itertools.pairwise(sizes):
        factor = int(large) / int(small)
        ours = [measured[size][0]["this build"]["cold"] for size in (small, large)]
        for what, index in (("time", 0), ("memory", 1)):
            growth = median(ours[1], index) / median(ours[0], index) / factor
            rows.append(f"| growth of {what} / linear | {small} to {large} | {growth:.2f} | ≤ 1.15 |")
    return "\n".join(rows) + "\n"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--sizes", nargs="+", default=["cookbook", "figures", "30", "200", "1000"])
    parser.add_argument("--ways", nargs="+", default=list(WAYS))
    arguments = parser.parse_args()
    kept = ROOT / "_build/benchmark.json"
    kept.parent.mkdir(exist_ok=True)
    measured = json.loads(kept.read_text()) if kept.exists() else {}  # sizes can be measured one by one
    for size in arguments.sizes:
        for results in measure(size, arguments.rounds, arguments.ways):
            measured[size] = results
            kept.write_text(json.dumps(measured))
            (HERE / "README.md").write_text(report(measured))
    print((HERE / "README.md").read_text())


if __name__ == "__main__":
    main()
