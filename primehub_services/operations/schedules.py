"""Recurring jobs, as people keep them.

A recurring job runs as its owner, with the owner's rights and secrets, whoever pressed the button. An admin of the group
may therefore look, pause, resume, run, delete, rename it and change its times, but not what runs: that would be a
command of the admin's with the owner's secrets. Who wants to change that makes a recurring job of their own.
"""

from __future__ import annotations

from typing import Any

from ..domain import cron
from ..domain.claims import MachineCapacity
from ..domain.identity import PLATFORM, Actor
from ..domain.jobs import JobSpec
from ..domain.paging import Page, PageQuery
from ..domain.permissions import require
from ..domain.problems import Forbidden, Invalid, NotFound
from ..domain.schedules import (
    CronPreview,
    CronRequest,
    Firing,
    Schedule,
    ScheduleCreate,
    ScheduleSnapshot,
    ScheduleUpdate,
)
from ..store import schedules as store
from ..store import settings
from ..store.orm import ScheduleRow
from ..store.orm.base import new_id
from ..store.schedules import Filters, Found
from ..store.unit_of_work import UnitOfWork
from . import firings, jobs
from ._editing import check_version, given, page_of
from .firings import CHANGE, Batch, submit_as_owner
from .groups import resolve_group

PREVIEWED = 5
_OWNERS_ALONE = frozenset({"job", "notebook_reads_file"})
_PLAIN_FIELDS = ("name", "overlap", "catch_up", "notebook_reads_file")


def preview(uow: UnitOfWork, actor: Actor, request: CronRequest) -> CronPreview:
    """An expression in words, and the next five due instants. Raises ``Invalid`` as making one would."""
    require(actor, "self.read")
    read = _parse(uow, request.cron, request.timezone)
    return CronPreview(reading=read.reading, next=read.upcoming(uow.now, PREVIEWED))


def list_(uow: UnitOfWork, actor: Actor, query: PageQuery, filters: Filters | None = None) -> Page[Schedule]:
    """Those of the actor's groups; for a platform admin all; for a notebook's token its owner's in the launch group."""
    require(actor, "self.read")
    assert actor.account is not None
    filters = filters or Filters()
    if actor.is_notebook:
        own = Filters(user=filters.user, group=filters.group, paused=filters.paused, own_of=actor.account.id)
        items, total = store.list_(uow, query, own, groups=actor.roles, values_for=None)
        return page_of(items, total, query)
    groups = None if actor.account.platform_admin else actor.roles
    items, total = store.list_(uow, query, filters, groups=groups, values_for=actor.account.id)
    return page_of(items, total, query)


def get(uow: UnitOfWork, actor: Actor, schedule_id: str) -> Schedule:
    """One recurring job. Raises ``NotFound`` where there is none that the actor may see."""
    return _model(uow, actor, _find(uow, actor, schedule_id, "schedule.read"))


def create(uow: UnitOfWork, actor: Actor, new: ScheduleCreate, *, capacity: MachineCapacity) -> Schedule:
    """Make a recurring job of one's own. What it is to run is checked as if it ran now. Raises ``Problem``."""
    group = resolve_group(uow, actor, new.job.group)
    require(actor, "schedule.create", kind="group", name=new.job.group, group_id=group.id, visible=True)
    _check_notebook_token(actor, new.job)
    assert actor.account is not None
    times = _parse(uow, new.cron, new.timezone)
    row = ScheduleRow(
        id=new_id(),
        account_id=actor.account.id,
        group_id=group.id,
        name=new.name,
        cron=times.expression,
        timezone=new.timezone,
        job={},
        overlap=new.overlap.value,
        catch_up=new.catch_up,
        paused=new.paused,
        notebook_reads_file=new.notebook_reads_file,
        accounted_until=uow.now,
        next_at=None if new.paused else times.after(uow.now),
        created_at=uow.now,
    )
    _set_job(uow, actor, row, new.job, capacity)
    _check_reads_file(row)
    uow.session.add(row)
    uow.session.flush()
    _record(uow, actor, row, "create", cron=row.cron, timezone=row.timezone)
    return _model(uow, actor, (row, actor.account.name, group.slug))


