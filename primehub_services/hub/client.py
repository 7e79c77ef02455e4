"""What PrimeHub asks of JupyterHub, typed, over one connection pool."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from urllib.parse import quote

import httpx

PAGED = "application/jupyterhub-pagination+json"
PAGE = 200  # the hub's own api_page_max_limit
_OVERLAP = 20
_TOKENS = 500


class HubUnavailable(Exception):
    """The hub does not answer, or answers with a mistake of its own. Trying again may help."""


class HubRefusal(Exception):
    """The hub says no. The text is for the person; ``status`` is HTTP's."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class StartResult(StrEnum):
    """How a start went so far."""

    STARTED = "started"
    PENDING = "pending"


@dataclass(frozen=True, slots=True)
class HubServer:
    """A server as the hub knows it. ``pending`` is ``spawn``, ``stop``, ``check`` or None."""

    user: str
    name: str
    ready: bool
    pending: str | None
    last_activity: datetime | None
    url: str


@dataclass(frozen=True, slots=True)
class HubToken:
    """A token as the hub lists it."""

    id: str
    note: str
    scopes: tuple[str, ...]
    created: datetime | None
    expires_at: datetime | None
    last_activity: datetime | None
    oauth_client: str
    token: str | None = None
    """The token itself; only in the answer that made it."""


