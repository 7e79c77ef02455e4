"""The queue's rows: who waits, what is in use, and what is kept. Decisions read plain columns, in the queue's order."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import InstrumentedAttribute

from ..domain.claims import COUNTED_FOR_PERSON
from ..domain.groups import Group
from ..domain.jobs import FINAL, JobPhase, JobReason
from ..domain.notebooks import FINAL as NOTEBOOK_FINAL
from ..domain.queue import NOTHING, UNBOUNDED, Amounts, Elsewhere, Order, Place, Waiting, added
from ..domain.resources import Resources
from ..domain.system import SystemSettings
from ..domain.units import Bytes, Millicores
from . import changes, groups, settings
from .accounts import Places
from .orm import AccountRow, ClaimRow, GroupRow, JobRow, KeptPlaceRow, MembershipRow, NotebookRow, SettingRow
from .unit_of_work import UnitOfWork

_PENDING = JobRow.phase == JobPhase.PENDING.value
_UNASKED = JobRow.cancel_requested.is_(None)
_IDS_AT_ONCE = 500
# asked of each place by its job's key: PostgreSQL makes a join of EXISTS too, which begins at all jobs that wait
_COUNTS = (
    sa.select(sa.literal(1)).where(JobRow.id == KeptPlaceRow.job_id, _PENDING, _UNASKED).scalar_subquery().is_not(None)
)
_COUNTED = [kind.value for kind in COUNTED_FOR_PERSON]
_USED = (ClaimRow.cpu_limit, ClaimRow.memory_limit, ClaimRow.gpu_limit)
_REQUESTED = (ClaimRow.cpu_request, ClaimRow.memory_request, ClaimRow.gpu_limit)
_OF_MACHINE = (KeptPlaceRow.machine_cpu, KeptPlaceRow.machine_memory, KeptPlaceRow.machine_gpu)
_BUDGETS, _RESOURCES = ("user", "group", "machine"), ("cpu", "memory", "gpu")
_AMOUNTS = tuple(f"{budget}_{resource}" for budget in _BUDGETS for resource in _RESOURCES)
_PLACE = ("job_id", "account_id", "queued_at", "for_machine", *_AMOUNTS)
_LIMITS = (JobRow.cpu_limit, JobRow.memory_limit, JobRow.gpu_limit)
_ASKED = (JobRow.cpu_request, JobRow.memory_request, JobRow.gpu_limit)
_REQUESTS = (JobRow.cpu_request, JobRow.memory_request)
_WAITING: tuple[Any, ...] = (
    JobRow.id,
    JobRow.account_id,
    JobRow.cpu_limit,
    JobRow.memory_limit,
    JobRow.gpu_limit,
    JobRow.cpu_request,
    JobRow.memory_request,
    JobRow.queued_at,
    JobRow.not_before,
    JobRow.reason,
)

# what every decision asks is put together once: that takes about as long as to ask it
_USER_QUOTA = (GroupRow.user_cpu, GroupRow.user_memory, GroupRow.user_gpu)
_GROUP_QUOTA = (GroupRow.group_cpu, GroupRow.group_memory, GroupRow.group_gpu)
_SUBJECT = (
    sa.select(
        GroupRow,
        SettingRow,
        sa.exists().where(
            _PENDING,
            JobRow.group_id == GroupRow.id,
            sa.or_(
                ~_UNASKED,
                *(c > bound for c, bound in zip(2 * _LIMITS, _USER_QUOTA + _GROUP_QUOTA, strict=True)),
                *(c > sa.bindparam(name, type_=sa.BigInteger) for c, name in zip(_ASKED, _RESOURCES, strict=True)),
            ),
        ),
    )
    .outerjoin(SettingRow, SettingRow.key == settings.KEY)
    .where(GroupRow.id == sa.bindparam("group_id"), GroupRow.deleted_at.is_(None))
)
_IN_USE = (
    sa.select(ClaimRow.account_id, ClaimRow.kind, *map(sa.func.sum, _USED))
    .where(ClaimRow.group_id == sa.bindparam("group_id"))
    .group_by(ClaimRow.account_id, ClaimRow.kind)
)
_PLACES = sa.select(*(KeptPlaceRow.__table__.c[name] for name in _PLACE)).where(
    KeptPlaceRow.group_id == sa.bindparam("group_id")
)
_KEPT_ELSEWHERE = (
    sa.select(KeptPlaceRow.queued_at, KeptPlaceRow.job_id, *_OF_MACHINE, KeptPlaceRow.for_machine)
    .where(_COUNTS, KeptPlaceRow.group_id != sa.bindparam("group_id"), sa.or_(*(c > 0 for c in _OF_MACHINE)))
    .order_by(KeptPlaceRow.queued_at, KeptPlaceRow.job_id)
)
_REQUESTED_IN_ALL = sa.select(*map(sa.func.sum, _REQUESTED))
_LOCKED_WITH_OWNER = (
    sa.select(JobRow, AccountRow, GroupRow, MembershipRow)
    .join(AccountRow, AccountRow.id == JobRow.account_id)
    .outerjoin(MembershipRow, MembershipRow.account_id == AccountRow.id)
    .outerjoin(GroupRow, sa.and_(GroupRow.id == MembershipRow.group_id, GroupRow.deleted_at.is_(None)))
    .where(JobRow.id == sa.bindparam("job_id"), _PENDING)
    .with_for_update(of=JobRow)
    .execution_options(populate_existing=True)
)


@dataclass(frozen=True, slots=True)
class Moment:
    """What decides whether a job backs off and whether its place is kept."""

    now: datetime
    kept_since: datetime
    """Who was queued at this time or before has waited long enough."""


def moment(uow: UnitOfWork) -> Moment:
    """This transaction's."""
    # one number: to validate all settings would take longer than most of a decision's statements
    return _moment(uow, uow.session.get(SettingRow, settings.KEY))


