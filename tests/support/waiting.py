"""Waiting for a condition, never for a time."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")
INTERVAL = 0.02


def wait_for(condition: Callable[[], T], timeout: float = 10, *, what: str = "", every: float = INTERVAL) -> T:
    """The condition's first true value. Fails, naming it, when ``timeout`` seconds have passed.

    ``every``: seconds between two looks; more of them where each costs something and most are in vain.
    """
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(_message(condition, what, timeout, value))
        time.sleep(every)


async def wait_for_async(
    condition: Callable[[], T | Awaitable[T]],
    timeout: float = 10,  # noqa: ASYNC109 - a failure must name the condition
    *,
    what: str = "",
) -> T:
    """``wait_for`` on the event loop; the condition may be a coroutine function."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        result: T = await value if inspect.isawaitable(value) else value
        if result:
            return result
        if time.monotonic() > deadline:
            raise AssertionError(_message(condition, what, timeout, result))
        await asyncio.sleep(INTERVAL)


def _message(condition: object, what: str, timeout: float, last: object) -> str:
    name = what or getattr(condition, "__name__", repr(condition))
    return f"not within {timeout} s: {name} (last value: {last!r})"
