"""From bytes and query strings to validated models; whatever does not fit is named."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import parse_qsl, unquote_to_bytes

from pydantic import ValidationError

from ..domain.problems import FieldError, Invalid, NotFound
from .problems import Malformed, WrongType, from_validation
from .route import JSON, Route, adapter

_BAD_TEXT = re.compile("[\x00\ud800-\udfff]")
_MAX_INT = 2**53
_XSRF = "_xsrf"


def path_parameter(raw: str) -> str:
    """A decoded part of the path. Raises ``NotFound`` for one that can name nothing."""
    try:
        value = unquote_to_bytes(raw).decode()
    except UnicodeDecodeError:
        value = "\0"
    if "\0" in value or len(value) > 300:
        msg = "There is no such thing."
        raise NotFound(msg)
    return value


def query(route: Route, raw: str) -> Any:
    """The route's query model. Raises ``Invalid`` naming the parameter."""
    values: dict[str, str] = {}
    try:
        pairs = parse_qsl(raw, keep_blank_values=True, errors="strict", max_num_fields=50)
    except ValueError as error:
        msg = "The query string is not UTF-8, or has more than 50 parameters."
        raise Malformed(msg) from error
    for name, value in pairs:
        if name == _XSRF:
            continue
        if name in values:
            raise Invalid.field(name, "It is given twice.", "Give it once.")
        if "\0" in value:
            raise Invalid.field(name, "It holds a NUL character.", "Leave that out.")
        values[name] = value
    if route.query is None:
        if not values:
            return None
        raise Invalid(
            f"{next(iter(values))}: There is no such parameter.",
            errors=tuple(_unknown(n) for n in values),
        )
    try:
        return adapter(route.query).validate_python(values)
    except ValidationError as error:
        raise from_validation(error, unknown="parameter") from None


def _unknown(name: str) -> FieldError:
    return FieldError(field=name, message="There is no such parameter.", fix="Leave it out, or check the spelling.")


def check_media(content_type: str, wanted: tuple[str, ...] = (JSON,)) -> None:
    """Raises ``WrongType`` unless a body's type is a wanted one."""
    media, _, rest = content_type.partition(";")
    if media.strip().lower() not in wanted:
        said = f"not {media.strip()[:60]!r}" if media else "and it has no Content-Type"
        msg = f"The body must be {' or '.join(wanted)}, {said}."
        raise WrongType(msg)
    charset = re.search(r"charset\s*=\s*\"?([^\s\";]+)", rest, re.IGNORECASE)
    if charset and charset[1].lower() not in ("utf-8", "utf8"):
        msg = "The body must be UTF-8."
        raise WrongType(msg)


def body(route: Route, raw: bytes) -> Any:
    """The route's body model. Raises ``Malformed`` for what is no JSON, ``Invalid`` naming the field."""
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        msg = f"The body is not UTF-8 at byte {error.start}."
        raise Malformed(msg) from error
    try:
        value = json.loads(text, parse_constant=_no_constant, object_pairs_hook=_once)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        msg = f"The body is not JSON: {error.msg} at {where}." if text.strip() else "The body is empty; send JSON."
        raise Malformed(msg) from None
    except RecursionError:
        msg = "The body is nested too deeply."
        raise Malformed(msg) from None
    except _Twice as error:
        raise Invalid.field(str(error), "It is given twice.", "Give it once.") from None
    except ValueError as error:
        msg = f"The body is not JSON: {error}."
        raise Malformed(msg) from None
    problems = tuple(_unfit(value, ()))
    if problems:
        raise Invalid(f"{problems[0].field}: {problems[0].message}", errors=problems)
    try:
        # strict, so that "1" is no number and 1 is no yes; in JSON's way, so that text can be a date
        return adapter(route.body).validate_json(raw, strict=True)
    except ValidationError as error:
        raise from_validation(error) from None


class _Twice(Exception):
    pass


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for name, value in pairs:
        if name in result:
            raise _Twice(name)
        result[name] = value
    return result


def _no_constant(name: str) -> Any:
    msg = f"{name} is not a number"
    raise ValueError(msg)


def _unfit(value: Any, at: tuple[str, ...]) -> Iterable[FieldError]:
    """What JSON can say and no database can keep."""
    if isinstance(value, str):
        if _BAD_TEXT.search(value):
            message = "It holds a NUL character or half of a surrogate pair."
            yield FieldError(field=".".join(at), message=message, fix="Leave that out.")
    elif isinstance(value, int) and abs(value) > _MAX_INT:
        yield FieldError(field=".".join(at), message="The number is too large.", fix="Give a smaller one.")
    elif isinstance(value, dict):
        for name, item in value.items():
            if _BAD_TEXT.search(name):
                yield FieldError(field=".".join(at), message="A name in it holds a NUL character.", fix="Rename it.")
            else:
                yield from _unfit(item, (*at, name))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _unfit(item, (*at, str(index)))
