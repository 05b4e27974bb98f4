"""All that runs in the process of a recipe; its digest is part of the key of every result.

Nothing here may import the rest of the package, so that the process imports no more than it needs.
"""
