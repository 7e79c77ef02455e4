"""How an attempt at a job begins and ends: the claim and the rows always together, in one transaction.

Whoever calls these is a controller: they are the only writers of a job's phase.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from ..domain.groups import Group
from ..domain.identity import PLATFORM, Actor
from ..domain.job_life import Ending, History, Outcome, after
from ..domain.job_planning import attempt_id, job_plan
from ..domain.jobs import ACTIVE, FINAL, PLATFORM_FAILURES, ArtifactSummary, JobPhase, JobProgress, JobReason
from ..domain.launch import LaunchPlan, WorkloadKind
from ..domain.planning import Chosen
from ..domain.system import SystemSettings
from ..domain.workloads import PLACED, EngineRef, Observation
from ..store import claims, jobs, launchables
from ..store.orm import AttemptRow, ClaimRow, JobRow
from ..store.unit_of_work import UnitOfWork
from . import notifications
from .launches import Choice

MOST = 2000
"""Characters of a message."""


@dataclass(frozen=True, slots=True)
class Context:
    """What a plan is made from besides what was chosen."""

    settings: SystemSettings
    groups: Sequence[Group]
    """Every group of the person."""


def begin_attempt(uow: UnitOfWork, row: JobRow, person: Actor, choice: Choice, context: Context) -> AttemptRow:
    """Claim and write down another attempt at a waiting job of ``person``; the job is PREPARING then. With the next flush.

    The caller holds the ledger's lock, has decided, and has the job's row locked.
    """
    # nothing is changed before all is read: each query would write it down by itself
    plan = _plan(uow, row, person, choice, context)
    row.attempts += 1
    attempt = AttemptRow(
        id=plan.start_id,
        job_id=row.id,
        number=row.attempts,
        phase=JobPhase.PREPARING.value,
        plan=plan.model_dump(mode="json"),
        refs=[],
        created_at=uow.now,
    )
    row.phase, row.reason, row.message, row.exit_code = JobPhase.PREPARING.value, "", "", None
    row.progress = None
    row.instance_type, row.image = plan.instance_type, plan.image
    row.cpu_limit, row.memory_limit, row.gpu_limit = int(plan.limits.cpu), int(plan.limits.memory), plan.limits.gpu
    row.cpu_request, row.memory_request = int(plan.requests.cpu), int(plan.requests.memory)
    uow.session.add_all([_claim(uow, row, plan), attempt])
    touched(uow, row)
    return attempt


def _plan(uow: UnitOfWork, row: JobRow, person: Actor, choice: Choice, context: Context) -> LaunchPlan:
    spec = jobs.spec_of(row)
    chosen = Chosen(
        start_id=attempt_id(row.id, row.attempts + 1),
        account=choice.account,
        group=choice.group,
        instance_type=choice.instance_type,
        image=choice.image,
        settings=context.settings,
        groups=context.groups,
        volumes=launchables.volumes_of(uow, person.roles),
        environment=spec.environment,
        gpu_indices=choice.gpu_indices,
    )
    return job_plan(chosen, row.id, row.name)


def _claim(uow: UnitOfWork, row: JobRow, plan: LaunchPlan) -> ClaimRow:
    return ClaimRow(
        id=plan.start_id,
        kind=WorkloadKind.JOB.value,
        account_id=row.account_id,
        group_id=row.group_id,
        server_name=row.id,
        instance_type=plan.instance_type,
        cpu_limit=int(plan.limits.cpu),
        memory_limit=int(plan.limits.memory),
        gpu_limit=plan.limits.gpu,
        cpu_request=int(plan.requests.cpu),
        memory_request=int(plan.requests.memory),
        gpu_indices=list(plan.gpu_indices),
        adopted_at=uow.now,
        created_at=uow.now,
    )


def touched(uow: UnitOfWork, row: JobRow, action: str = "update") -> None:
    """Tell readers that the job changed."""
    uow.changed("job", row.id, action, group_id=row.group_id, account_id=row.account_id)


def refs_of(attempt: AttemptRow | jobs.AttemptLife) -> list[EngineRef]:
    """Where an attempt's workload is."""
    return [EngineRef.model_validate(ref) for ref in attempt.refs]


def add_ref(uow: UnitOfWork, attempt_id: str, ref: EngineRef) -> bool:
    """Write down where the workload is; False where the attempt has ended, or is to end, meanwhile."""
    attempt = _live(uow, attempt_id)
    if attempt is None or attempt.ending is not None:
        return False
    value = ref.model_dump(mode="json")
    if value not in attempt.refs:
        attempt.refs = [*attempt.refs, value]
        uow.session.flush()
    return True


def note_phase(uow: UnitOfWork, attempt_id: str, phase: JobPhase, seen: Observation) -> None:
    """Write down the phase that was seen. An attempt that has ended stays as it is."""
    attempt = _live(uow, attempt_id)
    row = None if attempt is None else jobs.locked(uow, attempt.job_id)
    if attempt is None or row is None:
        return
    attempt.phase = row.phase = phase.value
    if phase is JobPhase.RUNNING and attempt.started_at is None:
        attempt.started_at = seen.started_at or uow.now
        row.started_at = row.started_at or attempt.started_at
    # why it does not run yet, in the engine's words
    attempt.message = seen.message[:MOST] if phase is JobPhase.PREPARING else ""
    placed = phase is JobPhase.PREPARING and seen.reason == PLACED
    row.reason = attempt.reason = JobReason.PLACED.value if placed else ""
    unknown = "The platform cannot tell just now whether it runs."
    row.message = unknown if phase is JobPhase.UNKNOWN else attempt.message
    touched(uow, row)


