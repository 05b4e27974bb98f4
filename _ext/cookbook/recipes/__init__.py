"""Finds the recipes: their files, settings and dependencies.

The first step from a recipe to its page; :mod:`cookbook.run` is the next.
"""
