"""Logs by key. An offset counts every byte ever written, so that a reader can follow across what is not kept."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class LogChunk:
    """A piece of a log. A line in ``data`` stands for bytes that are not kept."""

    data: bytes
    start: int
    next_offset: int
    """Where to go on reading."""
    size: int
    """Bytes written so far."""


@dataclass(frozen=True, slots=True)
class LogLine:
    """A line that was searched for, without its end."""

    offset: int
    text: str


class LogStore(Protocol):
    """Kept logs. Keys are paths of words, such as ``notebooks/<start id>``. Methods block: call them in a thread.

    Reading what is not there is an empty log. Each keeps at most its cap: the beginning and the end.
    """

    def append(self, key: str, data: bytes) -> None:
        """Write at the end."""

    def put(self, key: str, pieces: Iterable[bytes]) -> None:
        """Write the whole log, in place of what is there: all of it, or nothing where this is cut off."""

    def read(self, key: str, offset: int, limit: int) -> LogChunk:
        """At most ``limit`` bytes from ``offset`` on; a negative offset counts from the end."""

    def size(self, key: str) -> int:
        """Bytes written so far."""

    def delete(self, key: str) -> None:
        """Forget the log; one that is not there is no error."""

    def exists(self, key: str) -> bool:
        """Whether anything was ever written."""


class LiveLogs(Protocol):
    """Logs of workloads that the engine still has."""

    def read(self, start_id: str, offset: int, limit: int) -> LogChunk | None:
        """As of ``LogStore``; None where the engine has no such workload."""


def notebook_key(start_id: str) -> str:
    """The key of a notebook's kept log."""
    return f"notebooks/{start_id}/log"


def build_key(image_id: str) -> str:
    """The key of the log of an image's latest build."""
    return f"images/{image_id}/log"


class NotebookLogs:
    """A notebook's log wherever it is: with the engine while it has the workload, else in the store."""

    def __init__(self, store: LogStore, live: LiveLogs | None = None) -> None:
        self._store = store
        self._live = live

    def read(self, start_id: str, offset: int, limit: int) -> LogChunk:
        """At most ``limit`` bytes from ``offset`` on; a negative offset counts from the end."""
        found = self._live.read(start_id, offset, limit) if self._live is not None else None
        return found or self._store.read(notebook_key(start_id), offset, limit)

    def tail(self, start_id: str, lines: int, *, most: int = PIECE) -> LogChunk:
        """The last lines, of ``most`` bytes at the most."""
        chunk = self.read(start_id, -most, most)
        kept = chunk.data.splitlines(keepends=True)
        if chunk.start > 0 and kept:
            kept = kept[1:]  # it may have begun in the middle of a line
        kept = kept[-lines:] if lines > 0 else []
        data = b"".join(kept)
        return LogChunk(data, max(chunk.start, chunk.next_offset - len(data)), chunk.next_offset, chunk.size)

    def search(self, start_id: str, text: str, *, limit: int = 1000) -> list[LogLine]:
        """The first lines that hold the text, in any case."""
        needle, rest, offset, begin = text.casefold(), b"", 0, 0
        found: list[LogLine] = []
        while len(found) < limit:
            chunk = self.read(start_id, offset, PIECE)
            ended = not chunk.data
            if ended and not rest:
                break
            # a gap's line counts as bytes of its own here; offsets after it are those of what follows
            begin = max(begin, chunk.next_offset - len(chunk.data) - len(rest)) if not ended else begin
            lines = (rest + chunk.data).splitlines(keepends=True)
            unended = lines and not lines[-1].endswith((b"\n", b"\r")) and len(lines[-1]) < PIECE
            rest = lines.pop() if not ended and unended else b""
            for line in lines:
                shown = line.decode(errors="replace").rstrip("\r\n")
                if needle in shown.casefold() and len(found) < limit:
                    found.append(LogLine(begin, shown))
                begin += len(line)
            if ended:
                break
            offset = chunk.next_offset
        return found
