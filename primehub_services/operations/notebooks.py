"""Notebooks: start, look, stop, keep; and when an idle one is to end."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from ..domain.claims import MachineCapacity
from ..domain.handshake import CullingDecision
from ..domain.identity import Actor, Role
from ..domain.launch import LaunchRequest
from ..domain.lifecycle import Ending
from ..domain.notebooks import FINAL, Notebook, NotebookPhase
from ..domain.paging import Page, PageQuery
from ..domain.permissions import Relation, relations, require
from ..domain.problems import Conflict, Invalid, NotFound
from ..store import claims, notebooks, settings
from ..store.notebooks import Filters, Visible
from ..store.orm import NotebookRow
from ..store.unit_of_work import UnitOfWork
from . import starts
from ._editing import page_of
from .launches import assess, gate

ACTIVITY_STEP = timedelta(seconds=5)
"""Activity newer by less than this is not written down."""


def start(uow: UnitOfWork, actor: Actor, request: LaunchRequest, capacity: MachineCapacity) -> Notebook:
    """Claim what the request needs and write the start down; the hub is asked afterwards, with the notebook's id.

    Raises ``Invalid`` where the request names what the person cannot see, and ``Refused`` with the decision.
    """
    uow.lock(claims.LEDGER)  # before anything is read that the decision rests on
    gate(uow, actor, "notebook.start", request.group)
    choice = assess(uow, actor, request, capacity).favourable()
    row = starts.begin(uow, actor, actor, request, choice, adopted=False)
    return notebooks.to_model(row, choice.account.name, choice.group.slug)


def abandon(uow: UnitOfWork, start_id: str, reason: str) -> bool:
    """The hub could not be asked for the start: give its claim back, and let no late spawner take it up.

    False where the hub took it up after all: then it goes on.
    """
    row = notebooks.locked(uow, start_id)
    if row is None or row.adopted_at is not None:
        return False
    starts.end(uow, row, Ending(reason=reason, failed=True))
    return True


def list_(uow: UnitOfWork, actor: Actor, query: PageQuery, filters: Filters | None = None) -> Page[Notebook]:
    """The actor's own, those of groups that the actor administers, for a platform admin all; the newest first."""
    require(actor, "self.read")
    assert actor.account is not None
    filters = filters or Filters()
    if actor.notebook_server is not None:
        name = actor.notebook_server.partition("/")[2]
        if filters.server_name not in (None, name):
            return page_of((), 0, query)
        filters = Filters(user=filters.user, group=filters.group, active=filters.active, server_name=name)
    visible = None
    if actor.is_notebook or not actor.account.platform_admin:
        administered = () if actor.is_notebook else [g for g, role in actor.roles.items() if role is Role.ADMIN]
        visible = Visible(actor.account.id, list(actor.roles), list(administered))
    items, total = notebooks.list_(uow, query, filters, visible)
    return page_of([_as_seen(actor, item) for item in items], total, query)


def get(uow: UnitOfWork, actor: Actor, start_id: str) -> Notebook:
    """One start. Raises ``NotFound`` where there is none that the actor may see."""
    return _as_seen(actor, _model(*_find(uow, actor, start_id, "notebook.read")))


def notebook_for_log(uow: UnitOfWork, actor: Actor, start_id: str) -> Notebook:
    """The start whose log the actor may read. Raises ``NotFound`` or ``Forbidden``."""
    return _model(*_find(uow, actor, start_id, "notebook.log"))


def stop(uow: UnitOfWork, actor: Actor, start_id: str) -> Notebook:
    """Ask for the end of a start; a controller makes it so. Asking again, or after the end, changes nothing."""
    _, user, group = _find(uow, actor, start_id, "notebook.stop")
    row = _locked(uow, start_id)
    if NotebookPhase(row.phase) not in FINAL and row.stop_requested is None:
        row.stop_requested = f"stopped by {actor.name}"
        starts.touched(uow, row)
        uow.audit(actor, "notebook.stop", start_id, group_id=row.group_id, user=user)
        uow.session.flush()
    return notebooks.to_model(row, user, group)


