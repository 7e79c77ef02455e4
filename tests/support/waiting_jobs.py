"""Jobs in the queue, without the way that leads there."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from primehub_services.domain.identity import Actor
from primehub_services.domain.jobs import FINAL, JobPhase, JobReason
from primehub_services.operations import job_starts
from primehub_services.store.orm import ClaimRow, GroupRow, InstanceTypeRow, JobRow, KeptPlaceRow
from primehub_services.store.unit_of_work import UnitOfWork


def queue_job(
    uow: UnitOfWork,
    job_id: str,
    person: Actor,
    group: GroupRow,
    *,
    instance_type: str = "cpu-1",
    image: str = "base",
    queued_at: datetime | None = None,
    **changes: Any,
) -> JobRow:
    """One that waits, of the size that its instance type has now."""
    assert person.account is not None
    kind = uow.session.scalars(sa.select(InstanceTypeRow).where(InstanceTypeRow.name == instance_type)).one()
    spec = {"group": group.slug, "instance_type": kind.slug, "image": image, "command": "true"}
    values: dict[str, Any] = {
        "id": job_id,
        "account_id": person.account.id,
        "group_id": group.id,
        "name": job_id,
        "kind": "command",
        "spec": spec,
        "instance_type": kind.name,
        "image": image,
        "cpu_limit": kind.cpu_limit,
        "memory_limit": kind.memory_limit,
        "gpu_limit": kind.gpu_limit,
        "cpu_request": kind.cpu_limit if kind.cpu_request is None else kind.cpu_request,
        "memory_request": kind.memory_limit if kind.memory_request is None else kind.memory_request,
        "timeout": 0,
        "retries": 0,
        "phase": JobPhase.PENDING.value,
        "reason": JobReason.QUEUED.value,
        "queued_at": queued_at or uow.now,
        "created_at": queued_at or uow.now,
    }
    row = JobRow(**(values | changes))
    uow.session.add(row)
    uow.session.flush()
    job_starts.touched(uow, row, "create")
    return row


def end_running(uow: UnitOfWork, job_id: str) -> None:
    """The job has run to its end: its claim is given back."""
    row = uow.session.get_one(JobRow, job_id)
    uow.session.execute(
        sa.delete(ClaimRow).where(ClaimRow.kind == "job", ClaimRow.server_name == job_id),
        execution_options={"synchronize_session": False},
    )
    job_starts.end_job(uow, row, JobPhase.SUCCEEDED, JobReason.COMPLETED, "")


def phases(uow: UnitOfWork) -> dict[str, str]:
    """Every job's phase."""
    return {job_id: phase for job_id, phase in uow.session.execute(sa.select(JobRow.id, JobRow.phase))}


def active(uow: UnitOfWork) -> set[str]:
    """The jobs that were let go and have not ended."""
    over = {phase.value for phase in FINAL}
    return {job_id for job_id, phase in phases(uow).items() if phase not in over | {JobPhase.PENDING.value}}


def kept(uow: UnitOfWork) -> set[str]:
    """The jobs for which something is kept."""
    return set(uow.session.scalars(sa.select(KeptPlaceRow.job_id)))
