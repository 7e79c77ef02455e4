"""Volumes: who sees them, and which sources are refused by field."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from primehub_services.domain.identity import Actor
from primehub_services.domain.paging import PageQuery
from primehub_services.domain.problems import Conflict, Forbidden, Invalid, NotFound
from primehub_services.domain.volumes import Volume, VolumeCreate, VolumeGroup, VolumePolicy, VolumeUpdate
from primehub_services.operations import audit, volumes
from primehub_services.store import volumes as store
from primehub_services.store.database import Database
from primehub_services.store.orm import SecretRow
from primehub_services.store.unit_of_work import UnitOfWork
from tests.support.factories import Cast

Make = Callable[..., Volume]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The one folder of the host under which volumes may be."""
    (tmp_path / "shared" / "corpus").mkdir(parents=True)
    (tmp_path / "data" / "secrets").mkdir(parents=True)
    return tmp_path / "shared"


@pytest.fixture
def policy(root: Path) -> VolumePolicy:
    """One machine's."""
    return volumes.local_policy([root], root.parent / "data")


@pytest.fixture
def make(database: Database, cast: Cast, policy: VolumePolicy) -> Make:
    """Make a volume as the platform admin."""

    def _make(name: str = "corpus", actor: Actor = cast.platform_admin, **fields: Any) -> Volume:
        spec = VolumeCreate.model_validate({"name": name, "source": {"type": "pvc"}} | fields)
        return database.write_now(volumes.create, actor, spec, policy=fields.pop("policy", policy))

    return _make


def _update(database: Database, cast: Cast, volume: Volume, policy: VolumePolicy, **fields: Any) -> Volume:
    change = VolumeUpdate.model_validate({"version": volume.version} | fields)
    return database.write_now(volumes.update, cast.platform_admin, volume.slug, change, policy=policy)


def test_groups_have_volumes_with_or_without_writing(database: Database, cast: Cast, make: Make) -> None:
    make("mine", groups=[{"group": "research", "writable": True}])
    make("theirs", groups=[{"group": "other"}])
    make("all", all_groups=True, groups=[{"group": "other", "writable": True}])
    names = [v.name for v in database.read_now(volumes.list_, cast.member, PageQuery()).items]
    assert names == ["all", "mine"]
    given = {v.name: v.groups for v in database.read_now(store.for_groups, frozenset({cast.group.id}))}
    assert given == {"all": (), "mine": (VolumeGroup(group="research", writable=True),)}
    with pytest.raises(NotFound):
        database.read_now(volumes.get, cast.outsider, "mine")
    page = database.read_now(volumes.list_, cast.platform_admin, PageQuery(), group="research")
    assert {v.name: len(v.groups) for v in page.items} == {"all": 1, "mine": 1}


def test_only_platform_admins_change_anything(database: Database, cast: Cast, make: Make, policy: VolumePolicy) -> None:
    made = make(all_groups=True)
    for name, actor in cast.everyone().items():
        if name == "platform_admin":
            continue
        with pytest.raises(Forbidden):
            make("another", actor)
        with pytest.raises(Forbidden):
            database.write_now(volumes.update, actor, made.slug, VolumeUpdate(version=1), policy=policy)
        with pytest.raises(Forbidden):
            database.write_now(volumes.delete, actor, made.slug)


def test_a_deleted_volumes_slug_and_with_it_its_folder_is_never_inherited(
    database: Database, cast: Cast, make: Make
) -> None:
    first = make()
    database.write_now(volumes.delete, cast.platform_admin, "corpus")
    assert database.read_now(store.for_groups, frozenset({cast.group.id})) == []
    assert make().slug != first.slug
    with pytest.raises(Conflict):
        make()


