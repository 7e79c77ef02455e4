"""Groups: their defaults, and quotas that fit each other."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from primehub_services.domain.groups import GroupCreate
from primehub_services.domain.validation import field_errors


def test_the_defaults_are_the_original_products() -> None:
    group = GroupCreate(name="research")
    assert group.user_quota.model_dump(mode="json") == {"cpu": 0.5, "memory": None, "gpu": 0}
    assert group.group_quota.model_dump(mode="json") == {"cpu": None, "memory": None, "gpu": None}
    assert (group.shared_volume, group.launch_group_only) == (True, True)


@pytest.mark.parametrize("resource", ["cpu", "memory", "gpu"])
def test_one_persons_quota_is_not_above_the_groups(resource: str) -> None:
    def make(user: Any, everyone: Any) -> GroupCreate:
        quotas = {"user_quota": {"cpu": 0, resource: user}, "group_quota": {resource: everyone}}
        return GroupCreate.model_validate({"name": "g"} | quotas)

    make(2, 2)
    make(None, 2)
    make(2, None)
    with pytest.raises(ValidationError, match=rf"must not be above group_quota\.{resource}") as refused:
        make(3, 2)
    assert [e.field for e in field_errors(refused.value)] == [f"user_quota.{resource}"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("user_quota", {"cpu": -1}),
        ("user_quota", {"gpu": 0.5}),
        ("group_quota", {"memory": "8Ki"}),
        ("name", "a b"),
        ("job_timeout", -1),
        ("shared_volume_capacity", 0),
        ("colour", "red"),
    ],
)
def test_what_is_wrong_is_refused_by_field(field: str, value: Any) -> None:
    with pytest.raises(ValidationError) as caught:
        GroupCreate.model_validate({"name": "g"} | {field: value})
    assert caught.value.errors()[0]["loc"][0] == field
