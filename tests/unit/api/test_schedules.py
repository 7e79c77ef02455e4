"""Recurring jobs and notifications through the API."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from ipaddress import ip_network
from pathlib import Path

import pytest

from primehub_services.controllers import NotificationController, Runner, Webhooks
from primehub_services.domain.permissions import Scope
from primehub_services.store.crypto import Keyring
from primehub_services.store.database import Database
from tests.support.api import Api, problem, running_api
from tests.support.factories import Cast
from tests.support.mail import web_server
from tests.support.recurring import SPEC, job_rows, launchables

JOB = SPEC.model_dump(mode="json", exclude_defaults=True)
NIGHTLY = {"name": "nightly", "cron": "0 4 * * *", "timezone": "Europe/Berlin", "job": JOB}


@pytest.fixture
async def api(database: Database, cast: Cast, tmp_path: Path) -> AsyncIterator[Api]:
    database.write_now(launchables)
    async with running_api(database, tmp_path) as running:
        yield running


async def test_the_life_of_a_recurring_job(api: Api, cast: Cast, database: Database) -> None:
    async with api.client(api.tokens.give(cast.member)) as client:
        preview = await client.post("/schedule-previews", json={"cron": "0 4 * * 1-5", "timezone": "Europe/Berlin"})
        assert preview.json()["reading"] == "At 04:00, Monday to Friday"
        assert len(preview.json()["next"]) == 5
        made = (await client.post("/schedules", json=NIGHTLY)).json()
        assert made["next_at"] == "2026-03-03T03:00:00Z"
        path = f"/schedules/{made['id']}"
        run = await client.post(f"{path}/run")
        assert (run.status_code, run.json()["schedule"], run.json()["phase"]) == (202, made["id"], "PENDING")
        assert [job.id for job in job_rows(database)] == [run.json()["id"]]
        paused = await client.patch(path, json={"version": made["version"], "paused": True})
        assert (paused.json()["paused"], paused.json()["next_at"]) == (True, None)
        stale = await client.patch(path, json={"version": made["version"], "paused": False})
        assert problem(stale)["current"]["version"] == paused.json()["version"]
        listed = (await client.get("/schedules?paused=true&group=research&search=NIGHT")).json()
        assert [item["id"] for item in listed["items"]] == [made["id"]]
        assert (await client.get("/schedules?paused=false")).json()["total"] == 0
        assert (await client.get(f"{path}/firings")).json()["items"] == []
        assert (await client.delete(path)).status_code == 204
        assert (await client.get(path)).status_code == 404


async def test_a_wrong_field_is_named_with_what_it_may_be(api: Api, cast: Cast) -> None:
    async with api.client(api.tokens.give(cast.member)) as client:
        answer = await client.post("/schedules", json={**NIGHTLY, "cron": "0 25 * * 9"})
        errors = problem(answer)["errors"]
        assert [error["message"].partition(":")[0] for error in errors] == ["hour", "day of week"]
        assert all(error["field"] == "cron" for error in errors)
        zone = problem(await client.post("/schedules", json={**NIGHTLY, "timezone": "Europe/Berln"}))
        assert "'Europe/Berlin'" in zone["errors"][0]["fix"]


async def test_notifications_are_off_until_turned_on_and_a_secret_is_shown_once(api: Api, cast: Cast) -> None:
    async with api.client(api.tokens.give(cast.member)) as client:
        first = (await client.get("/me/notifications")).json()
        assert (first["email"], first["webhook"], first["email_available"]) == (False, False, False)
        refused = await client.put("/me/notifications", json={"email": True})
        assert problem(refused)["errors"][0]["field"] == "email"
        for wrong in ("ftp://x", "https://", "https://u:p@h/", "//h", "https://h/\nX: y", "https://bücher.example/"):
            answer = await client.put("/me/notifications", json={"webhook": True, "webhook_url": wrong})
            assert answer.status_code == 422, wrong
        assert (await client.post("/me/notifications/test")).status_code == 409
        on = {"webhook": True, "webhook_url": "https://hooks.example.org/a"}
        made = (await client.put("/me/notifications", json=on)).json()
        assert len(made["webhook_secret"]) > 30
        again = (await client.put("/me/notifications", json=on)).json()
        seen = (await client.get("/me/notifications")).json()
        assert again["webhook_secret"] is seen["webhook_secret"] is None
        assert seen["webhook_secret_set"]
    async with api.client(api.tokens.give(cast.notebook, group="research")) as client:
        # addresses and what became of messages are nothing for whatever packages run there
        assert (await client.get("/me/notifications")).status_code == 403
    read_only = api.tokens.give(type(cast.member)(account=cast.member.account, scopes=frozenset({Scope.READ})))
    async with api.client(read_only) as client:
        assert (await client.put("/me/notifications", json={})).status_code == 403


async def test_a_test_message_says_whether_it_arrived(api: Api, cast: Cast, database: Database, tmp_path: Path) -> None:
    hooks = Webhooks((ip_network("127.0.0.0/8"),))
    keyring = Keyring.load_or_create(tmp_path / "encryption.key")
    runner = Runner(NotificationController(database, keyring, None, hooks), clock=database.clock)
    loop = asyncio.get_running_loop()
    database.on_commit(lambda kinds: loop.call_soon_threadsafe(runner.hint) and None)
    task = asyncio.create_task(runner.run())
    try:
        with web_server() as hook:
            async with api.client(api.tokens.give(cast.member)) as client:
                await client.put("/me/notifications", json={"webhook": True, "webhook_url": hook.url})
                sent = (await client.post("/me/notifications/test")).json()["deliveries"]
                assert [(d["channel"], d["event"], d["sent"]) for d in sent] == [("webhook", "test", True)]
                hook.status = 404
                failed = (await client.post("/me/notifications/test")).json()["deliveries"]
                assert [(d["sent"], d["message"]) for d in failed] == [(False, "The webhook answered 404.")]
                latest = (await client.get("/me/notifications")).json()["latest"]
                assert latest[0]["message"] in ("", "The webhook answered 404.")
                answers = [(await client.post("/me/notifications/test")).status_code for _ in range(10)]
                assert 429 in answers
        assert len(hook.posts) == 5
    finally:
        task.cancel()
