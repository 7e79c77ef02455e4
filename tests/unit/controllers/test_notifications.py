"""Messages reach a real mail server and a real web server: signed, at least once, and never inside."""

from __future__ import annotations

import asyncio
import email
import email.policy
import hashlib
import hmac
import json
from collections.abc import Iterator
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from primehub_services.controllers.messengers import Mail, Webhooks
from primehub_services.controllers.notifications import AT_ONCE, EACH_AT_ONCE, LEASE, NotificationController
from primehub_services.domain.notifications import BACK_OFF, Channel, NotificationsPut
from primehub_services.domain.problems import TooMany
from primehub_services.domain.system import SystemSettings
from primehub_services.operations import accounts, members, notifications
from primehub_services.store import notifications as notification_store
from primehub_services.store import secrets as secret_store
from primehub_services.store import settings as settings_store
from primehub_services.store.crypto import Keyring
from primehub_services.store.database import Database
from primehub_services.store.orm import AccountRow, JobRow, NotificationRow, NotificationSettingsRow
from primehub_services.store.unit_of_work import UnitOfWork
from tests.support.clock import FixedClock
from tests.support.factories import Cast
from tests.support.identity import rows
from tests.support.mail import Certificate, Hook, Inbox, certificate, mail_server, web_server
from tests.support.waiting import wait_for_async

LOOPBACK = (ip_network("127.0.0.0/8"), ip_network("::1/128"))
SECRET = "what-this-is-signed-with"
HOOKS = "https://hooks.example.org/a"


@pytest.fixture
def keyring(tmp_path: Path) -> Keyring:
    return Keyring.load_or_create(tmp_path / "encryption.key")


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    with mail_server() as found:
        yield found


@pytest.fixture
def hook() -> Iterator[Hook]:
    with web_server() as found:
        yield found


def sends(database: Database, keyring: Keyring, mail: Mail | None = None, **webhooks: Any) -> NotificationController:
    values = {"allowed": LOOPBACK} | webhooks
    return NotificationController(database, keyring, mail, Webhooks(**values), portal="https://hub/p/")


def plain_mail(inbox: Inbox) -> Mail:
    return Mail("127.0.0.1", inbox.port, "primehub@example.org", security="none")


def wants(database: Database, cast: Cast, keyring: Keyring, **settings: Any) -> None:
    """What ann wants to hear of."""

    def put(uow: UnitOfWork) -> None:
        uow.session.execute(sa.update(AccountRow).where(AccountRow.name == "ann").values(email="ann@example.org"))
        if settings.get("webhook"):
            settings.setdefault("webhook_secret", SECRET)
        account = cast.member.account
        assert account is not None
        actor = type(cast.member)(
            account=account.model_copy(update={"email": "ann@example.org"}),
            scopes=cast.member.scopes,
            roles=cast.member.roles,
        )
        notifications.put(uow, actor, NotificationsPut(**settings), keyring=keyring, email_available=True)

    database.write_now(put)


def ended(database: Database, cast: Cast, phase: str = "FAILED", **changes: Any) -> str:
    """A job of ann's that ended as its controller would have it."""

    def end(uow: UnitOfWork) -> str:
        assert cast.member.account is not None
        values: dict[str, Any] = {
            "id": f"job-{len(uow.session.scalars(sa.select(JobRow.id)).all())}",
            "account_id": cast.member.account.id,
            "group_id": cast.group.id,
            "name": "train",
            "kind": "command",
            "spec": {},
            "instance_type": "cpu-1",
            "image": "base",
            "cpu_limit": 1,
            "memory_limit": 1,
            "gpu_limit": 0,
            "cpu_request": 1,
            "memory_request": 1,
            "timeout": 0,
            "retries": 0,
            "phase": phase,
            "reason": "Exited",
            "message": "The command ended with exit code 3.",
            "exit_code": 3,
            "queued_at": uow.now,
            "created_at": uow.now,
            "started_at": uow.now,
            "ended_at": uow.now,
        }
        row = JobRow(**(values | changes))
        uow.session.add(row)
        uow.session.flush()
        notifications.job_ended(uow, row)
        return row.id

    return database.write_now(end)


async def deliver(controller: NotificationController, clock: FixedClock) -> None:
    await controller.step(clock())
    await controller.settled()


def outbox(database: Database) -> list[NotificationRow]:
    return rows(database, sa.select(NotificationRow).order_by(NotificationRow.created_at))