class HubClient:
    """The hub's REST API as one token, the service's own unless a call names another.

    ``url`` is the API's root, e.g. ``http://127.0.0.1:8081/hub/api``. Every method raises ``HubUnavailable`` or
    ``HubRefusal``; asking for what is already so is success.
    """

    def __init__(
        self,
        url: str,
        token: str,
        *,
        timeout: float = 15,
        verify: Any = True,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._token = token
        self._http = httpx.AsyncClient(
            base_url=url.rstrip("/"), timeout=timeout, verify=verify, transport=transport, trust_env=False
        )

    async def close(self) -> None:
        """Close every connection."""
        await self._http.aclose()

    async def version(self) -> str:
        """The hub's version."""
        return str((await self._call("GET", "/"))["version"])

    # servers

    async def servers(self) -> tuple[HubServer, ...]:
        """Every server that runs, starts or stops."""
        found = await self._call("GET", "/primehub/servers", missing=None)
        if found is not None:
            return tuple([_server(model["user"], model) for model in found["servers"]])
        # a hub without our sign-in has only its own list, which costs it many times as much
        users = self._pages("/users", {"state": "active"})
        return tuple([_server(user["name"], s) async for user in users for s in user.get("servers", {}).values()])

    async def servers_of(self, user: str) -> tuple[str, ...]:
        """The names of one person's servers that run, start or stop; none where the hub does not know the person."""
        model = await self._call("GET", f"/users/{_q(user)}", missing=None)
        return tuple((model or {}).get("servers") or ())

    async def start_server(self, user: str, name: str, options: dict[str, Any]) -> StartResult:
        """Start a server. Raises ``HubRefusal`` with the spawner's own words where it is refused."""
        # the hub answers after slow_spawn_timeout with "pending"; a launch page of a busy hub may take longer
        response = await self._request("POST", _server_path(user, name), json={"user_options": options}, timeout=60)
        if response.is_error:
            raise _refusal(response)
        return StartResult.PENDING if response.status_code == 202 else StartResult.STARTED

    async def stop_server(self, user: str, name: str) -> bool:
        """Stop a server; True once it is gone, False while it is still stopping or starting."""
        response = await self._request("DELETE", _server_path(user, name), timeout=60)
        if response.status_code == 404 or (response.status_code == 400 and "not running" in response.text):
            return True
        if response.is_error:
            raise _refusal(response)
        return response.status_code == 204

    # people

    async def people(self) -> frozenset[str]:
        """Every name that the hub knows."""
        return frozenset([user["name"] async for user in self._pages("/users", {})])

    async def ensure_users(self, names: Sequence[str]) -> None:
        """Make the users that are not there."""
        await self._call("POST", "/users", json={"usernames": list(names)}, allow=(409,))

    async def delete_user(self, name: str) -> None:
        """Delete the user, with its servers and tokens."""
        await self._call("DELETE", f"/users/{_q(name)}", missing=None, timeout=60)

    # groups

    async def groups(self) -> dict[str, frozenset[str]]:
        """Every group and who is in it."""
        return {g["name"]: frozenset(g.get("users", ())) async for g in self._pages("/groups", {})}

    async def create_group(self, name: str) -> None:
        """Make the group, unless it is there."""
        await self._call("POST", f"/groups/{_q(name)}", json={}, allow=(409,))

    async def delete_group(self, name: str) -> None:
        """Delete the group."""
        await self._call("DELETE", f"/groups/{_q(name)}", missing=None)

    async def add_to_group(self, name: str, users: Sequence[str]) -> None:
        """Put users into the group; all of them must be known to the hub."""
        await self._call("POST", f"/groups/{_q(name)}/users", json={"users": list(users)})

    async def remove_from_group(self, name: str, users: Sequence[str]) -> None:
        """Take users out of the group."""
        await self._call("DELETE", f"/groups/{_q(name)}/users", json={"users": list(users)}, missing=None)

    # tokens

    async def user_for_token(self, token: str) -> dict[str, Any] | None:
        """Whose token it is, with its scopes, as the hub's ``GET /user`` says; None for one that is no good."""
        response = await self._request("GET", "/user", token=token)
        if response.status_code in (401, 403):
            return None
        if response.is_error:
            raise _refusal(response)
        model = response.json()
        return model if isinstance(model, dict) else None

    async def good_tokens(self, tokens: Collection[str]) -> frozenset[str]:
        """Those that the hub still takes: one question for all of them, where the hub has our sign-in."""
        asked = list(tokens)
        good: list[bool] = []
        for first in range(0, len(asked), _TOKENS):
            some = asked[first : first + _TOKENS]
            found = await self._call("POST", "/primehub/tokens", json={"tokens": some}, missing=None)
            good += [await self.user_for_token(t) is not None for t in some] if found is None else found["good"]
        return frozenset(token for token, is_good in zip(asked, good, strict=True) if is_good)

    async def tokens(self, user: str, *, token: str | None = None) -> tuple[HubToken, ...]:
        """The user's tokens, OAuth's too."""
        model = await self._call("GET", f"/users/{_q(user)}/tokens", token=token, missing=None)
        return tuple(_token(t) for t in (model or {}).get("api_tokens", ()))

    async def create_token(
        self, user: str, *, scopes: Sequence[str], expires_in: int, note: str, token: str | None = None
    ) -> HubToken:
        """A new token. The scopes must be the owner's, and the ``token`` it is made with must have ``tokens``."""
        body = {"scopes": list(scopes), "expires_in": expires_in, "note": note}
        return _token(await self._call("POST", f"/users/{_q(user)}/tokens", token=token, json=body))

    async def delete_token(self, user: str, token_id: str, *, token: str | None = None) -> bool:
        """Revoke a token; False where the user has no such token."""
        response = await self._request("DELETE", f"/users/{_q(user)}/tokens/{_q(token_id)}", token=token)
        if response.status_code == 404:
            return False
        if response.is_error:
            raise _refusal(response)
        return True

    async def revoke_tokens(self, user: str) -> int:
        """Revoke every token of the user, sessions of our services and notebooks included; how many there were."""
        tokens = await self.tokens(user)
        for token in tokens:
            await self.delete_token(user, token.id)
        return len(tokens)

    async def _pages(self, path: str, query: dict[str, Any]) -> AsyncIterator[dict[str, Any]]:
        """Every item of a list, each once, and none missed that is in it all the time.

        The hub counts from the beginning, so that what leaves the list between two pages moves all behind it forward.
        A page must therefore begin with an item that was seen already; where it does not, it is asked for further back.
        """
        seen: set[str] = set()
        offset = 0
        while True:
            page = await self._call("GET", path, params={**query, "offset": offset, "limit": PAGE})
            items = page["items"]
            if offset and not (items and items[0]["name"] in seen):
                offset = max(0, offset - PAGE // 2)
                continue
            for item in items:
                if item["name"] not in seen:
                    seen.add(item["name"])
                    yield item
            following = page["_pagination"]["next"]
            if not following:
                return
            offset = max(offset + 1, following["offset"] - _OVERLAP)

    async def _call(self, method: str, path: str, *, allow: Sequence[int] = (), **kwargs: Any) -> Any:
        """The answer's JSON. With ``missing`` given, that value stands for a 404."""
        if "missing" in kwargs:
            kwargs.pop("missing")
            allow = (*allow, 404)
        response = await self._request(method, path, **kwargs)
        if response.status_code in allow:
            return None
        if response.is_error:
            raise _refusal(response)
        return response.json() if response.content else None

    async def _request(self, method: str, path: str, *, token: str | None = None, **kwargs: Any) -> httpx.Response:
        headers = {"Authorization": f"token {token or self._token}", "Accept": PAGED}
        try:
            response = await self._http.request(method, path, headers=headers, **kwargs)
        except httpx.HTTPError as error:
            msg = f"JupyterHub does not answer ({type(error).__name__})."
            raise HubUnavailable(msg) from error
        # a refused launch may be any status of the spawner's choosing, but never one of a proxy
        if response.status_code in (502, 504) or (response.status_code == 503 and "json" not in _media(response)):
            msg = f"JupyterHub does not answer ({response.status_code})."
            raise HubUnavailable(msg)
        return response


def _media(response: httpx.Response) -> str:
    return str(response.headers.get("Content-Type", ""))


def _q(name: str) -> str:
    return quote(name, safe="@")


def _server_path(user: str, name: str) -> str:
    return f"/users/{_q(user)}/servers/{_q(name)}" if name else f"/users/{_q(user)}/server"


def _refusal(response: httpx.Response) -> HubRefusal:
    try:
        body = response.json()
        message = str(body.get("message") or response.reason_phrase)
    except (ValueError, AttributeError):
        message = response.reason_phrase or f"status {response.status_code}"
    return HubRefusal(response.status_code, message)


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _server(user: str, model: dict[str, Any]) -> HubServer:
    return HubServer(
        user=user,
        name=model["name"],
        ready=bool(model["ready"]),
        pending=model["pending"],
        last_activity=_moment(model.get("last_activity")),
        url=model.get("url") or "",
    )


def _token(model: dict[str, Any]) -> HubToken:
    return HubToken(
        id=model["id"],
        note=model.get("note") or "",
        scopes=tuple(model.get("scopes", ())),
        created=_moment(model.get("created")),
        expires_at=_moment(model.get("expires_at")),
        last_activity=_moment(model.get("last_activity")),
        oauth_client=model.get("oauth_client") or "",
        token=model.get("token"),
    )
