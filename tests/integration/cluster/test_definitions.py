"""What the chart makes of kinds that are not Kubernetes' own, as their projects define them, on a real API server."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.chart import Manifest, one, rendered
from tests.support.cluster import Namespace
from tests.support.definitions import other_kinds

pytestmark = pytest.mark.cluster
GATEWAY = {"name": "edge", "namespace": "gateways", "sectionName": "https"}
ROUTE = {
    "enabled": True,
    "hostnames": ["hub.example.org", "*.hub.example.org"],
    "parentRefs": [GATEWAY, {"name": "inside", "port": 443}],
    "annotations": {"example.org/owner": "data"},
}
MONITORED = {
    "prometheus": {"serviceMonitor": True, "labels": {"release": "prometheus"}, "interval": "1m"},
    "networkPolicies": {"metricsFrom": [{"namespaceSelector": {"matchLabels": {"name": "monitoring"}}}]},
}
TLS = {"proxy": {"tls": {"secretName": "proxy-tls"}}}
WRONG: dict[str, tuple[str, str, tuple[str | int, ...], Any]] = {
    "a duration that is none": ("HTTPRoute", "primehub", ("rules", 0, "timeouts"), {"request": "for ever"}),
    "a field of another version": ("ServiceMonitor", "primehub-hub", ("endpoints", 0, "bearerToken"), "x"),
    "a wildcard, which no certificate is known by": (
        "BackendTLSPolicy", "primehub-proxy", ("validation", "hostname"), "*.hub.example.org"
    ),
}  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def known(namespace: Namespace) -> Iterator[None]:
    """The cluster knows these kinds."""
    with other_kinds(namespace):
        yield


def told(namespace: Namespace, manifests: list[Manifest]) -> str:
    """What the API server says of manifests, which must hold nothing that it does not know. Nothing is made."""
    words = ("apply", "--dry-run=server", "--validate=strict", "-f", "-")
    return namespace.kubectl(*words, given={"apiVersion": "v1", "kind": "List", "items": manifests})


def of_other_kinds(values: dict[str, Any]) -> list[Manifest]:
    """What a release with these values has of them."""
    return [m for m in rendered(values) if m["kind"] in ("BackendTLSPolicy", "HTTPRoute", "ServiceMonitor")]


@pytest.mark.parametrize("authority", ["", "our-authority"], ids=["signed by one that all know", "by one of our own"])
def test_what_the_chart_makes_of_them_is_taken(namespace: Namespace, authority: str) -> None:
    values = {"httpRoute": {**ROUTE, "backendTls": {"caConfigMap": authority}}, **TLS, **MONITORED}
    manifests = of_other_kinds(values)
    assert sorted(m["kind"] for m in manifests) == ["BackendTLSPolicy", "HTTPRoute", *["ServiceMonitor"] * 3]
    said = told(namespace, manifests)
    assert len(said.splitlines()) == len(manifests), said
    assert "unchanged" not in said


def test_without_a_certificate_of_the_proxy_the_route_is_taken_alone(namespace: Namespace) -> None:
    (route,) = of_other_kinds({"httpRoute": ROUTE})
    assert "primehub" in told(namespace, [route])


@pytest.mark.parametrize("wrong", WRONG)
def test_the_same_with_something_wrong_in_it_is_not(namespace: Namespace, wrong: str) -> None:
    kind, name, path, value = WRONG[wrong]
    manifest = copy.deepcopy(one(of_other_kinds({"httpRoute": ROUTE, **TLS, **MONITORED}), kind, name))
    place: Any = manifest["spec"]
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    with pytest.raises(AssertionError, match=str(path[-1])):
        told(namespace, [manifest])
