"""Whose results may be looked at. Logs, files and series themselves are outside the database."""

from __future__ import annotations

from ..domain.identity import Actor
from ..domain.permissions import require
from ..domain.problems import NotFound
from ..store import results
from ..store.results import AttemptOf, JobOf
from ..store.unit_of_work import UnitOfWork


def job(uow: UnitOfWork, actor: Actor, job_id: str) -> JobOf:
    """The job whose results the actor may look at. Raises ``NotFound`` where there is none."""
    found = results.find_job(uow, job_id)
    if found is None:
        raise NotFound.of("job", job_id)
    require(actor, "job.read", kind="job", name=job_id, group_id=found.group_id, owner_id=found.account_id)
    return found


def attempt(uow: UnitOfWork, actor: Actor, job_id: str, number: int | None = None) -> AttemptOf | None:
    """An attempt whose results the actor may look at, by its number; the latest without one.

    None where the job waits for its first. Raises ``NotFound`` where there is no such job, or no attempt of that number.
    """
    job(uow, actor, job_id)
    found = results.find_attempt(uow, job_id, number)
    if found is None and number is not None:
        msg = f"The job {job_id} has no attempt {number}."
        raise NotFound(msg)
    return found
