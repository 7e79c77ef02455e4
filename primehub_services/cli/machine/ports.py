"""The public port, and the ports inside the machine, which stay the same from start to start."""

from __future__ import annotations

import errno
import json
import random
import socket
from collections.abc import Mapping
from pathlib import Path

import psutil

from ...own_command import own_command
from .errors import StartError
from .folders import Folders, write_private

INTERNAL = ("hub_port", "services_port", "proxy_api_port", "gateway_port")
# below the range that systems hand out for outgoing connections, so that a port is still free at the next start
_FIRST, _LAST = 18_000, 31_999


def is_free(host: str, port: int) -> bool:
    """Whether a server could listen there now."""
    return not _refused(host, port)


def _refused(host: str, port: int) -> int:
    """Why a server could not listen there, as the system's number for it; 0 where it could."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        # as servers do: a port whose old connections are closing is free
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OSError as error:
            return error.errno or errno.EINVAL
    return 0


def check_public(host: str, port: int) -> None:
    """Raises ``StartError`` where the address cannot be listened on, naming what holds it where that is known."""
    if is_free(host, port):
        return
    if not _is_local(host):
        msg = f"{host} is no address of this machine."
        raise StartError(msg, "Give one of its addresses with --host, or 0.0.0.0 for all of them.")
    if _refused(host, port) == errno.EACCES:
        msg = f"Only root may listen on port {port}."
        raise StartError(msg, f"Choose a port from 1024 on: {own_command()} up --port {_suggest(host, port)}")
    holder = holder_of(port)
    msg = f"Port {port} is taken{f' by {holder}' if holder else ' by another program'}."
    fix = f"Stop that program, or choose another port: {own_command()} up --port {_suggest(host, port)}"
    raise StartError(msg, fix)


def _is_local(host: str) -> bool:
    return is_free(host, 0)


def _suggest(host: str, port: int) -> int:
    start = port + 1 if port >= 1024 else 8000
    return next((p for p in range(start, min(start + 100, 65536)) if is_free(host, p)), 0)


def holder_of(port: int) -> str | None:
    """Who listens on the port, in words: the program and its process id; None where that cannot be seen."""
    try:
        connections = psutil.net_connections("tcp")
    except (psutil.Error, OSError):
        return None
    for connection in connections:
        here = connection.laddr
        if connection.status == psutil.CONN_LISTEN and here and here.port == port and connection.pid:
            try:
                process = psutil.Process(connection.pid)
                return f"{process.name()} (process {process.pid} of {process.username()})"
            except psutil.Error:
                return f"process {connection.pid}"
    return None


def _file(folders: Folders) -> Path:
    return folders.run / "ports.json"


def last(folders: Folders) -> dict[str, int]:
    """The ports of the last start; empty before the first."""
    try:
        kept = json.loads(_file(folders).read_text())
    except (OSError, ValueError):
        return {}
    if not isinstance(kept, dict):
        return {}
    return {name: port for name, port in kept.items() if isinstance(port, int)}


def assign(folders: Folders, fixed: Mapping[str, int], *, ours: frozenset[int] = frozenset()) -> dict[str, int]:
    """A port for each internal server: the configured one, the last start's, or a free one; kept for the next start.

    ``ours`` are ports that our own running processes listen on, which count as free. Raises ``StartError`` where a
    configured one is taken.
    """
    kept = last(folders)
    chosen: dict[str, int] = {}
    for name in INTERNAL:
        if fixed.get(name):
            chosen[name] = fixed[name]
            if chosen[name] not in ours and not is_free("127.0.0.1", chosen[name]):
                msg = f"Port {chosen[name]}, which the setting {name} names, is taken by {holder_of(chosen[name])}."
                raise StartError(msg, f"Choose another for {name}, or leave it out: a free one is found then.")
            continue
        before = kept.get(name, 0)
        if before and before not in chosen.values() and (before in ours or is_free("127.0.0.1", before)):
            chosen[name] = before
        else:
            chosen[name] = _free(frozenset(chosen.values()) | frozenset(fixed.values()))
    write_private(_file(folders), json.dumps(chosen))
    return chosen


def _free(taken: frozenset[int]) -> int:
    for port in random.SystemRandom().sample(range(_FIRST, _LAST + 1), 500):
        if port not in taken and is_free("127.0.0.1", port):
            return port
    msg = f"No free port between {_FIRST} and {_LAST} on 127.0.0.1."
    raise StartError(msg, "Stop some of the programs that listen there.")
