"""How much this machine has for workloads."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil

from primehub_services.domain.units import GIB, MIB
from primehub_services.domain.workloads import EngineCapacity, Gpu, GpuUsage

NVIDIA = Path("/proc/driver/nvidia/gpus")
_ASK_GPUS = (
    "nvidia-smi",
    "--query-gpu=pci.bus_id,utilization.gpu,memory.used",
    "--format=csv,noheader,nounits",
)
_ASK_LIMIT_S = 5
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
    for _, text, minor in _numbered(folder):
        model = re.search(r"^Model:\s*(.+?)\s*$", text, re.MULTILINE)
        if (devices / f"nvidia{minor}").exists():
            found.append(Gpu(index=minor, model=model[1] if model else ""))
    return tuple(sorted(found, key=lambda gpu: gpu.index))


def _numbered(folder: Path) -> Iterator[tuple[str, str, int]]:
    """Address on the bus, description and device number of each GPU."""
    for information in sorted(folder.glob("*/information")):
        try:
            text = information.read_text()
        except OSError:
            continue
        minor = re.search(r"^Device Minor:\s*(\d+)", text, re.MULTILINE)
        if minor:
            yield information.parent.name.lower(), text, int(minor[1])


def gpu_usage(folder: Path = NVIDIA, command: tuple[str, ...] = _ASK_GPUS) -> tuple[GpuUsage, ...]:
    """What of each GPU is used now; nothing where nvidia-smi cannot be asked."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_ASK_LIMIT_S, check=True)
    except (OSError, subprocess.SubprocessError):
        return ()
    # its own numbers follow another order than those of the device files
    numbers = {address: minor for address, _, minor in _numbered(folder)}
    found = []
    for line in done.stdout.splitlines():
        address, _, values = line.partition(",")
        percent, memory = (int(value) if value.strip().isdigit() else 0 for value in (values + ",").split(",")[:2])
        # one of them writes the domain with eight digits, the other with four
        index = numbers.get(address.strip().lower()[-12:])
        if index is not None:
            found.append(GpuUsage(index=index, percent=min(percent, 100), memory=memory * MIB))
    return tuple(found)
