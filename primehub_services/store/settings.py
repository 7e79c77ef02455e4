"""The document of system settings; absent fields have their defaults."""

from __future__ import annotations

from ..domain.system import SystemSettings
from .orm import SettingRow
from .unit_of_work import UnitOfWork

KEY = "system"
"""Of the document's row."""


def load(uow: UnitOfWork) -> SystemSettings:
    """The settings; version 0 until somebody has changed one."""
    return of(uow.session.get(SettingRow, KEY))


def of(row: SettingRow | None) -> SystemSettings:
    """The document's row, if there is one, in the domain's words."""
    if row is None:
        return SystemSettings()
    # what a later version knew and this one does not is left alone
    known = {key: value for key, value in row.value.items() if key in SystemSettings.model_fields}
    return SystemSettings.model_validate(known | {"version": row.version})


def save(uow: UnitOfWork, settings: SystemSettings) -> SystemSettings:
    """Keep the settings as the next version."""
    values = settings.model_dump(mode="json", exclude={"version"})
    row = uow.session.get(SettingRow, KEY)
    if row is None:
        row = SettingRow(key=KEY, value=values)
        uow.session.add(row)
    else:
        row.value = row.value | values
    uow.session.flush()
    return load(uow)


def lock(uow: UnitOfWork) -> None:
    """Make other writers wait; there may be no row yet to lock."""
    uow.lock(f"settings:{KEY}")
