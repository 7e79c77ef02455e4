"""From exceptions to problem+json (RFC 9457), in words that name the field and the fix."""

from __future__ import annotations

from http import HTTPStatus

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ..domain.problems import FieldError, Invalid, Problem
from ..domain.validation import field_errors


class ProblemBody(BaseModel):
    """What is wrong with a request. Some codes carry more: ``refused`` the ``decision``, ``conflict`` ``current``."""

    model_config = ConfigDict(extra="allow", title="Problem", use_attribute_docstrings=True)

    type: str
    title: str
    status: int
    detail: str
    code: str
    """What kind of problem it is, for programs."""
    errors: tuple[FieldError, ...] = Field(default=())
    """The fields that are wrong."""
    request_id: str
    """Also in the services' log."""


class Malformed(Problem):
    """The request is not what HTTP or JSON says it is."""

    code, status, title = "malformed", 400, "The request cannot be read"


class NoMethod(Problem):
    """The path exists, the method does not."""

    code, status, title = "method-not-allowed", 405, "No such method here"


class TooLarge(Problem):
    """The body is larger than any request needs."""

    code, status, title = "too-large", 413, "The request is too large"


class WrongType(Problem):
    """The body is not JSON."""

    code, status, title = "unsupported-media-type", 415, "Send JSON"


class CrossSite(Problem):
    """A request with the browser's session did not prove that a page of ours sent it."""

    code, status, title = "xsrf", 403, "The page is out of date"


class Internal(Problem):
    """A mistake of ours; what it is stands in the log, not in the answer."""

    code, status, title = "internal", 500, "Something went wrong in PrimeHub"


def internal(request_id: str) -> Problem:
    """The problem of an exception that nobody foresaw."""
    return Internal(f"This is a mistake in PrimeHub. Its log has the details under {request_id}.")


def of_status(status: int) -> Problem:
    """A problem for a bare HTTP status, such as tornado itself raises."""
    problem = Malformed if status < 500 else Internal
    made = problem(HTTPStatus(status).phrase + "." if status in HTTPStatus._value2member_map_ else "")
    made.status = status
    return made


def from_validation(error: ValidationError, *, unknown: str = "field") -> Invalid:
    """Pydantic's findings as one problem."""
    errors = field_errors(error, unknown=unknown)
    first = errors[0]
    more = f" ({len(errors) - 1} more)" if len(errors) > 1 else ""
    where = f"{first.field}: " if first.field else ""
    return Invalid(f"{where}{first.message}{more}", errors=errors)
