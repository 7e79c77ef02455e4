"""The server extension in a real Jupyter server, with a notebook's own token, against the real API."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import nbformat
import pytest

from primehub_services.domain.claims import MachineCapacity
from primehub_services.domain.jobs import JobSubmit
from primehub_services.domain.notebook_runs import result_name
from primehub_services.domain.results import KeptArtifacts
from primehub_services.domain.snapshots import SnapshotFormat
from primehub_services.domain.workloads import WorkFile
from primehub_services.operations import jobs
from primehub_services.store import snapshots as store
from primehub_services.store.database import Database
from primehub_services.store.orm import AttemptRow, JobRow
from primehub_services.store.unit_of_work import UnitOfWork
from tests.support import factories
from tests.support.api import ROOT, Api, running_api
from tests.support.factories import Cast
from tests.support.platform import free_port
from tests.support.waiting import wait_for_async

TOKEN = "of-the-browser"
SERVER = """\
from primehub_spawner.notebook_main import SLOW, put_off
put_off(SLOW)
from jupyter_server.serverapp import main
main()
"""
PATH = "analysis/train.ipynb"


def notebook(source: str = "print(1)", *, parameters: str = "alpha = 0.1") -> dict[str, Any]:
    made = nbformat.v4.new_notebook(
        metadata={"kernelspec": {"name": "python3", "display_name": "P", "language": "python"}}
    )
    made.cells = [
        nbformat.v4.new_code_cell(parameters, metadata={"tags": ["parameters"]}),
        nbformat.v4.new_code_cell(source),
    ]
    return json.loads(nbformat.writes(made))


@dataclass
class Lab:
    """A Jupyter server with the extension, of the member of the cast."""

    api: Api
    database: Database
    cast: Cast
    home: Path
    client: httpx.AsyncClient

    async def ask(self, method: str, path: str, body: Any = None, status: int = 200, **headers: str) -> Any:
        answer = await self.client.request(method, f"/primehub/{path}", json=body, headers=headers)
        assert answer.status_code == status, f"{method} {path}: {answer.status_code} {answer.text[:600]}"
        return answer.json() if answer.content else None

    async def submit(self, **changes: Any) -> Any:
        wanted = {"path": PATH, "content": notebook(), "instance_type": "cpu-1", "image": "base"}
        return await self.ask("POST", "jobs", wanted | changes, 201)

    def end(self, job: str, result: bytes | None, phase: str = "SUCCEEDED") -> None:
        """The job ends, as controllers would have it."""
        self.database.write_now(_end, job, phase)
        if result is not None:
            kept = self.api.context.blobs
            staging = kept.stage(job, 1)
            file = WorkFile(path=result_name(job, PATH), size=len(result), modified_at=self.database.clock())
            staging.take(file, [result])
            staging.keep(KeptArtifacts(files=(file,), kept_at=self.database.clock()))

    def placed(self) -> list[str]:
        return sorted(p.name for p in (self.home / "analysis").glob("train-*.ipynb"))


def _end(uow: UnitOfWork, job: str, phase: str) -> None:
    row = uow.session.get_one(JobRow, job)
    row.phase, row.ended_at, row.attempts = phase, uow.now, 1
    uow.session.add(
        AttemptRow(
            id=f"{job}-1", job_id=job, number=1, phase=phase, plan={}, refs=[], created_at=uow.now, ended_at=uow.now
        )
    )


@contextmanager
def jupyter_server(folder: Path, url: str, token: str) -> Iterator[str]:
    """A server over ``folder / "home"``; its address."""
    port = free_port()
    home = folder / "home"
    environ = {
        **os.environ,
        "HOME": str(home),
        "PYTHONPATH": str(Path(__file__).parents[3]),
        "JUPYTER_CONFIG_DIR": str(folder / "config"),
        "JUPYTER_DATA_DIR": str(home / ".local" / "share" / "jupyter"),
        "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
        "PRIMEHUB_API_URL": url,
        "JUPYTERHUB_API_TOKEN": token,
        "JUPYTERHUB_BASE_URL": "/",
    }
    arguments = [
        sys.executable, "-c", SERVER, "--no-browser", f"--port={port}", "--ServerApp.port_retries=0",
        f"--IdentityProvider.token={TOKEN}", "--allow-root", f"--ServerApp.root_dir={home}",
        "--ServerApp.jpserver_extensions=jupyter_primehub_ext=True",
    ]  # fmt: skip
    with open(folder / "server.log", "wb") as log:
        process = subprocess.Popen(arguments, cwd=home, env=environ, stdout=log, stderr=subprocess.STDOUT)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(20)
        if process.returncode:
            print((folder / "server.log").read_text()[-4000:])


def client_of(url: str, token: str = TOKEN) -> httpx.AsyncClient:
    headers = {"Authorization": f"token {token}"} if token else {}
    return httpx.AsyncClient(base_url=url, headers=headers, trust_env=False, timeout=30)


async def answering(client: httpx.AsyncClient) -> bool:
    try:
        return (await client.get("/api")).is_success
    except httpx.TransportError:
        return False


@pytest.fixture
def database_url(migrated_sqlite: Path, tmp_path: Path) -> str:
    """SQLite alone."""
    import shutil

    shutil.copy(migrated_sqlite, tmp_path / "primehub.sqlite")
    return f"sqlite:///{tmp_path / 'primehub.sqlite'}"


@pytest.fixture
async def lab(database: Database, cast: Cast, tmp_path: Path) -> AsyncIterator[Lab]:
    database.write_now(lambda uow: (factories.instance_type(uow), factories.image(uow)))
    (tmp_path / "home" / "analysis").mkdir(parents=True)
    (tmp_path / "home" / PATH).write_text(json.dumps(notebook()))
    async with running_api(database, tmp_path) as api:
        token = api.tokens.give(cast.notebook, group="research")
        with jupyter_server(tmp_path, f"{api.url}{ROOT}", token) as url:
            async with client_of(url) as client:
                await wait_for_async(lambda: answering(client), 30)
                yield Lab(api, database, cast, tmp_path / "home", client)


async def test_what_is_on_screen_is_submitted_as_the_servers_owner_in_its_group(lab: Lab) -> None:
    job = await lab.submit(content=notebook("print('unsaved')"), name="mine", parameters={"alpha": 0.5}, timeout=60)
    assert (job["user"], job["group"], job["name"], job["kind"]) == ("ann", "research", "mine", "notebook")
    assert (job["timeout"], job["notebook"]["path"], job["notebook"]["parameters"]) == (60, PATH, {"alpha": 0.5})
    sent = json.loads(lab.api.context.snapshots.path(job["notebook"]["snapshot"]).read_bytes())
    assert sent["cells"][1]["source"] == ["print('unsaved')"]
    listed = await lab.ask("GET", "jobs")
    assert [(each["id"], each["placed"]) for each in listed["items"]] == [(job["id"], None)]
    assert (listed["total"], listed["active"]) == (1, 1)
    assert (await lab.ask("GET", f"jobs/{job['id']}"))["phase"] == "PENDING"
    assert (await lab.ask("POST", f"jobs/{job['id']}/cancel"))["cancel_requested"]


async def test_the_folder_goes_along_where_that_is_asked(lab: Lab) -> None:
    (lab.home / "analysis" / "helper.py").write_text("NAME = 1")
    job = await lab.submit(include_folder=True)
    found = lab.database.read_now(lambda uow: store.to_model(uow, store.get(uow, job["notebook"]["snapshot"])))
    assert (found.format, found.name) == (SnapshotFormat.FOLDER, "train.ipynb")


async def test_a_recurring_notebook_that_was_sent_with_its_folder_is_updated_with_it(lab: Lab) -> None:
    helper = lab.home / "analysis" / "helper.py"
    helper.write_text("NAME = 1")
    os.utime(helper, (0, 0))
    job = {"path": PATH, "content": notebook(), "instance_type": "cpu-1", "image": "base", "include_folder": True}
    wanted = {"name": "weekly", "cron": "0 4 * * 0", "timezone": "UTC", "job": job}
    made = await lab.ask("POST", "schedules", wanted, 201)
    assert made["snapshot_format"] == "zip"

    async def differs() -> bool:
        (item,) = (await lab.ask("GET", f"schedules?path={PATH}"))["items"]
        return bool(item["differs"])

    assert not await differs()
    later = datetime.fromisoformat(made["snapshot_at"]).timestamp() + 60
    helper.write_text("NAME = 2")
    os.utime(helper, (later, later))
    assert await differs()
    body = {"path": PATH, "content": notebook()}
    updated = await lab.ask("PUT", f"schedules/{made['id']}/snapshot", body)
    assert updated["snapshot_format"] == "zip"
    with zipfile.ZipFile(lab.api.context.snapshots.path(updated["job"]["notebook"]["snapshot"])) as packed:
        assert packed.read("helper.py") == b"NAME = 2"


async def test_the_dialogs_choices_and_the_dry_run(lab: Lab) -> None:
    options = await lab.ask("GET", "launch-options")
    assert [each["name"] for each in options["instance_types"]] == ["cpu-1"]
    decision = await lab.ask("POST", "job-checks", {"instance_type": "cpu-1", "image": "base"})
    assert decision["would_start"] is True
    read = await lab.ask("POST", "parameters", {"content": notebook()})
    assert [each["name"] for each in read["parameters"]] == ["alpha"]


async def test_refusals_are_the_platforms_own_words(lab: Lab) -> None:
    wanted = {"path": PATH, "content": notebook(), "instance_type": "none", "image": "base"}
    answer = await lab.client.post("/primehub/jobs", json=wanted)
    assert answer.status_code in (409, 422), answer.text
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    assert "none" in answer.json()["detail"]
    assert (await lab.ask("POST", "jobs", {"path": PATH}, 422))["errors"][0]["field"] == "content"
    assert (await lab.ask("GET", "jobs/job-202611221200-nonono", None, 404))["code"] == "not-found"


async def test_the_status_bar_learns_group_quota_and_the_way_back(lab: Lab) -> None:
    context = await lab.ask("GET", "context")
    assert context["available"] is True, context["reason"]
    assert context["user"] == "ann"
    assert context["group"] == {"slug": "research", "name": "research"}
    assert context["jobs_url"] == "/services/primehub/g/research/jobs"
    assert context["usage"]["group"] == "research"


async def test_looking_again_costs_nothing_while_nothing_changes(lab: Lab) -> None:
    await lab.submit()
    answer = await lab.client.get("/primehub/jobs")
    again = await lab.client.get("/primehub/jobs", headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 304


async def test_the_result_is_placed_beside_the_original_by_itself_and_once(lab: Lab) -> None:
    job = await lab.submit()
    lab.end(job["id"], json.dumps(notebook("print('done')")).encode())
    await wait_for_async(lambda: lab.placed() != [], 20)
    [name] = lab.placed()

    async def told() -> Any:
        [item] = (await lab.ask("GET", "jobs"))["items"]
        return item["placed"]

    assert await wait_for_async(told, 10) == f"analysis/{name}"
    assert json.loads((lab.home / PATH).read_text()) == notebook() | {
        "cells": json.loads((lab.home / PATH).read_text())["cells"]
    }
    placed = json.loads((lab.home / "analysis" / name).read_text())
    assert placed["metadata"]["primehub"]["job"] == job["id"]
    assert (await lab.ask("POST", f"jobs/{job['id']}/place"))["path"] == f"analysis/{name}"
    assert lab.placed() == [name]
    (lab.home / "analysis" / name).unlink()
    assert (await lab.ask("POST", f"jobs/{job['id']}/place"))["path"] == f"analysis/{name}"


async def test_nothing_is_placed_over_a_file_that_is_there(lab: Lab) -> None:
    jobs = [await lab.submit() for _ in range(2)]
    for job in jobs:
        lab.end(job["id"], json.dumps(notebook(job["id"])).encode())
    await wait_for_async(lambda: len(lab.placed()) == 2, 20)
    marks = {json.loads((lab.home / "analysis" / n).read_text())["metadata"]["primehub"]["job"] for n in lab.placed()}
    assert marks == {job["id"] for job in jobs}


async def test_scripts_of_a_result_run_where_the_notebook_was_on_screen_here_and_nowhere_else(lab: Lab) -> None:
    """A colleague's notebook, run again, would reach this server with what it shows; the job itself does not."""
    shown = notebook("show()")
    shown["cells"][1]["outputs"] = [{"output_type": "display_data", "data": {"text/html": "<script>"}, "metadata": {}}]
    for cell in shown["cells"]:
        cell["metadata"]["trusted"] = True  # as the notebook's own code may have written it
    own = await lab.submit()
    again = await lab.ask("POST", f"jobs/{own['id']}/rerun")
    found = {}
    for job in (own, again):
        lab.end(job["id"], json.dumps(shown).encode())
        path = (await lab.ask("POST", f"jobs/{job['id']}/place"))["path"]
        read = (await lab.client.get(f"/api/contents/{path}")).json()
        found[job["id"]] = read["content"]["cells"][1]["metadata"]["trusted"]
    assert found == {own["id"]: True, again["id"]: False}


