"""Oneself, other people, groups and who is in them, links."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, TypeVar

from ..domain.identity import AccountCreated, LinkSent
from ..domain.letters import link_letter
from ..domain.problems import Problem
from ..domain.system import InvitationCreated
from ..operations import accounts, groups, identity, invitations, members
from .call import Call
from .context import Post
from .registry import Run, read, read_of_group, write

log = logging.getLogger("primehub.api")
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
    mail = made.mail
    if mail is None or call.context.post is None:
        return made
    try:
        mail = await _sent(call, call.context.post, mail, made.token.get_secret_value())
    except Exception as error:
        log.exception("the letter with a link to %s was not sent", mail.to)
        mail = mail.model_copy(update={"message": f"It was not sent. {_words(error)}"})
    return made.model_copy(update={"mail": mail})


async def _sent(call: Call, post: Post, mail: LinkSent, token: str) -> LinkSent:
    """The letter's fate. What the audit log does not take is no reason to say that it was not sent."""
    about = await call.read(invitations.about, token)
    wrong = await post(mail.to, link_letter(about, call.context.address, token))
    mail = mail.model_copy(update={"sent": not wrong, "message": wrong})
    try:
        await call.write(invitations.sent, about.id, mail)
    except Exception as error:
        log.exception("what became of the letter with a link to %s is not in the audit log", mail.to)
        missing = f"The audit log does not say so. {_words(error)}"
        mail = mail.model_copy(update={"message": " ".join(filter(None, (wrong, missing)))})
    return mail


def _words(error: Exception) -> str:
    return str(error) if isinstance(error, Problem) else f"{type(error).__name__}."


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
