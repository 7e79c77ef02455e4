"""Recurring jobs for tests."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from primehub_services.domain.claims import MachineCapacity
from primehub_services.domain.identity import Actor
from primehub_services.domain.jobs import JobSpec
from primehub_services.domain.schedules import Schedule, ScheduleCreate
from primehub_services.operations import schedules
from primehub_services.store.database import Database
from primehub_services.store.orm import FiringRow, JobRow, ScheduleRow
from primehub_services.store.unit_of_work import UnitOfWork

from . import factories
from .identity import rows

MACHINE = MachineCapacity()
SPEC = JobSpec(group="research", instance_type="cpu-1", image="base", command="python train.py")


def launchables(uow: UnitOfWork) -> None:
    """What a job needs."""
    factories.instance_type(uow)
    factories.image(uow)


def recurring(database: Database, actor: Actor, cron: str = "30 * * * *", **changes: Any) -> Schedule:
    """A recurring job of the actor's."""
    values: dict[str, Any] = {"name": "nightly", "cron": cron, "job": SPEC}
    new = ScheduleCreate(**(values | changes))
    return database.write_now(schedules.create, actor, new, capacity=MACHINE)


def firing_rows(database: Database, schedule_id: str | None = None) -> list[FiringRow]:
    """What became of due instants, the oldest first."""
    statement = sa.select(FiringRow).order_by(FiringRow.instant)
    if schedule_id is not None:
        statement = statement.where(FiringRow.schedule_id == schedule_id)
    return rows(database, statement)


def job_rows(database: Database) -> list[JobRow]:
    """Every job, the oldest first."""
    return rows(database, sa.select(JobRow).order_by(JobRow.created_at, JobRow.id))


def schedule_row(database: Database, schedule_id: str) -> ScheduleRow:
    """The row, deleted ones too."""
    [row] = rows(database, sa.select(ScheduleRow).where(ScheduleRow.id == schedule_id))
    return row


def end_jobs(database: Database, phase: str = "SUCCEEDED") -> None:
    """All of them have ended."""

    def end(uow: UnitOfWork) -> None:
        uow.session.execute(sa.update(JobRow).values(phase=phase, ended_at=uow.now))

    database.write_now(end)
