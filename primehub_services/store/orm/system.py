"""Settings, announcements, the audit log, the stream of changes, and who leads."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from .base import Base, Identified, Versioned


class SettingRow(Versioned, Base):
    """A document of settings; ``system`` is the only one now."""

    __tablename__ = "settings"

    key: Mapped[str] = mapped_column(sa.String(40), primary_key=True)
    value: Mapped[dict[str, Any]]


class AnnouncementRow(Identified, Base):
    """A line above every page."""

    __tablename__ = "announcements"

    message: Mapped[str] = mapped_column(sa.String(500))
    level: Mapped[str] = mapped_column(sa.String(10))
    group_id: Mapped[str | None] = mapped_column(sa.ForeignKey("groups.id", ondelete="CASCADE"))
    starts_at: Mapped[datetime | None]
    ends_at: Mapped[datetime | None]
    created_by: Mapped[str] = mapped_column(sa.String(80))
    created_at: Mapped[datetime]


class AuditRow(Base):
    """One change and who made it; only ever added to."""

    __tablename__ = "audit"

    id: Mapped[int] = mapped_column(
        sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True
    )
    at: Mapped[datetime] = mapped_column(index=True)
    actor: Mapped[str] = mapped_column(sa.String(80), index=True)
    action: Mapped[str] = mapped_column(sa.String(60))
    target: Mapped[str] = mapped_column(sa.String(200))
    group_id: Mapped[str | None] = mapped_column(sa.String(32), index=True)
    details: Mapped[dict[str, Any]]


class ChangeRow(Base):
    """A hint for readers, with a number to resume from; old ones are swept."""

    __tablename__ = "changes"

    seq: Mapped[int] = mapped_column(
        sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True
    )
    at: Mapped[datetime] = mapped_column(index=True)
    kind: Mapped[str] = mapped_column(sa.String(30))
    target_id: Mapped[str] = mapped_column(sa.String(64))
    action: Mapped[str] = mapped_column(sa.String(20))
    group_id: Mapped[str | None] = mapped_column(sa.String(32))
    account_id: Mapped[str | None] = mapped_column(sa.String(32))


class LeadershipRow(Base):
    """Which process leads, where several share the store; there is one row at the most."""

    __tablename__ = "leadership"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    term: Mapped[str] = mapped_column(sa.String(32))
    holder: Mapped[str] = mapped_column(sa.String(200))
    since: Mapped[datetime]
    parts: Mapped[list[Any]]