def note_progress(uow: UnitOfWork, attempt_id: str, progress: JobProgress) -> None:
    """Write down how far a notebook is."""
    attempt = _live(uow, attempt_id)
    row = None if attempt is None else jobs.locked(uow, attempt.job_id)
    value = progress.model_dump(mode="json")
    if row is not None and row.progress != value:
        row.progress = value
        touched(uow, row)


def decide_end(uow: UnitOfWork, attempt_id: str, ending: Ending) -> Ending | None:
    """Write down how an attempt ends, before anything is done about it. What was written first stays, and is returned;
    None where the attempt has ended already."""
    attempt = _live(uow, attempt_id)
    if attempt is None:
        return None
    if attempt.ending is None:
        attempt.ending = ending.model_dump(mode="json")
        uow.session.flush()
    return Ending.model_validate(attempt.ending)


def end_attempt(
    uow: UnitOfWork,
    attempt_id: str,
    seen: Observation,
    *,
    artifacts: ArtifactSummary | None = None,
    progress: JobProgress | None = None,
    better: Ending | None = None,
) -> JobPhase | None:
    """Put an attempt and its job where they end, as was decided; release the claim and drop the values.

    ``better``: an ending with more to say, where the command's own end was decided. Returns the job's phase; None where
    the attempt had ended already.
    """
    attempt = _live(uow, attempt_id)
    if attempt is None or attempt.ending is None:
        return None
    ending = Ending.model_validate(attempt.ending)
    if better is not None and ending.reason is JobReason.EXITED:
        ending = better.model_copy(update={"exit_code": ending.exit_code})
    if ending.exit_code is None:
        ending = ending.model_copy(update={"exit_code": seen.code})
    if seen.message and seen.message not in ending.message:
        # a limit that was met on the way, whatever ended it
        ending = ending.model_copy(update={"message": f"{ending.message} {seen.message}".strip()[:MOST]})
    row = jobs.locked(uow, attempt.job_id)
    assert row is not None, "an attempt's job is not deleted before it"
    outcome = after(ending, _history(uow, row))
    _end_row(uow, attempt, ending, seen)
    claims.delete(uow, attempt_id)
    row.started_at = row.started_at or attempt.started_at
    if artifacts is not None:
        row.artifacts = artifacts.model_dump(mode="json")
    if progress is not None:
        row.progress = progress.model_dump(mode="json")
    row.exit_code = ending.exit_code
    _put(uow, row, outcome, ended_at=attempt.ended_at)
    return outcome.phase


def _end_row(uow: UnitOfWork, attempt: AttemptRow, ending: Ending, seen: Observation) -> None:
    phase = JobPhase.FAILED if ending.phase is JobPhase.PENDING else ending.phase
    attempt.phase, attempt.reason, attempt.message = phase.value, ending.reason.value, ending.message[:MOST]
    attempt.exit_code = ending.exit_code
    attempt.started_at = attempt.started_at or seen.started_at
    attempt.ended_at = max(seen.ended_at or uow.now, attempt.started_at or attempt.created_at)
    # a person's values are of no use to anybody once it has ended
    attempt.plan = {**attempt.plan, "environment": {}}
    uow.session.flush()


def _history(uow: UnitOfWork, row: JobRow) -> History:
    return History(
        retries=row.retries,
        retries_used=row.retries_used,
        platform_failures=jobs.ended_because(uow, row.id, PLATFORM_FAILURES - {JobReason.PLATFORM}),
        not_placed=jobs.ended_because(uow, row.id, {JobReason.NOT_PLACED}),
        cancel=row.cancel_requested,
    )


def _put(uow: UnitOfWork, row: JobRow, outcome: Outcome, *, ended_at: Any) -> None:
    if outcome.phase is JobPhase.PENDING:
        row.phase, row.reason, row.message = outcome.phase.value, outcome.reason.value, outcome.message[:MOST]
        row.not_before = uow.now + timedelta(seconds=outcome.pause)
        row.retries_used += outcome.retry
        touched(uow, row)
    else:
        end_job(uow, row, outcome.phase, outcome.reason, outcome.message, ended_at=ended_at)


def end_job(
    uow: UnitOfWork,
    row: JobRow,
    phase: JobPhase,
    reason: JobReason,
    message: str,
    *,
    ended_at: Any = None,
    actor: Actor = PLATFORM,
) -> None:
    """Put a job without a living attempt into its final phase: one in the queue, or one whose attempt just ended.

    One that has ended stays as it is.
    """
    if JobPhase(row.phase) in FINAL:
        return
    row.phase, row.reason, row.message = phase.value, reason.value, message[:MOST]
    row.ended_at, row.not_before = ended_at or uow.now, None
    touched(uow, row)
    notifications.job_ended(uow, row)
    uow.audit(
        actor,
        "job.end",
        row.id,
        group_id=row.group_id,
        name=row.name,
        phase=phase.value,
        reason=reason.value,
        exit_code=row.exit_code,
        attempts=row.attempts,
    )
    uow.session.flush()


def _live(uow: UnitOfWork, attempt_id: str) -> AttemptRow | None:
    attempt = jobs.attempt_locked(uow, attempt_id)
    return attempt if attempt is not None and JobPhase(attempt.phase) in ACTIVE else None
