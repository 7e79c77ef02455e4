"""What a person set the last time, to fill the form the next time."""

from __future__ import annotations

from .orm import LaunchPreferenceRow
from .unit_of_work import UnitOfWork


def environment(uow: UnitOfWork, account_id: str) -> dict[str, str]:
    """The variables of the person's last launch."""
    row = uow.session.get(LaunchPreferenceRow, account_id)
    return dict(row.environment) if row is not None else {}


def remember(uow: UnitOfWork, account_id: str, variables: dict[str, str]) -> None:
    """Keep the variables for the next launch."""
    row = uow.session.get(LaunchPreferenceRow, account_id)
    if row is None:
        uow.session.add(LaunchPreferenceRow(account_id=account_id, environment=variables, updated_at=uow.now))
    elif row.environment != variables:
        row.environment = variables
        row.updated_at = uow.now
