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


def main(site, folder=FOLDER):
    gallery = Path(site, "recipes")
    pages = [page for page in gallery.glob("*/*.html") if page.stem != "index"]
    wanted = {folder / page.relative_to(gallery).with_suffix(".txt"): text_of(page) for page in pages}
    before = {file: file.read_text(encoding="utf-8") for file in folder.rglob("*.txt")}
    for file in sorted(before.keys() | wanted.keys()):
        name = file.relative_to(folder).with_suffix("")
        if file not in wanted:
            file.unlink()
            print(f"removed: {name}")
        elif before.get(file) != wanted[file]:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(wanted[file], encoding="utf-8")
            print(f"{'changed' if file in before else 'new'}: {name}")
    same = sum(before.get(file) == text for file, text in wanted.items())
    print(f"{same} of {len(wanted)} outputs are as before{'' if before == wanted else ': see git diff and git status'}")


if __name__ == "__main__":
    main(*sys.argv[1:])
