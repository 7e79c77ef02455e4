"""What is kept of an attempt, what it used, and when it is forgotten."""

from __future__ import annotations

import errno
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from primehub_services.blobs import FolderArtifactStore, FolderLogStore, FolderUsageStore, attempt_key
from primehub_services.controllers import MonitoringController, ResultsSweeper
from primehub_services.controllers.job_ports import EndedAttempt
from primehub_services.controllers.ports import EngineUnavailable, FileSink
from primehub_services.controllers.results import PATIENCE, AttemptKeeper
from primehub_services.domain.jobs import JobPhase
from primehub_services.domain.results import UsagePoint
from primehub_services.domain.system import SystemSettings
from primehub_services.domain.workloads import FileLimits, GpuUsage, NotTaken, UsageSample, WorkFile, WorkListing
from primehub_services.store import results, settings
from primehub_services.store.database import Database
from primehub_services.store.orm import AttemptRow, NotebookRow
from primehub_services.store.unit_of_work import UnitOfWork
from tests.support.factories import Cast
from tests.support.identity import notebook
from tests.support.results import JOB, job_row, keep

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
ATTEMPT = EndedAttempt(f"{JOB}-1", JOB, 1, None)


@dataclass
class Engine:
    """One workload that has ended, or runs."""

    files: dict[str, bytes] = field(default_factory=lambda: {"a.txt": b"hello"})
    left_out: tuple[NotTaken, ...] = ()
    pieces: list[tuple[int, bytes]] = field(default_factory=lambda: [(0, b"one\n")])
    samples: dict[str, UsageSample] = field(default_factory=dict)
    limits: FileLimits | None = None
    error: Exception | None = None
    copied: int = 0

    async def log(self, workload: str) -> Iterable[tuple[int, bytes]]:
        return self.pieces

    async def copy_out(self, workload: str, folder: str, sink: FileSink, limits: FileLimits) -> WorkListing:
        self.limits, self.copied = limits, self.copied + 1
        files = [WorkFile(path=path, size=len(data), modified_at=NOW) for path, data in self.files.items()]
        for file in files:
            sink.take(file, [self.files[file.path]])
            if self.error is not None:
                raise self.error
        return WorkListing(files=tuple(files), left_out=self.left_out, left_out_count=len(self.left_out))

    async def usage(self, workloads: Collection[str]) -> Mapping[str, UsageSample]:
        if self.error is not None:
            raise self.error
        return {key: sample for key, sample in self.samples.items() if key in workloads}


@dataclass
class World:
    """A store, an engine and what is kept."""

    database: Database
    engine: Engine
    logs: FolderLogStore
    artifacts: FolderArtifactStore
    usage: FolderUsageStore
    folder: Path
    time: float = 0.0

    @property
    def keeper(self) -> AttemptKeeper:
        """As a process has it that was just started."""
        return AttemptKeeper(self.database, self.engine, self.logs, self.artifacts, self.usage, clock=lambda: self.time)

    @property
    def sweeper(self) -> ResultsSweeper:
        """Likewise."""
        return ResultsSweeper(self.database, self.logs, self.artifacts)

    def everything(self) -> set[str]:
        """Paths of all that is kept."""
        return {str(path.relative_to(self.folder)) for path in self.folder.rglob("*") if path.is_file()}

    def set(self, **changes: int) -> None:
        """Change settings."""
        self.database.write_now(lambda uow: settings.save(uow, SystemSettings(**changes)))


@pytest.fixture
def world(database: Database, tmp_path: Path) -> World:
    folder = tmp_path / "blobs"
    return World(
        database,
        Engine(),
        FolderLogStore(folder),
        FolderArtifactStore(folder),
        FolderUsageStore(folder),
        folder,
    )


async def test_log_and_files_are_kept_with_their_expiry(world: World) -> None:
    world.set(artifact_retention=3600, artifact_size=5, artifact_files=7)
    world.engine.left_out = (NotTaken(path="big.bin", reason="it is too large"),)
    summary = await world.keeper.keep(ATTEMPT, NOW)
    assert (summary.files, summary.size, summary.expires_at) == (1, 5, NOW + timedelta(hours=1))
    assert summary.message.startswith("1 file was not kept: big.bin (it is too large).")
    assert world.engine.limits == FileLimits(size=5_000_000, files=7)
    assert world.logs.read(attempt_key(JOB, 1), 0, 100).data == b"one\n"
    file = world.artifacts.open(JOB, 1, "a.txt")
    assert file is not None
    with file:
        assert file.read() == b"hello"
    assert world.artifacts.open(JOB, 1, "artifacts.json") is None