def test_no_more_e_mails_than_so_many_go_to_one_person_in_an_hour(
    database: Database, cast: Cast, keyring: Keyring, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notifications, "MAILS", 2)
    wants(database, cast, keyring, email=True, webhook=True, webhook_url="https://hooks.example.org/x", jobs="all")
    for _ in range(4):
        ended(database, cast)
        clock.advance(1)  # one of them is the latest
    mails = [row for row in outbox(database) if row.channel == "email"]
    assert sorted(row.due_at is not None for row in mails) == [False, False, True, True]
    assert {row.error for row in mails if row.due_at is None} == {"Not sent: 2 e-mails in 60 minutes are the most."}
    assert all(row.due_at for row in outbox(database) if row.channel == "webhook")
    shown = database.read_now(notifications.get, cast.member, email_available=True).latest
    assert [delivery.message[:8] for delivery in shown] == ["Not sent"]
    clock.advance(3601)
    ended(database, cast)
    assert sum(row.channel == "email" and row.due_at is not None for row in outbox(database)) == 3


def test_nothing_is_written_until_a_channel_is_on(database: Database, cast: Cast) -> None:
    ended(database, cast)
    assert outbox(database) == []


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"jobs": "failed"}, ["FAILED"]),
        ({"jobs": "all"}, ["SUCCEEDED", "FAILED", "CANCELLED"]),
        ({"jobs": "none", "recurring": False}, []),
    ],
)
def test_people_choose_what_they_hear_of(
    database: Database, cast: Cast, keyring: Keyring, settings: dict[str, Any], told: list[str]
) -> None:
    wants(database, cast, keyring, email=True, **settings)
    for phase in ("SUCCEEDED", "FAILED", "CANCELLED"):
        ended(database, cast, phase)
    assert sorted(row.content["phase"] for row in outbox(database)) == sorted(told)


def test_a_failed_run_of_a_recurring_job_is_told_even_where_other_jobs_are_not(
    database: Database, cast: Cast, keyring: Keyring
) -> None:
    wants(database, cast, keyring, email=True, jobs="none")
    ended(database, cast, "FAILED")
    ended(database, cast, "FAILED", scheduled=True)
    ended(database, cast, "SUCCEEDED", scheduled=True)
    assert [row.content["event"] for row in outbox(database)] == ["schedule.failed"]


def test_who_left_the_group_hears_nothing_of_it(database: Database, cast: Cast, keyring: Keyring) -> None:
    wants(database, cast, keyring, email=True)
    database.write_now(members.delete, cast.group_admin, "research", "ann")
    ended(database, cast)
    assert outbox(database) == []


def test_a_deleted_account_leaves_no_settings(database: Database, cast: Cast, keyring: Keyring) -> None:
    wants(database, cast, keyring, email=True, webhook=True, webhook_url="https://hooks.example.org/")
    ended(database, cast)
    database.write_now(accounts.delete, cast.platform_admin, "ann")
    assert outbox(database) == rows(database, sa.select(NotificationSettingsRow)) == []


def test_what_signs_webhooks_is_encrypted_and_survives_a_change_of_keys(
    database: Database, cast: Cast, keyring: Keyring
) -> None:
    wants(database, cast, keyring, webhook=True, webhook_url="https://hooks.example.org/")
    [row] = rows(database, sa.select(NotificationSettingsRow))
    assert SECRET not in str(row.settings)
    assert SECRET.encode() not in row.ciphertext
    assert secret_store.rotate(database, keyring) == 1
    assert rows(database, sa.select(NotificationSettingsRow))[0].key_id == keyring.newest != row.key_id
    assert database.read_now(notification_store.secret, keyring, row.id) == SECRET


async def test_an_end_is_told_by_mail(
    database: Database, cast: Cast, keyring: Keyring, inbox: Inbox, clock: FixedClock
) -> None:
    wants(database, cast, keyring, email=True)
    job = ended(database, cast, name="train\r\nBcc: eve@example.org")
    await deliver(sends(database, keyring, plain_mail(inbox)), clock)
    [(to, sent)] = inbox.letters
    letter = email.message_from_bytes(sent, policy=email.policy.default)
    assert to == ["ann@example.org"]
    assert letter["To"] == "ann@example.org"
    assert letter["Bcc"] is None
    assert letter["Subject"] == "[PrimeHub] Job 'train Bcc: eve@example.org' failed"
    assert letter["Auto-Submitted"] == "auto-generated"
    text = letter.get_content()
    assert "exit code 3" in text
    assert f"https://hub/p/g/research/jobs/{job}" in text
    [row] = outbox(database)
    assert (row.sent_at, row.due_at, row.error) == (clock.now, None, "")
    await deliver(sends(database, keyring, plain_mail(inbox)), clock)
    assert len(inbox.letters) == 1