def _moment(uow: UnitOfWork, row: SettingRow | None) -> Moment:
    found = None if row is None else row.value.get("queue_keep_after")
    keep_after = SystemSettings.model_fields["queue_keep_after"].default if found is None else found
    return Moment(uow.now, uow.now - timedelta(seconds=keep_after))


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom a decision is about, and by which settings."""

    group: Group
    setting: SettingRow | None
    """The document of system settings, where somebody has changed one."""
    moment: Moment
    hopeless: bool
    """Whether there are any ``hopeless`` jobs."""


def subject(uow: UnitOfWork, group_id: str, requests: Amounts) -> Subject | None:
    """The group of a decision, if it exists, in one query. No job may request more than ``requests``."""
    bounds = dict(zip(_RESOURCES, requests, strict=True))
    found = uow.session.execute(_SUBJECT, {"group_id": group_id, **bounds}).one_or_none()
    if found is None:
        return None
    group, setting, hopeless = found
    return Subject(groups.to_model(group), setting, _moment(uow, setting), hopeless)


def waiting_groups(uow: UnitOfWork) -> list[str]:
    """Groups in which a job waits, the one of the longest wait first."""
    statement = sa.select(JobRow.group_id).where(_PENDING).group_by(JobRow.group_id)
    return list(uow.session.scalars(statement.order_by(sa.func.min(JobRow.queued_at))))


def waiting(
    uow: UnitOfWork,
    group_id: str,
    moment: Moment,
    *,
    after: Order | None = None,
    but: Collection[str] = (),
    full: Collection[int] = (),
    limit: int,
) -> list[Waiting]:
    """The next so many jobs that wait in a group, after one of them.

    Without those of the accounts in ``but``, and those that request of the machine what is ``full``: 0 is cores, 1 memory.
    """
    values: dict[str, Any] = {"group_id": group_id, "most": limit}
    if after is not None:
        values |= {"after_at": after[0], "after_id": after[1]}
    if but:
        values["but"] = list(but)
    statement = _waiting(after=after is not None, but=bool(but), full=tuple(sorted(full)))
    return [_to_waiting(row, group_id, moment) for row in uow.session.execute(statement, values)]


@cache
def _waiting(*, after: bool, but: bool, full: tuple[int, ...]) -> sa.Select[Any]:
    statement = sa.select(*_WAITING).where(_PENDING, JobRow.group_id == sa.bindparam("group_id"), _UNASKED)
    if after:
        at, job_id = sa.bindparam("after_at", type_=JobRow.queued_at.type), sa.bindparam("after_id", type_=sa.String)
        statement = statement.where(_later(JobRow.queued_at, JobRow.id, (at, job_id)))
    if but:
        statement = statement.where(JobRow.account_id.not_in(sa.bindparam("but", expanding=True)))
    statement = statement.where(*(_REQUESTS[i] == 0 for i in full))
    return statement.order_by(JobRow.queued_at, JobRow.id).limit(sa.bindparam("most", type_=sa.Integer))


def _to_waiting(row: Sequence[Any], group_id: str, moment: Moment) -> Waiting:
    job_id, account_id, cpu, memory, gpu, cpu_request, memory_request, queued_at, not_before, reason = row
    rests = not_before is not None and not_before > moment.now
    return Waiting(
        id=job_id,
        group_id=group_id,
        account_id=account_id,
        limits=(cpu, memory, gpu),
        requests=(cpu_request, memory_request, gpu),
        queued_at=queued_at,
        rests=rests,
        # what the engine could not place would keep room for nothing
        kept=queued_at <= moment.kept_since and not rests and reason != JobReason.NOT_PLACED.value,
    )


def _later(
    queued_at: InstrumentedAttribute[datetime], job_id: InstrumentedAttribute[str], order: tuple[Any, Any]
) -> sa.ColumnElement[bool]:
    return sa.or_(queued_at > order[0], sa.and_(queued_at == order[0], job_id > order[1]))


def all_waiting(uow: UnitOfWork, group_id: str, most: int) -> list[str]:
    """The first so many jobs that wait in a group, also those that are to end."""
    statement = sa.select(JobRow.id).where(_PENDING, JobRow.group_id == group_id)
    return list(uow.session.scalars(statement.order_by(JobRow.queued_at, JobRow.id).limit(most)))


def hopeless(uow: UnitOfWork, group_id: str, *, limits: Amounts, requests: Amounts, most: int) -> list[str]:
    """Jobs that wait in the group and were cancelled, or have a limit or a request above these."""
    above = _above(_LIMITS, limits) + _above(_ASKED, requests)
    statement = sa.select(JobRow.id).where(_PENDING, JobRow.group_id == group_id, sa.or_(~_UNASKED, *above))
    return list(uow.session.scalars(statement.order_by(JobRow.queued_at, JobRow.id).limit(most)))


def _above(columns: Iterable[InstrumentedAttribute[int]], most: Amounts) -> list[sa.ColumnElement[bool]]:
    return [column > bound for column, bound in zip(columns, most, strict=True) if bound < UNBOUNDED]


def come_of_age(uow: UnitOfWork, before: Moment, moment: Moment) -> list[str]:
    """Groups in which between two moments a back-off ended, or somebody had waited so long that a place is kept."""
    rested = sa.and_(JobRow.not_before > before.now, JobRow.not_before <= moment.now)
    waited = sa.and_(JobRow.queued_at > before.kept_since, JobRow.queued_at <= moment.kept_since)
    statement = sa.select(JobRow.group_id).distinct().where(_PENDING, sa.or_(rested, waited))
    return list(uow.session.scalars(statement))


@dataclass(frozen=True, slots=True)
class InUse:
    """What claims in a group hold."""

    group: Amounts
    people: Mapping[str, Amounts]
    """By account: what counts against the person's own quota."""


