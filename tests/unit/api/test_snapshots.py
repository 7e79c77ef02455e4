"""Uploading notebooks: what is taken, from whom, and what is said of the rest."""

from __future__ import annotations

import asyncio
import io
import json
import os
import zipfile
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from primehub_services.api import snapshots as api_snapshots
from primehub_services.api import uploads
from primehub_services.api.problems import TooLarge
from primehub_services.blobs import FolderSnapshotStore
from primehub_services.blobs.spool import RESERVE
from primehub_services.controllers.snapshots import SnapshotController
from primehub_services.domain.problems import Invalid
from primehub_services.domain.system import SystemSettings
from primehub_services.operations import snapshots
from primehub_services.store import settings as settings_store
from primehub_services.store.database import Database
from primehub_services.store.orm import JobRow
from primehub_services.store.unit_of_work import UnitOfWork
from tests.support import factories
from tests.support.api import Api, problem
from tests.support.disk import Disk
from tests.support.factories import Cast
from tests.support.waiting import wait_for_async

TYPE = {"Content-Type": "application/x-ipynb+json"}
Clients = dict[str, httpx.AsyncClient]


def notebook(source: str = "print(1)", **metadata: Any) -> dict[str, Any]:
    cell = {"cell_type": "code", "source": source, "metadata": metadata, "outputs": [], "execution_count": None}
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": {"kernelspec": {"name": "python3"}}, "cells": [cell]}


def packed(files: Mapping[str, bytes]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return made.getvalue()


async def upload(
    client: httpx.AsyncClient, content: bytes, *, name: str = "train.ipynb", group: str = "research"
) -> httpx.Response:
    return await client.post("/snapshots", params={"group": group, "name": name}, content=content, headers=TYPE)


def files(api: Api) -> set[str]:
    folder = api.context.snapshots.path("x").parent
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


async def test_a_notebook_is_kept_as_it_was_sent(api: Api, people: Clients) -> None:
    content = json.dumps(notebook()).encode()
    answer = await upload(people["member"], content)
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert (made["format"], made["name"], made["size"], made["group"]) == (
        "ipynb",
        "train.ipynb",
        len(content),
        "research",
    )
    assert api.context.snapshots.path(made["id"]).read_bytes() == content
    assert files(api) == {made["id"]}


async def test_a_notebooks_own_token_may(api: Api, people: Clients) -> None:
    answer = await upload(people["notebook"], json.dumps(notebook()).encode())
    assert answer.status_code == 201, answer.text


async def test_a_folder_is_taken_with_the_notebooks_path_in_it(api: Api, people: Clients) -> None:
    content = packed({"deep/train.ipynb": json.dumps(notebook()).encode(), "data.csv": b"1,2"})
    answer = await upload(people["member"], content, name="deep/train.ipynb")
    assert answer.status_code == 201, answer.text
    assert answer.json()["format"] == "zip"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "not JSON"),
        (b"{}", "not a notebook"),
        (b"[]", "not a notebook"),
        (b'{"nbformat": 3, "worksheets": []}', "format 3"),
        (b'{"nbformat": 4, "metadata": {}, "cells": [{"cell_type": "code"}]}', "no cell"),
        (b"PK\x03\x04 and then nothing", "cannot be read"),
        (b"[" * 100_000, "not JSON"),
        (packed({"other.ipynb": b"{}"}), "no 'train.ipynb' in the zip"),
        (packed({"../train.ipynb": b"{}"}), "leads out"),
        (packed({"/train.ipynb": b"{}"}), "leads out"),
        (packed({"train.ipynb": b"{}"}), "not a notebook"),
    ],
)
async def test_what_is_no_notebook_is_refused_and_not_kept(
    api: Api, people: Clients, content: bytes, words: str
) -> None:
    answer = await upload(people["member"], content)
    assert answer.status_code == 422, answer.text
    assert words in problem(answer)["detail"]
    assert files(api) == set()


