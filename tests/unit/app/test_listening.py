"""Where a service listens."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

import pytest
from tornado.netutil import bind_sockets

from primehub_services.listening import host_of

EVERY_ADDRESS = "http://:8092/services/primehub/"


def ipv6() -> bool:
    """Whether this kernel has it, and a loopback of it."""
    with suppress(OSError), socket.socket(socket.AF_INET6) as probe:
        probe.bind(("::1", 0))
        return True
    return False


@contextmanager
def listening(host: str) -> Iterator[int]:
    """Sockets as the service binds them; their port."""
    with ExitStack() as stack:
        bound = [stack.enter_context(found) for found in bind_sockets(0, host)]
        yield bound[0].getsockname()[1]


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("", "127.0.0.1"),
        ("http://127.0.0.1:8092/services/primehub/", "127.0.0.1"),
        ("http://[::1]:8092/services/primehub/", "::1"),
        (EVERY_ADDRESS, ""),
    ],
)
def test_it_listens_where_its_url_says_and_without_one_on_its_own_machine(url: str, host: str) -> None:
    assert host_of(url) == host


def test_a_url_without_a_host_is_heard_by_ipv4_and_where_there_is_ipv6_by_that() -> None:
    with listening(host_of(EVERY_ADDRESS)) as port:
        for address in ("127.0.0.1", "::1") if ipv6() else ("127.0.0.1",):
            socket.create_connection((address, port), timeout=5).close()


def test_a_url_without_a_host_is_heard_where_the_kernel_has_no_ipv6(monkeypatch: pytest.MonkeyPatch) -> None:
    known = socket.socket

    def without(family: int, *more: int) -> socket.socket:
        if family == socket.AF_INET6:
            raise OSError(97, "Address family not supported by protocol")
        return known(family, *more)

    monkeypatch.setattr("tornado.netutil.socket.socket", without)
    bound = bind_sockets(0, host_of(EVERY_ADDRESS))
    assert [found.family for found in bound] == [socket.AF_INET]
    bound[0].close()
