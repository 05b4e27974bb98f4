"""Whatever is in the cache's folder, reading it gives a result that a page can show, or none.

The same check stands between a page and what the workers of a cluster send.
"""

import base64
import hashlib
import json
import os
import pickle
import struct
import zlib
from pathlib import Path

import pytest
from cookbook.run.cache import Cache
from cookbook.run.result import check, check_output
from docutils import nodes
from docutils.core import publish_doctree
from docutils.parsers.rst import directives
from docutils.parsers.rst.directives.misc import Class
from fuzzing import ANY, fuzz
from hypothesis import example, given
from hypothesis import strategies as st


def png(width=2, height=2):
    """Return a picture as a result holds it."""
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(bytes((width + 1) * height))), (b"IEND", b""))
    chunks = (
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in parts
    )
    return base64.b64encode(b"\x89PNG\r\n\x1a\n" + b"".join(chunks)).decode()


TASK = {
    "name": "section/one.py",
    "gallery": "recipes",
    "conf": {},
    "file_conf": {},
    "blocks": [["code", "print(1)", 9], ["code", "plot()", 20]],
}
SHOWN = (
    "\n\n\n\n.. rst-class:: sphx-glr-script-out\n\n .. code-block:: none\n\n    one\n      two\n\n    three\n\n\n\n\n"
)
HTML = "\n\n\n\n.. rst-class:: sphx-glr-script-out\n\n .. code-block:: html\n\n    <b>one</b>\n       one\n\n\n\n"
FIGURE = """
.. rst-class:: sphx-glr-horizontal


    *

      .. image:: /recipes/section/images/sphx_glr_one_001.png
         :alt: A figure: *one*
         :class: sphx-glr-multi-img invertible

"""
RESULT = {
    "outputs": [SHOWN, FIGURE],
    "seconds": 0.5,
    "error": None,
    "codeobj": {
        "torch.load": [
            {
                "name": "load",
                "module": "torch.serialization",
                "module_short": "torch",
                "is_class": False,
                "is_explicit": True,
            }
        ]
    },
    "images": {"sphx_glr_one_001.png": png()},
    "lines": [9, 20],
    "date": "2026-11-23",
}

#: Outputs that once got through, or that would do harm if they did.
FORGED = [
    "\n:alt: :download:`x </etc/passwd>`\n",
    " .. code-block:: none\n    :caption: `x <javascript:alert(1)>`__\n\n    one\n",
    " .. code-block:: none\n\n    one\u2028.. raw:: html\u2028\u2028   <script>alert(1)</script>\n",
    " .. code-block:: none\n\n    one\x0b.. raw:: html\x0b\x0b   <script>alert(1)</script>\n",
    " .. code-block:: none\n\n    \ud800\n",
    ".. raw:: html\n\n   <script>alert(1)</script>\n",
    ".. image:: /recipes/section/images/../../../secret.png\n",
    ".. image:: /recipes/section/images/sphx_glr_one_001.png\n   :target: javascript:alert(1)\n",
    ".. include:: /etc/passwd\n",
    " .. code-block:: html\n\n    <b>one</b>\n",
]
#: Pictures that would do harm, opened by themselves.
HOSTILE = {
    "sphx_glr_one_001.svg": b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
    "sphx_glr_one_002.svg": b'<svg xmlns="http://www.w3.org/2000/svg"><image href="//x.org"/></svg>',
    "sphx_glr_one_003.svg": b'<html xmlns="http://www.w3.org/1999/xhtml"><script>alert(1)</script></html>',
    "sphx_glr_one_004.gif": b"GIF89a<script>alert(1)</script>",
    "sphx_glr_one_005.html": b"<script>alert(1)</script>",
    "sphx_glr_one_006.jpg": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
}


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    cache = Cache(tmp_path_factory.mktemp("cache"), 2**20)
    cache.write("real", RESULT)
    return cache


def read(cache, body, digest=None):
    """Return what the cache makes of an entry with this *body*."""
    digest = digest or hashlib.sha256(body).hexdigest().encode()
    Path(cache.folder, "any.json").write_bytes(digest + b"\n" + body)
    return cache.read("any", TASK)


def dumps(value):
    return json.dumps(value).encode()


def is_harmless(result):
    """Fail if *result* is more than a recipe can give, judged by docutils and not by us."""
    assert len(result["outputs"]) == 2 and 0 <= result["seconds"] < 10**6
    json.dumps(result, ensure_ascii=False, allow_nan=False).encode()
    assert all(name.startswith("sphx_glr_one_0") and "/" not in name for name in result["images"])
    for kept in result["codeobj"].values():
        assert kept[0]["module_short"] is not None and "<" not in kept[0]["name"].replace("<locals>", "")
    for output in result["outputs"]:
        is_text_and_images(output, set(result["images"]))


HARMLESS = (
    nodes.document,
    nodes.literal_block,
    nodes.image,
    nodes.bullet_list,
    nodes.list_item,
    nodes.block_quote,
)


def is_text_and_images(output, images):
    directives.register_directive("rst-class", Class)  # Sphinx's name of it
    options = {"report_level": 1, "halt_level": 5, "warning_stream": False, "syntax_highlight": "none"}
    document = publish_doctree(output, settings_overrides=options)
    for complaint in list(document.findall(nodes.system_message)):  # a warning of the build
        complaint.parent.remove(complaint)
    for node in document.findall(nodes.Element):
        assert isinstance(node, HARMLESS), node
        if isinstance(node, nodes.image):
            assert node["uri"].rpartition("/")[2] in images and ".." not in node["uri"]
            assert not node.attributes.keys() & {"target", "refuri"}


