"""The table of permissions, held against the whole of who stands how to a thing."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

import pytest

from primehub_services.domain.identity import Account, Actor, Role
from primehub_services.domain.permissions import PERMISSIONS, PERSON_SCOPES, Scope, allowed, require
from primehub_services.domain.problems import Forbidden, NotFound, Unauthenticated


def _account(name: str, **fields: bool) -> Account:
    flags = {"enabled": True, "platform_admin": False, "must_change_password": False} | fields
    return Account(
        id=name,
        issuer="local",
        subject=name,
        name=name,
        slug=name,
        display_name="",
        email="",
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
        last_seen_at=None,
        version=1,
        **flags,
    )


PERSON = frozenset(PERSON_SCOPES)
ACTORS: Mapping[str, Actor] = {
    "owner": Actor(_account("ann"), scopes=PERSON, roles={"g": Role.MEMBER}),
    "member": Actor(_account("bo"), scopes=PERSON, roles={"g": Role.MEMBER}),
    "group_admin": Actor(_account("gil"), scopes=PERSON, roles={"g": Role.ADMIN}),
    "outsider": Actor(_account("olga"), scopes=PERSON, roles={"h": Role.ADMIN}),
    "platform_admin": Actor(_account("root", platform_admin=True), scopes=PERSON),
    "notebook": Actor(
        _account("ann"),
        scopes=frozenset({Scope.NOTEBOOK}),
        roles={"g": Role.MEMBER},
        notebook_group="g",
        notebook_server="ann/",
    ),
    "spawner": Actor(service="primehub-spawner", scopes=frozenset({Scope.CLAIMS})),
    "authenticator": Actor(service="primehub-authenticator", scopes=frozenset({Scope.ACCOUNTS})),
    "culler": Actor(service="primehub-idle-culler", scopes=frozenset({Scope.CULLING})),
    "gateway": Actor(service="primehub-gateway", scopes=frozenset({Scope.ROUTES})),
    "disabled": Actor(_account("ann", enabled=False, platform_admin=True), scopes=PERSON, roles={"g": Role.ADMIN}),
    "nobody": Actor(scopes=PERSON),
}
INSIDE = {"owner", "member", "group_admin", "platform_admin"}
ADMINS = {"group_admin", "platform_admin"}
PEOPLE = INSIDE | {"outsider"}
# about a thing of group g that belongs to ann
EXPECTED: Mapping[str, set[str]] = {
    "self.read": PEOPLE | {"notebook"},
    "self.write": PEOPLE,
    "self.tokens": PEOPLE,
    "self.notifications": PEOPLE,
    "group.read": INSIDE | {"notebook"},
    "group.usage": INSIDE | {"notebook"},
    "group.members": INSIDE,
    "group.members.edit": ADMINS,
    "group.settings": ADMINS,
    "group.edit": {"platform_admin"},
    "group.images": ADMINS,
    "group.secrets": ADMINS,
    "group.invite": ADMINS,
    "launch.options": {"owner", "member", "group_admin", "notebook"},
    "launch.check": {"owner", "member", "group_admin", "notebook"},
    "notebook.start": {"owner", "member", "group_admin"},
    "notebook.read": {"owner", "notebook"} | ADMINS,
    "notebook.log": {"owner", "notebook", "platform_admin"},
    "notebook.keep": {"owner", "notebook"},
    "notebook.stop": {"owner", "platform_admin"},
    "job.submit": {"owner", "member", "group_admin", "notebook"},
    "job.check": {"owner", "member", "group_admin", "notebook"},
    "job.read": INSIDE | {"notebook"},
    "job.cancel": {"owner", "notebook"} | ADMINS,
    "job.delete": {"owner"} | ADMINS,
    "queue.read": INSIDE | {"notebook"},
    "schedule.read": INSIDE | {"notebook"},
    "schedule.create": {"owner", "member", "group_admin", "notebook"},
    "schedule.edit": {"owner"} | ADMINS,
    "schedule.snapshot": {"owner", "notebook"},
    "routes.call": {"owner", "member", "group_admin", "notebook"},
    "platform.admin": {"platform_admin"},
    "claims": {"spawner"},
    "accounts": {"authenticator"},
    "culling": {"culler"},
    "routes.read": {"gateway"},
}


def test_every_permission_is_held_against_what_is_expected_of_it() -> None:
    assert EXPECTED.keys() == PERMISSIONS.keys()


@pytest.mark.parametrize("permission", EXPECTED)
def test_who_may(permission: str) -> None:
    found = {name for name, actor in ACTORS.items() if allowed(actor, permission, group_id="g", owner_id="ann")}
    assert found == EXPECTED[permission]


@pytest.mark.parametrize("permission", EXPECTED)
@pytest.mark.parametrize("name", ["owner", "group_admin", "platform_admin", "spawner"])
def test_without_its_scope_nobody_may(permission: str, name: str) -> None:
    actor = ACTORS[name]
    without = actor.scopes - {PERMISSIONS[permission].scope}
    # the notebook's scope is good for a notebook's token alone
    narrowed = Actor(actor.account, actor.service, scopes=without | {Scope.NOTEBOOK}, roles=actor.roles)
    assert not allowed(narrowed, permission, group_id="g", owner_id="ann")


WRITE_OF_OTHERS = {
    "notebook.stop": ("platform_admin",),
    "job.cancel": ("group_admin", "platform_admin"),
    "job.delete": ("group_admin", "platform_admin"),
    "schedule.edit": ("group_admin", "platform_admin"),
}
NEEDED = {"group_admin": Scope.GROUP_ADMIN, "platform_admin": Scope.ADMIN}


@pytest.mark.parametrize(("permission", "name"), [(p, name) for p, names in WRITE_OF_OTHERS.items() for name in names])
def test_a_token_for_ones_own_things_is_not_for_those_of_others(permission: str, name: str) -> None:
    whole = ACTORS[name]
    weak = Actor(whole.account, scopes=frozenset({Scope.READ, Scope.WRITE}), roles=whole.roles)
    assert allowed(weak, "job.read", group_id="g", owner_id="ann")
    assert not allowed(weak, permission, group_id="g", owner_id="ann")
    with pytest.raises(Forbidden, match=NEEDED[name]) as refused:
        require(weak, permission, group_id="g", owner_id="ann", visible=True)
    assert refused.value.extra == {"scope": NEEDED[name].value}
    enough = Actor(whole.account, scopes=weak.scopes | {NEEDED[name]}, roles=whole.roles)
    assert allowed(enough, permission, group_id="g", owner_id="ann")


def test_a_token_for_ones_own_things_is_for_an_admins_own_too() -> None:
    root = _account("root", platform_admin=True)
    weak = Actor(root, scopes=frozenset({Scope.READ, Scope.WRITE}), roles={"g": Role.ADMIN})
    for permission in WRITE_OF_OTHERS:
        assert allowed(weak, permission, group_id="g", owner_id="root")


@pytest.mark.parametrize("permission", [name for name, who in EXPECTED.items() if "notebook" in who])
def test_a_notebooks_token_is_good_for_its_launch_group_and_owner_alone(permission: str) -> None:
    notebook = ACTORS["notebook"]
    assert not allowed(notebook, permission, group_id="h", owner_id="ann")
    assert not allowed(notebook, permission, group_id="g", owner_id="bo")
    left = Actor(notebook.account, scopes=notebook.scopes, roles={}, notebook_group="g", notebook_server="ann/")
    assert not allowed(left, permission, group_id="g", owner_id="ann")


def test_an_owner_who_left_the_group_is_no_owner_there() -> None:
    left = Actor(_account("ann"), scopes=PERSON, roles={})
    assert not allowed(left, "notebook.log", group_id="g", owner_id="ann")


def test_what_may_not_be_seen_is_as_if_it_did_not_exist() -> None:
    with pytest.raises(NotFound) as hidden:
        require(ACTORS["outsider"], "group.read", kind="group", name="g", group_id="g")
    assert str(hidden.value) == str(NotFound.of("group", "g"))


def test_what_is_seen_but_not_allowed_says_who_may() -> None:
    with pytest.raises(Forbidden, match="Only a group admin or platform admin may do this"):
        require(ACTORS["member"], "group.settings", kind="group", name="g", group_id="g", visible=True)


def test_a_missing_scope_is_named() -> None:
    reader = Actor(_account("gil"), scopes=frozenset({Scope.READ}), roles={"g": Role.ADMIN})
    with pytest.raises(Forbidden, match="custom:primehub:group-admin"):
        require(reader, "group.settings", group_id="g")


@pytest.mark.parametrize("name", ["disabled", "nobody"])
def test_nobody_and_the_disabled_are_told_to_sign_in(name: str) -> None:
    with pytest.raises(Unauthenticated):
        require(ACTORS[name], "self.read", kind="group", name="g")
