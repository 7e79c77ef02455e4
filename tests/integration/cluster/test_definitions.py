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
WRONG: dict[str, tuple[str, str, Any]] = {
    "a duration that is none": ("HTTPRoute", "timeouts", {"request": "for ever"}),
    "a field of another version": ("ServiceMonitor", "bearerToken", "x"),
}


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
    return [m for m in rendered(values) if m["kind"] in ("HTTPRoute", "ServiceMonitor")]


@pytest.mark.parametrize("tls", ["", "proxy-tls"], ids=["the gateway ends TLS", "the proxy has a certificate too"])
def test_the_route_and_what_prometheus_operator_reads_are_taken(namespace: Namespace, tls: str) -> None:
    manifests = of_other_kinds({"httpRoute": ROUTE, "proxy": {"tls": {"secretName": tls}}, **MONITORED})
    assert sorted(m["kind"] for m in manifests) == ["HTTPRoute", *["ServiceMonitor"] * 3]
    said = told(namespace, manifests)
    assert len(said.splitlines()) == len(manifests), said
    assert "unchanged" not in said


@pytest.mark.parametrize("wrong", WRONG)
def test_the_same_with_something_wrong_in_it_is_not(namespace: Namespace, wrong: str) -> None:
    kind, field, value = WRONG[wrong]
    names = {"HTTPRoute": "primehub", "ServiceMonitor": "primehub-hub"}
    manifest = copy.deepcopy(one(of_other_kinds({"httpRoute": ROUTE, **MONITORED}), kind, names[kind]))
    (part,) = manifest["spec"]["rules" if kind == "HTTPRoute" else "endpoints"]
    part[field] = value
    with pytest.raises(AssertionError, match=field):
        told(namespace, [manifest])
