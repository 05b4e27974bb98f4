"""Executes recipes, on this machine or on a cluster, and caches their results.

The second step from a recipe to its page; :mod:`cookbook.gallery` is the next.
"""
