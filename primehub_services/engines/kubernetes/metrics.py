"""What pods take, as the cluster's metrics say. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from primehub_services.domain.quantities import amount, seconds
from primehub_services.domain.workloads import UsageSample

from .manifests import MAIN


def sample_of(metrics: Mapping[str, Any], before: UsageSample | None) -> UsageSample | None:
    """What the workload of a pod takes. The cluster says how fast time of processors passes, not how much has."""
    container = next((c for c in metrics.get("containers") or () if c.get("name") == MAIN), None)
    if container is None:
        return None
    at = datetime.fromisoformat(metrics["timestamp"])
    cores = amount(container["usage"].get("cpu", "0"))
    memory = int(amount(container["usage"].get("memory", "0")))
    since = (
        max(0.0, (at - before.at).total_seconds()) if before is not None else seconds(str(metrics.get("window", "")))
    )
    used = (before.cpu_seconds if before is not None else 0.0) + cores * since
    return UsageSample(at=at, cpu=round(1000 * cores), memory=memory, cpu_seconds=round(used, 3))
