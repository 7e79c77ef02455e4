"""Jobs: submit, look, cancel, rerun, delete. What becomes of them is the controllers' to write."""

from __future__ import annotations

import secrets as randomness
import string
from dataclasses import dataclass

from ..domain.admission import queue_full
from ..domain.claims import Decision, MachineCapacity
from ..domain.environment import check_environment, check_size
from ..domain.identity import Actor
from ..domain.job_life import BY
from ..domain.job_planning import default_name, timeout_of
from ..domain.jobs import FINAL, Job, JobCheck, JobCounts, JobKind, JobPhase, JobReason, JobSpec, JobSubmit
from ..domain.paging import Page, PageQuery
from ..domain.permissions import Relation, relations, require
from ..domain.problems import Conflict, FieldError, Forbidden, Invalid, NotFound
from ..domain.system import SystemSettings
from ..domain.wrong import WrongValue
from ..store import groups, job_secrets, jobs, queue_places, settings
from ..store.jobs import Filters, Named, Visible
from ..store.orm import JobRow
from ..store.unit_of_work import UnitOfWork
from . import job_starts, snapshots
from ._editing import page_of
from .job_departures import ask_to_end
from .launches import Choice, assess, gate, refused

KIND = "job"
_WAITS_FOR = frozenset({"quota", "kept-place"})
"""Codes of reasons that pass by themselves: a job waits for those, and is refused for any other."""
_SEE_LEFT_OUT = frozenset({Relation.OWNER, Relation.PLATFORM_ADMIN})
"""Who is told of volumes that a job is without: they may be those of its owner's other groups."""
_LETTERS = string.digits + string.ascii_lowercase


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a job comes from, if not from a person's own words."""

    schedule_id: str | None = None
    scheduled: bool = False
    """Made by a due instant."""
    rerun_of: str | None = None
    trial: bool = False
    """Only to see whether it could run, and rolled back: it needs no place in the queue."""


def submit(uow: UnitOfWork, actor: Actor, new: JobSubmit, capacity: MachineCapacity) -> Job:
    """Put a job into its group's queue.

    Raises ``Invalid`` where it names what the actor cannot use, and ``Refused`` with the decision where it could never
    start.
    """
    gate(uow, actor, "job.submit", new.group)
    _check_notebook_token(actor, new)
    spec = JobSpec.model_validate(new.model_dump(exclude={"from_schedule"}))
    row = create(uow, actor, actor, spec, capacity, Origin(schedule_id=_schedule(uow, actor, new)))
    return _model(uow, actor, row.id)


def create(
    uow: UnitOfWork,
    actor: Actor,
    person: Actor,
    spec: JobSpec,
    capacity: MachineCapacity,
    origin: Origin,
    *,
    choice: Choice | None = None,
) -> JobRow:
    """Write down a job of ``person``, asked for by ``actor``, who may. Raises as ``submit`` does.

    ``choice`` is what ``choose`` found for the same person and names in this transaction.
    """
    choice = choice or choose(uow, person, spec, capacity)
    system = settings.load(uow)
    if not origin.trial and (full := _full(uow, choice, system)) is not None:
        raise refused(full)
    _check_variables(spec)
    _check_secrets(uow, choice, spec)
    if spec.notebook is not None:
        snapshots.usable(uow, person, choice.group.id, spec.notebook.snapshot)
    row = _row(uow, choice, spec, origin, system)
    uow.session.add(row)
    uow.session.flush()
    job_starts.touched(uow, row, "create")
    uow.audit(
        actor,
        "job.submit",
        row.id,
        group_id=row.group_id,
        name=row.name,
        user=choice.account.name,
        instance_type=row.instance_type,
        image=row.image,
        **({"rerun_of": row.rerun_of} if row.rerun_of else {}),
        **({"schedule": row.schedule_id} if row.schedule_id else {}),
    )
    return row