def in_use(uow: UnitOfWork, group_id: str) -> InUse:
    """The sums of a group's claims."""
    rows = uow.session.execute(_IN_USE, {"group_id": group_id})
    group = NOTHING
    people: dict[str, Amounts] = {}
    for account_id, kind, *sums in rows:
        held = _amounts(sums)
        group = added(group, held)
        if kind in _COUNTED:
            people[account_id] = added(people.get(account_id, NOTHING), held)
    return InUse(group, people)


def requested(uow: UnitOfWork) -> Amounts:
    """What all claims request of the machine."""
    return _amounts(uow.session.execute(_REQUESTED_IN_ALL).one())


def _amounts(sums: Iterable[int | None]) -> Amounts:
    cpu, memory, gpu = (int(value or 0) for value in sums)
    return cpu, memory, gpu


def kept_elsewhere(uow: UnitOfWork, group_id: str) -> list[Elsewhere]:
    """What is kept of the machine for jobs of other groups, in their order."""
    rows = uow.session.execute(_KEPT_ELSEWHERE, {"group_id": group_id})
    return [Elsewhere((at, job_id), (cpu, memory, gpu), own) for at, job_id, cpu, memory, gpu, own in rows]


def sum_kept(uow: UnitOfWork, *, but: str | None = None) -> Resources:
    """How much is kept of the machine in all, without a group's part."""
    statement = sa.select(*map(sa.func.sum, _OF_MACHINE)).where(_COUNTS, sa.or_(*(c > 0 for c in _OF_MACHINE)))
    if but is not None:
        statement = statement.where(KeptPlaceRow.group_id != but)
    return _resources(*_amounts(uow.session.execute(statement).one()))


def _resources(cpu: int, memory: int, gpu: int) -> Resources:
    return Resources.model_construct(cpu=Millicores(cpu), memory=Bytes(memory), gpu=gpu)


@dataclass(frozen=True, slots=True)
class Kept:
    """A kept place as it is stored, and whose."""

    job_id: str
    account_id: str
    user: str
    group_id: str
    queued_at: datetime
    of_user: Resources
    of_group: Resources
    of_machine: Resources

    @property
    def order(self) -> Order:
        """Its job's place in the queue."""
        return self.queued_at, self.job_id


