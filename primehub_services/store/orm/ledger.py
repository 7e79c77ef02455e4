"""What is reserved and what was started."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from .base import Base, Versioned


class ClaimRow(Base):
    """A reservation that counts. A released claim is a deleted row; history is in the notebooks and the audit."""

    __tablename__ = "claims"
    __table_args__ = (
        # one live start of one server: a later start of the same server takes the place of the earlier
        sa.UniqueConstraint("kind", "account_id", "server_name"),
        sa.Index("ix_claims_group_id_account_id", "group_id", "account_id"),
    )

    id: Mapped[str] = mapped_column(sa.String(32), primary_key=True)
    """The start id."""
    kind: Mapped[str] = mapped_column(sa.String(20))
    account_id: Mapped[str] = mapped_column(sa.ForeignKey("accounts.id"))
    group_id: Mapped[str] = mapped_column(sa.ForeignKey("groups.id"))
    server_name: Mapped[str] = mapped_column(sa.String(63))
    """The server's name, or the job's id for other kinds."""
    instance_type: Mapped[str] = mapped_column(sa.String(63))
    cpu_limit: Mapped[int]
    memory_limit: Mapped[int] = mapped_column(sa.BigInteger)
    gpu_limit: Mapped[int]
    cpu_request: Mapped[int]
    memory_request: Mapped[int] = mapped_column(sa.BigInteger)
    gpu_indices: Mapped[list[Any]]
    adopted_at: Mapped[datetime | None]
    created_at: Mapped[datetime]


class NotebookRow(Versioned, Base):
    """One start of a notebook server, kept after its end."""

    __tablename__ = "notebooks"
    __table_args__ = (
        sa.Index("ix_notebooks_account_id_created_at", "account_id", "created_at"),
        sa.Index("ix_notebooks_group_id_created_at", "group_id", "created_at"),
    )

    id: Mapped[str] = mapped_column(sa.String(32), primary_key=True)
    """The start id."""
    account_id: Mapped[str] = mapped_column(sa.ForeignKey("accounts.id"))
    group_id: Mapped[str] = mapped_column(sa.ForeignKey("groups.id"))
    server_name: Mapped[str] = mapped_column(sa.String(63))
    instance_type: Mapped[str] = mapped_column(sa.String(63))
    image: Mapped[str] = mapped_column(sa.String(63))
    cpu_limit: Mapped[int]
    memory_limit: Mapped[int] = mapped_column(sa.BigInteger)
    gpu_limit: Mapped[int]
    plan: Mapped[dict[str, Any]]
    """The LaunchPlan that was made for it."""
    safe_mode: Mapped[bool]
    phase: Mapped[str] = mapped_column(sa.String(20), index=True)
    stop_requested: Mapped[str | None] = mapped_column(sa.String(200))
    """The target: null is to run; else why it is to stop. A controller makes it so."""
    reason: Mapped[str] = mapped_column(sa.String(500), default="")
    events: Mapped[list[Any]]
    url: Mapped[str] = mapped_column(sa.String(500), default="")
    created_at: Mapped[datetime]
    adopted_at: Mapped[datetime | None]
    """When the spawner took it up; null for a start that never reached the hub."""
    ready_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    idle_timeout: Mapped[int]
    last_activity: Mapped[datetime | None]
    keep_until: Mapped[datetime | None]
