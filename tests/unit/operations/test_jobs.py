"""Submitting, looking at, cancelling, rerunning and deleting jobs."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from primehub_services.domain.identity import Actor
from primehub_services.domain.jobs import JobCounts, JobPhase, JobSpec
from primehub_services.domain.paging import PageQuery
from primehub_services.domain.problems import Forbidden, Invalid, Problem, Refused
from primehub_services.domain.secrets import SecretCreate
from primehub_services.domain.system import SystemSettings
from primehub_services.operations import jobs, secrets, usage
from primehub_services.store import jobs as store
from primehub_services.store import settings
from primehub_services.store.crypto import Keyring
from primehub_services.store.database import Database
from primehub_services.store.jobs import Filters
from primehub_services.store.orm import AuditRow, GroupRow, JobRow
from primehub_services.store.unit_of_work import UnitOfWork
from tests.support import factories
from tests.support.clock import FixedClock
from tests.support.factories import Cast
from tests.support.identity import SERVICES, expected, outcomes
from tests.support.jobs import CAPACITY, World, make_world, spec


@pytest.fixture
def world(database: Database, clock: FixedClock, cast: Cast, tmp_path: Path) -> World:
    return make_world(database, clock, cast, tmp_path)


def listed(world: World, actor: Actor, query: PageQuery | None = None, **filters: Any) -> list[str]:
    page = world.database.read_now(jobs.list_, actor, query or PageQuery(), Filters(**filters))
    assert page.total == len(page.items)
    return [job.name for job in page.items]


def test_an_accepted_job_is_queued_with_all_that_was_asked(world: World) -> None:
    job = world.submit(environment={"A": "1"}, retries=2, timeout=60)
    assert re.fullmatch(r"job-202603020930-[0-9a-z]{6}", job.id)
    assert (job.user, job.group, job.instance_type, job.image) == ("ann", "research", "cpu-1", "base")
    assert (job.phase, job.retries, job.timeout, job.environment) == (JobPhase.PENDING, 2, 60, {"A": "1"})
    assert job.attempts == ()
    assert job.queue is None


@pytest.mark.parametrize(
    ("command", "name"),
    [
        ("python train.py --epochs 3", "python train.py --epochs 3"),
        ("#!/bin/bash\nset -e\n\ncd /project/x\npython a.py", "python a.py"),
        ("# only this", "# only this"),
        ("echo " + "word " * 40, ("echo " + "word " * 11).strip()),
        ("x" * 300, "x" * 60),
        ("\techo\ta\x07b", "echo a b"),
    ],
)
def test_a_job_without_a_name_is_named_after_its_command(world: World, command: str, name: str) -> None:
    assert world.submit(command=command).name == name


def test_the_nearest_timeout_counts(world: World) -> None:
    assert world.submit().timeout == 86_400

    def of_group(uow: UnitOfWork) -> None:
        group = uow.session.get(GroupRow, world.cast.group.id)
        assert group is not None
        group.job_timeout = 600

    world.database.write_now(of_group)
    assert [world.submit(timeout=t).timeout for t in (None, 0, 7)] == [600, 0, 7]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"instance_type": "no-such"}, "instance_type"),
        ({"image": "no-such"}, "image"),
        ({"group": "no-such"}, "group"),
        ({"group": "other"}, "group"),
        ({"secrets": {"TOKEN": "no-such"}}, "secrets.TOKEN"),
        ({"secrets": {"PATH": "x"}}, "secrets.PATH"),
        ({"from_schedule": "no-such"}, "from_schedule"),
        ({"command": "", "notebook": {"snapshot": "none", "path": "a.ipynb"}}, "notebook.snapshot"),
    ],
)
def test_what_the_person_cannot_use_is_refused_by_its_field(world: World, changes: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as refusal:
        world.submit(**changes)
    assert [error.field for error in refusal.value.errors] == [field]
    assert all(error.fix for error in refusal.value.errors)


def test_what_can_never_fit_is_refused_with_the_arithmetic_and_what_is_short_now_waits(world: World) -> None:
    def quota(uow: UnitOfWork) -> None:
        group = uow.session.get(GroupRow, world.cast.group.id)
        assert group is not None
        group.user_cpu = 1000
        factories.instance_type(uow, "cpu-8", cpu_limit=8000)

    world.database.write_now(quota)
    with pytest.raises(Refused) as refusal:
        world.submit(instance_type="cpu-8")
    assert "8 cores asked, and your quota in this group is 1 core in all." in refusal.value.detail
    assert refusal.value.extra["decision"]["never"] is True
    first = world.submit()
    world.clock.advance(1)
    second = world.submit()
    world.admit()
    assert (world.job(first.id).phase, world.job(second.id).phase) == (JobPhase.PREPARING, JobPhase.PENDING)
    check = world.database.read_now(jobs.check, world.cast.member, "research", spec(), CAPACITY)
    assert (check.would_start, check.never) == (False, False)


def test_nobody_has_more_jobs_waiting_in_a_group_than_may_be(world: World) -> None:
    world.database.write_now(settings.save, SystemSettings(queue_limit=2))
    first, second = world.submit(), world.submit()
    with pytest.raises(Refused, match="ann has 2 jobs waiting in this group") as refusal:
        world.submit()
    [error] = refusal.value.errors
    assert (error.field, "queue_limit" in error.fix) == ("group", True)
    with pytest.raises(Refused, match="queue_limit"):
        world.database.write_now(jobs.rerun, world.cast.member, first.id, CAPACITY)
    check = world.database.read_now(
        jobs.check, world.cast.member, "research", JobSpec(**spec().model_dump(exclude={"from_schedule"})), CAPACITY
    )
    assert (check.would_start, check.position) == (False, None)
    assert [reason.code for reason in check.reasons] == ["queue-full"]
    assert world.submit(actor=world.cast.group_admin).user == "gil"
    world.database.write_now(jobs.cancel, world.cast.member, second.id)
    world.database.write_now(settings.save, SystemSettings(queue_limit=0))
    assert len([world.submit() for _ in range(3)]) == 3


def test_an_image_that_cannot_run_here_is_refused_at_once(world: World) -> None:
    def more(uow: UnitOfWork) -> None:
        factories.image(uow, "broken", phase="FAILED", location=None)
        factories.image(uow, "gpu-only", kind="gpu")

    world.database.write_now(more)
    for image in ("broken", "gpu-only"):
        with pytest.raises(Refused, match=image):
            world.submit(image=image)


def test_who_may_submit(world: World) -> None:
    found = outcomes(world.database, world.cast, jobs.submit, spec(), CAPACITY)
    # what is not a member's is not there: neither a group nor a notebook's token for a command
    assert found == expected("ok", outsider="invalid", platform_admin="forbidden", notebook="forbidden")


def test_who_may_look_at_cancel_and_delete_a_job(world: World) -> None:
    job = world.submit()
    everyone = outcomes(world.database, world.cast, jobs.get, job.id)
    assert everyone == expected("ok", outsider="not-found") | dict.fromkeys(SERVICES, "not-found")
    cancels = outcomes(world.database, world.cast, jobs.cancel, job.id)
    assert cancels == everyone
    world.cancel(job.id)
    world.admit()
    deletes = outcomes(world.database, world.cast, jobs.delete, job.id)
    assert deletes == everyone | {"notebook": "forbidden"}


def test_a_colleague_sees_a_job_but_neither_ends_it_nor_reads_its_values(world: World) -> None:
    job = world.submit(world.cast.group_admin, environment={"A": "secret"})
    seen = world.job(job.id)
    assert (seen.user, seen.environment) == ("gil", {"A": None})
    assert world.job(job.id, world.cast.group_admin).environment == {"A": "secret"}
    assert world.job(job.id, world.cast.platform_admin).environment == {"A": None}
    with pytest.raises(Problem, match="Only a"):
        world.cancel(job.id)
    own = world.submit(environment={"A": "mine"})
    assert world.job(own.id, world.cast.notebook).environment == {"A": None}
    with pytest.raises(Problem, match="no job"):
        world.job(job.id, world.cast.notebook)


def test_lists_show_each_what_they_may_see(world: World) -> None:
    world.submit(name="mine")
    world.clock.advance(1)
    world.submit(world.cast.group_admin, name="gils")
    assert listed(world, world.cast.member) == ["gils", "mine"]
    assert listed(world, world.cast.platform_admin) == ["gils", "mine"]
    assert listed(world, world.cast.notebook) == ["mine"]
    assert listed(world, world.cast.outsider) == []


def test_lists_are_narrowed_searched_sorted_and_paged(world: World) -> None:
    for number, name in enumerate(("gamma", "alpha", "beta")):
        world.clock.advance(number)
        world.submit(name=name, command=f"echo {name}")
    member = world.cast.member
    assert listed(world, member, PageQuery(sort="name")) == ["alpha", "beta", "gamma"]
    assert listed(world, member, PageQuery(sort="-name")) == ["gamma", "beta", "alpha"]
    assert listed(world, member, PageQuery(search="ALPH")) == ["alpha"]
    assert listed(world, member, user="gil") == []
    assert listed(world, member, user="nobody") == []
    assert listed(world, member, group="other") == []
    assert len(listed(world, member, group="research", user="ann", active=True, phase=JobPhase.PENDING)) == 3
    assert listed(world, member, active=False) == []
    assert listed(world, member, schedule="none") == []
    page = world.database.read_now(jobs.list_, member, PageQuery(page=2, page_size=2), Filters())
    assert ([job.name for job in page.items], page.total) == (["gamma"], 3)
    with pytest.raises(Invalid, match="cannot sort"):
        listed(world, member, PageQuery(sort="colour"))


def test_the_views_of_a_list_are_counted_as_the_list_would_show_them(world: World) -> None:
    def counts(actor: Actor, search: str = "", **filters: Any) -> JobCounts:
        return world.database.read_now(jobs.counts, actor, search, Filters(**filters))

    world.submit(name="alpha")
    world.submit(name="beta")
    world.submit(world.cast.group_admin, name="alphabet")
    found = counts(world.cast.member)
    assert (found.all, found.active, found.mine, found.phases) == (3, 3, 2, {JobPhase.PENDING: 3})
    assert counts(world.cast.member, "alpha").all == 2
    assert counts(world.cast.member, since=world.clock.now + timedelta(seconds=1)).all == 0
    assert listed(world, world.cast.member, since=world.clock.now + timedelta(seconds=1)) == []
    assert (counts(world.cast.notebook).all, counts(world.cast.outsider).all) == (2, 0)
    assert (counts(world.cast.platform_admin).all, counts(world.cast.platform_admin).mine) == (3, 0)


def test_a_list_shows_the_beginning_of_a_long_command(world: World) -> None:
    job = world.submit(command="x" * 2000)
    page = world.database.read_now(jobs.list_, world.cast.member, PageQuery(), Filters())
    assert len(page.items[0].command) == store.SHOWN
    assert len(world.job(job.id).command) == 2000


def test_a_list_has_the_names_of_variables_and_their_values_are_read_with_one_job(world: World) -> None:
    job = world.submit(environment={"A": "x" * 2000})
    page = world.database.read_now(jobs.list_, world.cast.member, PageQuery(), Filters())
    assert page.items[0].environment == {"A": None}
    assert world.job(job.id).environment == {"A": "x" * 2000}


def test_a_job_with_more_variables_than_are_taken_now_is_shown_and_not_repeated(world: World) -> None:
    job = world.submit()
    much = {f"A{n}": "x" * 30_000 for n in range(20)}

    def grow(uow: UnitOfWork) -> None:
        row = uow.session.get(JobRow, job.id)
        assert row is not None
        row.spec = row.spec | {"environment": much}

    world.database.write_now(grow)
    assert world.job(job.id).environment == much
    assert listed(world, world.cast.member) == [job.name]
    with pytest.raises(Invalid, match=r"^environment: has more than 65536 characters"):
        world.database.write_now(jobs.rerun, world.cast.member, job.id, CAPACITY)


def test_cancelling_twice_or_after_the_end_changes_nothing(world: World) -> None:
    job = world.submit()
    first = world.cancel(job.id)
    again = world.database.write_now(jobs.cancel, world.cast.group_admin, job.id)
    assert again.cancel_requested == first.cancel_requested == "Cancelled by ann"
    assert again.version == first.version
    world.admit()
    ended = world.job(job.id)
    assert world.cancel(job.id).version == ended.version


def test_a_rerun_is_the_same_once_more_as_oneself(world: World) -> None:
    job = world.submit(environment={"A": "anns"}, retries=3, name="train")
    world.clock.advance(60)
    again = world.database.write_now(jobs.rerun, world.cast.member, job.id, CAPACITY)
    assert again.id != job.id
    assert (again.rerun_of, again.name, again.command, again.retries) == (job.id, "train", job.command, 3)
    assert again.environment == {"A": "anns"}
    plain = world.submit(retries=3)
    gils = world.database.write_now(jobs.rerun, world.cast.group_admin, plain.id, CAPACITY)
    assert (gils.user, gils.rerun_of, gils.retries) == ("gil", plain.id, 3)


def test_nobody_runs_a_command_with_the_values_of_a_colleague(world: World) -> None:
    job = world.submit(environment={"B": "anns", "A": "anns too"}, command="sh /project/research/shared.sh")
    with pytest.raises(Forbidden, match=r"\(A, B\) have values of ann's.*Clone it"):
        world.database.write_now(jobs.rerun, world.cast.group_admin, job.id, CAPACITY)

    def carried(uow: UnitOfWork) -> None:
        _row(uow, job.id).values_of = "somebody"  # as reruns did

    world.database.write_now(carried)
    with pytest.raises(Forbidden, match="have values of a colleague's"):
        world.database.write_now(jobs.rerun, world.cast.member, job.id, CAPACITY)
    assert world.job(job.id).environment == {"A": None, "B": None}


def test_a_rerun_uses_the_secrets_of_who_asks(world: World, tmp_path: Path) -> None:
    keyring = Keyring.load_or_create(tmp_path / "key")
    new = SecretCreate.model_validate({"name": "token", "kind": "env", "value": "s3cr3t"})
    world.database.write_now(secrets.create, world.cast.member, new, keyring=keyring)
    job = world.submit(secrets={"TOKEN": "token"})
    assert job.secrets == {"TOKEN": "token"}
    with pytest.raises(Invalid, match="there is no secret 'token'"):
        world.database.write_now(jobs.rerun, world.cast.group_admin, job.id, CAPACITY)


def test_a_secret_is_not_also_a_plain_value(world: World) -> None:
    with pytest.raises(Invalid, match="in environment too"):
        world.submit(secrets={"A": "x"}, environment={"A": "1"})


def test_only_what_has_ended_is_deleted_and_then_nothing_is_left(world: World) -> None:
    job = world.submit()
    with pytest.raises(Problem, match="Cancel it first"):
        world.database.write_now(jobs.delete, world.cast.member, job.id)
    world.cancel(job.id)
    world.admit()
    world.database.write_now(jobs.delete, world.cast.member, job.id)
    with pytest.raises(Problem, match="no job"):
        world.job(job.id)


def test_what_a_job_holds_is_shown_by_its_name(world: World) -> None:
    job = world.submit(name="train")
    world.admit()
    holders = world.database.read_now(usage.group, world.cast.member, "research").holders
    assert [(h.id, h.kind, h.name) for h in holders] == [(job.id, "job", "train")]


async def test_who_looks_at_the_group_sees_when_a_job_ends_at_the_latest(world: World) -> None:
    job = await world.running(timeout=600)
    endless = await world.running(timeout=0, name="endless")
    holders = world.database.read_now(usage.group, world.cast.member, "research").holders
    assert job.started_at is not None
    assert {h.id: h.ends_at for h in holders} == {job.id: job.started_at + timedelta(seconds=600), endless.id: None}


def test_who_did_what_is_on_record_without_values(world: World) -> None:
    job = world.submit(environment={"A": "s3cr3t"})
    world.cancel(job.id)
    world.admit()
    rows = world.database.read_now(
        lambda uow: [(r.action, r.actor, str(r.details)) for r in uow.session.query(AuditRow).order_by(AuditRow.id)]
    )
    assert [(action, actor) for action, actor, _ in rows] == [
        ("job.submit", "ann"),
        ("job.cancel", "ann"),
        ("job.end", "service:primehub"),
    ]
    assert not any("s3cr3t" in details for *_, details in rows)


def _row(uow: UnitOfWork, job_id: str) -> Any:
    named = store.find(uow, job_id)
    assert named is not None
    return named.row


def test_volumes_that_a_job_is_without_are_told_to_its_owner(world: World) -> None:
    """They may be those of another group of the owner's, of which colleagues know nothing."""
    job = world.submit()
    world.admit()

    def without(uow: UnitOfWork) -> None:
        [attempt] = store.attempts_of(uow, job.id)
        attempt.plan = {**attempt.plan, "left_out": [{"volume": "theirs", "reason": "it is gone"}]}
        found_later = {"volume": "share", "reason": "its claim share is not in the cluster"}
        attempt.refs = [{"engine": "kubernetes", "kind": "Job", "key": attempt.id, "left_out": [found_later]}]

    world.database.write_now(without)
    cast = world.cast
    for actor in (cast.member, cast.platform_admin):
        assert world.job(job.id, actor).left_out == (
            "theirs: it is gone",
            "share: its claim share is not in the cluster",
        )
    for actor in (cast.group_admin, cast.notebook):
        assert world.job(job.id, actor).left_out == ()