async def test_what_was_kept_stays_when_it_is_asked_for_again(world: World) -> None:
    first = await world.keeper.keep(ATTEMPT, NOW)
    # the workload was dropped, and the process killed before it could say so
    world.engine = Engine(files={}, pieces=[])
    assert await world.keeper.keep(ATTEMPT, NOW + timedelta(minutes=1)) == first
    assert world.logs.read(attempt_key(JOB, 1), 0, 100).data == b"one\n"


async def test_a_log_that_is_kept_is_not_lost_with_a_workload_that_is(world: World) -> None:
    world.engine.error = OSError(errno.ENOSPC, "No space left on device")
    with pytest.raises(OSError, match="No space"):
        await world.keeper.keep(ATTEMPT, NOW)
    world.engine = Engine(files={}, pieces=[])  # the machine is gone
    await world.keeper.keep(ATTEMPT, NOW)
    assert world.logs.read(attempt_key(JOB, 1), 0, 100).data == b"one\n"


async def test_without_files_there_is_an_empty_list_and_no_message(world: World) -> None:
    world.engine.files = {}
    summary = await world.keeper.keep(ATTEMPT, NOW)
    assert (summary.files, summary.message) == (0, "")
    assert world.artifacts.manifest(JOB, 1) is not None


async def test_a_copy_that_is_cut_off_leaves_nothing_and_is_made_anew(world: World) -> None:
    world.engine.error = EngineUnavailable("gone")
    with pytest.raises(EngineUnavailable):
        await world.keeper.keep(ATTEMPT, NOW)
    assert world.artifacts.manifest(JOB, 1) is None
    assert not any("a.txt" in path for path in world.everything())
    world.engine.error = None
    assert (await world.keeper.keep(ATTEMPT, NOW)).files == 1


async def test_a_full_disk_is_waited_for_and_then_said(world: World) -> None:
    world.engine.error = OSError(errno.ENOSPC, "No space left on device")
    keeper = world.keeper
    with pytest.raises(OSError, match="No space"):
        await keeper.keep(ATTEMPT, NOW)
    world.time = PATIENCE.total_seconds() - 1
    with pytest.raises(OSError, match="No space"):
        await keeper.keep(ATTEMPT, NOW)
    world.time = PATIENCE.total_seconds()
    summary = await keeper.keep(ATTEMPT, NOW)
    said = "Its files were not kept: the platform's disk did not take them (No space left on device)."
    assert (summary.files, summary.message) == (0, said)
    assert world.logs.exists(attempt_key(JOB, 1))


