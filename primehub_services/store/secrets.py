"""Secrets as rows, always encrypted; and the change of the key they are encrypted with."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

import sqlalchemy as sa
from pydantic import SecretStr
from sqlalchemy.orm import defer

from ..domain.names import as_reference
from ..domain.paging import PageQuery
from ..domain.pull_secrets import PullSecret
from ..domain.secrets import Secret, SecretKind
from . import catalog, lists
from .crypto import Keyring
from .database import Database
from .orm import AccountRow, ImageRow, LoginRequestRow, NotificationSettingsRow, SecretRow, VolumeRow
from .unit_of_work import UnitOfWork

LOCK = "secrets"
"""Held by everything that writes a ciphertext, so that no row is left behind with a key that is being dropped."""
_SHARED = (SecretKind.PULL.value, SecretKind.GIT.value)
_ENCRYPTED: tuple[Any, ...] = (SecretRow, LoginRequestRow, NotificationSettingsRow)
"""Tables with values under the keys; a tombstone's key is empty."""
_SORTS = {"name": SecretRow.name, "kind": SecretRow.kind, "created_at": SecretRow.created_at}


def to_models(uow: UnitOfWork, rows: Iterable[SecretRow], seen: catalog.Seen) -> list[Secret]:
    """The rows without their values, naming only groups that may be seen."""
    rows = list(rows)
    ids = {group_id for row in rows for group_id in [row.owner_group_id, *row.groups] if group_id}
    slugs = catalog.slugs_of_groups(uow, ids if seen is None else ids & seen)
    owners = {row.account_id for row in rows if row.account_id}
    names: dict[str, str] = {
        account_id: name
        for account_id, name in uow.session.execute(
            sa.select(AccountRow.id, AccountRow.name).where(AccountRow.id.in_(owners))
        )
    }
    return [
        Secret(
            id=row.id,
            name=row.name,
            slug=row.slug,
            display_name=row.display_name,
            kind=SecretKind(row.kind),
            registry=row.registry_host,
            username=row.username,
            owner=names.get(row.account_id or ""),
            group=slugs.get(row.owner_group_id or ""),
            groups=tuple(sorted(slugs[group_id] for group_id in row.groups if group_id in slugs)),
            created_at=row.created_at,
            updated_at=row.updated_at,
            version=row.version,
        )
        for row in rows
    ]


def list_(uow: UnitOfWork, query: PageQuery, visible: Iterable[str] | None) -> tuple[Sequence[SecretRow], int]:
    """A page of the secrets that are not deleted; of the ids ``visible`` alone where given."""
    statement = sa.select(SecretRow).where(
        SecretRow.deleted_at.is_(None), lists.matching(query.search, SecretRow.name, SecretRow.display_name)
    )
    if visible is not None:
        statement = statement.where(SecretRow.id.in_(list(visible)))
    return lists.page(uow, statement, query, sorts=_SORTS, default="name", key=SecretRow.id)


def candidates(
    uow: UnitOfWork, *, account_id: str | None, group_ids: Iterable[str], everything: bool = False
) -> Sequence[SecretRow]:
    """Secrets of the person, of the groups, and all of the platform's; or ``everything``. Without their values."""
    statement = sa.select(SecretRow).where(SecretRow.deleted_at.is_(None)).options(defer(SecretRow.ciphertext))
    if not everything:
        statement = statement.where(
            sa.or_(
                SecretRow.account_id == account_id,
                SecretRow.owner_group_id.in_(list(group_ids)),
                SecretRow.kind.in_(_SHARED),
            )
        )
    return uow.session.scalars(statement.order_by(SecretRow.slug)).all()


def name_taken(uow: UnitOfWork, name: str, *, account_id: str | None, owner_group_id: str | None) -> bool:
    """Whether the owner (the platform, a group, or a person) has a secret of that name."""
    if account_id is not None:
        return catalog.name_taken(uow, SecretRow, name, SecretRow.account_id == account_id)
    if owner_group_id is not None:
        return catalog.name_taken(uow, SecretRow, name, SecretRow.owner_group_id == owner_group_id)
    nobody = (SecretRow.account_id.is_(None), SecretRow.owner_group_id.is_(None))
    return catalog.name_taken(uow, SecretRow, name, *nobody)


def find_shared(uow: UnitOfWork, reference: str, kind: SecretKind, *, group_id: str | None = None) -> SecretRow | None:
    """The platform's secret of this kind and slug, else name; with ``group_id`` only if that group may use it."""
    name = as_reference(reference)
    row = uow.session.scalar(
        sa.select(SecretRow)
        .where(
            SecretRow.deleted_at.is_(None),
            SecretRow.kind == kind.value,
            SecretRow.kind.in_(_SHARED),
            sa.or_(SecretRow.slug == name, SecretRow.name == name),
        )
        .order_by(sa.case((SecretRow.slug == name, 0), else_=1))
        .limit(1)
    )
    return row if row is not None and (group_id is None or group_id in row.groups) else None


