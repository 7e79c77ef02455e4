"""Where webhooks may go."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest

from primehub_services.domain import webhooks
from primehub_services.domain.webhooks import WebhookRefused

URL = "https://hooks.example.org/a"
PUBLIC = "93.184.216.34"
INSIDE = (
    "127.0.0.1",
    "0.0.0.0",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "224.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "fe80::1",
    "fd00::1",
    "ff02::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:0:10.0.0.1",
    "::10.0.0.1",
    "64:ff9b:1::10.0.0.1",
    "fec0::1",
    "64:ff9b::7f00:1",
    "2002:7f00:1::",
)


def check(*addresses: str, url: str = URL, own: str = "", allowed: str = "") -> None:
    webhooks.check(
        url,
        [ip_address(address) for address in addresses],
        own=[ip_address(own)] if own else [],
        allowed=[ip_network(allowed)] if allowed else [],
    )


@pytest.mark.parametrize("address", [PUBLIC, "2606:2800:220:1:248:1893:25c8:1946"])
def test_public_addresses_may_be_asked(address: str) -> None:
    check(address)


@pytest.mark.parametrize("address", INSIDE)
def test_addresses_inside_may_not(address: str) -> None:
    with pytest.raises(WebhookRefused, match="inside"):
        check(address)
    with pytest.raises(WebhookRefused, match="inside"):  # nor where another address of the name is public
        check(PUBLIC, address)


def test_this_machines_public_address_is_inside() -> None:
    with pytest.raises(WebhookRefused, match="inside"):
        check(PUBLIC, own=PUBLIC)


def test_networks_that_administrators_name_may_be_asked_without_tls_too() -> None:
    check("10.1.2.3", url="http://inner/", allowed="10.1.2.0/24")
    with pytest.raises(WebhookRefused, match="inside"):
        check("10.1.3.3", allowed="10.1.2.0/24")
    with pytest.raises(WebhookRefused, match="https"):
        check(PUBLIC, url="http://hooks.example.org/")


def test_a_name_without_an_address_is_refused() -> None:
    with pytest.raises(WebhookRefused):
        check()


def test_a_request_is_one_post_to_the_path() -> None:
    sent = webhooks.request("https://h.example.org:8443/a/b?c=d", b"{}", {"X": "y"})
    assert sent == (
        b"POST /a/b?c=d HTTP/1.1\r\nHost: h.example.org:8443\r\nConnection: close\r\nContent-Length: 2\r\n"
        b"X: y\r\n\r\n{}"
    )