def check(uow: UnitOfWork, actor: Actor, reference: str, spec: JobSpec, capacity: MachineCapacity) -> JobCheck:
    """Whether the job would start now, wait, or never start (``never``, or a reason that no wait mends)."""
    if spec.group != reference:
        raise Invalid.field("group", f"The path says {reference!r}.", "Give the same group in both.")
    gate(uow, actor, "job.check", spec.group)
    _check_notebook_token(actor, spec)
    assessment = assess(uow, actor, spec, capacity)
    decision, position = assessment.decision, None
    if assessment.choice is not None and (full := _full(uow, assessment.choice, settings.load(uow))) is not None:
        changes = {"would_start": False, "reasons": (*decision.reasons, *full.reasons)}
        decision = decision.model_copy(update=changes)
    if assessment.choice is not None and _passes(decision) and not decision.would_start:
        position = queue_places.length(uow, assessment.choice.group.id) + 1
    return JobCheck(**dict(decision), position=position)


def _full(uow: UnitOfWork, choice: Choice, system: SystemSettings) -> Decision | None:
    """What is said where the person has as many jobs waiting in the group as may be; others submit at the same time."""
    limit = system.queue_limit
    if not limit or jobs.waiting(uow, choice.account.id, choice.group.id, most=limit) < limit:
        return None
    return Decision(would_start=False, reasons=(queue_full(choice.account.name, limit),))


def _passes(decision: Decision) -> bool:
    """Whether nothing stands against a job but what others hold, or will."""
    return not decision.never and all(reason.code in _WAITS_FOR for reason in decision.reasons)


def _check_notebook_token(actor: Actor, spec: JobSpec) -> None:
    """Whoever's code has it: what it submits must show it nothing that it cannot read."""
    if not actor.is_notebook:
        return
    if spec.kind is not JobKind.NOTEBOOK:
        msg = "A notebook's own token submits notebooks only. Use the portal, or an API token, for commands."
        raise Forbidden(msg)
    if spec.secrets:
        msg = "A notebook's own token cannot use secrets. Submit it in the portal, or with an API token."
        raise Forbidden(msg)


def _schedule(uow: UnitOfWork, actor: Actor, new: JobSubmit) -> str | None:
    if new.from_schedule is None:
        return None
    group = groups.by_reference(uow, new.group)
    if group is None or not jobs.has_schedule(uow, new.from_schedule, group.id):
        raise Invalid.field("from_schedule", "There is no such recurring job in this group.", "Leave it out.")
    return new.from_schedule


def choose(uow: UnitOfWork, person: Actor, spec: JobSpec, capacity: MachineCapacity) -> Choice:
    """What the job names. Raises where it could not start even once everything else has ended."""
    assessment = assess(uow, person, spec, capacity)
    decision = assessment.decision
    if assessment.choice is None or not _passes(decision):
        raise refused(decision)
    return assessment.choice


def _check_variables(spec: JobSpec) -> None:
    """Of a job that is run again, or a recurring one, they may be of a time when more was taken."""
    try:
        check_size(spec.environment)
    except WrongValue as error:
        raise Invalid.field("environment", str(error), error.fix) from None


def _check_secrets(uow: UnitOfWork, choice: Choice, spec: JobSpec) -> None:
    try:
        check_environment(dict.fromkeys(spec.secrets, ""))
    except WrongValue as error:
        raise Invalid.field(f"secrets.{error.field}", str(error), error.fix) from None
    errors = []
    for name, reference in sorted(spec.secrets.items()):
        field = f"secrets.{name}"
        if name in spec.environment:
            errors.append(FieldError(field=field, message="is in environment too", fix="leave it out of one of them"))
        elif job_secrets.find(uow, reference, account_id=choice.account.id, group_id=choice.group.id) is None:
            message = f"there is no secret {reference!r} for environments, of yours or of the group"
            errors.append(FieldError(field=field, message=message, fix="make it first, or name another"))
    if errors:
        raise Invalid("; ".join(f"{e.field}: {e.message}" for e in errors), errors=tuple(errors))