@pytest.mark.parametrize(
    ("fields", "field", "words"),
    [
        ({"source": {"type": "nfs", "server": "nas", "path": "/x"}}, "source.type", "hostPath"),
        ({"source": {"type": "pvc", "claim": "there"}}, "source.claim", "claims"),
        ({"source": {"type": "git", "url": "https://x/y"}, "groups": [{"group": "research", "writable": True}]}, "groups.0.writable", "read-only"),
        ({"source": {"type": "env"}, "groups": [{"group": "research", "writable": True}]}, "groups.0.writable", "read-only"),
        ({"groups": [{"group": "research"}, {"group": "absent"}]}, "groups", "absent"),
        ({"groups": [{"group": "research"}, {"group": "research"}]}, "groups", "twice"),
        ({"source": {"type": "git", "url": "https://ann:pw@x/y"}}, "source.url", "secret of kind git"),
        ({"source": {"type": "git", "url": "http://x/y"}}, "source.url", "https"),
        ({"source": {"type": "git", "url": "ssh://-oProxyCommand=x/y"}}, "source.url", "'-'"),
        ({"source": {"type": "git", "url": "-oProxyCommand=x@h:y"}}, "source.url", "safely"),
        ({"source": {"type": "git", "url": "https://x/y", "ref": "--upload-pack=x"}}, "source.ref", "branch"),
        ({"source": {"type": "git", "url": "https://x/y", "secret": "absent"}}, "source.secret", "absent"),
        ({"source": {"type": "git", "url": "file:///etc"}}, "source.url", "host_path_roots"),
    ],
)  # fmt: skip
def test_what_cannot_be_served_is_refused_by_field_with_the_fix(
    make: Make, fields: dict[str, Any], field: str, words: str
) -> None:
    with pytest.raises(Invalid) as caught:
        make(**fields)
    (error,) = caught.value.errors
    assert error.field == field
    assert words in error.message + error.fix
    assert error.fix


def test_folders_of_the_host_are_only_those_under_the_roots(make: Make, root: Path) -> None:
    (root / "out").symlink_to("/etc")
    (root / "sly").symlink_to(root.parent / "data" / "secrets")
    (root / "file").write_text("")
    (root / "alias").symlink_to(root / "corpus")
    made = make("good", source={"type": "hostPath", "path": str(root / "corpus")})
    assert made.source.type == "hostPath"
    for path in (
        "/etc",
        f"{root}/corpus/../../data",
        f"{root}/out",
        f"{root}/out/ssl",
        f"{root}/sly",
        f"{root}/alias",
        f"{root}/absent",
        f"{root}/file",
        f"{root}-other",
    ):
        with pytest.raises(Invalid) as caught:
            make("bad", source={"type": "hostPath", "path": path})
        assert caught.value.errors[0].field == "source.path", path


def test_the_platforms_own_data_is_never_a_volume_whatever_the_roots(tmp_path: Path) -> None:
    data = tmp_path / "data"
    (data / "secrets").mkdir(parents=True)
    for path in (tmp_path, data, data / "secrets"):
        assert "data folder" in (volumes.path_problem(str(path), [Path("/")], data) or "")
    (tmp_path / "else").mkdir()
    assert volumes.path_problem(str(tmp_path / "else"), [Path("/")], data) is None


def test_without_roots_no_folder_of_the_host_is_a_volume(tmp_path: Path) -> None:
    assert "none is set" in (volumes.path_problem(str(tmp_path), [], tmp_path / "data") or "")


def test_a_cluster_takes_shares_and_claims_but_no_detours(database: Database, cast: Cast) -> None:
    def create(name: str, source: dict[str, Any]) -> Volume:
        spec = VolumeCreate.model_validate({"name": name, "source": source})
        return database.write_now(volumes.create, cast.platform_admin, spec, policy=volumes.cluster_policy("primehub"))

    create("share", {"type": "nfs", "server": "nas", "path": "/x"})
    create("claim", {"type": "pvc", "claim": "there"})
    with pytest.raises(Invalid, match=r"source\.path"):
        create("sly", {"type": "nfs", "server": "nas", "path": "/x/../y"})


@pytest.mark.parametrize(
    "claim", ["claim-ann", "project-other", "dataset-x", "primehub-hub", "x/../../pods/y", "UPPER"]
)
def test_no_volume_is_somebody_elses_claim_or_the_platforms_own(database: Database, cast: Cast, claim: str) -> None:
    policy = volumes.cluster_policy("team", "primehub")

    def create() -> None:
        spec = VolumeCreate.model_validate({"name": "sly", "source": {"type": "pvc", "claim": claim}})
        database.write_now(volumes.create, cast.platform_admin, spec, policy=policy)

    with pytest.raises((Invalid, ValidationError), match="claim"):
        create()


def test_a_git_volume_names_a_git_secret(database: Database, cast: Cast, make: Make) -> None:
    def secrets(uow: UnitOfWork) -> None:
        for name, kind in (("key", "git"), ("registry", "pull")):
            uow.session.add(
                SecretRow(
                    name=name, slug=name, kind=kind, ciphertext=b"x", key_id="k", groups=[],
                    created_at=uow.now, updated_at=uow.now,
                )
            )  # fmt: skip

    database.write_now(secrets)
    made = make("code", source={"type": "git", "url": "git@x:y.git", "secret": "key"}, all_groups=True)
    for name, actor in cast.everyone().items():
        if actor.service is not None:
            continue
        shown = database.read_now(volumes.get, actor, "code").source.model_dump()
        listed = database.read_now(volumes.list_, actor, PageQuery()).items[0].source.model_dump()
        assert shown == listed == made.source.model_dump() | ({} if name == "platform_admin" else {"secret": None})
    (for_a_launch,) = database.read_now(store.for_groups, frozenset({cast.group.id}))
    assert for_a_launch.source.model_dump()["secret"] is None
    (kept,) = database.read_now(store.kept)
    assert kept.secret is not None
    with pytest.raises(Invalid, match="kind git"):
        make("wrong", source={"type": "git", "url": "git@x:y.git", "secret": "registry"})