def update(
    uow: UnitOfWork, actor: Actor, schedule_id: str, change: ScheduleUpdate, *, capacity: MachineCapacity
) -> Schedule:
    """Change a recurring job. Due instants of a time that was paused, and those before the change, are not made up for.

    Raises ``Forbidden`` where somebody other than its owner changes what runs, and ``Conflict`` with the current one.
    """
    found = _find(uow, actor, schedule_id, "schedule.edit", lock=True)
    row = found[0]
    before = _model(uow, actor, found)
    check_version(change.version, row.version, before)
    fields, name = given(change, nullable=()), row.name
    if change.job is not None and _unnamed(change.job, name, change.name) == _unnamed(before.job, name):
        fields.discard("job")
    _check_owner(actor, row, fields)
    for field in fields.intersection(_PLAIN_FIELDS):
        setattr(row, field, getattr(change, field))
    if change.job is not None and "job" in fields:
        _set_job(uow, actor, row, _unnamed(change.job, name), capacity)
    elif row.job["name"] == name:
        row.job = row.job | {"name": ""}
    _check_reads_file(row)
    if fields & {"cron", "timezone", "paused"}:
        _set_times(uow, row, change, capacity)
    uow.session.flush()
    after = _model(uow, actor, found)
    if after != before:
        _record(uow, actor, row, "update", fields=sorted(fields))
    return after


def put_snapshot(
    uow: UnitOfWork, actor: Actor, schedule_id: str, new: ScheduleSnapshot, *, capacity: MachineCapacity
) -> Schedule:
    """Let a recurring notebook run another snapshot of it from now on. Its owner alone.

    A notebook's own token may, as it may make one, but not where the job has secrets or variables that it may not read.
    """
    found = _find(uow, actor, schedule_id, "schedule.snapshot", lock=True)
    row = found[0]
    spec = JobSpec.of_row(row.job)
    if spec.notebook is None:
        raise Invalid.field("snapshot", "this recurring job runs a command", "change its command instead")
    if actor.is_notebook and (spec.secrets or spec.environment):
        msg = "This recurring job has secrets or environment variables. Update its notebook in the portal."
        raise Forbidden(msg)
    notebook = spec.notebook.model_copy(update={"snapshot": new.snapshot})
    _set_job(uow, actor, row, spec.model_copy(update={"notebook": notebook}), capacity)
    uow.session.flush()
    _record(uow, actor, row, "update", fields=["snapshot"])
    return _model(uow, actor, found)


def delete(uow: UnitOfWork, actor: Actor, schedule_id: str) -> None:
    """Delete a recurring job. Its jobs stay, those that wait or run too."""
    row = _find(uow, actor, schedule_id, "schedule.edit", lock=True)[0]
    row.deleted_at = uow.now
    row.next_at = row.snapshot_id = None
    row.job = {}  # values of environment variables go with it
    uow.session.flush()
    _record(uow, actor, row, "delete", name=row.name)


def run(uow: UnitOfWork, actor: Actor, schedule_id: str, *, capacity: MachineCapacity) -> str:
    """Run it now, as its owner, whatever runs of it already; the job's id. Due instants take no notice of that job."""
    row = _find(uow, actor, schedule_id, "schedule.edit", lock=True)[0]
    job = submit_as_owner(uow, row, actor, Batch(capacity, uow.now), scheduled=False)
    uow.audit(actor, "schedule.run", row.id, group_id=row.group_id, name=row.name, job=job.id)
    return job.id


def firings_of(uow: UnitOfWork, actor: Actor, schedule_id: str, query: PageQuery) -> Page[Firing]:
    """What became of its due instants, the newest first."""
    row = _find(uow, actor, schedule_id, "schedule.read")[0]
    items, total = store.firings(uow, row.id, query)
    return page_of(items, total, query)


def _parse(uow: UnitOfWork, expression: str, timezone: str) -> cron.Cron:
    return cron.parse(expression, timezone, at_least=settings.load(uow).recurring_min_interval)


def _find(uow: UnitOfWork, actor: Actor, schedule_id: str, permission: str, *, lock: bool = False) -> Found:
    found = store.find(uow, schedule_id, lock=lock)
    if found is None:
        raise NotFound.of("recurring job", schedule_id)
    row = found[0]
    require(
        actor,
        "schedule.read",
        kind="recurring job",
        name=schedule_id,
        group_id=row.group_id,
        owner_id=row.account_id,
    )
    require(actor, permission, visible=True, group_id=row.group_id, owner_id=row.account_id)
    return found


