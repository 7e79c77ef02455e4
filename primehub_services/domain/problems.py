"""What can go wrong with a request, in one family. The API turns each into RFC 9457 problem+json."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, field_validator

from .model import Model

MEDIA = "application/problem+json"
TYPES = "https://primehub.io/problems/"


class FieldError(Model):
    """One field that is wrong, what is wrong with it, and what would be right."""

    field: str
    message: str
    fix: str = ""

    @field_validator("*", mode="before")
    @classmethod
    def _with_nul_shown(cls, value: Any) -> Any:
        # what is wrong may be the name itself
        return value.replace("\0", "\\0") if isinstance(value, str) else value


class Problem(Exception):
    """A request that cannot be done, with the reason in words a person can act on."""

    code = "problem"
    status = 500
    title = "The request could not be done"

    def __init__(self, detail: str, *, errors: tuple[FieldError, ...] = (), **extra: Any) -> None:
        super().__init__(detail)
        self.detail = detail
        self.errors = errors
        self.extra = extra


class Invalid(Problem):
    """One or more fields are wrong."""

    code, status, title = "invalid", 422, "Some fields are not valid"

    @classmethod
    def field(cls, field: str, message: str, fix: str = "") -> Invalid:
        """The problem of a single wrong field."""
        return cls(f"{field}: {message}", errors=(FieldError(field=field, message=message, fix=fix),))


class Unauthenticated(Problem):
    """Nobody is signed in, or the token is no longer good."""

    code, status, title = "unauthenticated", 401, "Sign in first"


class Forbidden(Problem):
    """The actor sees the thing but may not do this with it."""

    code, status, title = "forbidden", 403, "Not allowed"


class NotFound(Problem):
    """There is no such thing, or the actor may not know that there is."""

    code, status, title = "not-found", 404, "Not found"

    @classmethod
    def of(cls, kind: str, name: str) -> NotFound:
        """No ``kind`` called ``name`` that the actor may see."""
        return cls(f"There is no {kind} {name!r} that you can see.")


class Conflict(Problem):
    """The thing was changed by somebody else, or the name is taken."""

    code, status, title = "conflict", 409, "Changed or taken by somebody else"


class Gone(Problem):
    """It was there and is over: asking again is of no use."""

    code, status, title = "gone", 410, "It is over"


class Refused(Problem):
    """A launch that cannot start now, or never. ``extra['decision']`` says why, with numbers and holders."""

    code, status, title = "refused", 409, "This cannot start"


class Unavailable(Problem):
    """A part of the platform that is needed does not answer just now; trying again may help."""

    code, status, title = "unavailable", 503, "Not available just now"


class TooMany(Problem):
    """Too many tries; ``extra['retry_after_s']`` says when the next one is worth making."""

    code, status, title = "too-many", 429, "Too many tries"


class BadGateway(Problem):
    """What should have answered did not, or made no sense."""

    code, status, title = "bad-gateway", 502, "It does not answer"


class GatewayTimeout(Problem):
    """What should have answered took too long."""

    code, status, title = "gateway-timeout", 504, "It does not answer in time"


def body_of(problem: Problem, request_id: str) -> dict[str, Any]:
    """The problem as JSON."""
    extra = {k: v.model_dump(mode="json") if isinstance(v, BaseModel) else v for k, v in problem.extra.items()}
    return {
        **extra,
        "type": TYPES + problem.code,
        "title": problem.title,
        "status": problem.status,
        "detail": problem.detail,
        "code": problem.code,
        "errors": [e.model_dump() for e in problem.errors],
        "request_id": request_id,
    }
