"""What is wrong with a request's fields, and what would be right: pydantic's findings in words that a person can act on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import ValidationError

from .problems import FieldError
from .words import sentence
from .wrong import WrongValue

_FIXES: Mapping[str, str] = {
    "extra_forbidden": "Leave it out, or check the spelling.",
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


def field_errors(error: ValidationError, *, unknown: str = "field") -> tuple[FieldError, ...]:
    """Each finding with its field and the fix. Values are never repeated: they may be secrets.

    ``unknown`` is what a name that nobody knows is called: a field of a body, a parameter of a query.
    """
    return tuple(_field_error(d, unknown) for d in error.errors(include_input=False, include_url=False))


def _field_error(detail: Mapping[str, Any], unknown: str) -> FieldError:
    kind, context = str(detail["type"]), detail.get("ctx", {})
    wrong = context.get("error")
    if isinstance(wrong, WrongValue):
        field = ".".join(filter(None, (dotted(detail["loc"]), wrong.field)))
        return FieldError(field=field, message=sentence(str(wrong)), fix=sentence(wrong.fix))
    message = _MESSAGES.get(kind) or sentence(str(detail["msg"]).removeprefix("Value error, "))
    if kind == "extra_forbidden":
        message = message.replace("field", unknown)
    fix = _FIXES.get(kind, "").format_map({k: str(v) for k, v in context.items()})
    return FieldError(field=dotted(detail["loc"]), message=message, fix=fix)


_TAGS = frozenset({"pvc", "nfs", "hostPath", "git", "env", "container", "environment"})


def dotted(location: Iterable[int | str]) -> str:
    """``("source", "git", "url")`` as ``source.url``: the tag of a union is no field of the request."""
    parts = [str(p) for p in location]
    if parts and len(parts) > 1 and parts[0] == "source" and parts[1] in _TAGS:
        del parts[1]
    return ".".join(parts)
