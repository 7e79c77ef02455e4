"""Recurring jobs, and what became of each due instant."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from .base import Base, Identified, Versioned


class ScheduleRow(Identified, Versioned, Base):
    """A recurring job."""

    __tablename__ = "schedules"
    __table_args__ = (
        sa.Index("ix_schedules_group_id_created_at", "group_id", "created_at"),
        sa.Index("ix_schedules_next_at", "next_at"),
        sa.Index("ix_schedules_account_id", "account_id"),
    )

    account_id: Mapped[str] = mapped_column(sa.ForeignKey("accounts.id"))
    group_id: Mapped[str] = mapped_column(sa.ForeignKey("groups.id"))
    name: Mapped[str] = mapped_column(sa.String(100))
    cron: Mapped[str] = mapped_column(sa.String(200))
    timezone: Mapped[str] = mapped_column(sa.String(64))
    job: Mapped[dict[str, Any]]
    """The JobSpec."""
    overlap: Mapped[str] = mapped_column(sa.String(10))
    catch_up: Mapped[bool]
    paused: Mapped[bool]
    pause_reason: Mapped[str] = mapped_column(sa.String(500), default="")
    notebook_reads_file: Mapped[bool] = mapped_column(default=False)
    snapshot_id: Mapped[str | None] = mapped_column(sa.String(64), index=True)
    accounted_until: Mapped[datetime]
    """Every due instant up to and with this one has its firing; the next is searched after it."""
    next_at: Mapped[datetime | None]
    """The first due instant after ``accounted_until``; null while it is paused or has none."""
    created_at: Mapped[datetime]
    deleted_at: Mapped[datetime | None]


class FiringRow(Identified, Base):
    """What became of one due instant, or of a missed stretch of them."""

    __tablename__ = "firings"
    __table_args__ = (
        sa.UniqueConstraint("schedule_id", "instant"),
        sa.Index("ix_firings_decided_at", "decided_at"),
    )

    schedule_id: Mapped[str] = mapped_column(sa.ForeignKey("schedules.id", ondelete="CASCADE"))
    instant: Mapped[datetime]
    until: Mapped[datetime | None]
    count: Mapped[int] = mapped_column(default=1)
    outcome: Mapped[str] = mapped_column(sa.String(12))
    job_id: Mapped[str | None] = mapped_column(sa.String(32))
    message: Mapped[str] = mapped_column(sa.String(500), default="")
    decided_at: Mapped[datetime]


class NotificationRow(Identified, Base):
    """A message that is to be sent, or was. Written in the transaction of what it tells, so that none is lost."""

    __tablename__ = "notifications"
    __table_args__ = (
        sa.UniqueConstraint("account_id", "subject_id", "channel"),
        sa.Index("ix_notifications_due_at", "due_at"),
        sa.Index("ix_notifications_created_at", "created_at"),
    )

    account_id: Mapped[str] = mapped_column(sa.ForeignKey("accounts.id"))
    subject_id: Mapped[str] = mapped_column(sa.String(80))
    """What it tells of, so that it is told once: a job's id, or a schedule's with the moment it was paused."""
    channel: Mapped[str] = mapped_column(sa.String(10))
    """``email`` or ``webhook``."""
    content: Mapped[dict[str, Any]]
    tries: Mapped[int] = mapped_column(default=0)
    due_at: Mapped[datetime | None]
    """When it is tried next; null once it is sent or given up."""
    sent_at: Mapped[datetime | None]
    error: Mapped[str] = mapped_column(sa.String(500), default="")
    created_at: Mapped[datetime]


class NotificationSettingsRow(Base):
    """What a person wants to hear of, and how. No row is nothing."""

    __tablename__ = "notification_settings"

    id: Mapped[str] = mapped_column(sa.ForeignKey("accounts.id"), primary_key=True)
    """The account's."""
    settings: Mapped[dict[str, Any]]
    key_id: Mapped[str] = mapped_column(sa.String(32), default="")
    ciphertext: Mapped[bytes] = mapped_column(default=b"")
    """What webhooks are signed with, encrypted."""