@pytest.mark.parametrize("name", [".", "a/.", "a//b.ipynb", "a/../b.ipynb", "a\0.ipynb"])
async def test_a_name_that_no_file_can_have_is_refused(api: Api, people: Clients, name: str) -> None:
    inside = json.dumps(notebook()).encode()
    for content in (packed({name: inside}), inside):
        answer = await upload(people["member"], content, name=name)
        assert (answer.status_code, problem(answer)["errors"][0]["field"]) == (422, "name"), answer.text
    assert files(api) == set()


async def test_a_zip_that_unpacks_to_too_much_is_refused(api: Api, database: Database, people: Clients) -> None:
    database.write_now(settings_store.save, SystemSettings(snapshot_max=1))
    content = packed({"train.ipynb": json.dumps(notebook()).encode(), "zeros": bytes(30_000_000)})
    assert len(content) < 1_000_000
    answer = await upload(people["member"], content)
    assert answer.status_code == 422
    assert "larger than 20 MB" in problem(answer)["detail"]


async def test_more_than_the_limit_is_refused_with_the_limit(api: Api, database: Database, people: Clients) -> None:
    database.write_now(settings_store.save, SystemSettings(snapshot_max=1))
    content = json.dumps(notebook("x" * 1_100_000)).encode()
    answer = await upload(people["member"], content)
    assert answer.status_code == 413
    assert "1 MB" in problem(answer)["detail"]

    async def pieces() -> Any:
        for start in range(0, len(content), 65_536):
            yield content[start : start + 65_536]

    answer = await people["member"].post("/snapshots?group=research&name=a.ipynb", content=pieces(), headers=TYPE)
    assert answer.status_code == 413
    assert files(api) == set()


async def test_where_the_disk_is_nearly_full_no_notebook_is_taken(
    api: Api, people: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = Disk(monkeypatch, RESERVE)
    monkeypatch.setattr(uploads, "LOOK_EVERY", 100_000)
    small, large = (json.dumps(notebook("x" * size)).encode() for size in (1, 2_000_000))
    refused = problem(await upload(people["member"], small))
    assert (refused["status"], refused["detail"]) == (413, uploads.NO_ROOM)
    disk.free = RESERVE + 1_000_000
    assert problem(await upload(people["member"], large))["detail"] == uploads.NO_ROOM
    assert (await upload(people["member"], small)).status_code == 201
    kept = files(api)

    async def pieces(last: int) -> Any:
        looks = disk.looks
        for start in range(0, len(large), 50_000):
            disk.free = RESERVE if start >= last else RESERVE + 10**9
            yield large[start : start + 50_000]
            if start == 0:  # it has begun: sooner it would be refused while all this is on its way
                await wait_for_async(lambda: disk.looks > looks, what="the room was looked at")

    for last in (500_000, len(large) - 300_000):  # others take what was left meanwhile
        disk.free = RESERVE + 10**9
        where = "/snapshots?group=research&name=a.ipynb"
        answer = await people["member"].post(where, content=pieces(last), headers=TYPE)
        assert problem(answer)["detail"] == uploads.NO_ROOM
    assert files(api) == kept


def test_what_found_no_room_at_its_very_end_is_not_taken_for_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "LOOK_EVERY", 3)
    left = [1000, 0]
    path = tmp_path / "upload"
    upload = uploads.RoomUpload(path, path.open("xb"), 100, lambda: left.pop(0))
    upload.write(b"1")
    upload.write(b"234")
    with pytest.raises(TooLarge):
        upload.close()


async def test_one_person_has_so_many_on_their_way_at_once(
    api: Api, people: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api_snapshots, "AT_ONCE", 1)
    content, begun, go_on = json.dumps(notebook()).encode(), asyncio.Event(), asyncio.Event()

    async def pieces() -> Any:
        yield content[:10]
        begun.set()
        await go_on.wait()
        yield content[10:]

    where = "/snapshots?group=research&name=a.ipynb"
    slow = asyncio.create_task(people["member"].post(where, content=pieces(), headers=TYPE))
    await begun.wait()
    await wait_for_async(lambda: bool(files(api)), what="the file is there")
    refused = problem(await upload(people["member"], content))
    assert (refused["status"], refused["retry_after_s"]) == (429, 5)
    assert (await upload(people["group_admin"], content)).status_code == 201
    go_on.set()
    assert (await slow).status_code == 201
    assert (await upload(people["member"], content)).status_code == 201


