"""Every route of the API. Handlers in the modules beside this one bear the routes' names."""

from __future__ import annotations

from typing import Any

from ..domain.admission import LaunchOptions
from ..domain.claims import Decision, GroupUsage
from ..domain.handshake import (
    AccountState,
    ClaimEvent,
    ClaimGrant,
    ClaimRequest,
    ClaimState,
    CullingDecision,
    InvitationJoin,
    InvitationRedeem,
    InvitationView,
    PasswordChange,
    PasswordSignIn,
    ProviderRefusal,
    ProviderSignIn,
    StartEvents,
    TokenInspection,
)
from ..domain.identity import (
    Me,
    MeUpdate,
)
from ..domain.images import Image, ImageCreate, ImageUpdate
from ..domain.instance_types import InstanceType, InstanceTypeCreate, InstanceTypeUpdate
from ..domain.launch import LaunchRequest
from ..domain.notebooks import LogPart, Notebook, NotebookKeep
from ..domain.notifications import MailServer, NotificationTest
from ..domain.overview import PlatformOverview
from ..domain.paging import Page, PageQuery
from ..domain.results import UsageSeries
from ..domain.secrets import Secret, SecretCreate, SecretUpdate
from ..domain.system import (
    Announcement,
    AnnouncementCreate,
    AuditEvent,
    Branding,
    Invitation,
    InvitationCreate,
    InvitationCreated,
    SystemSettings,
    SystemSettingsUpdate,
)
from ..domain.tokens import (
    LoginApproval,
    LoginApprovalView,
    LoginRequestCreate,
    LoginRequestCreated,
    LoginRequestPoll,
    LoginRequestResult,
    Token,
    TokenCreate,
    TokenCreated,
)
from ..domain.volumes import Volume, VolumeCreate, VolumeManifests, VolumeUpdate
from .queries import AllQuery, AuditQuery, CullingQuery, EventsQuery, GroupQuery, LogQuery, NotebookQuery
from .replies import Engine, Health, Status, Version
from .route import EVENTS, TEXT, Route, Table
from .table_jobs import JOBS
from .table_people import GROUPS, USERS
from .table_queue import QUEUE
from .table_reports import REPORTS
from .table_results import RESULTS
from .table_routes import ROUTES
from .table_schedules import NOTIFICATIONS, SCHEDULES
from .table_snapshots import SNAPSHOTS

_SYSTEM = (
    Route("system.openapi", "GET", "/openapi.json", "This document", None, dict),
    Route("system.version", "GET", "/version", "Which PrimeHub this is", None, Version),
    Route(
        "system.branding",
        "GET",
        "/branding",
        "What the platform is called, with its logo; with If-None-Match only where that has changed",
        None,
        Branding,
    ),
    Route("system.health", "GET", "/health", "Whether it works", None, Health),
    Route("system.status", "GET", "/status", "Whether it works, part by part", "platform.admin", Status),
    Route(
        "system.metrics", "GET", "/metrics", "Numbers for Prometheus", "platform.admin", media=TEXT, checks_itself=True
    ),
    Route("system.engine", "GET", "/engine", "What kinds of images and volumes there can be", "self.read", Engine),
    Route("system.settings", "GET", "/settings", "Settings of the platform", "self.read", SystemSettings),
    Route(
        "system.update_settings",
        "PATCH",
        "/settings",
        "Change settings of the platform",
        "platform.admin",
        SystemSettings,
        body=SystemSettingsUpdate,
    ),
    Route("email.get", "GET", "/email", "How the platform sends e-mail", "platform.admin", MailServer),
    Route(
        "email.test",
        "POST",
        "/email/test",
        "Send a test e-mail to oneself",
        "platform.admin",
        NotificationTest,
    ),
    Route("audit.list", "GET", "/audit", "Who changed what", "platform.admin", Page[AuditEvent], query=AuditQuery),
    Route("events.stream", "GET", "/events", "Live changes and logs", "self.read", query=EventsQuery, media=EVENTS),
)

