"""Jobs with attempts as rows, and what they left."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from primehub_services.blobs import FolderArtifactStore
from primehub_services.domain.jobs import JobPhase
from primehub_services.domain.results import KeptArtifacts
from primehub_services.domain.workloads import NotTaken, WorkFile, WorkListing
from primehub_services.store.orm import AttemptRow, JobRow
from primehub_services.store.unit_of_work import UnitOfWork
from tests.support.factories import Cast

JOB = "job-202611221200-abc123"
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def job_row(
    uow: UnitOfWork,
    cast: Cast,
    job_id: str = JOB,
    *,
    attempts: int = 1,
    phase: JobPhase = JobPhase.SUCCEEDED,
    ended_at: datetime | None = None,
    **changes: Any,
) -> JobRow:
    """A job of ``ann`` in ``research`` with its attempts, of which all but the last have ended."""
    assert cast.member.account is not None
    final = phase in (JobPhase.SUCCEEDED, JobPhase.FAILED, JobPhase.CANCELLED)
    values: dict[str, Any] = {
        "id": job_id,
        "account_id": cast.member.account.id,
        "group_id": cast.group.id,
        "name": "train",
        "kind": "command",
        "spec": {},
        "instance_type": "cpu-1",
        "image": "base",
        "cpu_limit": 1000,
        "memory_limit": 1 << 30,
        "gpu_limit": 0,
        "cpu_request": 1000,
        "memory_request": 1 << 30,
        "timeout": 0,
        "retries": 0,
        "phase": phase.value,
        "attempts": attempts,
        "queued_at": uow.now,
        "created_at": uow.now,
        "ended_at": (ended_at or uow.now) if final else None,
    }
    row = JobRow(**(values | changes))
    uow.session.add(row)
    uow.session.flush()
    for number in range(1, attempts + 1):
        last = number == attempts
        attempt_row(uow, row, number, phase if last else JobPhase.FAILED, ended=final or not last)
    return row


def attempt_row(uow: UnitOfWork, job: JobRow, number: int, phase: JobPhase, *, ended: bool) -> AttemptRow:
    """One try at it."""
    row = AttemptRow(
        id=f"{job.id}-{number}",
        job_id=job.id,
        number=number,
        phase=phase.value,
        plan={},
        refs=[],
        created_at=uow.now,
        ended_at=uow.now if ended else None,
    )
    uow.session.add(row)
    uow.session.flush()
    return row


def keep(folder: Path, files: dict[str, bytes], *, job: str = JOB, number: int = 1, **manifest: Any) -> KeptArtifacts:
    """Files as the platform keeps them."""
    staging = FolderArtifactStore(folder).stage(job, number)
    kept = [WorkFile(path=path, size=len(data), modified_at=NOW) for path, data in files.items()]
    for file in kept:
        staging.take(file, [files[file.path]])
    found = KeptArtifacts(files=tuple(kept), kept_at=NOW, **manifest)
    staging.keep(found)
    staging.drop()
    return found


@dataclass
class Live:
    """``LiveFiles`` of workloads that the engine still has."""

    workloads: dict[str, dict[str, bytes]] = field(default_factory=dict)
    left_out: tuple[NotTaken, ...] = ()

    def list_(self, workload: str, folder: str) -> WorkListing | None:
        """See ``LiveFiles``."""
        found = self.workloads.get(workload)
        if found is None:
            return None
        files = tuple(
            WorkFile(path=path.removeprefix(f"{folder}/"), size=len(data), modified_at=NOW)
            for path, data in sorted(found.items())
        )
        return WorkListing(files=files, left_out=self.left_out, left_out_count=len(self.left_out))

    def find(self, workload: str, path: str) -> WorkFile | None:
        """See ``LiveFiles``."""
        data = self.workloads.get(workload, {}).get(path)
        return None if data is None else WorkFile(path=path, size=len(data), modified_at=NOW)

    def read(self, workload: str, path: str, offset: int, limit: int) -> bytes | None:
        """See ``LiveFiles``."""
        data = self.workloads.get(workload, {}).get(path)
        return None if data is None else data[offset : offset + limit]
