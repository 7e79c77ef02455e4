"""Webhooks: where they may go, how they are signed, what is sent. Pure.

A webhook is a request that the platform makes for somebody, from inside: it goes to public addresses alone, and to
networks that the administrators name. The address is checked after the name is resolved, and connected to as checked.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Collection
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Any
from urllib.parse import urlsplit

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
_NAT64 = IPv6Network("64:ff9b::/96")
_UNICAST = IPv6Network("2000::/3")
"""Public IPv6 addresses are all in it. Others that count as global are of a site, or stand for an IPv4 address."""


class WebhookRefused(Exception):
    """The webhook may not go there; the text says why."""


def embedded(address: Address) -> Address:
    """The IPv4 address that an IPv6 one stands for, where it stands for one: a way around a check of the other."""
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if address.sixtofour is not None:
            return address.sixtofour
        if address.teredo is not None:
            return address.teredo[1]
        if address in _NAT64:
            return IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def check(url: str, addresses: Collection[Address], *, own: Collection[Address], allowed: Collection[Network]) -> None:
    """Raises ``WebhookRefused`` unless every address that the name has may be asked.

    ``own`` are this machine's. Plain HTTP is for ``allowed`` networks alone.
    """
    plain = urlsplit(url).scheme != "https"
    for found in addresses:
        address = embedded(found)
        if any(address in network for network in allowed if network.version == address.version):
            continue
        if plain:
            msg = "The webhook's address must begin with https://."
            raise WebhookRefused(msg)
        public = address.is_global and not address.is_multicast and (address.version == 4 or address in _UNICAST)
        if not public or address in own or found in own:
            msg = "The webhook's address leads inside; only public addresses may be asked. Ask an administrator."
            raise WebhookRefused(msg)
    if not addresses:
        msg = "The webhook's host is not known."
        raise WebhookRefused(msg)


def body(notification_id: str, content: dict[str, Any], link: str) -> bytes:
    """What is sent: the same bytes at each try."""
    return json.dumps({"delivery": notification_id, **content, "link": link}, sort_keys=True).encode()


def signature(secret: str, sent: bytes) -> str:
    """The value of ``PrimeHub-Signature``: HMAC-SHA256 of the body."""
    return f"sha256={hmac.new(secret.encode(), sent, hashlib.sha256).hexdigest()}"


def request(url: str, sent: bytes, headers: dict[str, str]) -> bytes:
    """The bytes of one POST whose connection ends with its answer."""
    parts = urlsplit(url)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    host = parts.netloc
    lines = [f"POST {path} HTTP/1.1", f"Host: {host}", "Connection: close", f"Content-Length: {len(sent)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode("ascii") + sent
