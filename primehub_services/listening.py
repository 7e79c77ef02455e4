"""Where a service of the hub listens: ``JUPYTERHUB_SERVICE_URL`` says it, as the hub's own addresses do."""

from __future__ import annotations

from urllib.parse import urlsplit

LOOPBACK = "127.0.0.1"


def host_of(url: str) -> str:
    """What to bind: of ``http://:8092`` the empty host, which is every address, IPv4 and IPv6 alike, as far as the kernel
    has them; without a URL this machine's own."""
    return urlsplit(url).hostname or "" if url else LOOPBACK
