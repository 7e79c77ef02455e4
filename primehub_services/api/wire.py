"""From bytes and query strings to validated models; whatever does not fit is named."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import islice
from typing import Any
from urllib.parse import parse_qsl, unquote_to_bytes

from pydantic import ValidationError

from ..domain.problems import FieldError, Invalid, NotFound
from .problems import Malformed, WrongType, from_validation
from .route import JSON, Route, adapter

_BAD_TEXT = re.compile("[\x00\ud800-\udfff]")
_MAX_INT = 2**53
TOLD = 20
"""Fields that an answer names, of however many are wrong: the first ones are what somebody mends, and all of them could be
many more than were sent."""
MAX_DEPTH = 64
"""Objects and lists within one another. How deep Python itself goes differs from one version to the next."""
_TOO_DEEP = f"The body is nested more than {MAX_DEPTH} deep."
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
        raise Malformed(_TOO_DEEP) from None
    except _Twice as error:
        raise Invalid.field(str(error), "It is given twice.", "Give it once.") from None
    except ValueError as error:
        msg = f"The body is not JSON: {error}."
        raise Malformed(msg) from None
    problems = tuple(islice(_unfit(value), TOLD))
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


def _unfit(value: Any) -> Iterator[FieldError]:
    """What JSON can say and no database can keep. Raises ``Malformed`` for what is nested deeper than ``MAX_DEPTH``."""
    # no recursion, which ends where Python says, and no list of all that is yet to see, which many small values fill
    names: list[str] = []
    within: list[Iterator[tuple[str, Any]]] = [iter([("", value)])]
    while within:
        name, item = next(within[-1], (None, None))
        if name is None:
            within.pop()
            del names[-1:]
            continue
        at = [*names[1:], name] if names else []
        if _BAD_TEXT.search(name):
            yield FieldError(field=".".join(at[:-1]), message="A name in it holds a NUL character.", fix="Rename it.")
        elif isinstance(item, dict | list):
            if len(within) > MAX_DEPTH:
                raise Malformed(_TOO_DEEP)
            names.append(name)
            within.append(_inside(item))
        else:
            yield from _unfit_scalar(item, at)


def _inside(value: dict[str, Any] | list[Any]) -> Iterator[tuple[str, Any]]:
    return iter(value.items()) if isinstance(value, dict) else ((str(i), item) for i, item in enumerate(value))


def _unfit_scalar(value: Any, at: list[str]) -> Iterator[FieldError]:
    if isinstance(value, str):
        if _BAD_TEXT.search(value):
            message = "It holds a NUL character or half of a surrogate pair."
            yield FieldError(field=".".join(at), message=message, fix="Leave that out.")
    elif isinstance(value, int) and abs(value) > _MAX_INT:
        yield FieldError(field=".".join(at), message="The number is too large.", fix="Give a smaller one.")