async def test_a_letter_comes_from_what_the_platform_is_called(
    database: Database, cast: Cast, keyring: Keyring, inbox: Inbox, clock: FixedClock
) -> None:
    database.write_now(lambda uow: settings_store.save(uow, SystemSettings(name="Schmiede, Köln <x@y>")))
    wants(database, cast, keyring, email=True)
    ended(database, cast)
    await deliver(sends(database, keyring, plain_mail(inbox)), clock)
    letter = email.message_from_bytes(inbox.letters[0][1], policy=email.policy.default)
    [sender] = letter["From"].addresses
    assert (sender.display_name, sender.addr_spec) == ("Schmiede, Köln <x@y>", "primehub@example.org")
    assert letter["Subject"] == "[Schmiede, Köln <x@y>] Job 'train' failed"


async def test_a_mail_server_with_tls_and_a_password(
    database: Database, cast: Cast, keyring: Keyring, clock: FixedClock, tls: Certificate
) -> None:
    wants(database, cast, keyring, email=True)
    ended(database, cast)
    with mail_server(tls) as inbox:
        right = Mail("localhost", inbox.port, "p@example.org", "starttls", "primehub", "mail-password", tls.cert)
        wrong = Mail("localhost", inbox.port, "p@example.org", "starttls", "primehub", "not-this-one", tls.cert)
        untrusted = Mail("localhost", inbox.port, "p@example.org", "starttls", "primehub", "mail-password")
        for mail, words in ((wrong, "refuses PrimeHub's sign-in"), (untrusted, "certificate verify failed")):
            await deliver(sends(database, keyring, mail), clock)
            [row] = outbox(database)
            assert words in row.error
            assert "password" not in row.error
            clock.advance(3600)
        await deliver(sends(database, keyring, right), clock)
        assert len(inbox.letters) == 1
    assert "mail-password" not in repr(right)


async def test_a_user_or_password_that_cannot_be_sent_is_said_and_given_up_in_the_end(
    database: Database, cast: Cast, keyring: Keyring, clock: FixedClock, tls: Certificate
) -> None:
    wants(database, cast, keyring, email=True)
    ended(database, cast)
    with mail_server(tls) as inbox:
        mail = Mail("localhost", inbox.port, "p@example.org", "starttls", "primehub", "pässwort", tls.cert)
        for pause in (*BACK_OFF, None):
            await deliver(sends(database, keyring, mail), clock)
            [row] = outbox(database)
            assert (
                row.error == "The mail server's name, user name or password holds characters that cannot be sent to it."
            )
            assert row.due_at == (None if pause is None else clock.now + pause)
            clock.now += pause or timedelta(0)