def _row(uow: UnitOfWork, choice: Choice, spec: JobSpec, origin: Origin, system: SystemSettings) -> JobRow:
    resolved = spec.model_copy(
        update={
            "group": choice.group.slug,
            "instance_type": choice.instance_type.slug,
            "image": choice.image.slug,
            "name": spec.name or default_name(spec),
        }
    )
    limits, requests = choice.instance_type.limits, choice.instance_type.requests
    return JobRow(
        id=_new_id(uow),
        account_id=choice.account.id,
        group_id=choice.group.id,
        name=resolved.name,
        kind=spec.kind.value,
        spec=resolved.model_dump(mode="json"),
        instance_type=choice.instance_type.name,
        image=choice.image.name,
        cpu_limit=int(limits.cpu),
        memory_limit=int(limits.memory),
        gpu_limit=limits.gpu,
        cpu_request=int(requests.cpu),
        memory_request=int(requests.memory),
        timeout=timeout_of(spec, choice.group.job_timeout, system.job_timeout),
        retries=spec.retries,
        phase=JobPhase.PENDING.value,
        reason=JobReason.QUEUED.value,
        queued_at=uow.now,
        schedule_id=origin.schedule_id,
        scheduled=origin.scheduled,
        rerun_of=origin.rerun_of,
        snapshot_id=spec.notebook.snapshot if spec.notebook is not None else None,
        created_at=uow.now,
    )


def _new_id(uow: UnitOfWork) -> str:
    while True:
        letters = "".join(randomness.choice(_LETTERS) for _ in range(6))
        found = f"job-{uow.now:%Y%m%d%H%M}-{letters}"
        if not jobs.exists(uow, found):
            return found


def list_(uow: UnitOfWork, actor: Actor, query: PageQuery, filters: Filters | None = None) -> Page[Job]:
    """Jobs of the actor's groups, for a platform admin all, for a notebook's token its owner's; the newest first.

    Of variables they have the names alone, and the beginnings of commands.
    """
    _, visible = _visible(actor)
    found, total = jobs.list_(uow, query, filters or Filters(), visible)
    return page_of([jobs.to_model(named, whole=False) for named in found], total, query)


def counts(uow: UnitOfWork, actor: Actor, search: str, filters: Filters) -> JobCounts:
    """How many of the jobs that ``list_`` would show each view of the list has."""
    account_id, visible = _visible(actor)
    return jobs.counts(uow, search, filters, visible, account_id)


def _visible(actor: Actor) -> tuple[str, Visible | None]:
    """The asker's account, and whose jobs the asker sees; None is everybody's."""
    require(actor, "self.read")
    assert actor.account is not None
    if actor.is_notebook:
        return actor.account.id, Visible(tuple(actor.roles), actor.account.id)
    return actor.account.id, None if actor.account.platform_admin else Visible(tuple(actor.roles))


def get(uow: UnitOfWork, actor: Actor, job_id: str) -> Job:
    """One job with its attempts. Raises ``NotFound`` where there is none that the actor may see."""
    return _as_seen(uow, actor, _find(uow, actor, job_id, "job.read"))


def cancel(uow: UnitOfWork, actor: Actor, job_id: str) -> Job:
    """Ask for a job's end; controllers make it so. Asking again, or after the end, changes nothing."""
    _find(uow, actor, job_id, "job.cancel")
    row = _locked(uow, job_id)
    if JobPhase(row.phase) not in FINAL and row.cancel_requested is None:
        ask_to_end(uow, row, f"{BY}{actor.name}")
        uow.audit(actor, "job.cancel", job_id, group_id=row.group_id, name=row.name)
    return _model(uow, actor, job_id)


