"""How a recipe is executed, here or on a cluster, and how its result is kept.

Step two on the path of a recipe; :mod:`cookbook.gallery` makes its page.
"""
