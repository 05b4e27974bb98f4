"""Names of images in `_images`: those of a clean build, in whatever order pages were read."""

from types import SimpleNamespace

from cookbook.pages.images import name_files
from fuzzing import fuzz
from hypothesis import given
from hypothesis import strategies as st
from sphinx.util import FilenameUniqDict

IMAGES = st.tuples(st.sampled_from("abc"), st.sampled_from(["x.png", "a/x.png", "b/x.png", "b/y.png"]))


def named(added):
    """Return the images of an environment whose pages were read in this order, and the pages to write again."""
    env = SimpleNamespace(images=FilenameUniqDict())
    for docname, path in added:
        env.images.add_file(docname, path)
    before = dict(env.images)
    written = name_files(None, env)
    changed = [docs for path, (docs, name) in env.images.items() if before[path][1] != name]
    assert written == sorted(set().union(*changed))
    return dict(env.images)


@fuzz()
@given(st.lists(IMAGES, unique=True).flatmap(lambda images: st.tuples(st.just(images), st.permutations(images))))
def test_names_do_not_depend_on_the_order_in_which_pages_were_read(orders):
    one, other = map(named, orders)
    assert one == other
    assert len({name for _, name in one.values()}) == len(one)


def test_images_of_one_name_are_numbered_in_the_order_of_their_paths():
    found = named([("a", "c/x.png"), ("b", "b/x.png"), ("a", "b/x.png")])
    assert found == {"b/x.png": ({"a", "b"}, "x.png"), "c/x.png": ({"a"}, "x1.png")}
