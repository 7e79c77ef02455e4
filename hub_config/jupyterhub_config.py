"""The hub's configuration file: ``jupyterhub -f`` this. Everything is in ``configure``."""

from hub_config.configure import configure
from hub_config.settings import Settings

configure(get_config(), Settings.load())  # type: ignore[name-defined]  # noqa: F821 - given by traitlets
