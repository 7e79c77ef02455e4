"""A server that gives a repository over ssh to whoever has the right key."""

from __future__ import annotations

import asyncio
import shlex
import threading
from asyncio.subprocess import PIPE
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import asyncssh

from .repository import Repository


def new_key(kind: str = "ssh-ed25519") -> asyncssh.SSHKey:
    """A pair of keys."""
    return asyncssh.generate_private_key(kind)


def private_text(key: asyncssh.SSHKey) -> str:
    """The private half as OpenSSH writes it: what a secret of kind git holds."""
    return key.export_private_key().decode()


def known_host(key: asyncssh.SSHKey, address: str, port: int) -> str:
    """The line of OpenSSH's `known_hosts` that says that this server has this key."""
    return f"[{address}]:{port} {key.export_public_key().decode().strip()}"


async def _pass_on(source: Any, to: Any) -> None:
    while data := await source.read(1 << 16):
        to.write(data)
        await to.drain()


@contextmanager
def ssh_server(
    repository: Repository,
    person: asyncssh.SSHKey,
    own: asyncssh.SSHKey,
    *,
    address: str = "127.0.0.1",
    port: int = 0,
    asked: Callable[[], None] = lambda: None,
) -> Iterator[tuple[str, int]]:
    """The URL of the repository and the port, on a server whose own key is ``own`` and that lets ``person`` in.

    ``asked`` is called, in a thread, before each answer.
    """

    async def answer(process: asyncssh.SSHServerProcess[bytes]) -> None:
        program = shlex.split(process.command or "nothing")[0]
        if program != "git-upload-pack":
            process.exit(1)
            return
        await asyncio.to_thread(asked)
        git = await asyncio.create_subprocess_exec("git", "upload-pack", str(repository.bare), stdin=PIPE, stdout=PIPE)
        assert git.stdin is not None
        assert git.stdout is not None
        listening = asyncio.create_task(_pass_on(process.stdin, git.stdin))
        await _pass_on(git.stdout, process.stdout)
        listening.cancel()
        process.exit(await git.wait())

    async def listen() -> asyncssh.SSHAcceptor:
        allowed = asyncssh.import_authorized_keys(person.export_public_key().decode())
        return await asyncssh.listen(
            address, port, server_host_keys=[own], authorized_client_keys=allowed, process_factory=answer, encoding=None
        )

    async def close(server: asyncssh.SSHAcceptor) -> None:
        server.close()
        await server.wait_closed()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    server = asyncio.run_coroutine_threadsafe(listen(), loop).result(10)
    try:
        found = int(server.get_port())
        yield f"ssh://git@{address}:{found}/project.git", found
    finally:
        asyncio.run_coroutine_threadsafe(close(server), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()
