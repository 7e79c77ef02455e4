"""Oneself, other people, groups and who is in them, links."""

from __future__ import annotations

from typing import Any

from ..operations import accounts, groups, identity, invitations, members
from .call import Call
from .registry import Run, read, read_of_group, write


async def _list_groups(call: Call) -> Any:
    return await call.read(groups.list_, call.query, all=call.query.all)


async def _me(call: Call) -> Any:
    return await call.read(identity.me, local_accounts=call.context.local_accounts)


async def _update_me(call: Call) -> Any:
    return await call.write(identity.update_me, call.body, local_accounts=call.context.local_accounts)


async def _create_account(call: Call) -> Any:
    return await call.write(accounts.create, call.body, local_accounts=call.context.local_accounts)


async def _create_invitation(call: Call) -> Any:
    return await call.write(invitations.create, call.body, local_accounts=call.context.local_accounts)


async def _reset_password(call: Call) -> Any:
    return await call.context.sign_in.reset_password(await call.actor(), call["user"])


HANDLERS: dict[str, Run] = {
    "me.get": _me,
    "me.update": _update_me,
    "groups.list": _list_groups,
    "groups.create": write(groups.create),
    "groups.get": read(groups.get),
    "groups.update": write(groups.update),
    "groups.losses": read(groups.losses),
    "groups.delete": write(groups.delete),
    "members.list": read(members.list_),
    "members.put": write(members.put),
    "members.delete": write(members.delete),
    "accounts.list": read(accounts.list_),
    "accounts.create": _create_account,
    "accounts.get": read(accounts.get),
    "accounts.update": write(accounts.update),
    "accounts.delete": write(accounts.delete),
    "accounts.running": read(accounts.running),
    "accounts.memberships": read(accounts.memberships),
    "accounts.reset_password": _reset_password,
    "invitations.list": read_of_group(invitations.list_),
    "invitations.create": _create_invitation,
    "invitations.delete": write(invitations.revoke),
}
