"""Who may say where a request came from: the proxy, which is known by its address, and nobody else."""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from collections.abc import Awaitable, Callable
from ipaddress import IPv4Address, ip_address, ip_network

from tornado.httputil import HTTPServerRequest

log = logging.getLogger(__name__)
KEPT_S = 10.0
"""Seconds for which addresses are not asked for anew."""
AT_LEAST_S = 1.0
"""And for one that is not among them: a proxy may have been started anew just now."""
Resolve = Callable[[str], Awaitable[frozenset[str]]]


async def addresses(name: str) -> frozenset[str]:
    """All addresses of a name. Raises ``OSError``."""
    found = await asyncio.get_running_loop().getaddrinfo(name, None, type=socket.SOCK_STREAM)
    return frozenset(str(address[0]) for *_, address in found)


class Proxies:
    """The pods of the proxy, by a name of which each has an address. Without a name whoever asks is taken for one.

    So it is on one machine, where a workload's connection comes from the address that the proxy's comes from.
    """

    def __init__(
        self, name: str = "", resolve: Resolve = addresses, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._name = name
        self._resolve = resolve
        self._clock = clock
        self._known: frozenset[str] = frozenset()
        self._asked_at = -KEPT_S

    async def origin(self, request: HTTPServerRequest) -> str:
        """Where a request comes from: what the proxy wrote last, else the peer's own address.

        Of IPv6 the network of 64 bits: that is what one household or one machine has, with more addresses than all others.
        """
        peer = _peer(request)
        if not await self._is_proxy(peer):
            return _place(peer)
        return _place(request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip() or peer)

    async def _is_proxy(self, peer: str) -> bool:
        if not self._name:
            return True
        age = self._clock() - self._asked_at
        if age > KEPT_S or (peer not in self._known and age > AT_LEAST_S):
            self._asked_at = self._clock()
            try:
                self._known = await self._resolve(self._name)
            except OSError as error:
                log.warning("the addresses of %s are not known just now: %s", self._name, error)
        return peer in self._known


def _place(address: str) -> str:
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(found, IPv4Address):
        return str(found)
    return str(found.ipv4_mapped or ip_network((found, 64), strict=False))


def _peer(request: HTTPServerRequest) -> str:
    """The address of the other end of the connection, whatever headers say."""
    address = getattr(getattr(request.connection, "context", None), "address", None)
    return str(address[0]).removeprefix("::ffff:") if address else ""
