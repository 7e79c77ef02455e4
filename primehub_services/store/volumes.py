"""Volumes as rows."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import sqlalchemy as sa

from ..domain.identity import PLATFORM
from ..domain.pods import ClaimNeed, volume_need
from ..domain.secrets import SecretKind
from ..domain.volumes import FETCHING, GitSource, KeptVolume, PvcSource, Volume, VolumeContent, VolumeCreate
from . import catalog, secrets
from .catalog import Seen
from .orm import VolumeRow
from .unit_of_work import UnitOfWork

MESSAGE_MAX = 2000


class ClaimedVolume(NamedTuple):
    """A volume that is a claim of a cluster."""

    id: str
    need: ClaimNeed
    told: str
    """Why launches leave it out until now; empty where they do not."""
    repository: bool
    """Whether another controller fills it, and says what is wrong with that."""


def to_models(uow: UnitOfWork, rows: Iterable[VolumeRow], seen: Seen) -> list[Volume]:
    """The rows in the domain's words, naming only groups that may be seen; and secrets only to who sees all groups."""
    rows = list(rows)
    groups = catalog.groups_having(uow, VolumeRow, [row.id for row in rows], seen)
    return [
        Volume.model_validate(
            {
                "id": row.id,
                "name": row.name,
                "slug": row.slug,
                "display_name": row.display_name,
                "description": row.description,
                "source": row.source if seen is None else _without_secret(row.source),
                "all_groups": row.all_groups,
                "groups": [{"group": slug, "writable": writable} for slug, writable in groups.get(row.id, ())],
                "launch_group_only": row.launch_group_only,
                "message": row.message,
                "content": row.content,
                "created_at": row.created_at,
                "version": row.version,
            }
        )
        for row in rows
    ]


def _without_secret(source: dict[str, Any]) -> dict[str, Any]:
    return {field: value for field, value in source.items() if field != "secret"}


def for_groups(uow: UnitOfWork, group_ids: frozenset[str]) -> list[Volume]:
    """Those that any of the groups has, each once; only these groups are named in them."""
    return to_models(uow, catalog.of_groups(uow, VolumeRow, group_ids), group_ids)


def put(row: VolumeRow, spec: VolumeCreate) -> None:
    """Set the columns that are the specification's."""
    row.display_name = spec.display_name
    row.description = spec.description
    row.source = spec.source.model_dump(mode="json")
    row.all_groups = spec.all_groups
    row.launch_group_only = spec.launch_group_only


def begin_source(row: VolumeRow, before: VolumeCreate | None, spec: VolumeCreate) -> None:
    """Forget what was told about another source. A repository is left out until its own content is there."""
    if isinstance(spec.source, GitSource):
        old = before.source if before is not None else None
        if not isinstance(old, GitSource) or (old.url, old.ref) != (spec.source.url, spec.source.ref):
            row.content = None
        row.message = FETCHING if row.content is None else ""
    else:
        row.message = ""


def kept(uow: UnitOfWork) -> list[KeptVolume]:
    """The volumes whose folders the platform keeps itself."""
    found = []
    for row in uow.session.scalars(sa.select(VolumeRow).where(VolumeRow.deleted_at.is_(None)).order_by(VolumeRow.slug)):
        source = VolumeCreate.model_validate({"name": row.name, "source": row.source}).source
        if isinstance(source, PvcSource) and source.claim is None:
            found.append(KeptVolume(row.id, row.slug, source))
        elif isinstance(source, GitSource):
            secret = source.secret and secrets.find_shared(uow, source.secret, SecretKind.GIT)
            found.append(
                KeptVolume(
                    row.id,
                    row.slug,
                    source,
                    secret=secret.id if secret else None,
                    secret_changed_at=secret.updated_at if secret else None,
                )
            )
    return found


def with_claims(uow: UnitOfWork) -> list[ClaimedVolume]:
    """On a cluster: the volumes that are claims."""
    found = []
    rows = uow.session.scalars(
        sa.select(VolumeRow).where(VolumeRow.deleted_at.is_(None)).order_by(VolumeRow.slug)
    ).all()
    having = catalog.groups_having(uow, VolumeRow, [row.id for row in rows], None)
    for row in rows:
        source = VolumeCreate.model_validate({"name": row.name, "source": row.source}).source
        written = any(writable for _, writable in having.get(row.id, ()))
        need = volume_need(row.slug, source, getattr(source, "capacity", None), written=written)
        repository = isinstance(source, GitSource)
        # what a repository without its first commit says is not ours to clear
        if need is not None and not (repository and row.content is None):
            found.append(ClaimedVolume(row.id, need, row.message, repository))
    return found


def report(uow: UnitOfWork, volume_id: str, message: str) -> None:
    """Why launches leave the volume out; empty where they do not. For the controller that keeps its content."""
    row = uow.session.get(VolumeRow, volume_id)
    if row is not None and row.deleted_at is None:
        _report(uow, row, message, row.content)


def fetched(uow: UnitOfWork, volume: KeptVolume, commit: str) -> None:
    """The volume shows this commit of its repository. Changes nothing where its source is another by now."""
    row = _of_source(uow, volume)
    if row is None:
        return
    before = None if row.content is None else VolumeContent.model_validate(row.content)
    content = VolumeContent(commit=commit, fetched_at=uow.now)
    if before is None or before.commit != commit:
        uow.audit(PLATFORM, "volume.fetch", row.slug, commit=commit)
    # nobody need hear that nothing is new
    same = before is not None and (before.commit, before.problem, row.message) == (commit, "", "")
    _report(uow, row, "", content.model_dump(mode="json"), quiet=same)


def fetch_failed(uow: UnitOfWork, volume: KeptVolume, problem: str) -> None:
    """Its repository cannot be fetched: it is left out, unless it shows an earlier commit."""
    row = _of_source(uow, volume)
    if row is None:
        return
    problem = problem[:MESSAGE_MAX]
    known = row.message if row.content is None else str(row.content.get("problem", ""))
    if known != problem:
        uow.audit(PLATFORM, "volume.fetch-failed", row.slug, problem=problem)
    if row.content is None:
        _report(uow, row, problem, None)
    else:
        _report(uow, row, "", {**row.content, "problem": problem})


def _of_source(uow: UnitOfWork, volume: KeptVolume) -> VolumeRow | None:
    row = uow.session.scalar(
        sa.select(VolumeRow)
        .where(VolumeRow.id == volume.id, VolumeRow.deleted_at.is_(None))
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if row is None or not isinstance(volume.source, GitSource):
        return None
    return row if (row.source.get("url"), row.source.get("ref")) == (volume.source.url, volume.source.ref) else None


def _report(
    uow: UnitOfWork, row: VolumeRow, message: str, content: dict[str, Any] | None, *, quiet: bool = False
) -> None:
    message = message[:MESSAGE_MAX]
    if (row.message, row.content) == (message, content):
        return
    uow.session.execute(
        # not through the row: that would count a version and spoil somebody's edit
        sa.update(VolumeRow)
        .where(VolumeRow.id == row.id)
        .values(message=message, content=content)
        .execution_options(synchronize_session=False)
    )
    if not quiet:
        catalog.tell(uow, "volume", row, "update", everyone=row.all_groups, groups=catalog.group_ids_of(uow, row))
