"""What the platform sets up when it starts for the first time, so that there is something to use."""

from __future__ import annotations

from datetime import UTC, datetime

from ..domain.bootstrap import MachineFacts, first_things
from ..domain.identity import Account, Actor, MembershipPut, Role
from ..domain.images import ImageSource
from ..domain.permissions import PERSON_SCOPES
from ..store import catalog
from ..store.unit_of_work import UnitOfWork
from . import groups, images, instance_types, members

_PLATFORM = Actor(
    account=Account(
        id="",
        issuer="primehub",
        subject="",
        name="primehub",
        slug="primehub",
        display_name="PrimeHub",
        email="",
        enabled=True,
        platform_admin=True,
        must_change_password=False,
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
        last_seen_at=None,
        version=1,
    ),
    scopes=frozenset(PERSON_SCOPES),
)
"""The platform itself, which makes the first things as an administrator would. It is no account of the store."""


def first_start(uow: UnitOfWork, machine: MachineFacts, *, image: ImageSource, admin: str | None) -> bool:
    """Give an empty store instance types that fit the machine, an image, and a group. Whether it did.

    ``admin`` is the hub name of the first administrator, who becomes an admin of the group; None where accounts come
    from a provider alone. Nothing is done where there has ever been anything, deleted things included. It is one
    transaction: after a crash the next start does all of it, or nothing.
    """
    uow.lock("first-start")
    if not catalog.is_untouched(uow):
        return False
    things = first_things(machine, image)
    for spec in things.instance_types:
        instance_types.create(uow, _PLATFORM, spec)
    images.create(uow, _PLATFORM, things.image, accepts={image.type})
    group = groups.create(uow, _PLATFORM, things.group)
    if admin is not None:
        members.put(uow, _PLATFORM, group.slug, admin, MembershipPut(role=Role.ADMIN))
    return True
