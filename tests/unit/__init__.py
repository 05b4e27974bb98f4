"""Tests of single functions, which build no site; a package, so that its files have the names of their targets."""
