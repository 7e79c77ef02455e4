"""Files, previews and series of jobs: who sees them, and that none is ever a page of ours."""

from __future__ import annotations

import asyncio
import http.client
import io
import json
import logging
import random
import zipfile
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from primehub_services.blobs import AttemptFiles, FolderArtifactStore, FolderLogStore, FolderUsageStore, attempt_key
from primehub_services.domain.jobs import JobPhase
from primehub_services.domain.results import UsagePoint
from primehub_services.domain.workloads import NotTaken
from primehub_services.operations import jobs as operations
from tests.support.api import Api, problem
from tests.support.factories import Cast
from tests.support.identity import SERVICES
from tests.support.results import JOB, NOW, Live, job_row, keep
from tests.support.waiting import wait_for_async

People = dict[str, httpx.AsyncClient]
FILES = {
    "model.bin": bytes(range(256)) * 10,
    "notes.txt": "größer\n".encode(),
    "page.html": b"<script>alert(document.domain)</script>",
    "picture.svg": b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
    "plots/loss curve.png": b"\x89PNG\r\n",
    "table.csv": b"a;b\n1;2\n3;4\n",
}
ROUTES = ("artifacts", "artifacts/notes.txt", "artifacts.zip", "previews/notes.txt", "usage", "log")


@pytest.fixture
async def job(api: Api, cast: Cast, tmp_path: Path) -> str:
    """A job that has ended, with what it left."""
    await api.context.database.write(job_row, cast)
    keep(tmp_path / "blobs", FILES)
    FolderLogStore(tmp_path / "blobs").append(attempt_key(JOB, 1), b"epoch 1\nepoch 2\n")
    return JOB


async def get(client: httpx.AsyncClient, path: str, **headers: str) -> httpx.Response:
    """An answer about the job."""
    return await client.get(f"/jobs/{JOB}/{path}", headers=headers)


@pytest.mark.usefixtures("job")
async def test_the_group_and_the_owners_notebook_see_what_a_job_left_and_nobody_else(people: People) -> None:
    for path in ROUTES:
        for name in ("member", "group_admin", "platform_admin", "notebook"):
            assert (await get(people[name], path)).status_code == 200, (name, path)
        for name in ("outsider", *SERVICES):
            assert (await get(people[name], path)).status_code in (403, 404), (name, path)
        assert problem(await get(people["outsider"], path))["code"] == "not-found"
        assert (await get(people["nobody"], path)).status_code == 401


async def test_a_notebooks_token_sees_nothing_of_a_colleagues_job(people: People, api: Api, cast: Cast) -> None:
    assert cast.group_admin.account is not None
    await api.context.database.write(job_row, cast, account_id=cast.group_admin.account.id)
    for path in ROUTES:
        assert problem(await get(people["notebook"], path))["code"] == "not-found"
        assert "no job" not in (await get(people["member"], path)).text


@pytest.mark.usefixtures("job")
async def test_files_are_listed_with_what_they_are(people: People) -> None:
    found = (await get(people["member"], "artifacts")).json()
    assert {item["path"]: item["size"] for item in found["items"]} == {p: len(d) for p, d in FILES.items()}
    assert (found["attempt"], found["live"], found["size"]) == (1, False, sum(map(len, FILES.values())))
    assert {item["path"]: item["media_type"] for item in found["items"]}["notes.txt"] == "text/plain"


@pytest.mark.usefixtures("job")
async def test_a_file_is_served_as_something_that_cannot_act(people: People) -> None:
    for path, media, how in (
        ("model.bin", "application/octet-stream", "attachment"),
        ("notes.txt", "text/plain; charset=utf-8", "inline"),
        ("page.html", "text/plain; charset=utf-8", "inline"),
        ("picture.svg", "image/svg+xml", "inline"),
        ("plots/loss curve.png", "image/png", "inline"),
    ):
        for written in (path, path.replace("/", "%2F")):
            answer = await get(people["member"], f"artifacts/{written}")
            assert answer.content == FILES[path]
            assert answer.headers["Content-Type"] == media
            assert answer.headers["Content-Disposition"].startswith(how)
            _harmless(answer)
        saved = await get(people["member"], f"artifacts/{path}?download=true")
        assert saved.headers["Content-Type"] == "application/octet-stream"
        assert saved.headers["Content-Disposition"].startswith("attachment")


