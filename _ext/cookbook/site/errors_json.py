"""What the recipes know about messages, as JSON: for programs, and for the field on the pages.

``errors.json`` is documented in ``docs/errors-json.md``; ``_static/error-index.js`` has the same in a
script, so that the field works without a server.
"""

from __future__ import annotations

import json
from pathlib import Path

from sphinx.application import Sphinx

from cookbook.files import write_if_changed
from cookbook.site import diagnosis


def write(app: Sphinx, exception: Exception | None) -> None:
    """Write what the recipes know, for the field and for programs (``docs/errors-json.md``)."""
    if exception or app.builder.format != "html":
        return
    env = app.env
    entries = []
    for docname, one in diagnosis.all_of(env):
        other, anchor = diagnosis.target(env, docname, one.fix)
        other = other or docname  # reported
        title, heading = env.titles[other].astext(), diagnosis.headings(env, other).get(anchor, "")
        url = app.builder.get_target_uri(other) + (f"#{anchor}" if anchor else "")
        entries.append(
            {
                "cause": one.cause,
                "paste": one.code,
                "fix": {"url": url, "title": title, "section": heading},
                "message": one.messages,
                "missing": one.missing,
                "unexpected": one.unexpected,
                "except": one.exceptions,
                "traceback": one.traceback,
            }
        )
    printed = [error[0] for name in diagnosis.in_reading_order(env, "errors") for error in env.metadata[name]["errors"]]
    found = {"version": 1, "entries": entries, "messages": list(dict.fromkeys(printed))}
    write_if_changed(Path(app.outdir, "errors.json"), json.dumps(found, ensure_ascii=False, indent=1) + "\n")
    script = json.dumps(found, ensure_ascii=False, separators=(",", ":"))
    write_if_changed(Path(app.outdir, "_static/error-index.js"), f"const errorIndex = {script};\n")
