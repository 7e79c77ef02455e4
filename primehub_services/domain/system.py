"""System settings, invitations, announcements, the audit log, and changes."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import Field

from .groups import Gibibytes, Seconds
from .identity import Actor, Email, LinkSent, Role
from .model import Model, Timestamp, Transmitted
from .names import DisplayName, HubName
from .permissions import Relation, relations

Count = Annotated[int, Field(ge=0, le=10_000_000)]
Megabytes = Annotated[int, Field(ge=0, le=1_000_000, description="1,000,000 bytes")]
Logo = Annotated[
    str, Field(max_length=700_000, pattern=r"^(data:image/(png|svg\+xml|jpeg|webp);base64,[A-Za-z0-9+/=]+)?$")
]
"""A picture as a data URL; empty is PrimeHub's own."""


class Branding(Model):
    """What the platform is called and looks like, also to those who have yet to sign in."""

    name: DisplayName = "PrimeHub"
    logo: Logo = ""
    version: int = 0
    """Of the system settings, of which this is a part."""


class SystemSettings(Branding):
    """What platform admins set while the platform runs. Everything else is configuration."""

    default_volume_capacity: Gibibytes = 20
    idle_timeout: Seconds = 7200
    idle_warning: Seconds = 600
    keep_max: Seconds = 86_400
    """The most by which one extension puts off culling."""
    job_timeout: Seconds = 86_400
    queue_keep_after: Seconds = 600
    """How long a job waits until its place in the queue is kept."""
    recurring_min_interval: Annotated[int, Field(ge=60, le=86_400)] = 60
    """Seconds that two runs of a recurring job must be apart, at least; those that are there already stay."""
    log_retention: Seconds = 30 * 86_400
    """How long logs are kept after the end; 0 is for ever, here and below."""
    artifact_retention: Seconds = 7 * 86_400
    artifact_size: Megabytes = 100
    """Of a job's files so much is kept."""
    artifact_files: Count = 1000
    job_retention: Seconds = 30 * 86_400
    job_limit: Count = 4000
    """So many ended jobs are remembered whose logs' time is over; 0 is all. Of more, the oldest of whoever has the most
    is forgotten first."""
    queue_limit: Count = 1000
    """So many jobs may one person have waiting in one group; 0 is any number."""
    snapshot_max: Annotated[int, Field(ge=1, le=2000, description="MB")] = 50
    """The most that a notebook, or its folder packed, may have to be submitted as a job."""
    members_may_invite: bool = False


class SystemSettingsUpdate(Model):
    """Fields to change; absent ones stay. ``version`` is that of the settings the change was made from."""

    version: int
    name: DisplayName | None = None
    logo: Logo | None = None
    default_volume_capacity: Gibibytes | None = None
    idle_timeout: Seconds | None = None
    idle_warning: Seconds | None = None
    keep_max: Seconds | None = None
    job_timeout: Seconds | None = None
    recurring_min_interval: Annotated[int, Field(ge=60, le=86_400)] | None = None
    queue_keep_after: Seconds | None = None
    log_retention: Seconds | None = None
    artifact_retention: Seconds | None = None
    artifact_size: Megabytes | None = None
    artifact_files: Count | None = None
    job_retention: Seconds | None = None
    job_limit: Count | None = None
    queue_limit: Count | None = None
    snapshot_max: Annotated[int, Field(ge=1, le=2000)] | None = None
    members_may_invite: bool | None = None


class InvitationKind(StrEnum):
    """``join`` makes a new account in a group; ``account`` lets an existing one set its password and sign in."""

    JOIN = "join"
    ACCOUNT = "account"


class InvitationCreate(Model):
    """A link to hand to somebody."""

    group: str | None = None
    """Slug; for kind join."""
    role: Role = Role.MEMBER
    user: HubName | None = None
    """For kind account."""
    expires_in: Annotated[int, Field(ge=60, le=30 * 86_400)] = 86_400
    send: bool = False
    """Whether it goes by e-mail too: to the account's address, or for kind join to ``address``. Platform admins alone."""
    address: Email = ""
    """For kind join; an account has its own."""


class Invitation(Model):
    """A link as it can be listed. The token itself is shown once, when it is made."""

    id: str
    kind: InvitationKind
    group: str | None
    role: Role
    user: str | None
    created_by: str
    created_at: Timestamp
    expires_at: Timestamp
    used_at: Timestamp | None
    used_by: str | None


class InvitationCreated(Invitation):
    """A new link. ``token`` is shown this once."""

    token: Transmitted
    mail: LinkSent | None = None
    """Null where none was asked for."""


class Level(StrEnum):
    """How serious an announcement is."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class AnnouncementCreate(Model):
    """A line that everyone, or one group, sees above every page."""

    message: str = Field(min_length=1, max_length=500)
    level: Level = Level.INFO
    group: str | None = None
    starts_at: Timestamp | None = None
    ends_at: Timestamp | None = None


class Announcement(AnnouncementCreate):
    """An announcement that exists."""

    id: str
    created_by: str
    created_at: Timestamp


class AuditEvent(Model):
    """One change, who made it, and what it was. Written in the change's own transaction."""

    id: int
    at: Timestamp
    actor: str
    action: str
    """``group.create``, ``membership.delete``, ..."""
    target: str
    group: str | None
    details: dict[str, Any]


ChangeKind = Literal[
    "account",
    "announcement",
    "group",
    "image",
    "instance-type",
    "invitation",
    "job",
    "membership",
    "notebook",
    "notification",
    "queue",
    "schedule",
    "secret",
    "settings",
    "volume",
]
"""What readers are told of. The portal knows for each what has to be asked for again (``live/stale.ts``)."""

EVERYONES = frozenset({"settings", "announcement", "instance-type", "image", "volume"})
"""Kinds of changes that every person is told of where they are of no group and of nobody."""


class Change(Model):
    """A hint that something changed: readers fetch the thing itself, with their own rights."""

    seq: int
    kind: str
    id: str
    action: str
    group_id: str | None
    account_id: str | None


def visible(change: Change, actor: Actor) -> bool:
    """Whether the actor may be told of a change: admins of all; others of what is everyone's, their groups' and own.

    A change of a person's thing in a group is the group's too. A notebook's token hears of its launch group alone.
    """
    found = relations(actor)
    if Relation.PLATFORM_ADMIN in found:
        return True
    if actor.account is None or not found & {Relation.PERSON, Relation.NOTEBOOK}:
        return False
    own = change.account_id == actor.account.id
    if change.group_id is None:
        return own or (change.account_id is None and change.kind in EVERYONES)
    if actor.is_notebook:
        return change.group_id == actor.notebook_group
    return own or change.group_id in actor.roles
