"""Jobs, their attempts, and the notebooks that were uploaded for them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from .base import Base, Versioned


class JobRow(Versioned, Base):
    """One job. ``spec`` and ``cancel_requested`` are what was asked; all else is where it is."""

    __tablename__ = "jobs"
    __table_args__ = (
        sa.Index("ix_jobs_group_id_created_at", "group_id", "created_at"),
        sa.Index("ix_jobs_account_id_created_at", "account_id", "created_at"),
        sa.Index("ix_jobs_phase_created_at", "phase", "created_at"),
        # the queue: who waits in a group, in order
        sa.Index("ix_jobs_phase_group_id_queued_at", "phase", "group_id", "queued_at", "id"),
    )

    id: Mapped[str] = mapped_column(sa.String(32), primary_key=True)
    account_id: Mapped[str] = mapped_column(sa.ForeignKey("accounts.id"))
    group_id: Mapped[str] = mapped_column(sa.ForeignKey("groups.id"))
    name: Mapped[str] = mapped_column(sa.String(100))
    kind: Mapped[str] = mapped_column(sa.String(20))
    spec: Mapped[dict[str, Any]]
    """The JobSpec with slugs resolved. Holds values of environment variables, never those of secrets."""
    instance_type: Mapped[str] = mapped_column(sa.String(63))
    image: Mapped[str] = mapped_column(sa.String(63))
    cpu_limit: Mapped[int]
    memory_limit: Mapped[int] = mapped_column(sa.BigInteger)
    gpu_limit: Mapped[int]
    cpu_request: Mapped[int]
    memory_request: Mapped[int] = mapped_column(sa.BigInteger)
    timeout: Mapped[int]
    retries: Mapped[int]
    retries_used: Mapped[int] = mapped_column(default=0)
    phase: Mapped[str] = mapped_column(sa.String(20))
    reason: Mapped[str] = mapped_column(sa.String(40), default="")
    message: Mapped[str] = mapped_column(sa.String(2000), default="")
    exit_code: Mapped[int | None]
    cancel_requested: Mapped[str | None] = mapped_column(sa.String(200))
    """The target: null is to run; else by whom or why it is to end."""
    progress: Mapped[dict[str, Any] | None] = mapped_column(sa.JSON)
    artifacts: Mapped[dict[str, Any] | None] = mapped_column(sa.JSON)
    attempts: Mapped[int] = mapped_column(default=0)
    """How many there have been."""
    not_before: Mapped[datetime | None]
    """Back-off: it is not considered before."""
    queued_at: Mapped[datetime]
    """Its place in the queue: kept when it goes back there."""
    schedule_id: Mapped[str | None] = mapped_column(sa.String(32), index=True)
    scheduled: Mapped[bool] = mapped_column(default=False)
    """Made by a due instant, and not by hand."""
    rerun_of: Mapped[str | None] = mapped_column(sa.String(32))
    values_of: Mapped[str | None] = mapped_column(sa.String(32))
    """The account whose values its variables have, where that is not its owner. Only of old jobs: reruns carried them."""
    snapshot_id: Mapped[str | None] = mapped_column(sa.String(64), index=True)
    created_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]


class KeptPlaceRow(Base):
    """What is kept of each budget for a job that waits long; no later request takes it. Written with every decision
    about the job's group, and gone with the wait."""

    __tablename__ = "kept_places"

    job_id: Mapped[str] = mapped_column(sa.ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True)
    account_id: Mapped[str] = mapped_column(sa.ForeignKey("accounts.id"))
    group_id: Mapped[str] = mapped_column(sa.ForeignKey("groups.id"), index=True)
    queued_at: Mapped[datetime]
    user_cpu: Mapped[int]
    """Of the owner's quota in the group; likewise the next two."""
    user_memory: Mapped[int] = mapped_column(sa.BigInteger)
    user_gpu: Mapped[int]
    group_cpu: Mapped[int]
    group_memory: Mapped[int] = mapped_column(sa.BigInteger)
    group_gpu: Mapped[int]
    machine_cpu: Mapped[int]
    machine_memory: Mapped[int] = mapped_column(sa.BigInteger)
    machine_gpu: Mapped[int]
    for_machine: Mapped[bool]
    """The machine alone holds it up."""


class AttemptRow(Base):
    """One try at a job. Its id is the workload's key and its claim's id: it runs at most once."""

    __tablename__ = "attempts"
    __table_args__ = (sa.UniqueConstraint("job_id", "number"),)

    id: Mapped[str] = mapped_column(sa.String(32), primary_key=True)
    job_id: Mapped[str] = mapped_column(sa.ForeignKey("jobs.id", ondelete="CASCADE"))
    number: Mapped[int]
    phase: Mapped[str] = mapped_column(sa.String(20), index=True)
    plan: Mapped[dict[str, Any]]
    """The LaunchPlan, without values of secrets; its environment is dropped when the attempt ends."""
    refs: Mapped[list[Any]]
    """EngineRefs, each written as soon as it exists."""
    reason: Mapped[str] = mapped_column(sa.String(40), default="")
    message: Mapped[str] = mapped_column(sa.String(2000), default="")
    exit_code: Mapped[int | None]
    ending: Mapped[dict[str, Any] | None] = mapped_column(sa.JSON)
    """What was decided about its end, written before its results are kept and its workload is dropped."""
    created_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]


class SnapshotRow(Base):
    """A notebook (or its folder) as it was uploaded; the content is a blob. Unused ones are swept."""

    __tablename__ = "snapshots"

    id: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    account_id: Mapped[str] = mapped_column(sa.ForeignKey("accounts.id"))
    group_id: Mapped[str] = mapped_column(sa.ForeignKey("groups.id"))
    format: Mapped[str] = mapped_column(sa.String(10))
    """``ipynb`` or ``zip``."""
    name: Mapped[str] = mapped_column(sa.String(255))
    """The notebook's file name; in a zip its path."""
    size: Mapped[int] = mapped_column(sa.BigInteger)
    digest: Mapped[str] = mapped_column(sa.String(64))
    created_at: Mapped[datetime]


class PermitRow(Base):
    """Which pod runs a workload. A cluster may make a second one; there is no second row."""

    __tablename__ = "permits"

    workload: Mapped[str] = mapped_column(sa.String(63), primary_key=True)
    """The workload's key. No foreign key: notebooks have them too."""
    pod: Mapped[str] = mapped_column(sa.String(64))
    """Its uid."""
    granted_at: Mapped[datetime]
