"""What each page shows: cards, tags, links, outputs, images, provenance, navigation.

Step four on the path of a recipe; :mod:`cookbook.site` makes what needs all pages.
"""
