"""Numbers of all groups, each kind by one query."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

import sqlalchemy as sa

from ..domain.jobs import ACTIVE, JobPhase
from ..domain.launch import WorkloadKind
from ..domain.overview import GroupLosses
from ..domain.resources import Resources
from ..domain.units import Bytes, Millicores
from . import members
from .orm import AccountRow, ClaimRow, GroupRow, ImageRow, JobRow, MembershipRow, ScheduleRow, SecretRow
from .unit_of_work import UnitOfWork


@dataclass
class Holding:
    """What the claims in one group come to."""

    used: Resources = field(default_factory=Resources)
    counts: dict[WorkloadKind, int] = field(default_factory=lambda: defaultdict(int))


def holdings(uow: UnitOfWork) -> Mapping[str, Holding]:
    """By the group's id; groups that hold nothing are left out."""
    sums = (sa.func.sum(ClaimRow.cpu_limit), sa.func.sum(ClaimRow.memory_limit), sa.func.sum(ClaimRow.gpu_limit))
    statement = sa.select(ClaimRow.group_id, ClaimRow.kind, sa.func.count(), *sums).group_by(
        ClaimRow.group_id, ClaimRow.kind
    )
    found: dict[str, Holding] = defaultdict(Holding)
    for group_id, kind, count, cpu, memory, gpu in uow.session.execute(statement):
        holding = found[group_id]
        holding.used += Resources.model_construct(cpu=Millicores(cpu), memory=Bytes(memory), gpu=gpu)
        holding.counts[WorkloadKind(kind)] += count
    return found


def waiting(uow: UnitOfWork) -> Mapping[str, int]:
    """Jobs in the queue, by the group's id."""
    statement = (
        sa.select(JobRow.group_id, sa.func.count())
        .where(JobRow.phase == JobPhase.PENDING.value)
        .group_by(JobRow.group_id)
    )
    return {group_id: count for group_id, count in uow.session.execute(statement)}


def people(uow: UnitOfWork) -> Mapping[str, int]:
    """Members, each counted once, by the group's id."""
    statement = (
        sa.select(MembershipRow.group_id, sa.func.count(sa.distinct(MembershipRow.account_id)))
        .join(AccountRow, AccountRow.id == MembershipRow.account_id)
        .where(AccountRow.deleted_at.is_(None))
        .group_by(MembershipRow.group_id)
    )
    return {group_id: count for group_id, count in uow.session.execute(statement)}


def losses(uow: UnitOfWork, group: GroupRow) -> GroupLosses:
    """What a group takes with it."""
    active = [phase.value for phase in ACTIVE]
    return GroupLosses(
        people=len(members.accounts_in(uow, group.id)),
        notebooks=len(members.touching(uow, group, lock=False)),
        jobs=_count(uow, JobRow, JobRow.group_id == group.id, JobRow.phase.in_(active)),
        job_records=_count(uow, JobRow, JobRow.group_id == group.id),
        schedules=_count(uow, ScheduleRow, ScheduleRow.group_id == group.id, ScheduleRow.deleted_at.is_(None)),
        images=_count(uow, ImageRow, ImageRow.owner_group_id == group.id, ImageRow.deleted_at.is_(None)),
        secrets=_count(uow, SecretRow, SecretRow.owner_group_id == group.id),
        shared_volume=group.shared_volume,
    )


def _count(uow: UnitOfWork, row: type, *conditions: sa.ColumnElement[bool]) -> int:
    return uow.session.scalar(sa.select(sa.func.count()).select_from(row).where(*conditions)) or 0
