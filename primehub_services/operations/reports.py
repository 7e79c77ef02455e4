"""Who may begin a workload, and whose reports of it are heard. What is reported is outside the database."""

from __future__ import annotations

from ..domain.problems import Conflict, Gone
from ..domain.workloads import FileLimits
from ..store import permits, settings
from ..store.unit_of_work import UnitOfWork

MB = 10**6


def permit(uow: UnitOfWork, workload: str, pod: str) -> FileLimits:
    """Let this pod run the workload, and no other ever; what may be kept of it.

    A cluster may make a second pod for one workload. Raises ``Conflict`` for that one, and ``Gone`` where the workload
    is over or is to end. Asked again, the same pod gets the same answer.
    """
    found = permits.going(uow, workload)
    if found is None:
        raise over(workload)
    holder = permits.pod_of(uow, workload)
    if holder is None and not found.may_begin:
        raise Gone(f"The workload {workload} is to end: it may not begin any more.")
    if (holder or permits.grant(uow, workload, pod)) != pod:
        raise another(workload)
    system = settings.load(uow)
    return FileLimits(size=system.artifact_size * MB, files=system.artifact_files)


def hear(uow: UnitOfWork, workload: str, pod: str) -> None:
    """Raises ``Gone`` where the workload is over, and ``Conflict`` where another pod runs it."""
    if permits.going(uow, workload) is None:
        raise over(workload)
    if permits.pod_of(uow, workload) != pod:
        raise another(workload)


def over(workload: str) -> Gone:
    """The problem of reports that come too late."""
    return Gone(f"The workload {workload} is over, or never was.")


def another(workload: str) -> Conflict:
    """The problem of a pod that is not the one."""
    return Conflict(f"Another pod runs the workload {workload}, or none may yet.")
