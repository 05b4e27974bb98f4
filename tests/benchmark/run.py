"""Measures this build against stock sphinx-gallery: ``make benchmark``.

All ways build the same recipes with the same configuration, theme and extensions; only how
they are executed differs. A run gives ratios between ways measured one after the other on
one machine, medians of ``ROUNDS``; the table goes to ``tests/benchmark/README.md``.

    python tests/benchmark/run.py [--rounds 3] [--sizes cookbook 30 200 1000]
"""

import argparse
import json
import os
import platform
import re
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

#: What replaces ``execution`` in conf.py's extensions for each way, and the options.
WAYS = {
    "this build": ("execution", {}),
    "stock, serial": ("stock", {}),
    "stock, parallel=2": ("stock", {"sphinx_gallery_conf.parallel": "2"}),
    "process per example": ("official", {}),
}

#: The extensions of the other ways: how stock sphinx-gallery is run, and how the official
#: tutorials isolate examples (torch imported in the parent, one forked process each).
STOCK = '''
def setup(app):
    return {"parallel_read_safe": True}
'''
OFFICIAL = '''
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
'''

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
FIGURE = '''
import matplotlib.pyplot as plt

fig, ax = plt.subplots(figsize=(5, 3), layout="constrained")
ax.plot(losses)
ax.set(xlabel="step", ylabel="loss", title="Loss")
plt.show()
'''


