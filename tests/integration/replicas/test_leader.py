"""Several processes: one of them works, and when it is killed or stopped another goes on with nothing done twice."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import httpx
import pytest
import sqlalchemy as sa

from primehub_services.blobs import FolderLogStore, attempt_key
from primehub_services.domain.jobs import JobSpec
from primehub_services.domain.schedules import ScheduleCreate
from primehub_services.operations import jobs, schedules
from primehub_services.store import migrate
from primehub_services.store.orm import AccountRow, AttemptRow, FiringRow, GroupRow, JobRow, ScheduleRow
from primehub_services.store.unit_of_work import UnitOfWork
from tests.support import factories
from tests.support.factories import Cast
from tests.support.identity import rows
from tests.support.jobs import CAPACITY, spec
from tests.support.platform import free_port
from tests.support.relay import relay
from tests.support.replicas import Replicas
from tests.support.waiting import wait_for

pytestmark = pytest.mark.postgres
MOVED_S = 10
WAITS = "services wait: The database"
RECURRING = 70
SPEC = JobSpec(group="research", instance_type="cpu-1", image="base", command="true")


def _cast(uow: UnitOfWork, prefix: str) -> Cast:
    factories.instance_type(uow)
    factories.image(uow, source={"type": "environment", "prefix": prefix}, location=prefix)
    return factories.cast(uow)


def _prepared(several: Replicas, prefix: str = "/opt/base") -> Cast:
    migrate.upgrade(several.url)
    return several.database.write_now(_cast, prefix)


def test_a_database_that_comes_later_is_waited_for_by_the_same_process_and_a_stop_ends_the_wait(
    several: Replicas,
) -> None:
    there, port = sa.make_url(several.url), free_port()
    several.url = there.set(host="127.0.0.1", port=port).render_as_string(hide_password=False)
    one, other = several.begin("--elect"), several.begin("--elect")
    for waiting in (one, other):
        wait_for(lambda waiting=waiting: WAITS in waiting.said(), 60, what="it says that it waits")
    told = httpx.get(f"{one.url}/version", trust_env=False, timeout=10)
    assert (told.status_code, told.json()["code"], told.headers["Retry-After"]) == (503, "unavailable", "1")
    assert str(port) not in told.text, "where the database is, is nothing for strangers"
    other.process.terminate()
    assert other.process.wait(10) == 0
    with relay("127.0.0.1", (str(there.host), there.port or 5432), port):
        wait_for(one.answers, 60, what="it answers once there is a database")


def _all_due(uow: UnitOfWork, cast: Cast, name: str) -> None:
    """Many recurring jobs of which an instant has just come."""
    for number in range(RECURRING):
        made = ScheduleCreate(name=f"{name}{number}", cron=f"{uow.now.minute} * * * *", job=SPEC)
        schedules.create(uow, cast.member, made, capacity=CAPACITY)
    minute = uow.now.replace(second=0, microsecond=0)
    ours = sa.update(ScheduleRow).where(ScheduleRow.name.startswith(name))
    uow.session.execute(ours.values(accounted_until=minute - timedelta(seconds=1), next_at=minute))


def _fired(several: Replicas) -> int:
    with several.database.engine.connect() as connection:
        return int(connection.execute(sa.select(sa.func.count(FiringRow.instant))).scalar_one())


def _each_instant_once(several: Replicas) -> None:
    """Every recurring job has a row for each of its instants, and as many jobs as rows that made one."""
    fired = rows(several.database, sa.select(FiringRow))
    assert len({one.schedule_id for one in fired}) == 2 * RECURRING
    assert max(Counter((one.schedule_id, one.instant) for one in fired).values()) == 1
    made = Counter(one.schedule_id for one in rows(several.database, sa.select(JobRow)))
    assert made == Counter(one.schedule_id for one in fired if one.job_id is not None)


def test_processes_that_start_at_once_set_up_one_platform(several: Replicas) -> None:
    started = several.start(3, "--engine=fake")
    several.elected()
    link = several.data / "run" / "first-sign-in"
    wait_for(link.exists, 10, what="there is a first link")
    names = wait_for(
        lambda: [row.name for row in rows(several.database, sa.select(GroupRow))], 10, what="there is a group"
    )
    assert len(names) == 1
    assert [row.name for row in rows(several.database, sa.select(AccountRow))] == ["admin"]
    assert all(one.answers() for one in started)
    assert sum("leading from now on" in one.said() for one in started) == 1


@pytest.mark.alone
def test_when_a_leader_is_killed_or_stopped_another_goes_on_and_no_instant_comes_twice(several: Replicas) -> None:
    cast = _prepared(several)
    several.start(3, "--engine=fake")
    first = several.elected()
    several.database.write_now(_all_due, cast, "a")
    wait_for(lambda: _fired(several), 20, what="it has begun")
    first.kill()
    second = several.elected(but=first, seconds=MOVED_S)
    wait_for(lambda: _fired(several) == RECURRING, 30, what="all are accounted for")

    several.database.write_now(_all_due, cast, "b")
    wait_for(lambda: _fired(several) > RECURRING, 20, what="the second has begun")
    second.stop()
    third = several.elected(but=second, seconds=MOVED_S)
    wait_for(lambda: _fired(several) == 2 * RECURRING, 30, what="all are accounted for")
    second.resume()
    wait_for(lambda: "not leading any more" in second.said(), 10, what="it notices")
    assert several.leader() is third
    _each_instant_once(several)


@pytest.mark.sandbox
def test_jobs_go_on_while_their_leader_is_killed_and_each_attempt_runs_once(
    several: Replicas, plain_python: str
) -> None:
    cast = _prepared(several, plain_python)
    several.start(2, "--engine=local")
    first = several.elected()
    command = "echo began; sleep 2; echo ended"
    ids = [
        several.database.write_now(jobs.submit, cast.member, spec(command=command), capacity=CAPACITY).id
        for _ in range(4)
    ]

    def phases() -> list[str]:
        return [row.phase for row in rows(several.database, sa.select(JobRow))]

    wait_for(lambda: "RUNNING" in phases(), 30, what="one runs")
    first.kill()
    several.elected(but=first)
    wait_for(lambda: set(phases()) <= {"SUCCEEDED", "FAILED"}, 60, what="all have ended")
    assert phases() == ["SUCCEEDED"] * len(ids)
    store = FolderLogStore(several.data / "blobs")
    for attempt in rows(several.database, sa.select(AttemptRow)):
        printed = store.read(attempt_key(attempt.job_id, attempt.number), 0, 1 << 20).data.decode()
        assert printed.count("began") <= 1
        assert attempt.phase != "SUCCEEDED" or printed.splitlines() == ["began", "ended"]
