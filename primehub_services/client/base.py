"""Requests, and the API's problems as exceptions."""

from __future__ import annotations

import functools
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx
from pydantic import BaseModel, TypeAdapter, ValidationError

from ..domain.environment import KEPT
from ..domain.problems import FieldError
from ..domain.validation import field_errors

M = TypeVar("M", bound=BaseModel)
API_PATH = "/services/primehub/api/v1"


class ApiProblem(Exception):
    """The API's problem+json. ``status`` is 0 where the API did not answer at all, or something else did."""

    def __init__(self, status: int, code: str, detail: str, body: dict[str, Any]) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.body = body

    @property
    def errors(self) -> tuple[FieldError, ...]:
        """The fields that are wrong; none where they are not told as the API tells them."""
        try:
            return tuple(read_as(FieldError, error) for error in self.body.get("errors") or ())
        except (ValidationError, TypeError):
            return ()


def read_as(model: Any, answer: Any) -> Any:
    """The answer as ``model``. Fields that a newer platform added are left out instead of refused, at any depth.

    While the platform is upgraded, its parts and the commands and hubs that ask them are of different versions.
    What was kept before there were bounds on its size is read too.
    """
    return _reader(model).validate_python(answer, extra="ignore", context=KEPT)


@functools.cache
def _reader(model: Any) -> TypeAdapter[Any]:
    return TypeAdapter(model)


class ApiClient:
    """One connection pool to one platform, as one token.

    ``url`` is the API's root, e.g. ``http://127.0.0.1:8000/services/primehub/api/v1``. ``verify`` is as in httpx.
    Every method raises ``ApiProblem`` where the API says no, or does not answer (status 0, code ``unreachable``, or
    ``redirected`` where it is at another address).
    """

    def __init__(
        self,
        url: str,
        token: str | None = None,
        *,
        verify: Any = True,
        timeout: float = 30,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        headers = {"Authorization": f"token {token}"} if token else {}
        self._http = httpx.AsyncClient(
            base_url=url, headers=headers, verify=verify, timeout=timeout, transport=transport, trust_env=False
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close every connection."""
        await self._http.aclose()

    async def call(
        self,
        method: str,
        path: str,
        *,
        body: BaseModel | dict[str, Any] | None = None,
        query: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
    ) -> Any:
        """The answer's JSON; None where it has no body."""
        content = body.model_dump(mode="json", exclude_unset=True) if isinstance(body, BaseModel) else body
        return await self._answer(method, path, json=content, params=query, headers=headers)

    async def upload(self, path: str, data: bytes, media_type: str, query: dict[str, Any]) -> Any:
        """The JSON that a file sent there is answered with."""
        headers = {"Content-Type": media_type}
        return await self._answer("POST", path, content=data, headers=headers, params=query)

    async def _answer(self, method: str, path: str, **request: Any) -> Any:
        try:
            response = await self._http.request(method, path, **request)
        except httpx.HTTPError as error:
            raise ApiProblem(0, "unreachable", unreachable(self._http.base_url, error), {}) from error
        _check(response)
        try:
            return response.json() if response.content else None
        except ValueError as error:
            raise _of_another(self._http.base_url) from error

    @asynccontextmanager
    async def download(self, path: str, query: dict[str, Any] | None = None) -> AsyncIterator[AsyncIterator[bytes]]:
        """The answer's bytes, as they come."""
        try:
            async with self._http.stream("GET", path, params=query) as response:
                if not response.is_success:
                    await response.aread()
                    _check(response)
                yield response.aiter_bytes()
        except httpx.HTTPError as error:
            raise ApiProblem(0, "unreachable", unreachable(self._http.base_url, error), {}) from error

    async def fetch(self, model: type[M], method: str, path: str, **kwargs: Any) -> M:
        """The answer as ``model``, as ``read`` reads it."""
        read: M = self.read(model, await self.call(method, path, **kwargs))
        return read

    def read(self, model: Any, answer: Any) -> Any:
        """The answer as ``model``, as ``read_as`` reads it; one that cannot be read is a problem as none is."""
        try:
            return read_as(model, answer)
        except ValidationError as error:
            first = field_errors(error)[0]
            where = f"{first.field}: " if first.field else ""
            raise _of_another(self._http.base_url, f", or of another version: {where}{first.message}") from error


def _site(url: httpx.URL) -> str:
    return f"{url.scheme}://{url.netloc.decode()}"


def unreachable(url: httpx.URL, error: httpx.HTTPError) -> str:
    """Why nothing came back from there, in a sentence."""
    site = _site(url)
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"The certificate of {site} is not trusted: {cause.verify_message}."
        if isinstance(cause, ssl.SSLError):
            return f"{site} does not speak TLS."
        if isinstance(cause, socket.gaierror):
            return f"{url.host} is not known: {cause.strerror}."
        if isinstance(cause, ConnectionRefusedError):
            return f"{site} does not answer: nothing listens there."
        cause = cause.__cause__ or cause.__context__
    if isinstance(error, httpx.TimeoutException):
        return f"{site} does not answer in time."
    return f"{site} does not answer ({type(error).__name__})."


def _check(response: httpx.Response) -> None:
    """Raises ``ApiProblem`` for anything but an answer. A redirect is followed nowhere: the token is this address's."""
    if response.is_error:
        raise problem_of(response)
    if not response.is_redirect or response.status_code == httpx.codes.NOT_MODIFIED:
        return
    here = response.request.url
    there = response.next_request.url if response.next_request is not None else here
    if there.path != here.path or _site(there) == _site(here):
        raise _of_another(here)
    detail = f"{_site(here)} redirects to {_site(there)}; use that address."
    raise ApiProblem(0, "redirected", detail, {})


def _of_another(url: httpx.URL, more: str = "") -> ApiProblem:
    return ApiProblem(0, "unreachable", f"What answers at {_site(url)} is no PrimeHub{more}".rstrip(".") + ".", {})


def problem_of(response: httpx.Response) -> ApiProblem:
    """The problem in a response that is an error; the proxy's and the hub's own errors too."""
    try:
        body = response.json()
    except ValueError:
        body = {}
    if not isinstance(body, dict):
        body = {}
    detail = str(body.get("detail") or body.get("message") or response.reason_phrase)
    return ApiProblem(response.status_code, str(body.get("code", "error")), detail, body)
