"""Images: of the platform and of groups, and the phases of making them."""

from __future__ import annotations

from typing import Any

import pytest

from primehub_services.domain.identity import Actor, Role
from primehub_services.domain.images import Image, ImageCreate, ImagePhase, ImageUpdate
from primehub_services.domain.paging import PageQuery
from primehub_services.domain.problems import Conflict, Forbidden, Invalid, NotFound
from primehub_services.operations import images
from primehub_services.store import images as store
from primehub_services.store.database import Database
from primehub_services.store.orm import SecretRow
from primehub_services.store.unit_of_work import UnitOfWork
from tests.support import factories
from tests.support.factories import Cast

LOCAL = frozenset({"environment"})
CLUSTER = frozenset({"container"})
PACKAGES = {"type": "environment", "packages": ["jupyterlab>=4.6,<5", "pandas[excel]"]}


def _create(
    database: Database, actor: Actor, name: str = "base", accepts: frozenset[str] = LOCAL, **fields: Any
) -> Image:
    spec = ImageCreate.model_validate({"name": name, "source": PACKAGES} | fields)
    return database.write_now(images.create, actor, spec, accepts=accepts)


def _update(database: Database, actor: Actor, image: Image, **fields: Any) -> Image:
    change = ImageUpdate.model_validate({"version": image.version} | fields)
    return database.write_now(images.update, actor, image.slug, change, accepts=LOCAL)


def _get(database: Database, actor: Actor, reference: str) -> Image:
    return database.read_now(images.get, actor, reference)


def test_a_group_admin_makes_an_image_that_only_the_group_sees(database: Database, cast: Cast) -> None:
    made = _create(database, cast.group_admin, "nlp", group="research")
    assert (made.group, made.all_groups, made.groups, made.phase) == ("research", False, (), ImagePhase.PENDING)
    assert _get(database, cast.member, "nlp") == made
    assert [i.slug for i in database.read_now(store.for_groups, frozenset({cast.group.id}))] == [made.slug]
    assert database.read_now(store.for_groups, frozenset({cast.other_group.id})) == []
    with pytest.raises(NotFound, match="There is no image 'nlp' that you can see"):
        _get(database, cast.outsider, "nlp")
    assert database.read_now(images.list_, cast.outsider, PageQuery()).total == 0


def test_two_groups_learn_nothing_of_each_other_by_a_name(database: Database, cast: Cast) -> None:
    theirs = _create(database, cast.outsider, "nlp", group="other")
    ours = _create(database, cast.group_admin, "nlp", group="research")
    # neither a conflict nor the shape of the slug tells that the name was there before
    assert len(ours.slug) == len(theirs.slug)
    assert ours.slug.startswith("nlp-")
    assert theirs.slug.startswith("nlp-")
    assert ours.slug != theirs.slug
    assert _get(database, cast.member, "nlp").id == ours.id
    with pytest.raises(Conflict):
        _create(database, cast.group_admin, "nlp", group="research")


def test_the_groups_own_image_comes_before_the_platforms_of_that_name(database: Database, cast: Cast) -> None:
    own = _create(database, cast.group_admin, "Torch", group="research")
    system = _create(database, cast.platform_admin, "Torch")
    assert _get(database, cast.member, "Torch").id == own.id
    assert _get(database, cast.outsider, "Torch").id == system.id
    assert [i.id for i in database.read_now(store.for_groups, frozenset({cast.group.id}))].count(system.id) == 1


def test_who_may_make_what(database: Database, cast: Cast) -> None:
    for actor in (cast.member, cast.group_admin, cast.outsider, cast.notebook, cast.spawner):
        with pytest.raises(Forbidden):
            _create(database, actor)
    for actor in (cast.member, cast.notebook):
        with pytest.raises(Forbidden):
            _create(database, actor, group="research")
    for group in ("research", "absent"):
        with pytest.raises(Invalid, match=f"group: There is no group '{group}' that you can see") as caught:
            _create(database, cast.outsider, group=group)
        assert caught.value.errors[0].field == "group"
    assert _create(database, cast.platform_admin, "pa", group="research").group == "research"


def test_who_may_change_what(database: Database, cast: Cast) -> None:
    own = _create(database, cast.group_admin, "own", group="research")
    system = _create(database, cast.platform_admin, "system")

    def attempts(actor: Actor, image: Image) -> list[Any]:
        return [
            lambda: _update(database, actor, image, description="x"),
            lambda: database.write_now(images.rebuild, actor, image.slug),
            lambda: database.write_now(images.delete, actor, image.slug),
        ]

    for actor, image, problem in (
        (cast.member, own, Forbidden),
        (cast.notebook, own, Forbidden),
        (cast.outsider, own, NotFound),
        (cast.member, system, Forbidden),
        (cast.group_admin, system, Forbidden),
        (cast.outsider, system, Forbidden),
    ):
        for attempt in attempts(actor, image):
            with pytest.raises(problem):
                attempt()
    assert _update(database, cast.group_admin, own, description="better").description == "better"
    database.write_now(images.delete, cast.platform_admin, own.slug)
    with pytest.raises(NotFound):
        _get(database, cast.member, own.slug)


