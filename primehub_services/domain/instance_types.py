"""Instance types: named sizes of a workload."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from .groups import Seconds
from .model import Model, Timestamp
from .names import Description, DisplayName, Name
from .resources import Resources
from .units import Cpu, Memory
from .wrong import WrongValue

# a qualified name of Kubernetes: a DNS subdomain and a slash, or not, and a name of at most 63 characters
_QUALIFIED = (
    r"^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?"
    r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$"
)


def check_qualified(value: str) -> str:
    """A label's key or a resource's name, as Kubernetes takes them. Raises ``WrongValue`` otherwise."""
    if not re.fullmatch(_QUALIFIED, value):  # `$` alone would let a line end through
        msg, fix = f"{value!r} is not a name that Kubernetes takes", "write it like pool or example.org/pool"
        raise WrongValue(msg, fix)
    return value


LabelKey = Annotated[
    str,
    AfterValidator(check_qualified),
    Field(min_length=1, max_length=317, json_schema_extra={"pattern": _QUALIFIED}),
]
ResourceName = Annotated[
    str,
    AfterValidator(check_qualified),
    Field(min_length=1, max_length=253, json_schema_extra={"pattern": _QUALIFIED}),
]
"""What a cluster calls a resource that a device plugin counts: ``nvidia.com/gpu``."""
LabelValue = Annotated[str, Field(max_length=63, pattern=r"^([A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?)?$")]


class TolerationOperator(StrEnum):
    """How a toleration compares (Kubernetes)."""

    EQUAL = "Equal"
    EXISTS = "Exists"


class Effect(StrEnum):
    """The taint effect that a toleration matches (Kubernetes)."""

    NO_SCHEDULE = "NoSchedule"
    PREFER_NO_SCHEDULE = "PreferNoSchedule"
    NO_EXECUTE = "NoExecute"


class Toleration(Model):
    """A Kubernetes toleration. ``Equal`` needs a value, ``Exists`` forbids one; no effect means every effect."""

    key: LabelKey
    operator: TolerationOperator = TolerationOperator.EQUAL
    value: LabelValue | None = None
    effect: Effect | None = None
    toleration_seconds: Seconds | None = None
    """How long what runs stays on a node that gets the taint; null is for ever. For the effect NoExecute alone."""

    @model_validator(mode="after")
    def _value_fits_operator(self) -> Self:
        if self.toleration_seconds is not None and self.effect is not Effect.NO_EXECUTE:
            msg, fix = "is for the effect NoExecute alone", "choose that effect, or leave it out"
            raise WrongValue(msg, fix, field="toleration_seconds")
        if (self.value is not None) != (self.operator is TolerationOperator.EQUAL):
            msg, fix = "is needed by operator Equal, and forbidden by Exists", "give one, or leave it out"
            raise WrongValue(msg, fix, field="value")
        return self


class InstanceTypeCreate(Model):
    """What an administrator gives to make an instance type."""

    name: Name
    display_name: DisplayName = ""
    description: Description = ""
    cpu_limit: Cpu
    memory_limit: Memory
    gpu_limit: int = Field(default=0, ge=0, le=1024)
    cpu_request: Cpu | None = Field(default=None, description="null is the limit")
    memory_request: Memory | None = Field(default=None, description="null is the limit")
    gpu_resource: ResourceName = "nvidia.com/gpu"
    node_selector: dict[LabelKey, LabelValue] = Field(default_factory=dict)
    tolerations: tuple[Toleration, ...] = ()
    all_groups: bool = True
    groups: tuple[str, ...] = ()
    """Slugs of the groups that may use it, where not all may."""
    idle_timeout: Seconds | None = None

    @model_validator(mode="after")
    def _requests_within_limits(self) -> Self:
        check_requests(self)
        return self


class InstanceType(InstanceTypeCreate):
    """A named size. Quota counts its limits; capacity counts its requests."""

    id: str
    slug: str
    created_at: Timestamp
    version: int

    @property
    def limits(self) -> Resources:
        """What a workload of this type may take, and what quota counts."""
        return Resources(cpu=self.cpu_limit, memory=self.memory_limit, gpu=self.gpu_limit)

    @property
    def requests(self) -> Resources:
        """What a workload of this type is sure to get, and what capacity counts."""
        return Resources(
            cpu=self.cpu_limit if self.cpu_request is None else self.cpu_request,
            memory=self.memory_limit if self.memory_request is None else self.memory_request,
            gpu=self.gpu_limit,
        )


class InstanceTypeUpdate(Model):
    """Fields to change; absent ones stay. ``version`` is that of the row the change was made from."""

    version: int
    display_name: DisplayName | None = None
    description: Description | None = None
    cpu_limit: Cpu | None = None
    memory_limit: Memory | None = None
    gpu_limit: int | None = Field(default=None, ge=0, le=1024)
    cpu_request: Cpu | None = None
    memory_request: Memory | None = None
    gpu_resource: ResourceName | None = None
    node_selector: dict[LabelKey, LabelValue] | None = None
    tolerations: tuple[Toleration, ...] | None = None
    all_groups: bool | None = None
    groups: tuple[str, ...] | None = None
    idle_timeout: Seconds | None = None


def check_requests(spec: InstanceTypeCreate) -> None:
    """Raises ``ValueError`` where a limit is zero or a request is above its limit."""
    if spec.cpu_limit <= 0:
        msg, fix = "must be more than 0", "give for example 0.5"
        raise WrongValue(msg, fix, field="cpu_limit")
    if spec.memory_limit <= 0:
        msg, fix = "must be more than 0", "give for example 512Mi"
        raise WrongValue(msg, fix, field="memory_limit")
    if spec.cpu_request is not None and spec.cpu_request > spec.cpu_limit:
        msg, fix = "must not be above cpu_limit", "lower it, or raise cpu_limit"
        raise WrongValue(msg, fix, field="cpu_request")
    if spec.memory_request is not None and spec.memory_request > spec.memory_limit:
        msg, fix = "must not be above memory_limit", "lower it, or raise memory_limit"
        raise WrongValue(msg, fix, field="memory_request")
