"""Secrets: written, used by the platform or in workloads, never read back."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, model_validator

from .model import Model, Timestamp, Transmitted
from .names import DisplayName, Name
from .wrong import WrongValue

SecretValue = Annotated[Transmitted, Field(min_length=1, max_length=65_536)]


class SecretKind(StrEnum):
    """``pull`` and ``git`` serve the platform and never enter a workload; ``env`` is used in workloads."""

    PULL = "pull"
    GIT = "git"
    ENV = "env"


class SecretCreate(Model):
    """A new secret. ``env`` secrets belong to a person (no group) or a group; the others to the platform."""

    name: Name
    display_name: DisplayName = ""
    kind: SecretKind
    registry: str = Field(default="", max_length=253, description="registry host, for kind pull")
    username: str = Field(default="", max_length=253, description="for kind pull")
    value: SecretValue
    group: str | None = None
    groups: tuple[str, ...] = ()
    """Slugs of the groups that may use it, for kinds pull and git."""

    @model_validator(mode="after")
    def _fields_fit_kind(self) -> Self:
        for field in ("registry", "username"):
            if self.kind is SecretKind.PULL and not getattr(self, field):
                msg, fix = "is needed for kind pull", "give the registry's host and the username there"
                raise WrongValue(msg, fix, field=field)
        return self


class Secret(Model):
    """A secret as it can be read: everything but the value."""

    id: str
    name: Name
    slug: str
    display_name: DisplayName
    kind: SecretKind
    registry: str
    username: str
    owner: str | None
    """Hub name of the person, for a personal one."""
    group: str | None
    groups: tuple[str, ...]
    created_at: Timestamp
    updated_at: Timestamp
    version: int


class SecretUpdate(Model):
    """Fields to change; absent ones stay. ``version`` is that of the row the change was made from."""

    version: int
    display_name: DisplayName | None = None
    registry: str | None = Field(default=None, max_length=253)
    username: str | None = Field(default=None, max_length=253)
    value: SecretValue | None = None
    groups: tuple[str, ...] | None = None