async def test_another_type_and_another_group_are_refused_before_anything_is_kept(api: Api, people: Clients) -> None:
    content = json.dumps(notebook()).encode()
    answer = await people["member"].post(
        "/snapshots?group=research&name=a.ipynb", content=content, headers={"Content-Type": "text/plain"}
    )
    assert answer.status_code == 415
    assert (await upload(people["member"], content, group="other")).status_code == 404
    assert (await upload(people["outsider"], content)).status_code == 404
    assert (await upload(people["nobody"], content)).status_code == 401
    assert files(api) == set()


async def test_the_digest_is_that_of_what_would_run(api: Api, people: Clients) -> None:
    same, other = notebook("a\nb"), notebook("a\nc")
    same["cells"][0] |= {"outputs": [{"output_type": "stream"}], "execution_count": 7, "source": ["a\n", "b"]}
    digests = [
        (await upload(people["member"], json.dumps(each).encode())).json()["digest"]
        for each in (notebook("a\nb"), same, other, notebook("a\nb", tags=["parameters"]))
    ]
    assert digests[0] == digests[1]
    assert len(set(digests)) == 3


def job_of(uow: UnitOfWork, cast: Cast, snapshot: str) -> None:
    assert cast.member.account is not None
    numbers = {"cpu_limit": 1, "memory_limit": 1, "gpu_limit": 0, "cpu_request": 1, "memory_request": 1}
    uow.session.add(
        JobRow(
            id="job-202611221200-abcdef",
            account_id=cast.member.account.id,
            group_id=cast.group.id,
            name="train",
            kind="notebook",
            spec={},
            instance_type="cpu-1",
            image="base",
            timeout=0,
            retries=0,
            phase="SUCCEEDED",
            queued_at=uow.now,
            snapshot_id=snapshot,
            created_at=uow.now,
            **numbers,
        )
    )


async def test_what_a_job_runs_is_shown_to_those_who_may_read_the_job(
    api: Api, database: Database, cast: Cast, people: Clients
) -> None:
    content = json.dumps(notebook()).encode()
    made = (await upload(people["member"], content, name="train é.ipynb")).json()
    path = "/jobs/job-202611221200-abcdef/snapshot"
    assert (await people["member"].get(path)).status_code == 404
    database.write_now(job_of, cast, made["id"])
    for name in ("member", "colleague", "group_admin", "platform_admin", "notebook"):
        if name in people:
            answer = await people[name].get(path)
            assert answer.status_code == 200, (name, answer.text)
            assert answer.content == content
            assert answer.headers["Content-Disposition"] == "attachment; filename*=UTF-8''train%20%C3%A9.ipynb"
            assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert (await people["outsider"].get(path)).status_code == 404
    api.context.snapshots.delete(made["id"])
    assert (await people["member"].get(path)).status_code == 404


async def test_ones_own_and_those_of_the_groups_jobs_may_be_run(
    api: Api, database: Database, cast: Cast, people: Clients
) -> None:
    made = (await upload(people["member"], json.dumps(notebook()).encode())).json()["id"]
    group = cast.group.id
    assert database.write_now(snapshots.usable, cast.member, group, made).id == made
    with pytest.raises(Invalid, match="no such snapshot"):
        database.write_now(snapshots.usable, cast.group_admin, group, made)
    with pytest.raises(Invalid):
        database.write_now(snapshots.usable, cast.member, cast.other_group.id, made)
    with pytest.raises(Invalid):
        database.write_now(snapshots.usable, cast.member, group, "none")
    database.write_now(job_of, cast, made)
    assert database.write_now(snapshots.usable, cast.group_admin, group, made).id == made
    with pytest.raises(Invalid):
        database.write_now(snapshots.usable, cast.outsider, group, made)


