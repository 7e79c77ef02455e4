"""Notebooks' rows: one for each start of a notebook server."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from ..domain.lifecycle import idle_deadline, idle_warning_at
from ..domain.names import as_reference
from ..domain.notebooks import FINAL, Notebook, NotebookPhase, ProgressEvent
from ..domain.paging import PageQuery
from ..domain.resources import Resources
from ..domain.units import Bytes, Millicores
from .lists import matching, page
from .orm import AccountRow, GroupRow, MembershipRow, NotebookRow
from .unit_of_work import UnitOfWork

_FINAL = [phase.value for phase in FINAL]
_SORTS = {
    "created_at": NotebookRow.created_at,
    "ended_at": NotebookRow.ended_at,
    "phase": NotebookRow.phase,
    "user": AccountRow.name,
    "group": GroupRow.slug,
    "instance_type": NotebookRow.instance_type,
    "image": NotebookRow.image,
}


@dataclass(frozen=True, slots=True)
class Filters:
    """What a list of notebooks is narrowed to; None is not narrowed."""

    user: str | None = None
    group: str | None = None
    active: bool | None = None
    """Only those that have not ended, or only those that have."""
    server_name: str | None = None


@dataclass(frozen=True, slots=True)
class Visible:
    """Whose notebooks may be seen: the account's own in these groups, and everybody's in those that it administers."""

    account_id: str
    groups: Collection[str]
    administered: Collection[str]


def to_model(row: NotebookRow, user: str, group: str) -> Notebook:
    """The row in the domain's words; ``user`` is the hub name, ``group`` the slug."""
    phase = NotebookPhase(row.phase)
    if phase in (NotebookPhase.STARTING, NotebookPhase.RUNNING) and row.stop_requested:
        phase = NotebookPhase.STOPPING
    return Notebook.model_construct(
        id=row.id,
        user=user,
        server_name=row.server_name,
        group=group,
        instance_type=row.instance_type,
        image=row.image,
        limits=Resources.model_construct(
            cpu=Millicores(row.cpu_limit), memory=Bytes(row.memory_limit), gpu=row.gpu_limit
        ),
        safe_mode=row.safe_mode,
        phase=phase,
        reason=row.reason or row.stop_requested or "",
        events=tuple(ProgressEvent.model_validate(e) for e in row.events),
        url=row.url,
        created_at=row.created_at,
        ready_at=row.ready_at,
        ended_at=row.ended_at,
        idle_timeout=row.idle_timeout,
        idle_deadline=(end := deadline(row)),
        idle_warning_at=idle_warning_at(end, idle_warning=row.plan.get("idle_warning", 0)),
        keep_until=row.keep_until,
        left_out=tuple(f"{v['volume']}: {v['reason']}" for v in row.plan.get("left_out", ())),
        version=row.version,
    )


def deadline(row: NotebookRow) -> datetime | None:
    """When the notebook is culled if nothing happens in it."""
    active = max((at for at in (row.ready_at, row.last_activity) if at is not None), default=None)
    return idle_deadline(
        NotebookPhase(row.phase), idle_timeout=row.idle_timeout, active_at=active, keep_until=row.keep_until
    )


def running_starts(uow: UnitOfWork) -> list[tuple[str, datetime]]:
    """Those whose server runs, each with when it was asked for."""
    running = sa.select(NotebookRow.id, NotebookRow.created_at).where(NotebookRow.phase == NotebookPhase.RUNNING.value)
    return [(start_id, since) for start_id, since in uow.session.execute(running)]


def deadlines(uow: UnitOfWork, start_ids: Collection[str]) -> dict[str, datetime]:
    """When each of these is culled if nothing happens in it; those that are never are absent."""
    rows = uow.session.scalars(sa.select(NotebookRow).where(NotebookRow.id.in_(list(start_ids))))
    return {row.id: end for row in rows if (end := deadline(row)) is not None}


def _joined() -> sa.Select[NotebookRow, str, str]:
    return (
        sa.select(NotebookRow, AccountRow.name, GroupRow.slug)
        .join(AccountRow, AccountRow.id == NotebookRow.account_id)
        .join(GroupRow, GroupRow.id == NotebookRow.group_id)
    )


def find(uow: UnitOfWork, start_id: str) -> tuple[NotebookRow, str, str] | None:
    """A row with its person's hub name and its group's slug."""
    row = uow.session.execute(_joined().where(NotebookRow.id == start_id)).one_or_none()
    return None if row is None else (row[0], row[1], row[2])


