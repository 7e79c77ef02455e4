"""The form of a launch, and the dry run."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
import sqlalchemy as sa

from primehub_services.domain.admission import LaunchOptions
from primehub_services.domain.claims import Budget, Decision, MachineCapacity
from primehub_services.domain.identity import Actor, Role
from primehub_services.domain.jobs import JobSpec
from primehub_services.domain.launch import LaunchRequest
from primehub_services.domain.permissions import Scope
from primehub_services.domain.problems import Forbidden, Invalid, NotFound, Refused, Unauthenticated
from primehub_services.domain.resources import Quota
from primehub_services.operations import launches, notebooks
from primehub_services.store import groups as stored_groups
from primehub_services.store.database import Database
from primehub_services.store.orm import ClaimRow, GroupRow, GroupVolumeRow, NotebookRow, VolumeRow
from primehub_services.store.unit_of_work import UnitOfWork
from tests.support import factories
from tests.support.factories import Cast
from tests.support.identity import SERVICES

CAPACITY = MachineCapacity(quota=Quota(gpu=1), gpu_indices=(0,), image_types=frozenset({"environment"}))


@dataclass
class World:
    """Two groups, types with and without a GPU, and images in every state."""

    database: Database
    cast: Cast

    def check(self, instance_type: str = "cpu-1", image: str = "base", actor: Actor | None = None, **more) -> Decision:
        request = LaunchRequest(group=more.get("group", "research"), instance_type=instance_type, image=image)
        return self.database.read_now(launches.check, actor or self.cast.member, request, CAPACITY)

    def codes(self, instance_type: str = "cpu-1", image: str = "base") -> list[str]:
        return [reason.code for reason in self.check(instance_type, image).reasons]

    def options(self, actor: Actor | None = None) -> LaunchOptions:
        return self.database.read_now(launches.options, actor or self.cast.member, "research", CAPACITY)

    def start(self, actor: Actor, instance_type: str = "cpu-1", image: str = "base") -> None:
        request = LaunchRequest(group="research", instance_type=instance_type, image=image)
        self.database.write_now(notebooks.start, actor, request, CAPACITY)

    def quotas(self, **columns) -> None:
        def change(uow: UnitOfWork) -> None:
            row = uow.session.get_one(GroupRow, self.cast.group.id)
            for name, value in columns.items():
                setattr(row, name, value)

        self.database.write_now(change)


@pytest.fixture
def world(database: Database, cast: Cast) -> World:
    def fill(uow: UnitOfWork) -> None:
        factories.instance_type(uow, display_name="small")
        factories.instance_type(uow, "cpu-4", cpu_limit=4000, display_name="Big")
        factories.instance_type(uow, "gpu-1", gpu_limit=1, display_name="with a GPU")
        factories.instance_type(uow, "hidden", all_groups=False)
        factories.image(uow)
        factories.image(uow, "cpu-only", kind="cpu")
        factories.image(uow, "cuda", kind="gpu")
        factories.image(uow, "coming", phase="BUILDING", progress=40)
        factories.image(uow, "broken", phase="FAILED", message="no such package")
        factories.image(uow, "docker", source={"type": "container", "url": "r/x"})
        factories.image(uow, "theirs", owner_group_id=cast.other_group.id)

    database.write_now(fill)
    return World(database, cast)


def test_a_launch_that_would_start_reserves_nothing(world: World) -> None:
    assert world.check().would_start
    assert world.check().would_start
    assert world.options().total.used.cpu == 0


@pytest.mark.parametrize(
    ("instance_type", "image", "codes"),
    [
        ("nope", "base", ["unknown-instance-type"]),
        ("hidden", "theirs", ["unknown-instance-type", "unknown-image"]),
        ("cpu-1", "coming", ["image-not-ready"]),
        ("cpu-1", "broken", ["image-not-ready"]),
        ("cpu-1", "docker", ["image-unsupported"]),
        ("cpu-1", "cuda", ["image-needs-gpu"]),
        ("gpu-1", "cuda", []),
        ("gpu-1", "cpu-only", []),
    ],
)
def test_what_stands_against_a_pair(world: World, instance_type: str, image: str, codes: list[str]) -> None:
    decision = world.check(instance_type, image)

    assert [reason.code for reason in decision.reasons] == codes
    assert decision.would_start == (not codes)
    assert all(reason.field and reason.message for reason in decision.reasons)


def test_where_no_sandbox_can_run_only_platform_admins_start_notebooks_and_nobody_jobs(world: World) -> None:
    unprotected = replace(CAPACITY, unprotected=True)
    member = world.cast.member
    assert member.account is not None
    admin = replace(member, account=member.account.model_copy(update={"platform_admin": True}))
    request = LaunchRequest(group="research", instance_type="cpu-1", image="base")

    def check(actor: Actor) -> Decision:
        return world.database.read_now(launches.check, actor, request, unprotected)

    (reason,) = check(member).reasons
    assert reason.code == "no-sandbox"
    assert "platform admin" in reason.help
    assert check(admin).would_start
    weak = replace(admin, scopes=admin.scopes - {Scope.ADMIN})  # a token that is not for what admins do
    assert [reason.code for reason in check(weak).reasons] == ["no-sandbox"]
    job = JobSpec(group="research", instance_type="cpu-1", image="base", command="true")
    decision = world.database.read_now(launches.assess, admin, job, unprotected).decision
    assert [reason.code for reason in decision.reasons] == ["no-sandbox"]
    with pytest.raises(Refused, match="No sandbox"):
        world.database.write_now(notebooks.start, member, request, unprotected)


def test_a_cpu_image_on_a_gpu_is_a_warning(world: World) -> None:
    assert "may not be optimised" in world.check("gpu-1", "cpu-only").warnings[0]
    assert world.check("cpu-1", "cpu-only").warnings == ()


def test_the_dry_run_says_what_the_start_says(world: World) -> None:
    world.quotas(user_cpu=1000, group_cpu=3000)
    world.start(world.cast.group_admin)
    for instance_type, image in (("cpu-4", "base"), ("gpu-1", "coming"), ("nope", "base"), ("cpu-1", "cuda")):
        said = world.check(instance_type, image)
        with pytest.raises((Refused, Invalid)) as refused:
            world.start(world.cast.member, instance_type, image)
        assert refused.value.extra["decision"] == said.model_dump(mode="json")
        assert {e.field for e in refused.value.errors} == {r.field for r in said.reasons}


def test_everything_that_is_short_is_said_with_who_holds_it(world: World) -> None:
    world.quotas(group_cpu=1500, group_gpu=1)
    world.start(world.cast.group_admin, "gpu-1")
    world.quotas(user_cpu=500)

    decision = world.check("gpu-1")

    said = {(r.budget, r.resource): r for r in decision.reasons}
    assert set(said) == {
        (Budget.USER, "cpu"),
        (Budget.GROUP, "cpu"),
        (Budget.GROUP, "gpu"),
        (Budget.MACHINE, "gpu"),
    }
    assert said[Budget.USER, "cpu"].code == "never-fits"
    assert [h.user for h in said[Budget.GROUP, "gpu"].holders] == ["gil"]
    assert decision.never
    asked_by_notebook = {(r.budget, r.resource): r for r in world.check("gpu-1", actor=world.cast.notebook).reasons}
    assert [h.user for h in asked_by_notebook[Budget.GROUP, "gpu"].holders] == [None]


def test_ones_own_running_server_is_a_reason(world: World) -> None:
    world.start(world.cast.member)

    assert "already-running" in world.codes()


def test_a_group_that_cannot_be_seen_is_a_reason_like_one_that_is_not_there(world: World) -> None:
    (hidden,) = world.check(group="research", actor=world.cast.outsider).reasons
    (absent,) = world.check(group="absent", actor=world.cast.outsider).reasons

    assert (hidden.code, hidden.field) == ("unknown-group", "group")
    assert hidden.model_dump_json().replace("research", "absent") == absent.model_dump_json()


def test_only_members_and_their_notebooks_may_ask(world: World) -> None:
    assert world.check(actor=world.cast.notebook).would_start
    for actor in (world.cast.platform_admin, world.cast.spawner, world.cast.culler):
        with pytest.raises(Forbidden):
            world.check(actor=actor)
    disabled = Actor(account=world.cast.member.account.model_copy(update={"enabled": False}))
    with pytest.raises(Unauthenticated):
        world.check(actor=disabled)


def test_the_form_lists_what_the_group_has_with_what_is_disabled_and_why(world: World) -> None:
    world.quotas(user_cpu=2000, user_gpu=0)

    options = world.options()

    assert [(t.name, t.disabled) for t in options.instance_types] == [
        ("cpu-4", "It takes 4 cores, and your quota in this group is 2 cores in all."),
        ("cpu-1", ""),
        ("gpu-1", "It takes 1 GPU, and your quota in this group is 0 GPUs in all."),
    ]
    disabled = {image.name: image.disabled for image in options.images}
    assert disabled == {
        "base": "",
        "broken": "It could not be built: no such package",
        "coming": "It is not ready yet (40 %).",
        "cpu-only": "",
        "cuda": "",
        "docker": "This platform cannot run images of type container.",
    }
    assert (options.defaults.instance_type, options.defaults.image) == ("cpu-1", "base")
    assert (options.user.quota.cpu, options.user.used.cpu) == (2000, 0)


def test_the_last_choice_is_the_default_the_next_time(world: World) -> None:
    world.start(world.cast.member, "gpu-1", "cuda")

    assert (world.options().defaults.instance_type, world.options().defaults.image) == ("gpu-1", "cuda")
    world.quotas(user_gpu=0)
    assert (world.options().defaults.instance_type, world.options().defaults.image) == ("cpu-4", "base")


def test_the_form_shows_the_volumes_that_a_launch_gets(world: World) -> None:
    def fill(uow: UnitOfWork) -> None:
        common = {"all_groups": False, "launch_group_only": True, "created_at": uow.now}
        data = VolumeRow(name="data", slug="data", source={"type": "pvc"}, **common)
        broken = VolumeRow(name="share", slug="share", source={"type": "pvc"}, message="not mounted", **common)
        theirs = VolumeRow(name="theirs", slug="theirs", source={"type": "pvc"}, **common)
        uow.session.add_all([data, broken, theirs])
        uow.session.flush()
        for row, group, writable in (
            (data, world.cast.group, True),
            (broken, world.cast.group, False),
            (theirs, world.cast.other_group, True),
        ):
            uow.session.add(GroupVolumeRow(group_id=group.id, volume_id=row.id, writable=writable))

    world.database.write_now(fill)

    volumes = world.options().volumes

    assert [(v.name, v.writable, v.left_out) for v in volumes] == [("data", True, ""), ("share", False, "not mounted")]


def test_the_form_shows_every_folder_of_a_launch_where_it_will_be(world: World) -> None:
    def fill(uow: UnitOfWork) -> None:
        rows = [
            VolumeRow(name="data", slug="data", source={"type": "pvc"}),
            VolumeRow(name="code", slug="code", source={"type": "git", "url": "https://x/y"}, display_name="The code"),
            VolumeRow(name="away", slug="away", source={"type": "git", "url": "https://x/z"}, message="not there"),
            VolumeRow(name="keys", slug="keys", source={"type": "env", "variables": {}}),
        ]
        for row in rows:
            row.created_at, row.all_groups, row.launch_group_only = uow.now, True, True
        uow.session.add_all(rows)
        uow.session.flush()
        uow.session.add(GroupVolumeRow(group_id=world.cast.group.id, volume_id=rows[0].id, writable=True))

    world.database.write_now(fill)

    mounts = world.options().mounts

    assert [(m.kind, m.name, m.path, m.safe_mode_path, m.links, m.writable) for m in mounts] == [
        ("home", "", "/home/jovyan", "/home/jovyan/user", (), True),
        ("project", "research", "/project/research", "/project/research", ("/home/jovyan/research",), True),
        ("dataset", "The code", "/datasets/code", "/datasets/code", ("/home/jovyan/datasets/code",), False),
        ("dataset", "data", "/datasets/data", "/datasets/data", ("/home/jovyan/datasets/data",), True),
    ]
    notebook = world.database.write_now(
        notebooks.start,
        world.cast.member,
        LaunchRequest(group="research", instance_type="cpu-1", image="base"),
        CAPACITY,
    )
    row = world.database.read_now(lambda uow: uow.session.get_one(NotebookRow, notebook.id).plan)
    assert sorted(mount["path"] for mount in row["mounts"]) == sorted(m.path for m in mounts)


def test_a_folder_that_the_cluster_cannot_give_is_said_before_the_start(world: World) -> None:
    why = "Its storage cannot be made: only ReadWriteOnce is supported."
    world.database.write_now(stored_groups.report_folder, world.cast.group.id, why)
    assert {mount.path: mount.left_out for mount in world.options().mounts} == {
        "/home/jovyan": "",
        "/project/research": why,
    }


@pytest.mark.parametrize("name", ["outsider", *SERVICES])
def test_who_cannot_see_the_group_sees_no_form(world: World, name: str) -> None:
    with pytest.raises(NotFound):
        world.options(world.cast.everyone()[name])


def test_a_notebook_s_token_reads_no_values_of_variables(world: World) -> None:
    request = LaunchRequest(group="research", instance_type="cpu-1", image="base", environment={"WHO": "me"})
    world.database.write_now(notebooks.start, world.cast.member, request, CAPACITY)

    assert world.options().environment == {"WHO": "me"}
    assert world.options(world.cast.notebook).environment == {}


def test_a_notebook_s_token_does_not_hear_in_which_other_group_its_owner_runs_something(world: World) -> None:
    world.start(world.cast.member)
    elsewhere = world.cast.other_group

    def move(uow: UnitOfWork) -> None:
        uow.session.execute(sa.update(ClaimRow).values(group_id=elsewhere.id))

    world.database.write_now(move)
    owner = replace(world.cast.member, roles={**world.cast.member.roles, elsewhere.id: Role.MEMBER})

    running = world.options(owner).running
    assert running is not None
    assert running.group == elsewhere.slug
    assert elsewhere.name in world.check(actor=owner).sentence
    assert world.options(world.cast.notebook).running is None
    (reason,) = world.check(actor=world.cast.notebook).reasons
    assert reason.code == "already-running"
    assert elsewhere.name not in reason.message
