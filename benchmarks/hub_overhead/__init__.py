"""Spawns per second beside a plain JupyterHub of the same version, the same no-op launch on both sides."""
