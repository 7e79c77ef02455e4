"""Accounts, invitations, and what a person chose the last time."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from .base import Base, Identified, Versioned


class AccountRow(Identified, Versioned, Base):
    """A person. Deleted ones stay as tombstones, so that a name or slug is never inherited."""

    __tablename__ = "accounts"
    __table_args__ = (sa.UniqueConstraint("issuer", "subject"),)

    issuer: Mapped[str] = mapped_column(sa.String(500))
    subject: Mapped[str] = mapped_column(sa.String(255))
    name: Mapped[str] = mapped_column(sa.String(63), unique=True)
    normalized_name: Mapped[str] = mapped_column(sa.String(63), unique=True)
    slug: Mapped[str] = mapped_column(sa.String(40), unique=True)
    display_name: Mapped[str] = mapped_column(sa.String(100), default="")
    email: Mapped[str] = mapped_column(sa.String(254), default="")
    enabled: Mapped[bool] = mapped_column(default=True)
    platform_admin: Mapped[bool] = mapped_column(default=False)
    volume_capacity: Mapped[int | None]
    password_hash: Mapped[str | None] = mapped_column(sa.String(255))
    must_change_password: Mapped[bool] = mapped_column(default=False)
    failed_sign_ins: Mapped[int] = mapped_column(default=0)
    locked_until: Mapped[datetime | None]
    created_at: Mapped[datetime]
    last_seen_at: Mapped[datetime | None]
    left_at: Mapped[datetime | None]
    """When it was disabled or deleted: the controller ends all that is still open, then clears it."""
    deleted_at: Mapped[datetime | None]


class InvitationRow(Identified, Base):
    """A link that works once. Only a digest of its token is kept."""

    __tablename__ = "invitations"

    token_digest: Mapped[str] = mapped_column(sa.String(64), unique=True)
    kind: Mapped[str] = mapped_column(sa.String(20))
    group_id: Mapped[str | None] = mapped_column(sa.ForeignKey("groups.id", ondelete="CASCADE"))
    role: Mapped[str] = mapped_column(sa.String(20))
    account_id: Mapped[str | None] = mapped_column(sa.ForeignKey("accounts.id", ondelete="CASCADE"))
    created_by: Mapped[str] = mapped_column(sa.String(80))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    used_by: Mapped[str | None] = mapped_column(sa.String(63))


class LaunchPreferenceRow(Base):
    """What a person set the last time, to fill the form the next time."""

    __tablename__ = "launch_preferences"

    account_id: Mapped[str] = mapped_column(sa.ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True)
    environment: Mapped[dict[str, Any]]
    updated_at: Mapped[datetime]


class StrangerRow(Base):
    """A name that nobody has, with which somebody has failed to sign in. Only the newest are kept."""

    __tablename__ = "strangers"

    id: Mapped[int] = mapped_column(
        sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True
    )
    digest: Mapped[str] = mapped_column(sa.String(64), unique=True)
    failures: Mapped[int]
    locked_until: Mapped[datetime | None]


class LoginRequestRow(Identified, Base):
    """A sign-in of the ``primehub`` command that waits for a person's approval in the browser."""

    __tablename__ = "login_requests"

    secret_digest: Mapped[str] = mapped_column(sa.String(64))
    code: Mapped[str] = mapped_column(sa.String(9), unique=True)
    client: Mapped[str] = mapped_column(sa.String(100))
    host: Mapped[str] = mapped_column(sa.String(253))
    scopes: Mapped[list[Any]]
    token_lifetime: Mapped[int]
    """Seconds that the token will be good for."""
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    decided_by: Mapped[str | None] = mapped_column(sa.String(63))
    denied: Mapped[bool] = mapped_column(default=False)
    ciphertext: Mapped[bytes | None]
    """The token, encrypted, from the approval until it is fetched."""
    key_id: Mapped[str | None] = mapped_column(sa.String(32))
