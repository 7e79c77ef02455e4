"""All that JupyterHub is told: settings, and pure functions on its configuration."""

from .settings import Settings

__all__ = ["Settings"]
