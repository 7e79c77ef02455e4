"""Two reads that PrimeHub's services make all the time, at a small part of what the hub's own API takes for them.

``GET /users?state=active`` makes a model of every person with a server, with roles, groups and scopes; every few
seconds that costs the hub more than the starts themselves. And whether fifty tokens are still good takes fifty
``GET /user``, each with a look at its person. Both are told by the hub alone, so neither can be read elsewhere.
"""

from __future__ import annotations

import json
from typing import Any

from jupyterhub import orm
from jupyterhub.apihandlers.base import APIHandler
from jupyterhub.scopes import Scope
from jupyterhub.utils import compare_token, isoformat, url_escape_path, url_path_join
from tornado.web import HTTPError

MOST_TOKENS = 1000
"""Tokens in one request."""


class _Read(APIHandler):
    def _require(self, *scopes: str) -> None:
        """Raises an HTTP error 403 without all of the scopes, for everybody: nothing here is filtered."""
        if any(self.parsed_scopes.get(scope) is not Scope.ALL for scope in scopes):
            raise HTTPError(403, f"This needs the scopes {', '.join(scopes)}, for everybody.")


class ServersHandler(_Read):
    """``GET /hub/api/primehub/servers``: every server that runs, starts or stops."""

    def get(self) -> None:
        """A list of ``{user, name, ready, pending, started, last_activity, url}``."""
        self._require("list:users", "read:servers")
        # as the hub's own list: who has a server in the database; what it does is in memory alone
        with_server = self.db.query(orm.Spawner.user_id).filter(orm.Spawner.server_id.is_not(None)).distinct()
        users = [self.users[user_id] for (user_id,) in with_server]
        self.write(json.dumps({"servers": [_server(s) for u in users for s in u.spawners.values() if s.active]}))


def _server(spawner: Any) -> dict[str, Any]:
    found = spawner.orm_spawner
    return {
        "user": spawner.user.name,
        "name": spawner.name,
        "ready": spawner.ready,
        "pending": spawner.pending,
        "started": isoformat(found.started),
        "last_activity": isoformat(found.last_activity),
        "url": url_path_join(spawner.user.url, url_escape_path(spawner.name), "/"),
    }


class TokensHandler(_Read):
    """``POST /hub/api/primehub/tokens``: which of these tokens are still good. Of their people nothing is said."""

    def post(self) -> None:
        """``{tokens: [...]}``, at most ``MOST_TOKENS``, answered with ``{good: [...]}``: a boolean for each.

        Not by their ids: SQLite gives the number of a token that is deleted to the next one.
        """
        self._require("tokens")
        body = self.get_json_body()
        tokens = body.get("tokens") if isinstance(body, dict) else None
        if not isinstance(tokens, list) or len(tokens) > MOST_TOKENS or not all(isinstance(t, str) for t in tokens):
            raise HTTPError(400, f"tokens: must be a list of at most {MOST_TOKENS} tokens")
        table = orm.APIToken
        unexpired = table.expires_at.is_(None) | (table.expires_at >= table.now())
        prefixes = {token[: table.prefix_length] for token in tokens}
        kept: dict[str, list[str]] = {}
        found = self.db.query(table.prefix, table.hashed, orm.User.name).outerjoin(
            orm.User, table.user_id == orm.User.id
        )
        for prefix, hashed, user in found.filter(table.prefix.in_(prefixes), unexpired):
            if not self.authenticator.is_out(user):
                kept.setdefault(prefix, []).append(hashed)
        good = [any(compare_token(h, t) for h in kept.get(t[: table.prefix_length], ())) for t in tokens]
        self.write(json.dumps({"good": good}))


HANDLERS: list[tuple[str, Any]] = [
    ("/api/primehub/servers", ServersHandler),
    ("/api/primehub/tokens", TokensHandler),
]
