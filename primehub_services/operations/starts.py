"""How a start of a notebook server begins and ends: the claim and the row always together, in one transaction."""

from __future__ import annotations

from ..domain.identity import Actor
from ..domain.launch import LaunchPlan, LaunchRequest, WorkloadKind
from ..domain.lifecycle import Ending, final_phase
from ..domain.notebooks import FINAL, NotebookPhase, ProgressEvent
from ..domain.planning import Chosen, make_plan
from ..store import claims, launchables, notebooks, preferences, settings
from ..store.orm import ClaimRow, NotebookRow
from ..store.orm.base import new_id
from ..store.unit_of_work import UnitOfWork
from .launches import Choice

MAX_EVENTS = 100
PLATFORM = Actor(service="primehub")


def begin(
    uow: UnitOfWork, actor: Actor, person: Actor, request: LaunchRequest, choice: Choice, *, adopted: bool
) -> NotebookRow:
    """Claim and write down one start of ``person``'s server. The caller holds the ledger's lock and has decided."""
    variables = request.environment
    if variables is None:
        variables = preferences.environment(uow, choice.account.id)
    else:
        preferences.remember(uow, choice.account.id, variables)
    start_id, kind, group = new_id(), choice.instance_type, choice.group
    plan = make_plan(
        Chosen(
            start_id=start_id,
            account=choice.account,
            group=group,
            instance_type=kind,
            image=choice.image,
            settings=settings.load(uow),
            groups=launchables.groups_of(uow, person.roles),
            volumes=launchables.volumes_of(uow, person.roles),
            environment=variables,
            safe_mode=request.safe_mode,
            gpu_indices=choice.gpu_indices,
        )
    )
    adopted_at = uow.now if adopted else None
    claim = ClaimRow(
        id=start_id,
        kind=WorkloadKind.NOTEBOOK.value,
        account_id=choice.account.id,
        group_id=group.id,
        server_name=request.server_name,
        instance_type=kind.name,
        cpu_limit=int(kind.limits.cpu),
        memory_limit=int(kind.limits.memory),
        gpu_limit=kind.limits.gpu,
        cpu_request=int(kind.requests.cpu),
        memory_request=int(kind.requests.memory),
        gpu_indices=list(choice.gpu_indices or ()),
        adopted_at=adopted_at,
        created_at=uow.now,
    )
    row = NotebookRow(
        id=start_id,
        account_id=choice.account.id,
        group_id=group.id,
        server_name=request.server_name,
        instance_type=kind.name,
        image=choice.image.name,
        cpu_limit=claim.cpu_limit,
        memory_limit=claim.memory_limit,
        gpu_limit=claim.gpu_limit,
        plan=plan.model_dump(mode="json"),
        safe_mode=request.safe_mode,
        phase=NotebookPhase.STARTING.value,
        events=[],
        created_at=uow.now,
        adopted_at=adopted_at,
        idle_timeout=plan.idle_timeout,
    )
    note(uow, row, 0, "preparing", "Quota claimed.")
    claims.add(uow, claim)
    uow.session.add(row)
    uow.session.flush()
    uow.changed("notebook", row.id, "create", group_id=row.group_id, account_id=row.account_id)
    uow.audit(
        actor,
        "notebook.start",
        choice.account.name,
        group_id=group.id,
        start_id=start_id,
        instance_type=kind.name,
        image=choice.image.name,
        server_name=request.server_name,
    )
    return row


def plan_of(row: NotebookRow) -> LaunchPlan:
    """The plan that was made for a start."""
    return LaunchPlan.model_validate(row.plan)


def note(uow: UnitOfWork, row: NotebookRow, progress: int, stage: str, message: str) -> None:
    """Add a step to the row's events; the oldest are dropped beyond a bound."""
    event = ProgressEvent(at=uow.now, progress=progress, stage=stage, message=message)
    row.events = [*row.events, event.model_dump(mode="json")][-MAX_EVENTS:]


def touched(uow: UnitOfWork, row: NotebookRow) -> None:
    """Tell readers that the row changed."""
    uow.changed("notebook", row.id, "update", group_id=row.group_id, account_id=row.account_id)


def end(uow: UnitOfWork, row: NotebookRow, ending: Ending, *, actor: Actor = PLATFORM) -> None:
    """Release the claim and put the row into its final phase. An ended row stays as it is; its claim still goes."""
    claims.delete(uow, row.id)
    if NotebookPhase(row.phase) in FINAL:
        return
    deadline = notebooks.deadline(row)
    phase, reason = final_phase(
        ending,
        stop_requested=row.stop_requested,
        was_ready=row.ready_at is not None,
        idle=deadline is not None and deadline <= uow.now,
    )
    row.phase, row.reason, row.ended_at, row.url = phase.value, reason[:500], uow.now, ""
    # a person's values are of no use to anybody once it has ended
    row.plan = {**row.plan, "environment": {}}
    touched(uow, row)
    uow.audit(
        actor,
        "notebook.end",
        row.id,
        group_id=row.group_id,
        phase=phase.value,
        reason=row.reason,
        exit_code=ending.exit_code,
    )
