"""What the tests of accounts, groups and sign-ins share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from argon2 import PasswordHasher

from primehub_services.domain.identity import Actor
from primehub_services.domain.problems import Problem
from primehub_services.operations.passwords import Passwords
from primehub_services.store.database import Database
from primehub_services.store.orm import AccountRow, AuditRow, ChangeRow, GroupRow, NotebookRow
from primehub_services.store.orm.base import new_id
from primehub_services.store.unit_of_work import UnitOfWork

from .factories import Cast

PASSWORD = "correct horse battery"


def cheap_passwords(time_cost: int = 1) -> Passwords:
    """Hashing that costs nothing, in tests about anything but its cost."""
    return Passwords(PasswordHasher(time_cost=time_cost, memory_cost=8, parallelism=1))


def outcome(database: Database, operation: Callable[..., Any], actor: Actor, *args: Any, **kwargs: Any) -> str:
    """``ok``, or the code of the problem. What the operation changed is undone, so that the next actor finds it."""

    class _UndoneError(Exception):
        pass

    def attempt(uow: UnitOfWork) -> None:
        operation(uow, actor, *args, **kwargs)
        raise _UndoneError

    try:
        database.write_now(attempt)
    except _UndoneError:
        return "ok"
    except Problem as problem:
        return problem.code
    raise AssertionError


def outcomes(
    database: Database, cast: Cast, operation: Callable[..., Any], *args: Any, **kwargs: Any
) -> dict[str, str]:
    """The outcome for each actor of the cast."""
    return {name: outcome(database, operation, actor, *args, **kwargs) for name, actor in cast.everyone().items()}


SERVICES = ("spawner", "authenticator", "culler", "gateway")
"""Those of the cast that are no person."""


def expected(default: str, **others: str) -> dict[str, str]:
    """The outcome ``default`` for everybody but those named; services are told that they may not."""
    everyone = dict.fromkeys(("member", "group_admin", "outsider", "platform_admin", "notebook"), default)
    return everyone | dict.fromkeys(SERVICES, "forbidden") | others


def notebook(uow: UnitOfWork, account_id: str, group: GroupRow, **changes: Any) -> NotebookRow:
    """A notebook that runs."""
    values: dict[str, Any] = {
        "id": new_id(),
        "account_id": account_id,
        "group_id": group.id,
        "server_name": "",
        "instance_type": "cpu-1",
        "image": "base",
        "cpu_limit": 1000,
        "memory_limit": 0,
        "gpu_limit": 0,
        "plan": {"mounts": []},
        "safe_mode": False,
        "phase": "RUNNING",
        "events": [],
        "created_at": uow.now,
        "idle_timeout": 0,
    }
    row = NotebookRow(**(values | changes))
    uow.session.add(row)
    uow.session.flush()
    return row


def stop_requests(database: Database) -> dict[str, str | None]:
    """Every notebook's id and why it is to stop."""
    return {row.id: row.stop_requested for row in rows(database, sa.select(NotebookRow))}


def account_row(database: Database, name: str) -> AccountRow:
    """The account, deleted ones too, as it is in the table."""
    [row] = rows(database, sa.select(AccountRow).where(AccountRow.name == name))
    return row


def rows(database: Database, statement: sa.Select[Any]) -> list[Any]:
    """The rows of one table, to be read after the transaction."""

    def fetch(uow: UnitOfWork) -> list[Any]:
        found = list(uow.session.scalars(statement))
        uow.session.expunge_all()
        return found

    return database.read_now(fetch)


def changes(database: Database) -> list[tuple[str, str, str | None, str | None]]:
    """(kind, action, group id, account id) of every change, in order."""
    found = rows(database, sa.select(ChangeRow).order_by(ChangeRow.seq))
    return [(row.kind, row.action, row.group_id, row.account_id) for row in found]


def audited(database: Database) -> list[tuple[str, str, str]]:
    """(actor, action, target) of everything in the audit log, in order."""
    return [(row.actor, row.action, row.target) for row in rows(database, sa.select(AuditRow).order_by(AuditRow.id))]
