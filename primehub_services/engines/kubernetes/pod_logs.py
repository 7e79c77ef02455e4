"""The lines of a container's log as a node gives them, each with the moment at which it was written."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

_LINE = re.compile(rb"^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d) ")
_SECOND = 1_000_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class LogLine:
    """A line, or what stands for one."""

    at: int
    """Nanoseconds since 1970."""
    text: bytes
    """With its end."""


def since(after: int) -> dict[str, str]:
    """The query for what was written after this moment. Nodes look at whole seconds, so it is for more than that."""
    moment = _EPOCH + timedelta(seconds=after // _SECOND)
    return {"timestamps": "true"} | ({"sinceTime": moment.isoformat().replace("+00:00", "Z")} if after else {})


async def lines_after(pieces: AsyncIterator[bytes], after: int, *, unended: bool) -> AsyncIterator[LogLine]:
    """The lines that were written after this moment; one without an end at the end only where it will not go on."""
    rest, at = b"", 0
    async for piece in pieces:
        # by line feeds alone: a progress bar goes back with carriage returns
        *lines, rest = (rest + piece).split(b"\n")
        for text in lines:
            found, at = _line(text + b"\n", at)
            if found is not None and found.at > after:
                yield found
    if rest and unended:
        found, at = _line(rest, at)
        if found is not None and found.at > after:
            yield found


def _line(text: bytes, before: int) -> tuple[LogLine | None, int]:
    """A line with its moment. One without goes on with the line before; where there is none, a node says that it has
    no log."""
    match = _LINE.match(text)
    if match is None:
        return (LogLine(before, text) if before else None), before
    seconds = datetime.fromisoformat((match[1] + match[3].replace(b"Z", b"+00:00")).decode()).timestamp()
    at = int(seconds) * _SECOND + int((match[2] or b"0").ljust(9, b"0"))
    return LogLine(at, text[match.end() :]), at
