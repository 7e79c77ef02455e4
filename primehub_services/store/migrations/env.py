"""Alembic's entry: runs inside the connection and transaction that ``store.migrate`` has opened."""

from __future__ import annotations

from typing import Any, Literal

import sqlalchemy as sa
from alembic import context

from primehub_services.store.orm import Base
from primehub_services.store.orm.base import UtcDateTime


def _render(kind: str, item: Any, _autogenerate: Any) -> str | Literal[False]:
    # revisions must not depend on what the models are later
    if kind == "type" and isinstance(item, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    return False


connection: sa.Connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=Base.metadata,
    # both databases roll DDL back; SQLite too, as it is opened by store.migrate
    transactional_ddl=True,
    render_as_batch=connection.dialect.name == "sqlite",
    render_item=_render,
)
context.run_migrations()
