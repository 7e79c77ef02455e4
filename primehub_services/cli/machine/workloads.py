"""The workloads of this machine, through the sandbox's own records."""

from __future__ import annotations

import asyncio
from pathlib import Path

from hub_config.settings import Settings

from ...sandbox.probe import SandboxStatus, probe
from ...sandbox.spec import SandboxOptions, WorkloadState
from ...sandbox.workloads import Workloads


async def stop_all(data: Path, grace: float, hasten: asyncio.Event) -> None:
    """End every workload of the data folder; ``grace`` seconds, or until ``hasten`` is set, for an orderly end."""
    workloads = Workloads(data)
    orderly = asyncio.create_task(asyncio.to_thread(workloads.stop_all, grace))
    hastened = asyncio.create_task(hasten.wait())
    await asyncio.wait((orderly, hastened), return_when=asyncio.FIRST_COMPLETED)
    hastened.cancel()
    if not orderly.done():
        await asyncio.to_thread(workloads.stop_all, 0)
    await orderly


def running(data: Path) -> int:
    """How many workloads run."""
    return sum(1 for status in Workloads(data).list_() if status.state is not WorkloadState.EXITED)


def sandbox_status(settings: Settings) -> SandboxStatus:
    """What keeps workloads apart on this machine, found out by trying."""
    local = settings.local
    options = SandboxOptions(
        sandbox=local.sandbox,
        network=local.network,
        workload_uid=local.workload_uid,
        host_path_roots=local.host_path_roots,
        base_python=local.base_python,
    )
    return probe(settings.data_dir, options).status


def sandbox_sentences(settings: Settings) -> list[str]:
    """How well workloads are kept apart on this machine: what holds in one sentence, then what is missing, with its
    remedy, after a ``!``."""
    status = sandbox_status(settings)
    held = " ".join(check.sentence for check in status.checks.values() if check.ok)
    lines = [held, *(f"! {warning}" for warning in status.warnings)]
    lines.append(status.who_may_start(settings.local.allow_unsandboxed))
    return [line for line in lines if line]
