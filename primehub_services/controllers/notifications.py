"""Sends the messages that were written with what they tell: at least once each, with the same id at each try."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ..domain.letters import Letter
from ..domain.notifications import MAX_ERROR, Channel, Event, next_try, plain, subject, text
from ..store import notifications as store
from ..store import settings as system_settings
from ..store.crypto import Keyring, KeyringError
from ..store.database import Database
from ..store.unit_of_work import UnitOfWork
from .messengers import Mail, Message, NotDelivered, Webhooks

log = logging.getLogger(__name__)
AT_ONCE = 8
EACH_AT_ONCE = 2
"""Of one person by one channel: who never answers holds up no other, however much there is to tell them."""
LEASE = timedelta(seconds=90)
"""A message that was taken and not finished in this time, its sender was killed: it is sent once more."""
LONGEST_WAIT = 5.0
_SOONEST = 0.2


@dataclass(frozen=True, slots=True)
class Taken:
    """A message with all that is needed to send it; ``problem`` says why it cannot be."""

    id: str
    channel: Channel
    content: dict[str, Any]
    tries: int
    to: str = ""
    secret: str = ""
    problem: str = ""
    platform: str = ""
    """Its name, for a letter."""


class NotificationController:
    """Every five seconds, and as soon as there is a message. A slow recipient holds up no other."""

    name = "notifications"
    hints = frozenset({store.CHANGE})

    def __init__(
        self, database: Database, keyring: Keyring, mail: Mail | None, webhooks: Webhooks, *, portal: str = ""
    ) -> None:
        """``portal`` is the public address of the portal, with a slash at its end, for links."""
        self._database = database
        self._keyring = keyring
        self._mail = mail
        self._webhooks = webhooks
        self._portal = portal
        self._sending: dict[str, asyncio.Task[None]] = {}
        self._ways: Counter[str] = Counter()
        """How many are under way to whom by which channel."""
        self.interval = LONGEST_WAIT

    async def step(self, now: datetime) -> None:
        """Begin to send what is due, as far as not too much is under way."""
        due = await self._database.read(_due, AT_ONCE * 4)
        for notification_id, way in due:
            if len(self._sending) >= AT_ONCE:
                break
            if notification_id not in self._sending and self._ways[way] < EACH_AT_ONCE:
                self._begin(notification_id, way)
        self.interval = _SOONEST if self._sending else await self._database.read(_wait)

    def _begin(self, notification_id: str, way: str) -> None:
        task = asyncio.get_running_loop().create_task(self._deliver(notification_id))
        self._sending[notification_id] = task
        self._ways[way] += 1

        def over(_: asyncio.Task[None]) -> None:
            self._sending.pop(notification_id, None)
            self._ways.subtract((way,))
            self._ways += Counter()  # forgets those of whom nothing is under way

        task.add_done_callback(over)

    async def settled(self) -> None:
        """Wait until what is under way is over."""
        while self._sending:
            await asyncio.wait(list(self._sending.values()))

    async def _deliver(self, notification_id: str) -> None:
        try:
            taken = await self._database.write(_take, notification_id, self._keyring)
            if taken is not None:
                await self._try(taken)
        except Exception:
            log.exception("the message %s could not be sent; it is tried again", notification_id)

    async def _try(self, taken: Taken) -> None:
        error = await self._send_or_say_why_not(taken)
        if error is None:
            await self._database.write(store.done, taken.id)
            return
        wait = None if error.lasting or taken.content["event"] == Event.TEST else next_try(taken.tries)
        log.info("the message %s was not delivered (try %d): %s", taken.id, taken.tries, error)
        await self._database.write(_failed, taken.id, str(error), wait)

    async def _send_or_say_why_not(self, taken: Taken) -> NotDelivered | None:
        try:
            if taken.problem:
                return NotDelivered(taken.problem, lasting=True)
            await self._send(taken)
        except NotDelivered as error:
            return error
        except Exception as error:  # a failed try as any other, or it would be tried for ever
            log.exception("the message %s could not be sent", taken.id)
            return NotDelivered(f"It could not be sent: {type(error).__name__}.")
        return None

    async def _send(self, taken: Taken) -> None:
        message = Message(taken.id, taken.content, self._link(taken.content))
        if taken.channel is Channel.WEBHOOK:
            await self._webhooks.send(taken.to, taken.secret, message)
        elif self._mail is None:
            raise NotDelivered("This platform sends no e-mail.", lasting=True)
        else:
            letter = Letter(taken.id, taken.platform, subject(taken.content), text(taken.content, message.link))
            await self._mail.send(taken.to, letter, now=self._database.clock())

    def _link(self, content: dict[str, Any]) -> str:
        group = content.get("group")
        if not self._portal or not group:
            return ""
        of_job = content["event"] == Event.JOB_ENDED or content.get("phase")
        return f"{self._portal}g/{group}/{'jobs' if of_job else 'recurring-jobs'}/{content['id']}"


def _due(uow: UnitOfWork, limit: int) -> list[tuple[str, str]]:
    return store.due(uow, uow.now, limit=limit, each=EACH_AT_ONCE)


def _wait(uow: UnitOfWork) -> float:
    next_at = store.next_due(uow)
    wait = LONGEST_WAIT if next_at is None else (next_at - uow.now).total_seconds()
    return min(LONGEST_WAIT, max(_SOONEST, wait))


def _take(uow: UnitOfWork, notification_id: str, keyring: Keyring) -> Taken | None:
    row = store.take(uow, notification_id, uow.now, LEASE)
    if row is None:
        return None
    channel = Channel(row.channel)
    account = store.recipient(uow, row.account_id)
    settings = store.settings(uow, row.account_id)
    to = secret = problem = platform = ""
    if account is None:
        problem = "The account is disabled."
    elif channel not in settings.channels and not _asked_for(row.content, channel):
        problem = "The channel was turned off."
    elif channel is Channel.EMAIL:
        to, problem = account.email, "" if account.email else "The account has no e-mail address."
        platform = plain(system_settings.load(uow).name)
    else:
        to = settings.webhook_url
        try:
            secret = store.secret(uow, keyring, row.account_id) or ""
        except KeyringError:
            problem = "What signs this webhook cannot be read. Set it again."
    return Taken(row.id, channel, row.content, row.tries, to, secret, problem, platform)


def _asked_for(content: dict[str, Any], channel: Channel) -> bool:
    """Whether a platform admin tries the mail server, which needs no channel of their own."""
    return channel is Channel.EMAIL and content["event"] == Event.TEST


def _failed(uow: UnitOfWork, notification_id: str, error: str, wait: timedelta | None) -> None:
    store.done(uow, notification_id, error=error[:MAX_ERROR], due_at=None if wait is None else uow.now + wait)
