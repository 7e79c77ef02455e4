"""JupyterHub's REST API: the only package that calls it."""

from .client import HubClient, HubRefusal, HubServer, HubToken, HubUnavailable, StartResult

__all__ = ["HubClient", "HubRefusal", "HubServer", "HubToken", "HubUnavailable", "StartResult"]
