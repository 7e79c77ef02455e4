"""Who a request is made as: JupyterHub says whose token it is and what it carries, the store what that is worth."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..domain.identity import Actor, Role
from ..domain.permissions import PERSON_SCOPES, PREFIX, Scope, require
from ..domain.problems import Unauthenticated
from ..store import accounts
from ..store.members import strongest
from ..store.orm import GroupRow, MembershipRow
from ..store.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class _Scopes:
    """The PrimeHub scopes of a token, sorted by their filters."""

    held: frozenset[str]
    """Without a filter, or filtered to the token's own person."""
    groups: frozenset[str]
    """Slugs that a notebook's token is narrowed to."""
    servers: frozenset[str]
    """``user/server`` that a notebook's token is narrowed to."""


def actor_for(uow: UnitOfWork, hub_model: Mapping[str, Any]) -> Actor:
    """The actor of a token, from the hub's ``GET /user`` with that token. One query.

    Raises ``Unauthenticated`` where the account is unknown, disabled or deleted, and for a notebook's token whose
    group does not exist any more or has lost its owner.
    """
    name = str(hub_model.get("name", ""))
    service = hub_model.get("kind") == "service"
    return actor_of(hub_model, None if service else accounts.with_memberships(uow, name))


def actor_of(hub_model: Mapping[str, Any], found: accounts.Places | None) -> Actor:
    """``actor_for``, with what the store has of the person already read."""
    name = str(hub_model.get("name", ""))
    if hub_model.get("kind") == "service":
        return Actor(service=name, scopes=_sort(hub_model.get("scopes", ()), None).held)
    row, places = _usable(found)
    scopes = _sort(hub_model.get("scopes", ()), name)
    roles = _roles(places)
    slugs = {group.slug: group.id for group, _ in places}
    account = accounts.to_model(row)
    if scopes.held or not (scopes.groups or scopes.servers):
        return Actor(account=account, scopes=scopes.held, roles=roles)
    if len(scopes.groups) != 1 or len(scopes.servers) != 1:
        msg = "A notebook's token must be for one group and one server. Restart the notebook."
        raise Unauthenticated(msg)
    group_id = slugs.get(next(iter(scopes.groups)))
    if group_id is None:
        msg = "This notebook's group does not exist any more, or its owner has left it."
        raise Unauthenticated(msg)
    return Actor(
        account=account,
        scopes=frozenset({Scope.NOTEBOOK.value}),
        roles={group_id: roles[group_id]},  # nothing that lists by roles may go beyond the launch group
        notebook_group=group_id,
        notebook_server=next(iter(scopes.servers)),
    )


def person(uow: UnitOfWork, name: str) -> Actor:
    """A person with every scope: for what the platform does on somebody's behalf without a token of theirs.

    Raises ``Unauthenticated`` as ``actor_for`` does.
    """
    return person_of(name, accounts.with_memberships(uow, name))


def person_of(name: str, found: accounts.Places | None) -> Actor:
    """``person``, with what the store has of them already read."""
    return actor_of({"kind": "user", "name": name, "scopes": [scope.value for scope in PERSON_SCOPES]}, found)


def again(uow: UnitOfWork, actor: Actor) -> Actor:
    """The actor as the store has it now, for who has waited for a lock since the actor was made.

    Whoever takes the account's rights away waits until the transaction ends, and finds what it made. Raises
    ``Unauthenticated`` where the account is deleted or disabled by now.
    """
    if actor.account is None or not actor.account.id:  # a service, or the platform itself
        return actor
    row, places = _usable(accounts.with_memberships(uow, actor.account.name, hold=True))
    roles = _roles(places)
    if actor.is_notebook:
        roles = {group: role for group, role in roles.items() if group == actor.notebook_group}
    return replace(actor, account=accounts.to_model(row), roles=roles)


def require_admin(uow: UnitOfWork, actor: Actor) -> None:
    """Raises unless the actor is a platform admin, and is one still when it is its turn.

    To be asked before any row is locked: two admins who take each other's right away must not both succeed.
    """
    require(actor, "platform.admin")
    uow.lock(accounts.ADMINS)
    require(again(uow, actor), "platform.admin")


def _usable(found: accounts.Places | None) -> accounts.Places:
    if found is None or not found[0].enabled:
        msg = "This account does not exist or is disabled. Ask a platform admin."
        raise Unauthenticated(msg)
    return found


def _roles(places: Iterable[tuple[GroupRow, MembershipRow]]) -> dict[str, Role]:
    roles: dict[str, Role] = {}
    for group, membership in places:
        roles[group.id] = strongest({membership.role, roles.get(group.id, Role.MEMBER)})
    return roles


def _sort(scopes: Iterable[str], user: str | None) -> _Scopes:
    held, groups, servers = set(), set(), set()
    for text in scopes:
        scope, _, condition = text.partition("!")
        if not scope.startswith(PREFIX):
            continue
        kind, _, value = condition.partition("=")
        if not condition or (user is not None and kind == "user" and value in ("", user)):
            held.add(scope)
        elif scope == Scope.NOTEBOOK and kind == "group":
            groups.add(value)
        elif scope == Scope.NOTEBOOK and kind == "server" and value.partition("/")[0] == user:
            servers.add(value)
    return _Scopes(frozenset(held), frozenset(groups), frozenset(servers))
