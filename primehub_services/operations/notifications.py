"""What people are told of. A message is written with what it tells, in one transaction; a controller sends it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from ..domain.identity import Account, Actor
from ..domain.jobs import JobPhase
from ..domain.notifications import (
    Channel,
    Event,
    Notifications,
    NotificationSettings,
    NotificationsPut,
    NotificationTest,
    event_of_job,
)
from ..domain.permissions import require
from ..domain.problems import Conflict, Invalid, TooMany
from ..store import accounts, groups
from ..store import notifications as store
from ..store import schedules as schedule_store
from ..store.crypto import Keyring
from ..store.orm import JobRow, ScheduleRow
from ..store.orm.base import new_id
from ..store.unit_of_work import UnitOfWork

TESTS = 5
"""Tests that a person may ask for in ``TEST_SPAN``, of one channel or of all."""
TEST_SPAN = timedelta(minutes=10)
MAILS = 50
"""E-mails about jobs that a person is sent in ``MAIL_SPAN``."""
MAIL_SPAN = timedelta(hours=1)


def job_ended(uow: UnitOfWork, job: JobRow) -> None:
    """Tell the job's owner of its end, as they want it. Called in the transaction that puts the job's final phase."""
    settings = store.settings(uow, job.account_id)
    if not settings.channels:
        return
    event = event_of_job(settings, JobPhase(job.phase), scheduled=job.scheduled)
    # who has left the group is told nothing of it any more
    if event is None or not store.may_hear(uow, job.account_id, job.group_id):
        return
    group = groups.by_id(uow, job.group_id)
    schedule = schedule_store.by_id(uow, job.schedule_id) if job.schedule_id else None
    content: dict[str, Any] = {
        "event": event.value,
        "id": job.id,
        "name": job.name,
        "group": group.slug if group is not None else "",
        "phase": job.phase,
        "reason": job.reason,
        "message": job.message,
        "exit_code": job.exit_code,
        "schedule": job.schedule_id,
        "schedule_name": schedule.name if schedule is not None else "",
        "started_at": _moment(job.started_at),
        "ended_at": _moment(job.ended_at),
    }
    _tell(uow, job.account_id, job.id, settings, content)


def schedule_paused(uow: UnitOfWork, schedule: ScheduleRow, reason: str) -> None:
    """Tell the owner that the platform paused a recurring job."""
    _of_schedule(uow, schedule, Event.SCHEDULE_PAUSED, reason)


def schedule_failed(uow: UnitOfWork, schedule: ScheduleRow, reason: str) -> None:
    """Tell the owner that a run could not even begin."""
    _of_schedule(uow, schedule, Event.SCHEDULE_FAILED, reason)


def _of_schedule(uow: UnitOfWork, schedule: ScheduleRow, event: Event, reason: str) -> None:
    settings = store.settings(uow, schedule.account_id)
    if not settings.channels or not settings.recurring:
        return
    if store.recipient(uow, schedule.account_id) is None:
        return
    group = groups.by_id(uow, schedule.group_id)
    content = {
        "event": event.value,
        "id": schedule.id,
        "name": schedule.name,
        "group": group.slug if group is not None else "",
        "message": reason,
        "ended_at": _moment(uow.now),
    }
    _tell(uow, schedule.account_id, f"{schedule.id}-{uow.now.timestamp():.6f}", settings, content)


def _tell(
    uow: UnitOfWork, account_id: str, subject_id: str, settings: NotificationSettings, content: dict[str, Any]
) -> None:
    """A message for each channel; an e-mail beyond ``MAILS`` is noted as not sent.

    People choose the address and what jobs say: the platform's mail server is not to be anybody's for any number.
    """
    held: dict[Channel, str] = {}
    if Channel.EMAIL in settings.channels and store.recent_mails(uow, account_id, uow.now - MAIL_SPAN) >= MAILS:
        held[Channel.EMAIL] = f"Not sent: {MAILS} e-mails in {MAIL_SPAN.total_seconds() / 60:.0f} minutes are the most."
    store.add(uow, account_id, subject_id, settings.channels, content, held=held)


def get(uow: UnitOfWork, actor: Actor, *, email_available: bool) -> Notifications:
    """One's own settings, in person: an address can be as good as a key, and a notebook runs anybody's packages."""
    require(actor, "self.notifications")
    account = _account(actor)
    return _view(uow, account, store.settings(uow, account.id), email_available=email_available)


def put(
    uow: UnitOfWork, actor: Actor, new: NotificationsPut, *, keyring: Keyring, email_available: bool
) -> Notifications:
    """Set one's own settings. What signs webhooks is made with the first one, and shown in this answer alone."""
    require(actor, "self.write")
    account = _account(actor)
    before = store.settings(uow, account.id)
    if new.email and not before.email:
        _check_email(account, available=email_available)
    row = store.put(uow, account.id, new)
    shown = None
    if new.webhook_secret is not None:
        store.put_secret(uow, keyring, row, new.webhook_secret.get_secret_value())
    elif new.webhook and not row.key_id:
        shown = store.put_secret(uow, keyring, row, None)
    uow.audit(actor, "notifications.update", account.name, channels=[channel.value for channel in new.channels])
    uow.changed(store.CHANGE, account.id, "update", account_id=account.id)
    settings = store.settings(uow, account.id)
    return _view(uow, account, settings, email_available=email_available, shown=shown)


