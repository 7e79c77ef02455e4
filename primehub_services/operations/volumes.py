"""Data volumes: made by platform admins, seen in the groups that have them."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import yaml

from ..domain.identity import Actor
from ..domain.paging import Page, PageQuery
from ..domain.permissions import require
from ..domain.pods import CLAIMS_OF_OURS, operators_manifests
from ..domain.problems import Conflict, Invalid
from ..domain.secrets import SecretKind
from ..domain.volumes import (
    READ_ONLY_TYPES,
    EnvSource,
    GitSource,
    HostPathSource,
    NfsSource,
    PvcSource,
    Volume,
    VolumeCreate,
    VolumeManifests,
    VolumePolicy,
    VolumeUpdate,
)
from ..store import catalog
from ..store import secrets as secret_store
from ..store import volumes as store
from ..store.orm import VolumeRow
from ..store.unit_of_work import UnitOfWork
from . import _catalog
from ._editing import check_version, given, page_of

CHANGE: Final = "volume"
KIND = CHANGE
_PLAIN_REF = re.compile(r"([A-Za-z0-9][A-Za-z0-9._/+-]*)?\Z")


def local_policy(roots: Sequence[Path], data_dir: Path) -> VolumePolicy:
    """Volumes of one machine: folders of the host only under ``roots``, and nothing that touches the data folder."""
    return VolumePolicy(
        accepts=frozenset({"pvc", "hostPath", "git", "env"}),
        existing_claims=False,
        check_path=lambda path: path_problem(path, roots, data_dir),
    )


def cluster_policy(namespace: str, instance: str = "primehub") -> VolumePolicy:
    """Volumes of a cluster: every kind; a node's folders are the cluster's to guard. ``instance`` is the release's name."""
    return VolumePolicy(
        accepts=frozenset({"pvc", "nfs", "hostPath", "git", "env"}),
        existing_claims=True,
        check_path=lambda _path: None,
        namespace=namespace,
        taken=(*CLAIMS_OF_OURS, f"{instance}-"),
    )


def path_problem(path: str, roots: Sequence[Path], data_dir: Path) -> str | None:
    """Why a folder of this machine may not be a volume; None where it may.

    Links are followed first: what counts is where the folder really is, and below a root no link may be on the way:
    who may write beside one could lead it to another group's folder. It is asked again right before it is mounted.
    """
    if not os.path.isabs(path) or ".." in path.split("/"):
        return "the path must be absolute and without '..'"
    real = Path(os.path.realpath(path))
    real_roots = [Path(os.path.realpath(root)) for root in roots]
    if not any(real == root or root in real.parents for root in real_roots):
        allowed = ", ".join(str(root) for root in roots) or "none is set"
        return f"it is not under one of the folders that local.host_path_roots allows ({allowed})"
    data = Path(os.path.realpath(data_dir))
    if real == data or real in data.parents or data in real.parents:
        return "it holds, or is in, the platform's own data folder"
    if not real.is_dir():
        return "there is no such folder on this machine"
    named = [*zip(roots, real_roots, strict=True), *zip(real_roots, real_roots, strict=True)]
    plain = Path(os.path.normpath(path))
    if not any(plain.is_relative_to(root) and real_root / plain.relative_to(root) == real for root, real_root in named):
        return f"it leads through a link; give the folder itself, {real}"
    return None


def list_(uow: UnitOfWork, actor: Actor, query: PageQuery, *, group: str | None = None) -> Page[Volume]:
    """Those that the actor may see; with ``group`` (slug or name) those that it has."""
    seen = _catalog.seen_in(uow, actor, group)
    rows, total = catalog.page(uow, VolumeRow, query, seen, sorts={})
    return page_of(store.to_models(uow, rows, _catalog.seen_by(actor)), total, query)


def get(uow: UnitOfWork, actor: Actor, reference: str) -> Volume:
    """The one with this slug or name. Raises ``NotFound``."""
    row = _catalog.find(uow, actor, VolumeRow, KIND, reference)
    return store.to_models(uow, [row], _catalog.seen_by(actor))[0]