def keep(uow: UnitOfWork, actor: Actor, start_id: str, seconds: int) -> Notebook:
    """Do not cull the notebook for so many seconds from now. Never shortens what was asked before.

    Raises ``Invalid`` beyond what the system's settings allow, and ``Conflict`` for one that has ended.
    """
    _, user, group = _find(uow, actor, start_id, "notebook.keep")
    most = settings.load(uow).keep_max
    if not 1 <= seconds <= most:
        raise Invalid.field("seconds", f"must be from 1 to {most}", f"give at most {most} (the administrators' limit)")
    row = _locked(uow, start_id)
    if NotebookPhase(row.phase) in FINAL:
        msg = "This notebook has ended; there is nothing to keep."
        raise Conflict(msg)
    until = uow.now + timedelta(seconds=seconds)
    row.keep_until = until if row.keep_until is None else max(until, row.keep_until)
    starts.touched(uow, row)
    uow.audit(actor, "notebook.keep", start_id, group_id=row.group_id, seconds=seconds)
    uow.session.flush()
    return notebooks.to_model(row, user, group)


def culling(uow: UnitOfWork, actor: Actor, user: str, server_name: str) -> CullingDecision:
    """Whether the hub's idle culler is to stop the server now. What is not known is never culled."""
    require(actor, "culling")
    row = notebooks.live_of_server(uow, user, server_name)
    if row is None:
        return CullingDecision(cull=False, reason="not a notebook of PrimeHub")
    if row.stop_requested:
        return CullingDecision(cull=False, reason="is being stopped")
    deadline = notebooks.deadline(row)
    if deadline is None:
        return CullingDecision(cull=False, reason="is never culled" if row.ready_at else "is starting")
    if deadline > uow.now:
        return CullingDecision(cull=False, reason=f"not before {deadline.isoformat(timespec='seconds')}")
    return CullingDecision(cull=True, reason=f"no activity for {row.idle_timeout} s")


Activity = tuple[str, str, datetime]
"""User, server, and when something last happened in it."""


def worth_noting(uow: UnitOfWork, seen: Iterable[Activity]) -> list[tuple[Activity, str]]:
    """Those that are news, each with its start id."""
    known = notebooks.last_activities(uow)
    found = []
    for user, server_name, at in seen:
        start_id, last = known.get((user, server_name), ("", None))
        if start_id and (last is None or at - last >= ACTIVITY_STEP):
            found.append(((user, server_name, at), start_id))
    return found


def record_activity(uow: UnitOfWork, seen: Iterable[Activity]) -> int:
    """Write down when each server was last active; returns how many rows changed."""
    news = worth_noting(uow, seen)
    for (_, _, at), start_id in news:
        notebooks.set_activity(uow, start_id, at)
    return len(news)


def _find(uow: UnitOfWork, actor: Actor, start_id: str, permission: str) -> tuple[NotebookRow, str, str]:
    found = notebooks.find(uow, start_id)
    other_server = (
        found is not None and actor.is_notebook and actor.notebook_server != f"{found[1]}/{found[0].server_name}"
    )
    if found is None or other_server:
        raise NotFound.of("notebook", start_id)
    row = found[0]
    group, owner = row.group_id, row.account_id
    require(actor, "notebook.read", kind="notebook", name=start_id, group_id=group, owner_id=owner)
    require(actor, permission, kind="notebook", name=start_id, visible=True, group_id=group, owner_id=owner)
    return found


def _locked(uow: UnitOfWork, start_id: str) -> NotebookRow:
    row = notebooks.locked(uow, start_id)
    if row is None:
        raise NotFound.of("notebook", start_id)
    return row


def _model(row: NotebookRow, user: str, group: str) -> Notebook:
    return notebooks.to_model(row, user, group)


def _as_seen(actor: Actor, notebook: Notebook) -> Notebook:
    """A group admin who is not the owner sees the state alone: no address, no steps, no volumes."""
    assert actor.account is not None
    if actor.account.name == notebook.user or Relation.PLATFORM_ADMIN in relations(actor):
        return notebook
    return notebook.model_copy(update={"url": "", "events": (), "left_out": ()})