def kept(uow: UnitOfWork, group_id: str | None) -> list[Kept]:
    """The kept places of a group's jobs, or of everybody's, in the queue's order."""
    statement = (
        sa.select(KeptPlaceRow, AccountRow.name)
        .join(AccountRow, AccountRow.id == KeptPlaceRow.account_id)
        .where(_COUNTS)
        .order_by(KeptPlaceRow.queued_at, KeptPlaceRow.job_id)
    )
    if group_id is not None:
        statement = statement.where(KeptPlaceRow.group_id == group_id)
    return [
        Kept(
            job_id=row.job_id,
            account_id=row.account_id,
            user=user,
            group_id=row.group_id,
            queued_at=row.queued_at,
            of_user=_resources(row.user_cpu, row.user_memory, row.user_gpu),
            of_group=_resources(row.group_cpu, row.group_memory, row.group_gpu),
            of_machine=_resources(row.machine_cpu, row.machine_memory, row.machine_gpu),
        )
        for row, user in uow.session.execute(statement)
    ]


def keep(
    uow: UnitOfWork,
    group_id: str,
    places: Mapping[str, Place],
    jobs: Mapping[str, Waiting],
    *,
    upto: Order | None = None,
) -> bool:
    """Make the group's kept places these, of jobs among ``jobs``; whether that changed anything.

    ``upto``: those further back in the queue were not looked at, and stay.
    """
    rows = uow.session.execute(_PLACES, {"group_id": group_id})
    stored = {row[0]: tuple(row) for row in rows if upto is None or (row[2], row[0]) <= upto}
    wanted = {job_id: _values(jobs[job_id], place) for job_id, place in places.items()}
    old = [job_id for job_id, values in stored.items() if wanted.get(job_id) != values]
    new = [values for job_id, values in wanted.items() if stored.get(job_id) != values]
    # in plain statements: there are some for nearly every decision
    connection = uow.session.connection()
    if old:
        connection.execute(sa.delete(KeptPlaceRow).where(KeptPlaceRow.job_id.in_(old)))
    if new:
        rows_of = [dict(zip(_PLACE, values, strict=True)) | {"group_id": group_id} for values in new]
        connection.execute(sa.insert(KeptPlaceRow), rows_of)
    return bool(old or new)


def _values(job: Waiting, place: Place) -> tuple[object, ...]:
    return (job.id, job.account_id, job.queued_at, place.for_machine, *place.user, *place.group, *place.machine)


def locked(uow: UnitOfWork, job_id: str) -> JobRow | None:
    """The job, if it still waits. Nobody else changes it before this transaction ends."""
    statement = sa.select(JobRow).where(JobRow.id == job_id, _PENDING).with_for_update()
    return uow.session.scalar(statement.execution_options(populate_existing=True))


def locked_with_owner(uow: UnitOfWork, job_id: str) -> tuple[JobRow, Places | None] | None:
    """The job, if it still waits, and its owner's account and places, unless that is deleted. Nobody else changes the
    job before this transaction ends."""
    found = uow.session.execute(_LOCKED_WITH_OWNER, {"job_id": job_id}).all()
    if not found:
        return None
    row, account = found[0][:2]
    if account.deleted_at is not None:
        return row, None
    return row, (account, [(group, membership) for _, _, group, membership in found if group is not None])


@dataclass(frozen=True, slots=True)
class News:
    """What changed since the last look, as far as it may let a job go."""

    cursor: changes.Cursor
    groups: tuple[str, ...] = ()
    """In which something was queued, ended, cancelled or allowed, in that order."""
    everywhere: bool = False
    """What changed is of no group."""


def news(uow: UnitOfWork, cursor: changes.Cursor) -> News:
    """What was committed since. Progress of what runs, and a start that took its quota, let nobody go."""
    found = []
    while True:
        some, cursor = changes.read(uow, cursor)
        found += some
        if not some:
            break
    jobs = [change.id for change in found if change.kind == "job"]
    notebooks = [change.id for change in found if change.kind == "notebook"]
    waits_or_over = [JobPhase.PENDING.value, *(phase.value for phase in FINAL)]
    relevant = set(_in_phase(uow, JobRow, jobs, waits_or_over))
    relevant |= set(_in_phase(uow, NotebookRow, notebooks, [phase.value for phase in NOTEBOOK_FINAL]))
    groups = dict.fromkeys(
        change.group_id
        for change in found
        if change.group_id is not None
        and (change.kind == "group" or (change.kind in ("job", "notebook") and change.id in relevant))
    )
    return News(cursor, tuple(groups), everywhere=any(change.kind == "settings" for change in found))


def _in_phase(
    uow: UnitOfWork, table: type[JobRow] | type[NotebookRow], ids: Sequence[str], phases: Sequence[str]
) -> Iterable[str]:
    for at in range(0, len(ids), _IDS_AT_ONCE):
        wanted = set(ids[at : at + _IDS_AT_ONCE])
        yield from uow.session.scalars(sa.select(table.id).where(table.id.in_(wanted), table.phase.in_(phases)))
