"""Rows and actors with sensible defaults. Each function takes what the test is about and fills in the rest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from primehub_services.domain.identity import Account, Actor, Origin, Role
from primehub_services.domain.images import ImagePhase
from primehub_services.domain.names import make_slug, normalized
from primehub_services.domain.permissions import PERSON_SCOPES, Scope
from primehub_services.domain.units import GIB
from primehub_services.store.orm import AccountRow, GroupRow, ImageRow, InstanceTypeRow, MembershipRow
from primehub_services.store.unit_of_work import UnitOfWork


def _put(uow: UnitOfWork, row: Any) -> Any:
    uow.session.add(row)
    uow.session.flush()
    return row


def account(uow: UnitOfWork, name: str = "ann", **changes: Any) -> AccountRow:
    """A local account that may sign in, without a password."""
    values: dict[str, Any] = {
        "issuer": "local",
        "subject": name,
        "name": name,
        "normalized_name": normalized(name),
        "slug": make_slug(name, lambda _slug: False),
        "display_name": name.title(),
        "created_at": uow.now,
    }
    row: AccountRow = _put(uow, AccountRow(**(values | changes)))
    return row


def group(uow: UnitOfWork, name: str = "research", **changes: Any) -> GroupRow:
    """A group without any limit."""
    values: dict[str, Any] = {
        "name": name,
        "slug": make_slug(name, lambda _slug: False),
        "shared_volume": True,
        "launch_group_only": True,
        "created_at": uow.now,
    }
    row: GroupRow = _put(uow, GroupRow(**(values | changes)))
    return row


def membership(
    uow: UnitOfWork, person: AccountRow, of: GroupRow, role: Role = Role.MEMBER, origin: Origin = Origin.LOCAL
) -> MembershipRow:
    """The person's place in the group."""
    row: MembershipRow = _put(
        uow,
        MembershipRow(account_id=person.id, group_id=of.id, role=role.value, origin=origin.value, created_at=uow.now),
    )
    return row


def instance_type(uow: UnitOfWork, name: str = "cpu-1", **changes: Any) -> InstanceTypeRow:
    """One core and 2 GiB, for all groups."""
    values: dict[str, Any] = {
        "name": name,
        "slug": make_slug(name, lambda _slug: False),
        "cpu_limit": 1000,
        "memory_limit": 2 * GIB,
        "gpu_limit": 0,
        "gpu_resource": "nvidia.com/gpu",
        "node_selector": {},
        "tolerations": [],
        "all_groups": True,
        "created_at": uow.now,
    }
    row: InstanceTypeRow = _put(uow, InstanceTypeRow(**(values | changes)))
    return row


def image(uow: UnitOfWork, name: str = "base", **changes: Any) -> ImageRow:
    """A system image for all groups, an environment that is ready."""
    values: dict[str, Any] = {
        "name": name,
        "slug": make_slug(name, lambda _slug: False),
        "kind": "both",
        "source": {"type": "environment", "prefix": f"/opt/{name}"},
        "all_groups": True,
        "phase": ImagePhase.READY.value,
        "progress": 100,
        "location": f"/opt/{name}",
        "created_at": uow.now,
    }
    row: ImageRow = _put(uow, ImageRow(**(values | changes)))
    return row


def account_of(row: AccountRow) -> Account:
    """The row as the domain's model."""
    names = set(Account.model_fields)
    return Account.model_validate({name: getattr(row, name) for name in names})


def actor(uow: UnitOfWork, person: AccountRow, scopes: frozenset[str] = frozenset(PERSON_SCOPES)) -> Actor:
    """The person with every right that the store gives, signed in with these scopes."""
    roles: dict[str, Role] = {}
    for row in uow.session.scalars(sa.select(MembershipRow).where(MembershipRow.account_id == person.id)):
        role = Role(row.role)
        roles[row.group_id] = Role.ADMIN if Role.ADMIN in (role, roles.get(row.group_id)) else role
    return Actor(account=account_of(person), scopes=scopes, roles=roles)


def notebook_actor(uow: UnitOfWork, person: AccountRow, launch_group: GroupRow, server: str = "") -> Actor:
    """The own token of a notebook that the person started in the group."""
    signed_in = actor(uow, person)
    return Actor(
        account=signed_in.account,
        scopes=frozenset({Scope.NOTEBOOK}),
        roles=signed_in.roles,
        notebook_group=launch_group.id,
        notebook_server=f"{person.name}/{server}",
    )


def service(*scopes: Scope, name: str = "primehub-spawner") -> Actor:
    """One of the platform's own services."""
    return Actor(service=name, scopes=frozenset(scopes))


@dataclass(frozen=True)
class Cast:
    """Two groups and one of each kind of person, seen from group ``research``."""

    group: GroupRow
    other_group: GroupRow
    member: Actor
    group_admin: Actor
    outsider: Actor
    """A member and admin of ``other_group`` alone."""
    platform_admin: Actor
    """In no group."""
    notebook: Actor
    """The token of the member's notebook in ``group``."""
    spawner: Actor
    authenticator: Actor
    culler: Actor
    gateway: Actor

    def everyone(self) -> dict[str, Actor]:
        """Every actor by its name."""
        return {name: value for name, value in vars(self).items() if isinstance(value, Actor)}


def cast(uow: UnitOfWork) -> Cast:
    """Make them all."""
    research, other = group(uow, "research"), group(uow, "other")
    ann, gil, olga, root = (account(uow, name) for name in ("ann", "gil", "olga", "root"))
    root.platform_admin = True
    membership(uow, ann, research)
    membership(uow, gil, research, Role.ADMIN)
    membership(uow, olga, other, Role.ADMIN)
    uow.session.flush()
    return Cast(
        group=research,
        other_group=other,
        member=actor(uow, ann),
        group_admin=actor(uow, gil),
        outsider=actor(uow, olga),
        platform_admin=actor(uow, root),
        notebook=notebook_actor(uow, ann, research),
        spawner=service(Scope.CLAIMS),
        authenticator=service(Scope.ACCOUNTS, name="primehub-authenticator"),
        culler=service(Scope.CULLING, name="primehub-idle-culler"),
        gateway=service(Scope.ROUTES, name="primehub-gateway"),
    )