def rerun(uow: UnitOfWork, actor: Actor, job_id: str, capacity: MachineCapacity) -> Job:
    """The same once more, as a job of the actor: their membership, quota and secrets count.

    Raises ``Forbidden`` for a colleague's job with variables: a command reads files that others of the group write, so
    whoever runs it can have it show the values.
    """
    named = _find(uow, actor, job_id, "job.read")
    require(actor, "job.submit", kind=KIND, name=job_id, group_id=named.row.group_id, visible=True)
    spec = jobs.spec_of(named.row)
    _check_values(actor, named, spec)
    _check_notebook_token(actor, spec)
    if actor.is_notebook and spec.environment and spec.notebook is not None and spec.notebook.reads_file:
        # what runs can be changed, unlike a snapshot, and would be shown the values
        msg = "A notebook's own token does not run this with the values of its variables. Run it again in the portal."
        raise Forbidden(msg)
    row = create(uow, actor, actor, spec, capacity, Origin(rerun_of=job_id, schedule_id=named.row.schedule_id))
    return _model(uow, actor, row.id)


def _check_values(actor: Actor, named: Named, spec: JobSpec) -> None:
    """Raises ``Forbidden`` where the job has values of somebody else's."""
    assert actor.account is not None
    own = named.row.account_id == actor.account.id and named.row.values_of is None
    if spec.environment and not own:
        names = ", ".join(sorted(spec.environment))
        whose = f"{named.user}'s" if named.row.values_of is None else "a colleague's"
        msg = f"Its variables ({names}) have values of {whose}, which nobody else may use. Clone it, and give your own."
        raise Forbidden(msg)


def check_ended(uow: UnitOfWork, actor: Actor, job_id: str) -> None:
    """Raises unless the actor may delete the job and it has ended."""
    named = _find(uow, actor, job_id, "job.delete")
    if JobPhase(named.row.phase) not in FINAL:
        msg = "This job has not ended. Cancel it first."
        raise Conflict(msg)


def delete(uow: UnitOfWork, actor: Actor, job_id: str) -> None:
    """Forget a job that has ended. What was kept of it is deleted before, so that nothing is left without its row."""
    _find(uow, actor, job_id, "job.delete")
    row = _locked(uow, job_id)
    check_ended(uow, actor, job_id)
    job_starts.touched(uow, row, "delete")
    uow.audit(actor, "job.delete", job_id, group_id=row.group_id, name=row.name)
    jobs.delete(uow, row)


def _find(uow: UnitOfWork, actor: Actor, job_id: str, permission: str) -> Named:
    named = jobs.find(uow, job_id)
    if named is None:
        raise NotFound.of(KIND, job_id)
    group, owner = named.row.group_id, named.row.account_id
    require(actor, "job.read", kind=KIND, name=job_id, group_id=group, owner_id=owner)
    require(actor, permission, kind=KIND, name=job_id, visible=True, group_id=group, owner_id=owner)
    return named


def _locked(uow: UnitOfWork, job_id: str) -> JobRow:
    row = jobs.locked(uow, job_id)
    if row is None:
        raise NotFound.of(KIND, job_id)
    return row


def _model(uow: UnitOfWork, actor: Actor, job_id: str) -> Job:
    named = jobs.find(uow, job_id)
    assert named is not None
    return _as_seen(uow, actor, named)


def _as_seen(uow: UnitOfWork, actor: Actor, named: Named) -> Job:
    attempts = jobs.attempts_of(uow, named.row.id)
    job = jobs.to_model(named, values=_sees_values(actor, named.row), attempts=attempts)
    if relations(actor, group_id=named.row.group_id, owner_id=named.row.account_id) & _SEE_LEFT_OUT:
        return job
    return job.model_copy(update={"left_out": ()})


def _sees_values(actor: Actor, row: JobRow) -> bool:
    """The values of a job's variables are its owner's to see, where they are the owner's own, and in person."""
    owner = Relation.OWNER in relations(actor, group_id=row.group_id, owner_id=row.account_id)
    return owner and row.values_of is None
