"""Since when parts of the platform have not been well."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from .replies import Part, State

if TYPE_CHECKING:
    from .context import ApiContext

log = logging.getLogger("primehub.troubles")
LOOK = 30.0
"""Seconds between two looks while nobody asks: by so much a beginning may be said late."""


class Troubles:
    """Remembers when each part was first seen not to be well, until it is well again."""

    def __init__(self) -> None:
        self._since: dict[str, datetime] = {}

    def mark(self, parts: Sequence[Part], now: datetime) -> tuple[Part, ...]:
        """The parts as they are now, each that is not well with its beginning."""
        self._since = {p.name: self._since.get(p.name, now) for p in parts if p.status is State.DEGRADED}
        return tuple(p.model_copy(update={"since": self._since.get(p.name)}) for p in parts)


async def watch(context: ApiContext) -> None:
    """Look at all parts until cancelled, so that a beginning is known before somebody asks."""
    from .system import parts

    while True:
        try:
            await parts(context)
        except Exception:
            log.exception("the parts of the platform cannot be looked at")
        await asyncio.sleep(LOOK)
