"""Accounts, memberships, and the actor that a request is made as."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from .model import Model, Timestamp, Transmitted
from .names import DisplayName, HubName

LOCAL_ISSUER = "local"


class Role(StrEnum):
    """A person's role in a group."""

    MEMBER = "member"
    ADMIN = "admin"


class Origin(StrEnum):
    """Who gave a membership. A person may hold one of each; the sign-in of a provider touches only its own."""

    LOCAL = "local"
    PROVIDER = "provider"


class Account(Model):
    """A person. Keyed by (issuer, subject); ``name`` is the immutable hub name, ``display_name`` is free."""

    id: str
    issuer: str
    subject: str
    name: HubName
    slug: str
    display_name: DisplayName
    email: str
    enabled: bool
    platform_admin: bool
    must_change_password: bool
    volume_capacity: int | None = Field(default=None, description="size of the home folder, GiB; null is the default")
    created_at: Timestamp
    last_seen_at: Timestamp | None
    version: int


Email = Annotated[str, Field(max_length=254, pattern=r"^$|^[^@\s]+@[^@\s]+\.[^@\s]+$")]


class AccountCreate(Model):
    """What an administrator gives to make a local account."""

    name: HubName
    display_name: DisplayName = ""
    email: Email = ""
    platform_admin: bool = False
    groups: tuple[str, ...] = ()
    send: bool = False
    """Whether the link goes to ``email`` too."""


class AccountUpdate(Model):
    """Fields to change; absent ones stay. ``version`` is that of the row the change was made from."""

    version: int
    display_name: DisplayName | None = None
    email: Email | None = None
    enabled: bool | None = None
    platform_admin: bool | None = None
    volume_capacity: Annotated[int, Field(ge=1, le=1_000_000)] | None = None


class LinkSent(Model):
    """What became of the e-mail with a link."""

    to: str
    sent: bool
    """Whether the mail server has taken it."""
    message: str = ""
    """What went wrong."""


class AccountCreated(Model):
    """A new local account, and the token of the one-time link with which its person sets a password. Shown once."""

    account: Account
    token: Transmitted
    expires_at: Timestamp
    mail: LinkSent | None = None
    """Null where none was asked for."""


class TemporaryPassword(Model):
    """A password that an administrator hands over. Shown once; it must be changed at the next sign-in."""

    user: HubName
    password: Transmitted


class RunningThing(Model):
    """Something of a person's that is stopped when the account is disabled or deleted."""

    kind: str
    """``notebook`` or ``job``, as in ``WorkloadKind``."""
    id: str
    name: str
    """The server's name, empty for the default server; or the job's."""
    group: str
    phase: str
    since: Timestamp


class Membership(Model):
    """A person's place in a group."""

    user: HubName
    display_name: DisplayName
    group: str
    role: Role
    origins: tuple[Origin, ...]


class MembershipPut(Model):
    """What a group admin says of a person's place in the group."""

    role: Role = Role.MEMBER


class MyGroup(Model):
    """A group as one of its people sees it."""

    group: str
    """Slug."""
    name: str
    display_name: DisplayName
    role: Role
    permissions: tuple[str, ...]
    """Names from the table of permissions that this request's token has in this group."""


class Me(Model):
    """Who a request is made as."""

    name: HubName
    slug: str
    display_name: DisplayName
    email: str
    local: bool
    """Whether PrimeHub keeps the password; else a provider does."""
    local_accounts: bool = True
    """Whether anybody may have a password here; else people sign in through a provider alone."""
    must_change_password: bool
    platform_admin: bool
    groups: tuple[MyGroup, ...]
    scopes: tuple[str, ...]
    permissions: tuple[str, ...]
    """Names from the table of permissions that the token has apart from any group."""
    version: int


class MeUpdate(Model):
    """Fields of one's own account to change; absent ones stay."""

    version: int
    display_name: DisplayName | None = None
    email: Email | None = None


@dataclass(frozen=True, slots=True)
class Actor:
    """Who a request is made as, and with what rights. Made anew for every request from the store."""

    account: Account | None = None
    service: str | None = None
    scopes: frozenset[str] = frozenset()
    roles: Mapping[str, Role] = field(default_factory=dict)
    """Group id to role; the union of all origins, the stronger role winning."""
    notebook_group: str | None = None
    """Id of the only group that a notebook's own token may touch, else None."""
    notebook_server: str | None = None
    """``user/server`` that a notebook's own token belongs to, else None."""

    @property
    def name(self) -> str:
        """The name for the audit log."""
        return self.account.name if self.account else f"service:{self.service}"

    @property
    def is_notebook(self) -> bool:
        """Whether this is a notebook server's own token."""
        return self.notebook_server is not None


PLATFORM = Actor(service="primehub")
"""The platform itself, in the audit log."""
