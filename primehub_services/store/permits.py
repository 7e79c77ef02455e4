"""Which pod runs a workload, and whether a workload still goes on."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from ..domain.jobs import ACTIVE
from ..domain.notebooks import FINAL
from .orm import AttemptRow, JobRow, NotebookRow, PermitRow
from .unit_of_work import UnitOfWork

_ACTIVE = [phase.value for phase in ACTIVE]
_OVER = [phase.value for phase in FINAL]


@dataclass(frozen=True, slots=True)
class Going:
    """A workload that is not over."""

    may_begin: bool
    """Whether it is still wanted: nobody has asked for its end."""


def going(uow: UnitOfWork, workload: str) -> Going | None:
    """How a workload stands: an attempt at a job, or a notebook; None where it is over, or never was."""
    attempt = uow.session.execute(
        sa.select(AttemptRow.ending, JobRow.cancel_requested)
        .join(JobRow, JobRow.id == AttemptRow.job_id)
        .where(AttemptRow.id == workload, AttemptRow.phase.in_(_ACTIVE))
    ).one_or_none()
    if attempt is not None:
        return Going(may_begin=attempt[0] is None and attempt[1] is None)
    notebook = uow.session.execute(
        sa.select(NotebookRow.stop_requested).where(NotebookRow.id == workload, NotebookRow.phase.not_in(_OVER))
    ).one_or_none()
    return None if notebook is None else Going(may_begin=notebook[0] is None)


def pod_of(uow: UnitOfWork, workload: str) -> str | None:
    """The uid of the pod that runs it; None where none may yet."""
    return uow.session.scalar(sa.select(PermitRow.pod).where(PermitRow.workload == workload))


def grant(uow: UnitOfWork, workload: str, pod: str) -> str:
    """Let the pod run the workload, unless another one does; the uid of the one that does."""
    # two that ask at once meet at the primary key, and the second one waits for the first one's commit
    row = {"workload": workload, "pod": pod, "granted_at": uow.now}
    insert = postgresql.insert if uow.dialect == "postgresql" else sqlite.insert
    uow.session.execute(insert(PermitRow).values(row).on_conflict_do_nothing(index_elements=["workload"]))
    holder = pod_of(uow, workload)
    assert holder is not None
    return holder


def sweep(uow: UnitOfWork) -> int:
    """Forget the permits of what is over; how many they were."""
    attempts = sa.select(AttemptRow.id).where(AttemptRow.phase.in_(_ACTIVE))
    notebooks = sa.select(NotebookRow.id).where(NotebookRow.phase.not_in(_OVER))
    statement = sa.delete(PermitRow).where(PermitRow.workload.not_in(attempts), PermitRow.workload.not_in(notebooks))
    return len(uow.session.scalars(statement.returning(PermitRow.workload)).all())
