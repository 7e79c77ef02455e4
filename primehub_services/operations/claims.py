"""The spawner's side of the ledger: adopt or make a claim, say what became of it, give it back."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from ..domain.claims import MachineCapacity
from ..domain.handshake import ClaimEvent, ClaimGrant, ClaimRequest, ClaimState, StartEvents
from ..domain.identity import Actor
from ..domain.launch import LaunchRequest
from ..domain.lifecycle import Ending
from ..domain.notebooks import FINAL, NotebookPhase
from ..domain.permissions import require
from ..domain.problems import Invalid, NotFound, Unauthenticated
from ..domain.validation import field_errors
from ..store import claims, groups, notebooks
from ..store.orm import ClaimRow, NotebookRow
from ..store.unit_of_work import UnitOfWork
from . import actors, starts
from .launches import assess, refusal, refused

_CHOSEN = ("group", "instance_type", "image", "safe_mode")


def claim(uow: UnitOfWork, actor: Actor, request: ClaimRequest, capacity: MachineCapacity) -> ClaimGrant:
    """Adopt the claim that the options name; else decide anew, from the options or the server's last ones.

    What the options say is checked like any request. A claim that the same server still holds is superseded: the hub
    starts a server only when the earlier one is gone. Raises ``Invalid`` and ``Refused`` with the decision.
    """
    require(actor, "claims")
    uow.lock(claims.LEDGER)
    try:
        person = actors.person(uow, request.user)
    except Unauthenticated as problem:
        raise refused(refusal("account-disabled", problem.detail)) from problem
    assert person.account is not None
    if person.account.must_change_password:
        raise refused(refusal("password-to-change", "Change your temporary password first, then start the notebook."))
    start_id = request.user_options.get("start_id")
    adopted = _adopt(uow, person, start_id, request.server_name) if isinstance(start_id, str) else None
    if adopted is not None:
        return ClaimGrant(start_id=adopted.id, plan=starts.plan_of(adopted))
    wanted = _wanted(uow, person, request)
    earlier = claims.of_server(uow, person.account.id, request.server_name)
    assessment = assess(uow, person, wanted, capacity, superseding=None if earlier is None else earlier.id)
    choice = assessment.favourable()
    if earlier is not None:
        _supersede(uow, actor, earlier)
    row = starts.begin(uow, actor, person, wanted, choice, adopted=True)
    return ClaimGrant(start_id=row.id, plan=starts.plan_of(row))


def _adopt(uow: UnitOfWork, person: Actor, start_id: str, server_name: str) -> NotebookRow | None:
    """The start of that id, if it waits for this server. Raises ``Refused`` for one that was given up meanwhile.

    Not a new start instead: its person was told that it did not happen. Whoever is refused asks for it no more.
    """
    row = notebooks.locked(uow, start_id)
    assert person.account is not None
    if row is None or (row.account_id, row.server_name) != (person.account.id, server_name) or row.adopted_at:
        return None
    if row.stop_requested:
        raise refused(refusal("cancelled", f"This start was cancelled: {row.stop_requested}."))
    if NotebookPhase(row.phase) in FINAL:
        raise refused(refusal("cancelled", f"This start was given up: {row.reason.rstrip('.')}."))
    held = claims.by_id(uow, start_id)
    if held is None:
        return None
    if row.group_id not in person.roles:
        raise refused(refusal("not-a-member", "You are not a member of the group any more.", field="group"))
    held.adopted_at = row.adopted_at = uow.now
    starts.taken_up(uow, row)
    starts.touched(uow, row)
    uow.session.flush()
    return row


def _supersede(uow: UnitOfWork, actor: Actor, earlier: ClaimRow) -> None:
    row = notebooks.locked(uow, earlier.id)
    if row is not None:
        starts.end(uow, row, Ending(reason="superseded by a later start", failed=True), actor=actor)
    claims.delete(uow, earlier.id)
    uow.session.flush()


def _wanted(uow: UnitOfWork, person: Actor, request: ClaimRequest) -> LaunchRequest:
    """The launch that the options ask for, or the server's last one where they ask for none."""
    chosen: dict[str, Any] = {k: request.user_options[k] for k in _CHOSEN if request.user_options.get(k) is not None}
    if not chosen.keys() - {"safe_mode"}:
        assert person.account is not None
        last = notebooks.last_of_server(uow, person.account.id, request.server_name)
        group = None if last is None else groups.by_id(uow, last.group_id)
        if last is None or group is None:
            message = "Nothing was chosen to start. Choose a group, an instance type and an image in the portal."
            raise refused(refusal("nothing-chosen", message))
        defaults = {"group": group.slug, "instance_type": last.instance_type, "image": last.image}
        chosen = {"safe_mode": last.safe_mode} | defaults | chosen
    try:
        return LaunchRequest.model_validate({**chosen, "server_name": request.server_name})
    except ValidationError as error:
        errors = field_errors(error)
        raise Invalid("; ".join(f"{e.field}: {e.message}" for e in errors), errors=errors) from None


def state(uow: UnitOfWork, actor: Actor, start_id: str) -> ClaimState:
    """Whether a start is still wanted. Raises ``NotFound`` for one that has ended, or never was."""
    require(actor, "claims")
    found = notebooks.find(uow, start_id)
    if found is None or NotebookPhase(found[0].phase) in FINAL:
        raise NotFound.of("start", start_id)
    return ClaimState(stop_requested=found[0].stop_requested)


def event(uow: UnitOfWork, actor: Actor, start_id: str, told: ClaimEvent) -> None:
    """Write down what the spawner saw of a start. What comes late or twice changes nothing.

    Raises ``NotFound`` for a start that never was, or is long forgotten.
    """
    require(actor, "claims")
    row = notebooks.locked(uow, start_id)
    if row is None:
        raise NotFound.of("start", start_id)
    _take(uow, actor, row, told)


def events(uow: UnitOfWork, actor: Actor, told: StartEvents) -> None:
    """``event``, of several starts. Those that are not known are passed over."""
    require(actor, "claims")
    # in one order, so that no two writers wait for each other's rows
    rows = {start_id: notebooks.locked(uow, start_id) for start_id in sorted({one.start_id for one in told.events})}
    for one in told.events:
        row = rows[one.start_id]
        if row is not None:
            _take(uow, actor, row, one)


def _take(uow: UnitOfWork, actor: Actor, row: NotebookRow, told: ClaimEvent) -> None:
    phase = NotebookPhase(row.phase)
    if phase in FINAL:
        return
    if told.event == "stopped":
        starts.end(uow, row, Ending(told.reason, told.exit_code), actor=actor)
    elif told.event == "ready":
        starts.become_ready(uow, row, told.url, told.message)
    elif phase is NotebookPhase.STARTING:
        starts.note(uow, row, told.progress, told.stage, told.message)
        if told.left_out is not None:
            starts.goes_without(row, told.left_out)
        starts.touched(uow, row)


def release(uow: UnitOfWork, actor: Actor, start_id: str) -> None:
    """Give a claim back and end its notebook. One that is gone already is no error."""
    require(actor, "claims")
    row = notebooks.locked(uow, start_id)
    if row is not None:
        starts.end(uow, row, Ending(), actor=actor)
    else:
        claims.delete(uow, start_id)