def test_a_group_admin_cannot_give_the_image_to_others_or_name_folders_of_the_machine(
    database: Database, cast: Cast
) -> None:
    own = _create(database, cast.group_admin, "own", group="research")
    wide: tuple[tuple[str, Any], ...] = (("all_groups", True), ("groups", ["other"]))
    for field, value in wide:
        with pytest.raises(Invalid) as caught:
            _create(database, cast.group_admin, "wide", group="research", **{field: value})
        assert caught.value.errors[0].field == field
        with pytest.raises(Invalid) as caught:
            _update(database, cast.group_admin, own, **{field: value})
        assert caught.value.errors[0].field == field
    for field in ("prefix", "base"):
        source = {"type": "environment", field: "/var/lib/primehub/secrets"}
        with pytest.raises(Invalid) as caught:
            _create(database, cast.group_admin, "peek", group="research", source=source)
        assert caught.value.errors[0].field == f"source.{field}"
        with pytest.raises(Invalid):
            _update(database, cast.group_admin, own, source=source)


def test_the_engine_says_which_sources_it_takes(database: Database, cast: Cast) -> None:
    container = {"type": "container", "url": "registry.example/base:1"}
    with pytest.raises(Invalid) as caught:
        _create(database, cast.platform_admin, source=container)
    (error,) = caught.value.errors
    assert (error.field, error.fix) == ("source.type", "use environment")
    with pytest.raises(Invalid):
        _create(database, cast.platform_admin, accepts=CLUSTER)
    made = _create(database, cast.platform_admin, accepts=CLUSTER, source=container)
    assert made.phase is ImagePhase.READY


@pytest.mark.parametrize(
    "package",
    ["-r/etc/passwd", "git+https://x/y", "./here", "a/b", "pkg @ file:///etc", "pkg; os", "pkg --index-url=x", "a\nb"],
)
def test_packages_are_names_and_versions(package: str) -> None:
    with pytest.raises(ValueError, match="pattern"):
        ImageCreate.model_validate({"name": "x", "source": {"type": "environment", "packages": [package]}})


def test_a_pull_secret_must_be_the_groups_to_use(database: Database, cast: Cast) -> None:
    def secrets(uow: UnitOfWork) -> None:
        for name, kind, groups in (
            ("ours", "pull", [cast.group.id]),
            ("theirs", "pull", [cast.other_group.id]),
            ("key", "git", [cast.group.id]),
        ):
            uow.session.add(
                SecretRow(
                    name=name.title() if name == "ours" else name,
                    slug=name,
                    kind=kind,
                    ciphertext=b"x",
                    key_id="k",
                    groups=groups,
                    created_at=uow.now,
                    updated_at=uow.now,
                )
            )

    database.write_now(secrets)

    def make(actor: Actor, secret: str, **fields: Any) -> Image:
        source = {"type": "container", "url": "r.example/x", "pull_secret": secret}
        return _create(database, actor, f"with-{secret}", accepts=CLUSTER, source=source, **fields)

    for secret in ("theirs", "key", "absent"):
        with pytest.raises(Invalid) as caught:
            make(cast.group_admin, secret, group="research")
        assert caught.value.errors[0].field == "source.pull_secret"
    ours = make(cast.group_admin, "Ours", group="research")
    theirs = make(cast.platform_admin, "theirs")
    assert ours.source.model_dump()["pull_secret"] == "ours", "by its slug, whatever it was named by"
    # only who may name a secret reads which it is
    read = {
        (name, image.name): _get(database, actor, image.slug).source.model_dump()["pull_secret"]
        for name, actor in cast.everyone().items()
        for image in (ours, theirs)
        if actor.service is None and not (name == "outsider" and image is ours)
    }
    assert {who for who, secret in read.items() if secret} == {
        ("platform_admin", ours.name),
        ("platform_admin", theirs.name),
        ("group_admin", ours.name),
    }
    listed = database.read_now(images.list_, cast.member, PageQuery()).items
    assert [image.source.model_dump()["pull_secret"] for image in listed] == [None, None]