def make_site(folder, size, way):
    """Write a project with *size* recipes (or the cookbook's own) that is built in *way*."""
    extension, _ = WAYS[way]
    shutil.copytree(ROOT / "_ext", folder / "_ext", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("_templates", "_static"):
        shutil.copytree(ROOT / name, folder / name)
    conf = (ROOT / "conf.py").read_text()
    if extension != "execution":
        assert '"execution",' in conf
        conf = conf.replace('"execution",', f'"{extension}",')
        (folder / f"_ext/{extension}.py").write_text({"stock": STOCK, "official": OFFICIAL}[extension])
    (folder / "conf.py").write_text(conf)
    for name in ("index.rst", "errors.rst"):
        if (ROOT / name).exists():
            shutil.copy(ROOT / name, folder)
    source = folder / "recipes_source"
    if size == "cookbook":
        shutil.copytree(ROOT / "recipes_source", source)
        return
    source.mkdir()
    (source / "GALLERY_HEADER.rst").write_text("Recipes\n=======\n\nAll of them.\n")
    for number in range(int(size)):
        section = source / f"section_{number // 50:02}"
        if not section.exists():
            section.mkdir()
            title = f"Section {number // 50}"
            (section / "GALLERY_HEADER.rst").write_text(f"{title}\n{'-' * len(title)}\n\nSome.\n")
        text = RECIPE.format(
            number=number, underline="=" * 12, steps=50 + 25 * (number % 5),
            optimizer=("SGD", "Adam", "AdamW")[number % 3],
        )  # fmt: skip
        path = section / f"recipe_{number:04}.py"
        path.write_text(text + (FIGURE if number % 2 else ""))


def build(folder, way):
    """Build; return seconds, peak memory of all its processes in MB, and what it printed."""
    options = [item for k, v in WAYS[way][1].items() for item in ("-D", f"{k}={v}")]
    environment = {**os.environ, "SOURCE_DATE_EPOCH": "1700000000", "NO_COLOR": "1"}
    started = time.monotonic()
    with tempfile.TemporaryFile("w+") as log:
        process = psutil.Popen(
            [sys.executable, "-m", "sphinx", "-b", "html", "-d", "_build/doctrees", *options, ".", "_build/html"],
            cwd=folder, env=environment, stdout=log, stderr=subprocess.STDOUT,
        )  # fmt: skip
        peak = 0
        while process.poll() is None:
            peak = max(peak, memory(process))
            time.sleep(0.25)
        seconds = time.monotonic() - started
        log.seek(0)
        text = log.read()
    assert process.returncode == 0, text[-3000:]
    return seconds, peak / 2**20, text


def memory(process):
    """Return the bytes of memory that *process* and its children hold (shared ones counted once)."""
    total = 0
    for one in [process, *_children(process)]:
        try:
            total += one.memory_full_info().pss
        except (psutil.Error, AttributeError):
            pass
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
    """Return ``{way: {phase: [(seconds, MB)]}}`` and the floor ratios of our execution."""
    results, floors = {way: {} for way in ways}, []
    with tempfile.TemporaryDirectory() as top:
        folders = {way: Path(top, str(i)) for i, way in enumerate(ways)}
        for way, folder in folders.items():
            folder.mkdir()
            make_site(folder, size, way)
        for _ in range(rounds):
            for way, folder in folders.items():

                def note(phase, folder=folder, way=way):
                    seconds, peak, text = build(folder, way)
                    results[way].setdefault(phase, []).append((seconds, peak))
                    print(f"{size:>9} {way:<20} {phase:<10} {seconds:7.1f} s {peak:7.0f} MB", flush=True)
                    return text

                clean(folder)
                text = note("cold")
                if way == "this build":
                    spent, each = execution(text, (folder / "_build/junit.xml").read_text())
                    floors.append(spent / max(max(each), sum(each) / len(os.sched_getaffinity(0))))
                note("no change")
                edited = sorted(folder.glob("recipes_source/*/*.py"))[0]
                edited.write_text(edited.read_text() + "\n# %%\n# Edited.\n\nprint('edited')\n")
                note("one edit")
                if way == "this build":
                    clean(folder, cache=False)
                    note("warm cache")
    return results, floors


def median(runs, index=0):
    return statistics.median(run[index] for run in runs)


def report(measured, rounds):
    """Return the Markdown of the results."""
    rows = [
        "# Benchmark",
        "",
        "Written by `make benchmark`; what is measured is in `run.py`. Ratios are between ways measured in",
        f"one run, medians of {rounds}; below 1 this build is faster than stock sphinx-gallery, serial, cold.",
        "",
        f"- Machine: {platform.machine()}, {len(os.sched_getaffinity(0))} processors, "
        f"{psutil.virtual_memory().total / 2**30:.0f} GiB, {platform.system()}, Python {platform.python_version()}",
        f"- Date: {time.strftime('%Y-%m-%d')}",
        "",
        "| recipes | way | phase | seconds | ratio | peak memory (MB) |",
        "|---|---|---|---|---|---|",
    ]
    for size, (results, _) in measured.items():
        base = median(results["stock, serial"]["cold"])
        for way, phases in results.items():
            for phase, runs in phases.items():
                rows.append(
                    f"| {size} | {way} | {phase} | {median(runs):.1f} | {median(runs) / base:.2f} "
                    f"| {median(runs, 1):.0f} |"
                )
    rows += ["", "| what is asked | recipes | reached | wanted |", "|---|---|---|---|"]
    for size, (results, floors) in measured.items():
        ours, stock = results["this build"], results["stock, serial"]
        cold = median(ours["cold"])
        wanted = 0.50 if size.isdigit() and int(size) >= 200 else 0.70
        asked = [
            ("cold / stock serial cold", cold / median(stock["cold"]), wanted),
            ("execution / floor", statistics.median(floors), 1.25),
            ("warm cache on a clean checkout / cold", median(ours["warm cache"]) / cold, 0.25),
            ("no change / stock no change", median(ours["no change"]) / median(stock["no change"]), 0.6),
        ]
        if "process per example" in results:
            official = median(results["process per example"]["cold"])
            asked.insert(1, ("cold / process per example cold", cold / official, 0.40))
        rows += [f"| {what} | {size} | {reached:.2f} | ≤ {goal:.2f} |" for what, reached, goal in asked]
    sizes = [size for size in measured if size.isdigit()]
    for small, large in zip(sizes, sizes[1:]):
        factor = int(large) / int(small)
        ours = [measured[size][0]["this build"]["cold"] for size in (small, large)]
        for what, index in (("time", 0), ("memory", 1)):
            growth = median(ours[1], index) / median(ours[0], index) / factor
            rows.append(f"| growth of {what} / linear | {small} to {large} | {growth:.2f} | ≤ 1.15 |")
    return "\n".join(rows) + "\n"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--sizes", nargs="+", default=["cookbook", "30", "200", "1000"])
    parser.add_argument("--ways", nargs="+", default=list(WAYS))
    arguments = parser.parse_args()
    measured = {}
    for size in arguments.sizes:
        measured[size] = measure(size, arguments.rounds, arguments.ways)
        (HERE / "README.md").write_text(report(measured, arguments.rounds))
        raw = {s: {w: p for w, p in r.items()} for s, (r, _) in measured.items()}
        (ROOT / "_build").mkdir(exist_ok=True)
        (ROOT / "_build/benchmark.json").write_text(json.dumps(raw))
    print((HERE / "README.md").read_text())


if __name__ == "__main__":
    main()
