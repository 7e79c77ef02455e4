"""Requests to PrimeHub's API with the notebook server's own token, which may do what a notebook may and no more."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPRequest
from tornado.simple_httpclient import SimpleAsyncHTTPClient

PATIENCE_S = 30.0
UPLOAD_S = 600.0
MOST = 2 * 1024**3
"""Bytes of an answer, at most: a notebook with all that it shows."""


class Problem(Exception):
    """The platform says no, or does not answer (status 503, code ``unreachable``). ``body`` is its problem+json."""

    def __init__(self, status: int, body: dict[str, Any]) -> None:
        super().__init__(str(body.get("detail") or body.get("title") or f"The platform answered {status}."))
        self.status = status
        self.body = body

    @classmethod
    def of(cls, status: int, code: str, detail: str) -> Problem:
        """One of our own."""
        return cls(status, {"type": "about:blank", "title": code, "status": status, "code": code, "detail": detail})


class Platform:
    """The API, and where its pages are."""

    def __init__(self, url: str, token: str, *, base_url: str = "/") -> None:
        """``url``: the API's root. ``base_url``: the hub's, for links that people follow."""
        self._url = url.rstrip("/")
        self._token = token
        self._http: AsyncHTTPClient = SimpleAsyncHTTPClient(
            force_instance=True, max_clients=16, max_body_size=MOST, max_buffer_size=MOST
        )
        below = urlsplit(self._url).path.partition("/api/")[0].strip("/")
        self.portal = f"{base_url.rstrip('/')}/{below}/"

    @classmethod
    def of_environment(cls, environ: Mapping[str, str] = os.environ) -> Platform | None:
        """As the spawner says it; None where it was another that started this server."""
        url, token = environ.get("PRIMEHUB_API_URL", ""), environ.get("JUPYTERHUB_API_TOKEN", "")
        if not url or not token:
            return None
        return cls(url, token, base_url=environ.get("JUPYTERHUB_BASE_URL") or "/")

    async def ask(self, method: str, path: str, body: Any = None, **query: Any) -> Any:
        """The answer's JSON. Raises ``Problem``."""
        given = None if body is None else json.dumps(body).encode()
        answer = await self._fetch(method, self._address(path, query), given, "application/json", PATIENCE_S)
        return json.loads(answer) if answer else None

    async def upload(self, path: str, content: bytes, media: str, **query: Any) -> Any:
        """The answer's JSON to a file. Raises ``Problem``."""
        return json.loads(await self._fetch("POST", self._address(path, query), content, media, UPLOAD_S))

    async def download(self, path: str) -> bytes:
        """A file. Raises ``Problem``."""
        return await self._fetch("GET", self._address(path, {}), None, "", UPLOAD_S)

    def close(self) -> None:
        """Close every connection."""
        self._http.close()

    def _address(self, path: str, query: Mapping[str, Any]) -> str:
        words = {name: str(value).lower() if isinstance(value, bool) else value for name, value in query.items()}
        given = urlencode({name: value for name, value in words.items() if value is not None})
        return f"{self._url}{path}" + (f"?{given}" if given else "")

    async def _fetch(self, method: str, url: str, body: bytes | None, media: str, patience: float) -> bytes:
        headers = {"Authorization": f"token {self._token}"}
        if body is not None:
            headers["Content-Type"] = media
        elif method not in ("GET", "DELETE"):
            body = b""
        request = HTTPRequest(
            url,
            method,
            headers=headers,
            body=body,
            request_timeout=patience,
            connect_timeout=10,
            decompress_response=True,
        )
        try:
            return (await self._http.fetch(request)).body
        except HTTPClientError as error:
            if error.response is None or error.code == 599:
                raise _unreachable(error) from error
            raise Problem(error.code, _body(error.code, error.response.body)) from error
        except OSError as error:
            raise _unreachable(error) from error


def _unreachable(error: Exception) -> Problem:
    return Problem.of(503, "unreachable", f"PrimeHub does not answer just now ({error}). Try again in a moment.")


def _body(status: int, data: bytes) -> dict[str, Any]:
    try:
        found = json.loads(data)
    except ValueError:
        found = None
    return found if isinstance(found, dict) else {"status": status, "code": "error", "detail": f"It answered {status}."}


def part(text: str) -> str:
    """A part of a path."""
    return quote(text, safe="")
