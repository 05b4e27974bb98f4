"""Which recipes are related: by rare things that they share, in a fixed order."""

import json
from collections import defaultdict
from types import SimpleNamespace

from cookbook.pages.related import API, COUNT, SECTION, TAG, add_related, find_related, relate, traits
from cookbook.state import state_of
from counting import calls
from docutils import nodes
from fuzzing import fuzz
from hypothesis import given
from hypothesis import strategies as st

#: Recipes by name, each with up to five things that it may share.
RECIPES = st.dictionaries(
    st.sampled_from("abcdefghij"),
    st.dictionaries(st.sampled_from([("tag", name) for name in "vwxyz"]), st.sampled_from([SECTION, TAG, API])),
    max_size=10,
)


def tags(*names):
    return {("tag", name): TAG for name in names}


def test_a_rare_tag_counts_more_than_one_that_many_have():
    recipes = {
        "one": tags("rare", "common"),
        "a": tags("common", "other"),
        "b": tags("common", "other"),
        "c": tags("rare", "other"),
        "d": tags("lonely"),
    }
    assert relate(recipes)["one"] == ["c", "a", "b"]


def test_a_tag_counts_more_than_an_api_name_and_that_less_than_the_section():
    assert SECTION > API
    recipes = {
        "one": {("tag", "x"): TAG, ("api", "x"): API, ("section", "x"): SECTION},
        "api": {("api", "x"): API, ("other", "a"): TAG},
        "section": {("section", "x"): SECTION, ("other", "b"): TAG},
        "tag": {("tag", "x"): TAG, ("other", "c"): TAG},
    }
    assert relate(recipes)["one"] == ["tag", "section", "api"]


def test_a_recipe_that_has_much_is_less_related_than_one_that_has_only_what_is_shared():
    recipes = {"one": tags("x"), "long": tags("x", "a", "b", "c"), "short": tags("x"), "other": tags("y")}
    assert relate(recipes)["one"] == ["short", "long"]


def test_those_that_the_page_links_to_are_left_out():
    recipes = {name: tags("x") for name in "abcde"} | {"other": tags("y")}
    assert relate(recipes, {"a": {"b", "d"}})["a"] == ["c", "e"]


def test_equals_are_in_the_order_of_the_recipes():
    names = ["e", "b", "d", "a", "c", "f"]
    recipes = {name: tags("x") for name in names} | {"other": tags("y")}
    assert relate(recipes)["d"] == ["e", "b", "a"]
    assert relate(dict(reversed(recipes.items())))["d"] == ["f", "c", "a"]


def test_a_recipe_that_shares_two_things_is_more_related_than_one_that_has_only_one_of_them():
    recipes = {"one": tags("x", "y"), "short": tags("x"), "both": tags("x", "y", "a"), "y": tags("y", *"bcdefg")}
    assert relate(recipes)["one"] == ["both", "short", "y"]


def test_what_all_share_relates_none():
    assert relate({name: tags("x") for name in "abc"}) == {"a": [], "b": [], "c": []}


def test_with_nothing_but_sections_related_are_those_of_the_section():
    recipes = {f"{section}/{name}": {("section", section): SECTION} for section in "st" for name in "abcde"}
    related = relate(recipes)
    assert related["s/a"] == ["s/b", "s/c", "s/d"] and related["t/e"] == ["t/a", "t/b", "t/c"]


def test_there_may_be_none():
    assert relate({}) == {} and relate({"a": {}}) == {"a": []}


def test_with_four_times_as_many_recipes_it_is_four_times_the_work():
    def work(count):
        return calls(relate, {str(i): tags(f"{i % 2}") for i in range(count)})

    assert 3 < work(1600) / work(400) < 6


@fuzz()
@given(RECIPES)
def test_related_are_a_few_others_that_share_something(recipes):
    related = relate(recipes)
    assert related.keys() == recipes.keys()
    for name, others in related.items():
        assert name not in others and len(others) == len(set(others)) <= COUNT
        assert all(recipes[name].keys() & recipes[other].keys() for other in others)


@fuzz()
@given(RECIPES, st.permutations("vwxyz"))
def test_what_traits_are_called_makes_no_difference(recipes, called):
    names = dict(zip("vwxyz", called))
    renamed = {
        name: {(kind, names[word]): weight for (kind, word), weight in found.items()} for name, found in recipes.items()
    }
    assert relate(renamed) == relate(recipes)


# -- what recipes share ------------------------------------------------------------


def env_of(folder, **recipes):
    """Return the environment of one section with these *recipes*, name to tags."""
    names = {f"recipes/s/{name}": found for name, found in recipes.items()}
    env = SimpleNamespace(
        srcdir=str(folder),
        get_domain=lambda name: SimpleNamespace(data={"anonlabels": {}}),
        metadata=defaultdict(dict, {name: {"tags": list(found)} for name, found in names.items()}),
        titles={name: nodes.title("", name.upper()) for name in names},
        toctree_includes={"recipes/index": ["recipes/s/index"], "recipes/s/index": list(names)},
    )
    (folder / "recipes/s").mkdir(parents=True, exist_ok=True)
    return env


def test_traits_are_tags_names_of_torch_and_the_section(tmp_path):
    env = env_of(tmp_path, one=["saving", "keys"], two=[])
    found = {
        "load": [{"name": "load", "module_short": "torch"}],
        "nn.Linear": [{"name": "Linear", "module_short": "torch.nn"}, {"name": "x", "module_short": "torch"}],
        "np.ones": [{"name": "ones", "module_short": "numpy"}],
        "other": [{"name": "x", "module_short": "torchvision"}],
    }
    (tmp_path / "recipes/s/one.codeobj.json").write_text(json.dumps(found))
    assert traits(env, "recipes/s/one") == {
        ("tag", "saving"): TAG,
        ("tag", "keys"): TAG,
        ("api", "torch.load"): API,
        ("api", "torch.nn.Linear"): API,
        ("section", "recipes/s"): SECTION,
    }
    assert traits(env, "recipes/s/two") == {("section", "recipes/s"): SECTION}


def test_pages_whose_related_recipes_or_their_titles_changed_are_written_anew(tmp_path):
    env = env_of(tmp_path, a=["x"], b=["x"], c=["y"], d=["y"])
    assert find_related(None, env) == []
    assert state_of(env).related["recipes/s/a"] == [("recipes/s/b", "RECIPES/S/B")]
    assert find_related(None, env) == []
    env.titles["recipes/s/b"] = nodes.title("", "New")
    assert find_related(None, env) == ["recipes/s/a"]
    env.metadata["recipes/s/d"]["tags"] = ["z"]
    assert find_related(None, env) == ["recipes/s/c", "recipes/s/d"]


def test_a_page_gets_its_list_with_links_from_itself(tmp_path):
    env = env_of(tmp_path, a=["x"], b=["x"], c=["y"])
    find_related(None, env)
    found = {}
    for page in ("recipes/s/a", "index"):
        context = {"pathto": lambda name, page=page: f"from {page} to {name}"}
        add_related(SimpleNamespace(env=env), page, "page.html", context, None)
        found[page] = context["related_recipes"]
    link = "from recipes/s/a to recipes/s/b"
    assert found == {"recipes/s/a": [{"title": "RECIPES/S/B", "link": link}], "index": []}
