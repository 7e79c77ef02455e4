"""Follows the file that a workload writes its output to: masks it, sends it, and gives the disk back behind it."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable

from primehub_services.sandbox.masking import MaskingWriter

PIECE = 512 * 1024
HEAD = 16 * 1024 * 1024
"""Bytes from the beginning that are always sent."""
BACKLOG = 8 * 1024 * 1024
"""Of what is not sent behind them. Who writes faster than it can be sent loses what is in the middle, as it would at the
platform, which keeps beginning and end."""
_HOLE = 4 * 1024 * 1024
_PUNCH = 0x03  # FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE

Send = Callable[[int, bytes], None]
"""Takes a piece of output with the number of bytes before it."""


class Output:
    """The output in ``path``. ``state`` is a file in which a sidecar that begins anew finds how far it was."""

    def __init__(self, path: str, state: str, masked: list[str], send: Send) -> None:
        self._path = path
        self._state = state
        self._send = send
        self._masking = MaskingWriter(self, masked)
        self._handle: int | None = None
        self._ready = bytearray()
        self._read = 0
        """Bytes of the file that were read."""
        self._sent = 0
        """Bytes of output before ``_ready``, counted as it is sent."""
        self._punched = 0
        with contextlib.suppress(OSError, ValueError, KeyError):
            with open(state, encoding="ascii") as file:
                known = json.load(file)
            self._read, self._sent = int(known["read"]), int(known["sent"])

    def write(self, data: bytes) -> None:
        """Masked output, from the masker."""
        self._ready += data

    def look(self) -> bool:
        """Send what there is, a piece at the most; whether there was anything."""
        data = self._next()
        if data:
            self._read += len(data)
            self._masking.write(data)
        else:
            self._masking.flush_due()
        return self._pass_on() or bool(data)

    def finish(self) -> None:
        """Send all that is left: nothing more is written."""
        while self.look():
            pass
        self._masking.flush()
        self._pass_on()

    def _next(self) -> bytes:
        if self._handle is None:
            with contextlib.suppress(OSError):
                self._handle = os.open(self._path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
        if self._handle is None:
            return b""
        behind = os.fstat(self._handle).st_size - self._read
        if self._read > HEAD and behind > BACKLOG:
            self._skip(behind - BACKLOG // 2)
        return os.pread(self._handle, PIECE, self._read) if behind > 0 else b""

    def _skip(self, count: int) -> None:
        self._masking.flush()
        self._pass_on()
        self._read += count
        self._sent += count
        self._free()

    def _pass_on(self) -> bool:
        if not self._ready:
            return False
        piece = bytes(self._ready)
        self._send(self._sent, piece)
        self._ready.clear()
        self._sent += len(piece)
        self._remember()
        self._free()
        return True

    @property
    def _done(self) -> int:
        """Bytes of the file that need not be read again: what the masker holds back goes with this process."""
        return self._read - self._masking.waiting

    def _remember(self) -> None:
        with contextlib.suppress(OSError):
            temporary = f"{self._state}.new"
            with open(temporary, "w", encoding="ascii") as file:
                json.dump({"read": self._done, "sent": self._sent}, file)
            os.replace(temporary, self._state)

    def _free(self) -> None:
        """Give back the disk of what was sent: the file goes on to grow, and takes no more than what was not."""
        end = self._done - self._done % 4096
        if self._handle is None or end - self._punched < _HOLE:
            return
        import ctypes

        libc = ctypes.CDLL(None, use_errno=True)
        libc.fallocate(self._handle, _PUNCH, ctypes.c_int64(self._punched), ctypes.c_int64(end - self._punched))
        self._punched = end
