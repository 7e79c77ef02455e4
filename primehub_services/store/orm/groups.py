"""Groups and who is in them."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from .base import Base, Identified, Versioned, live_name_index


class GroupRow(Identified, Versioned, Base):
    """A group. Deleted ones stay as tombstones, so that a slug, and with it a folder, is never inherited."""

    __tablename__ = "groups"
    __table_args__ = (live_name_index("groups"),)

    name: Mapped[str] = mapped_column(sa.String(63))
    slug: Mapped[str] = mapped_column(sa.String(40), unique=True)
    display_name: Mapped[str] = mapped_column(sa.String(100), default="")
    description: Mapped[str] = mapped_column(sa.String(2000), default="")
    user_cpu: Mapped[int | None]
    user_memory: Mapped[int | None] = mapped_column(sa.BigInteger)
    user_gpu: Mapped[int | None]
    group_cpu: Mapped[int | None]
    group_memory: Mapped[int | None] = mapped_column(sa.BigInteger)
    group_gpu: Mapped[int | None]
    shared_volume: Mapped[bool]
    shared_volume_capacity: Mapped[int | None]
    folder_problem: Mapped[str] = mapped_column(sa.String(2000), default="", server_default="")
    launch_group_only: Mapped[bool]
    pod_security: Mapped[str] = mapped_column(sa.String(20), default="restricted", server_default="restricted")
    job_timeout: Mapped[int | None]
    idle_timeout: Mapped[int | None]
    created_at: Mapped[datetime]
    deleted_at: Mapped[datetime | None]


class MembershipRow(Identified, Base):
    """A person's place in a group, as one origin gives it."""

    __tablename__ = "memberships"
    __table_args__ = (sa.UniqueConstraint("account_id", "group_id", "origin"),)

    account_id: Mapped[str] = mapped_column(sa.ForeignKey("accounts.id", ondelete="CASCADE"))
    group_id: Mapped[str] = mapped_column(sa.ForeignKey("groups.id", ondelete="CASCADE"), index=True)
    role: Mapped[str] = mapped_column(sa.String(20))
    origin: Mapped[str] = mapped_column(sa.String(20))
    created_at: Mapped[datetime]