async def test_those_that_nothing_refers_to_are_deleted_after_a_day(
    api: Api, database: Database, cast: Cast, people: Clients, tmp_path: Path
) -> None:
    store = FolderSnapshotStore(tmp_path / "blobs")
    controller = SnapshotController(database, store)
    used, unused = [(await upload(people["member"], json.dumps(notebook()).encode())).json()["id"] for _ in range(2)]
    database.write_now(job_of, cast, used)
    lost, file = store.begin()  # an upload that a crash cut off
    file.write(b"half")
    file.close()
    whole, file = store.begin()  # one whose row was never committed
    file.close()
    store.put("neverknown", whole)
    now = database.clock()
    for path in (tmp_path / "blobs").rglob("*"):
        os.utime(path, (now.timestamp(), now.timestamp()))
    await controller.step(now)
    assert {used, unused, "neverknown"} <= files(api)
    await controller.step(now + timedelta(days=1, minutes=1))
    assert files(api) == {used}
    assert not lost.exists()
    assert database.read_now(lambda uow: snapshots.store.known(uow, [used, unused])) == {used}


def a_job(snapshot: str, **changes: Any) -> dict[str, Any]:
    run = {"snapshot": snapshot, "path": "train.ipynb"}
    return {"group": "research", "instance_type": "cpu-1", "image": "base", "notebook": run, **changes}


async def test_a_colleague_runs_ones_notebook_again_and_changed(api: Api, database: Database, people: Clients) -> None:
    database.write_now(lambda uow: (factories.instance_type(uow), factories.image(uow)))
    made = (await upload(people["member"], json.dumps(notebook()).encode())).json()["id"]
    answer = await people["group_admin"].post("/jobs", json=a_job(made))
    assert (answer.status_code, problem(answer)["errors"][0]["field"]) == (422, "notebook.snapshot")
    job = (await people["member"].post("/jobs", json=a_job(made))).json()
    again = await people["group_admin"].post(f"/jobs/{job['id']}/rerun")
    assert again.status_code == 201, again.text
    assert again.json()["notebook"]["snapshot"] == made
    clone = await people["group_admin"].post("/jobs", json=a_job(made, name="another"))
    assert clone.status_code == 201, clone.text
    assert (await people["outsider"].post(f"/jobs/{job['id']}/rerun")).status_code == 404


async def test_a_notebooks_own_token_runs_what_its_owner_has_run(
    api: Api, database: Database, cast: Cast, people: Clients
) -> None:
    database.write_now(lambda uow: (factories.instance_type(uow), factories.image(uow)))
    theirs = (await upload(people["group_admin"], json.dumps(notebook()).encode())).json()["id"]
    job = (await people["group_admin"].post("/jobs", json=a_job(theirs))).json()["id"]
    assert (await people["notebook"].post(f"/jobs/{job}/rerun")).status_code == 404
    assert (await people["notebook"].post("/jobs", json=a_job(theirs))).status_code == 422
    mine = (await people["member"].post(f"/jobs/{job}/rerun")).json()["id"]
    again = await people["notebook"].post(f"/jobs/{mine}/rerun")
    assert again.status_code == 201, again.text


async def test_a_notebooks_own_token_gets_at_no_secret(api: Api, database: Database, people: Clients) -> None:
    database.write_now(lambda uow: (factories.instance_type(uow), factories.image(uow)))
    secret = await people["member"].post("/secrets", json={"name": "key", "kind": "env", "value": "a value"})
    assert secret.status_code == 201, secret.text
    made = (await upload(people["member"], json.dumps(notebook()).encode())).json()["id"]
    answer = await people["notebook"].post("/jobs", json=a_job(made, secrets={"KEY": "key"}))
    assert answer.status_code == 403, answer.text
    assert "secrets" in problem(answer)["detail"]
    job = await people["member"].post("/jobs", json=a_job(made, secrets={"KEY": "key"}))
    assert (await people["notebook"].post(f"/jobs/{job.json()['id']}/rerun")).status_code == 403
    spec = a_job(made, environment={"KEY": "v"})
    spec["notebook"]["reads_file"] = True
    job = await people["member"].post("/jobs", json=spec)
    assert (await people["notebook"].post(f"/jobs/{job.json()['id']}/rerun")).status_code == 403
