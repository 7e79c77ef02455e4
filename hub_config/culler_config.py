"""The idle culler's configuration file: every decision is PrimeHub's."""

from hub_config.culling import arbiter

c = get_config()  # type: ignore[name-defined]  # noqa: F821 - given by traitlets
c.IdleCuller.cull_arbiter_hook = arbiter()
c.IdleCuller.cull_users = False
