"""Uploaded notebooks: who may upload one, run one, and look at what ran."""

from __future__ import annotations

import uuid

from ..domain.identity import Actor
from ..domain.permissions import allowed, require
from ..domain.problems import Invalid, NotFound
from ..domain.snapshots import Snapshot, SnapshotFormat, SnapshotQuery
from ..store import settings as settings_store
from ..store import snapshots as store
from ..store.orm import JobRow, SnapshotRow
from ..store.unit_of_work import UnitOfWork
from . import groups  # by module: groups end schedules, which make jobs, which run snapshots


def limit(uow: UnitOfWork, actor: Actor, query: SnapshotQuery) -> int:
    """The most bytes that the actor may upload for the group. Raises where nothing may be."""
    group = groups.resolve_group(uow, actor, query.group)
    require(actor, "job.submit", group_id=group.id, visible=True)
    return settings_store.load(uow).snapshot_max * 1_000_000


def create(
    uow: UnitOfWork, actor: Actor, query: SnapshotQuery, *, format: SnapshotFormat, size: int, digest: str
) -> Snapshot:
    """Note an upload that was checked and is about to be kept by the id that this gives it."""
    group = groups.resolve_group(uow, actor, query.group)
    require(actor, "job.submit", group_id=group.id, visible=True)
    assert actor.account is not None
    row = SnapshotRow(
        id=uuid.uuid4().hex,
        account_id=actor.account.id,
        group_id=group.id,
        format=format.value,
        name=query.name,
        size=size,
        digest=digest,
        created_at=uow.now,
    )
    store.add(uow, row)
    return store.to_model(uow, row)


def usable(
    uow: UnitOfWork, actor: Actor, group_id: str, snapshot: str, *, field: str = "notebook.snapshot"
) -> SnapshotRow:
    """The snapshot, for a job or a recurring job of this group that the actor makes in this transaction.

    One's own, or one that a job or a recurring job of the group has that the actor may read: so the rerun of a
    colleague's, and the rerun of that. Raises ``Invalid`` for the field.
    """
    uow.lock(store.LOCK)
    row = store.get(uow, snapshot)
    if row is not None and row.group_id == group_id and actor.account is not None:
        if row.account_id == actor.account.id:
            return row
        whose = actor.account.id if actor.is_notebook else None
        if allowed(actor, "job.read", group_id=group_id, owner_id=whose) and store.run_in(
            uow, snapshot, group_id, whose
        ):
            return row
    raise Invalid.field(field, "There is no such snapshot for this group.", "Upload the notebook with POST /snapshots.")


def of_job(uow: UnitOfWork, actor: Actor, job: str) -> Snapshot:
    """The notebook that a job runs, as it was submitted."""
    row = uow.session.get(JobRow, job)
    if row is None:
        raise NotFound.of("job", job)
    require(actor, "job.read", kind="job", name=job, group_id=row.group_id, owner_id=row.account_id)
    found = store.get(uow, row.snapshot_id) if row.snapshot_id else None
    if found is None:
        msg = f"The job {job!r} has no snapshot of a notebook."
        raise NotFound(msg)
    return store.to_model(uow, found)
