"""Who may do what: the one table from which the API's checks, the hub's roles and the docs are made.

A permission names the relations to the thing that allow it, and the token scope without which even those do not.
Roles in groups are PrimeHub's own facts; JupyterHub knows only the scopes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from .identity import Actor, Role
from .problems import Forbidden, NotFound, Unauthenticated

PREFIX = "custom:primehub:"


class Scope(StrEnum):
    """JupyterHub custom scopes that tokens carry."""

    READ = "custom:primehub:read"
    WRITE = "custom:primehub:write"
    GROUP_ADMIN = "custom:primehub:group-admin"
    ADMIN = "custom:primehub:admin"
    NOTEBOOK = "custom:primehub:notebook"
    CLAIMS = "custom:primehub:claims"
    ACCOUNTS = "custom:primehub:accounts"
    CULLING = "custom:primehub:culling"
    ROUTES = "custom:primehub:routes"


SCOPE_DESCRIPTIONS: Mapping[Scope, str] = {
    Scope.READ: "Read what the person may read in PrimeHub",
    Scope.WRITE: "Start, stop and change the person's own things in PrimeHub",
    Scope.GROUP_ADMIN: "Administer the groups that the person administers",
    Scope.ADMIN: "Administer the platform, where the person is a platform admin",
    Scope.NOTEBOOK: "What a notebook's own token may do in its launch group",
    Scope.CLAIMS: "Claim and release quota for notebook servers (the spawner)",
    Scope.ACCOUNTS: "Check sign-ins and read who is in which group (the authenticator)",
    Scope.CULLING: "Ask which notebook servers are to be culled (the idle culler)",
    Scope.ROUTES: "Read which routes there are (the gateway)",
}

PERSON_SCOPES = (Scope.READ, Scope.WRITE, Scope.GROUP_ADMIN, Scope.ADMIN, Scope.NOTEBOOK)
"""Held by every person; what they are good for depends on the person's roles."""


class Relation(StrEnum):
    """How an actor stands to a thing."""

    PERSON = "person"
    """Any signed-in person with an enabled account."""
    MEMBER = "member"
    OWNER = "owner"
    GROUP_ADMIN = "group-admin"
    PLATFORM_ADMIN = "platform-admin"
    NOTEBOOK = "notebook"
    """A notebook's own token, in its launch group or about its own server."""
    SERVICE = "service"
    """One of the platform's own services, by its scope."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Who may, and with which scope."""

    scope: Scope
    relations: frozenset[Relation]


def _rule(scope: Scope, *relations: Relation) -> Rule:
    return Rule(scope, frozenset(relations))


P, M, O, GA, PA, N, S = Relation  # noqa: E741 - one letter each, so that the table below reads as a table

PERMISSIONS: Mapping[str, Rule] = {
    "self.read": _rule(Scope.READ, P, N),
    "self.write": _rule(Scope.WRITE, P),
    "self.tokens": _rule(Scope.WRITE, P),
    "self.notifications": _rule(Scope.READ, P),
    "group.read": _rule(Scope.READ, M, GA, PA, N),
    "group.usage": _rule(Scope.READ, M, GA, PA, N),
    "group.members": _rule(Scope.READ, M, GA, PA),
    "group.members.edit": _rule(Scope.GROUP_ADMIN, GA, PA),
    "group.settings": _rule(Scope.GROUP_ADMIN, GA, PA),
    "group.edit": _rule(Scope.ADMIN, PA),
    "group.images": _rule(Scope.GROUP_ADMIN, GA, PA),
    "group.secrets": _rule(Scope.GROUP_ADMIN, GA, PA),
    "group.invite": _rule(Scope.GROUP_ADMIN, GA, PA),
    "launch.options": _rule(Scope.READ, M, N),
    "launch.check": _rule(Scope.READ, M, N),
    "notebook.start": _rule(Scope.WRITE, M),
    "notebook.read": _rule(Scope.READ, O, GA, PA, N),
    "notebook.log": _rule(Scope.READ, O, PA, N),
    "notebook.keep": _rule(Scope.WRITE, O, N),
    "notebook.stop": _rule(Scope.WRITE, O, PA),
    "job.submit": _rule(Scope.WRITE, M, N),
    "job.check": _rule(Scope.READ, M, N),
    "job.read": _rule(Scope.READ, M, GA, PA, N),
    "job.cancel": _rule(Scope.WRITE, O, GA, PA, N),
    "job.delete": _rule(Scope.WRITE, O, GA, PA),
    "queue.read": _rule(Scope.READ, M, GA, PA, N),
    "schedule.read": _rule(Scope.READ, M, GA, PA, N),
    "schedule.create": _rule(Scope.WRITE, M, N),
    "schedule.edit": _rule(Scope.WRITE, O, GA, PA),
    "schedule.snapshot": _rule(Scope.WRITE, O, N),
    "routes.call": _rule(Scope.READ, M, N),
    "platform.admin": _rule(Scope.ADMIN, PA),
    "claims": _rule(Scope.CLAIMS, S),
    "accounts": _rule(Scope.ACCOUNTS, S),
    "culling": _rule(Scope.CULLING, S),
    "routes.read": _rule(Scope.ROUTES, S),
}


