"""One's API tokens, which are the hub's; and the sign-in of the ``primehub`` command."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from pydantic import SecretStr

from ..domain.identity import Actor
from ..domain.paging import Page
from ..domain.permissions import PREFIX, require
from ..domain.problems import Forbidden, Invalid, NotFound, Problem, Unavailable
from ..domain.tokens import Token, TokenCreated
from ..hub import HubRefusal, HubToken, HubUnavailable
from ..operations import logins
from .call import Call
from .context import ApiContext
from .registry import Run, read

log = logging.getLogger("primehub.api")
ID_LENGTH = 32
"""Of a sign-in's id; what is longer is none."""
_LONG_AGO, _NEVER = datetime.fromtimestamp(0, UTC), datetime.max.replace(tzinfo=UTC)
_SORTS: dict[str, Callable[[Token], tuple[Any, ...]]] = {
    "created_at": lambda t: (t.created_at,),
    "note": lambda t: (t.note.casefold(), t.note),
    "expires_at": lambda t: (t.expires_at or _NEVER,),
    "last_used_at": lambda t: (t.last_used_at or _LONG_AGO,),
}
_NEWEST_FIRST = "-created_at"
ISSUED_BY_HUB = "JupyterHub"
"""What the hub calls the client of tokens that are no OAuth sessions."""


async def _owner(call: Call) -> tuple[Actor, str]:
    actor = await call.actor()
    require(actor, "self.tokens")
    assert actor.account is not None
    return actor, actor.account.name


async def _list(call: Call) -> Any:
    _, name = await _owner(call)
    query = call.query
    word = query.sort or _NEWEST_FIRST
    key = _SORTS.get(word.removeprefix("-"))
    if key is None:
        raise Invalid.field("sort", f"cannot sort by {word!r}", f"use one of {', '.join(_SORTS)}")
    found = [_token(t) for t in await _own_tokens(call, name) if query.search.lower() in t.note.lower()]
    found.sort(key=lambda t: t.id)  # settles ties, so that none is on two pages
    found.sort(key=key, reverse=word.startswith("-"))
    shown = found[query.offset : query.offset + query.page_size]
    return Page[Token](items=tuple(shown), total=len(found), page=query.page, page_size=query.page_size)


async def _create(call: Call) -> Any:
    actor, name = await _owner(call)
    lacking = sorted(s.value for s in call.body.scopes if s.value not in actor.scopes)
    if lacking:
        message = f"{', '.join(lacking)} is more than this session or token has."
        raise Invalid.field("scopes", message, "Choose among those of GET /me.")
    scopes = [s.value for s in call.body.scopes]
    made = await _make(call, name, scopes, call.body.expires_in, call.body.note)
    async with _revoked_if_lost(call, name, made):
        await call.write(logins.record, "token.create", scopes=scopes, note=call.body.note)
    assert made.token is not None
    return TokenCreated(**dict(_token(made)), token=SecretStr(made.token))


async def _delete(call: Call) -> Any:
    _, name = await _owner(call)
    mine = {t.id: t for t in await _own_tokens(call, name)}
    token = mine.get(call["token"])
    if token is None:
        raise NotFound.of("token", call["token"])
    try:
        await call.context.hub.delete_token(name, token.id, token=call.identity.token)
    except (HubRefusal, HubUnavailable) as error:
        raise _of_hub(error) from error
    await call.write(logins.record, "token.delete", note=token.note)


async def _own_tokens(call: Call, name: str) -> list[HubToken]:
    """Those that a person made; sessions and notebooks' own tokens are not shown and cannot be deleted here."""
    try:
        tokens = await call.context.hub.tokens(name, token=call.identity.token)
    except (HubRefusal, HubUnavailable) as error:
        raise _of_hub(error) from error
    return [t for t in tokens if t.oauth_client == ISSUED_BY_HUB and not any("!server=" in s for s in t.scopes)]


