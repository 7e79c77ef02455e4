"""What becomes of jobs when their person leaves: asked for in the transaction in which they leave.

A membership that ends takes along what waits in that group; what runs there runs on, for the group. What runs in
another group with that group's folders in it ends, as a notebook does.
"""

from __future__ import annotations

from ..domain.job_life import LEAVING, grace_of
from ..store import jobs, members
from ..store.orm import AccountRow, GroupRow, JobRow
from ..store.unit_of_work import UnitOfWork


def ask_to_end(uow: UnitOfWork, row: JobRow, why: str) -> None:
    """Set the target of a job that has not ended. Controllers make it so.

    What was asked first stays, unless this leaves the job less time: who cancels before being disabled gains none.
    """
    if row.cancel_requested is None or grace_of(why) < grace_of(row.cancel_requested):
        row.cancel_requested = why[:200]
        uow.changed("job", row.id, "update", group_id=row.group_id, account_id=row.account_id)
        uow.session.flush()


def left_group(uow: UnitOfWork, account: AccountRow, group: GroupRow) -> None:
    """A person is in a group no more."""
    for row in jobs.active_of(uow, account_id=account.id, group_id=group.id, waiting_only=True):
        ask_to_end(uow, row, f"{LEAVING}{account.name} left the group")
    _end_elsewhere(uow, group, f"{LEAVING}{account.name} left the group {group.name}", account_id=account.id)


def account_left(uow: UnitOfWork, account: AccountRow, reason: str) -> None:
    """An account was disabled or deleted."""
    for row in jobs.active_of(uow, account_id=account.id):
        ask_to_end(uow, row, f"{LEAVING}{reason}")


def group_deleted(uow: UnitOfWork, group: GroupRow) -> None:
    """A group is no more; its people are still in it."""
    for row in jobs.active_of(uow, group_id=group.id):
        ask_to_end(uow, row, f"{LEAVING}the group was deleted")
    _end_elsewhere(uow, group, f"{LEAVING}the group {group.name} was deleted")


def _end_elsewhere(uow: UnitOfWork, group: GroupRow, why: str, *, account_id: str | None = None) -> None:
    reaches_in = members.reaching_in(uow, group)
    for row, plan in jobs.running_elsewhere(uow, group.id, account_id=account_id):
        if reaches_in(plan, row.group_id):
            ask_to_end(uow, row, why)
