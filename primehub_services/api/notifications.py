"""What a person is told of, and how."""

from __future__ import annotations

import asyncio
from typing import Any

from ..operations import notifications, platform
from .call import Call
from .registry import Run

PATIENCE = 15.0
"""Seconds that a test waits for its messages to be sent; what takes longer is tried on."""
_LOOK = 0.2


async def _get(call: Call) -> Any:
    return await call.read(notifications.get, email_available=call.context.email_available)


async def _put(call: Call) -> Any:
    context = call.context
    return await call.write(
        notifications.put, call.body, keyring=context.keyring, email_available=context.email_available
    )


async def _mail_server(call: Call) -> Any:
    await call.read(platform.require_admin)
    return call.context.mail_server


async def _test_email(call: Call) -> Any:
    available = call.context.email_available
    return await _sent(call, await call.write(notifications.begin_email_test, email_available=available))


async def _test(call: Call) -> Any:
    return await _sent(call, await call.write(notifications.begin_test))


async def _sent(call: Call, ids: list[str]) -> Any:
    loop = asyncio.get_running_loop()
    until = loop.time() + PATIENCE
    while True:
        result, over = await call.read(notifications.tested, ids)
        if over or loop.time() > until:
            return result
        await asyncio.sleep(_LOOK)


HANDLERS: dict[str, Run] = {
    "notifications.get": _get,
    "notifications.put": _put,
    "notifications.test": _test,
    "email.get": _mail_server,
    "email.test": _test_email,
}
