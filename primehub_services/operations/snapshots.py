"""Uploaded notebooks: who may upload one, run one, and look at what ran."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from ..domain.identity import Actor
from ..domain.permissions import allowed, require
from ..domain.problems import Invalid, NotFound, TooMany
from ..domain.snapshots import Snapshot, SnapshotFormat, SnapshotQuery
from ..store import settings as settings_store
from ..store import snapshots as store
from ..store.orm import JobRow, SnapshotRow
from ..store.unit_of_work import UnitOfWork
from . import groups  # by module: groups end schedules, which make jobs, which run snapshots

UNUSED_FILES = 100
UNUSED_BYTES = 500_000_000
"""What a person may have uploaded that nothing runs yet; one upload of the largest size that is allowed in any case."""
_SWEPT_S = 600
"""Seconds between two looks for those that are to be deleted."""


@dataclass(frozen=True, slots=True)
class Allowed:
    """The most bytes of an upload."""

    setting: int
    """As the system's settings say."""
    left: int
    """And now."""
    why: str
    """Why that is not more."""


def limit(uow: UnitOfWork, actor: Actor, query: SnapshotQuery) -> Allowed:
    """The most bytes that the actor may upload for the group now. Raises where nothing may be."""
    group = groups.resolve_group(uow, actor, query.group)
    require(actor, "job.submit", group_id=group.id, visible=True)
    most = settings_store.load(uow).snapshot_max * 1_000_000
    left = _left(uow, actor, most)
    return Allowed(most, min(most, left), _waiting(most) if left < most else "")


def _left(uow: UnitOfWork, actor: Actor, most: int) -> int:
    """Bytes that the actor may still upload before something runs what is there. Raises ``TooMany`` for none."""
    assert actor.account is not None
    count, size = store.unused_of(uow, actor.account.id)
    left = max(UNUSED_BYTES, most) - size
    if count >= UNUSED_FILES or left <= 0:
        raise TooMany(_waiting(most), retry_after_s=_SWEPT_S)
    return left


def _waiting(most: int) -> str:
    bound = f"{UNUSED_FILES} uploaded notebooks and {max(UNUSED_BYTES, most) // 1_000_000} MB"
    return (
        f"You may have {bound} that no job and no recurring job runs yet. "
        "Submit those that are there, or wait: they are deleted a day after their upload."
    )


def create(
    uow: UnitOfWork, actor: Actor, query: SnapshotQuery, *, format: SnapshotFormat, size: int, digest: str
) -> Snapshot:
    """Note an upload that was checked and is about to be kept by the id that this gives it. Raises as ``limit`` does."""
    group = groups.resolve_group(uow, actor, query.group)
    require(actor, "job.submit", group_id=group.id, visible=True)
    assert actor.account is not None
    uow.lock(store.LOCK)
    most = settings_store.load(uow).snapshot_max * 1_000_000
    if size > _left(uow, actor, most):
        raise TooMany(_waiting(most), retry_after_s=_SWEPT_S)
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
