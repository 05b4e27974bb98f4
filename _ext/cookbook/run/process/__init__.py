"""The code that runs in the process of a recipe; its digest is part of every cache key.

It imports nothing else of this package at run time, so that the process imports only what it needs.
"""
