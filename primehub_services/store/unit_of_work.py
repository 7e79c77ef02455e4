"""One transaction: the session, its moment, and the audit and change rows that belong to it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from ..domain.identity import Actor
from ..domain.system import ChangeKind
from .orm import AuditRow, ChangeRow

CHANNEL = "primehub_changes"
"""Where PostgreSQL tells other processes of a commit that recorded changes."""


class UnitOfWork:
    """What an operation works with. Repositories are functions over ``session`` in the modules beside this one."""

    def __init__(self, session: Session, *, now: datetime, dialect: str) -> None:
        self.session = session
        self.now = now
        self.dialect = dialect
        self.kinds: set[str] = set()
        """Of the changes that this transaction tells readers of."""
        self._told = False

    def lock(self, name: str) -> None:
        """Hold ``name`` until the transaction ends; on SQLite the transaction itself is that lock."""
        if self.dialect == "postgresql":
            self.session.execute(sa.text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))"), {"name": name})

    def changed(
        self,
        kind: ChangeKind,
        target_id: str,
        action: str,
        *,
        group_id: str | None = None,
        account_id: str | None = None,
    ) -> None:
        """Tell readers, once this is committed, that a thing was created, updated or deleted."""
        if self.dialect == "postgresql" and not self._told:
            # sent with the commit; past the session, so that no half-made row is flushed by it
            self.session.connection().exec_driver_sql(f"NOTIFY {CHANNEL}")
            # what is tried in a savepoint may be taken back, and what was told with it
            self._told = not self.session.in_nested_transaction()
        self.kinds.add(kind)
        self.session.add(
            ChangeRow(
                at=self.now, kind=kind, target_id=target_id, action=action, group_id=group_id, account_id=account_id
            )
        )

    def audit(self, actor: Actor, action: str, target: str, *, group_id: str | None = None, **details: Any) -> None:
        """Record who changed what. Never pass a secret's value."""
        self.session.add(
            AuditRow(at=self.now, actor=actor.name, action=action, target=target, group_id=group_id, details=details)
        )
