"""Pages that are out of date although Sphinx does not notice.

Sphinx reads a page again if its file, or a file that it depends on, is *newer* than the last
build. It then shows, until ``make clean``,

- the old text of files that have an old time, as ``cp -p`` and rsync give them: here the content
  decides;
- links to pages that have got another title, or are gone.

Templates are part of ``html_context``, by their content, because a change of the configuration
makes Sphinx write all pages again.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from docutils import nodes
from sphinx import addnodes
from sphinx.util import docname_join

from cookbook.state import state_of

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.config import Config
    from sphinx.environment import BuildEnvironment


def add_templates(app: Sphinx, config: Config) -> None:
    """Put a digest of the templates into ``html_context``."""
    found = hashlib.sha256()
    for folder in config.templates_path:
        for path in sorted(Path(app.srcdir, folder).rglob("*")):
            if path.is_file():
                found.update(f"{path.name}\0".encode() + path.read_bytes())
    context = {**config.html_context, "templates": found.hexdigest()}
    config.html_context = context  # type: ignore[attr-defined]


def _digests(env: BuildEnvironment) -> dict[str, str]:
    """Return the SHA-256 of the files of all pages, and of those that they depend on; "" for a missing one."""
    paths = {str(env.doc2path(name, base=False)) for name in env.found_docs}
    paths.update(*(env.dependencies[name] for name in env.found_docs if name in env.dependencies))
    files = {path: Path(env.srcdir, path) for path in paths}
    return {
        path: hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else "" for path, file in files.items()
    }


def find(app: Sphinx, env: BuildEnvironment, added: set[str], changed: set[str], removed: set[str]) -> list[str]:
    """Return the pages to read again."""
    state = state_of(env)
    found = _digests(env)
    edited = {path for path, digest in found.items() if state.digests.get(path) != digest}
    return [
        name
        for name in env.found_docs
        if env.doc2path(name, base=False) in edited
        or not edited.isdisjoint(env.dependencies.get(name, ()))
        or not removed.isdisjoint(env.toctree_includes.get(name, ()))
    ]


def collect_references(app: Sphinx, doctree: nodes.document) -> None:
    """Store the references of a page that was read to other pages in its metadata."""
    env = app.env
    references = {
        (
            xref["reftype"],
            docname_join(env.docname, xref["reftarget"]) if xref["reftype"] == "doc" else xref["reftarget"],
        )
        for xref in doctree.findall(addnodes.pending_xref)
        if xref.get("refdomain") == "std" and xref["reftype"] in ("ref", "doc")
    }
    if references:
        env.metadata[env.docname]["references"] = sorted(references)


def update(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """Record what pages were read from; return those whose references lead to something else than before."""
    state, std = state_of(env), env.domains["std"]
    labels: dict[str, Any] = {**std.anonlabels, **std.labels}

    def target(kind: str, name: str) -> Any:
        if kind == "doc":
            return env.titles[name].astext() if name in env.titles else None
        return labels.get(name)

    before = state.references
    state.references = {
        name: [target(*reference) for reference in env.metadata[name].get("references", ())] for name in env.found_docs
    }
    state.digests = _digests(env)
    return [name for name, targets in state.references.items() if before.get(name, targets) != targets]
