"""What groups are given: instance types, images, volumes, secrets."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from .base import Base, Identified, Versioned, live_name_index


class _Named(Identified, Versioned):
    """A thing of the catalog: its name may be used again after it is deleted, its slug never is."""

    name: Mapped[str] = mapped_column(sa.String(63))
    slug: Mapped[str] = mapped_column(sa.String(40), unique=True)
    display_name: Mapped[str] = mapped_column(sa.String(100), default="")
    created_at: Mapped[datetime]
    deleted_at: Mapped[datetime | None]


def _live_index(name: str, *columns: str, where: str = "") -> sa.Index:
    """Unique among rows that are not deleted; null owners never clash with each other."""
    live = sa.text(f"deleted_at IS NULL{where}")
    return sa.Index(name, *columns, unique=True, sqlite_where=live, postgresql_where=live)


def _owned_names(table: str) -> tuple[sa.Index, ...]:
    """Names are unique per owning group, so that taking one tells nothing of what other groups have."""
    platform = " AND owner_group_id IS NULL" + (" AND account_id IS NULL" if table == "secrets" else "")
    return (
        _live_index(f"uq_{table}_platform_name", "name", where=platform),
        _live_index(f"uq_{table}_group_name", "owner_group_id", "name"),
    )


class InstanceTypeRow(_Named, Base):
    """A named size."""

    __tablename__ = "instance_types"
    __table_args__ = (live_name_index("instance_types"),)

    description: Mapped[str] = mapped_column(sa.String(2000), default="")
    cpu_limit: Mapped[int]
    memory_limit: Mapped[int] = mapped_column(sa.BigInteger)
    gpu_limit: Mapped[int]
    cpu_request: Mapped[int | None]
    memory_request: Mapped[int | None] = mapped_column(sa.BigInteger)
    gpu_resource: Mapped[str] = mapped_column(sa.String(253))
    node_selector: Mapped[dict[str, Any]]
    tolerations: Mapped[list[Any]]
    all_groups: Mapped[bool]
    idle_timeout: Mapped[int | None]


class ImageRow(_Named, Base):
    """An image; ``source`` is the domain's tagged union as JSON."""

    __tablename__ = "images"
    __table_args__ = _owned_names("images")

    description: Mapped[str] = mapped_column(sa.String(2000), default="")
    kind: Mapped[str] = mapped_column(sa.String(10))
    source: Mapped[dict[str, Any]]
    owner_group_id: Mapped[str | None] = mapped_column(sa.ForeignKey("groups.id", ondelete="CASCADE"))
    all_groups: Mapped[bool]
    phase: Mapped[str] = mapped_column(sa.String(20))
    message: Mapped[str] = mapped_column(sa.String(2000), default="")
    progress: Mapped[int] = mapped_column(default=0)
    build: Mapped[int] = mapped_column(default=1)
    """Counts the environments that were asked for: what an earlier build reports late changes nothing."""
    location: Mapped[str | None] = mapped_column(sa.String(1000))


class VolumeRow(_Named, Base):
    """A data volume; ``source`` is the domain's tagged union as JSON."""

    __tablename__ = "volumes"
    __table_args__ = (live_name_index("volumes"),)

    description: Mapped[str] = mapped_column(sa.String(2000), default="")
    source: Mapped[dict[str, Any]]
    all_groups: Mapped[bool]
    launch_group_only: Mapped[bool]
    message: Mapped[str] = mapped_column(sa.String(2000), default="")
    content: Mapped[dict[str, Any] | None]
    """Of kind git: what of the repository is shown."""


class SecretRow(_Named, Base):
    """A secret, encrypted; ``key_id`` names the key, so that keys can be rotated."""

    __tablename__ = "secrets"
    __table_args__ = (*_owned_names("secrets"), _live_index("uq_secrets_account_name", "account_id", "name"))

    kind: Mapped[str] = mapped_column(sa.String(10))
    registry_host: Mapped[str] = mapped_column(sa.String(253), default="")
    username: Mapped[str] = mapped_column(sa.String(253), default="")
    ciphertext: Mapped[bytes]
    key_id: Mapped[str] = mapped_column(sa.String(32))
    account_id: Mapped[str | None] = mapped_column(sa.ForeignKey("accounts.id", ondelete="CASCADE"))
    owner_group_id: Mapped[str | None] = mapped_column(sa.ForeignKey("groups.id", ondelete="CASCADE"))
    groups: Mapped[list[Any]]
    """Ids of the groups that may use it, for kinds pull and git."""
    updated_at: Mapped[datetime]


class GroupInstanceTypeRow(Base):
    """A group that may use an instance type that not all groups may use."""

    __tablename__ = "group_instance_types"

    group_id: Mapped[str] = mapped_column(sa.ForeignKey("groups.id", ondelete="CASCADE"), primary_key=True)
    instance_type_id: Mapped[str] = mapped_column(
        sa.ForeignKey("instance_types.id", ondelete="CASCADE"), primary_key=True, index=True
    )


class GroupImageRow(Base):
    """A group that may use an image that not all groups may use."""

    __tablename__ = "group_images"

    group_id: Mapped[str] = mapped_column(sa.ForeignKey("groups.id", ondelete="CASCADE"), primary_key=True)
    image_id: Mapped[str] = mapped_column(sa.ForeignKey("images.id", ondelete="CASCADE"), primary_key=True, index=True)


class GroupVolumeRow(Base):
    """A group that has a volume, and whether it may write."""

    __tablename__ = "group_volumes"

    group_id: Mapped[str] = mapped_column(sa.ForeignKey("groups.id", ondelete="CASCADE"), primary_key=True)
    volume_id: Mapped[str] = mapped_column(
        sa.ForeignKey("volumes.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    writable: Mapped[bool]