def test_what_a_recipe_gives_is_read_as_it_was(cache):
    assert cache.read("real", TASK) == RESULT
    is_harmless(RESULT)


@fuzz()
@given(st.binary(), st.booleans())
@example(b"[" * 100_000, True)
@example(b'{"a":' * 100_000, True)
@example(b"1" * 10_000, True)
@example(b"NaN", True)
@example(b'"\\ud800"', True)
def test_bytes_are_no_entry(cache, body, signed):
    assert read(cache, body, None if signed else b"0" * 64) is None


def test_code_in_an_entry_is_not_run(cache, tmp_path):
    class Evil:
        def __reduce__(self):
            return Path.touch, (tmp_path / "run",)

    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        assert read(cache, pickle.dumps(Evil(), protocol)) is None
    assert not (tmp_path / "run").exists()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes here")
def test_a_pipe_or_a_folder_is_no_entry(cache):
    os.mkfifo(cache.folder / "pipe.json")
    os.mkdir(cache.folder / "folder.json")
    assert cache.read("pipe", TASK) is None and cache.read("folder", TASK) is None


LEAF = st.none() | st.booleans() | st.integers() | st.floats() | ANY | st.sampled_from(FORGED)
VALUES = st.deferred(lambda: LEAF | st.lists(VALUES, max_size=2) | st.dictionaries(ANY, VALUES, max_size=2))


@fuzz()
@given(VALUES)
def test_json_is_no_entry(cache, value):
    assert read(cache, dumps(value)) is None


@st.composite
def mutations(draw):
    """Return the real result with one to three of its parts replaced, added or removed."""
    result = json.loads(json.dumps(RESULT))
    for _ in range(draw(st.integers(1, 3))):
        place, key = result, draw(st.sampled_from(sorted(RESULT)))
        while isinstance(place.get(key) if isinstance(place, dict) else place[key], (dict, list)) and draw(
            st.booleans()
        ):
            inner = place[key]
            if not inner:
                break
            place, key = inner, draw(st.sampled_from(sorted(inner) if isinstance(inner, dict) else range(len(inner))))
        what = draw(st.sampled_from(["value", "same kind", "remove", "rename"]))
        old = place.get(key) if isinstance(place, dict) else place[key]
        if what == "same kind" and isinstance(old, str):
            at = draw(st.integers(0, len(old)))
            place[key] = old[:at] + draw(ANY | st.sampled_from(FORGED)) + old[at + draw(st.integers(0, 3)) :]
        elif what == "same kind" and isinstance(old, (int, float)):
            place[key] = draw(st.integers() | st.floats())
        elif what == "remove" and isinstance(place, dict):
            place.pop(key, None)
        elif what == "rename" and isinstance(place, dict):
            place[draw(ANY)] = place.pop(key, None)
        else:
            place[key] = draw(VALUES)
    return result


@fuzz(400)
@given(mutations())
@example({**RESULT, "codeobj": {"torch.load": []}})
@example({**RESULT, "images": {"sphx_glr_one_001.png": "\x89PNG"}})
@example({**RESULT, "images": {"sphx_glr_one_001.png": "iVBORw=="}})
@example({**RESULT, "images": {"sphx_glr_two_001.png": png()}, "outputs": ["", ""]})
@example({**RESULT, "outputs": [SHOWN]})
@example({**RESULT, "seconds": float("nan")})
@example({**RESULT, "error": {"text": "\ud800", "line": 1, "reason": "", "ran": 1}})
def test_a_changed_result_is_harmless_or_none(cache, result):
    found = read(cache, dumps(result))
    if found is not None:
        is_harmless(found)


@pytest.mark.parametrize("output", FORGED)
def test_a_forged_output_is_refused(cache, output):
    assert read(cache, dumps({**RESULT, "outputs": [output, FIGURE]})) is None
    with pytest.raises(ValueError, match="output"):
        check({**RESULT, "outputs": [SHOWN, output]}, TASK)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_forged_picture_is_refused(cache, name):
    images = {**RESULT["images"], name: base64.b64encode(HOSTILE[name]).decode()}
    assert read(cache, dumps({**RESULT, "images": images})) is None


IMAGE = "/recipes/section/images/sphx_glr_one_001.png"
PIECES = [
    "",
    "*",
    "|",
    "text",
    "- x",
    "`x <y>`__",
    ".. rst-class:: sphx-glr-script-out",
    ".. code-block:: none",
    ".. code-block:: pytb",
    ".. code-block:: html",
    f".. image:: {IMAGE}",
    ".. image:: /x.png",
    ":alt: :download:`x`",
    ":class: a b",
    ":target: x",
    ":caption: *x*",
    ":name: x",
    ".. raw:: html",
    "<script>",
    ".. _x: y",
    "::",
    ".. only:: html",
]
LINE = st.builds(lambda indent, piece: " " * indent + piece, st.integers(0, 8), st.sampled_from(PIECES) | ANY)


def test_an_output_that_is_accepted_is_text_and_images():
    accepted = set()

    @fuzz(1000)
    @given(
        st.sampled_from([SHOWN, FIGURE, HTML]),
        st.booleans(),
        st.lists(st.tuples(st.integers(0, 20), st.booleans(), LINE), max_size=3),
    )
    def change(output, html, changes):
        lines = output.split("\n")
        for at, instead, line in changes:
            lines[at : at + instead] = [line]
        output = "\n".join(lines)
        try:
            check_output(output, {IMAGE}, html)
        except ValueError:
            return
        accepted.add(output)
        is_text_and_images(output, {IMAGE.rpartition("/")[2]})

    change()
    assert len(accepted) > 50