def _harmless(answer: httpx.Response) -> None:
    policy = answer.headers["Content-Security-Policy"]
    assert "sandbox" in policy.split("; ")
    assert "default-src 'none'" in policy
    assert "allow-" not in policy
    assert "script-src" not in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def raw(api: Api, token: str, path: str) -> tuple[int, bytes]:
    """The answer to a path as it is written: other clients take dots out of one themselves."""
    where = urlsplit(api.url)
    connection = http.client.HTTPConnection(where.hostname or "", where.port)
    try:
        connection.request("GET", f"/services/primehub/api/v1/jobs/{JOB}/{path}", headers={"Authorization": token})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


@pytest.mark.usefixtures("job")
async def test_no_path_leads_to_anything_but_what_is_listed(people: People, api: Api) -> None:
    token = people["member"].headers["Authorization"]
    for path in (
        "../../../../../etc/passwd",
        "..%2f..%2f..%2f..%2fetc%2fpasswd",
        "%2e%2e/%2e%2e/artifacts.json",
        "/etc/passwd",
        "%2Fetc%2Fpasswd",
        "notes.txt%00.png",
        "notes.txt%00",
        "..%5c..%5cartifacts.json",
        "notes.txt/",
        "./notes.txt",
        "plots",
        "plots/",
        "plots//loss%20curve.png",
        "plots/../notes.txt",
        "../artifacts.json",
        "../1/artifacts/notes.txt",
        "%c0%ae%c0%ae/artifacts.json",
        "x" * 400,
    ):
        for route in ("artifacts", "previews"):
            status, body = await asyncio.to_thread(raw, api, token, f"{route}/{path}")
            assert (status, b"root:" in body) == (404, False), (route, path, body)
    assert await asyncio.to_thread(raw, api, token, "artifacts/notes.txt") == (200, FILES["notes.txt"])


@pytest.mark.parametrize("path", ["log?download=true", "artifacts/large.bin", "artifacts.zip"])
async def test_a_download_that_is_cancelled_is_no_mistake_of_ours(
    people: People, api: Api, cast: Cast, tmp_path: Path, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    await api.context.database.write(job_row, cast)
    keep(tmp_path / "blobs", {"large.bin": random.randbytes(32 << 20)})
    FolderLogStore(tmp_path / "blobs").append(attempt_key(JOB, 1), b"x" * (32 << 20))
    caplog.set_level(logging.DEBUG)
    async with people["member"].stream("GET", f"/jobs/{JOB}/{path}") as answer:
        assert answer.status_code == 200
        await anext(answer.aiter_raw())
    await wait_for_async(lambda: "the client has gone" in caplog.text, what="the end of the download")
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


@pytest.mark.usefixtures("job")
async def test_a_name_cannot_break_out_of_its_header(people: People, tmp_path: Path) -> None:
    name = 'a"; filename=evil.exe; \u00fc.bin'
    keep(tmp_path / "blobs", {name: b"x"})
    answer = await people["member"].get(f"/jobs/{JOB}/artifacts/{name}")
    assert answer.headers["Content-Disposition"] == (
        'attachment; filename="a__ filename_evil.exe_ _.bin"; '
        "filename*=UTF-8''a%22%3B%20filename%3Devil.exe%3B%20%C3%BC.bin"
    )


@pytest.mark.usefixtures("job")
async def test_a_part_of_a_file_can_be_asked_for(people: People) -> None:
    whole = FILES["model.bin"]
    for asked, status, said, content in (
        ("bytes=0-3", 206, "bytes 0-3/2560", whole[:4]),
        ("bytes=2550-", 206, "bytes 2550-2559/2560", whole[2550:]),
        ("bytes=-10", 206, "bytes 2550-2559/2560", whole[-10:]),
        ("bytes=9999-", 200, None, whole),
        ("bytes=5-2", 200, None, whole),
        ("lines=1-2", 200, None, whole),
        ("bytes=0-1,4-5", 200, None, whole),
    ):
        answer = await get(people["member"], "artifacts/model.bin", Range=asked)
        assert (answer.status_code, answer.headers.get("Content-Range"), answer.content) == (status, said, content)
    head = await people["member"].head(f"/jobs/{JOB}/artifacts/model.bin")
    assert (head.headers["Content-Length"], head.content) == ("2560", b"")


@pytest.mark.usefixtures("job")
async def test_all_files_come_as_one_zip(people: People) -> None:
    answer = await get(people["member"], "artifacts.zip")
    _harmless(answer)
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in archive.namelist()} == FILES


async def test_without_files_there_is_no_zip(people: People, api: Api, cast: Cast) -> None:
    await api.context.database.write(job_row, cast)
    assert problem(await get(people["member"], "artifacts.zip"))["status"] == 404
    assert (await get(people["member"], "artifacts")).json()["items"] == []


