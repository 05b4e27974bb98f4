"""Writes the expected output of every recipe: ``python tests/golden.py _build/html``.

One text file a recipe, in ``tests/golden/``: the text of each output of its page, with a
line of dashes between them. A change of torch that changes an output is a readable diff.
"""

import sys
from pathlib import Path

from reading import outputs

FOLDER = Path(__file__).parent / "golden"
SEPARATOR = f"\n{'-' * 40}\n"


def text_of(page):
    """Return what the golden file of the recipe with this *page* must hold."""
    return SEPARATOR.join(outputs(page)) + "\n"


def main(site):
    gallery = Path(site, "recipes")
    pages = [page for page in gallery.glob("*/*.html") if page.stem != "index"]
    wanted = {FOLDER / page.relative_to(gallery).with_suffix(".txt"): page for page in pages}
    for file in set(FOLDER.rglob("*.txt")) - set(wanted):
        file.unlink()
    for file, page in wanted.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text_of(page), encoding="utf-8")
    print(f"{len(wanted)} golden outputs in {FOLDER}: see `git diff`")


if __name__ == "__main__":
    main(*sys.argv[1:])
