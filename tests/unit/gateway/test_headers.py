"""What is passed on to a workload, and what of its answer comes back."""

from __future__ import annotations

import pytest
from tornado.httputil import HTTPHeaders

from primehub_services.domain.routes import Route
from primehub_services.gateway.headers import (
    Header,
    Visitor,
    from_workload,
    is_same_site,
    to_workload,
    visitor,
    wants_page,
)

ROOT = "/services/primehub-gateway"
ROUTE = Route(id="dep-1", prefix="/research/iris/", target="http://10.0.0.1:9000/base", group="research")
WHO = Visitor("203.0.113.7", "https", "hub.example.org")


def sent(*headers: Header, upgrade: bool = False) -> dict[str, str]:
    """What the workload gets, by lower-case name."""
    return {name.lower(): value for name, value in to_workload(headers, ROUTE, ROOT, WHO, upgrade=upgrade)}


def returned(*headers: Header) -> list[Header]:
    """What the visitor gets."""
    return from_workload(headers, ROUTE, ROOT)


@pytest.mark.parametrize(
    "header",
    [
        ("Authorization", "Bearer hub-token"),
        ("Cookie", "jupyterhub-session-id=1; _xsrf=2; service-primehub=3; primehub-gateway-session=4"),
        ("X-XSRFToken", "x"),
        ("Proxy-Authorization", "Basic x"),
        ("Connection", "close"),
        ("TE", "trailers"),
        ("X-Forwarded-User", "admin"),
        ("X-Forwarded-Port", "1"),
        ("Forwarded", "for=1.2.3.4"),
        ("X-Real-IP", "1.2.3.4"),
        ("X-PrimeHub-User", "admin"),
    ],
)
def test_nothing_of_the_hubs_nor_what_only_we_say_is_passed_on(header: Header) -> None:
    assert header[0].lower() not in sent(header, ("Accept", "a"))
    assert sent(header, ("Accept", "a"))["accept"] == "a"


def test_a_header_that_connection_names_ends_here() -> None:
    assert "x-mine" not in sent(("Connection", "keep-alive, X-Mine"), ("X-Mine", "1"))


def test_the_workload_is_told_who_asks_by_us_alone() -> None:
    given = sent(("X-Forwarded-For", "6.6.6.6"), ("X-Forwarded-Host", "evil"), ("Host", "hub.example.org"))
    assert given["x-forwarded-for"] == "203.0.113.7"
    assert given["x-forwarded-proto"] == "https"
    assert given["x-forwarded-host"] == given["host"] == "hub.example.org"
    assert given["x-forwarded-prefix"] == f"{ROOT}/research/iris"


def test_a_workload_gets_its_own_cookies_and_no_other_workloads() -> None:
    cookies = "a=0; primehub-gateway.dep-1.sid=mine; primehub-gateway.dep-10.sid=not; jupyterhub-session-id=1"
    assert sent(("Cookie", cookies))["cookie"] == "sid=mine"


def test_a_workloads_cookie_is_confined_to_its_address() -> None:
    cookies = [
        v for n, v in returned(("Set-Cookie", "sid=1; Path=/; Domain=example.org; HttpOnly")) if n == "Set-Cookie"
    ]
    assert cookies == [f"primehub-gateway.dep-1.sid=1; HttpOnly; Path={ROOT}/research/iris/"]


@pytest.mark.parametrize(
    "name",
    ["Clear-Site-Data", "Service-Worker-Allowed", "Strict-Transport-Security", "Transfer-Encoding", "Keep-Alive"],
)
def test_what_would_be_about_the_whole_site_does_not_come_back(name: str) -> None:
    assert name not in dict(returned((name, "x")))


def test_every_page_is_of_no_origin_whatever_it_says_itself() -> None:
    policies = [v for n, v in returned(("Content-Security-Policy", "default-src *")) if n == "Content-Security-Policy"]
    assert policies[0] == "default-src *"
    assert policies[1].startswith("sandbox")
    assert "allow-same-origin" not in policies[1]


@pytest.mark.parametrize(
    ("said", "seen"),
    [
        ("/base/login?next=1#top", f"{ROOT}/research/iris/login?next=1#top"),
        ("/login", f"{ROOT}/research/iris/login"),
        ("http://10.0.0.1:9000/base/x", f"{ROOT}/research/iris/x"),
        (f"{ROOT}/research/iris/x", f"{ROOT}/research/iris/x"),
        ("next", "next"),
        ("https://example.org/x", "https://example.org/x"),
        ("//example.org/x", "//example.org/x"),
    ],
)
def test_a_redirect_stays_under_the_route(said: str, seen: str) -> None:
    assert dict(returned(("Location", said)))["Location"] == seen


@pytest.mark.parametrize(
    ("headers", "who"),
    [
        ({}, ("10.1.1.1", "http")),
        ({"X-Forwarded-For": "9.9.9.9", "X-Forwarded-Proto": "https"}, ("9.9.9.9", "https")),
        ({"X-Forwarded-For": "6.6.6.6, 9.9.9.9", "X-Forwarded-Proto": "x,https"}, ("9.9.9.9", "https")),
        ({"X-Forwarded-For": "junk", "X-Forwarded-Proto": "gopher"}, ("10.1.1.1", "http")),
        ({"X-Real-Ip": "6.6.6.6"}, ("10.1.1.1", "http")),
    ],
)
def test_of_what_is_said_of_the_visitor_the_last_word_is_the_proxys(
    headers: dict[str, str], who: tuple[str, str]
) -> None:
    found = visitor(HTTPHeaders(headers), "10.1.1.1")
    assert (found.address, found.scheme) == who


@pytest.mark.parametrize(
    ("headers", "same"),
    [
        ({"Sec-Fetch-Site": "same-origin"}, True),
        ({"Sec-Fetch-Site": "none"}, True),
        ({"Sec-Fetch-Site": "same-site"}, False),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "https://hub.example.org"}, False),
        ({"Origin": "https://hub.example.org"}, True),
        ({"Origin": "https://evil.example.org"}, False),
        ({"Origin": "null"}, False),
        ({}, False),
    ],
)
def test_a_request_by_cookie_has_to_come_from_a_page_of_this_address(headers: dict[str, str], same: bool) -> None:
    assert is_same_site(HTTPHeaders({"Host": "hub.example.org", **headers})) is same


def test_scripts_get_no_page() -> None:
    page = HTTPHeaders({"Accept": "text/html,*/*"})
    assert wants_page(page, "GET")
    assert not wants_page(page, "POST")
    assert not wants_page(HTTPHeaders({"Accept": "text/html", "Sec-Fetch-Mode": "cors"}), "GET")
    assert not wants_page(HTTPHeaders({"Accept": "*/*"}), "GET")