def manifests(uow: UnitOfWork, actor: Actor, reference: str, *, policy: VolumePolicy) -> VolumeManifests:
    """What an operator applies for a share or a folder of the hosts. Raises ``Conflict`` for a volume that needs none."""
    volume = get(uow, actor, reference)
    require(actor, "platform.admin", visible=True)
    if not policy.namespace or not isinstance(volume.source, NfsSource | HostPathSource):
        raise Conflict(
            f"Nobody has to bind {volume.name}: only volumes of kinds nfs and hostPath on a cluster are bound."
        )
    made = operators_manifests(volume.slug, volume.source, policy.namespace)
    return VolumeManifests(claim=made[1]["metadata"]["name"], yaml=yaml.safe_dump_all(made, sort_keys=False))


def create(uow: UnitOfWork, actor: Actor, spec: VolumeCreate, *, policy: VolumePolicy) -> Volume:
    """Make a volume. Raises ``Conflict`` where the name is taken, ``Invalid`` where the engine cannot serve it."""
    require(actor, "platform.admin")
    _check(uow, spec, policy)
    groups = _writable(uow, spec)
    if catalog.name_taken(uow, VolumeRow, spec.name):
        _catalog.taken("a volume", spec.name)
    row = VolumeRow(name=spec.name, slug=catalog.new_slug(uow, VolumeRow, spec.name), created_at=uow.now)
    store.put(row, spec)
    store.begin_source(row, None, spec)
    uow.session.add(row)
    uow.session.flush()
    catalog.set_groups(uow, row, groups, writable=groups)
    uow.audit(actor, "volume.create", row.slug, spec=_audited(spec))
    catalog.tell(uow, CHANGE, row, "create", everyone=row.all_groups, groups=groups)
    uow.session.flush()
    return store.to_models(uow, [row], None)[0]


def update(uow: UnitOfWork, actor: Actor, reference: str, change: VolumeUpdate, *, policy: VolumePolicy) -> Volume:
    """Change a volume; its kind stays. What runs goes on with what it was started with.

    Raises ``Conflict`` with the current one where somebody else was faster, ``Invalid`` where the whole would not be
    valid.
    """
    row = _catalog.find(uow, actor, VolumeRow, KIND, reference, lock=True)
    require(actor, "platform.admin", visible=True)
    before = store.to_models(uow, [row], None)[0]
    check_version(change.version, row.version, before)
    fields = given(change, nullable=())
    spec = _catalog.merged(VolumeCreate, before, {field: getattr(change, field) for field in fields})
    _check_still_the_same(before, spec)
    if "source" in fields or "groups" in fields:
        _check(uow, spec, policy)
    had, was_global = catalog.group_ids_of(uow, row), row.all_groups
    groups = _writable(uow, spec)
    store.put(row, spec)
    if "source" in fields:
        store.begin_source(row, before, spec)
    catalog.touch(row)
    catalog.set_groups(uow, row, groups, writable=groups)
    uow.session.flush()
    after = store.to_models(uow, [row], None)[0]
    differing = _catalog.differences(before, after)
    if isinstance(after.source, EnvSource):
        differing.pop("source", None)
    uow.audit(actor, "volume.update", row.slug, **differing)
    catalog.tell(uow, CHANGE, row, "update", everyone=was_global or row.all_groups, groups={*had, *groups})
    return after


def delete(uow: UnitOfWork, actor: Actor, reference: str) -> None:
    """No new workload gets it; its content stays on the disk, for an administrator to keep or delete. Its slug is
    never used again."""
    row = _catalog.find(uow, actor, VolumeRow, KIND, reference, lock=True)
    require(actor, "platform.admin", visible=True)
    row.deleted_at = uow.now
    uow.audit(actor, "volume.delete", row.slug, name=row.name)
    groups = catalog.group_ids_of(uow, row)
    catalog.tell(uow, CHANGE, row, "delete", everyone=row.all_groups, groups=groups)
    uow.session.flush()


def _writable(uow: UnitOfWork, spec: VolumeCreate) -> dict[str, bool]:
    """By the id of each group that is named for it: whether that may write."""
    ids = _catalog.group_ids(uow, [entry.group for entry in spec.groups])
    return dict(zip(ids, (entry.writable for entry in spec.groups), strict=True))


def _audited(spec: VolumeCreate) -> dict[str, object]:
    values = spec.model_dump(mode="json")
    if isinstance(spec.source, EnvSource):
        values["source"] = {"type": "env", "keys": sorted(spec.source.variables)}  # people put passwords there
    return values