def locked(uow: UnitOfWork, start_id: str) -> NotebookRow | None:
    """A row that nobody else changes before this transaction ends."""
    return uow.session.scalar(
        sa.select(NotebookRow)
        .where(NotebookRow.id == start_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )


def last_of_server(uow: UnitOfWork, account_id: str, server_name: str) -> NotebookRow | None:
    """The latest start of a server, ended or not."""
    return uow.session.scalar(
        sa.select(NotebookRow)
        .where(NotebookRow.account_id == account_id, NotebookRow.server_name == server_name)
        .order_by(NotebookRow.created_at.desc(), NotebookRow.id)
        .limit(1)
    )


def last_in_group(uow: UnitOfWork, account_id: str, group_id: str) -> NotebookRow | None:
    """A person's latest start in a group."""
    return uow.session.scalar(
        sa.select(NotebookRow)
        .where(NotebookRow.account_id == account_id, NotebookRow.group_id == group_id)
        .order_by(NotebookRow.created_at.desc(), NotebookRow.id)
        .limit(1)
    )


def last_activities(uow: UnitOfWork) -> dict[tuple[str, str], tuple[str, datetime | None]]:
    """By user and server name: the start that runs, and when it was last active."""
    found = uow.session.execute(
        sa.select(AccountRow.name, NotebookRow.server_name, NotebookRow.id, NotebookRow.last_activity)
        .join(AccountRow, AccountRow.id == NotebookRow.account_id)
        .where(NotebookRow.phase.not_in(_FINAL))
    )
    return {(user, server_name): (start_id, at) for user, server_name, start_id, at in found}


def set_activity(uow: UnitOfWork, start_id: str, at: datetime) -> None:
    """Note when it was last active. Not a new version: nobody edits this."""
    row = uow.session.execute(
        sa.update(NotebookRow)
        .where(NotebookRow.id == start_id)
        .values(last_activity=at)
        .returning(NotebookRow.group_id, NotebookRow.account_id)
        .execution_options(synchronize_session=False)
    ).one_or_none()
    if row is not None:
        uow.changed("notebook", start_id, "update", group_id=row.group_id, account_id=row.account_id)


def live_of_server(uow: UnitOfWork, user: str, server_name: str) -> NotebookRow | None:
    """The latest row of a server that has not ended, by the hub's names."""
    return uow.session.scalar(
        sa.select(NotebookRow)
        .join(AccountRow, AccountRow.id == NotebookRow.account_id)
        .where(
            AccountRow.name == user,
            NotebookRow.server_name == server_name,
            NotebookRow.phase.not_in(_FINAL),
        )
        .order_by(NotebookRow.created_at.desc())
        .limit(1)
    )


def known(uow: UnitOfWork, start_ids: Collection[str]) -> frozenset[str]:
    """Those of the starts that have a row."""
    if not start_ids:
        return frozenset()
    return frozenset(uow.session.scalars(sa.select(NotebookRow.id).where(NotebookRow.id.in_(list(start_ids)))))


def list_(uow: UnitOfWork, query: PageQuery, filters: Filters, visible: Visible | None) -> tuple[list[Notebook], int]:
    """A page, the newest first. ``visible`` None is everybody's."""
    statement = _joined().where(
        matching(query.search, AccountRow.name, NotebookRow.instance_type, NotebookRow.image, GroupRow.slug)
    )
    if visible is not None:
        own = sa.and_(NotebookRow.account_id == visible.account_id, NotebookRow.group_id.in_(visible.groups))
        statement = statement.where(sa.or_(own, NotebookRow.group_id.in_(visible.administered)))
    if filters.user is not None:
        statement = statement.where(AccountRow.name == filters.user)
    if filters.group is not None:
        group = as_reference(filters.group)
        statement = statement.where(sa.or_(GroupRow.slug == group, GroupRow.name == group))
    if filters.server_name is not None:
        statement = statement.where(NotebookRow.server_name == filters.server_name)
    if filters.active is not None:
        ended = NotebookRow.phase.in_(_FINAL)
        statement = statement.where(sa.not_(ended) if filters.active else ended)
    rows, total = page(uow, statement, query, sorts=_SORTS, default="-created_at", key=NotebookRow.id)
    return [to_model(row, user, group) for row, user, group in rows], total


def to_stop(uow: UnitOfWork) -> frozenset[str]:
    """The starts that are to stop and have not ended."""
    asked = sa.and_(NotebookRow.stop_requested.is_not(None), NotebookRow.phase.not_in(_FINAL))
    return frozenset(uow.session.scalars(sa.select(NotebookRow.id).where(asked)))


def without_right(uow: UnitOfWork) -> Sequence[tuple[NotebookRow, str]]:
    """Rows that run though their person has left: each with why. Those already asked to stop are not among them."""
    member = sa.exists().where(
        MembershipRow.account_id == NotebookRow.account_id, MembershipRow.group_id == NotebookRow.group_id
    )
    why = sa.case(
        (AccountRow.deleted_at.is_not(None), "account deleted"),
        (AccountRow.enabled.is_(False), "account disabled"),
        (GroupRow.deleted_at.is_not(None), "group deleted"),
        else_="left the group",
    )
    gone = sa.or_(
        AccountRow.deleted_at.is_not(None),
        AccountRow.enabled.is_(False),
        GroupRow.deleted_at.is_not(None),
        sa.not_(member),
    )
    found = uow.session.execute(
        sa.select(NotebookRow, why)
        .join(AccountRow, AccountRow.id == NotebookRow.account_id)
        .join(GroupRow, GroupRow.id == NotebookRow.group_id)
        .where(NotebookRow.phase.not_in(_FINAL), NotebookRow.stop_requested.is_(None), gone)
    )
    return [(row, reason) for row, reason in found]


def ended_between(
    uow: UnitOfWork, after: datetime | None, before: datetime, *, limit: int
) -> Sequence[tuple[str, datetime]]:
    """Rows that ended from ``after`` (None is ever) until before ``before``: id and end, the oldest first."""
    statement = sa.select(NotebookRow.id, NotebookRow.ended_at).where(NotebookRow.ended_at < before)
    if after is not None:
        statement = statement.where(NotebookRow.ended_at >= after)
    rows = uow.session.execute(statement.order_by(NotebookRow.ended_at, NotebookRow.id).limit(limit))
    return [(start_id, ended) for start_id, ended in rows if ended is not None]


def delete(uow: UnitOfWork, start_ids: Collection[str]) -> None:
    """Forget rows."""
    uow.session.execute(
        sa.delete(NotebookRow).where(NotebookRow.id.in_(list(start_ids))).execution_options(synchronize_session=False)
    )
