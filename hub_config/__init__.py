"""All that JupyterHub is told: settings, and pure functions on its configuration (``hub_config.configure``)."""

from .settings import Settings

__all__ = ["Settings"]
