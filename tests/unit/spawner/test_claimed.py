"""What a start claims is written down in the commit that the hub makes before it, and not a moment sooner."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from jupyterhub import orm
from traitlets.config import LoggingConfigurable

from primehub_services.client.claims import ClaimsClient
from primehub_services.domain.handshake import ClaimGrant
from primehub_spawner.base import PrimeHubSpawnerMixin
from tests.support.sandbox import make_plan

TOKEN = "0123456789abcdef0123456789abcdef"
OPTIONS = {"group": "research", "instance_type": "cpu-1", "image": "base"}


class Claims(ClaimsClient):
    """Grants what it was made with."""

    def __init__(self, grant: ClaimGrant) -> None:
        self.grant = grant

    async def claim(self, *_: Any) -> ClaimGrant:
        return self.grant


class Plain(LoggingConfigurable):
    """As much of the hub's own spawner as this is about."""

    name = ""

    def get_state(self) -> dict[str, Any]:
        return {}

    async def run_auth_state_hook(self, auth_state: Any) -> None:
        self.hook_ran_with = auth_state


class Spawner(PrimeHubSpawnerMixin, Plain):
    async def launch(self, plan: Any) -> str:
        raise AssertionError

    async def halt(self, *, now: bool) -> None:
        raise AssertionError

    async def gone(self, start_id: str) -> bool:
        raise AssertionError

    async def ending(self, start_id: str) -> tuple[int | None, str]:
        raise AssertionError


@pytest.fixture
def db() -> Any:
    session = orm.new_session_factory("sqlite:///:memory:")()
    yield session
    session.close()


async def test_nothing_is_written_that_another_request_could_roll_back(db: Any) -> None:
    # the hub rolls back, at the end of every request, what another has not committed by then
    user = orm.User(name="ann")
    user.orm_spawners[""] = row = orm.Spawner(name="", user_options=dict(OPTIONS), state={})
    db.add_all([user, orm.OAuthClient(identifier="jupyterhub")])
    db.commit()
    user.new_api_token(TOKEN, generated=False, scopes=[])
    db.commit()
    plan = make_plan("start-1")
    spawner = Spawner(claims=Claims(ClaimGrant(start_id="start-1", plan=plan)))
    spawner.user_options = dict(OPTIONS)
    spawner.user, spawner.orm_spawner, spawner.api_token = SimpleNamespace(name="ann", db=db), row, TOKEN

    await spawner.claim_start()
    assert not db.dirty

    await spawner.run_auth_state_hook({"of": "the hub"})
    assert spawner.hook_ran_with == {"of": "the hub"}
    db.commit()
    db.expire_all()
    assert row.state == {"start_id": "start-1", "launch_group": plan.group}
    assert row.user_options["start_id"] == "start-1"
    assert f"custom:primehub:notebook!group={plan.group}" in orm.APIToken.find(db, TOKEN).scopes
