"""What the site has besides its pages: search, error index, ``llms.txt``, styles and scripts.

The last step on the path of a recipe.
"""