async def test_what_nobody_foresaw_is_a_failed_try(
    database: Database, cast: Cast, keyring: Keyring, hook: Hook, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    wants(database, cast, keyring, webhook=True, webhook_url=hook.url)
    ended(database, cast)

    async def broken(*_: Any) -> None:
        raise KeyError("nobody thought of it")

    with monkeypatch.context() as patch:
        patch.setattr(Webhooks, "send", broken)
        await deliver(sends(database, keyring), clock)
    [row] = outbox(database)
    assert (row.error, row.due_at) == ("It could not be sent: KeyError.", clock.now + BACK_OFF[0])
    clock.now += BACK_OFF[0]
    await deliver(sends(database, keyring), clock)
    assert outbox(database)[0].sent_at == clock.now


async def test_a_letter_that_was_taken_is_not_sent_again_however_the_server_takes_leave(
    database: Database, cast: Cast, keyring: Keyring, clock: FixedClock, inbox: Inbox
) -> None:
    wants(database, cast, keyring, email=True)
    ended(database, cast)
    inbox.goodbye = "421 closing down"
    await deliver(sends(database, keyring, plain_mail(inbox)), clock)
    [row] = outbox(database)
    assert (row.error, row.sent_at) == ("", clock.now)
    clock.advance(86_400)
    await deliver(sends(database, keyring, plain_mail(inbox)), clock)
    assert len(inbox.letters) == 1


async def test_a_webhook_is_signed_and_bears_one_id_at_each_try(
    database: Database, cast: Cast, keyring: Keyring, hook: Hook, clock: FixedClock
) -> None:
    wants(database, cast, keyring, webhook=True, webhook_url=f"{hook.url}?key=1")
    job = ended(database, cast)
    hook.status = 500
    await deliver(sends(database, keyring), clock)
    [row] = outbox(database)
    assert (row.error, row.sent_at, row.due_at) == ("The webhook answered 500.", None, clock.now + BACK_OFF[0])
    hook.status = 200
    await deliver(sends(database, keyring), clock)
    assert len(hook.posts) == 1  # its time has not come
    clock.now += BACK_OFF[0]
    await deliver(sends(database, keyring), clock)
    (path, headers, sent), (_, _, again) = hook.posts
    assert path == "/hook?key=1"
    assert sent == again
    assert headers["PrimeHub-Signature"] == f"sha256={hmac.new(SECRET.encode(), sent, hashlib.sha256).hexdigest()}"
    body = json.loads(sent)
    assert (headers["PrimeHub-Event"], body["id"], body["phase"], body["exit_code"]) == ("job.ended", job, "FAILED", 3)
    assert headers["PrimeHub-Delivery"] == body["delivery"] == row.id
    assert outbox(database)[0].sent_at == clock.now


async def test_a_webhook_by_tls(
    database: Database, cast: Cast, keyring: Keyring, clock: FixedClock, tls: Certificate
) -> None:
    with web_server(tls) as hook:
        wants(database, cast, keyring, webhook=True, webhook_url=hook.url)
        ended(database, cast)
        await deliver(sends(database, keyring), clock)
        assert "certificate is not accepted" in outbox(database)[0].error
        clock.advance(3600)
        await deliver(sends(database, keyring, ca_file=tls.cert), clock)
        assert len(hook.posts) == 1


async def test_a_redirect_is_not_followed(
    database: Database, cast: Cast, keyring: Keyring, hook: Hook, clock: FixedClock
) -> None:
    wants(database, cast, keyring, webhook=True, webhook_url=hook.url)
    ended(database, cast)
    hook.status, hook.headers = 307, {"Location": f"{hook.url}/elsewhere"}
    await deliver(sends(database, keyring), clock)
    assert [path for path, _, _ in hook.posts] == ["/hook"]
    assert outbox(database)[0].error == "The webhook answered 307."


async def test_nothing_is_asked_inside(
    database: Database, cast: Cast, keyring: Keyring, hook: Hook, clock: FixedClock
) -> None:
    port = hook.url.rpartition(":")[2].partition("/")[0]
    for host in ("127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "0.0.0.0", "2130706433", "[::1]"):
        wants(database, cast, keyring, webhook=True, webhook_url=f"https://{host}:{port}/hook")
        ended(database, cast)
        await deliver(sends(database, keyring, allowed=()), clock)
    assert hook.posts == []
    assert all(row.error and row.sent_at is None for row in outbox(database))
    assert {row.due_at for row in outbox(database) if "inside" in row.error} == {None}  # that will not change


async def test_who_is_killed_while_sending_sends_once_more(
    database: Database, cast: Cast, keyring: Keyring, hook: Hook, clock: FixedClock
) -> None:
    wants(database, cast, keyring, webhook=True, webhook_url=hook.url)
    ended(database, cast)
    killed = sends(database, keyring)
    await killed.step(clock())
    for task in killed._sending.values():
        task.cancel()
    await deliver(sends(database, keyring), clock)
    clock.now += LEASE + timedelta(seconds=1)
    await deliver(sends(database, keyring), clock)
    assert outbox(database)[0].sent_at is not None
    assert len({headers["PrimeHub-Delivery"] for _, headers, _ in hook.posts}) == 1


async def test_a_message_is_given_up_in_the_end(
    database: Database, cast: Cast, keyring: Keyring, hook: Hook, clock: FixedClock
) -> None:
    wants(database, cast, keyring, webhook=True, webhook_url=hook.url)
    ended(database, cast)
    hook.status = 503
    for _ in range(len(BACK_OFF) + 3):
        await deliver(sends(database, keyring), clock)
        clock.advance(9 * 3600)
    assert len(hook.posts) == len(BACK_OFF) + 1
    [row] = outbox(database)
    assert (row.due_at, row.sent_at, row.tries) == (None, None, len(BACK_OFF) + 1)


async def test_a_channel_that_was_turned_off_meanwhile_gets_nothing(
    database: Database, cast: Cast, keyring: Keyring, hook: Hook, clock: FixedClock
) -> None:
    wants(database, cast, keyring, webhook=True, webhook_url=hook.url)
    ended(database, cast)
    wants(database, cast, keyring, webhook=False)
    await deliver(sends(database, keyring), clock)
    assert hook.posts == []
    assert outbox(database)[0].error == "The channel was turned off."


async def test_a_mail_server_is_tried_by_who_is_told_of_nothing_by_mail(
    database: Database, cast: Cast, keyring: Keyring, inbox: Inbox, clock: FixedClock
) -> None:
    def ask(uow: UnitOfWork) -> None:
        boss = cast.platform_admin
        assert boss.account is not None
        account = boss.account.model_copy(update={"email": "boss@example.org"})
        uow.session.execute(sa.update(AccountRow).where(AccountRow.id == account.id).values(email=account.email))
        actor = type(boss)(account=account, scopes=boss.scopes, roles=boss.roles)
        notifications.begin_email_test(uow, actor, email_available=True)

    database.write_now(ask)
    await deliver(sends(database, keyring, plain_mail(inbox)), clock)
    assert [(row.error, row.sent_at is not None) for row in outbox(database)] == [("", True)]
    assert [to for to, _ in inbox.letters] == [["boss@example.org"]]


async def test_a_slow_recipient_holds_up_no_other(
    database: Database, cast: Cast, keyring: Keyring, hook: Hook, inbox: Inbox, clock: FixedClock
) -> None:
    silent = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)
    port = silent.sockets[0].getsockname()[1]
    wants(database, cast, keyring, email=True, webhook=True, webhook_url=f"http://127.0.0.1:{port}/")
    ended(database, cast)
    await deliver(sends(database, keyring, plain_mail(inbox), timeout=0.3), clock)
    silent.close()
    assert len(inbox.letters) == 1
    by_channel = {row.channel: row.error for row in outbox(database)}
    assert by_channel == {"email": "", "webhook": "The webhook did not answer within 0 s."}


async def test_much_for_one_who_never_answers_leaves_room_for_others(
    database: Database, cast: Cast, keyring: Keyring, hook: Hook, clock: FixedClock
) -> None:
    silent = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)
    port = silent.sockets[0].getsockname()[1]
    wants(database, cast, keyring, webhook=True, webhook_url=f"http://127.0.0.1:{port}/")
    for _ in range(5 * AT_ONCE):
        ended(database, cast)
    clock.advance(1)
    controller = sends(database, keyring, timeout=30)
    await controller.step(clock())

    def tell_bob(uow: UnitOfWork) -> None:
        bob = cast.group_admin
        assert bob.account is not None
        new = NotificationsPut(webhook=True, webhook_url=hook.url)
        notifications.put(uow, bob, new, keyring=keyring, email_available=False)
        notification_store.add(uow, bob.account.id, "test-1", [Channel.WEBHOOK], {"event": "test"})

    database.write_now(tell_bob)
    await controller.step(clock())
    await wait_for_async(lambda: len(hook.posts) == 1)
    assert len(controller._sending) <= EACH_AT_ONCE + 1
    for task in list(controller._sending.values()):
        task.cancel()
    silent.close()