def _check(uow: UnitOfWork, spec: VolumeCreate, policy: VolumePolicy) -> None:
    source = spec.source
    if source.type not in policy.accepts:
        fix = "use one of " + ", ".join(sorted(policy.accepts))
        if isinstance(source, NfsSource):
            fix = "mount the share on this machine and give its folder as hostPath"
        raise Invalid.field("source.type", f"volumes of kind {source.type} do not work here", fix)
    for index, entry in enumerate(spec.groups):
        if entry.writable and source.type in READ_ONLY_TYPES:
            field = f"groups.{index}.writable"
            raise Invalid.field(field, f"volumes of kind {source.type} are read-only", "set it to false")
    if isinstance(source, PvcSource) and source.claim is not None and not policy.existing_claims:
        raise Invalid.field("source.claim", "there are no claims on one machine", "leave it out, or use hostPath")
    if isinstance(source, PvcSource) and source.claim is not None and source.claim.startswith(policy.taken):
        # another's home, another group's folder, the platform's own database
        message = f"claims whose names begin with {', '.join(policy.taken)} are the platform's own"
        raise Invalid.field("source.claim", message, "name a claim that was made for this volume")
    if isinstance(source, (HostPathSource, NfsSource)) and ".." in source.path.split("/"):
        raise Invalid.field("source.path", "must not hold '..'", "give the path without detours")
    if isinstance(source, HostPathSource) and (problem := policy.check_path(source.path)):
        raise Invalid.field(
            "source.path", problem, "give a folder that is there, under a folder listed in local.host_path_roots"
        )
    if isinstance(source, GitSource):
        _check_git(uow, source, policy)


def _check_git(uow: UnitOfWork, source: GitSource, policy: VolumePolicy) -> None:
    if source.url.startswith("-") or not _PLAIN_REF.match(source.ref) or ".." in source.ref:
        field = "source.ref" if not source.url.startswith("-") else "source.url"
        raise Invalid.field(field, "is not one that git can be given safely", "give a branch, a tag or a commit")
    parts = urlsplit(source.url) if "://" in source.url else None
    # of ssh the user says who asks and is no secret; of https a user alone is how tokens are written
    secret = parts is not None and (
        parts.password is not None or (parts.scheme == "https" and parts.username is not None)
    )
    if parts is not None and (secret or parts.query or parts.fragment):
        fix = (
            "leave only the repository's address, make a secret of kind git for the rest, and name it in source.secret"
        )
        raise Invalid.field("source.url", "holds what may be a token, which everyone could read", fix)
    if parts is not None and parts.scheme in ("http", "git"):
        message = f"is {parts.scheme}, by which anybody on the way could change what is fetched"
        raise Invalid.field("source.url", message, "give its https or ssh URL")
    if parts is not None and (parts.hostname or "").startswith("-"):
        raise Invalid.field("source.url", "names a host that begins with '-'", "give the host's name")
    if parts is not None and parts.scheme == "file" and policy.namespace:
        message = "is a folder of one machine, and a cluster has many"
        raise Invalid.field("source.url", message, "give the repository's https or ssh URL")
    if parts is not None and parts.scheme == "file" and (problem := policy.check_path(parts.path)):
        fix = "put the repository under a folder listed in local.host_path_roots"
        raise Invalid.field("source.url", problem, fix)
    if source.secret is not None and secret_store.find_shared(uow, source.secret, SecretKind.GIT) is None:
        raise Invalid.field("source.secret", f"there is no secret {source.secret!r} of kind git", "make it first")


def _check_still_the_same(before: Volume, spec: VolumeCreate) -> None:
    old, new = before.source, spec.source
    if new.type != old.type:
        fix = f"leave it {old.type}, or make another volume"
        raise Invalid.field("source.type", "a volume's kind cannot change", fix)
    if isinstance(old, PvcSource) and isinstance(new, PvcSource):
        if new.claim != old.claim:
            raise Invalid.field("source.claim", "cannot change", "make another volume")
        if old.capacity is not None and (new.capacity is None or new.capacity < old.capacity):
            raise Invalid.field("source.capacity", "cannot shrink", f"give {old.capacity} or more")
