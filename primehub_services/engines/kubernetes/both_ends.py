"""A long text of which both ends are kept, as of the logs that the platform keeps itself."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BothEnds:
    """What a log had when it was read; the middle of a long one is missing."""

    head: bytes
    tail: bytes
    """Empty where nothing is missing."""
    size: int
    """Bytes of the whole."""

    def pieces(self) -> list[tuple[int, bytes]]:
        """What there is, each piece with its offset."""
        found = [(0, self.head), (self.size - len(self.tail), self.tail)]
        return [(offset, piece) for offset, piece in found if piece]

    def read(self, offset: int, limit: int) -> tuple[int, bytes]:
        """At most ``limit`` bytes from ``offset``, or from the next byte that there is, and where they begin."""
        for begin, piece in self.pieces():
            if offset < begin + len(piece):
                start = max(offset, begin)
                return start, piece[start - begin : start - begin + limit]
        return self.size, b""


async def both_ends(text: AsyncIterator[bytes], most: int) -> BothEnds:
    """Read all of it, and hold at most about ``most`` bytes at any time: half from the beginning, half from the end."""
    head, size, held = bytearray(), 0, 0
    tail: deque[bytes] = deque()
    async for piece in text:
        size += len(piece)
        room = most // 2 - len(head)
        head += piece[: max(0, room)]
        rest = piece[max(0, room) :]
        if rest:
            tail.append(rest)
            held += len(rest)
        while tail and held - len(tail[0]) >= most // 2:
            held -= len(tail.popleft())
    return BothEnds(bytes(head), b"".join(tail), size)
