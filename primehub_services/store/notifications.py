"""Messages that are to be sent, and what people want to hear of."""

from __future__ import annotations

import secrets as random
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa

from ..domain.notifications import Channel, Delivery, Event, NotificationSettings
from .crypto import Keyring
from .orm import AccountRow, MembershipRow, NotificationRow, NotificationSettingsRow
from .secrets import seal
from .unit_of_work import UnitOfWork

CHANGE: Final = "notification"


def settings(uow: UnitOfWork, account_id: str) -> NotificationSettings:
    """A person's; everything off until they said otherwise."""
    return _settings(uow.session.get(NotificationSettingsRow, account_id))


def _settings(row: NotificationSettingsRow | None) -> NotificationSettings:
    if row is None:
        return NotificationSettings()
    known = {key: value for key, value in row.settings.items() if key in NotificationSettings.model_fields}
    return NotificationSettings.model_validate(known)


def put(uow: UnitOfWork, account_id: str, new: NotificationSettings) -> NotificationSettingsRow:
    """Keep a person's settings."""
    row = uow.session.get(NotificationSettingsRow, account_id)
    if row is None:
        row = NotificationSettingsRow(id=account_id, settings={})
        uow.session.add(row)
    row.settings = {name: value for name, value in new.model_dump(mode="json").items() if name in _FIELDS}
    uow.session.flush()
    return row


_FIELDS = frozenset(NotificationSettings.model_fields)


def put_secret(uow: UnitOfWork, keyring: Keyring, row: NotificationSettingsRow, value: str | None) -> str:
    """Encrypt what webhooks are signed with; a new one where ``value`` is None. The value."""
    value = value or random.token_urlsafe(32)
    row.key_id, row.ciphertext = seal(uow, keyring, value, row_id=row.id)
    uow.session.flush()
    return value


def secret(uow: UnitOfWork, keyring: Keyring, account_id: str) -> str | None:
    """What the person's webhooks are signed with."""
    row = uow.session.get(NotificationSettingsRow, account_id)
    return keyring.decrypt(row.key_id, row.ciphertext, row_id=row.id) if row is not None and row.key_id else None


def has_secret(uow: UnitOfWork, account_id: str) -> bool:
    """Whether the person's webhooks can be signed."""
    row = uow.session.get(NotificationSettingsRow, account_id)
    return row is not None and bool(row.key_id)


def add(
    uow: UnitOfWork,
    account_id: str,
    subject_id: str,
    channels: Sequence[Channel],
    content: dict[str, Any],
    *,
    held: Mapping[Channel, str] | None = None,
) -> list[str]:
    """Messages to send, one for each channel that was not told of the subject yet. Their ids.

    ``held`` says of a channel why its message is only kept.
    """
    held = held or {}
    told = set(
        uow.session.scalars(
            sa.select(NotificationRow.channel).where(
                NotificationRow.account_id == account_id, NotificationRow.subject_id == subject_id
            )
        )
    )
    rows = [
        NotificationRow(
            account_id=account_id,
            subject_id=subject_id,
            channel=channel.value,
            content=content,
            due_at=None if channel in held else uow.now,
            error=held.get(channel, ""),
            created_at=uow.now,
        )
        for channel in channels
        if channel.value not in told
    ]
    uow.session.add_all(rows)
    uow.session.flush()
    if rows:
        uow.changed(CHANGE, account_id, "create", account_id=account_id)
    return [row.id for row in rows]


def due(uow: UnitOfWork, now: datetime, *, limit: int, each: int) -> list[tuple[str, str]]:
    """Id and way (``<account> <channel>``) of the messages that are to be tried now, the longest due first; of each way
    only so many, however many wait there."""
    way = NotificationRow.account_id, NotificationRow.channel
    place = sa.func.row_number().over(partition_by=way, order_by=(NotificationRow.due_at, NotificationRow.id))
    columns = NotificationRow.id, *way, NotificationRow.due_at, place.label("place")
    waiting = sa.select(*columns).where(NotificationRow.due_at <= now).subquery().c
    statement = sa.select(waiting.id, waiting.account_id, waiting.channel).where(waiting.place <= each)
    found = uow.session.execute(statement.order_by(waiting.due_at, waiting.id).limit(limit))
    return [(message, f"{account} {channel}") for message, account, channel in found]


def next_due(uow: UnitOfWork) -> datetime | None:
    """When the next message is to be tried."""
    return uow.session.scalar(sa.select(sa.func.min(NotificationRow.due_at)))