_SELF = (
    Route("me.get", "GET", "/me", "Who one is, and what one may do", "self.read", Me),
    Route("me.update", "PATCH", "/me", "Change one's own display name or e-mail", "self.write", Me, body=MeUpdate),
    Route("tokens.list", "GET", "/me/tokens", "One's API tokens", "self.tokens", Page[Token], query=PageQuery),
    Route(
        "tokens.create",
        "POST",
        "/me/tokens",
        "Make an API token",
        "self.tokens",
        TokenCreated,
        body=TokenCreate,
        status=201,
    ),
    Route("tokens.delete", "DELETE", "/me/tokens/{token}", "Revoke an API token", "self.tokens", status=204),
    Route(
        "logins.create",
        "POST",
        "/login-requests",
        "Ask a person to let a program act for them",
        None,
        LoginRequestCreated,
        body=LoginRequestCreate,
        status=201,
    ),
    Route(
        "logins.poll",
        "POST",
        "/login-requests/{request}/token",
        "Fetch the token, once it is approved",
        None,
        LoginRequestResult,
        body=LoginRequestPoll,
    ),
    Route(
        "logins.view",
        "GET",
        "/login-requests/{code}/approval",
        "What one is asked to approve",
        "self.tokens",
        LoginApprovalView,
    ),
    Route(
        "logins.decide",
        "POST",
        "/login-requests/{code}/approval",
        "Approve or deny",
        "self.tokens",
        LoginApprovalView,
        body=LoginApproval,
    ),
)


def _page(model: Any) -> Any:
    return Page[model]


def _crud(
    noun: str, path: str, one: str, models: tuple[Any, Any, Any], permission: str, *, also: tuple[str, ...] = ()
) -> tuple[Route, ...]:
    model, create, update = models
    words = one.replace("_", " ")
    item = f"{path}/{{{one}}}"
    an = "an" if words[0] in "aeiou" else "a"
    return (
        Route(
            f"{noun}.list", "GET", path, f"{words.capitalize()}s", permission, _page(model), query=GroupQuery, also=also
        ),
        Route(
            f"{noun}.create", "POST", path, f"Make {an} {words}", permission, model, body=create, status=201, also=also
        ),
        Route(f"{noun}.get", "GET", item, f"One {words}", permission, model, also=also),
        Route(f"{noun}.update", "PATCH", item, f"Change {an} {words}", permission, model, body=update, also=also),
        Route(f"{noun}.delete", "DELETE", item, f"Delete {an} {words}", permission, status=204, also=also),
    )


_LAUNCHES = (
    Route("usage.platform", "GET", "/usage", "What all groups have in use", "platform.admin", PlatformOverview),
    Route(
        "usage.group", "GET", "/groups/{group}/usage", "Quotas, and who holds what of them", "group.usage", GroupUsage
    ),
    Route(
        "launches.options",
        "GET",
        "/groups/{group}/launch-options",
        "What can be launched in a group",
        "launch.options",
        LaunchOptions,
    ),
)

_CATALOG = (
    *_crud(
        "instance_types",
        "/instance-types",
        "instance_type",
        (InstanceType, InstanceTypeCreate, InstanceTypeUpdate),
        "platform.admin",
    ),
    *_crud("images", "/images", "image", (Image, ImageCreate, ImageUpdate), "platform.admin", also=("group.images",)),
    Route(
        "images.rebuild",
        "POST",
        "/images/{image}/rebuild",
        "Make an image's environment again",
        "platform.admin",
        Image,
        also=("group.images",),
    ),
    Route(
        "images.build_log",
        "GET",
        "/images/{image}/build-log",
        "A part of the log of an image's build",
        "platform.admin",
        LogPart,
        query=LogQuery,
        also_media=(TEXT,),
        also=("group.images",),
    ),
    *_crud("volumes", "/volumes", "volume", (Volume, VolumeCreate, VolumeUpdate), "platform.admin"),
    Route(
        "volumes.manifests",
        "GET",
        "/volumes/{volume}/manifests",
        "What an operator of the cluster applies for a volume",
        "platform.admin",
        VolumeManifests,
    ),
    *_crud(
        "secrets",
        "/secrets",
        "secret",
        (Secret, SecretCreate, SecretUpdate),
        "platform.admin",
        also=("group.secrets", "self.write"),
    ),
)

_PEOPLE = (
    Route(
        "invitations.list",
        "GET",
        "/invitations",
        "Invitation links",
        "group.invite",
        Page[Invitation],
        query=GroupQuery,
        also=("platform.admin",),
    ),
    Route(
        "invitations.create",
        "POST",
        "/invitations",
        "Make an invitation link",
        "group.invite",
        InvitationCreated,
        body=InvitationCreate,
        status=201,
        also=("platform.admin",),
    ),
    Route(
        "invitations.delete",
        "DELETE",
        "/invitations/{invitation}",
        "Withdraw an invitation link",
        "group.invite",
        status=204,
        also=("platform.admin",),
    ),
    Route(
        "announcements.list",
        "GET",
        "/announcements",
        "Announcements",
        "self.read",
        Page[Announcement],
        query=AllQuery,
    ),
    Route(
        "announcements.create",
        "POST",
        "/announcements",
        "Announce something",
        "platform.admin",
        Announcement,
        body=AnnouncementCreate,
        status=201,
    ),
    Route(
        "announcements.delete",
        "DELETE",
        "/announcements/{announcement}",
        "Take an announcement down",
        "platform.admin",
        status=204,
    ),
)

