"""The ledger's rows. A release is a deletion, so the sum of the rows is what is reserved."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from ..domain.claims import Claim
from ..domain.launch import WorkloadKind
from ..domain.resources import Resources
from ..domain.units import Bytes, Millicores
from .orm import AccountRow, ClaimRow, GroupRow, JobRow, NotebookRow
from .unit_of_work import UnitOfWork

LEDGER = "claims"
"""Lock: whoever adds to the ledger has read all that it counts, and nobody else adds meanwhile."""


def to_model(row: ClaimRow, user: str, group: str, *, title: str = "") -> Claim:
    """The row in the domain's words; ``user`` is the hub name, ``group`` the slug, ``title`` a job's name."""
    # rows are what this code wrote: validating thousands again would be the larger part of a decision
    return Claim.model_construct(
        id=row.id,
        kind=WorkloadKind(row.kind),
        user=user,
        server_name=row.server_name,
        group=group,
        group_id=row.group_id,
        account_id=row.account_id,
        instance_type=row.instance_type,
        limits=_amounts(row.cpu_limit, row.memory_limit, row.gpu_limit),
        requests=_amounts(row.cpu_request, row.memory_request, row.gpu_limit),
        gpu_indices=tuple(row.gpu_indices),
        adopted=row.adopted_at is not None,
        created_at=row.created_at,
        title=title,
    )


def _amounts(cpu: int, memory: int, gpu: int) -> Resources:
    return Resources.model_construct(cpu=Millicores(cpu), memory=Bytes(memory), gpu=gpu)


def held(uow: UnitOfWork, *, group_id: str | None = None) -> list[Claim]:
    """Every claim, or those in one group, the oldest first."""
    statement = (
        sa.select(ClaimRow, AccountRow.name, GroupRow.slug, JobRow.name)
        .join(AccountRow, AccountRow.id == ClaimRow.account_id)
        .join(GroupRow, GroupRow.id == ClaimRow.group_id)
        .outerjoin(JobRow, sa.and_(JobRow.id == ClaimRow.server_name, ClaimRow.kind == WorkloadKind.JOB.value))
        .order_by(ClaimRow.created_at, ClaimRow.id)
    )
    if group_id is not None:
        statement = statement.where(ClaimRow.group_id == group_id)
    found = uow.session.execute(statement)
    return [to_model(row, user, group, title=title or "") for row, user, group, title in found]


def requested_elsewhere(uow: UnitOfWork, group_id: str, *, but: str | None = None) -> Resources:
    """What claims in all other groups request together; ``but`` is a claim not to count."""
    statement = sa.select(
        sa.func.sum(ClaimRow.cpu_request), sa.func.sum(ClaimRow.memory_request), sa.func.sum(ClaimRow.gpu_limit)
    ).where(ClaimRow.group_id != group_id)
    if but is not None:
        statement = statement.where(ClaimRow.id != but)
    cpu, memory, gpu = uow.session.execute(statement).one()
    return _amounts(int(cpu or 0), int(memory or 0), int(gpu or 0))


def gpus_held(uow: UnitOfWork, *, but: str | None = None) -> set[int]:
    """The machine's GPUs that claims hold; ``but`` is a claim not to count."""
    statement = sa.select(ClaimRow.id, ClaimRow.gpu_indices).where(ClaimRow.gpu_limit > 0)
    return {index for start_id, held in uow.session.execute(statement) if start_id != but for index in held}


def by_id(uow: UnitOfWork, start_id: str) -> ClaimRow | None:
    """The claim of a start, if it is still held. Nobody else changes it before this transaction ends."""
    return uow.session.scalar(
        sa.select(ClaimRow).where(ClaimRow.id == start_id).with_for_update().execution_options(populate_existing=True)
    )


def of_server(uow: UnitOfWork, account_id: str, server_name: str) -> ClaimRow | None:
    """The claim of a notebook server, whichever start of it is the live one."""
    return uow.session.scalar(
        sa.select(ClaimRow).where(
            ClaimRow.kind == WorkloadKind.NOTEBOOK.value,
            ClaimRow.account_id == account_id,
            ClaimRow.server_name == server_name,
        )
    )


@dataclass(frozen=True, slots=True)
class ClaimedStart:
    """A notebook's claim and what was asked of its row."""

    start_id: str
    user: str
    server_name: str
    created_at: datetime
    adopted_at: datetime | None
    stop_requested: str | None
    ready_at: datetime | None


def claimed_starts(uow: UnitOfWork) -> list[ClaimedStart]:
    """Every claim of a notebook server."""
    found = uow.session.execute(
        sa.select(
            ClaimRow.id,
            AccountRow.name,
            ClaimRow.server_name,
            ClaimRow.created_at,
            ClaimRow.adopted_at,
            NotebookRow.stop_requested,
            NotebookRow.ready_at,
        )
        .join(AccountRow, AccountRow.id == ClaimRow.account_id)
        .outerjoin(NotebookRow, NotebookRow.id == ClaimRow.id)
        .where(ClaimRow.kind == WorkloadKind.NOTEBOOK.value)
        .order_by(ClaimRow.created_at, ClaimRow.id)
    )
    return [ClaimedStart(*row) for row in found]


def add(uow: UnitOfWork, row: ClaimRow) -> None:
    """Reserve. The caller holds ``LEDGER`` and found that it fits."""
    uow.session.add(row)
    uow.session.flush()


def delete(uow: UnitOfWork, start_id: str) -> bool:
    """Release; whether there was anything to release."""
    result = uow.session.execute(
        sa.delete(ClaimRow).where(ClaimRow.id == start_id).execution_options(synchronize_session="fetch")
    )
    return bool(getattr(result, "rowcount", 0))
