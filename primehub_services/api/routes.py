"""What the gateway is told."""

from __future__ import annotations

from typing import Any

from ..operations import routes
from .call import Call
from .registry import Run, read


async def _table(call: Call) -> Any:
    found = await call.read(routes.table)
    call.tag(found.version)
    return found


HANDLERS: dict[str, Run] = {"routes.table": _table, "routes.caller": read(routes.caller)}
