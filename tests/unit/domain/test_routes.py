"""Which route a path belongs to."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from primehub_services.domain.routes import Route, Routes, table_of


def route(prefix: str, **changes: str) -> Route:
    """A route of research."""
    given = {"id": prefix.strip("/").replace("/", "-"), "target": "http://10.0.0.1:80", "group": "research"}
    return Route.model_validate({"prefix": prefix, **given, **changes})


IRIS, DEEP = route("/research/iris/"), route("/research/iris/v2/")


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/research/iris/", IRIS),
        ("/research/iris", IRIS),
        ("/research/iris/predict/1", IRIS),
        ("/research/iris/v2", DEEP),
        ("/research/iris/v2/predict", DEEP),
        ("/research/iris/v22/predict", IRIS),
        ("/research/irises/", None),
        ("/research/", None),
        ("/", None),
        ("", None),
        ("//", None),
    ],
)
def test_a_path_belongs_to_the_route_with_the_longest_prefix(path: str, found: Route | None) -> None:
    assert Routes(table_of([IRIS, DEEP])).find(path) == found


def test_a_table_has_another_version_only_where_it_has_other_routes() -> None:
    assert table_of([IRIS, DEEP]) == table_of([DEEP, IRIS])
    moved = IRIS.model_copy(update={"target": "http://10.0.0.2:80"})
    assert len({table_of(t).version for t in ([], [IRIS], [moved], [IRIS, DEEP])}) == 4


@pytest.mark.parametrize(
    "prefix", ["/healthz/", "/", "research/iris/", "/research/iris", "/research//", "/a/../", "/A/b/"]
)
def test_what_is_the_gateways_own_or_no_address_is_no_prefix(prefix: str) -> None:
    with pytest.raises(ValidationError):
        route(prefix)


@pytest.mark.parametrize(
    "target", ["https://a:1", "http://a", "http://u:p@a:1", "file:///etc", "http://a:1/?q", "http://a:1 x"]
)
def test_a_target_is_a_server_and_nothing_else(target: str) -> None:
    with pytest.raises(ValidationError):
        route("/a/b/", target=target)
