"""What a real hub is told of people and groups."""

from __future__ import annotations

import pytest

from tests.support.waiting import wait_for_async

from .platform import ApiHub, Person

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_an_administrator_who_has_never_signed_in_holds_up_nobodys_groups(
    platform: ApiHub, admin: Person, name: str
) -> None:
    assert (await admin.ask("POST", "/users", {"name": name, "platform_admin": True})).status_code == 201
    assert (await admin.ask("POST", "/groups", {"name": f"g-{name}"})).status_code == 201
    assert (await admin.ask("PUT", f"/groups/g-{name}/members/{name}", {})).is_success

    async def told() -> bool:
        answer = await platform.api("GET", f"/groups/g-{name}", check=False)
        return answer.status_code == 200 and answer.json()["users"] == [name]

    await wait_for_async(told, 10, what="the hub knows the group and its member")
