"""Settings of the platform: defaults, versions, and who may change them."""

from __future__ import annotations

from typing import Any

import pytest

from primehub_services.domain.identity import Actor
from primehub_services.domain.paging import PageQuery
from primehub_services.domain.problems import Conflict, Forbidden, Invalid
from primehub_services.domain.system import SystemSettings, SystemSettingsUpdate
from primehub_services.operations import audit, system
from primehub_services.store.database import Database
from primehub_services.store.orm import SettingRow
from primehub_services.store.unit_of_work import UnitOfWork
from tests.support.factories import Cast


def _update(database: Database, actor: Actor, version: int, **fields: Any) -> SystemSettings:
    change = SystemSettingsUpdate.model_validate({"version": version} | fields)
    return database.write_now(system.update, actor, change)


def test_every_person_reads_the_defaults_and_services_do_not(database: Database, cast: Cast) -> None:
    for actor in (cast.member, cast.group_admin, cast.outsider, cast.platform_admin, cast.notebook):
        assert database.read_now(system.get, actor) == SystemSettings(version=0)
    for actor in (cast.spawner, cast.authenticator, cast.culler):
        with pytest.raises(Forbidden):
            database.read_now(system.get, actor)


def test_only_platform_admins_change_them(database: Database, cast: Cast) -> None:
    for name, actor in cast.everyone().items():
        if name != "platform_admin":
            with pytest.raises(Forbidden):
                _update(database, actor, 0, name="Mine")


def test_a_change_keeps_what_it_does_not_name(database: Database, cast: Cast) -> None:
    first = _update(database, cast.platform_admin, 0, name="Lab", idle_timeout=0)
    second = _update(database, cast.platform_admin, first.version, idle_timeout=60, idle_warning=10)
    assert (second.name, second.idle_timeout, second.keep_max) == ("Lab", 60, 86_400)
    assert second.version == first.version + 1
    assert database.read_now(system.get, cast.member) == second


def test_of_two_changes_from_one_version_the_second_is_refused(database: Database, cast: Cast) -> None:
    for version in (0, 1):
        after = _update(database, cast.platform_admin, version, name=f"Lab {version}")
        with pytest.raises(Conflict) as caught:
            _update(database, cast.platform_admin, version, name="Late")
        assert caught.value.extra["current"] == after.model_dump(mode="json")


def test_null_is_refused_by_field(database: Database, cast: Cast) -> None:
    with pytest.raises(Invalid) as caught:
        _update(database, cast.platform_admin, 0, keep_max=None)
    assert caught.value.errors[0].field == "keep_max"


def test_what_a_newer_version_has_set_is_kept(database: Database, cast: Cast) -> None:
    def newer(uow: UnitOfWork) -> None:
        uow.session.add(SettingRow(key="system", value={"name": "Lab", "from_the_future": 1}))

    database.write_now(newer)
    assert _update(database, cast.platform_admin, 1, idle_timeout=60, idle_warning=10).name == "Lab"

    def value(uow: UnitOfWork) -> Any:
        return uow.session.get_one(SettingRow, "system").value["from_the_future"]

    assert database.read_now(value) == 1


def test_a_change_is_in_the_audit_log_without_the_picture(database: Database, cast: Cast) -> None:
    logo = "data:image/png;base64," + "A" * 5000
    _update(database, cast.platform_admin, 0, logo=logo, name="Lab")
    (event,) = database.read_now(audit.list_, cast.platform_admin, PageQuery(), action="settings").items
    assert event.actor == "root"
    assert event.details == {"logo": "changed", "name": {"from": "PrimeHub", "to": "Lab"}}


@pytest.mark.parametrize(
    "logo", ["javascript:alert(1)", "https://x/y.png", "data:text/html;base64,AA", "data:image/png;base64,A\nB"]
)
def test_a_logo_is_a_picture(logo: str) -> None:
    with pytest.raises(ValueError, match="pattern"):
        SystemSettingsUpdate(version=0, logo=logo)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"idle_timeout": 600}, "idle_timeout"),
        ({"idle_warning": 7200}, "idle_warning"),
        ({"idle_timeout": 100, "idle_warning": 100}, "idle_warning"),
    ],
)
def test_a_warning_of_idleness_comes_before_its_end(
    database: Database, cast: Cast, change: dict[str, int], field: str
) -> None:
    with pytest.raises(Invalid) as refused:
        _update(database, cast.platform_admin, 0, **change)
    assert [error.field for error in refused.value.errors] == [field]
    off = _update(database, cast.platform_admin, 0, idle_timeout=0)
    assert _update(database, cast.platform_admin, off.version, idle_warning=9000).idle_warning == 9000
