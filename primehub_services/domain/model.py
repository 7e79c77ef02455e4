"""The base of every domain model: immutable, strict about unknown fields."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, PlainSerializer, SecretStr, field_validator

from .wrong import WrongValue


class Model(BaseModel):
    """An immutable value. Unknown fields are refused, so that a misspelt one is never ignored."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    @field_validator("*", mode="after")
    @classmethod
    def _without_nul(cls, value: Any) -> Any:
        # PostgreSQL keeps no NUL in a text, and nobody means one
        if isinstance(value, str) and "\0" in value:
            msg, fix = "must not have NUL characters", "take them out"
            raise WrongValue(msg, fix)
        return value


def _aware(value: datetime) -> datetime:
    if value.tzinfo is None:
        msg, fix = "must carry a time zone", "write it like 2026-01-31T12:00:00Z"
        raise WrongValue(msg, fix)
    return value.astimezone(UTC)


Timestamp = Annotated[datetime, AfterValidator(_aware)]
"""A moment in UTC. Naive datetimes are refused."""

Transmitted = Annotated[
    SecretStr, PlainSerializer(lambda value: value.get_secret_value(), return_type=str, when_used="json")
]
"""A secret in a request's body: hidden in logs and ``repr``, written out only where the body itself is written."""
