"""How the hub counts its servers, which it does at every start."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from jupyterhub.user import UserDict

from primehub_spawner.base import PrimeHubSpawnerMixin, spawners_here


def count_servers_alone() -> None:
    """Let the hub go through the servers that there are, where it would go through everybody whom it knows.

    It keeps no books of them, for fear of errors; neither does this: whether a server counts is asked of it each time.
    """
    stock = UserDict.count_active_users
    if hasattr(stock, "stock"):
        return

    def count_active_users(self: Any) -> dict[str, int]:
        if not issubclass(self.settings.get("spawner_class", object), PrimeHubSpawnerMixin):
            counted: dict[str, int] = stock(self)
            return counted
        counts: dict[str, int] = defaultdict(int)
        for spawner in spawners_here():
            user = spawner.user
            # neither another hub's of this process, nor one that was replaced and is not collected yet
            if user.settings is not self.settings or user.spawners.get(spawner.name) is not spawner:
                continue
            pending = spawner.pending
            if pending:
                counts["pending"] += 1
                counts[f"{pending}_pending"] += 1
            if spawner.active:
                counts["active"] += 1
            if spawner.ready:
                counts["ready"] += 1
        return counts

    count_active_users.stock = stock  # type: ignore[attr-defined]
    UserDict.count_active_users = count_active_users
