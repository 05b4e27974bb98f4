"""SVG pictures that scrapers save, and which of them a page shows.

Pages show them by ``<img>``, where nothing in them runs. As a reader can open the file by itself too, it
has nothing that would run or load anything then: only what draws, and addresses only within itself.
"""

from __future__ import annotations

import re
from xml.etree import ElementTree

#: The most bytes of one.
LARGEST = 2**22
#: What draws or describes, and what programs write into ``<metadata>``. Links, animations, scripts and HTML do not.
ELEMENT = re.compile(
    r"\{http://www\.w3\.org/2000/svg\}(?:svg|g|defs|symbol|use|switch|title|desc|metadata|style|image|view|path|rect"
    r"|circle|ellipse|line|polyline|polygon|text|tspan|textPath|marker|clipPath|mask|pattern|linearGradient"
    r"|radialGradient|stop|filter|fe[A-Z][A-Za-z]+)"
    r"|\{http://(?:www\.w3\.org/1999/02/22-rdf-syntax-ns#|purl\.org/dc/|creativecommons\.org/ns#|web\.resource\.org/cc/).*"
)
#: Declarations with which a parser reads something else than what is written.
DECLARED = re.compile(
    r"<!(?:ENTITY|ATTLIST)|<!DOCTYPE[^>]*\[|<\?xml-|^<\?xml[^>]*encoding\s*=\s*.(?!utf-8['\"])", re.IGNORECASE
)
DATA = r"data:(?:image/(?:png|jpeg|gif|webp)|font/|application/(?:x-)?font)"
#: What runs or loads something, in an attribute or a style; a backslash could hide it.
ACTIVE = re.compile(
    rf"^on\w+=|^base=|^(?:href|src)=(?!#|{DATA})|url\((?!\s*['\"]?\s*(?:#|{DATA}))|@import|image-set|script:|expression\(|\\",
    re.IGNORECASE,
)


def check(name: str, content: bytes) -> None:
    """Raise ValueError unless *content*, the picture *name*, is an SVG that a page can show."""
    try:
        if len(content) > LARGEST:
            raise ValueError(f"it has {len(content):,} bytes, more than {LARGEST:,}")
        text = content.decode("utf-8-sig")
        if found := DECLARED.search(text):
            raise ValueError(f"it has {found[0]}, which does not draw")
        root = ElementTree.fromstring(text)  # noqa: S314, it declares nothing
        if root.tag != "{http://www.w3.org/2000/svg}svg":
            raise ValueError(f"it begins with <{root.tag}>")
        for element in root.iter():
            tag = element.tag.rpartition("}")[2]
            parts = [f"{key.rpartition('}')[2]}={value}" for key, value in element.items()]
            styles = element.itertext() if tag == "style" else ()
            wrong = [] if ELEMENT.fullmatch(element.tag) else [f"<{tag}>"]
            if wrong := [*wrong, *filter(ACTIVE.search, [*parts, "".join(styles)])]:
                raise ValueError(f"it has {wrong[0][:60]}, which does not draw")
    except (ValueError, ElementTree.ParseError) as error:
        raise ValueError(f"{name} is no SVG that a page shows: {error}") from None