async def _make(call: Call, name: str, scopes: list[str], expires_in: int, note: str) -> HubToken:
    try:
        return await call.context.hub.create_token(
            name, scopes=scopes, expires_in=expires_in, note=note, token=call.identity.token
        )
    except (HubRefusal, HubUnavailable) as error:
        raise _of_hub(error) from error


def _of_hub(error: HubRefusal | HubUnavailable) -> Problem:
    if isinstance(error, HubUnavailable):
        return Unavailable(f"{error} Try again in a moment.")
    if error.status in (401, 403, 404):
        msg = "This token may not manage tokens. The portal does, under API tokens; so does a token with the scope tokens!user."
        return Forbidden(msg)
    return Invalid(f"JupyterHub does not accept this: {error.message}")


def _token(token: HubToken) -> Token:
    ours = tuple(s for s in token.scopes if s.startswith(PREFIX))
    return Token(
        id=token.id,
        note=token.note,
        scopes=ours or token.scopes,
        created_at=token.created or _LONG_AGO,
        expires_at=token.expires_at,
        last_used_at=token.last_activity,
    )


async def _ask(call: Call) -> Any:
    context = call.context
    context.login_limit.take(await context.proxies.origin(call.handler.request))
    return await context.database.write(logins.create, call.body, path=f"{context.prefix}cli-login")


async def _poll(call: Call) -> Any:
    context, request = call.context, call["request"]
    # the address first, or one could make the limit of ids forget those of others
    context.poller_limit.take(await context.proxies.origin(call.handler.request))
    context.poll_limit.take(request[:ID_LENGTH])
    return await context.database.write(logins.poll, request, call.body.secret, keyring=context.keyring)


async def _decide(call: Call) -> Any:
    code = call["code"]
    if not call.body.approve:
        return await call.write(logins.deny, code)
    _, name = await _owner(call)
    asked = await call.write(logins.reserve, code)
    made = await _make(call, name, [s.value for s in asked.scopes], asked.expires_in, logins.note_of(asked))
    async with _revoked_if_lost(call, name, made):
        assert made.token is not None
        fetchable = logins.Fetchable(made.token, made.id)
        return await call.write(logins.approve, code, fetchable, keyring=call.context.keyring)


@asynccontextmanager
async def _revoked_if_lost(call: Call, name: str, made: HubToken) -> AsyncIterator[None]:
    """Whatever goes wrong within, nobody will have the token: it is revoked."""
    try:
        yield
    except BaseException:
        try:
            await call.context.hub.delete_token(name, made.id)
        except (HubRefusal, HubUnavailable) as error:  # what the person is to hear is what went wrong first
            log.warning("a token of %s that nobody has cannot be revoked: %s", name, error)
        raise


async def sweep(context: ApiContext) -> None:
    """Revoke tokens that nobody fetched in time, and forget their sign-ins; where the hub refuses, not yet."""
    for sign_in in await context.database.read(logins.expired, keyring=context.keyring):
        try:
            await _revoke(context, sign_in)
        except HubRefusal as error:
            log.warning("the token of an expired sign-in of %s cannot be revoked: %s", sign_in.user, error.message)
            continue
        except HubUnavailable:
            return
        await context.database.write(logins.forget, sign_in.id)


async def _revoke(context: ApiContext, sign_in: logins.Expired) -> None:
    """Raises ``HubRefusal`` and ``HubUnavailable``; a token that is gone already is success."""
    user = sign_in.user
    if user is None:
        return
    found = [sign_in.token_id] if sign_in.token_id is not None else []
    if not found:
        tokens = await context.hub.tokens(user)
        found = [t.id for t in tokens if t.oauth_client == ISSUED_BY_HUB and t.note == sign_in.note]
    for token_id in found:
        await context.hub.delete_token(user, token_id)


HANDLERS: dict[str, Run] = {
    "tokens.list": _list,
    "tokens.create": _create,
    "tokens.delete": _delete,
    "logins.create": _ask,
    "logins.poll": _poll,
    "logins.view": read(logins.view),
    "logins.decide": _decide,
}