@pytest.mark.usefixtures("job")
async def test_a_table_is_shown_by_its_first_rows_and_text_as_text(people: People) -> None:
    table = (await get(people["member"], "previews/table.csv")).json()
    assert (table["kind"], table["columns"], table["rows"]) == ("table", ["a", "b"], [["1", "2"], ["3", "4"]])
    text = (await get(people["member"], "previews/notes.txt")).json()
    assert (text["kind"], text["text"], text["truncated"]) == ("text", "größer\n", False)
    assert (await get(people["member"], "previews/model.bin")).json()["kind"] == "none"
    assert (await get(people["member"], "previews/picture.svg")).json()["kind"] == "image"
    refused = problem(await get(people["member"], "previews/notes.txt?rendered=true"))
    assert refused["errors"][0]["field"] == "rendered"


def notebook(html: str) -> bytes:
    """A notebook whose one cell shows ``html``."""
    shown = {"output_type": "display_data", "metadata": {}, "data": {"text/html": html}}
    cell = {"cell_type": "code", "id": "a", "execution_count": 1, "metadata": {}, "source": "1 + 1", "outputs": [shown]}
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [cell]}).encode()


async def test_a_notebook_is_a_page_in_which_nothing_runs(people: People, api: Api, cast: Cast, tmp_path: Path) -> None:
    await api.context.database.write(job_row, cast)
    keep(tmp_path / "blobs", {"out.ipynb": notebook("<b>fine</b><script>alert(1)</script>"), "bad.ipynb": b"{"})
    assert (await get(people["member"], "previews/out.ipynb")).json()["kind"] == "notebook"
    page = await get(people["member"], "previews/out.ipynb?rendered=true")
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "<b>fine</b>" in page.text
    _harmless(page)
    assert "X-Frame-Options" not in page.headers
    assert "frame-ancestors 'self'" in page.headers["Content-Security-Policy"]
    refused = problem(await get(people["member"], "previews/bad.ipynb?rendered=true"))
    assert "not a notebook" in refused["detail"]


async def test_what_a_job_that_runs_has_written_is_seen(people: People, api: Api, cast: Cast, tmp_path: Path) -> None:
    live = Live(
        {f"{JOB}-1": {"artifacts/part.txt": b"so far"}}, (NotTaken(path="pipe", reason="it is no regular file"),)
    )
    api.context.files = AttemptFiles(FolderArtifactStore(tmp_path / "blobs"), live)
    await api.context.database.write(job_row, cast, phase=JobPhase.RUNNING)
    found = (await get(people["member"], "artifacts")).json()
    assert [(item["path"], item["size"]) for item in found["items"]] == [("part.txt", 6)]
    assert found["live"]
    assert "pipe (it is no regular file)" in found["message"]
    assert (await get(people["member"], "artifacts/part.txt")).text == "so far"
    assert problem(await get(people["member"], "artifacts/pipe"))["status"] == 404
    # it ends: what was kept counts, and the engine has it no more
    keep(tmp_path / "blobs", {"part.txt": b"so far and on"})
    live.workloads.clear()
    assert (await get(people["member"], "artifacts/part.txt")).text == "so far and on"
    assert not (await get(people["member"], "artifacts")).json()["live"]


async def test_a_file_that_gets_shorter_while_it_is_sent_ends_the_connection(
    people: People, api: Api, cast: Cast, tmp_path: Path
) -> None:
    class Shrinking(Live):
        def read(self, workload: str, path: str, offset: int, limit: int) -> bytes | None:
            return b"only this" if offset == 0 else b""

    live = Shrinking({f"{JOB}-1": {"artifacts/part.txt": b"more than is left"}})
    api.context.files = AttemptFiles(FolderArtifactStore(tmp_path / "blobs"), live)
    await api.context.database.write(job_row, cast, phase=JobPhase.RUNNING)
    with pytest.raises(httpx.RemoteProtocolError):
        await get(people["member"], "artifacts/part.txt")
    assert (await get(people["member"], "artifacts")).status_code == 200


async def test_each_attempt_has_its_own_results_and_the_latest_is_meant(
    people: People, api: Api, cast: Cast, tmp_path: Path
) -> None:
    await api.context.database.write(job_row, cast, attempts=2)
    logs = FolderLogStore(tmp_path / "blobs")
    for number in (1, 2):
        keep(tmp_path / "blobs", {"n.txt": str(number).encode()}, number=number)
        logs.append(attempt_key(JOB, number), f"attempt {number}\n".encode())
    for query, text in (("", "2"), ("?attempt=1", "1"), ("?attempt=2", "2")):
        assert (await get(people["member"], f"artifacts/n.txt{query}")).text == text
        assert (await get(people["member"], f"log{query}")).json()["text"] == f"attempt {text}\n"
        assert (await get(people["member"], f"usage{query}")).json()["attempt"] == int(text)
    assert problem(await get(people["member"], "log?attempt=3"))["status"] == 404
    assert problem(await get(people["member"], "log?attempt=0"))["errors"][0]["field"] == "attempt"


