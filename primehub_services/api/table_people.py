"""Routes of groups, of who is in them, and of accounts."""

from __future__ import annotations

from ..domain.groups import Group, GroupCreate, GroupUpdate
from ..domain.identity import (
    Account,
    AccountCreate,
    AccountCreated,
    AccountUpdate,
    Membership,
    MembershipPut,
    RunningThing,
    TemporaryPassword,
)
from ..domain.overview import GroupLosses
from ..domain.paging import Page, PageQuery
from .queries import AllQuery
from .route import Route

GROUPS = (
    Route("groups.list", "GET", "/groups", "One's groups", "self.read", Page[Group], query=AllQuery),
    Route("groups.create", "POST", "/groups", "Make a group", "group.edit", Group, body=GroupCreate, status=201),
    Route("groups.get", "GET", "/groups/{group}", "One group", "group.read", Group),
    Route(
        "groups.update",
        "PATCH",
        "/groups/{group}",
        "Change a group",
        "group.edit",
        Group,
        body=GroupUpdate,
        also=("group.settings",),
    ),
    Route(
        "groups.losses",
        "GET",
        "/groups/{group}/losses",
        "What would be lost if a group were deleted",
        "group.edit",
        GroupLosses,
    ),
    Route("groups.delete", "DELETE", "/groups/{group}", "Delete a group", "group.edit", status=204),
    Route(
        "members.list",
        "GET",
        "/groups/{group}/members",
        "Who is in a group",
        "group.members",
        Page[Membership],
        query=PageQuery,
    ),
    Route(
        "members.put",
        "PUT",
        "/groups/{group}/members/{user}",
        "Put somebody into a group, or change the role",
        "group.members.edit",
        Membership,
        body=MembershipPut,
    ),
    Route(
        "members.delete",
        "DELETE",
        "/groups/{group}/members/{user}",
        "Take somebody out of a group",
        "group.members.edit",
        status=204,
    ),
)

USERS = (
    Route("accounts.list", "GET", "/users", "People", "platform.admin", Page[Account], query=PageQuery),
    Route(
        "accounts.create",
        "POST",
        "/users",
        "Make a local account",
        "platform.admin",
        AccountCreated,
        body=AccountCreate,
        status=201,
    ),
    Route("accounts.get", "GET", "/users/{user}", "One person", "platform.admin", Account),
    Route(
        "accounts.update",
        "PATCH",
        "/users/{user}",
        "Change a person's account",
        "platform.admin",
        Account,
        body=AccountUpdate,
    ),
    Route("accounts.delete", "DELETE", "/users/{user}", "Delete a person's account", "platform.admin", status=204),
    Route(
        "accounts.running",
        "GET",
        "/users/{user}/running",
        "What would be stopped if the person left",
        "platform.admin",
        tuple[RunningThing, ...],
    ),
    Route(
        "accounts.memberships",
        "GET",
        "/users/{user}/memberships",
        "Which groups a person is in",
        "platform.admin",
        tuple[Membership, ...],
    ),
    Route(
        "accounts.reset_password",
        "POST",
        "/users/{user}/password-reset",
        "Give a temporary password",
        "platform.admin",
        TemporaryPassword,
    ),
)