_NOTEBOOKS = (
    Route(
        "launches.check",
        "POST",
        "/groups/{group}/launch-checks",
        "Whether this would start, and if not, why not",
        "launch.check",
        Decision,
        body=LaunchRequest,
    ),
    Route(
        "notebooks.list",
        "GET",
        "/notebooks",
        "Notebooks that one may see",
        "self.read",
        Page[Notebook],
        query=NotebookQuery,
    ),
    Route(
        "notebooks.start",
        "POST",
        "/notebooks",
        "Start a notebook",
        "notebook.start",
        Notebook,
        body=LaunchRequest,
        status=202,
    ),
    Route("notebooks.get", "GET", "/notebooks/{notebook}", "One notebook", "notebook.read", Notebook),
    Route(
        "notebooks.stop", "DELETE", "/notebooks/{notebook}", "Stop a notebook", "notebook.stop", Notebook, status=202
    ),
    Route(
        "notebooks.log",
        "GET",
        "/notebooks/{notebook}/log",
        "A part of a notebook's log",
        "notebook.log",
        LogPart,
        query=LogQuery,
        also_media=(TEXT,),
    ),
    Route(
        "notebooks.usage",
        "GET",
        "/notebooks/{notebook}/usage",
        "What a notebook took of CPU, memory and GPUs over its life",
        "notebook.read",
        UsageSeries,
    ),
    Route(
        "notebooks.keep",
        "POST",
        "/notebooks/{notebook}/keep",
        "Put off the stop for idleness",
        "notebook.keep",
        Notebook,
        body=NotebookKeep,
    ),
)

_HANDSHAKE = (
    Route("claims.create", "POST", "/claims", "Claim quota for a start", "claims", ClaimGrant, body=ClaimRequest),
    Route("claims.state", "GET", "/claims/{start}", "Whether a start is still wanted", "claims", ClaimState),
    Route(
        "claims.event",
        "POST",
        "/claims/{start}/events",
        "Say how far a start is",
        "claims",
        body=ClaimEvent,
        status=204,
    ),
    Route(
        "claims.events",
        "POST",
        "/claim-events",
        "Say how far several starts are",
        "claims",
        body=StartEvents,
        status=204,
    ),
    Route("claims.release", "DELETE", "/claims/{start}", "Release a start's claim", "claims", status=204),
    Route(
        "sign_in.authenticate",
        "POST",
        "/accounts/authenticate",
        "Check a name and a password",
        "accounts",
        AccountState,
        body=PasswordSignIn,
    ),
    Route(
        "sign_in.provider",
        "POST",
        "/accounts/provider-sign-in",
        "Find or make the account of a provider's person",
        "accounts",
        AccountState,
        body=ProviderSignIn,
    ),
    Route(
        "sign_in.refusal",
        "POST",
        "/accounts/provider-refusal",
        "End what a person has whom their provider does not vouch for any more",
        "accounts",
        body=ProviderRefusal,
        status=204,
    ),
    Route(
        "sign_in.change_password",
        "POST",
        "/accounts/change-password",
        "Change one's password",
        "accounts",
        AccountState,
        body=PasswordChange,
    ),
    Route(
        "sign_in.state", "GET", "/accounts/{user}", "What the hub needs to know of a person", "accounts", AccountState
    ),
    Route(
        "sign_in.inspect",
        "POST",
        "/invitations/inspect",
        "What a link is for",
        "accounts",
        InvitationView,
        body=TokenInspection,
    ),
    Route(
        "sign_in.redeem",
        "POST",
        "/invitations/redeem",
        "Use a link",
        "accounts",
        AccountState,
        body=InvitationRedeem,
    ),
    Route(
        "sign_in.join",
        "POST",
        "/invitations/join",
        "Use a link into a group for an account that is there",
        "accounts",
        AccountState,
        body=InvitationJoin,
    ),
    Route(
        "notebooks.culling",
        "GET",
        "/culling/decisions",
        "Whether a server is to be culled",
        "culling",
        CullingDecision,
        query=CullingQuery,
    ),
)

TABLE = Table(
    (
        *_SYSTEM,
        *_SELF,
        *GROUPS,
        *USERS,
        *_CATALOG,
        *_PEOPLE,
        *_LAUNCHES,
        *_NOTEBOOKS,
        *JOBS,
        *QUEUE,
        *REPORTS,
        *RESULTS,
        *SNAPSHOTS,
        *SCHEDULES,
        *NOTIFICATIONS,
        *ROUTES,
        *_HANDSHAKE,
    )
)
