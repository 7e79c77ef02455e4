"""What the tables have in common: identifiers, versions, moments in UTC."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, Mapped, declared_attr, mapped_column


class UtcDateTime(sa.types.TypeDecorator[datetime]):
    """A moment in UTC, also on SQLite, which keeps no time zones."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Any) -> datetime | None:
        """Convert to UTC; naive values are a programming error."""
        if value is None:
            return None
        if value.tzinfo is None:
            msg = "naive datetime"
            raise ValueError(msg)
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Any) -> datetime | None:
        """Put the zone back."""
        if value is None or value.tzinfo is not None:
            return value
        return value.replace(tzinfo=UTC)


class Base(DeclarativeBase):
    """The registry of all tables, with constraint names that migrations can rely on."""

    metadata = sa.MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {datetime: UtcDateTime(), dict[str, Any]: sa.JSON(), list[Any]: sa.JSON()}


def new_id() -> str:
    """A fresh opaque identifier."""
    return uuid.uuid4().hex


class Identified:
    """A row with an opaque identifier."""

    id: Mapped[str] = mapped_column(sa.String(32), primary_key=True, default=new_id)


class Versioned:
    """A row that two people may edit: an update of a stale version fails (SQLAlchemy's ``StaleDataError``)."""

    version: Mapped[int] = mapped_column(sa.Integer, nullable=False)

    @declared_attr.directive
    def __mapper_args__(cls) -> dict[str, Any]:
        return {"version_id_col": cls.version}


def live_name_index(table: str) -> sa.Index:
    """A name is unique among things that are not deleted; it may be used again afterwards."""
    live = sa.text("deleted_at IS NULL")
    return sa.Index(f"uq_{table}_live_name", "name", unique=True, sqlite_where=live, postgresql_where=live)
