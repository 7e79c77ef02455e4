"""The table itself: complete, consistent, and what the document says of it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from primehub_services.api.handlers import HANDLERS
from primehub_services.api.openapi import document
from primehub_services.api.route import Route, Table
from primehub_services.api.routes_page import as_markdown
from primehub_services.api.table import TABLE
from primehub_services.domain.permissions import PERMISSIONS


def test_every_route_has_a_handler_and_every_handler_a_route() -> None:
    assert {route.name for route in TABLE.routes} == set(HANDLERS)


def test_names_are_unique() -> None:
    names = [route.name for route in TABLE.routes]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("route", TABLE.routes, ids=lambda r: r.name)
def test_a_route_needs_permissions_of_the_one_table(route: Route) -> None:
    needed = {route.permission, *route.also} - {None}
    assert needed <= set(PERMISSIONS)
    assert not (route.also and route.permission is None)


def test_few_routes_are_public_and_these_are_they() -> None:
    public = {route.name for route in TABLE.routes if route.permission is None and not route.checks_itself}
    assert public == {
        "system.openapi",
        "system.version",
        "system.branding",
        "system.health",
        "logins.create",
        "logins.poll",
    }


def test_only_workloads_reports_bring_tokens_of_their_own() -> None:
    own = {route.tag for route in TABLE.routes if route.permission is None and route.checks_itself}
    assert own == {"reports"}


@pytest.mark.parametrize("route", TABLE.routes, ids=lambda r: r.name)
def test_only_routes_that_change_something_take_a_body(route: Route) -> None:
    if route.method in ("GET", "DELETE"):
        assert route.body is None
    if route.status == 204:
        assert route.response is None


def test_a_literal_segment_wins_over_a_parameter() -> None:
    table = Table([Route("a.one", "GET", "/a/{x}", "", None), Route("a.special", "GET", "/a/special", "", None)])
    assert table.find("/a/special")[0]["GET"].name == "a.special"
    found, parameters = table.find("/a/other")
    assert (found["GET"].name, parameters) == ("a.one", {"x": "other"})
    assert table.find("/a/b/c") == ({}, {})


def test_one_route_cannot_be_declared_twice() -> None:
    with pytest.raises(ValueError, match="declared twice"):
        Table([Route("a.one", "GET", "/a", "", None), Route("a.two", "GET", "/a", "", None)])


def test_the_document_refers_to_nothing_that_it_does_not_hold() -> None:
    text = str(document())
    schemas = document()["components"]["schemas"]
    assert {r.rpartition("/")[2] for r in re.findall(r"#/components/schemas/[\w-]+", text)} <= set(schemas)
    assert not [name for name in schemas if not re.fullmatch(r"[A-Z][A-Za-z]+", name)]


def test_answers_always_hold_every_field_and_requests_may_leave_out_those_with_a_default() -> None:
    schemas = document()["components"]["schemas"]
    assert set(schemas["Group"]["required"]) == set(schemas["Group"]["properties"])
    assert schemas["GroupCreate"]["required"] == ["name"]


def test_the_document_says_who_may() -> None:
    operation = document()["paths"]["/groups"]["post"]
    assert "platform admin" in operation["description"]
    assert document()["paths"]["/version"]["get"]["security"] == []


def test_the_page_of_routes_is_up_to_date() -> None:
    path = Path(__file__).parents[3] / "docs" / "api-routes.md"
    assert path.read_text() == as_markdown(), "run: python -m primehub_services.api.routes_page > docs/api-routes.md"


def test_the_page_of_routes_has_every_route_once() -> None:
    for route in TABLE.routes:
        assert as_markdown().count(f"| {route.method} | `{route.path}` |") == 1, route.name
