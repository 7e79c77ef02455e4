"""Processes for what anybody has sent."""

from __future__ import annotations

import asyncio

from primehub_services import limited
from tests.support.waiting import wait_for_async


async def test_one_that_says_more_than_anybody_reads_is_ended_all_the_same() -> None:
    process = await limited.start("-c", "while True: print('x' * 100_000)")
    assert process.stdout is not None
    await process.stdout.read(1)
    # full: nothing more is taken from the pipe. A name that asyncio keeps to itself, and nothing else tells it
    reader = vars(process.stdout)
    await wait_for_async(lambda: reader["_paused"], 30, what="the reader is full")
    async with asyncio.timeout(30):
        await limited.end(process)
    assert process.returncode == -9
