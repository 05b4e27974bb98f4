"""The Sphinx extension that builds the state_dict cookbook.

A recipe is found (:mod:`cookbook.recipes`) and run (:mod:`cookbook.run`); sphinx-gallery makes
its page around the result (:mod:`cookbook.gallery`), Sphinx reads and writes the page
(:mod:`cookbook.pages`), and some files are made from all pages (:mod:`cookbook.site`).
:func:`setup` connects all event handlers in the order in which they run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from sphinx.application import Sphinx


def setup(app: Sphinx) -> dict[str, Any]:
    """Set up the extension."""
    # Imported here: the process of a recipe imports this package too, and needs none of them.
    import gc

    from docutils import nodes

    from cookbook import console, lock, memory, options, problems
    from cookbook.build import Build, digest
    from cookbook.gallery import archives, attachment, downloads, locations
    from cookbook.pages import (
        api_links,
        cards,
        cells,
        failures,
        head,
        images,
        navigation,
        outdated,
        outputs,
        provenance,
        references,
        related,
        repository,
        tags,
    )
    from cookbook.recipes import find
    from cookbook.run import execute, rules
    from cookbook.site import assets, diagnosis, error_index, errors_json, linkcheck, llms, search, serve, styles

    # A build allocates millions of long-lived nodes: collect less often (docs/decisions/garbage.md).
    gc.set_threshold(10_000)

    console.install(app)
    build = Build(app)
    lock.explain_os_errors(app)
    lock.make_folders(app)
    problems.collect(app)
    build.attachment = attachment.Attachment(build)

    app.add_config_value("recipe_tags", [], "env", [list])
    app.add_config_value("recipe_rules", [], "", [list])
    app.add_config_value("repository", "", "html", str)
    app.add_config_value("repository_branch", "main", "html", str)
    app.add_directive("diagnosis", diagnosis.DiagnosisDirective)
    app.add_directive("error-index", error_index.ErrorIndex)
    app.add_directive("fold", cells.Fold)
    app.add_directive("minigallery", cards.MiniGallery, override=True)
    app.add_node(diagnosis.diagnosis)
    app.add_node(error_index.error_index)
    app.add_node(cells.fold, html=(cells.visit_fold, cells.depart_fold))
    app.add_node(cells.place, html=(cells.visit_place, cells.depart_place))
    app.add_node(nodes.image, override=True, html=(images.visit_image, images.depart_image))
    app.add_node(nodes.literal_block, override=True, html=(outputs.visit_literal_block, outputs.depart_literal_block))
    app.add_post_transform(api_links.ImportLinks)
    app.add_source_parser(locations.Parser, override=True)

    handlers: tuple[tuple[str, int, Callable[..., Any]], ...] = (
        # The configuration is read: one build at a time.
        ("config-inited", 5, options.check),  # before sphinx-gallery adds its defaults
        ("config-inited", 100, lock.begin_build),
        ("config-inited", 500, assets.leave_out_packages),
        ("config-inited", 500, head.check),
        ("config-inited", 500, outdated.add_templates),
        ("config-inited", 500, repository.check),
        ("config-inited", 500, rules.check),
        ("builder-inited", 50, lock.refuse_foreign_folder),
        ("builder-inited", 100, linkcheck.check_network),
        # Recipes are found and executed before sphinx-gallery makes its pages (500).
        ("builder-inited", 400, find.find_recipes),
        ("builder-inited", 405, find.delete_removed),
        ("builder-inited", 410, tags.check_tags),
        ("builder-inited", 420, execute.execute),
        ("builder-inited", 490, lock.mark_unfinished),
        ("builder-inited", 600, attachment.detach),
        ("builder-inited", 900, lambda app: gc.freeze()),
        # Sphinx reads the pages that changed.
        ("env-get-outdated", 500, failures.outdated),
        ("env-get-outdated", 500, outdated.find),
        ("env-get-outdated", 500, provenance.outdated),
        ("env-before-read-docs", 500, downloads.record_read),
        ("source-read", 500, archives.add_links),
        ("source-read", 500, memory.drop_documents),
        ("doctree-read", 300, outputs.classify),  # before those that look for text
        ("doctree-read", 400, diagnosis.collect),
        ("doctree-read", 400, error_index.collect),
        ("doctree-read", 450, cards.rewrite_cards),  # before Sphinx collects the images (500)
        ("doctree-read", 450, cells.shape),
        ("doctree-read", 500, api_links.depend_on_inventories),
        ("doctree-read", 500, llms.store_promise),
        ("doctree-read", 500, outdated.collect_references),
        ("doctree-read", 500, search.collect_text),
        ("doctree-read", 500, tags.store_tags),
        ("doctree-read", 600, failures.mark),  # after those that look for the promise
        # All pages are read: files made from them, and other pages that have to be written again.
        ("env-updated", 500, error_index.update),
        ("env-updated", 500, images.name_files),
        ("env-updated", 500, navigation.find_neighbors),
        ("env-updated", 500, related.find_related),
        ("env-updated", 500, downloads.make),
        ("env-updated", 500, outdated.update),  # after downloads, on which no page then depends
        # Pages are written.
        ("warn-missing-reference", 400, references.explain),  # before Sphinx's own words
        ("doctree-resolved", 500, error_index.resolve),
        ("doctree-resolved", 500, tags.link_tags),
        ("html-page-context", 500, head.add_head),
        ("html-page-context", 500, llms.write_page),
        ("html-page-context", 500, memory.drop_documents),
        ("html-page-context", 500, navigation.add_gallery_sections),
        ("html-page-context", 500, provenance.add_provenance),
        ("html-page-context", 500, related.add_related),
        ("html-page-context", 600, repository.add_links),  # after provenance
        # All pages are written: the files of the site, then the summary of problems.
        ("build-finished", 500, attachment.detach),
        ("build-finished", 500, assets.delete_removed),
        ("build-finished", 500, errors_json.write),
        ("build-finished", 500, head.write_sitemap),
        ("build-finished", 500, llms.write_list),
        ("build-finished", 500, search.write_index),
        ("build-finished", 900, problems.summarize),
        ("build-finished", 950, styles.write_stylesheet),
        ("build-finished", 960, assets.tidy),
        ("build-finished", 970, serve.allow_reload),
        ("build-finished", 1000, lock.end_build),
    )
    for event, priority, handler in handlers:
        app.connect(event, handler, priority)
    return {"env_version": digest(), "parallel_read_safe": True, "parallel_write_safe": True}
