"""Oneself, other people, groups and who is in them, links."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from ..domain.identity import AccountCreated
from ..domain.letters import link_letter
from ..domain.system import InvitationCreated
from ..operations import accounts, groups, identity, invitations, members
from .call import Call
from .registry import Run, read, read_of_group, write

Link = TypeVar("Link", AccountCreated, InvitationCreated)


async def _list_groups(call: Call) -> Any:
    return await call.read(groups.list_, call.query, all=call.query.all)


async def _me(call: Call) -> Any:
    return await call.read(identity.me, local_accounts=call.context.local_accounts)


async def _update_me(call: Call) -> Any:
    session = call.identity.session
    return await call.write(identity.update_me, call.body, local_accounts=call.context.local_accounts, session=session)


def _with_link(create: Callable[..., Link]) -> Run:
    """A handler of what ``create`` makes with a one-time link, which is sent where that is asked for."""

    async def run(call: Call) -> Any:
        context = call.context
        how = {"local_accounts": context.local_accounts, "email_available": context.email_available}
        return await _posted(call, await call.write(create, call.body, **how))

    return run


async def _posted(call: Call, made: Link) -> Link:
    """The new link, once its letter is on its way or could not be sent: it is in the answer all the same.

    It is sent here and now, while the token is known; were this process killed meanwhile, a new link is made.
    """
    context, mail = call.context, made.mail
    if mail is None or context.post is None:
        return made
    token = made.token.get_secret_value()
    about = await call.read(invitations.about, token)
    wrong = await context.post(mail.to, link_letter(about, context.address, token))
    mail = mail.model_copy(update={"sent": not wrong, "message": wrong})
    await call.write(invitations.sent, about.id, mail)
    return made.model_copy(update={"mail": mail})


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
    "accounts.create": _with_link(accounts.create),
    "accounts.get": read(accounts.get),
    "accounts.update": write(accounts.update),
    "accounts.delete": write(accounts.delete),
    "accounts.running": read(accounts.running),
    "accounts.memberships": read(accounts.memberships),
    "accounts.reset_password": _reset_password,
    "invitations.list": read_of_group(invitations.list_),
    "invitations.create": _with_link(invitations.create),
    "invitations.delete": write(invitations.revoke),
}
