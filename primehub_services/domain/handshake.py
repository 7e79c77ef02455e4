"""What the hub's side (spawner, authenticator, culler) and the API say to each other."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from .identity import LOCAL_ISSUER
from .launch import LaunchPlan, LeftOut
from .model import Model, Transmitted
from .names import DisplayName, HubName

Password = Annotated[Transmitted, Field(min_length=1, max_length=1024)]


class ClaimRequest(Model):
    """The spawner asks for a start. ``user_options`` come from anywhere and are checked like any request."""

    user: HubName
    server_name: str = Field(default="", max_length=30)
    user_options: dict[str, Any] = Field(default_factory=dict)


class ClaimGrant(Model):
    """The claim is made, or an earlier one adopted; this is what to run."""

    start_id: str
    plan: LaunchPlan


class ClaimState(Model):
    """Whether a start is still wanted, for a spawner that waits for room."""

    stop_requested: str | None
    """Who asked for its end, or why it ends; null while nobody did."""


class ClaimEvent(Model):
    """What the spawner saw of a start."""

    event: Literal["progress", "ready", "stopped"]
    progress: int = Field(default=0, ge=0, le=100)
    stage: str = Field(default="", max_length=40)
    message: str = Field(default="", max_length=2000)
    url: str = Field(default="", max_length=500)
    exit_code: int | None = None
    reason: str = Field(default="", max_length=500)
    left_out: LeftOut | None = None
    """The volume that the start goes on without from here, where ``message`` says so."""


class StartEvent(ClaimEvent):
    """An event of one of several starts."""

    start_id: str = Field(max_length=64)


class StartEvents(Model):
    """What the spawner saw of several starts, in the order in which it saw it."""

    events: tuple[StartEvent, ...] = Field(max_length=500)


class PasswordSignIn(Model):
    """A local account's name and password."""

    username: str = Field(max_length=255)
    password: Password


class ProviderSignIn(Model):
    """Who an OpenID Connect provider says has signed in. ``groups`` null leaves provider memberships alone."""

    issuer: str = Field(min_length=1, max_length=500)
    subject: str = Field(min_length=1, max_length=255)
    username: str = Field(min_length=1, max_length=255)
    display_name: str = Field(default="", max_length=255)
    email: str = Field(default="", max_length=254)
    groups: tuple[str, ...] | None = None
    platform_admin: bool | None = None
    """Null leaves the account's own right alone."""
    renewal: bool = False
    """The provider was asked again; nobody signed in, and nobody new is let in."""


class ProviderRefusal(Model):
    """Of whom an OpenID Connect provider says that they are out."""

    issuer: str = Field(min_length=1, max_length=500)
    subject: str = Field(min_length=1, max_length=255)


class AccountState(Model):
    """What the hub needs to know of a person: the name, the hub groups, and whether they may go on."""

    name: HubName
    display_name: DisplayName
    enabled: bool
    platform_admin: bool
    must_change_password: bool
    groups: tuple[str, ...]
    """Slugs; the union of all origins."""
    issuer: str = LOCAL_ISSUER
    """The provider's URL, or ``local``."""


class PasswordChange(Model):
    """A person's own change of a password."""

    username: HubName
    old_password: Password
    new_password: Password


class TokenInspection(Model):
    """An invitation's or a sign-in link's token."""

    token: Transmitted


class InvitationView(Model):
    """What the holder of a link may see before using it."""

    kind: Literal["join", "account"]
    group: str | None
    """The group's display name, for kind join."""
    username: str | None
    """For kind account."""


class InvitationRedeem(Model):
    """The use of a link: a new account (join), or a password for an existing one (account)."""

    token: Transmitted
    username: str = Field(default="", max_length=63)
    display_name: DisplayName = ""
    password: Password


class InvitationJoin(Model):
    """The use of a link into a group by somebody who has an account and is signed in to the hub with it."""

    token: Transmitted
    username: HubName


class CullingDecision(Model):
    """What the idle culler is to do with one server."""

    cull: bool
    reason: str = ""


INVITATION_PATH = "/hub/invite"


def invitation_link(address: str, token: str) -> str:
    """The link to hand to somebody. The token is in the fragment: browsers send that to nobody, so no log has it."""
    return f"{address.rstrip('/')}{INVITATION_PATH}#{token}"
