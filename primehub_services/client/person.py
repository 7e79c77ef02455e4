"""The API as a person uses it: every noun a collection, and notebooks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from pydantic import BaseModel

from ..domain.admission import LaunchOptions
from ..domain.claims import Decision, GroupUsage
from ..domain.groups import Group
from ..domain.identity import (
    Account,
    AccountCreate,
    AccountCreated,
    Me,
    Membership,
    MembershipPut,
    Role,
    RunningThing,
    TemporaryPassword,
)
from ..domain.images import Image
from ..domain.instance_types import InstanceType
from ..domain.launch import LaunchRequest
from ..domain.notebooks import FINAL, LogPart, Notebook, NotebookKeep, NotebookPhase
from ..domain.notifications import Notifications, NotificationSettings, NotificationTest
from ..domain.secrets import Secret
from ..domain.system import AuditEvent, Invitation, InvitationCreate, InvitationCreated, SystemSettings
from ..domain.tokens import (
    LoginRequestCreate,
    LoginRequestCreated,
    LoginRequestPoll,
    LoginRequestResult,
    Token,
    TokenCreate,
    TokenCreated,
)
from ..domain.volumes import Volume, VolumeManifests
from .base import ApiClient
from .collection import Collection, given
from .jobs import Jobs, Patience, Schedules


class _Version(BaseModel):
    version: str


class PersonClient(ApiClient):
    """The API with a person's token."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.groups = Collection(self, "/groups", Group)
        self.instance_types = Collection(self, "/instance-types", InstanceType)
        self.images = Collection(self, "/images", Image)
        self.volumes = Collection(self, "/volumes", Volume)
        self.secrets = Collection(self, "/secrets", Secret)
        self.users = Collection(self, "/users", Account)
        self.notebooks = Collection(self, "/notebooks", Notebook)
        self.jobs = Jobs(self)
        self.schedules = Schedules(self)
        self.tokens = Collection(self, "/me/tokens", Token)
        self.invitations = Collection(self, "/invitations", Invitation)
        self.audit = Collection(self, "/audit", AuditEvent)

    async def version(self) -> str:
        """The platform's version."""
        return (await self.fetch(_Version, "GET", "/version")).version

    async def me(self) -> Me:
        """Who this token is."""
        return await self.fetch(Me, "GET", "/me")

    async def begin_login(self, request: LoginRequestCreate) -> LoginRequestCreated:
        """Ask for a token that a person approves in the browser."""
        return await self.fetch(LoginRequestCreated, "POST", "/login-requests", body=request)

    async def poll_login(self, request: LoginRequestCreated) -> LoginRequestResult:
        """Whether it is approved; the token is in the answer once."""
        body = LoginRequestPoll(secret=request.secret)
        return await self.fetch(LoginRequestResult, "POST", f"/login-requests/{request.id}/token", body=body)

    async def create_token(self, request: TokenCreate) -> TokenCreated:
        """A new token of this person's, shown once."""
        return await self.fetch(TokenCreated, "POST", "/me/tokens", body=request)

    async def notifications(self) -> Notifications:
        """What one is told of, and how."""
        return await self.fetch(Notifications, "GET", "/me/notifications")

    async def put_notifications(self, changes: dict[str, Any]) -> Notifications:
        """Change the given fields of ``NotificationsPut``; the others stay as they are now."""
        now = (await self.notifications()).model_dump(mode="json", include=set(NotificationSettings.model_fields))
        return await self.fetch(Notifications, "PUT", "/me/notifications", body={**now, **changes})

    async def test_notifications(self) -> NotificationTest:
        """Send a message to each channel that is on."""
        return await self.fetch(NotificationTest, "POST", "/me/notifications/test")

    def members(self, group: str) -> Collection[Membership]:
        """Who is in a group."""
        return Collection(self, f"{self.groups.path(group)}/members", Membership)

    async def put_member(self, group: str, user: str, role: Role) -> Membership:
        """Put somebody into a group, or change the role."""
        return await self.fetch(Membership, "PUT", self.members(group).path(user), body=MembershipPut(role=role))

    async def usage(self, group: str) -> GroupUsage:
        """The quotas of a group and who holds what."""
        return await self.fetch(GroupUsage, "GET", f"{self.groups.path(group)}/usage")

    async def launch_options(self, group: str) -> LaunchOptions:
        """All that can be chosen for a start in the group."""
        return await self.fetch(LaunchOptions, "GET", f"{self.groups.path(group)}/launch-options")

    async def check(self, request: LaunchRequest) -> Decision:
        """Whether this would start, and if not, why not."""
        return await self.fetch(Decision, "POST", f"{self.groups.path(request.group)}/launch-checks", body=request)

    async def start(self, request: LaunchRequest) -> Notebook:
        """Start a notebook; it is claimed, not ready, when this returns. Raises ``ApiProblem`` of code ``refused``."""
        return await self.fetch(Notebook, "POST", "/notebooks", body=request)

    async def stop(self, notebook: str) -> Notebook:
        """Ask a notebook to stop."""
        return await self.fetch(Notebook, "DELETE", self.notebooks.path(notebook))

    async def keep(self, notebook: str, seconds: int | None = None) -> Notebook:
        """Put off its stop for idleness, for so many seconds from now; null is as in ``NotebookKeep``."""
        body = NotebookKeep(seconds=seconds)
        return await self.fetch(Notebook, "POST", f"{self.notebooks.path(notebook)}/keep", body=body)

    async def watch(
        self, notebook: str, *, every: float = 0.5, patience: Patience | None = None
    ) -> AsyncIterator[Notebook]:
        """The notebook each time it changed, until it runs or has ended. A restart of the platform is waited for."""
        last = None
        patience = patience or Patience()
        while True:
            now = await patience.ask(lambda: self.notebooks.get(notebook))
            if now != last:
                yield now
            last = now
            if now.phase in FINAL or now.phase is NotebookPhase.RUNNING:
                return
            await asyncio.sleep(every)

    async def log(self, notebook: str, **query: Any) -> LogPart:
        """A part of its log; ``query`` is as in the API (``offset``, ``limit``, ``tail``, ``search``)."""
        return await self.fetch(LogPart, "GET", f"{self.notebooks.path(notebook)}/log", query=given(query))

    async def volume_manifests(self, volume: str) -> VolumeManifests:
        """What an operator of the cluster applies for a volume of kind nfs or hostPath."""
        return await self.fetch(VolumeManifests, "GET", f"{self.volumes.path(volume)}/manifests")

    async def rebuild(self, image: str) -> Image:
        """Make an image's environment again."""
        return await self.fetch(Image, "POST", f"{self.images.path(image)}/rebuild")

    async def build_log(self, image: str, **query: Any) -> LogPart:
        """A part of the log of an image's latest build; ``query`` is as for ``log``."""
        return await self.fetch(LogPart, "GET", f"{self.images.path(image)}/build-log", query=given(query))

    async def create_user(self, account: AccountCreate) -> AccountCreated:
        """A new local account, and the token of its one-time link."""
        return await self.fetch(AccountCreated, "POST", "/users", body=account)

    async def running(self, user: str) -> tuple[RunningThing, ...]:
        """What stops if the person leaves."""
        found: tuple[RunningThing, ...] = self.read(
            tuple[RunningThing, ...], await self.call("GET", f"{self.users.path(user)}/running")
        )
        return found

    async def reset_password(self, user: str) -> TemporaryPassword:
        """A temporary password to hand over."""
        return await self.fetch(TemporaryPassword, "POST", f"{self.users.path(user)}/password-reset")

    async def invite(self, request: InvitationCreate) -> InvitationCreated:
        """A link to hand to somebody."""
        return await self.fetch(InvitationCreated, "POST", "/invitations", body=request)

    async def settings(self) -> SystemSettings:
        """The platform's settings."""
        return await self.fetch(SystemSettings, "GET", "/settings")

    async def update_settings(self, changes: dict[str, Any]) -> SystemSettings:
        """Change the given settings."""
        body = changes if "version" in changes else {**changes, "version": (await self.settings()).version}
        return await self.fetch(SystemSettings, "PATCH", "/settings", body=body)
