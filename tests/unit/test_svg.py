"""Pictures in SVG: what programs draw is shown, what runs or loads something is not, and says what it has."""

import io
from xml.etree import ElementTree

import matplotlib
import pytest
from cookbook.run.svg import LARGEST, check
from matplotlib import pyplot as plt

NAME = "sphx_glr_one_001.svg"


def svg(content="", attributes="", before=""):
    """Return a picture with this *content*."""
    spaces = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
    return f'{before}<svg {spaces} width="10" height="10" {attributes}>{content}</svg>'.encode()


@pytest.mark.parametrize("font", ["path", "none"])
@pytest.mark.parametrize("style", ["default", "dark_background"])
def test_what_matplotlib_draws_is_shown(font, style):
    file = io.BytesIO()
    with plt.style.context(style), matplotlib.rc_context({"svg.fonttype": font}):
        figure, (left, right) = plt.subplots(1, 2)
        left.plot([1, 2], label=r"a $x^2$")
        left.legend()
        left.set_title("C:\\a <b> & url(x) onload=1")
        right.imshow([[1, 2]])
        right.contourf([[1, 2], [3, 4]], hatches=["/"])
        figure.savefig(file, format="svg")
        plt.close(figure)
    check(NAME, file.getvalue())


@pytest.mark.parametrize(
    "content",
    [
        svg('<defs><linearGradient id="a"/></defs><rect fill="url(#a)"/><rect fill="url( \'#a\' )"/>'),
        svg('<use href="#a"/><use xlink:href="#a"/>'),
        svg('<image href="data:image/png;base64,AAAA"/>'),
        svg("<style>.a { fill: url(#b) } @font-face { src: url(data:font/woff2;base64,AA) }</style>"),
        svg('<filter><feGaussianBlur stdDeviation="1"/></filter><text>&lt;script&gt; javascript: &#92;</text>'),
        svg(before='\ufeff<?xml version="1.0" encoding="UTF-8"?>\n<!-- a -->\n<!DOCTYPE svg>\n'),
        svg('<metadata><a:RDF xmlns:a="http://www.w3.org/1999/02/22-rdf-syntax-ns#"/></metadata>'),
    ],
)
def test_what_draws_is_shown(content):
    check(NAME, content)


HOSTILE = {
    "script": svg("<script>alert(1)</script>"),
    "SCRIPT": svg('<s:script xmlns:s="http://www.w3.org/2000/svg" href="data:text/javascript,alert(1)"/>'),
    "xhtml": svg('<h:script xmlns:h="http://www.w3.org/1999/xhtml">alert(1)</h:script>'),
    "metadata": svg('<metadata><script xmlns="http://www.w3.org/1999/xhtml">alert(1)</script></metadata>'),
    "foreignObject": svg("<foreignObject><p>x</p></foreignObject>"),
    "iframe": svg('<iframe xmlns="http://www.w3.org/1999/xhtml" src="//x.org"/>'),
    "link": svg('<a href="#x"/>'),
    "animated link": svg('<a><set attributeName="href" to="javascript:alert(1)"/></a>'),
    "handler": svg(attributes='onload="alert(1)"'),
    "handler in a mark": svg('<g ONCLICK="alert(1)"/>'),
    "external image": svg('<image href="https://x.org/a.png"/>'),
    "external image, xlink": svg('<image xlink:href="//x.org/a.png"/>'),
    "SVG in an image": svg('<image href="data:image/svg+xml;base64,AAAA"/>'),
    "script in an address": svg('<use href="&#106;avascript:alert(1)"/>'),
    "external use": svg('<use href="other.svg#a"/>'),
    "base": svg('<use xml:base="https://x.org/" href="#a"/>'),
    "external fill": svg('<rect fill="url(https://x.org/#a)"/>'),
    "external style": svg('<rect style="background: URL( //x.org )"/>'),
    "import": svg("<style>@import '//x.org';</style>"),
    "escaped import": svg("<style>@\\69mport '//x.org';</style>"),
    "import in parts": svg("<style>@im<!-- -->port '//x.org';</style>"),
    "import in CDATA": svg("<style><![CDATA[@import '//x.org';]]></style>"),
    "style sheet": svg(before='<?xml-stylesheet href="//x.org/a.css"?>'),
    "entities": svg("&a;", before='<!DOCTYPE svg [<!ENTITY a "b">]>'),
    "entities that grow": svg("&b;", before='<!DOCTYPE svg [<!ENTITY a "aaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;">]>'),
    "external entity": svg("&a;", before='<!DOCTYPE svg [<!ENTITY a SYSTEM "file:///etc/passwd">]>'),
    "attributes by declaration": svg(before="<!DOCTYPE svg [<!ATTLIST svg onload CDATA 'alert(1)'>]>"),
    "another encoding": svg(before='<?xml version="1.0" encoding = "utf-7"?>'),
    "UTF-16": svg().decode().encode("utf-16"),
    "no namespace": b"<svg><path/></svg>",
    "another document": b'<html xmlns="http://www.w3.org/1999/xhtml"/>',
    "not ended": svg()[:-1],
    "two of them": svg() * 2,
    "nothing": b"",
    "text": b"\xff\xfe",
    "HTML after it": svg() + b"<script>alert(1)</script>",
    "too large": svg("<g/>" * (LARGEST // 4)),
    "deep": svg("<g>" * 100_000),
}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE)
def test_what_does_more_than_draw_is_refused_in_one_sentence(content):
    with pytest.raises(ValueError, match=rf"^{NAME} is no SVG that a page shows: [^\n]+$") as told:
        check(NAME, content)
    assert len(str(told.value)) < 250


def test_a_deep_picture_is_no_reason_to_crash():
    depth = 200_000
    check(NAME, svg("<g>" * depth + "</g>" * depth))


def test_what_is_hostile_is_xml_that_a_browser_would_read():
    read = {name for name, content in HOSTILE.items() if _is_xml(content)}
    assert {"script", "metadata", "animated link", "import in CDATA", "attributes by declaration"} <= read


def _is_xml(content):
    try:
        return ElementTree.fromstring(content) is not None
    except (ElementTree.ParseError, LookupError, ValueError):
        return False
