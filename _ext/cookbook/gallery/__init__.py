"""How sphinx-gallery makes a page around a result, and what readers download of it.

Step three on the path of a recipe; :mod:`cookbook.pages` shapes what Sphinx reads and writes.
"""
