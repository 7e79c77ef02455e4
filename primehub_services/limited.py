"""A process of our own for what somebody who may mean ill has sent: it may take little time, memory and nothing else."""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import signal
import sys
from pathlib import Path
from typing import IO

MEMORY = 2 * 1024**3
CPU_S = 25
NOBODY = 65534


def restrict() -> None:
    """In the process, at its start: no more memory and processor than that, and the first to go where memory ends."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")


def give_up_rights() -> None:
    """In the process, once everything is loaded and before anything is read: no files, no processes, nobody."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
    if os.geteuid() == 0:
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)


async def start(*arguments: str, stdin: int | IO[bytes] = asyncio.subprocess.PIPE) -> asyncio.subprocess.Process:
    """Python with these arguments; its standard output is a pipe. Whoever starts it calls ``end``."""
    return await asyncio.create_subprocess_exec(
        sys.executable,
        *arguments,
        stdin=stdin,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        # nothing of ours: no token, no address of a database
        env={"PATH": os.environ.get("PATH", ""), "LANG": "C.UTF-8", "HOME": "/nonexistent"},
        start_new_session=True,
    )


async def end(process: asyncio.subprocess.Process) -> None:
    """Kill it where it still runs."""
    with contextlib.suppress(ProcessLookupError):
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
    # asyncio calls a process over once its pipes are, and one whose reader was full is read no further by itself
    while process.stdout is not None and await process.stdout.read(1 << 16):
        pass
    await process.wait()