def test_an_image_is_made_step_by_step(database: Database, cast: Cast) -> None:
    made = _create(database, cast.platform_admin)
    (build,) = database.read_now(store.pending_builds)
    assert (build.slug, build.phase, build.source.packages[1]) == ("base", ImagePhase.PENDING, "pandas[excel]")
    assert database.write_now(store.begin_build, build.image_id, build.build)
    assert database.write_now(store.build_progress, build.image_id, build.build, 40, "installing pandas")
    shown = _get(database, cast.member, "base")
    assert (shown.phase, shown.progress, shown.message) == (ImagePhase.BUILDING, 40, "installing pandas")
    assert database.write_now(store.finish_build, build.image_id, build.build, "/data/environments/base-1")
    shown = _get(database, cast.member, "base")
    assert (shown.phase, shown.progress, shown.message, shown.location) == (
        ImagePhase.READY,
        100,
        "",
        "/data/environments/base-1",
    )
    assert shown.version == made.version, "progress must not spoil somebody's edit"
    assert database.read_now(store.pending_builds) == ()


def test_progress_does_not_collide_with_an_edit(database: Database, cast: Cast) -> None:
    made = _create(database, cast.platform_admin)
    (build,) = database.read_now(store.pending_builds)
    database.write_now(store.begin_build, build.image_id, build.build)
    after = _update(database, cast.platform_admin, made, description="edited while it is made")
    assert after.phase is ImagePhase.BUILDING
    assert database.write_now(store.finish_build, build.image_id, build.build, "/x")
    assert _get(database, cast.member, "base").description == "edited while it is made"


def test_an_interrupted_build_is_pending_again_after_a_restart(database: Database, cast: Cast) -> None:
    _create(database, cast.platform_admin)
    (build,) = database.read_now(store.pending_builds)
    database.write_now(store.begin_build, build.image_id, build.build)
    (again,) = database.read_now(store.pending_builds)
    assert (again.build, again.phase) == (build.build, ImagePhase.BUILDING)
    assert database.write_now(store.begin_build, again.image_id, again.build)


def test_what_an_outdated_build_reports_changes_nothing(database: Database, cast: Cast) -> None:
    made = _create(database, cast.platform_admin)
    (old,) = database.read_now(store.pending_builds)
    database.write_now(store.begin_build, old.image_id, old.build)
    after = _update(database, cast.platform_admin, made, source={"type": "environment", "packages": ["numpy"]})
    assert (after.phase, after.location) == (ImagePhase.PENDING, None)
    for report in (
        lambda uow: store.build_progress(uow, old.image_id, old.build, 90, "late"),
        lambda uow: store.finish_build(uow, old.image_id, old.build, "/old"),
        lambda uow: store.fail_build(uow, old.image_id, old.build, "late"),
    ):
        assert not database.write_now(report)
    assert _get(database, cast.member, "base") == after
    (new,) = database.read_now(store.pending_builds)
    database.write_now(images.delete, cast.platform_admin, "base")
    assert not database.write_now(store.begin_build, new.image_id, new.build)
    assert database.read_now(store.pending_builds) == ()


def test_a_failed_build_says_why_and_can_be_asked_for_again(database: Database, cast: Cast) -> None:
    _create(database, cast.platform_admin)
    (build,) = database.read_now(store.pending_builds)
    database.write_now(store.begin_build, build.image_id, build.build)
    assert database.write_now(store.fail_build, build.image_id, build.build, "no such package: " + "x" * 5000)
    failed = _get(database, cast.member, "base")
    assert failed.phase is ImagePhase.FAILED
    assert failed.message.startswith("no such package")
    again = database.write_now(images.rebuild, cast.platform_admin, "base")
    assert (again.phase, again.message) == (ImagePhase.PENDING, "")
    assert database.read_now(store.pending_builds)[0].build == build.build + 1


def test_an_admin_of_two_groups_sees_each_image_once(database: Database, cast: Cast) -> None:
    def both(uow: UnitOfWork) -> Actor:
        row = factories.account(uow, "bo")
        factories.membership(uow, row, cast.group)
        factories.membership(uow, row, cast.other_group, Role.ADMIN)
        return factories.actor(uow, row)

    actor = database.write_now(both)
    _create(database, cast.platform_admin, "two", all_groups=False, groups=["research", "other"])
    _create(database, cast.platform_admin, "all")
    page = database.read_now(images.list_, actor, PageQuery())
    assert [i.name for i in page.items] == ["all", "two"]
    assert page.items[1].groups == ("other", "research")


def test_only_what_platform_admins_can_change_is_built_without_a_sandbox(database: Database, cast: Cast) -> None:
    _create(database, cast.platform_admin, "base")
    _create(database, cast.group_admin, "own", group="research")
    built = {build.slug.partition("-")[0]: build.of_platform for build in database.read_now(store.pending_builds)}
    assert built == {"base": True, "own": False}
