"""What the first start sets up, decided from the machine alone. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from .groups import GroupCreate
from .images import ImageCreate, ImageSource
from .instance_types import InstanceTypeCreate
from .resources import Quota
from .units import GIB, MIB, Bytes, Millicores

GROUP = "research"
IMAGE = "base"
_HALF_CORE, _CORE = 500, 1000


@dataclass(frozen=True, slots=True)
class MachineFacts:
    """What workloads may request on this machine in all: millicores, bytes, whole GPUs."""

    cpu: int
    memory: int
    gpu: int = 0


@dataclass(frozen=True, slots=True)
class _Size:
    name: str
    display_name: str
    cpu: int
    memory: int
    gpu: int = 0


# what most groups need, and a small one to begin with
_SIZES = (
    _Size("cpu-small", "CPU small", _HALF_CORE, GIB),
    _Size("cpu-1", "CPU 1", _CORE, 2 * GIB),
    _Size("cpu-2", "CPU 2", 2 * _CORE, 8 * GIB),
    _Size("cpu-3", "CPU 3", 4 * _CORE, 16 * GIB),
    _Size("cpu-4", "CPU 4", 8 * _CORE, 32 * GIB),
    _Size("gpu-1", "GPU 1", 2 * _CORE, 8 * GIB, 1),
    _Size("gpu-2", "GPU 2", 4 * _CORE, 16 * GIB, 2),
)


@dataclass(frozen=True, slots=True)
class FirstThings:
    """What an empty platform is given."""

    instance_types: tuple[InstanceTypeCreate, ...]
    image: ImageCreate
    group: GroupCreate


def first_things(machine: MachineFacts, image: ImageSource) -> FirstThings:
    """Instance types no larger than the machine, the first image, and a group that may use all of the machine.

    One person may use half of the machine, or as much as the largest instance type takes where that is more.
    """
    sizes = [size for size in _SIZES if _fits(size, machine)] or [_smallest(machine)]
    if machine.gpu and not any(size.gpu for size in sizes):
        sizes.append(_Size("gpu-1", "GPU 1", machine.cpu, _whole_mib(machine.memory), 1))
    whole = Quota(cpu=Millicores(machine.cpu), memory=Bytes(_whole_mib(machine.memory)), gpu=machine.gpu)
    person = Quota(
        cpu=Millicores(max([machine.cpu // 2, *(size.cpu for size in sizes)])),
        memory=Bytes(_whole_mib(max([machine.memory // 2, *(size.memory for size in sizes)]))),
        gpu=max([machine.gpu // 2, *(size.gpu for size in sizes)]),
    )
    return FirstThings(
        instance_types=tuple(
            InstanceTypeCreate(
                name=size.name,
                display_name=size.display_name,
                cpu_limit=Millicores(size.cpu),
                memory_limit=Bytes(size.memory),
                gpu_limit=size.gpu,
            )
            for size in sizes
        ),
        image=ImageCreate(
            name=IMAGE,
            display_name="Base notebook",
            description="JupyterLab and the usual data libraries.",
            source=image,
        ),
        group=GroupCreate(name=GROUP, display_name="Research", user_quota=person, group_quota=whole),
    )


def _fits(size: _Size, machine: MachineFacts) -> bool:
    return size.cpu <= machine.cpu and size.memory <= machine.memory and size.gpu <= machine.gpu


def _smallest(machine: MachineFacts) -> _Size:
    """All of a machine that is smaller than every size."""
    cpu, memory = min(_HALF_CORE, machine.cpu), min(GIB, _whole_mib(machine.memory))
    return _Size("cpu-small", "CPU small", max(1, cpu), max(MIB, memory))


def _whole_mib(amount: int) -> int:
    return amount // MIB * MIB
