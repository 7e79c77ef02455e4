"""Images as rows, and the phases of making their environments, which only a controller moves.

``build`` counts what was asked for: each function of a build changes nothing, and says so, where the image was
deleted or asked for anew meanwhile. None of them counts a new ``version``, so that progress never spoils an edit.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa

from ..domain.images import Image, ImageBuild, ImageCreate, ImagePhase
from ..domain.jobs import ACTIVE
from ..domain.notebooks import FINAL
from . import catalog
from .catalog import Seen
from .orm import AttemptRow, ImageRow, NotebookRow
from .unit_of_work import UnitOfWork

MESSAGE_MAX = 2000
SORTS = {"kind": ImageRow.kind, "phase": ImageRow.phase}
_OPEN = (ImagePhase.PENDING.value, ImagePhase.BUILDING.value)


def to_models(uow: UnitOfWork, rows: Iterable[ImageRow], seen: Seen, *, naming: bool = True) -> list[Image]:
    """The rows in the domain's words, naming only groups that may be seen, and none unless ``naming``."""
    rows = list(rows)
    groups = catalog.groups_having(uow, ImageRow, [row.id for row in rows] if naming else (), seen)
    owners = catalog.slugs_of_groups(uow, {row.owner_group_id for row in rows if row.owner_group_id})
    return [
        Image.model_validate(
            {
                "id": row.id,
                "name": row.name,
                "slug": row.slug,
                "display_name": row.display_name,
                "description": row.description,
                "kind": row.kind,
                "source": row.source,
                "group": owners.get(row.owner_group_id or ""),
                "all_groups": row.all_groups,
                "groups": tuple(slug for slug, _ in groups.get(row.id, ())),
                "phase": row.phase,
                "build": row.build,
                "message": row.message,
                "progress": row.progress,
                "location": row.location,
                "created_at": row.created_at,
                "version": row.version,
            }
        )
        for row in rows
    ]


def for_groups(uow: UnitOfWork, group_ids: frozenset[str]) -> list[Image]:
    """Those that any of the groups has or owns, each once; only these groups are named in them."""
    return to_models(uow, catalog.of_groups(uow, ImageRow, group_ids), group_ids)


def put(row: ImageRow, spec: ImageCreate) -> None:
    """Set the columns that are the specification's, apart from the source."""
    row.display_name = spec.display_name
    row.description = spec.description
    row.kind = spec.kind.value
    row.all_groups = spec.all_groups


def ask_for_build(row: ImageRow) -> None:
    """Nothing of the image can be used until its source has been made or checked; a container needs neither."""
    container = row.source["type"] == "container"
    row.phase = (ImagePhase.READY if container else ImagePhase.PENDING).value
    row.progress = 100 if container else 0
    row.message = ""
    row.location = None
    row.build = (row.build or 0) + 1


def name_taken(uow: UnitOfWork, name: str, owner_group_id: str | None) -> bool:
    """Whether the owner (the platform, or a group) has an image of that name."""
    owner = ImageRow.owner_group_id
    same = owner.is_(None) if owner_group_id is None else owner == owner_group_id
    return catalog.name_taken(uow, ImageRow, name, same)


def tell(uow: UnitOfWork, row: ImageRow, action: str, *, also: Iterable[str] = (), everyone: bool = False) -> None:
    """Tell those who have the image; and, where they had it until now, the groups ``also`` or ``everyone``."""
    groups = {row.owner_group_id, *catalog.group_ids_of(uow, row), *also}
    catalog.tell(uow, "image", row, action, everyone=everyone or row.all_groups, groups=groups)


def pending_builds(uow: UnitOfWork) -> tuple[ImageBuild, ...]:
    """Environments to make, check, or, after a crash, take up again; the one asked for first, first."""
    rows = uow.session.scalars(
        sa.select(ImageRow)
        .where(ImageRow.deleted_at.is_(None), ImageRow.phase.in_(_OPEN))
        .order_by(ImageRow.created_at, ImageRow.id)
    )
    return tuple(_build_of(row) for row in rows if row.source["type"] == "environment")


def _build_of(row: ImageRow) -> ImageBuild:
    return ImageBuild.model_validate(
        {
            "image_id": row.id,
            "slug": row.slug,
            "build": row.build,
            "phase": row.phase,
            "source": row.source,
            "of_platform": row.owner_group_id is None,
        }
    )