async def test_a_job_that_waits_has_nothing_yet(people: People, api: Api, cast: Cast) -> None:
    await api.context.database.write(job_row, cast, attempts=0, phase=JobPhase.PENDING)
    assert (await get(people["member"], "log")).json()["size"] == 0
    assert (await get(people["member"], "artifacts")).json()["items"] == []
    assert (await get(people["member"], "usage")).json()["points"] == []
    assert problem(await get(people["member"], "artifacts/x"))["status"] == 404


@pytest.mark.usefixtures("job")
async def test_a_log_is_searched_its_end_shown_and_all_of_it_downloaded(people: People) -> None:
    found: Any = (await get(people["member"], "log?search=EPOCH")).json()
    assert ([match["text"] for match in found["matches"]], found["more_matches"]) == (["epoch 1", "epoch 2"], False)
    assert (await get(people["member"], "log?tail=1")).json()["text"] == "epoch 2\n"
    saved = await get(people["member"], "log?download=true")
    assert saved.text == "epoch 1\nepoch 2\n"
    assert saved.headers["Content-Disposition"] == f'attachment; filename="{JOB}-1.log"'


@pytest.mark.usefixtures("job")
async def test_a_delete_that_is_cut_off_before_the_row_goes_is_done_once_more(
    people: People, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise RuntimeError

    with monkeypatch.context() as patch:
        patch.setattr(operations, "delete", killed)
        assert (await people["member"].delete(f"/jobs/{JOB}")).status_code == 500
    assert (await people["member"].get(f"/jobs/{JOB}")).status_code == 200
    assert (await get(people["member"], "log")).json()["size"] == 0
    assert (await get(people["member"], "artifacts")).json()["items"] == []
    assert (await people["member"].delete(f"/jobs/{JOB}")).status_code == 204
    assert (await people["member"].get(f"/jobs/{JOB}")).status_code == 404
    assert list((tmp_path / "blobs").glob(f"jobs/{JOB}/**/*")) == []


async def test_a_log_of_binary_rubbish_is_text_that_any_reader_takes_and_is_downloaded_as_it_was(
    people: People, api: Api, cast: Cast, tmp_path: Path
) -> None:
    await api.context.database.write(job_row, cast)
    rubbish = random.Random(1).randbytes(100_000) + bytes(range(256)) + b"\xf0\x9f" + b"\0" * 1000
    FolderLogStore(tmp_path / "blobs").append(attempt_key(JOB, 1), rubbish)
    read, offset = 0, 0
    while offset < len(rubbish):
        part: Any = (await get(people["member"], f"log?offset={offset}&limit=4093")).json()
        assert (part["offset"], part["size"]) == (offset, len(rubbish))
        assert 0 < part["next_offset"] - offset <= 4093
        read, offset = read + len(part["text"]), part["next_offset"]
    assert read > 50_000
    assert (await get(people["member"], "log?tail=3")).json()["next_offset"] == len(rubbish)
    assert (await get(people["member"], "log?search=%EF%BF%BD")).json()["matches"]
    assert (await get(people["member"], "log?download=true")).content == rubbish


@pytest.mark.usefixtures("job")
async def test_a_search_that_finds_more_lines_than_it_names_says_so(people: People, tmp_path: Path) -> None:
    FolderLogStore(tmp_path / "blobs").append(attempt_key(JOB, 1), b"epoch\n" * 1000)
    found: Any = (await get(people["member"], "log?search=epoch")).json()
    assert (len(found["matches"]), found["more_matches"]) == (1000, True)


@pytest.mark.usefixtures("job")
async def test_what_an_attempt_used_comes_as_a_series(people: People, tmp_path: Path) -> None:
    store = FolderUsageStore(tmp_path / "blobs")
    for second in range(3):
        store.append(JOB, 1, UsagePoint(at=NOW + timedelta(seconds=10 * second), cpu=500 + second, memory=1000))
    series = (await get(people["member"], "usage")).json()
    assert [point["cpu"] for point in series["points"]] == [500, 501, 502]
    assert series["limits"]["cpu"] == 1
