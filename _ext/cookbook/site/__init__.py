"""What the site has besides its pages: search, error index, ``llms.txt``, styles and scripts.

This is the last step of a build.
"""
