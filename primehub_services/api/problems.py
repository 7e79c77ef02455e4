"""From exceptions to problem+json (RFC 9457), in words that name the field and the fix."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ..domain.problems import FieldError, Invalid, Problem


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


_UNKNOWN = "Leave it out, or check the spelling."
_FIXES: Mapping[str, str] = {
    "extra_forbidden": _UNKNOWN,
    "missing": "Give it.",
    "string_type": "Give text in quotes.",
    "string_too_short": "Give at least {min_length} characters.",
    "string_too_long": "Give at most {max_length} characters.",
    "string_pattern_mismatch": "It must match {pattern}",
    "int_type": "Give a whole number.",
    "int_parsing": "Give a whole number.",
    "int_from_float": "Give a whole number.",
    "float_type": "Give a number.",
    "bool_type": "Give true or false.",
    "bool_parsing": "Give true or false.",
    "greater_than_equal": "Give at least {ge}.",
    "greater_than": "Give more than {gt}.",
    "less_than_equal": "Give at most {le}.",
    "less_than": "Give less than {lt}.",
    "enum": "Choose one of {expected}.",
    "literal_error": "Choose one of {expected}.",
    "union_tag_invalid": "Choose one of {expected_tags}.",
    "union_tag_not_found": "Say which kind it is, in {discriminator}.",
    "too_short": "Give at least {min_length}.",
    "too_long": "Give at most {max_length}.",
    "tuple_type": "Give a list.",
    "list_type": "Give a list.",
    "dict_type": "Give an object with names and values.",
    "model_type": "Give an object.",
    "datetime_type": "Write it like 2026-01-31T12:00:00Z.",
    "datetime_from_date_parsing": "Write it like 2026-01-31T12:00:00Z.",
    "datetime_parsing": "Write it like 2026-01-31T12:00:00Z.",
}
_MESSAGES: Mapping[str, str] = {
    "extra_forbidden": "There is no such field.",
    "missing": "It is missing.",
    "string_type": "It must be text.",
    "int_type": "It must be a whole number.",
    "int_parsing": "It must be a whole number.",
    "int_from_float": "It must be a whole number.",
    "bool_type": "It must be true or false.",
    "string_too_short": "It is too short.",
    "string_too_long": "It is too long.",
    "string_pattern_mismatch": "It has a form that is not allowed.",
}


def from_validation(error: ValidationError, *, unknown: str = "field") -> Invalid:
    """Pydantic's findings as field errors. Values are never repeated: they may be secrets."""
    details = error.errors(include_input=False, include_url=False)
    errors = tuple(_field_error(d, unknown) for d in details)
    first = errors[0]
    more = f" ({len(errors) - 1} more)" if len(errors) > 1 else ""
    where = f"{first.field}: " if first.field else ""
    return Invalid(f"{where}{first.message}{more}", errors=errors)


def _field_error(detail: Mapping[str, Any], unknown: str) -> FieldError:
    kind, context = str(detail["type"]), detail.get("ctx", {})
    message = _MESSAGES.get(kind) or _sentence(str(detail["msg"]).removeprefix("Value error, "))
    if kind == "extra_forbidden":
        message = message.replace("field", unknown)
    fix = _FIXES.get(kind, "")
    if fix:
        fix = fix.format_map({k: str(v) for k, v in context.items()}) if context else fix
    return FieldError(field=dotted(detail["loc"]), message=message, fix=fix)


def _sentence(text: str) -> str:
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "!", "?")) else text + "."


_TAGS = frozenset({"pvc", "nfs", "hostPath", "git", "env", "container", "environment"})


def dotted(location: Iterable[int | str]) -> str:
    """``("source", "git", "url")`` as ``source.url``: the tag of a union is no field of the request."""
    parts = [str(p) for p in location]
    if parts and len(parts) > 1 and parts[0] == "source" and parts[1] in _TAGS:
        del parts[1]
    return ".".join(parts)
