"""The base of every domain model: immutable, strict about unknown fields."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, PlainSerializer, SecretStr, field_validator


class Model(BaseModel):
    """An immutable value. Unknown fields are refused, so that a misspelt one is never ignored."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    @field_validator("*", mode="after")
    @classmethod
    def _without_nul(cls, value: Any) -> Any:
        # PostgreSQL keeps no NUL in a text, and nobody means one
        if isinstance(value, str) and "\0" in value:
            msg = "must not have NUL characters"
            raise ValueError(msg)
        return value


def _aware(value: datetime) -> datetime:
    if value.tzinfo is None:
        msg = "must carry a time zone"
        raise ValueError(msg)
    return value.astimezone(UTC)


Timestamp = Annotated[datetime, AfterValidator(_aware)]
"""A moment in UTC. Naive datetimes are refused."""

Transmitted = Annotated[
    SecretStr, PlainSerializer(lambda value: value.get_secret_value(), return_type=str, when_used="json")
]
"""A secret in a request's body: hidden in logs and ``repr``, written out only where the body itself is written."""
