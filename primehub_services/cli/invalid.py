"""What was given on the command line and no request can hold, in the command line's own words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from ..domain.validation import field_errors
from .nouns import Duration

if TYPE_CHECKING:
    from pydantic import ValidationError


def wrong_fields(error: ValidationError, context: click.Context) -> Iterator[str]:
    """Each wrong field with what is wanted: by its option's name where it was given by one, else by its own."""
    details = error.errors(include_input=False, include_url=False)
    for found, detail in zip(field_errors(error), details, strict=True):
        path = found.field.removesuffix(".[key]")
        own = path.removeprefix("notebook.") if path.startswith("notebook.parameters") else path
        field, _, below = own.partition(".")
        parameter = _given(context, field)
        where = path if parameter is None else " ".join(filter(None, (_word(parameter), below)))
        limit = _limit(parameter, detail.get("ctx", {}))
        message, fix = (limit, "") if limit else (found.message, found.fix)
        yield f"{where}: {message}" if where else message
        if fix:
            yield f"  {fix}"


def _given(context: click.Context, field: str) -> click.Parameter | None:
    """What holds the field, which it is called after, where it was given: a definition has the fields themselves."""
    by_hand = field and context.get_parameter_source(field) is ParameterSource.COMMANDLINE
    return next((p for p in context.command.params if p.name == field), None) if by_hand else None


def _word(parameter: click.Parameter) -> str:
    """``--expires``, or ``NAME`` for an argument."""
    return parameter.opts[0] if isinstance(parameter, click.Option) else parameter.human_readable_name.strip("[]")


def _limit(parameter: click.Parameter | None, limits: Mapping[str, Any]) -> str:
    """The limit that a length of time is beyond, as it is written; empty where it is something else."""
    if parameter is None or not isinstance(parameter.type, Duration):
        return ""
    for name, words in (("ge", "at least"), ("le", "at most")):
        if name in limits:
            return f"It must be {words} {Duration.written(int(limits[name]))}."
    return ""
