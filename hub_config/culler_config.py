"""The idle culler's configuration file: every decision is PrimeHub's."""

from hub_config.culling import arbiter, end_with_parent

end_with_parent()
c = get_config()  # type: ignore[name-defined]  # noqa: F821 - given by traitlets
c.IdleCuller.cull_arbiter_hook = arbiter()
c.IdleCuller.cull_users = False
