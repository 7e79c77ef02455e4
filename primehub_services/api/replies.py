"""Answers that are about the platform itself."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from ..domain.model import Model, Timestamp


class Version(Model):
    """Which PrimeHub this is."""

    name: Literal["PrimeHub"] = "PrimeHub"
    version: str
    api: Literal["v1"] = "v1"


class State(StrEnum):
    """How a part is."""

    OK = "ok"
    DEGRADED = "degraded"


class Health(Model):
    """Whether it works. Without details, since anyone may ask."""

    status: State


class Part(Model):
    """One part of the platform."""

    name: str
    """``database``, ``hub``, ``engine``, ``sandbox``, ``network``, ``controllers``, ..."""
    status: State
    message: str = ""
    help: str = ""
    """What would mend it."""


class Status(Model):
    """Whether it works, part by part."""

    status: State
    parts: tuple[Part, ...]
    engine: str
    versions: dict[str, str]
    started_at: Timestamp
