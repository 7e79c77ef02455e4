"""What the gateway is told."""

from __future__ import annotations

from typing import Any

from ..operations import routes
from .call import Call
from .registry import Run, read


async def _table(call: Call) -> Any:
    found = await call.read(routes.table)
    tag = f'"{found.version}"'
    call.handler.set_header("ETag", tag)
    if call.handler.request.headers.get("If-None-Match") == tag:
        call.handler.set_status(304)
        call.handler.finish()
    return found


HANDLERS: dict[str, Run] = {"routes.table": _table, "routes.caller": read(routes.caller)}