def made(uow: UnitOfWork) -> tuple[tuple[ImageBuild, str], ...]:
    """Images whose environment the platform made, each with its location."""
    rows = uow.session.scalars(
        sa.select(ImageRow).where(ImageRow.deleted_at.is_(None), ImageRow.phase == ImagePhase.READY.value)
    )
    found = (row for row in rows if row.source["type"] == "environment" and row.source.get("prefix") is None)
    return tuple((_build_of(row), row.location or "") for row in found)


def build_again(uow: UnitOfWork, image_id: str, build: int) -> bool:
    """READY to PENDING, as if it were asked for: what was made is not there any more."""
    ready, pending = (ImagePhase.READY.value,), ImagePhase.PENDING
    return _move(uow, image_id, build, ready, phase=pending, progress=0, location=None, build=build + 1)


def in_use(uow: UnitOfWork) -> frozenset[str]:
    """Paths that images are made of or from, and the locations of those in which something starts or runs."""
    found: set[str | None] = set()
    images = sa.select(ImageRow.source, ImageRow.location).where(ImageRow.deleted_at.is_(None))
    for source, location in uow.session.execute(images):
        found |= {location, source.get("prefix"), source.get("base")}
    notebooks = NotebookRow.phase.not_in([phase.value for phase in FINAL])
    attempts = AttemptRow.phase.in_([phase.value for phase in ACTIVE])
    found.update(uow.session.scalars(sa.select(NotebookRow.plan["image_location"].as_string()).where(notebooks)))
    found.update(uow.session.scalars(sa.select(AttemptRow.plan["image_location"].as_string()).where(attempts)))
    return frozenset(filter(None, found))


def deleted(uow: UnitOfWork) -> frozenset[str]:
    """Ids of images that nobody can choose any more."""
    return frozenset(uow.session.scalars(sa.select(ImageRow.id).where(ImageRow.deleted_at.is_not(None))))


def begin_build(uow: UnitOfWork, image_id: str, build: int) -> bool:
    """PENDING, or BUILDING of a process that is gone, to BUILDING."""
    return _move(uow, image_id, build, _OPEN, phase=ImagePhase.BUILDING, progress=0, message="")


def build_progress(uow: UnitOfWork, image_id: str, build: int, progress: int, message: str) -> bool:
    """How far it is, 0 to 99, and what is being done."""
    return _move(
        uow, image_id, build, (ImagePhase.BUILDING.value,), progress=min(max(progress, 0), 99), message=message
    )


def is_building(uow: UnitOfWork, image_id: str, build: int) -> bool:
    """Whether it is this build that is wanted, and not a later one or none at all."""
    found = sa.select(ImageRow.id).where(
        ImageRow.id == image_id,
        ImageRow.build == build,
        ImageRow.phase == ImagePhase.BUILDING.value,
        ImageRow.deleted_at.is_(None),
    )
    return uow.session.scalar(found) is not None


def finish_build(uow: UnitOfWork, image_id: str, build: int, location: str) -> bool:
    """READY: the environment is at the prefix ``location``."""
    return _move(uow, image_id, build, _OPEN, phase=ImagePhase.READY, progress=100, message="", location=location)


def fail_build(uow: UnitOfWork, image_id: str, build: int, reason: str) -> bool:
    """FAILED, with the reason in words for who asked for it."""
    return _move(uow, image_id, build, _OPEN, phase=ImagePhase.FAILED, message=reason)


def _move(uow: UnitOfWork, image_id: str, build: int, phases: tuple[str, ...], /, **values: Any) -> bool:
    if "phase" in values:
        values["phase"] = values["phase"].value
    values["message"] = values.get("message", "")[:MESSAGE_MAX]
    moved = uow.session.execute(
        sa.update(ImageRow)
        .where(
            ImageRow.id == image_id,
            ImageRow.build == build,
            ImageRow.phase.in_(phases),
            ImageRow.deleted_at.is_(None),
        )
        .values(**values)
        .execution_options(synchronize_session=False)
        .returning(ImageRow.id)
    ).one_or_none()
    if moved is None:
        return False
    row = uow.session.get_one(ImageRow, image_id, populate_existing=True)
    tell(uow, row, "update")
    return True
