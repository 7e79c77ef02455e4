"""Takes the values of secrets out of a workload's output before it is written anywhere. Standard library only.

It keeps mistakes from the log, such as ``env`` or a printed connection string. It is no wall against a program that
means to show its secret: that can print it in another form (base64, say).
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable
from typing import Protocol

MASK = b"[masked]"
SHORTEST = 4
"""bytes; shorter values would take half of an ordinary text away, and are no secrets"""
LONGEST = 1024
"""bytes; of a longer line each piece of about this length is masked by itself, so that little has to be held back"""
PATIENCE_S = 0.3
"""For so long the beginning of what may become a value waits for the rest."""


class Writer(Protocol):
    """What takes the output."""

    def write(self, data: bytes) -> None:
        """The next bytes."""


def needles(values: Iterable[str]) -> list[bytes]:
    """What is looked for: each line of each value, the longest first. A private key is printed line by line too."""
    found: set[bytes] = set()
    for value in values:
        for line in re.split(rb"[\r\n]+", value.encode(errors="surrogateescape")):
            text = line.strip()
            if len(text) >= SHORTEST:
                count = -(-len(text) // LONGEST)
                step = -(-len(text) // count)
                found.update(text[at : at + step] for at in range(0, len(text), step))
    return sorted((n for n in found if len(n) >= SHORTEST), key=lambda n: (-len(n), n))


class Masker:
    """Replaces needles in a stream, also where one is split over several reads."""

    def __init__(self, wanted: list[bytes]) -> None:
        self._wanted = wanted
        self._pattern = re.compile(b"|".join(re.escape(needle) for needle in wanted))
        self._tail = max(map(len, wanted), default=1) - 1
        self._firsts = {needle[:1] for needle in wanted}
        self._held = b""
        """The end of what came: the beginning of a needle, perhaps."""
        self._shown = 0
        """How much of it was passed on already, since the rest did not come in time."""

    @property
    def waiting(self) -> int:
        """Bytes that wait to be passed on."""
        return len(self._held) - self._shown

    @property
    def holding(self) -> bool:
        """Whether something waits to be passed on."""
        return self.waiting > 0

    def feed(self, data: bytes) -> bytes:
        """What of the output so far can be passed on."""
        text = self._held + data if self._held else data
        return self._pass_on(text, self._beginning(text))

    def flush(self) -> bytes:
        """What is held back. If the rest of a needle comes after all, that is masked."""
        held = self._held
        shown = self._pass_on(held, len(held))
        if held and MASK not in shown:
            self._held, self._shown = held, len(held)
        return shown

    def _pass_on(self, text: bytes, cut: int) -> bytes:
        """All before ``cut``, and needles that begin before it; the rest is held."""
        at = self._shown
        pieces = []
        if any(needle in text for needle in self._wanted):
            for match in self._pattern.finditer(text):
                if match.start() >= cut:
                    break
                pieces += [text[at : match.start()], MASK]
                at = match.end()
        end = max(cut, at)
        pieces.append(text[at:cut])
        self._held, self._shown = text[end:], max(0, self._shown - end)
        return b"".join(pieces) if len(pieces) > 1 else pieces[0]

    def _beginning(self, text: bytes) -> int:
        """Where the longest beginning of a needle at the end of ``text`` is; its length where there is none."""
        tail = text[-self._tail :] if self._tail else b""
        starts = [at for first in self._firsts if (at := tail.find(first)) >= 0]
        for at in range(min(starts, default=len(tail)), len(tail)):
            if tail[at : at + 1] in self._firsts and any(n.startswith(tail[at:]) for n in self._wanted):
                return len(text) - len(tail) + at
        return len(text)


class MaskingWriter:
    """Writes to ``target`` without the values. ``due`` is when ``flush_due`` wants to be called (monotonic), if ever."""

    def __init__(self, target: Writer, values: Iterable[str], *, clock: Callable[[], float] = time.monotonic) -> None:
        wanted = needles(values)
        self._target = target
        self._masker = Masker(wanted) if wanted else None
        self._clock = clock
        self.due: float | None = None

    @property
    def waiting(self) -> int:
        """Bytes at the end of what was written that wait to be passed on."""
        return self._masker.waiting if self._masker is not None else 0

    def write(self, data: bytes) -> None:
        """The next bytes."""
        if self._masker is None:
            self._target.write(data)
            return
        shown = self._masker.feed(data)
        if shown:
            self._target.write(shown)
        self.due = self._clock() + PATIENCE_S if self._masker.holding else None

    def flush_due(self) -> None:
        """Pass on what has waited long enough."""
        if self.due is not None and self._clock() >= self.due:
            self.flush()

    def flush(self) -> None:
        """Pass on what is held back."""
        self.due = None
        if self._masker is not None and self._masker.holding:
            self._target.write(self._masker.flush())
