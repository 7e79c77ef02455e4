"""What a notebook server is, whatever runs it: its first process, and how it is known to answer."""

from __future__ import annotations

import asyncio
from pathlib import Path

NOTEBOOK_MAIN = Path(__file__).with_name("notebook_main.py").read_text()
KERNELS = "--KernelManager.transport=ipc"
"""Output on a TCP port could be read by every other process that shares the loopback."""
LOOK_EVERY = 0.1
"""Seconds between two looks at a server that starts or stops."""
LAST_WORDS = 2000
"""Bytes of the log that a failure quotes from."""
SAFE_MODE = "If something in your home folder is the reason, start in safe mode and mend it."
_FULL = ("No space left on device", "Disk quota exceeded")


def disk_full(log: str) -> str:
    """What to do where a server's last words say that there is no room for its files; empty where they do not."""
    if any(words in log for words in _FULL):
        return "There is no room left for your files. Start in safe mode, delete what you do not need, and start again."
    return ""


def ended_text(how: str, log: str) -> str:
    """That a server ended before it answered, with the end of its log."""
    last = log.splitlines()[-1][:300] if log else "nothing"
    return f"The server ended while it started ({how}). The last line of its log: {last} {SAFE_MODE}"


async def answers(host: str, port: int, path: str) -> bool:
    """Whether something on the port speaks HTTP, whatever it says."""
    try:
        async with asyncio.timeout(5):
            reader, writer = await asyncio.open_connection(host, port)
            try:
                writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
                await writer.drain()
                return (await reader.readline()).startswith(b"HTTP/")
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return False
