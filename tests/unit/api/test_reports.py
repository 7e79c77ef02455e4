"""What sidecars of workloads ask and tell: heard is the pod that runs one, and nobody else."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import sqlalchemy as sa

from primehub_services.api import uploads
from primehub_services.api.reports import ReportDesk, StoredPermits
from primehub_services.blobs import FolderSpool
from primehub_services.blobs.spool import RESERVE
from primehub_services.domain.jobs import JobPhase
from primehub_services.domain.reports import POD_HEADER, workload_token
from primehub_services.domain.workloads import InputFile
from primehub_services.store import permits
from primehub_services.store.database import Database
from primehub_services.store.orm import AttemptRow, PermitRow
from primehub_services.store.unit_of_work import UnitOfWork
from tests.support.api import Api, problem, running_api
from tests.support.disk import Disk
from tests.support.factories import Cast
from tests.support.results import JOB, job_row
from tests.support.waiting import wait_for_async

KEY = b"a key of tests"
WORKLOAD = f"{JOB}-1"
OCTETS = {"Content-Type": "application/octet-stream"}


@dataclass(slots=True)
class Desk:
    """The API with a workload that has not begun."""

    api: Api
    spool: FolderSpool

    def client(self, pod: str = "pod-1", token: str | None = None) -> httpx.AsyncClient:
        """As the sidecar of that pod."""
        return self.api.client(token or workload_token(KEY, WORKLOAD), **{POD_HEADER: pod})


@pytest.fixture
async def desk(database: Database, cast: Cast, tmp_path: Path) -> AsyncIterator[Desk]:
    spool = FolderSpool(tmp_path)
    await database.write(_running, cast)
    found = ReportDesk(StoredPermits(database), spool, KEY)
    async with running_api(database, tmp_path, reports=found) as api:
        yield Desk(api, spool)


def _running(uow: UnitOfWork, cast: Cast) -> None:
    job_row(uow, cast, phase=JobPhase.RUNNING)


async def begun(client: httpx.AsyncClient, pod: str = "pod-1") -> httpx.Response:
    return await client.post(f"/workloads/{WORKLOAD}/permit", json={"pod": pod})


async def test_the_first_pod_that_asks_may_begin_and_no_other_ever(desk: Desk) -> None:
    async with desk.client() as first, desk.client("pod-2") as second:
        answer = await begun(first)
        assert answer.status_code == 200, answer.text
        assert answer.json()["limits"]["files"] > 0
        assert (await begun(first)).json() == answer.json()
        assert problem(await begun(second, "pod-2"))["status"] == 409


async def test_nobody_begins_what_is_to_end_or_is_over(desk: Desk, database: Database) -> None:
    def end(uow: UnitOfWork, phase: JobPhase) -> None:
        uow.session.execute(sa.update(AttemptRow).values(phase=phase.value, ending={"phase": "CANCELLED"}))

    async with desk.client() as client:
        await database.write(end, JobPhase.RUNNING)
        assert problem(await begun(client))["status"] == 410
        await database.write(end, JobPhase.CANCELLED)
        assert problem(await begun(client))["status"] == 410


async def test_who_began_is_heard_until_it_is_over(desk: Desk, database: Database) -> None:
    def end(uow: UnitOfWork) -> None:
        uow.session.execute(sa.update(AttemptRow).values(phase=JobPhase.FAILED.value))

    async with desk.client() as client:
        early = await client.put(f"/workloads/{WORKLOAD}/log?offset=0", content=b"x", headers=OCTETS)
        assert problem(early)["status"] == 409
        await begun(client)
        kept = await client.put(f"/workloads/{WORKLOAD}/log?offset=0", content=b"one\n", headers=OCTETS)
        assert kept.json() == {"size": 4}
        await database.write(end)
        late = await client.put(f"/workloads/{WORKLOAD}/log?offset=4", content=b"two\n", headers=OCTETS)
        assert problem(late)["status"] == 410
        assert await database.write(permits.sweep) == 1
        assert await database.read(lambda uow: uow.session.scalars(sa.select(PermitRow)).all()) == []


@pytest.mark.parametrize("token", ["", "wrong", workload_token(KEY, "another"), workload_token(b"", WORKLOAD)])
async def test_no_other_token_opens_any_of_it(desk: Desk, token: str) -> None:
    async with desk.api.client(token or None, **{POD_HEADER: "pod-1"}) as client:
        root = f"/workloads/{WORKLOAD}"
        answers = [
            await client.post(f"{root}/permit", json={"pod": "pod-1"}),
            await client.get(f"{root}/inputs/command"),
            await client.put(f"{root}/log?offset=0", content=b"x", headers=OCTETS),
            await client.put(f"{root}/files/artifacts/a", content=b"x", headers=OCTETS),
            await client.delete(f"{root}/files/artifacts/a"),
            await client.put(f"{root}/end", json={}),
        ]
        assert {answer.status_code for answer in answers} == {403 if token else 401}
        assert not desk.spool.exists(WORKLOAD)


async def test_the_workloads_token_is_good_for_nothing_else(desk: Desk) -> None:
    async with desk.client() as client:
        assert (await client.get("/me")).status_code == 401
        assert (await client.get(f"/jobs/{JOB}")).status_code == 401


async def test_output_that_comes_twice_is_kept_once_and_a_gap_is_marked(desk: Desk) -> None:
    async with desk.client() as client:
        await begun(client)
        for offset, text in ((0, b"one\n"), (0, b"one\ntwo\n"), (4, b"two\n"), (108, b"end\n")):
            await client.put(f"/workloads/{WORKLOAD}/log?offset={offset}", content=text, headers=OCTETS)
    assert desk.spool.read_log(WORKLOAD, 0, 1000).data == (
        b"one\ntwo\n\n[... 100 bytes of output are left out here ...]\nend\n"
    )


async def test_files_come_and_go_and_inputs_are_given(desk: Desk) -> None:
    desk.spool.begin(WORKLOAD, {"command": InputFile(text="echo hello\n")})
    home = desk.spool.home(WORKLOAD)
    async with desk.client() as client:
        assert (await begun(client)).json()["inputs"] == ["command"]
        assert (await client.get(f"/workloads/{WORKLOAD}/inputs/command")).text == "echo hello\n"
        assert problem(await client.get(f"/workloads/{WORKLOAD}/inputs/none"))["status"] == 404
        path = f"/workloads/{WORKLOAD}/files/artifacts/deep/a%20b.txt"
        assert (await client.put(f"{path}?modified=5", content=b"12345", headers=OCTETS)).status_code == 204
        file = home / "artifacts/deep/a b.txt"
        assert (file.read_bytes(), file.stat().st_mtime) == (b"12345", 5)
        assert (await client.delete(path)).status_code == 204
        assert not file.exists()


async def test_what_a_runner_says_of_itself_is_short(desk: Desk) -> None:
    async with desk.client() as client:
        await begun(client)
        path = f"/workloads/{WORKLOAD}/files/.primehub/progress.json"
        answer = await client.put(path, content=b"x" * (2 << 20), headers=OCTETS)
        assert problem(answer)["status"] == 413
        assert (await client.put(path, content=b"{}", headers=OCTETS)).status_code == 204


async def test_output_is_not_said_to_be_where_none_can_be(desk: Desk) -> None:
    async with desk.client() as client:
        await begun(client)
        answer = await client.put(f"/workloads/{WORKLOAD}/log?offset={10**20}", content=b"x", headers=OCTETS)
        assert problem(answer)["status"] == 422
    assert desk.spool.log_size(WORKLOAD) == 0


@pytest.mark.parametrize("path", ["artifacts/..%2F..%2Fx", "..%2Fx", "artifacts/%2E%2E/x", "a//b", "a%00b", "a%5Cb"])
async def test_no_path_leads_out_of_the_folder(desk: Desk, path: str) -> None:
    async with desk.client() as client:
        await begun(client)
        answer = await client.put(f"/workloads/{WORKLOAD}/files/{path}", content=b"x", headers=OCTETS)
    assert answer.status_code in (404, 422), answer.text
    assert not [file for file in desk.spool.home(WORKLOAD).rglob("*") if file.is_file()]


async def test_the_first_word_of_the_end_stays(desk: Desk) -> None:
    async with desk.client() as client:
        await begun(client)
        for code in (3, 0):
            assert (await client.put(f"/workloads/{WORKLOAD}/end", json={"code": code})).status_code == 204
    end = desk.spool.end(WORKLOAD)
    assert end is not None
    assert end.code == 3


async def test_where_the_disk_is_nearly_full_no_file_is_taken_and_output_still_is(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = Disk(monkeypatch, RESERVE)
    monkeypatch.setattr(uploads, "LOOK_EVERY", 100_000)
    file, log = f"/workloads/{WORKLOAD}/files/artifacts/a", f"/workloads/{WORKLOAD}/log?offset=0"
    async with desk.client() as client:
        await begun(client)
        refused = problem(await client.put(file, content=b"12345", headers=OCTETS))
        assert (refused["status"], refused["detail"]) == (413, uploads.NO_ROOM)
        assert (await client.put(log, content=b"hello", headers=OCTETS)).status_code == 200
        # as much as there is room for, and no more, also where others take it meanwhile
        disk.free = RESERVE + 1000
        assert (await client.put(file, content=b"x" * 1001, headers=OCTETS)).status_code == 413
        assert (await client.put(file, content=b"x" * 1000, headers=OCTETS)).status_code == 204

        async def pieces() -> AsyncIterator[bytes]:
            for number in range(40):
                yield b"x" * 50_000
                if number == 0:  # it has begun: sooner it would be refused while all this is on its way
                    await wait_for_async(lambda: disk.looks > looks, what="the room was looked at")
                    disk.free = RESERVE

        disk.free, looks = RESERVE + 10**9, disk.looks
        assert problem(await client.put(file, content=pieces(), headers=OCTETS))["detail"] == uploads.NO_ROOM
    assert desk.spool.size(WORKLOAD) == (1, 1000)
