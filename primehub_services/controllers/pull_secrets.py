"""On a cluster: gives its nodes the secrets that images are fetched with, as they are now."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from ..domain.pull_secrets import PullSecret
from ..store import secrets
from ..store.crypto import Keyring
from ..store.database import Database


class PullSecretPort(Protocol):
    """The cluster's own. Raises ``EngineUnavailable``."""

    async def keep(self, wanted: Sequence[PullSecret]) -> None:
        """Make there be these, and no others of ours."""


class PullSecretController:
    """Every minute, and when a secret changed."""

    name = "pull-secrets"
    interval = 60.0
    hints = frozenset({"secret"})

    def __init__(self, database: Database, pull_secrets: PullSecretPort, keyring: Keyring) -> None:
        self._database = database
        self._pull_secrets = pull_secrets
        self._keyring = keyring

    async def step(self, now: datetime) -> None:
        """Bring the cluster up to what is stored."""
        await self._pull_secrets.keep(await self._database.read(secrets.pull_secrets, self._keyring))
