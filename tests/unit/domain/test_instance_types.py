"""Instance types: limits, requests, tolerations and labels."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from primehub_services.domain.instance_types import InstanceTypeCreate, Toleration
from primehub_services.domain.validation import field_errors


def _make(**fields: Any) -> InstanceTypeCreate:
    return InstanceTypeCreate.model_validate({"name": "t", "cpu_limit": 1, "memory_limit": "2Gi"} | fields)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"cpu_limit": 0}, "cpu_limit: Must be more than 0."),
        ({"memory_limit": 0}, "memory_limit: Must be more than 0."),
        ({"cpu_request": 1.5}, "cpu_request: Must not be above cpu_limit."),
        ({"memory_request": "3Gi"}, "memory_request: Must not be above memory_limit."),
        ({"gpu_limit": -1}, "gpu_limit: "),
        ({"gpu_limit": 0.5}, "gpu_limit: "),
        ({"gpu_resource": "!! bad"}, "gpu_resource: '!! bad' is not a name"),
        ({"gpu_resource": "gpu\n"}, "gpu_resource: "),
        ({"node_selector": {"-bad": "x"}}, "node_selector.-bad"),
        ({"node_selector": {"a//b": "x"}}, "node_selector.a//b"),
        ({"node_selector": {"/b": "x"}}, "node_selector./b"),
        ({"node_selector": {"k" * 64: "x"}}, "node_selector.k"),
        ({"idle_timeout": -1}, "idle_timeout: "),
    ],
)
def test_what_is_wrong_is_refused_by_field(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError) as refused:
        _make(**fields)
    (error,) = field_errors(refused.value)
    assert f"{error.field}: {error.message}".startswith(words)
    assert error.fix


@pytest.mark.parametrize("key", ["pool", "example.org/pool", "k" * 63, f"{'d' * 60}.org/{'k' * 63}", "A_b.c"])
def test_what_kubernetes_takes_as_a_labels_key_is_taken(key: str) -> None:
    assert _make(node_selector={key: "x"}).node_selector == {key: "x"}


def test_requests_up_to_the_limits_are_taken() -> None:
    assert _make(cpu_request=1, memory_request="2Gi").cpu_request == 1000
    assert _make(cpu_request=0, memory_request=0).memory_request == 0


def test_equal_needs_a_value_and_exists_forbids_one() -> None:
    Toleration.model_validate({"key": "a", "operator": "Equal", "value": ""})
    Toleration.model_validate({"key": "a", "operator": "Exists", "effect": "NoSchedule"})
    for wrong in ({"key": "a", "operator": "Equal"}, {"key": "a", "operator": "Exists", "value": "x"}):
        with pytest.raises(ValidationError, match="operator"):
            Toleration.model_validate(wrong)
    with pytest.raises(ValidationError, match="effect"):
        Toleration.model_validate({"key": "a", "operator": "Exists", "effect": "Sometimes"})


def test_how_long_a_taint_is_tolerated_is_said_of_those_that_end_what_runs_alone() -> None:
    for_a_while = {"key": "a", "operator": "Exists", "toleration_seconds": 5}
    assert Toleration.model_validate({**for_a_while, "effect": "NoExecute"}).toleration_seconds == 5
    for effect in ("NoSchedule", "PreferNoSchedule", None):
        with pytest.raises(ValidationError, match="NoExecute"):
            Toleration.model_validate({**for_a_while, "effect": effect})
