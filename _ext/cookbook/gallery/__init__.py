"""sphinx-gallery makes a page around each result; then the files that readers download are made.

This is step three of a build; :mod:`cookbook.pages` shapes what Sphinx reads and writes.
"""
