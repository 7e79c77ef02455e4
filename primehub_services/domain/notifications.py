"""What people are told of, and how: e-mail and webhooks, off until somebody turns them on."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Any, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from .jobs import JobPhase
from .model import Model, Timestamp, Transmitted
from .wrong import WrongValue

MAX_ERROR = 500
BACK_OFF = tuple(timedelta(seconds=s) for s in (10, 30, 120, 600, 1800, 3600, 7200, 14_400, 28_800))
"""Waits between tries; after the last one a message is given up, about 16 hours after the first."""


class Channel(StrEnum):
    """A way to reach a person."""

    EMAIL = "email"
    WEBHOOK = "webhook"


class JobEnds(StrEnum):
    """Of which ends of one's jobs one is told."""

    NONE = "none"
    FAILED = "failed"
    ALL = "all"


class Event(StrEnum):
    """What a message tells."""

    JOB_ENDED = "job.ended"
    SCHEDULE_FAILED = "schedule.failed"
    """A job of a recurring job failed."""
    SCHEDULE_PAUSED = "schedule.paused"
    """The platform paused a recurring job."""
    TEST = "test"


def _http_address(url: str) -> str:
    if not url:
        return url
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        msg, fix = "is not an address", "write it like https://example.org/hook"
        raise WrongValue(msg, fix) from None
    if parts.scheme not in ("https", "http") or not parts.hostname or not url.isascii() or not url.isprintable():
        msg, fix = "must begin with https:// and a host, in ASCII", "write it like https://example.org/hook"
        raise WrongValue(msg, fix)
    if parts.username is not None or parts.fragment or " " in url:
        msg, fix = (
            "must have no username, no fragment and no spaces",
            "give a secret instead, which signs every message",
        )
        raise WrongValue(msg, fix)
    return url


WebhookUrl = Annotated[str, Field(max_length=2000), AfterValidator(_http_address)]


class NotificationSettings(Model):
    """What one wants to hear of. A channel that is off says nothing."""

    email: bool = False
    """To the address of one's account."""
    webhook: bool = False
    webhook_url: WebhookUrl = ""
    """Gets each message as JSON by POST."""
    jobs: JobEnds = JobEnds.FAILED
    """Of which ends of one's jobs."""
    recurring: bool = True
    """When a recurring job of one's own fails or is paused by the platform."""

    @model_validator(mode="after")
    def _somewhere_to_go(self) -> Self:
        if self.webhook and not self.webhook_url:
            msg, fix = "is needed where webhook is on", "write it like https://example.org/hook, or turn webhook off"
            raise WrongValue(msg, fix, field="webhook_url")
        return self

    @property
    def channels(self) -> tuple[Channel, ...]:
        """Those that are on."""
        on = ((Channel.EMAIL, self.email), (Channel.WEBHOOK, self.webhook))
        return tuple(channel for channel, wanted in on if wanted)


class NotificationsPut(NotificationSettings):
    """One's settings as they are to be."""

    webhook_secret: Annotated[Transmitted, Field(min_length=16, max_length=200)] | None = None
    """Signs webhooks. Absent keeps the one there is; the first time one is made, and shown in the answer alone."""


class Delivery(Model):
    """What became of the latest message of a channel."""

    channel: Channel
    event: Event
    at: Timestamp
    sent: bool
    message: str = ""
    """What went wrong."""


class Notifications(NotificationSettings):
    """One's settings, and how the channels do."""

    address: str
    """Where e-mail goes: that of one's account; empty is nowhere."""
    email_available: bool
    """Whether this platform can send e-mail at all."""
    webhook_secret_set: bool
    webhook_secret: Transmitted | None = None
    """Shown once, where it was just made."""
    latest: tuple[Delivery, ...] = ()


class NotificationTest(Model):
    """What became of the messages that were sent to try the channels."""

    deliveries: tuple[Delivery, ...]


class MailServer(Model):
    """Through which server e-mail goes, as the platform's settings file has it; never its password."""

    available: bool
    host: str = ""
    port: int = 0
    sender: str = ""
    username: str = ""
    security: str = ""


def event_of_job(settings: NotificationSettings, phase: JobPhase, *, scheduled: bool) -> Event | None:
    """What the person is to be told of a job's end, if anything."""
    failed = phase is JobPhase.FAILED
    if failed and scheduled and settings.recurring:
        return Event.SCHEDULE_FAILED
    if settings.jobs is JobEnds.ALL or (settings.jobs is JobEnds.FAILED and failed):
        return Event.JOB_ENDED
    return None


def next_try(tries: int) -> timedelta | None:
    """How long to wait after so many failed tries; None gives up."""
    return BACK_OFF[tries - 1] if tries <= len(BACK_OFF) else None


def plain(text: Any) -> str:
    """In one line, without control characters: what a subject or a header may hold."""
    return " ".join("".join(c if c.isprintable() else " " for c in str(text)).split())


def subject(content: dict[str, Any]) -> str:
    """One line for people."""
    name = plain(content.get("name", ""))[:100]
    match content["event"]:
        case Event.JOB_ENDED:
            return f"Job {name!r} {content['phase'].lower()}"
        case Event.SCHEDULE_FAILED:
            return f"Recurring job {plain(content.get('schedule_name') or name)[:100]!r} failed"
        case Event.SCHEDULE_PAUSED:
            return f"Recurring job {name!r} is paused"
    return "A test message"


def text(content: dict[str, Any], link: str) -> str:
    """The whole message for people."""
    lines = [f"{subject(content)}.", ""]
    labels = (
        ("group", "Group"),
        ("id", "ID"),
        ("reason", "Reason"),
        ("exit_code", "Exit code"),
        ("started_at", "Started"),
        ("ended_at", "Ended"),
    )
    if content.get("message"):
        lines += [str(content["message"]), ""]
    lines += [f"{label}: {content[key]}" for key, label in labels if content.get(key) not in (None, "")]
    if link:
        lines += ["", link]
    return "\n".join(lines) + "\n"