def take(uow: UnitOfWork, notification_id: str, now: datetime, lease: timedelta) -> NotificationRow | None:
    """The message, if it is still due: counted as tried, and nobody else's before ``lease`` is over."""
    row = uow.session.scalar(
        sa.select(NotificationRow)
        .where(NotificationRow.id == notification_id, NotificationRow.due_at <= now)
        .with_for_update(skip_locked=True)
    )
    if row is not None:
        row.tries += 1
        row.due_at = now + lease
        uow.session.flush()
    return row


def done(uow: UnitOfWork, notification_id: str, *, error: str = "", due_at: datetime | None = None) -> None:
    """A try is over: sent where there is no error; tried again at ``due_at``, given up where that is None."""
    row = uow.session.get(NotificationRow, notification_id)
    if row is None or row.sent_at is not None:
        return
    row.error = error
    row.due_at = due_at
    row.sent_at = None if error else uow.now
    uow.changed(CHANGE, row.account_id, "update", account_id=row.account_id)


def recipient(uow: UnitOfWork, account_id: str) -> AccountRow | None:
    """The person, while the account may be used."""
    row = uow.session.get(AccountRow, account_id)
    return row if row is not None and row.enabled and row.deleted_at is None else None


def may_hear(uow: UnitOfWork, account_id: str, group_id: str) -> bool:
    """Whether the person has an account that may be used, and is in the group."""
    found = (
        sa.exists()
        .where(AccountRow.id == account_id, AccountRow.enabled, AccountRow.deleted_at.is_(None))
        .where(MembershipRow.account_id == AccountRow.id, MembershipRow.group_id == group_id)
    )
    return bool(uow.session.scalar(sa.select(found)))


def latest(uow: UnitOfWork, account_id: str) -> tuple[Delivery, ...]:
    """The latest message of each channel."""
    found = []
    for channel in Channel:
        row = uow.session.scalar(
            sa.select(NotificationRow)
            .where(NotificationRow.account_id == account_id, NotificationRow.channel == channel.value)
            .order_by(NotificationRow.created_at.desc(), NotificationRow.id)
            .limit(1)
        )
        if row is not None and (row.sent_at is not None or row.error):
            found.append(to_delivery(row))
    return tuple(found)


def to_delivery(row: NotificationRow) -> Delivery:
    """What became of a message so far."""
    return Delivery(
        channel=Channel(row.channel),
        event=Event(row.content["event"]),
        at=row.sent_at or row.created_at,
        sent=row.sent_at is not None,
        message=row.error,
    )


def by_ids(uow: UnitOfWork, ids: Sequence[str]) -> list[NotificationRow]:
    """The messages with these ids."""
    return list(uow.session.scalars(sa.select(NotificationRow).where(NotificationRow.id.in_(list(ids)))))


def recent_tests(uow: UnitOfWork, account_id: str, since: datetime) -> int:
    """How many tests a person asked for since then, however many messages each was."""
    return (
        uow.session.scalar(
            sa.select(sa.func.count(sa.distinct(NotificationRow.subject_id))).where(
                NotificationRow.account_id == account_id,
                NotificationRow.created_at > since,
                NotificationRow.subject_id.startswith("test-"),
            )
        )
        or 0
    )


def recent_mails(uow: UnitOfWork, account_id: str, since: datetime) -> int:
    """How many e-mails to a person were tried, or are to be, of those that were written since then."""
    return (
        uow.session.scalar(
            sa.select(sa.func.count()).where(
                NotificationRow.account_id == account_id,
                NotificationRow.channel == Channel.EMAIL.value,
                NotificationRow.created_at > since,
                sa.or_(NotificationRow.due_at.is_not(None), NotificationRow.tries > 0),
            )
        )
        or 0
    )


def sweep(uow: UnitOfWork, before: datetime, *, limit: int) -> int:
    """Delete old messages that are sent or given up. How many."""
    old = (
        sa.select(NotificationRow.id)
        .where(NotificationRow.created_at < before, NotificationRow.due_at.is_(None))
        .limit(limit)
    )
    deleted = uow.session.execute(
        sa.delete(NotificationRow)
        .where(NotificationRow.id.in_(old))
        .execution_options(synchronize_session=False)
        .returning(NotificationRow.id)
    )
    return len(deleted.all())


def forget(uow: UnitOfWork, account_id: str) -> None:
    """Delete a person's settings and messages."""
    for table, column in (
        (NotificationRow, NotificationRow.account_id),
        (NotificationSettingsRow, NotificationSettingsRow.id),
    ):
        uow.session.execute(sa.delete(table).where(column == account_id).execution_options(synchronize_session=False))
