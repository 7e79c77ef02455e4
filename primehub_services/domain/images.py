"""Images: what a workload runs in. A container on a cluster, an environment on one machine."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from .model import Model, Timestamp
from .names import Description, DisplayName, Name
from .wrong import WrongValue

_EXTRAS = r"(\[[A-Za-z0-9,._-]+\])?"
_VERSION = r"(===|==|~=|!=|<=|>=|<|>) *[A-Za-z0-9.*+!_-]+"
Package = Annotated[
    str,
    Field(
        min_length=1,
        max_length=200,
        # a name and versions only: a path or a URL would bring in what the index does not vouch for
        pattern=rf"^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?{_EXTRAS} *({_VERSION} *(, *{_VERSION} *)*)?$",
        examples=["pandas>=2,<4"],
    ),
]
"""A pip requirement by name."""


class ImageKind(StrEnum):
    """Which instance types an image suits."""

    CPU = "cpu"
    GPU = "gpu"
    BOTH = "both"


class ImagePhase(StrEnum):
    """Where an image is on its way to being usable."""

    PENDING = "PENDING"
    BUILDING = "BUILDING"
    READY = "READY"
    FAILED = "FAILED"


MAKING = frozenset({ImagePhase.PENDING, ImagePhase.BUILDING})
"""Phases in which it is on its way."""


class ContainerSource(Model):
    """A container image in a registry."""

    type: Literal["container"] = "container"
    url: str = Field(min_length=1, max_length=500, pattern=r"^[^\s]+$")
    url_gpu: str | None = Field(default=None, min_length=1, max_length=500, pattern=r"^[^\s]+$")
    pull_secret: str | None = None


class EnvironmentSource(Model):
    """A Python environment on this machine: one that is there (``prefix``), or one to make.

    One to make starts from ``base`` (an interpreter's path, or empty for the platform's own choice) and installs
    ``packages`` (pip requirements).
    """

    type: Literal["environment"] = "environment"
    prefix: str | None = Field(default=None, pattern=r"^/[^\x00]*$")
    base: str = ""
    packages: tuple[Package, ...] = ()

    @model_validator(mode="after")
    def _given_or_made(self) -> Self:
        if self.prefix is not None and (self.packages or self.base):
            msg, fix = "is given beside base or packages", "give either prefix, or base and packages"
            raise WrongValue(msg, fix, field="prefix")
        return self


ImageSource = Annotated[ContainerSource | EnvironmentSource, Field(discriminator="type")]


class ImageCreate(Model):
    """What an administrator (any image) or a group admin (an image of the group) gives to make an image."""

    name: Name
    display_name: DisplayName = ""
    description: Description = ""
    kind: ImageKind = ImageKind.BOTH
    source: ImageSource
    group: str | None = None
    """Slug of the group that owns it; null is a system image."""
    all_groups: bool = True
    groups: tuple[str, ...] = ()


class Image(ImageCreate):
    """An image and how far it is."""

    id: str
    slug: str
    phase: ImagePhase
    build: int = 1
    """Counts how often it was to be made: each has a log of its own, of which the latest is kept."""
    message: str = ""
    """What is being done, or why it failed."""
    progress: int = Field(default=0, ge=0, le=100)
    location: str | None = None
    """Prefix of the environment, once it is there."""
    created_at: Timestamp
    version: int


class ImageBuild(Model):
    """An environment that is to be made, or is being made. ``build`` tells it from earlier ones of the image."""

    image_id: str
    slug: str
    build: int
    phase: ImagePhase
    source: EnvironmentSource
    of_platform: bool = False
    """Whether only platform admins can change it, so that it may be made where no sandbox can run."""


class ImageUpdate(Model):
    """Fields to change; absent ones stay. ``version`` is that of the row the change was made from."""

    version: int
    display_name: DisplayName | None = None
    description: Description | None = None
    kind: ImageKind | None = None
    source: ImageSource | None = None
    all_groups: bool | None = None
    groups: tuple[str, ...] | None = None