async def test_a_refused_address_is_not_tried_again(
    database: Database, cast: Cast, keyring: Keyring, inbox: Inbox, clock: FixedClock
) -> None:
    wants(database, cast, keyring, email=True)
    ended(database, cast)
    inbox.refuse = "550 no such mailbox"
    await deliver(sends(database, keyring, plain_mail(inbox)), clock)
    [row] = outbox(database)
    assert row.error == "The mail server refuses the address: 550 no such mailbox"
    assert row.due_at is None


@pytest.mark.parametrize("channels", [{"email": True}, {"email": True, "webhook": True, "webhook_url": HOOKS}])
def test_tests_are_counted_whole_however_many_channels_each_tries(
    database: Database, clock: FixedClock, cast: Cast, keyring: Keyring, channels: dict[str, Any]
) -> None:
    wants(database, cast, keyring, **channels)
    for _ in range(notifications.TESTS):
        ids = database.write_now(notifications.begin_test, cast.member)
        assert len(ids) == sum(value is True for value in channels.values())
    with pytest.raises(TooMany, match="At most 5 tests in 10 minutes"):
        database.write_now(notifications.begin_test, cast.member)
    clock.advance(notifications.TEST_SPAN.total_seconds())
    assert database.write_now(notifications.begin_test, cast.member)
