"""Links that the platform sends by e-mail as it makes them, through a real mail server."""

from __future__ import annotations

import email
import email.policy
import logging
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from primehub_services.controllers.messengers import Mail
from primehub_services.domain.notifications import MailServer
from primehub_services.domain.problems import Unavailable
from primehub_services.mailing import post_of
from primehub_services.operations import invitations
from primehub_services.store.orm import AccountRow, AuditRow, InvitationRow
from primehub_services.store.unit_of_work import UnitOfWork
from tests.support.api import Api, problem
from tests.support.mail import Inbox, mail_server

People = dict[str, httpx.AsyncClient]
HUB = "https://hub.example.org"


@pytest.fixture
def inbox(api: Api) -> Iterator[Inbox]:
    """The mail server of the platform, on which ann has an address."""
    with mail_server() as found:
        api.context.mail_server = MailServer(available=True, host="127.0.0.1", port=found.port)
        api.context.post = post_of(Mail("127.0.0.1", found.port, "primehub@example.org", security="none"))
        api.context.address = HUB
        api.context.database.write_now(_gives_ann_an_address)
        yield found


def _gives_ann_an_address(uow: UnitOfWork) -> None:
    uow.session.execute(sa.update(AccountRow).where(AccountRow.name == "ann").values(email="ann@example.org"))


def letter(inbox: Inbox) -> tuple[list[str], str, list[str]]:
    """The one letter that arrived: to whom, its subject, its lines."""
    [(to, sent)] = inbox.letters
    read = email.message_from_bytes(sent, policy=email.policy.default)
    return to, str(read["Subject"]), inbox.lines(to[0])


def audited(api: Api) -> list[tuple[str, Any]]:
    """What is written of links."""

    def read(uow: UnitOfWork) -> list[tuple[str, Any]]:
        wanted = sa.select(AuditRow).where(AuditRow.action.like("invitation.%")).order_by(AuditRow.id)
        return [(row.action, row.details) for row in uow.session.scalars(wanted)]

    return api.context.database.read_now(read)


async def test_a_sign_in_link_goes_to_the_accounts_own_address_and_into_no_log(
    api: Api, people: People, inbox: Inbox, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    answer = await people["platform_admin"].post("/invitations", json={"user": "ann", "send": True})
    made = answer.json()
    assert made["mail"] == {"to": "ann@example.org", "sent": True, "message": ""}
    to, subject, lines = letter(inbox)
    assert (to, "Your sign-in link" in subject) == (["ann@example.org"], True)
    assert f"{HUB}/hub/invite#{made['token']}" in lines
    assert made["token"] not in subject
    log = audited(api)
    assert log[1] == ("invitation.send", {"to": "ann@example.org", "sent": True})
    # what the test's own mail server says is not the platform's
    said = [record.getMessage() for record in caplog.records if not record.name.startswith("mail.")]
    assert made["token"] not in f"{log} {said}"


async def test_a_link_into_a_group_goes_where_a_platform_admin_says_and_nobody_else_may_send_it(
    api: Api, people: People, inbox: Inbox
) -> None:
    wanted = {"group": "research", "send": True, "address": "new@example.com"}
    assert problem(await people["group_admin"].post("/invitations", json=wanted))["status"] == 403
    assert (inbox.letters, audited(api)) == ([], [])
    assert (await people["platform_admin"].post("/invitations", json=wanted)).json()["mail"]["sent"]
    to, subject, _ = letter(inbox)
    assert (to, "invited" in subject) == (["new@example.com"], True)


async def test_a_new_account_is_written_to(people: People, inbox: Inbox) -> None:
    body = {"name": "bob", "email": "bob@example.org", "send": True}
    made = (await people["platform_admin"].post("/users", json=body)).json()
    assert made["mail"]["sent"]
    assert f"{HUB}/hub/invite#{made['token']}" in letter(inbox)[2]


async def test_the_link_is_there_although_its_letter_was_refused(api: Api, people: People, inbox: Inbox) -> None:
    inbox.refuse = "550 no such mailbox"
    answer = await people["platform_admin"].post("/invitations", json={"user": "ann", "send": True})
    made = answer.json()
    assert (answer.status_code, made["mail"]["sent"], bool(made["token"])) == (201, False, True)
    assert "no such mailbox" in made["mail"]["message"]
    assert audited(api)[1] == ("invitation.send", {"to": "ann@example.org", "sent": False})


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/users", {"name": "bob", "email": "bob@example.org", "send": True}),
        ("/invitations", {"user": "ann", "send": True}),
    ],
)
@pytest.mark.parametrize("fails", ["about", "sent", "post"])
async def test_what_was_made_is_answered_with_its_link_whatever_fails_after(
    api: Api,
    people: People,
    inbox: Inbox,
    monkeypatch: pytest.MonkeyPatch,
    path: str,
    body: dict[str, Any],
    fails: str,
) -> None:
    def away(*_: Any) -> Any:
        raise Unavailable("PrimeHub's database does not answer just now.")

    async def broken(*_: Any) -> str:
        raise UnicodeEncodeError("ascii", "pässwort", 1, 2, "ordinal not in range(128)")

    if fails == "post":
        api.context.post = broken
    else:
        monkeypatch.setattr(invitations, fails, away)
    answer = await people["platform_admin"].post(path, json=body)
    made = answer.json()
    assert (answer.status_code, bool(made["token"])) == (201, True)
    assert (made["mail"]["sent"], len(inbox.letters)) == ((True, 1) if fails == "sent" else (False, 0))
    assert ("UnicodeEncodeError" if fails == "post" else "database does not answer") in made["mail"]["message"]
    assert "ssw" not in made["mail"]["message"]


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/invitations", {"user": "gil", "send": True}, "send"),
        ("/invitations", {"group": "research", "send": True}, "address"),
        ("/users", {"name": "bob", "send": True}, "email"),
    ],
)
async def test_without_an_address_nothing_is_made(
    api: Api, people: People, inbox: Inbox, path: str, body: dict[str, Any], field: str
) -> None:
    refused = problem(await people["platform_admin"].post(path, json=body))
    assert (refused["status"], refused["errors"][0]["field"]) == (422, field)
    assert api.context.database.read_now(lambda uow: uow.session.scalars(sa.select(InvitationRow)).all()) == []


async def test_a_platform_without_a_mail_server_says_so(people: People) -> None:
    refused = problem(await people["platform_admin"].post("/invitations", json={"user": "ann", "send": True}))
    assert (refused["status"], refused["errors"][0]["field"]) == (422, "send")
    assert "notifications.smtp" in refused["errors"][0]["fix"]
