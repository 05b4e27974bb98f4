"""How a recipe is found: its file, its settings, what it depends on.

Step one on the path of a recipe; :mod:`cookbook.run` executes what is found here.
"""
