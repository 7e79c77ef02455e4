"""Instance types: named sizes of a workload."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, model_validator

from .groups import Seconds
from .model import Model, Timestamp
from .names import Description, DisplayName, Name
from .resources import Resources
from .units import Cpu, Memory

LabelKey = Annotated[str, Field(min_length=1, max_length=63, pattern=r"^[A-Za-z0-9]([A-Za-z0-9_./-]*[A-Za-z0-9])?$")]
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

    @model_validator(mode="after")
    def _value_fits_operator(self) -> Self:
        if (self.value is not None) != (self.operator is TolerationOperator.EQUAL):
            msg = "operator Equal needs a value, Exists forbids one"
            raise ValueError(msg)
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
    gpu_resource: str = Field(default="nvidia.com/gpu", max_length=253)
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
    node_selector: dict[LabelKey, LabelValue] | None = None
    tolerations: tuple[Toleration, ...] | None = None
    all_groups: bool | None = None
    groups: tuple[str, ...] | None = None
    idle_timeout: Seconds | None = None


def check_requests(spec: InstanceTypeCreate) -> None:
    """Raises ``ValueError`` where a limit is zero or a request is above its limit."""
    if spec.cpu_limit <= 0:
        msg = "cpu_limit must be more than 0"
        raise ValueError(msg)
    if spec.memory_limit <= 0:
        msg = "memory_limit must be more than 0"
        raise ValueError(msg)
    if spec.cpu_request is not None and spec.cpu_request > spec.cpu_limit:
        msg = "cpu_request must not be above cpu_limit"
        raise ValueError(msg)
    if spec.memory_request is not None and spec.memory_request > spec.memory_limit:
        msg = "memory_request must not be above memory_limit"
        raise ValueError(msg)
