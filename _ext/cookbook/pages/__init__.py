"""What each page shows: cards, tags, links, outputs, images, provenance, navigation.

This is step four of a build; :mod:`cookbook.site` makes the files that need all pages.
"""
