"""How the hub counts its servers."""

from __future__ import annotations

from typing import Any

import pytest
from jupyterhub import orm
from jupyterhub.auth import Authenticator
from jupyterhub.objects import Server
from jupyterhub.spawner import Spawner
from jupyterhub.user import UserDict

from hub_config.hub_counts import count_servers_alone
from primehub_spawner.base import PrimeHubSpawnerMixin


class Plain(Spawner):
    async def start(self) -> str:
        raise AssertionError

    async def stop(self, now: bool = False) -> None:
        raise AssertionError

    async def poll(self) -> int | None:
        raise AssertionError


class Ours(PrimeHubSpawnerMixin, Plain):
    launch = halt = gone = ending = None  # type: ignore[assignment]


@pytest.fixture
def stock(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The hub's own way of counting; while the test runs the hub counts ours."""
    count = UserDict.count_active_users
    stock = getattr(count, "stock", count)
    monkeypatch.setattr(UserDict, "count_active_users", stock)
    count_servers_alone()
    return stock


def _row(db: Any, row: Any) -> Any:
    """Kept, so that it has what it has by default."""
    db.add(row)
    db.commit()
    return row


def _hub(spawner_class: type[Spawner]) -> UserDict:
    """A hub's people, with servers in every state, and one whose failed server was replaced."""
    db = orm.new_session_factory("sqlite:///:memory:")()
    people = UserDict(lambda: db, {"spawner_class": spawner_class, "authenticator": Authenticator()})
    names = ("idle", "asleep", "ready", "starting", "stopping", "checked", "waits-for-the-proxy", "replaced")
    db.add_all(orm.User(name=name) for name in names)
    db.commit()
    for name in names:
        user = people[name]
        if name == "idle":
            continue
        spawner = user.spawner
        if name in ("ready", "stopping", "checked"):
            spawner.server = Server(orm_server=_row(db, orm.Server(base_url=f"/user/{name}/")))
        spawner._spawn_pending = name in ("starting", "waits-for-the-proxy", "replaced")
        spawner._proxy_pending = name == "waits-for-the-proxy"
        spawner._stop_pending = name == "stopping"
        spawner._check_pending = name == "checked"
        if name == "replaced":
            people.kept_alive = user.spawners.pop("")  # type: ignore[attr-defined]
            assert user.spawner is not people.kept_alive  # type: ignore[attr-defined]
    return people


@pytest.mark.parametrize("spawner_class", [Ours, Plain], ids=["ours", "an operator's own"])
def test_the_hub_counts_the_same_servers_as_without_us(stock: Any, spawner_class: type[Spawner]) -> None:
    people = _hub(spawner_class)
    counted = people.count_active_users()
    assert counted["ready"] == 1
    assert counted["spawn_pending"] == 2
    assert dict(counted) == dict(stock(people))


def test_nobody_without_a_server_is_looked_at(stock: Any) -> None:
    people = _hub(Ours)
    del people["idle"].spawners
    with pytest.raises(AttributeError):
        stock(people)
    assert people.count_active_users()["ready"] == 1


def test_another_hub_of_the_same_process_is_not_counted(stock: Any) -> None:
    others = _hub(Ours)
    people = _hub(Ours)
    assert people.count_active_users()["ready"] == 1
    assert dict(others.count_active_users()) == dict(people.count_active_users()) == dict(stock(people))
