"""Instance types as rows."""

from __future__ import annotations

from collections.abc import Iterable

from ..domain.instance_types import InstanceType, InstanceTypeCreate
from ..domain.units import Bytes, Millicores
from . import catalog
from .catalog import Seen
from .orm import InstanceTypeRow
from .unit_of_work import UnitOfWork

PLAIN = (
    "display_name",
    "description",
    "cpu_limit",
    "memory_limit",
    "gpu_limit",
    "cpu_request",
    "memory_request",
    "gpu_resource",
    "node_selector",
    "all_groups",
    "idle_timeout",
)
_AMOUNTS = {
    "cpu_limit": Millicores,
    "memory_limit": Bytes,
    "cpu_request": Millicores,
    "memory_request": Bytes,
}
SORTS = {
    "cpu_limit": InstanceTypeRow.cpu_limit,
    "memory_limit": InstanceTypeRow.memory_limit,
    "gpu_limit": InstanceTypeRow.gpu_limit,
}


def to_models(
    uow: UnitOfWork, rows: Iterable[InstanceTypeRow], seen: Seen, *, naming: bool = True
) -> list[InstanceType]:
    """The rows in the domain's words, naming only groups that may be seen, and none unless ``naming``."""
    rows = list(rows)
    groups = catalog.groups_having(uow, InstanceTypeRow, [row.id for row in rows] if naming else (), seen)
    return [_to_model(row, tuple(slug for slug, _ in groups.get(row.id, ()))) for row in rows]


def for_groups(uow: UnitOfWork, group_ids: frozenset[str]) -> list[InstanceType]:
    """Those that any of the groups has, each once; only these groups are named in them."""
    return to_models(uow, catalog.of_groups(uow, InstanceTypeRow, group_ids), group_ids)


def put(row: InstanceTypeRow, spec: InstanceTypeCreate) -> None:
    """Set the columns that are the specification's."""
    for column in PLAIN:
        setattr(row, column, getattr(spec, column))
    row.tolerations = [toleration.model_dump(mode="json") for toleration in spec.tolerations]


def _to_model(row: InstanceTypeRow, groups: tuple[str, ...]) -> InstanceType:
    from_columns = {column: getattr(row, column) for column in PLAIN if column not in _AMOUNTS}
    return InstanceType.model_validate(
        from_columns
        | {column: wrap(value) for column, wrap in _AMOUNTS.items() if (value := getattr(row, column)) is not None}
        | {
            "id": row.id,
            "name": row.name,
            "slug": row.slug,
            "tolerations": row.tolerations,
            "groups": groups,
            "created_at": row.created_at,
            "version": row.version,
        }
    )
