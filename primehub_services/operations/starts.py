"""How a start of a notebook server begins and ends: the claim and the row always together, in one transaction."""

from __future__ import annotations

from ..domain.identity import PLATFORM, Actor
from ..domain.launch import LaunchPlan, LaunchRequest, LeftOut, WorkloadKind
from ..domain.lifecycle import Ending, final_phase
from ..domain.notebooks import FINAL, NotebookPhase, ProgressEvent
from ..domain.planning import Chosen, make_plan
from ..store import claims, launchables, notebooks, preferences, settings
from ..store.orm import ClaimRow, NotebookRow
from ..store.orm.base import new_id
from ..store.unit_of_work import UnitOfWork
from .launches import Choice

MAX_EVENTS = 100


def begin(
    uow: UnitOfWork, actor: Actor, person: Actor, request: LaunchRequest, choice: Choice, *, adopted: bool
) -> NotebookRow:
    """Claim and write down one start of ``person``'s server. The caller holds the ledger's lock and has decided."""
    plan = _plan(uow, person, request, choice)
    claim, row = _rows(uow, request, choice, plan)
    claim.adopted_at = row.adopted_at = uow.now if adopted else None
    note(uow, row, 0, "preparing", "Quota claimed.")
    if adopted:
        taken_up(uow, row)
    claims.add(uow, claim)
    uow.session.add(row)
    uow.session.flush()
    uow.changed("notebook", row.id, "create", group_id=row.group_id, account_id=row.account_id)
    uow.audit(
        actor,
        "notebook.start",
        choice.account.name,
        group_id=row.group_id,
        start_id=row.id,
        instance_type=row.instance_type,
        image=row.image,
        server_name=row.server_name,
    )
    return row


def _plan(uow: UnitOfWork, person: Actor, request: LaunchRequest, choice: Choice) -> LaunchPlan:
    variables = request.environment
    if variables is None:
        variables = preferences.environment(uow, choice.account.id)
    else:
        preferences.remember(uow, choice.account.id, variables)
    return make_plan(
        Chosen(
            start_id=new_id(),
            account=choice.account,
            group=choice.group,
            instance_type=choice.instance_type,
            image=choice.image,
            settings=settings.load(uow),
            groups=launchables.groups_of(uow, person.roles),
            volumes=launchables.volumes_of(uow, person.roles),
            environment=variables,
            safe_mode=request.safe_mode,
            gpu_indices=choice.gpu_indices,
        )
    )


def _rows(uow: UnitOfWork, request: LaunchRequest, choice: Choice, plan: LaunchPlan) -> tuple[ClaimRow, NotebookRow]:
    whose = {
        "id": plan.start_id,
        "account_id": choice.account.id,
        "group_id": choice.group.id,
        "server_name": request.server_name,
        "instance_type": plan.instance_type,
        "cpu_limit": int(plan.limits.cpu),
        "memory_limit": int(plan.limits.memory),
        "gpu_limit": plan.limits.gpu,
        "created_at": uow.now,
    }
    claim = ClaimRow(
        **whose,
        kind=WorkloadKind.NOTEBOOK.value,
        cpu_request=int(plan.requests.cpu),
        memory_request=int(plan.requests.memory),
        gpu_indices=list(plan.gpu_indices),
    )
    row = NotebookRow(
        **whose,
        image=plan.image,
        plan=plan.model_dump(mode="json"),
        safe_mode=request.safe_mode,
        phase=NotebookPhase.STARTING.value,
        events=[],
        idle_timeout=plan.idle_timeout,
    )
    return claim, row


def plan_of(row: NotebookRow) -> LaunchPlan:
    """The plan that was made for a start."""
    return LaunchPlan.model_validate(row.plan)


def taken_up(uow: UnitOfWork, row: NotebookRow) -> None:
    """Note that the hub has the plan and starts it; the spawner need not say it again."""
    plan = plan_of(row)
    note(uow, row, 30, "creating", f"Starting {plan.image} with {plan.instance_type} in {plan.group_name}")


def note(uow: UnitOfWork, row: NotebookRow, progress: int, stage: str, message: str) -> None:
    """Add a step to the row's events; the oldest are dropped beyond a bound."""
    event = ProgressEvent(at=uow.now, progress=progress, stage=stage, message=message)
    row.events = [*row.events, event.model_dump(mode="json")][-MAX_EVENTS:]


def goes_without(row: NotebookRow, left_out: LeftOut) -> None:
    """Keep with the start that its server has not got a volume, and why."""
    known, found = row.plan.get("left_out", []), left_out.model_dump(mode="json")
    if found not in known:
        row.plan = {**row.plan, "left_out": [*known, found]}


def touched(uow: UnitOfWork, row: NotebookRow) -> None:
    """Tell readers that the row changed."""
    uow.changed("notebook", row.id, "update", group_id=row.group_id, account_id=row.account_id)


def become_ready(uow: UnitOfWork, row: NotebookRow, url: str, message: str = "") -> None:
    """The server answers and is in the proxy. Only a row that is starting changes."""
    if NotebookPhase(row.phase) is not NotebookPhase.STARTING:
        return
    row.phase, row.ready_at, row.url = NotebookPhase.RUNNING.value, uow.now, url
    row.last_activity = uow.now
    note(uow, row, 100, "ready", message or "Ready.")
    touched(uow, row)


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
