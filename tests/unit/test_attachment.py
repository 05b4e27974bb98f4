"""What sphinx-gallery is given of a result, and what it keeps of a recipe that is current."""

import base64

import pytest
from cookbook.gallery.attachment import Attachment, CodeObjects
from sphinx_gallery.scrapers import ImagePathIterator

PICTURE = base64.b64encode(b"picture").decode()


@pytest.fixture
def attachment(build):
    attachment = Attachment(build)
    attachment.detach()
    return attachment


@pytest.fixture
def script_vars(build):
    images = build.gallery / "section/images"
    (images / "thumb").mkdir(parents=True)
    return {
        "src_file": str(build.source / "section/load.py"),
        "target_file": str(build.gallery / "section/load.py"),
        "image_path_iterator": ImagePathIterator(f"{images}/sphx_glr_load_{{0:03}}.png"),
    }


def result(**changed):
    return {"outputs": [], "seconds": 0.5, "error": None, "codeobj": {}, "images": {}, **changed}


def test_the_figures_of_a_result_take_the_place_of_those_before_and_of_no_other_recipe_s(
    attachment, build, script_vars
):
    images = build.gallery / "section/images"
    others = {"sphx_glr_load_more_001.png", "sphx_glr_load_100_files_001.png"}
    for name in {*others, "sphx_glr_load_001.png", "sphx_glr_load_003.png"}:
        (images / name).write_bytes(b"before")
    ours = {f"sphx_glr_load_{number}.png": PICTURE for number in ("001", "002")}
    build.results["section/load.py"] = result(images=ours)
    attachment.execute_script([], script_vars, {}, {})
    assert {path.name for path in images.glob("*.png")} == {*others, *ours}
    assert all((images / name).read_bytes() == b"picture" for name in ours)
    assert len(script_vars["image_path_iterator"]) == 2


def test_without_figures_the_thumbnail_of_before_goes(attachment, build, script_vars):
    thumb = build.gallery / "section/images/thumb/sphx_glr_load_thumb.png"
    thumb.write_bytes(b"before")
    build.results["section/load.py"] = result(images={"sphx_glr_load_001.png": PICTURE})
    attachment.execute_script([], script_vars, {}, {})
    assert thumb.exists()
    build.results["section/load.py"] = result()
    attachment.execute_script([], script_vars, {}, {})
    assert not thumb.exists()


def test_an_animation_is_one_figure_and_a_vector_one_leaves_no_other_thumbnail(attachment, build, script_vars):
    images = build.gallery / "section/images"
    thumbs = [images / f"thumb/sphx_glr_load_thumb.{kind}" for kind in ("png", "svg")]
    other = images / "thumb/sphx_glr_load_more_thumb.png"
    for thumb in (*thumbs, other):
        thumb.write_bytes(b"before")
    names = ("sphx_glr_load_001.gif", "sphx_glr_load_001.png", "sphx_glr_load_002.svg")
    build.results["section/load.py"] = result(images=dict.fromkeys(names, PICTURE))
    attachment.execute_script([], script_vars, {}, {})
    assert len(script_vars["image_path_iterator"]) == 2
    assert all((images / name).read_bytes() == b"picture" for name in names)
    assert not any(thumb.exists() for thumb in thumbs) and other.exists()
    build.results["section/load.py"] = result(images={names[1]: PICTURE})
    attachment.execute_script([], script_vars, {}, {})
    assert {path.name for path in images.glob("*load_0*")} == {names[1]}


@pytest.mark.parametrize("error", [None, {"text": "Traceback", "line": 1, "reason": "x", "ran": 1}])
def test_sphinx_gallery_gets_outputs_block_by_block_and_how_it_ended(attachment, build, script_vars, error):
    class Block:
        def __init__(self, kind):
            self.type, self.content = kind, "x"

    build.results["section/load.py"] = result(outputs=["one", "two"], error=error, codeobj={"a": ["b"]})
    blocks = [Block(kind) for kind in ("text", "code", "text", "code")]
    assert attachment.execute_script(blocks, script_vars, {}, {}) == (["", "one", "", "two"], 0.5)
    assert script_vars.get("formatted_exception") == (error and "Traceback")
    assert script_vars.get("passing", False) is (error is None)
    assert isinstance(script_vars["example_globals"], CodeObjects) and script_vars["example_globals"].names == {
        "a": ["b"]
    }


def test_sphinx_gallery_has_its_own_functions_again_after_detaching(build):
    from sphinx_gallery import gen_rst

    before = gen_rst.execute_script
    attachment = Attachment(build)
    assert gen_rst.execute_script == attachment.execute_script != before
    attachment.detach()
    assert gen_rst.execute_script is before
