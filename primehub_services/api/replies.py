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
    since: Timestamp | None = None
    """When it was first seen not to be well, by these services; null while it is well."""


class Engine(Model):
    """What the engine can, for forms that offer only that."""

    name: str
    images: tuple[str, ...]
    """Types of ``Image.source``."""
    volumes: tuple[str, ...]
    """Types of ``Volume.source``."""
    existing_claims: bool
    """Whether a volume of type ``pvc`` may name a claim that is there."""


class Status(Model):
    """Whether it works, part by part."""

    status: State
    parts: tuple[Part, ...]
    engine: str
    versions: dict[str, str]
    started_at: Timestamp
