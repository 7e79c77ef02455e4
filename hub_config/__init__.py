"""All that JupyterHub is told: settings, and pure functions on its configuration."""

from .settings import Settings

__all__ = ["Settings", "configure"]


def __getattr__(name: str) -> object:
    """``configure`` is loaded when it is asked for: the settings alone need no JupyterHub."""
    if name == "configure":
        from .configure import configure

        return configure
    raise AttributeError(name)
