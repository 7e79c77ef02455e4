"""From a token, as the hub describes it, to an actor."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from primehub_services.domain.identity import Origin, Role
from primehub_services.domain.permissions import PERSON_SCOPES, Relation, Scope, allowed, relations
from primehub_services.domain.problems import Unauthenticated
from primehub_services.operations.actors import actor_for, person
from primehub_services.store.database import Database
from primehub_services.store.orm import AccountRow, MembershipRow
from tests.support import factories
from tests.support.factories import Cast

UNFILTERED = [scope.value for scope in PERSON_SCOPES]
NOTEBOOK = [
    "access:servers!server=ann/",
    "custom:primehub:notebook!group=research",
    "custom:primehub:notebook!server=ann/",
]


def user(name: str, *scopes: str) -> dict[str, Any]:
    return {"kind": "user", "name": name, "admin": False, "groups": [], "scopes": list(scopes)}


def test_a_person_has_the_tokens_scopes_and_the_stores_roles(database: Database, cast: Cast) -> None:
    actor = database.read_now(actor_for, user("gil", *UNFILTERED, "tokens!user=gil", "self"))
    assert actor.account is not None
    assert actor.account == cast.group_admin.account
    assert actor.scopes == frozenset(UNFILTERED)
    assert actor.roles == {cast.group.id: Role.ADMIN}
    assert not actor.is_notebook


def test_a_filter_to_the_person_counts_as_held_and_other_filters_do_not(database: Database, cast: Cast) -> None:
    model = user(
        "ann",
        "custom:primehub:read!user=ann",
        "custom:primehub:write!user=gil",
        "custom:primehub:admin!group=research",
        "custom:primehub:notebook!server=gil/",
    )
    actor = database.read_now(actor_for, model)
    assert actor.scopes == frozenset({Scope.READ})
    assert not actor.is_notebook


def test_the_strongest_role_of_all_origins_counts(database: Database, cast: Cast) -> None:
    def twice(uow):
        ann = uow.session.scalars(sa.select(AccountRow).filter_by(name="ann")).one()
        factories.membership(uow, ann, cast.group, Role.ADMIN, Origin.PROVIDER)

    database.write_now(twice)
    assert database.read_now(actor_for, user("ann", *UNFILTERED)).roles == {cast.group.id: Role.ADMIN}


@pytest.mark.parametrize("change", [{"enabled": False}, {"deleted": True}])
def test_who_has_left_is_nobody(database: Database, cast: Cast, change: dict[str, bool]) -> None:
    def leave(uow):
        ann = uow.session.scalars(sa.select(AccountRow).filter_by(name="ann")).one()
        ann.enabled = change.get("enabled", True)
        ann.deleted_at = uow.now if change.get("deleted") else None

    database.write_now(leave)
    with pytest.raises(Unauthenticated):
        database.read_now(actor_for, user("ann", *UNFILTERED))
    with pytest.raises(Unauthenticated):
        database.read_now(person, "ann")


@pytest.mark.parametrize("name", ["nobody", "", "ann\0", "x" * 300])
def test_an_unknown_name_is_nobody(database: Database, cast: Cast, name: str) -> None:
    with pytest.raises(Unauthenticated):
        database.read_now(actor_for, user(name, *UNFILTERED))


def test_a_service_has_its_scopes_alone(database: Database) -> None:
    model = {"kind": "service", "name": "primehub-spawner", "scopes": ["custom:primehub:claims", "read:users"]}
    actor = database.read_now(actor_for, model)
    assert (actor.name, actor.scopes, actor.account) == ("service:primehub-spawner", frozenset({Scope.CLAIMS}), None)


def test_a_notebooks_token_is_for_its_launch_group_alone(database: Database, cast: Cast) -> None:
    def join_other(uow):
        ann = uow.session.scalars(sa.select(AccountRow).filter_by(name="ann")).one()
        factories.membership(uow, ann, cast.other_group, Role.ADMIN)

    database.write_now(join_other)
    actor = database.read_now(actor_for, user("ann", *NOTEBOOK))
    assert actor.notebook_group == cast.group.id
    assert actor.notebook_server == "ann/"
    assert actor.roles.keys() == {cast.group.id}
    assert relations(actor, group_id=cast.group.id) == {Relation.NOTEBOOK}
    assert allowed(actor, "launch.options", group_id=cast.group.id)
    assert not allowed(actor, "launch.options", group_id=cast.other_group.id)
    assert not allowed(actor, "notebook.start", group_id=cast.group.id)


def test_a_notebooks_token_ends_with_the_membership_and_with_the_group(database: Database, cast: Cast) -> None:
    def leave(uow):
        uow.session.execute(sa.delete(MembershipRow).where(MembershipRow.group_id == cast.group.id))

    database.write_now(leave)
    with pytest.raises(Unauthenticated, match="left it"):
        database.read_now(actor_for, user("ann", *NOTEBOOK))

    def dissolve(uow):
        uow.session.merge(cast.other_group).deleted_at = uow.now

    database.write_now(dissolve)
    in_other = [scope.replace("research", "other").replace("ann/", "olga/") for scope in NOTEBOOK]
    with pytest.raises(Unauthenticated, match="does not exist"):
        database.read_now(actor_for, user("olga", *in_other))


@pytest.mark.parametrize("scopes", [NOTEBOOK[:2], NOTEBOOK[1:2], NOTEBOOK[2:], [*NOTEBOOK, NOTEBOOK[1] + "-2"]])
def test_a_notebooks_token_that_is_not_for_one_group_and_one_server_is_refused(
    database: Database, cast: Cast, scopes: list[str]
) -> None:
    with pytest.raises(Unauthenticated):
        database.read_now(actor_for, user("ann", *scopes))


def test_a_persons_token_without_our_scopes_can_do_nothing(database: Database, cast: Cast) -> None:
    actor = database.read_now(actor_for, user("root", "self"))
    assert not any(
        allowed(actor, name, group_id=cast.group.id) for name in ("self.read", "platform.admin", "group.read")
    )


def test_one_query_finds_everything(database: Database, cast: Cast) -> None:
    statements: list[str] = []
    sa.event.listen(database.engine, "before_cursor_execute", lambda *args: statements.append(args[2]))
    database.read_now(actor_for, user("ann", *UNFILTERED))
    assert len([s for s in statements if s.startswith("SELECT")]) == 1
