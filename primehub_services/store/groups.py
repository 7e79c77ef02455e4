"""Groups: finding them by slug or name, and what goes with them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

import sqlalchemy as sa

from ..domain.groups import Group
from ..domain.names import as_reference, make_slug
from ..domain.paging import PageQuery
from ..domain.pod_security import PodSecurity
from ..domain.pods import ClaimNeed, project_need
from ..domain.resources import Quota
from ..domain.units import Bytes, Millicores
from .lists import findable, matching, page
from .orm import (
    GroupImageRow,
    GroupInstanceTypeRow,
    GroupRow,
    GroupVolumeRow,
    ImageRow,
    InvitationRow,
    MembershipRow,
    SecretRow,
)
from .unit_of_work import UnitOfWork

PROBLEM_MAX = 2000
NAMES = "group-names"
"""Lock: a new group's name and slug are compared with every group's."""
_SORTS = {"name": GroupRow.name, "display_name": GroupRow.display_name, "created_at": GroupRow.created_at}


def quota(cpu: int | None, memory: int | None, gpu: int | None) -> Quota:
    """Three columns as a quota."""
    return Quota(
        cpu=None if cpu is None else Millicores(cpu), memory=None if memory is None else Bytes(memory), gpu=gpu
    )


def to_model(row: GroupRow) -> Group:
    """The row in the domain's words."""
    return Group.model_construct(
        id=row.id,
        name=row.name,
        slug=row.slug,
        display_name=row.display_name,
        description=row.description,
        user_quota=quota(row.user_cpu, row.user_memory, row.user_gpu),
        group_quota=quota(row.group_cpu, row.group_memory, row.group_gpu),
        shared_volume=row.shared_volume,
        shared_volume_capacity=row.shared_volume_capacity,
        folder_problem=row.folder_problem if row.shared_volume else "",
        launch_group_only=row.launch_group_only,
        pod_security=PodSecurity(row.pod_security),
        job_timeout=row.job_timeout,
        idle_timeout=row.idle_timeout,
        created_at=row.created_at,
        version=row.version,
    )


def by_reference(uow: UnitOfWork, reference: str, *, lock: bool = False) -> GroupRow | None:
    """The group with this slug, else the one with this name, that is not deleted."""
    if not findable(reference):
        return None
    reference = as_reference(reference)
    statement = (
        sa.select(GroupRow)
        .where(sa.or_(GroupRow.slug == reference, GroupRow.name == reference), GroupRow.deleted_at.is_(None))
        .order_by(sa.case((GroupRow.slug == reference, 0), else_=1))
        .limit(1)
    )
    if lock:
        statement = statement.with_for_update(key_share=True).execution_options(populate_existing=True)
    return uow.session.scalar(statement)


def by_id(uow: UnitOfWork, group_id: str, *, lock: bool = False) -> GroupRow | None:
    """The group that is not deleted, if there is one. ``lock`` makes other writers of it wait."""
    statement = sa.select(GroupRow).where(GroupRow.id == group_id, GroupRow.deleted_at.is_(None))
    if lock:
        statement = statement.with_for_update(key_share=True).execution_options(populate_existing=True)
    return uow.session.scalar(statement)


def by_references(uow: UnitOfWork, references: Collection[str]) -> dict[str, GroupRow]:
    """Those of the references that are a slug, or else a name, of a group, with the group."""
    forms = {reference: as_reference(reference) for reference in references if findable(reference)}
    rows = uow.session.scalars(
        sa.select(GroupRow).where(
            sa.or_(GroupRow.slug.in_(forms.values()), GroupRow.name.in_(forms.values())), GroupRow.deleted_at.is_(None)
        )
    ).all()
    names, slugs = {row.name: row for row in rows}, {row.slug: row for row in rows}
    return {reference: found for reference, form in forms.items() if (found := slugs.get(form) or names.get(form))}


def add(uow: UnitOfWork, row: GroupRow) -> GroupRow:
    """Give the row its slug and keep it. The caller holds ``NAMES`` and found the name free."""
    row.slug = make_slug(row.name, lambda slug: _slug_taken(uow, slug, row.name))
    row.created_at = uow.now
    uow.session.add(row)
    uow.session.flush()
    return row


def _slug_taken(uow: UnitOfWork, slug: str, name: str) -> bool:
    # another group's name counts too: a reference must never mean two groups
    named = sa.and_(GroupRow.name == slug, GroupRow.name != name, GroupRow.deleted_at.is_(None))
    return bool(uow.session.scalar(sa.select(sa.exists().where(sa.or_(GroupRow.slug == slug, named)))))


def list_(uow: UnitOfWork, query: PageQuery, *, ids: Iterable[str] | None = None) -> tuple[Sequence[GroupRow], int]:
    """A page of those that are not deleted; of ``ids`` alone where given."""
    statement = sa.select(GroupRow).where(
        GroupRow.deleted_at.is_(None),
        matching(query.search, GroupRow.name, GroupRow.display_name, GroupRow.description),
    )
    if ids is not None:
        statement = statement.where(GroupRow.id.in_(list(ids)))
    return page(uow, statement, query, sorts=_SORTS, default="name", key=GroupRow.id)


def every(uow: UnitOfWork) -> Sequence[GroupRow]:
    """All that are not deleted, by name."""
    return uow.session.scalars(sa.select(GroupRow).where(GroupRow.deleted_at.is_(None)).order_by(GroupRow.name)).all()


def bury(uow: UnitOfWork, row: GroupRow) -> None:
    """Make it a tombstone: with its people, links, secrets and own images gone, its slug kept."""
    for table in (MembershipRow, InvitationRow, GroupInstanceTypeRow, GroupImageRow, GroupVolumeRow):
        uow.session.execute(sa.delete(table).where(table.group_id == row.id))
    uow.session.execute(sa.delete(SecretRow).where(SecretRow.owner_group_id == row.id))
    uow.session.execute(
        sa.update(ImageRow)
        .where(ImageRow.owner_group_id == row.id, ImageRow.deleted_at.is_(None))
        .values(deleted_at=uow.now)
        .execution_options(synchronize_session=False)
    )
    row.deleted_at = uow.now
    uow.session.flush()


def by_ids(uow: UnitOfWork, ids: Iterable[str]) -> Sequence[GroupRow]:
    """Those of the groups that are not deleted, by name."""
    statement = sa.select(GroupRow).where(GroupRow.id.in_(list(ids)), GroupRow.deleted_at.is_(None))
    return uow.session.scalars(statement.order_by(GroupRow.name)).all()


def with_folders(uow: UnitOfWork) -> list[tuple[str, ClaimNeed, str]]:
    """On a cluster: groups with a folder, by id, with its claim, and why it cannot be mounted until now."""
    statement = sa.select(GroupRow).where(GroupRow.deleted_at.is_(None), GroupRow.shared_volume).order_by(GroupRow.slug)
    return [
        (row.id, project_need(row.slug, row.shared_volume_capacity), row.folder_problem)
        for row in uow.session.scalars(statement)
    ]


def report_folder(uow: UnitOfWork, group_id: str, problem: str) -> None:
    """Why a group's folder cannot be mounted; empty where it can."""
    # not through the row: that would count a version and spoil somebody's edit
    uow.session.execute(
        sa.update(GroupRow)
        .where(GroupRow.id == group_id, GroupRow.deleted_at.is_(None))
        .values(folder_problem=problem[:PROBLEM_MAX])
        .execution_options(synchronize_session=False)
    )
    uow.changed("group", group_id, "update", group_id=group_id)
