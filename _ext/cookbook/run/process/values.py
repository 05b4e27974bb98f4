"""The value of a block's last expression: how much of it is output, and its HTML where ``_repr_html_`` is asked for.

An output in HTML is text as any other, so that nothing of it is markup before a page is made of it: a literal block
with the HTML in one line and what the value is as text below it.

    .. rst-class:: sphx-glr-script-out

     .. code-block:: html

        <div><table border="1" class="dataframe">...
           loss
        0  0.25
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from cookbook.run.process.text import clean

if TYPE_CHECKING:
    from collections.abc import Callable

    from cookbook.recipes.settings import Limits

#: What sphinx-gallery puts HTML into, in place of its own.
HEADER = ".. rst-class:: sphx-glr-script-out\n\n .. code-block:: html\n\n{0}\n"


def last_repr(stock: Callable[..., Any], limits: Limits) -> Callable[..., tuple[str | None, str | None]]:
    """Return sphinx-gallery's *stock* ``_get_last_repr`` with the limits of what is printed, and HTML with its text."""
    limit = limits["output"]

    def get_last_repr(methods: tuple[str, ...], value: Any) -> tuple[str | None, str | None]:
        text, method = stock(methods, value)
        text = text and clean(text)
        if text and len(text) > limit:
            if limits["overflow"] == "fail":
                raise RuntimeError(f"more than {limit:,} characters of output in one block")
            kept = "" if method == "_repr_html_" else text[:limit]
            return f"{kept}\n... (cut: {len(text) - len(kept):,} more characters)", "__repr__"
        if text and method == "_repr_html_":
            own = getattr(type(value), "__repr__", None) is not object.__repr__  # which is an address
            said = clean((own and stock(("__repr__",), value)[0]) or "")
            text = re.sub("<[^<>]*>", lambda tag: " ".join(tag[0].splitlines()), text.strip())
            text = f"{'&#10;'.join(text.splitlines())}\n{said[:limit]}"
        return text, method

    return get_last_repr
