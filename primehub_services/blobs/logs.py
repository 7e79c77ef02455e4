"""Logs by key. An offset counts every byte ever written, so that a reader can follow across what is not kept."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

PIECE = 1 << 20
MATCHES = 1000
"""Lines that a search names at most."""


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

    def put(self, key: str, pieces: Iterable[tuple[int, bytes]]) -> None:
        """Write the whole log, in place of what is there: all of it, or nothing where this is cut off.

        Each piece comes with its offset, in their order; where they leave a gap, the log has it too.
        """

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

    def read(self, workload: str, offset: int, limit: int) -> LogChunk | None:
        """As of ``LogStore``; None where the engine has no such workload, also where it lost it while it was read."""


@dataclass(frozen=True, slots=True)
class LogOf:
    """Whose log."""

    workload: str | None
    """The engine's key; null for what no engine runs."""
    key: str
    """The store's."""


def notebook_folder(start_id: str) -> str:
    """Below which everything is that is kept of a notebook's start."""
    return f"notebooks/{start_id}"


def notebook_key(start_id: str) -> str:
    """The key of a notebook's kept log."""
    return f"{notebook_folder(start_id)}/log"


def attempt_folder(job: str, number: int) -> str:
    """Below which everything is that is kept of an attempt of a job."""
    return f"jobs/{job}/{number}"


def attempt_key(job: str, number: int) -> str:
    """The key of an attempt's kept log."""
    return f"{attempt_folder(job, number)}/log"


def build_folder(image_id: str) -> str:
    """Below which everything is that is kept of an image's builds."""
    return f"images/{image_id}"


def build_key(image_id: str, build: int) -> str:
    """The key of the log of an image's build, each of which begins a new one."""
    return f"{build_folder(image_id)}/{build}"


def of_notebook(start_id: str) -> LogOf:
    """A notebook's log."""
    return LogOf(start_id, notebook_key(start_id))


def of_attempt(job: str, number: int, workload: str) -> LogOf:
    """The log of an attempt of a job."""
    return LogOf(workload, attempt_key(job, number))


def of_build(image_id: str, build: int) -> LogOf:
    """The log of an image's build."""
    return LogOf(None, build_key(image_id, build))


class WorkloadLogs:
    """A workload's log wherever it is: with the engine while it has the workload, else in the store.

    It is put into the store before the engine drops it, and its offsets stay: whoever follows it does not notice.
    """

    def __init__(self, store: LogStore, live: LiveLogs | None = None) -> None:
        self._store = store
        self._live = live

    def read(self, log: LogOf, offset: int, limit: int) -> LogChunk:
        """At most ``limit`` bytes from ``offset`` on; a negative offset counts from the end."""
        found = None
        if self._live is not None and log.workload is not None:
            found = self._live.read(log.workload, offset, limit)
        return found or self._store.read(log.key, offset, limit)

    def tail(self, log: LogOf, lines: int, *, most: int = PIECE) -> LogChunk:
        """The last lines, of ``most`` bytes at the most."""
        chunk = self.read(log, -most, most)
        kept = chunk.data.splitlines(keepends=True)
        if chunk.start > 0 and kept:
            kept = kept[1:]  # it may have begun in the middle of a line
        kept = kept[-lines:] if lines > 0 else []
        data = b"".join(kept)
        return LogChunk(data, max(chunk.start, chunk.next_offset - len(data)), chunk.next_offset, chunk.size)

    def search(self, log: LogOf, text: str, *, limit: int = MATCHES) -> tuple[list[LogLine], bool]:
        """The first lines that hold the text, in any case, and whether there are more."""
        needle, rest, offset, begin = text.casefold(), b"", 0, 0
        found: list[LogLine] = []
        while len(found) <= limit:
            chunk = self.read(log, offset, PIECE)
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
                if needle in shown.casefold() and len(found) <= limit:
                    found.append(LogLine(begin, shown))
                begin += len(line)
            if ended:
                break
            offset = chunk.next_offset
        return found[:limit], len(found) > limit
