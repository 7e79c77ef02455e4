"""Who am I, and what of it I may change."""

from __future__ import annotations

from functools import partial

import pytest

from primehub_services.domain.identity import Actor, MeUpdate, Role
from primehub_services.domain.permissions import PERSON_SCOPES, Scope
from primehub_services.domain.problems import Conflict, Forbidden, Invalid, Unauthenticated
from primehub_services.domain.system import SystemSettings
from primehub_services.operations import accounts, identity
from primehub_services.store.database import Database
from primehub_services.store.orm import SettingRow
from tests.support import factories
from tests.support.factories import Cast
from tests.support.identity import audited, expected, outcomes


def test_everyone_but_services_is_somebody(database: Database, cast: Cast) -> None:
    assert outcomes(database, cast, identity.me) == expected("ok")


def test_a_member_sees_the_groups_roles_and_rights(database: Database, cast: Cast) -> None:
    shown = database.read_now(identity.me, cast.member)
    assert (shown.name, shown.local, shown.platform_admin) == ("ann", True, False)
    assert shown.scopes == tuple(sorted(PERSON_SCOPES))
    assert set(shown.permissions) == {"self.read", "self.write", "self.tokens", "self.notifications"}
    [group] = shown.groups
    assert (group.group, group.name, group.role) == ("research", "research", Role.MEMBER)
    assert {"notebook.start", "group.read", "launch.options"} <= set(group.permissions)
    assert not {"group.settings", "group.invite", "group.edit"} & set(group.permissions)


def test_group_admins_and_platform_admins_see_their_rights(database: Database, cast: Cast) -> None:
    [group] = database.read_now(identity.me, cast.group_admin).groups
    assert {"group.settings", "group.members.edit", "group.invite"} <= set(group.permissions)
    root = database.read_now(identity.me, cast.platform_admin)
    assert "platform.admin" in root.permissions
    assert root.groups == ()


def test_a_token_with_few_scopes_shows_few_rights(database: Database, cast: Cast) -> None:
    weak = Actor(account=cast.group_admin.account, roles=cast.group_admin.roles, scopes=frozenset({Scope.READ}))
    shown = database.read_now(identity.me, weak)
    assert shown.permissions == ("self.read", "self.notifications")
    assert not {"notebook.start", "group.settings"} & set(shown.groups[0].permissions)


def test_members_who_may_invite_see_that_they_may(database: Database, cast: Cast) -> None:
    value = SystemSettings(members_may_invite=True).model_dump(mode="json", exclude={"version"})
    database.write_now(lambda uow: uow.session.add(SettingRow(key="system", value=value)))
    [group] = database.read_now(identity.me, cast.member).groups
    assert "group.invite" in group.permissions


def test_a_person_of_a_provider_has_no_password_here(database: Database) -> None:
    def somebody(uow):
        return factories.actor(uow, factories.account(uow, "pat", issuer="https://idp", subject="1"))

    assert not database.read_now(identity.me, database.write_now(somebody)).local


def test_one_changes_the_own_display_name_and_address(database: Database, cast: Cast) -> None:
    version = database.read_now(identity.me, cast.member).version
    update = MeUpdate(version=version, display_name="Ann  A.", email="ann@example.org")
    changed = database.write_now(partial(identity.update_me, session=True), cast.member, update)
    assert (changed.display_name, changed.email) == ("Ann  A.", "ann@example.org")
    assert changed.version > version
    assert audited(database) == [("ann", "account.update", "ann")]
    cleared = MeUpdate(version=changed.version, display_name="")
    assert database.write_now(identity.update_me, cast.member, cleared).display_name == "ann"


def test_a_token_leaves_the_address_as_it_is(database: Database, cast: Cast) -> None:
    version = database.read_now(identity.me, cast.member).version
    with pytest.raises(Forbidden, match="Use the portal"):
        database.write_now(identity.update_me, cast.member, MeUpdate(version=version, email="thief@example.org"))
    same = MeUpdate(version=version, display_name="Ann A.", email="")
    assert database.write_now(identity.update_me, cast.member, same).display_name == "Ann A."


def test_two_of_ones_own_tabs_do_not_overwrite_each_other(database: Database, cast: Cast) -> None:
    version = database.read_now(identity.me, cast.member).version
    database.write_now(identity.update_me, cast.member, MeUpdate(version=version, display_name="one"))
    with pytest.raises(Conflict) as refused:
        database.write_now(identity.update_me, cast.member, MeUpdate(version=version, display_name="two"))
    assert refused.value.extra["current"]["display_name"] == "one"


def test_a_null_address_is_refused_by_its_field(database: Database, cast: Cast) -> None:
    version = database.read_now(identity.me, cast.member).version
    with pytest.raises(Invalid) as refused:
        database.write_now(identity.update_me, cast.member, MeUpdate(version=version, email=None))
    assert refused.value.errors[0].field == "email"


def test_a_notebook_and_a_reading_token_change_nothing(database: Database, cast: Cast) -> None:
    version = database.read_now(identity.me, cast.member).version
    reading = Actor(account=cast.member.account, roles=cast.member.roles, scopes=frozenset({Scope.READ}))
    for actor in (cast.notebook, reading, cast.spawner):
        with pytest.raises(Forbidden):
            database.write_now(identity.update_me, actor, MeUpdate(version=version, display_name="x"))


def test_an_account_that_was_deleted_meanwhile_is_nobody(database: Database, cast: Cast) -> None:
    database.write_now(accounts.delete, cast.platform_admin, "ann")
    with pytest.raises(Unauthenticated):
        database.read_now(identity.me, cast.member)
