"""The job queue."""

from __future__ import annotations

from typing import Any

from ..operations import queue_places
from .call import Call
from .registry import Run


async def _of_group(call: Call) -> Any:
    return await call.read(queue_places.of_group, call["group"], call.query, await call.context.capacity())


HANDLERS: dict[str, Run] = {"queue.of_group": _of_group}