def users_of(uow: UnitOfWork, row: SecretRow) -> list[str]:
    """Slugs of the images and volumes that name the secret."""
    images = uow.session.scalars(sa.select(ImageRow).where(ImageRow.deleted_at.is_(None)))
    volumes = uow.session.scalars(sa.select(VolumeRow).where(VolumeRow.deleted_at.is_(None)))
    found = [f"image {image.slug}" for image in images if _names(image.source.get("pull_secret"), row)]
    return sorted(found + [f"volume {volume.slug}" for volume in volumes if _names(volume.source.get("secret"), row)])


def images_of(uow: UnitOfWork, row: SecretRow, group_ids: Collection[str]) -> list[str]:
    """Slugs of the groups' own images that name the secret."""
    statement = sa.select(ImageRow).where(ImageRow.deleted_at.is_(None), ImageRow.owner_group_id.in_(group_ids))
    images = uow.session.scalars(statement.order_by(ImageRow.slug))
    return [image.slug for image in images if _names(image.source.get("pull_secret"), row)]


def _names(reference: str | None, row: SecretRow) -> bool:
    # by its name too: so it was kept, before a slug was
    return as_reference(reference or "") in (row.slug, row.name)


def seal(uow: UnitOfWork, keyring: Keyring, value: str, *, row_id: str) -> tuple[str, bytes]:
    """The key's id and the value encrypted with it, safe from a rotation that happens at the same time."""
    uow.lock(LOCK)
    keyring.refresh()
    return keyring.encrypt(value, row_id=row_id)


def put_value(uow: UnitOfWork, keyring: Keyring, row: SecretRow, value: SecretStr) -> None:
    """Encrypt the value into the row, which has its id."""
    row.key_id, row.ciphertext = seal(uow, keyring, value.get_secret_value(), row_id=row.id)
    row.updated_at = uow.now


def bury(uow: UnitOfWork, row: SecretRow) -> None:
    """Make it a tombstone, its value gone."""
    row.ciphertext, row.key_id = b"", ""
    row.deleted_at = uow.now


def secret_value(uow: UnitOfWork, keyring: Keyring, secret_id: str) -> SecretStr | None:
    """The value, for the platform's own use alone: no operation returns it. None where it was deleted."""
    row = uow.session.get(SecretRow, secret_id)
    if row is None or row.deleted_at is not None:
        return None
    return SecretStr(keyring.decrypt(row.key_id, row.ciphertext, row_id=row.id))


def pull_secrets(uow: UnitOfWork, keyring: Keyring) -> list[PullSecret]:
    """All of kind ``pull``, with their values: for the cluster's nodes alone."""
    keyring.refresh()
    of_kind = (SecretRow.kind == SecretKind.PULL.value, SecretRow.deleted_at.is_(None))
    return [
        PullSecret(
            slug=row.slug,
            registry=row.registry_host,
            username=row.username,
            value=SecretStr(keyring.decrypt(row.key_id, row.ciphertext, row_id=row.id)),
        )
        for row in uow.session.scalars(sa.select(SecretRow).where(*of_kind).order_by(SecretRow.slug))
    ]


def reencrypt(uow: UnitOfWork, keyring: Keyring) -> int:
    """Encrypt everything with the newest key. The number of values that were not."""
    uow.lock(LOCK)
    count = 0
    for table in _ENCRYPTED:
        held = sa.select(table).where(table.key_id.is_not(None), table.key_id.not_in(["", keyring.newest]))
        for row in uow.session.scalars(held):
            value = keyring.decrypt(row.key_id, row.ciphertext, row_id=row.id)
            row.key_id, row.ciphertext = keyring.encrypt(value, row_id=row.id)
            count += 1
    return count


def used_keys(uow: UnitOfWork) -> set[str]:
    """Ids of the keys that some value is encrypted with."""
    return {key for table in _ENCRYPTED for key in uow.session.scalars(sa.select(table.key_id).distinct()) if key}


def rotate(database: Database, keyring: Keyring) -> int:
    """Encrypt every value with a new key and drop the old ones. The number of values.

    The new key is in the file before any row needs it, and an old one leaves it when no row does: after a crash at
    any line every secret can be read, and the next rotation finishes the work.
    """
    with keyring.rotating():
        count = database.write_now(reencrypt, keyring)
        keyring.drop_all_but(database.read_now(used_keys))
    return count
