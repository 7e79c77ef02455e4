"""How much this machine has for workloads."""

from __future__ import annotations

import os
import re
from pathlib import Path

import psutil

from primehub_services.domain.units import GIB, MIB
from primehub_services.domain.workloads import EngineCapacity, Gpu

NVIDIA = Path("/proc/driver/nvidia/gpus")
_CGROUP_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))


def measure(cpu: float | None = None, memory: int | None = None) -> EngineCapacity:
    """The machine's CPUs, memory less a reserve for the platform, and GPUs; ``cpu`` (cores) and ``memory`` (bytes)
    instead of what is found where the administrator set them."""
    return EngineCapacity(
        cpu=round(cpu * 1000) if cpu else len(os.sched_getaffinity(0)) * 1000,
        memory=memory or less_reserve(total_memory()),
        gpus=gpus(),
    )


def total_memory(limits: tuple[Path, ...] = _CGROUP_LIMITS) -> int:
    """Bytes of memory of the machine, or of the container that this is."""
    total: int = psutil.virtual_memory().total
    for path in limits:
        try:
            total = min(total, int(path.read_text()))
        except (OSError, ValueError):
            continue
    return total


def less_reserve(total: int) -> int:
    """What is left for workloads: all but a tenth, at least 1 GiB but never more than half, in whole MiB."""
    reserve = min(max(total // 10, GIB), total // 2)
    return (total - reserve) // MIB * MIB


def gpus(folder: Path = NVIDIA, devices: Path = Path("/dev")) -> tuple[Gpu, ...]:
    """GPUs by the number of their device file. In a container only those that it was given have one."""
    found = []
    for information in sorted(folder.glob("*/information")):
        try:
            text = information.read_text()
        except OSError:
            continue
        minor = re.search(r"^Device Minor:\s*(\d+)", text, re.MULTILINE)
        model = re.search(r"^Model:\s*(.+?)\s*$", text, re.MULTILINE)
        if minor and (devices / f"nvidia{minor[1]}").exists():
            found.append(Gpu(index=int(minor[1]), model=model[1] if model else ""))
    return tuple(sorted(found, key=lambda gpu: gpu.index))
