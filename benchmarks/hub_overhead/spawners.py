"""A launch that costs nothing, with and without PrimeHub: every server is the one answering stub."""

from __future__ import annotations

import os
from typing import Any

from jupyterhub.spawner import Spawner

from primehub_services.domain.launch import LaunchPlan
from primehub_spawner.base import PrimeHubSpawnerMixin

STUB = os.environ.get("BENCHMARK_STUB", "")


class NoopSpawner(Spawner):
    """Runs nothing; remembers whether it would."""

    running = False

    async def start(self) -> str:
        """The stub's address."""
        self.get_env()
        self.get_args()
        self.running = True
        return STUB

    async def stop(self, now: bool = False) -> None:
        """Forget it."""
        self.running = False

    async def poll(self) -> int | None:
        """Whether it would run."""
        return None if self.running else 0


class NoopPrimeHubSpawner(PrimeHubSpawnerMixin, NoopSpawner):
    """The same, with all that PrimeHub does around a start."""

    async def launch(self, plan: LaunchPlan) -> str:
        """The plan's server, that is the stub."""
        return await NoopSpawner.start(self)

    async def halt(self, *, now: bool) -> None:
        """Forget it."""
        self.running = False

    async def gone(self, start_id: str) -> bool:
        """It is gone once it is stopped."""
        return not self.running

    async def ending(self, start_id: str) -> tuple[int | None, str]:
        """As if it had ended well."""
        return 0, ""

    def get_state(self) -> dict[str, Any]:
        """The start id alone."""
        return super().get_state()