def begin_test(uow: UnitOfWork, actor: Actor) -> list[str]:
    """Messages that try every channel that is on; their ids. Raises ``Conflict`` where none is, and ``TooMany``."""
    require(actor, "self.write")
    account = _account(actor)
    settings = store.settings(uow, account.id)
    if not settings.channels:
        msg = "No channel is on. Turn e-mail or the webhook on first."
        raise Conflict(msg)
    return _add_test(uow, account, settings.channels)


def begin_email_test(uow: UnitOfWork, actor: Actor, *, email_available: bool) -> list[str]:
    """A message to the platform admin's own address, whatever they are told of otherwise; its id.

    Raises ``Invalid`` where the platform or the account cannot have e-mail, and ``TooMany``.
    """
    require(actor, "platform.admin")
    account = _account(actor)
    _check_email(account, available=email_available)
    return _add_test(uow, account, (Channel.EMAIL,))


def _add_test(uow: UnitOfWork, account: Account, channels: Sequence[Channel]) -> list[str]:
    if store.recent_tests(uow, account.id, uow.now - TEST_SPAN) >= TESTS:
        msg = f"At most {TESTS} tests in {TEST_SPAN.total_seconds() / 60:.0f} minutes."
        raise TooMany(msg, retry_after_s=int(TEST_SPAN.total_seconds()))
    content = {"event": Event.TEST.value, "name": "test", "message": f"Asked for by {account.name}.", "group": ""}
    return store.add(uow, account.id, f"test-{new_id()}", channels, content)


def tested(uow: UnitOfWork, actor: Actor, ids: list[str]) -> tuple[NotificationTest, bool]:
    """What became of one's test messages, and whether all of them were tried."""
    require(actor, "self.write")
    account = _account(actor)
    rows = [row for row in store.by_ids(uow, ids) if row.account_id == account.id]
    over = all(row.sent_at is not None or row.error for row in rows)
    return NotificationTest(
        deliveries=tuple(store.to_delivery(row) for row in sorted(rows, key=lambda r: r.channel))
    ), over


def _check_email(account: Account, *, available: bool) -> None:
    if not available:
        fix = "ask a platform admin to set notifications.smtp, or use a webhook"
        raise Invalid.field("email", "this platform sends no e-mail", fix)
    if not account.email:
        raise Invalid.field("email", "your account has no e-mail address", "add one to your profile first")


def _account(actor: Actor) -> Account:
    assert actor.account is not None
    return actor.account


def _view(
    uow: UnitOfWork,
    account: Account,
    settings: NotificationSettings,
    *,
    email_available: bool,
    shown: str | None = None,
) -> Notifications:
    row = accounts.by_id(uow, account.id)
    return Notifications.model_validate(
        settings.model_dump()
        | {
            "address": row.email if row is not None else "",
            "email_available": email_available,
            "webhook_secret_set": store.has_secret(uow, account.id),
            "webhook_secret": shown,
            "latest": store.latest(uow, account.id),
        }
    )


def _moment(at: datetime | None) -> str | None:
    return at.isoformat(timespec="seconds") if at is not None else None
