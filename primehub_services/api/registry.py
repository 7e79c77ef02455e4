"""From a route's name to what it does. Most routes are one operation in one transaction."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from ..domain.model import Model
from .call import Call

Run = Callable[[Call], Awaitable[Any]]


def _arguments(call: Call) -> tuple[Any, ...]:
    given: list[Any] = [call.path[name] for name in call.route.parameters]
    given += [m for m in (call.body, call.query) if isinstance(m, Model)]
    return tuple(given)


def read(operation: Callable[..., Any]) -> Run:
    """Run ``operation(uow, actor, *path parameters, body or query)`` in a read transaction."""

    async def run(call: Call) -> Any:
        return await call.read(operation, *_arguments(call))

    return run


def write(operation: Callable[..., Any]) -> Run:
    """Run ``operation(uow, actor, *path parameters, body or query)`` in a write transaction."""

    async def run(call: Call) -> Any:
        return await call.write(operation, *_arguments(call))

    return run


def read_of_group(operation: Callable[..., Any]) -> Run:
    """Run a list operation whose ``group`` is a keyword."""

    async def run(call: Call) -> Any:
        return await call.read(operation, call.query, group=call.query.group)

    return run
