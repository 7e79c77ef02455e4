"""Stands in for JupyterHub: what its server is made of."""
