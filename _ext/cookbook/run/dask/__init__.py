"""Runs recipes on a Dask cluster: the client, the worker plugin, and its host process.

Optional: it is imported only with ``EXECUTOR=tcp://...``, and needs ``distributed``.
"""