def _check_notebook_token(actor: Actor, spec: JobSpec) -> None:
    if not actor.is_notebook:
        return
    if spec.notebook is None:
        msg = "A notebook's own token makes recurring jobs of notebooks only."
        raise Forbidden(msg)
    if spec.secrets:
        msg = "A notebook's own token cannot use secrets. Make the recurring job in the portal."
        raise Forbidden(msg)


def _check_owner(actor: Actor, row: ScheduleRow, fields: set[str]) -> None:
    theirs = sorted(fields & _OWNERS_ALONE)
    if theirs and (actor.account is None or actor.account.id != row.account_id):
        msg = (
            f"Only its owner may change {' and '.join(theirs)}: it runs with the owner's rights. Make one of your own."
        )
        raise Forbidden(msg)


def _check_reads_file(row: ScheduleRow) -> None:
    if row.notebook_reads_file and row.job.get("notebook") is None:
        raise Invalid.field("notebook_reads_file", "this recurring job runs a command", "leave it out")
    if row.notebook_reads_file and not row.job["notebook"]["path"].startswith(f"{row.job['group']}/"):
        message = "the notebook is not in the group folder, and jobs see no home folder"
        raise Invalid.field("notebook_reads_file", message, "move it there, or leave it out to run the snapshot")


def _set_job(uow: UnitOfWork, actor: Actor, row: ScheduleRow, spec: JobSpec, capacity: MachineCapacity) -> None:
    """Take the spec if it could run now, with what it names resolved. The job that shows it is never there."""
    if resolve_group(uow, actor, spec.group).id != row.group_id:
        raise Invalid.field("job.group", "a recurring job stays in its group", "make another one for the other group")
    trial = uow.session.begin_nested()
    try:
        resolved: dict[str, Any] = dict(jobs.create(uow, actor, actor, spec, capacity, jobs.Origin(trial=True)).spec)
    finally:
        trial.rollback()
    row.job = resolved | {"name": _unnamed(spec, row.name).name}
    row.snapshot_id = spec.notebook.snapshot if spec.notebook is not None else None


def _unnamed(spec: JobSpec, *names: str | None) -> JobSpec:
    """The spec without a name that is only the recurring job's: its runs are to follow when that is changed."""
    return spec.model_copy(update={"name": ""}) if spec.name in names else spec


def _set_times(uow: UnitOfWork, row: ScheduleRow, change: ScheduleUpdate, capacity: MachineCapacity) -> None:
    paused = row.paused if change.paused is None else change.paused
    times = _times(uow, row, change)
    zone = change.timezone or row.timezone
    if (times.expression, zone, paused) == (row.cron, row.timezone, row.paused):
        return  # what is due now is still to be fired
    pausing = paused and not row.paused
    firings.account_rest(uow, row, "Paused" if pausing else "The times were changed")
    row.cron, row.timezone = times.expression, zone
    if change.paused is False and row.paused:
        _check_runs(uow, row, capacity)
    if change.paused is not None:
        row.paused = change.paused
        row.pause_reason = ""
    row.accounted_until = firings.resumed_from(row, uow.now)
    row.next_at = None if row.paused else times.after(row.accounted_until)


def _times(uow: UnitOfWork, row: ScheduleRow, change: ScheduleUpdate) -> cron.Cron:
    """Those after the change. Such as stay are not measured by the rules of today."""
    zone = change.timezone or row.timezone
    same = change.cron is None or " ".join(change.cron.split()).upper() == row.cron
    if same and zone == row.timezone:
        return cron.stored(row.cron, zone)
    return _parse(uow, change.cron or row.cron, zone)


def _check_runs(uow: UnitOfWork, row: ScheduleRow, capacity: MachineCapacity) -> None:
    """Raises what would pause it again at once."""
    trial = uow.session.begin_nested()
    try:
        submit_as_owner(uow, row, PLATFORM, Batch(capacity, uow.now), scheduled=True, trial=True)
    finally:
        trial.rollback()


def _record(uow: UnitOfWork, actor: Actor, row: ScheduleRow, action: str, **details: Any) -> None:
    uow.audit(actor, f"schedule.{action}", row.id, group_id=row.group_id, **{"name": row.name, **details})
    uow.changed(CHANGE, row.id, action, group_id=row.group_id, account_id=row.account_id)


def _model(uow: UnitOfWork, actor: Actor, found: Found) -> Schedule:
    values_for = actor.account.id if actor.account is not None and not actor.is_notebook else None
    return store.to_models(uow, [found], values_for=values_for)[0]
