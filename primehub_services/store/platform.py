"""Whether the store answers, and how much there is."""

from __future__ import annotations

import sqlalchemy as sa

from ..domain.notebooks import FINAL
from .orm import AccountRow, ClaimRow, GroupRow, NotebookRow
from .unit_of_work import UnitOfWork

_FINAL = [phase.value for phase in FINAL]


def alive(uow: UnitOfWork) -> None:
    """Ask the database anything at all."""
    uow.session.execute(sa.select(sa.literal(1)))


def claims_by_kind(uow: UnitOfWork) -> dict[str, int]:
    """Claims that count now."""
    return _counts(uow, sa.select(ClaimRow.kind, sa.func.count()).group_by(ClaimRow.kind))


def notebooks_by_phase(uow: UnitOfWork) -> dict[str, int]:
    """Notebooks that have not ended."""
    phase = NotebookRow.phase
    return _counts(uow, sa.select(phase, sa.func.count()).where(phase.not_in(_FINAL)).group_by(phase))


def people_and_groups(uow: UnitOfWork) -> dict[str, int]:
    """Accounts and groups that are not deleted."""
    return {
        name: uow.session.scalar(sa.select(sa.func.count()).select_from(row).where(row.deleted_at.is_(None))) or 0
        for name, row in (("accounts", AccountRow), ("groups", GroupRow))
    }


def _counts(uow: UnitOfWork, query: sa.Select[str, int]) -> dict[str, int]:
    return {row[0]: row[1] for row in uow.session.execute(query)}
