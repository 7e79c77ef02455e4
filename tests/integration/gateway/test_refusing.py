"""What becomes of a connection by which something was asked that is not passed on."""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

import pytest

from primehub_services.gateway.handler import DRAINED

from .conftest import PREFIX, World

BROWSER = "Accept: text/html\r\nSec-Fetch-Mode: navigate\r\n"


async def answered(reader: asyncio.StreamReader) -> tuple[int, str]:
    """Status and head of an answer, read to its end."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    length = next(int(line.split(":")[1]) for line in head.splitlines() if line.lower().startswith("content-length"))
    await reader.readexactly(length)
    return int(head.split()[1]), head


def request(world: World, method: str, path: str, headers: str = "") -> bytes:
    host = urlsplit(world.gateway).netloc
    return f"{method} {PREFIX}{path} HTTP/1.1\r\nHost: {host}\r\n{headers}\r\n".encode()


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("GET", "/research/iris/", "", 401),
        ("GET", "/research/iris/", BROWSER, 302),
        ("GET", "/research/open", "", 308),
        ("POST", "/research/iris/", f"Content-Length: {DRAINED}\r\n", 401),
    ],
)
async def test_who_was_refused_may_ask_again_by_the_same_connection(
    world: World, method: str, path: str, headers: str, status: int
) -> None:
    world.deploy("/research/open/", access="public")
    await world.told()
    where = urlsplit(world.gateway)
    reader, writer = await asyncio.open_connection(where.hostname, where.port)
    body = b"x" * DRAINED if "Content-Length" in headers else b""
    for _ in range(2):
        writer.write(request(world, method, path, headers) + body)
        assert (await answered(reader))[0] == status
    writer.close()


@pytest.mark.parametrize("announced", [f"Content-Length: {DRAINED + 1}", "Transfer-Encoding: chunked"])
async def test_who_would_send_much_is_refused_at_once_and_told_that_the_connection_ends(
    world: World, announced: str
) -> None:
    where = urlsplit(world.gateway)
    reader, writer = await asyncio.open_connection(where.hostname, where.port)
    writer.write(request(world, "POST", "/research/iris/", f"{announced}\r\n"))
    status, head = await answered(reader)
    assert (status, "connection: close" in head.lower()) == (401, True)
    assert await reader.read() == b""
    writer.close()