async def test_what_ended_while_no_server_ran_is_placed_by_the_next(
    database: Database, cast: Cast, tmp_path: Path
) -> None:
    database.write_now(lambda uow: (factories.instance_type(uow), factories.image(uow)))
    (tmp_path / "home" / "analysis").mkdir(parents=True)
    async with running_api(database, tmp_path) as api:
        token = api.tokens.give(cast.notebook, group="research")
        with jupyter_server(tmp_path, f"{api.url}{ROOT}", token) as url:
            async with client_of(url) as client:
                await wait_for_async(lambda: answering(client), 30)
                lab = Lab(api, database, cast, tmp_path / "home", client)
                job = await lab.submit()
        lab.end(job["id"], json.dumps(notebook()).encode(), "FAILED")
        memory = tmp_path / "home" / ".local" / "share" / "jupyter" / "primehub-results.json"
        for forgetful in (False, False, True):
            if forgetful:
                memory.unlink()
            with jupyter_server(tmp_path, f"{api.url}{ROOT}", token) as url:
                async with client_of(url) as client:
                    await wait_for_async(lambda: answering(client), 30)

                    async def told() -> Any:
                        return (await client.get("/primehub/jobs")).json()["items"][0]["placed"]

                    assert await wait_for_async(told, 20) == f"analysis/{lab.placed()[0]}"
        assert len(lab.placed()) == 1


