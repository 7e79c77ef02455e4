"""Keeps the folders of volumes: makes those of kind pvc, and has repositories fetched again and again."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Protocol

from ..domain.secrets import SecretKind
from ..domain.volumes import GitSource, KeptVolume, PvcSource
from ..engines.base import VolumeFailed
from ..store import secrets, volumes
from ..store.crypto import Keyring, KeyringError
from ..store.database import Database
from .runner import Every

log = logging.getLogger(__name__)
FETCH_EVERY = timedelta(seconds=600)
FIRST_RETRY = timedelta(seconds=15)
"""After a failure; twice as long after each further one, up to ``FETCH_EVERY``."""
AT_ONCE = 4
"""Repositories that are fetched at the same time."""


class VolumePort(Protocol):
    """The engine's way to volumes. Both raise ``VolumeFailed``."""

    async def provision(self, slug: str) -> None:
        """Make the folder, or find it made."""

    async def fetch(self, slug: str, source: GitSource, secret: str | None) -> str:
        """Make the volume show the newest commit; returns its id. Cancelling ends it."""


@dataclass(slots=True)
class _Kept:
    """What this process knows of one volume. A new process begins with nothing: everything is due."""

    volume: KeptVolume
    rest: Every = field(default_factory=lambda: Every(FETCH_EVERY))
    failures: int = 0
    task: asyncio.Task[None] | None = None


class VolumeController:
    """Every five seconds, and when something changed. A repository that is slow holds up no other volume.

    ``repositories_only``: somebody else makes the folders.
    """

    name = "volumes"
    interval = 5.0
    hints = frozenset({"volume", "secret"})

    def __init__(
        self,
        database: Database,
        volumes: VolumePort,
        keyring: Keyring,
        *,
        repositories_only: bool = False,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._database = database
        self._volumes = volumes
        self._keyring = keyring
        self._repositories_only = repositories_only
        self._clock = clock
        self._kept: dict[str, _Kept] = {}
        self._slots = asyncio.Semaphore(AT_ONCE)

    async def step(self, now: datetime) -> None:
        """Begin what is due; it goes on after the step."""
        known = await self._database.read(volumes.kept)
        wanted = {v.id: v for v in known if isinstance(v.source, GitSource) or not self._repositories_only}
        for volume_id in self._kept.keys() - wanted.keys():
            self._stop(self._kept.pop(volume_id))
        for volume in wanted.values():
            kept = self._kept.get(volume.id)
            if kept is not None and kept.volume != volume:
                # another source or another secret: what was going on is of no use
                self._stop(kept)
                kept = None
            if kept is None:
                kept = self._kept[volume.id] = _Kept(volume)
            if kept.task is None and kept.rest.due(now):
                kept.task = asyncio.create_task(self._keep(kept))

    async def idle(self) -> None:
        """Return when nothing that was begun goes on."""
        while tasks := [kept.task for kept in self._kept.values() if kept.task is not None]:
            await asyncio.wait(tasks)

    def _stop(self, kept: _Kept) -> None:
        if kept.task is not None:
            kept.task.cancel()

    async def _keep(self, kept: _Kept) -> None:
        try:
            async with self._slots:
                failure = await self._do(kept.volume)
            kept.failures = 0 if failure is None else kept.failures + 1
        except Exception:
            kept.failures += 1
            log.exception("the volume %s cannot be kept", kept.volume.slug)
        finally:
            kept.task = None
        kept.rest.pause = FETCH_EVERY
        if kept.failures:
            kept.rest.pause = min(FETCH_EVERY, FIRST_RETRY * 2 ** min(kept.failures - 1, 10))
        kept.rest.done(self._clock())  # it may have taken an hour

    async def _do(self, volume: KeptVolume) -> str | None:
        """Bring one volume up to date and write down how it went; why it failed, or None."""
        try:
            if isinstance(volume.source, PvcSource):
                await self._volumes.provision(volume.slug)
                await self._database.write(volumes.report, volume.id, "")
            else:
                secret = await self._secret(volume)
                commit = await self._volumes.fetch(volume.slug, volume.source, secret)
                await self._database.write(volumes.fetched, volume, commit)
        except VolumeFailed as failure:
            log.warning("the volume %s: %s", volume.slug, failure)
            if isinstance(volume.source, PvcSource):
                await self._database.write(volumes.report, volume.id, str(failure))
            else:
                await self._database.write(volumes.fetch_failed, volume, str(failure))
            return str(failure)
        return None

    async def _secret(self, volume: KeptVolume) -> str | None:
        assert isinstance(volume.source, GitSource)
        if volume.source.secret is None:
            return None
        # members read this; which secret it is, is for who may name one
        gone = f"The secret of kind {SecretKind.GIT.value} that it names is not there any more. Name another."
        if volume.secret is None:
            raise VolumeFailed(gone)
        try:
            value = await self._database.read(secrets.secret_value, self._keyring, volume.secret)
        except KeyringError as error:
            msg = f"The secret that it names cannot be decrypted: {error}"
            raise VolumeFailed(msg) from error
        if value is None:
            raise VolumeFailed(gone)
        return value.get_secret_value()
