"""What becomes of jobs when their person leaves: asked for in the transaction in which they leave.

A membership that ends takes along what waits in that group; what runs there runs on, for the group. What runs in
another group with that group's folders in it ends, as a notebook does.
"""

from __future__ import annotations

from ..store import jobs, members
from ..store.orm import AccountRow, GroupRow, JobRow
from ..store.unit_of_work import UnitOfWork


def ask_to_end(uow: UnitOfWork, row: JobRow, why: str) -> None:
    """Set the target of a job that has not ended; what was asked first stays. Controllers make it so."""
    if row.cancel_requested is None:
        row.cancel_requested = why[:200]
        uow.changed("job", row.id, "update", group_id=row.group_id, account_id=row.account_id)
        uow.session.flush()


def left_group(uow: UnitOfWork, account: AccountRow, group: GroupRow) -> None:
    """A person is in a group no more."""
    for row in jobs.active_of(uow, account_id=account.id, group_id=group.id, waiting_only=True):
        ask_to_end(uow, row, f"Cancelled because {account.name} left the group")
    _end_elsewhere(uow, group, f"Cancelled because {account.name} left the group {group.name}", account_id=account.id)


def account_left(uow: UnitOfWork, account: AccountRow, reason: str) -> None:
    """An account was disabled or deleted."""
    for row in jobs.active_of(uow, account_id=account.id):
        ask_to_end(uow, row, f"Cancelled because {reason}")


def group_deleted(uow: UnitOfWork, group: GroupRow) -> None:
    """A group is no more; its people are still in it."""
    for row in jobs.active_of(uow, group_id=group.id):
        ask_to_end(uow, row, "Cancelled because the group was deleted")
    _end_elsewhere(uow, group, f"Cancelled because the group {group.name} was deleted")


def _end_elsewhere(uow: UnitOfWork, group: GroupRow, why: str, *, account_id: str | None = None) -> None:
    reaches_in = members.reaching_in(uow, group)
    for row, plan in jobs.running_elsewhere(uow, group.id, account_id=account_id):
        if reaches_in(plan, row.group_id):
            ask_to_end(uow, row, why)