def test_a_volumes_kind_stays_and_it_does_not_shrink(
    database: Database, cast: Cast, make: Make, policy: VolumePolicy
) -> None:
    made = make(source={"type": "pvc", "capacity": 10})
    for source, field in (
        ({"type": "git", "url": "https://x/y"}, "source.type"),
        ({"type": "pvc", "capacity": 5}, "source.capacity"),
        ({"type": "pvc"}, "source.capacity"),
    ):
        with pytest.raises(Invalid) as caught:
            _update(database, cast, made, policy, source=source)
        assert caught.value.errors[0].field == field
    assert _update(database, cast, made, policy, source={"type": "pvc", "capacity": 20}).version == made.version + 1


def test_an_update_keeps_what_it_does_not_name_and_refuses_an_old_version(
    database: Database, cast: Cast, make: Make, policy: VolumePolicy
) -> None:
    made = make(groups=[{"group": "research", "writable": True}])
    after = _update(database, cast, made, policy, description="new")
    assert (after.groups, after.source, after.description) == (made.groups, made.source, "new")
    with pytest.raises(Conflict) as caught:
        _update(database, cast, made, policy, all_groups=True)
    assert caught.value.extra["current"]["description"] == "new"


def test_values_of_variables_are_not_in_the_audit_log(
    database: Database, cast: Cast, make: Make, policy: VolumePolicy
) -> None:
    made = make("env", source={"type": "env", "variables": {"TOKEN": "hunter2"}})
    _update(database, cast, made, policy, source={"type": "env", "variables": {"TOKEN": "hunter3"}})
    events = database.read_now(audit.list_, cast.platform_admin, PageQuery(), action="volume").items
    assert [event.action for event in events] == ["volume.update", "volume.create"]
    assert "hunter" not in repr(events)
    assert events[1].details["spec"]["source"] == {"type": "env", "keys": ["TOKEN"]}


def test_a_controller_says_why_a_volume_is_left_out_without_spoiling_an_edit(
    database: Database, cast: Cast, make: Make, policy: VolumePolicy
) -> None:
    made = make(all_groups=True)
    database.write_now(store.report, made.id, "the clone failed")
    shown = database.read_now(volumes.get, cast.member, made.slug)
    assert (shown.message, shown.version) == ("the clone failed", made.version)
    after = _update(database, cast, made, policy, source={"type": "pvc", "capacity": 3})
    assert after.message == ""


def test_a_cluster_fetches_no_repository_from_a_folder(database: Database, cast: Cast) -> None:
    spec = VolumeCreate.model_validate({"name": "code", "source": {"type": "git", "url": "file:///srv/code.git"}})
    with pytest.raises(Invalid, match="one machine"):
        database.write_now(volumes.create, cast.platform_admin, spec, policy=volumes.cluster_policy("team"))


def test_an_operator_is_shown_what_to_apply_for_a_share_and_for_nothing_else(database: Database, cast: Cast) -> None:
    policy = volumes.cluster_policy("team")

    def of(name: str, source: dict[str, str]) -> Any:
        spec = VolumeCreate.model_validate({"name": name, "source": source, "all_groups": True})
        database.write_now(volumes.create, cast.platform_admin, spec, policy=policy)
        return database.read_now(volumes.manifests, cast.platform_admin, name, policy=policy)

    shown = of("share", {"type": "nfs", "server": "nfs.example", "path": "/exports/a"})
    volume, claim = yaml.safe_load_all(shown.yaml)
    assert (volume["kind"], volume["spec"]["nfs"]["server"]) == ("PersistentVolume", "nfs.example")
    assert (claim["metadata"]["namespace"], claim["metadata"]["name"]) == ("team", shown.claim)
    with pytest.raises(Forbidden):
        database.read_now(volumes.manifests, cast.member, "share", policy=policy)
    with pytest.raises(Conflict, match="Nobody has to bind"):
        of("own", {"type": "pvc"})
    with pytest.raises(Conflict, match="on a cluster"):
        database.read_now(volumes.manifests, cast.platform_admin, "share", policy=volumes.local_policy((), Path("/x")))
