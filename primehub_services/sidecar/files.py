"""Sends what a workload leaves in its scratch home: while it runs what has settled, in the end all that is kept."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from urllib.parse import quote

from primehub_services.sandbox.scratch import Counted, LeftOut, Scratch, Unreadable, refusal

from .api import Api, Refused

ARTIFACTS = "artifacts"
SMALL_FILES = (".primehub/progress.json", ".primehub/result.json")
"""What a notebook's runner says of itself; written whole, so that they may be read at any time."""
SMALL = 1 << 20
SETTLED_S = 2.0
"""A file that was changed later than so long ago is still being written, perhaps."""
LIVE = 32 * 1024 * 1024
"""Bytes of the largest file that is sent before the end."""
TRIES = 5

Mark = tuple[int, int]
"""By which one sees that a file has changed: size and modification."""


@dataclass(frozen=True)
class Limits:
    """How much is kept."""

    size: int
    files: int


class Files:
    """The files of one workload. ``root`` is what the workload calls ``home``."""

    def __init__(self, home: str, root: str, api: Api, limits: Limits) -> None:
        # a folder of this pod alone, in which no link can show another's; and its workload may be anybody, or several
        self._scratch = Scratch(home, None, root)
        self._api = api
        self._limits = limits
        self._sent: dict[str, Mark] = {}
        self.left_out = LeftOut()

    def look_at_small(self) -> None:
        """Send what the runner says of itself, where it has changed."""
        for path in SMALL_FILES:
            with self._scratch.opened(path) as handle:
                # some lines: what is longer was not written by the runner
                if handle is not None and os.fstat(handle).st_size <= SMALL:
                    self._send(path, handle)

    def look(self, *, final: bool = False) -> None:
        """Send what is new below ``artifacts`` and forget what is gone; the last time, whatever was said of it."""
        left_out, taken, room = LeftOut(), set[str](), self._limits.size
        with self._scratch.folder(ARTIFACTS, left_out) as top:
            if top is not None:
                for path, handle in self._scratch.walk(top, ARTIFACTS, left_out):
                    size = os.fstat(handle).st_size
                    most = {"most": self._limits.files, "most_bytes": self._limits.size}
                    reason = refusal(size, len(taken), room, **most) or self._take(path, handle, final=final)
                    if reason:
                        left_out.add(path, reason)
                        continue
                    taken.add(f"{ARTIFACTS}/{path}")
                    room -= size
        for path in [path for path in self._sent if path.startswith(f"{ARTIFACTS}/") and path not in taken]:
            self._api.send("DELETE", f"/files/{quote(path)}")
            del self._sent[path]
        self.left_out = left_out

    def _take(self, path: str, handle: int, *, final: bool) -> str:
        """Send one file, if it is time to; why it cannot be kept."""
        found = os.fstat(handle)
        if not final and (found.st_size > LIVE or time.time() - found.st_mtime < SETTLED_S):
            return ""
        try:
            return self._send(f"{ARTIFACTS}/{path}", handle, tries=TRIES if final else 1)
        except Unreadable as error:
            return str(error)

    def _send(self, path: str, handle: int, tries: int = 1) -> str:
        found = os.fstat(handle)
        mark = (found.st_size, found.st_mtime_ns)
        if self._sent.get(path) == mark:
            return ""
        place = f"/files/{quote(path)}?modified={max(0.0, found.st_mtime):.6f}"
        for number in range(tries):
            try:
                # a connection that was closed meanwhile is no reason to give a file up
                if self._api.send_pieces("PUT", place, iter(Counted(handle, found.st_size))):
                    self._sent[path] = mark
                    return ""
            except Refused as error:
                return f"it was not taken: {error}"
            if number + 1 < tries:
                self._api.pause(number)
        return "it could not be sent" if tries > 1 else ""
