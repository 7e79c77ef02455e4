"""Kills of a controller's step at any line: what it had in memory is gone, what it had committed is not."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from types import FrameType
from typing import Any

from primehub_services.store.database import Database


class KilledError(BaseException):
    """As a signal would, this passes everything that handles errors."""


class InlineDatabase(Database):
    """Runs every transaction in the calling thread, where its lines can be counted."""

    async def read(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        return self.read_now(function, *args, **kwargs)

    async def write(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        return self.write_now(function, *args, **kwargs)


async def killed_at(line: int, step: Callable[[], Awaitable[Any]], *, within: tuple[str, ...]) -> bool:
    """Run ``step`` until it is about to run its ``line``-th line in files whose paths have one of ``within``.

    Whether it was killed; else it came to its end.
    """
    left = line

    def lines(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal left
        if event == "line":
            left -= 1
            if left < 0:
                raise KilledError
        return lines

    def calls(frame: FrameType, event: str, argument: Any) -> Any:
        return lines if any(part in frame.f_code.co_filename for part in within) else None

    before = sys.gettrace()
    sys.settrace(calls)
    try:
        await step()
    except KilledError:
        return True
    finally:
        sys.settrace(before)
    return False