async def test_a_persons_commands_are_among_their_jobs_and_leave_no_notebook(lab: Lab) -> None:
    spec = JobSubmit(group="research", instance_type="cpu-1", image="base", command="true")
    job = lab.database.write_now(jobs.submit, lab.cast.member, spec, MachineCapacity())

    async def listed() -> Any:
        return (await lab.ask("GET", "jobs"))["items"]

    [item] = await wait_for_async(listed, 10)
    assert (item["id"], item["kind"], item["placed"]) == (job.id, "command", None)
    lab.end(job.id, None)
    assert (await lab.ask("POST", f"jobs/{job.id}/place", None, 404))["code"] == "no-result"


async def test_a_job_that_left_no_notebook_is_said_so(lab: Lab) -> None:
    job = await lab.submit()
    lab.end(job["id"], None, "CANCELLED")
    assert (await lab.ask("POST", f"jobs/{job['id']}/place", None, 404))["code"] == "no-result"
    job = await lab.submit()
    lab.end(job["id"], b"no notebook")
    assert (await lab.ask("POST", f"jobs/{job['id']}/place", None, 404))["code"] == "no-result"


async def test_strangers_and_other_sites_are_refused(lab: Lab) -> None:
    async with client_of(str(lab.client.base_url), "") as stranger:
        for method, path in (("GET", "context"), ("GET", "jobs"), ("POST", "jobs"), ("POST", "keep")):
            assert (await stranger.request(method, f"/primehub/{path}")).status_code == 403, path
        # with a session, but without the proof that a page of the server sent it
        page = await stranger.get("/api/me", params={"token": TOKEN})
        assert page.status_code == 200
        answer = await stranger.post("/primehub/jobs", json={})
        assert answer.status_code == 403, answer.text


async def test_a_platform_that_is_away_is_said_to_be(database: Database, cast: Cast, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    with jupyter_server(tmp_path, f"http://127.0.0.1:{free_port()}{ROOT}", "t") as url:
        async with client_of(url) as client:
            await wait_for_async(lambda: answering(client), 30)
            context = (await client.get("/primehub/context")).json()
            assert (context["available"], context["notebook"]) == (False, None)
            assert "does not answer" in context["reason"]
            answer = await client.get("/primehub/jobs")
            assert (answer.status_code, answer.json()["code"]) == (503, "unreachable")