_WRITES_AS: Mapping[Relation, Scope] = {
    Relation.GROUP_ADMIN: Scope.GROUP_ADMIN,
    Relation.PLATFORM_ADMIN: Scope.ADMIN,
}
"""What a token needs beside ``WRITE``, which is for the person's own things, to change those of others as an admin.
Reading asks for nothing more: ``READ`` is for all that the person may read."""


def writes_as(rule: Rule) -> Mapping[Relation, Scope]:
    """Relations of the rule that count only with a scope more than the rule's own, and which."""
    return {r: scope for r, scope in _WRITES_AS.items() if r in rule.relations and rule.scope is Scope.WRITE}


def relations(actor: Actor, *, group_id: str | None = None, owner_id: str | None = None) -> frozenset[Relation]:
    """Every relation of the actor to a thing of this group and this owner."""
    if actor.service is not None:
        return frozenset({Relation.SERVICE})
    if actor.account is None or not actor.account.enabled:
        return frozenset()
    if actor.is_notebook:
        in_launch_group = group_id is None or group_id == actor.notebook_group
        own = owner_id is None or owner_id == actor.account.id
        still_member = actor.notebook_group in actor.roles
        return frozenset({Relation.NOTEBOOK}) if in_launch_group and own and still_member else frozenset()
    found = {Relation.PERSON}
    role = actor.roles.get(group_id) if group_id is not None else None
    if role is not None:
        found.add(Relation.MEMBER)
    if role is Role.ADMIN:
        found.add(Relation.GROUP_ADMIN)
    if owner_id == actor.account.id and (group_id is None or role is not None):
        found.add(Relation.OWNER)
    if actor.account.platform_admin:
        found.add(Relation.PLATFORM_ADMIN)
    return frozenset(found)


def _lacking(actor: Actor, rule: Rule, relation: Relation) -> Scope | None:
    """The scope without which the relation does not count here; None where it does."""
    if relation is Relation.NOTEBOOK and Scope.NOTEBOOK in actor.scopes:
        return None
    if rule.scope not in actor.scopes:
        return rule.scope
    more = writes_as(rule).get(relation)
    return more if more is not None and more not in actor.scopes else None


def allowed(actor: Actor, permission: str, *, group_id: str | None = None, owner_id: str | None = None) -> bool:
    """Whether the actor may, by relation and by scope."""
    rule = PERMISSIONS[permission]
    found = relations(actor, group_id=group_id, owner_id=owner_id) & rule.relations
    return any(_lacking(actor, rule, relation) is None for relation in found)


def require(
    actor: Actor,
    permission: str,
    *,
    kind: str = "thing",
    name: str = "",
    group_id: str | None = None,
    owner_id: str | None = None,
    visible: bool = False,
) -> None:
    """Raises unless the actor may: NotFound where the actor may not even see the thing, else Forbidden.

    ``visible`` says that the caller has already found that the actor may see it.
    """
    if allowed(actor, permission, group_id=group_id, owner_id=owner_id):
        return
    if actor.service is None and (actor.account is None or not actor.account.enabled):
        msg = "Sign in with an account that is enabled."
        raise Unauthenticated(msg)
    if name and not visible:
        raise NotFound.of(kind, name)
    rule = PERMISSIONS[permission]
    found = relations(actor, group_id=group_id, owner_id=owner_id) & rule.relations
    lacking = [scope for relation in Relation if relation in found and (scope := _lacking(actor, rule, relation))]
    if lacking:
        msg = f"The token lacks the scope {lacking[0]}."
        raise Forbidden(msg, scope=lacking[0].value)
    who = " or ".join(sorted(r.value.replace("-", " ") for r in rule.relations - {Relation.NOTEBOOK}))
    msg = f"Only a {who} may do this."
    raise Forbidden(msg)
