"""Recipes on the machines of a Dask cluster: the build's side, the worker's, the host process.

Optional: only ``EXECUTOR=tcp://...`` imports it, and needs ``distributed``.
"""
