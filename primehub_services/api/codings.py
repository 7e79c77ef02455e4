"""In which codings an answer may be sent (RFC 9110, section 12.5.3)."""

from __future__ import annotations

import asyncio
import gzip
import re

_REFUSED = re.compile(r"q=0(\.0*)?")
WORTH = 1024
"""Bytes below which a smaller answer would not arrive any sooner."""
LONG = 256 * 1024
"""Bytes from which a body is made smaller in a thread, so that nobody else waits for it."""
_LEVEL = 1
"""Rows are much alike: the quickest level makes a tenth of them, and no other list waits for it."""


def accepts_coding(accepted: str, coding: str) -> bool:
    """Whether a request with this ``Accept-Encoding`` takes that content coding."""
    for part in accepted.lower().split(","):
        name, _, weight = part.partition(";")
        if name.strip() == coding:
            return _REFUSED.fullmatch(weight.strip()) is None
    return False


async def smaller(body: bytes, accepted: str) -> bytes | None:
    """The body by gzip, where the request takes that and it is worth it; else None."""
    if len(body) < WORTH or not accepts_coding(accepted, "gzip"):
        return None
    return await asyncio.to_thread(_packed, body) if len(body) >= LONG else _packed(body)


def _packed(body: bytes) -> bytes:
    return gzip.compress(body, _LEVEL, mtime=0)
