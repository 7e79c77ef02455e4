"""What of a request is passed on to a workload, and what of its answer comes back. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from ..domain.routes import Route

Header = tuple[str, str]
HOP_BY_HOP = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
CREDENTIALS = frozenset({"authorization", "cookie", "x-xsrftoken"})
"""Of the hub and the portal: a workload is somebody's program, and could use them."""
NOT_PASSED = frozenset({"expect", "forwarded", "x-real-ip"})
NOT_PASSED_PREFIXES = ("x-forwarded-", "x-primehub-", "x-jupyterhub-")
"""What only we say, so that a workload can believe it."""
NOT_RETURNED = frozenset(
    {
        "access-control-allow-credentials",
        "alt-svc",
        "clear-site-data",
        "date",
        "server",
        "service-worker-allowed",
        "set-cookie",
        "strict-transport-security",
    }
)
"""What would be about the whole site, the hub and the portal included."""
SANDBOX = "sandbox allow-downloads allow-forms allow-modals allow-popups allow-scripts"
"""A page of somebody's is of no origin: it cannot act as the portal's, though it comes from the same address."""
COOKIE_MARK = "primehub-gateway."
"""Begins the names of workloads' own cookies, followed by their route; no other cookie goes to a workload."""


@dataclass(frozen=True, slots=True)
class Visitor:
    """Where a request comes from, as the proxy in front of us saw it."""

    address: str
    scheme: str
    host: str


def visitor(headers: Mapping[str, str], peer: str) -> Visitor:
    """Who asks. Of several values the last one is the proxy's own; the others are what it was told."""
    address = _last(headers.get("X-Forwarded-For", ""))
    scheme = _last(headers.get("X-Forwarded-Proto", ""))
    return Visitor(
        address if _is_address(address) else peer,
        scheme if scheme in ("http", "https") else "http",
        headers.get("Host", ""),
    )


def _last(value: str) -> str:
    return value.rpartition(",")[2].strip()


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def to_workload(headers: Iterable[Header], route: Route, root: str, who: Visitor, *, upgrade: bool) -> list[Header]:
    """The headers that the workload gets. ``root`` is the gateway's own address, without a slash at its end."""
    given = list(headers)
    dropped = HOP_BY_HOP | CREDENTIALS | NOT_PASSED | _named_by_connection(given)
    passed = [
        (name, value)
        for name, value in given
        if name.lower() not in dropped and not name.lower().startswith(NOT_PASSED_PREFIXES)
    ]
    lower = {name.lower(): value for name, value in given}
    if "chunked" in lower.get("transfer-encoding", "").lower():
        passed.append(("Transfer-Encoding", "chunked"))
    if upgrade:
        passed += [("Connection", "Upgrade"), ("Upgrade", "websocket")]
    if cookies := "; ".join(_own_cookies(lower.get("cookie", ""), route)):
        passed.append(("Cookie", cookies))
    return [
        *passed,
        ("X-Forwarded-For", who.address),
        ("X-Forwarded-Proto", who.scheme),
        ("X-Forwarded-Host", who.host),
        ("X-Forwarded-Prefix", root + route.prefix.rstrip("/")),
    ]


def from_workload(headers: Iterable[Header], route: Route, root: str) -> list[Header]:
    """The headers that the visitor gets."""
    given = list(headers)
    dropped = HOP_BY_HOP | NOT_RETURNED | _named_by_connection(given)
    returned = [
        (name, _returned_place(value, route, root) if name.lower() in ("location", "content-location") else value)
        for name, value in given
        if name.lower() not in dropped
    ]
    returned += [("Set-Cookie", _confined(value, route, root)) for name, value in given if name.lower() == "set-cookie"]
    return [*returned, ("Content-Security-Policy", SANDBOX), ("X-Content-Type-Options", "nosniff")]


def is_same_site(headers: Mapping[str, str]) -> bool:
    """Whether a browser says that a page of this very address sent it, or the person by hand."""
    told = headers.get("Sec-Fetch-Site")
    if told is not None:
        return told in ("same-origin", "none")
    origin = headers.get("Origin", "")
    return bool(origin) and urlsplit(origin).netloc == headers.get("Host")


def wants_page(headers: Mapping[str, str], method: str | None) -> bool:
    """Whether a person looks at a page, in a browser."""
    mode = headers.get("Sec-Fetch-Mode", "navigate")
    return method in ("GET", "HEAD") and mode == "navigate" and "text/html" in headers.get("Accept", "")


def _named_by_connection(headers: Iterable[Header]) -> frozenset[str]:
    values = [value for name, value in headers if name.lower() == "connection"]
    return frozenset(word.strip().lower() for value in values for word in value.split(","))


def _mark(route: Route) -> str:
    return f"{COOKIE_MARK}{route.id}."


def _own_cookies(header: str, route: Route) -> Iterator[str]:
    """The workload's own, without our mark. Those that its browser holds for others are none of its business."""
    mark = _mark(route)
    for part in header.split(";"):
        if part.strip().startswith(mark):
            yield part.strip().removeprefix(mark)


def _confined(value: str, route: Route, root: str) -> str:
    """A cookie of a workload: marked as its own, and sent back to its own address alone."""
    pair, *attributes = (part.strip() for part in value.split(";"))
    kept = [a for a in attributes if a.partition("=")[0].strip().lower() not in ("domain", "path")]
    return "; ".join([_mark(route) + pair, *kept, f"Path={root}{route.prefix}"])


def _returned_place(value: str, route: Route, root: str) -> str:
    """Where a workload sends its visitor, as seen from outside; another site, and a relative place, as they are."""
    target, place = urlsplit(route.target), urlsplit(value)
    if place.netloc and place.netloc != target.netloc:
        return value
    if not place.path.startswith("/") or place.path.startswith(root + route.prefix):
        return value
    inner = place.path.removeprefix(target.path.rstrip("/")).lstrip("/")
    query = f"?{place.query}" if place.query else ""
    fragment = f"#{place.fragment}" if place.fragment else ""
    return f"{root}{route.prefix}{inner}{query}{fragment}"
