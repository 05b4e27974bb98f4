"""The index of the search page where there are too many recipes to load the text of all.

It is in scripts, of which ``_static/search.js`` loads what a query needs, here for the word
*gradient*; each calls ``searchPart(NAME, VALUE)``:

    _search/VERSION/index.js       ["", "batch", "float16", ...]: the first word in each file of words
    _search/VERSION/words-2.js     {"gradient": [[3, 1, 40], "925"], ...}: recipes 3, 4 and 44 have it, 3 most
    _search/VERSION/recipe-44.js   {"title": ..., "parts": ..., ...}: what the search of a small site has of each recipe
    _search/VERSION/vocabulary.js  all words, for what is misspelled

So what is loaded does not grow with the number of recipes, but for how many have a word. The
folder is named by what is in it, and made anew only if that changes.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections import Counter, defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from sphinx.search.en import SearchEnglish

from cookbook.build import digest

#: How many bytes of words a file has, about.
SIZE = 60_000
#: How much a word counts in titles and keywords, and in headings; elsewhere it counts 1.
SUBJECT, HEADING = 6, 4
#: The same as in search.js: how soon another occurrence hardly counts, and how much a long recipe is discounted.
SATURATION, LENGTH = 3, 0.6

Recipe = dict[str, Any]
english = SearchEnglish({})
stem = cache(english.stem)


def words(text: str) -> Iterator[str]:
    """Yield the words of *text* as search.js has them: stems, and names as they are besides their parts."""
    for word in re.findall(r"\w+", text.lower()):
        parts = [part for part in word.split("_") if part]
        if len(parts) > 1:
            yield word
        yield from (
            stem(part) if len(part) > 3 else part
            for part in parts
            if part not in english.stopwords and not word.isdigit()
        )


def weights(recipe: Recipe) -> Counter[str]:
    """Return how much each word is in *recipe*."""
    found: Counter[str] = Counter()
    texts = [(SUBJECT, text) for text in (recipe["title"], *recipe["keywords"])]
    texts += [(1, text) for text in (*recipe["tags"], *(text for pair in recipe["messages"] for text in pair))]
    for _, heading, blocks in recipe["parts"]:
        texts += [(HEADING, heading), *((1, text) for _, text in blocks)]
    for weight, text in texts:
        for word in words(text):
            found[word] += weight
    return found


def postings(recipes: list[Recipe]) -> dict[str, tuple[list[int], str]]:
    """Return the recipes that have each word, as steps from one to the next, and how much they do, from 1 to 9."""
    counts = [weights(recipe) for recipe in recipes]
    average = sum(count.total() for count in counts) / len(counts)
    found: dict[str, tuple[list[int], list[str]]] = defaultdict(lambda: ([], []))
    last: dict[str, int] = {}
    for number, count in enumerate(counts):
        rest = SATURATION * (1 - LENGTH + LENGTH * count.total() / average)
        for word, weight in count.items():
            steps, values = found[word]
            steps.append(number - last.get(word, 0))
            values.append(str(max(1, round(9 * weight / (weight + rest)))))
            last[word] = number
    return {word: (steps, "".join(values)) for word, (steps, values) in sorted(found.items())}


def write(folder: Path, recipes: list[Recipe]) -> dict[str, Any]:
    """Write the scripts below *folder*, and return what the page loads at first."""
    texts = [json.dumps(recipe, ensure_ascii=False, separators=(",", ":")) for recipe in recipes]
    version = hashlib.sha256("\n".join([digest(), *texts]).encode()).hexdigest()[:8]
    if not (folder / version).exists():
        _make(folder / f"{version}.new", texts, postings(recipes))
        (folder / f"{version}.new").rename(folder / version)
    for other in folder.iterdir():
        if other.name != version:
            shutil.rmtree(other)
    return {"folder": f"{folder.name}/{version}", "count": len(recipes)}


def _make(folder: Path, texts: list[str], found: dict[str, tuple[list[int], str]]) -> None:
    shutil.rmtree(folder, ignore_errors=True)  # of a build that was killed
    folder.mkdir(parents=True)

    def script(name: str, value: str) -> None:
        (folder / f"{name}.js").write_text(f'searchPart("{name}",{value});\n', encoding="utf-8")

    def dump(value: Any) -> str:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))

    files: list[dict[str, tuple[list[int], str]]] = []
    size = SIZE
    for word, entry in found.items():
        if size >= SIZE:
            files.append({})
            size = 0
        files[-1][word] = entry
        size += len(word) + 4 * len(entry[0])
    for number, entries in enumerate(files):
        script(f"words-{number}", dump(entries))
    for number, text in enumerate(texts):
        script(f"recipe-{number}", text)
    script("vocabulary", dump(list(found)))
    script("index", dump([next(iter(entries)) for entries in files]))
