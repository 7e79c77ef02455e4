"""Which routes there are: asked of the API again and again, kept in memory and in a file."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import tempfile
import time
from enum import StrEnum
from pathlib import Path

from pydantic import ValidationError

from ..client.base import ApiProblem
from ..client.routes import RoutesClient
from ..domain.routes import Route, Routes, RouteTable

log = logging.getLogger("primehub.gateway")
POLL = 2.0
"""Seconds between two questions. What has not changed is answered without a table."""
STALE = 15.0
"""Seconds without an answer after which the table may be an old one."""


class TableState(StrEnum):
    """How the table is."""

    CURRENT = "current"
    KEPT = "kept"
    """The API does not answer: what it said last is served."""
    NONE = "none"
    """It has never answered, here or before the last restart."""


class TableKeeper:
    """The table as far as it is known."""

    def __init__(self, api: RoutesClient, file: Path) -> None:
        self._api = api
        self._file = file
        self._heard: float | None = None
        self._routes: Routes | None = None
        self.changed = asyncio.Event()
        """Set with each new table; who waits for it clears it."""

    @property
    def state(self) -> TableState:
        """How the table is."""
        if self._routes is None:
            return TableState.NONE
        fresh = self._heard is not None and time.monotonic() - self._heard < STALE
        return TableState.CURRENT if fresh else TableState.KEPT

    @property
    def routes(self) -> tuple[Route, ...]:
        """All routes that are known."""
        return () if self._routes is None else self._routes.table.routes

    def find(self, path: str) -> Route | None:
        """See ``Routes.find``."""
        return None if self._routes is None else self._routes.find(path)

    def load(self) -> None:
        """Begin with what was known before the last end."""
        try:
            self._take(RouteTable.model_validate_json(self._file.read_bytes()))
        except FileNotFoundError:
            return
        except (OSError, ValidationError) as error:
            log.warning("%s cannot be read, and is left alone: %s", self._file, type(error).__name__)

    async def run(self) -> None:
        """Ask until cancelled."""
        told = False
        while True:
            try:
                await self.ask()
                told = False
            except ApiProblem as problem:
                if not told:
                    log.warning("the API does not tell the routes: %s", problem.detail)
                told = True
            except Exception:
                log.exception("the routes cannot be kept")
            await asyncio.sleep(POLL)

    async def ask(self) -> None:
        """Ask once. Raises ``ApiProblem``."""
        known = "" if self._routes is None else self._routes.table.version
        found = await self._api.table(known)
        self._heard = time.monotonic()
        if found is not None:
            self._take(found)
            await asyncio.to_thread(self._keep, found)

    def _take(self, table: RouteTable) -> None:
        self._routes = Routes(table)
        self.changed.set()
        log.info("%d routes", len(table.routes))

    def _keep(self, table: RouteTable) -> None:
        """Whole or not at all; a disk that is full costs only the next start its table."""
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            handle, temporary = tempfile.mkstemp(dir=self._file.parent)
            try:
                with os.fdopen(handle, "w") as file:
                    file.write(table.model_dump_json())
                os.replace(temporary, self._file)
            except OSError:
                with contextlib.suppress(OSError):
                    os.unlink(temporary)
                raise
        except OSError as error:
            log.warning("%s cannot be written: %s", self._file, error.strerror)