async def test_a_disk_that_takes_not_even_the_log_is_said_too(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(world.logs, "put", full)
    keeper = world.keeper
    with pytest.raises(OSError, match="No space"):
        await keeper.keep(ATTEMPT, NOW)
    world.time = PATIENCE.total_seconds()
    assert (await keeper.keep(ATTEMPT, NOW)).message.startswith("Neither its log nor its files were kept: ")


@pytest.mark.parametrize("left", ["nothing", "folder", "folder and manifest"])
def test_a_process_killed_while_it_keeps_leaves_all_or_nothing(world: World, left: str) -> None:
    keep(world.folder, {"old.txt": b"old"})
    target = world.folder / "jobs" / JOB / "1"
    if left != "folder and manifest":
        (target / "artifacts.json").unlink()
    if left == "nothing":
        (target / "artifacts" / "old.txt").unlink()
    found = world.artifacts.manifest(JOB, 1)
    assert (found is not None) == (left == "folder and manifest")
    assert (world.artifacts.open(JOB, 1, "old.txt") is not None) == (found is not None)
    keep(world.folder, {"new.txt": b"new"})
    assert world.everything() == {f"jobs/{JOB}/1/artifacts/new.txt", f"jobs/{JOB}/1/artifacts.json"}


async def test_the_last_sample_is_kept_once_with_the_rest(world: World) -> None:
    world.engine.samples[ATTEMPT.id] = UsageSample(at=NOW, cpu=900, memory=5, cpu_seconds=1)
    world.engine.files = {}
    await world.keeper.keep(ATTEMPT, NOW)
    world.artifacts.delete(JOB, 1)  # as where the process was killed before the files were kept
    await world.keeper.keep(ATTEMPT, NOW)
    assert [(point.at, point.cpu) for point in world.usage.read(JOB, 1)] == [(NOW, 900)]


async def test_a_notebook_is_sampled_while_it_runs(world: World, cast: Cast) -> None:
    person = cast.member.account
    assert person is not None
    start_id = world.database.write_now(lambda uow: notebook(uow, person.id, cast.group).id)
    world.engine.samples[start_id] = UsageSample(at=NOW + timedelta(hours=1), cpu=700, memory=9, cpu_seconds=1)
    await MonitoringController(world.database, world.engine, world.usage).step(NOW)
    assert [(point.cpu, point.memory) for point in world.usage.read(start_id, None)] == [(700, 9)]


async def test_each_sample_of_what_runs_is_written_down_once(world: World, cast: Cast) -> None:
    job = world.database.write_now(lambda uow: job_row(uow, cast, phase=JobPhase.RUNNING).created_at)
    controller = MonitoringController(world.database, world.engine, world.usage)
    for second in (10, 10, 20):
        gpu = GpuUsage(index=0, percent=second, memory=second)
        at = job + timedelta(seconds=second)
        world.engine.samples[ATTEMPT.id] = UsageSample(at=at, cpu=second, memory=5, cpu_seconds=1, gpus=(gpu,))
        await controller.step(job)
    assert [(point.cpu, point.gpus[0].percent) for point in world.usage.read(JOB, 1)] == [(10, 10), (20, 20)]
    # a process that was started anew finds the same sample
    await MonitoringController(world.database, world.engine, world.usage).step(job)
    assert len(world.usage.read(JOB, 1)) == 2


def test_a_series_gets_thinner_with_its_age_and_survives_a_cut(world: World) -> None:
    for number in range(0, 4 * 3600, 10):
        world.usage.append(JOB, 1, UsagePoint(at=NOW + timedelta(seconds=number), cpu=number % 20, memory=number))
    path = world.folder / "jobs" / JOB / "1" / "usage"
    assert path.stat().st_size < 64 * 1024
    with path.open("ab") as file:
        file.write(b'\n[1.5,"half')
    points = world.usage.read(JOB, 1)
    assert [p.at for p in points] == sorted(p.at for p in points)
    newest = points[-1].at
    per_span = [
        sum(1 for p in points if low <= newest - p.at < high)
        for low, high in (
            (timedelta(0), timedelta(minutes=15)),
            (timedelta(minutes=15), timedelta(hours=1)),
            (timedelta(hours=1), timedelta(hours=3)),
        )
    ]
    assert per_span[0] == 90
    assert 88 <= per_span[1] <= 92
    assert 59 <= per_span[2] <= 62
    assert points[0].cpu == 5  # the average of 0 and 10
    world.usage.append(JOB, 1, UsagePoint(at=newest + timedelta(seconds=10), cpu=1, memory=1))
    assert world.usage.read(JOB, 1)[-1].at == newest + timedelta(seconds=10)


async def test_what_is_old_is_forgotten_at_its_own_time(world: World, cast: Cast) -> None:
    world.set(job_retention=30 * 86_400, log_retention=86_400)
    ended = NOW
    world.database.write_now(lambda uow: job_row(uow, cast, ended_at=ended) and None)
    keep(world.folder, {"a.txt": b"x"}, expires_at=NOW + timedelta(hours=1))
    world.logs.append(attempt_key(JOB, 1), b"x")
    world.usage.append(JOB, 1, UsagePoint(at=NOW, cpu=1, memory=1))
    await world.sweeper.step(NOW)
    assert len(world.everything()) == 4
    await world.sweeper.step(NOW + timedelta(hours=1))
    assert world.everything() == {f"jobs/{JOB}/1/log/{0:020d}", f"jobs/{JOB}/1/usage"}
    await world.sweeper.step(NOW + timedelta(days=1))
    assert world.everything() == {f"jobs/{JOB}/1/usage"}
    await world.sweeper.step(NOW + timedelta(days=30, seconds=1))
    assert world.everything() == set()
    assert world.database.read_now(results.find_job, JOB) is None


async def test_what_nobody_has_a_row_of_is_swept_and_what_runs_is_not(world: World, cast: Cast) -> None:
    running = "job-202611221200-runs00"
    world.database.write_now(lambda uow: job_row(uow, cast, running, phase=JobPhase.RUNNING, attempts=2) and None)
    for job in (running, "job-202611221200-gone00"):
        keep(world.folder, {"a.txt": b"x"}, job=job)
        world.logs.append(attempt_key(job, 1), b"x")
    await world.sweeper.step(NOW + timedelta(days=400))
    assert world.artifacts.jobs() == [running]
    assert len(world.everything()) == 3


async def test_nobodys_many_jobs_push_out_what_others_have(world: World, cast: Cast) -> None:
    world.set(job_limit=5, job_retention=0, log_retention=60)
    other = cast.group_admin.account
    assert other is not None

    def rows(uow: UnitOfWork) -> None:
        for number in range(6):
            job_row(uow, cast, f"job-202611221200-many0{number}", ended_at=NOW - timedelta(minutes=number))
        for number in range(2):
            old = NOW - timedelta(days=1, minutes=number)
            job_row(uow, cast, f"job-202611221200-few00{number}", ended_at=old, account_id=other.id)

    world.database.write_now(rows)
    await world.sweeper.step(NOW + timedelta(hours=1))
    few, many = ("few000", "few001"), ("many00", "many01", "many02")
    asked = [f"job-202611221200-{name}" for name in (*few, *(f"many0{number}" for number in range(6)))]
    left = world.database.read_now(results.ends, asked)
    assert set(left) == {f"job-202611221200-{name}" for name in (*few, *many)}


async def test_of_many_ended_jobs_the_oldest_are_forgotten(world: World, cast: Cast) -> None:
    world.set(job_limit=2, job_retention=0, log_retention=60)
    for number in range(5):
        job = f"job-202611221200-00000{number}"
        world.database.write_now(
            lambda uow, job=job, number=number: job_row(uow, cast, job, ended_at=NOW - timedelta(hours=number)) and None
        )
    world.database.write_now(lambda uow: job_row(uow, cast, phase=JobPhase.RUNNING) and None)
    await world.sweeper.step(NOW + timedelta(hours=1))
    left = world.database.read_now(results.ends, [JOB, *(f"job-202611221200-00000{number}" for number in range(5))])
    assert set(left) == {JOB, "job-202611221200-000000", "job-202611221200-000001"}


async def test_a_log_is_kept_as_long_as_is_promised_however_many_jobs_there_are(world: World, cast: Cast) -> None:
    names = [f"job-202611221200-00000{number}" for number in range(3)]

    def rows(uow: UnitOfWork) -> None:
        for name in names:
            job_row(uow, cast, name, ended_at=NOW)

    world.database.write_now(rows)
    for name in names:
        world.logs.append(attempt_key(name, 1), b"x")
    world.set(job_limit=1, job_retention=0, log_retention=0)
    await world.sweeper.step(NOW + timedelta(days=400))
    assert len(world.everything()) == 3
    world.set(job_limit=1, log_retention=3600)
    await world.sweeper.step(NOW + timedelta(minutes=59))
    assert len(world.everything()) == 3
    await world.sweeper.step(NOW + timedelta(minutes=61))
    assert len(world.database.read_now(results.ends, names)) == 1


class Forgetful(FolderUsageStore):
    """Remembers what it is told to forget."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.forgotten: set[tuple[str, int | None]] = set()

    def forget(self, owner: str, number: int | None) -> None:
        self.forgotten.add((owner, number))
        super().forget(owner, number)


async def test_a_series_is_forgotten_when_its_notebook_or_job_runs_no_more(world: World, cast: Cast) -> None:
    person = cast.member.account
    assert person is not None
    start_id = world.database.write_now(lambda uow: notebook(uow, person.id, cast.group).id)
    world.database.write_now(lambda uow: job_row(uow, cast, phase=JobPhase.RUNNING).id)
    for workload in (start_id, ATTEMPT.id):
        world.engine.samples[workload] = UsageSample(at=NOW + timedelta(hours=1), cpu=7, memory=9, cpu_seconds=1)
    usage = Forgetful(world.folder)
    controller = MonitoringController(world.database, world.engine, usage)
    await controller.step(NOW)
    assert usage.forgotten == set()

    def end(uow: UnitOfWork) -> None:
        uow.session.execute(sa.update(NotebookRow).values(phase="STOPPED"))
        uow.session.execute(sa.update(AttemptRow).values(phase="SUCCEEDED"))

    world.database.write_now(end)
    await controller.step(NOW)
    assert usage.forgotten == {(start_id, None), (JOB, 1)}
