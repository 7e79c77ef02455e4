"""Amounts of resources, and limits on them."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import Field

from .model import Model
from .units import Bytes, Cpu, Memory, Millicores

RESOURCE_NAMES = ("cpu", "memory", "gpu")


class Resources(Model):
    """An amount of each resource: what a workload takes, or what is in use."""

    cpu: Cpu = Millicores(0)
    memory: Memory = Bytes(0)
    gpu: int = Field(default=0, ge=0, description="whole GPUs")

    def __add__(self, other: Resources) -> Resources:
        return Resources(
            cpu=Millicores(self.cpu + other.cpu),
            memory=Bytes(self.memory + other.memory),
            gpu=self.gpu + other.gpu,
        )


def total(amounts: Iterable[Resources]) -> Resources:
    """The sum of all amounts; nothing at all is zero of everything."""
    result = Resources()
    for amount in amounts:
        result = result + amount
    return result


class Quota(Model):
    """The most that may be in use at once. ``null`` of a resource means no limit."""

    cpu: Cpu | None = None
    memory: Memory | None = None
    gpu: int | None = Field(default=None, ge=0, description="whole GPUs")
