"""The index of a large site's search: which recipes have a word, in files of about the same size."""

import json
import re

import pytest
from cookbook.site.postings import SIZE, postings, weights, words, write


def recipe(title, text, **more):
    parts = [("title", title, [("prose", text)])]
    return {"title": title, "keywords": [], "tags": [], "messages": [], "parts": parts, **more}


def load(folder, name):
    """Return what a script hands over."""
    said, value = re.fullmatch(
        r'searchPart\("([\w-]+)",(.*)\);\n', (folder / f"{name}.js").read_text(), re.DOTALL
    ).groups()
    assert said == name
    return json.loads(value)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Loading a checkpoint", ["load", "checkpoint"]),
        ("the load_state_dict() of 3 GPUs", ["load_state_dict", "load", "state", "dict", "gpu"]),
        ("_private __init__ 1e-3", ["privat", "init", "1e"]),
        ("Größe der Gewichte", ["größe", "der", "gewicht"]),
        ("", []),
    ],
)
def test_words_are_stems_and_names(text, found):
    assert list(words(text)) == found


def test_a_word_counts_most_in_the_title():
    found = weights(recipe("Gradient", "A gradient and a tensor.", keywords=["clipping"]))
    assert found["gradient"] > found["clip"] > found["tensor"] > 0


def test_postings_are_the_recipes_that_have_a_word():
    texts = ["alpha beta", "beta", "gamma", "alpha alpha alpha beta"]
    found = postings([recipe(str(i), text) for i, text in enumerate(texts)])
    assert list(found) == ["alpha", "beta", "gamma"]
    assert found["alpha"][0] == [0, 3] and found["beta"][0] == [0, 1, 2] and found["gamma"][0] == [2]
    low, high = map(int, found["alpha"][1])
    assert 1 <= low < high <= 9


def test_each_word_is_in_the_file_that_the_index_leads_to(tmp_path):
    recipes = [recipe(f"Title {i}", " ".join(f"{c}{i}word" for c in "abcdefghij")) for i in range(2000)]
    index = write(tmp_path / "_search", recipes)
    assert index["count"] == 2000
    folder = tmp_path / index["folder"]
    firsts, known = load(folder, "index"), load(folder, "vocabulary")
    files = [load(folder, f"words-{i}") for i in range(len(firsts))]
    assert len(files) > 2 and firsts == sorted(firsts) and known == sorted(known) and "c77word" in known
    for i, words_ in enumerate(files):
        assert min(words_) == firsts[i] and all(max(words_) < first for first in firsts[i + 1 : i + 2])
        assert (folder / f"words-{i}.js").stat().st_size < 10 * SIZE
    assert [word for words_ in files for word in words_] == known
    assert load(folder, "recipe-77")["title"] == "Title 77"


def test_files_are_made_anew_when_a_text_changes(tmp_path):
    recipes = [recipe("One", "alpha"), recipe("Two", "beta")]
    before = write(tmp_path / "_search", recipes)
    (tmp_path / before["folder"] / "mark").touch()
    assert write(tmp_path / "_search", recipes) == before and (tmp_path / before["folder"] / "mark").exists()
    after = write(tmp_path / "_search", [*recipes, recipe("Three", "gamma")])
    assert [path.name for path in (tmp_path / "_search").iterdir()] == [after["folder"].rpartition("/")[2]]
    assert "gamma" in load(tmp_path / after["folder"], "vocabulary")
