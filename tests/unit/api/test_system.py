"""The platform's own state and numbers."""

from __future__ import annotations

import asyncio
import json

import httpx
import pytest
import sqlalchemy as sa

from primehub_services.api.replies import Part, State
from primehub_services.domain.claims import MachineCapacity
from primehub_services.domain.handshake import ClaimRequest
from primehub_services.domain.notifications import MailServer
from primehub_services.operations import claims
from primehub_services.store.orm import AccountRow, NotificationRow
from primehub_services.store.unit_of_work import UnitOfWork
from tests.support import factories
from tests.support.api import Api, problem
from tests.support.factories import Cast
from tests.support.waiting import wait_for_async

People = dict[str, httpx.AsyncClient]


def _away(_request: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("refused")


async def test_health_says_whether_and_nothing_more(api: Api, people: People) -> None:
    assert (await people["nobody"].get("/health")).json() == {"status": "ok"}
    api.hub.answers["GET /"] = _away
    assert (await people["nobody"].get("/health")).json() == {"status": "degraded"}


async def test_health_which_anyone_may_ask_measures_nothing(api: Api, people: People) -> None:
    async def probe() -> tuple[Part, ...]:
        pytest.fail("the sandbox was tried")

    api.context.probe = probe
    assert (await people["nobody"].get("/health")).status_code == 200


async def test_status_says_what_is_wrong_and_what_mends_it(api: Api, people: People) -> None:
    async def probe() -> tuple[Part, ...]:
        return (Part(name="sandbox", status=State.DEGRADED, message="None.", help="Install one."),)

    api.context.probe = probe
    status = (await people["platform_admin"].get("/status")).json()
    assert status["status"] == "degraded"
    parts = {p["name"]: p for p in status["parts"]}
    assert parts["sandbox"]["help"] == "Install one."
    assert (parts["hub"]["status"], parts["database"]["message"]) == ("ok", "SQLite")
    assert status["versions"]["hub"] == "6.1.1"
    assert problem(await people["member"].get("/status"))["status"] == 403


async def test_status_says_since_when_a_part_is_not_well(api: Api, people: People) -> None:
    parts = [Part(name="sandbox", status=State.DEGRADED)]

    async def probe() -> tuple[Part, ...]:
        return tuple(parts)

    async def since() -> str | None:
        found = (await people["platform_admin"].get("/status")).json()["parts"]
        return {p["name"]: p["since"] for p in found}["sandbox"]

    api.context.probe = probe
    began = await since()
    assert began is not None
    assert await since() == began
    parts[:] = [Part(name="sandbox", status=State.OK)]
    assert await since() is None
    parts[:] = [Part(name="sandbox", status=State.DEGRADED)]
    assert await since() != began


async def test_name_and_logo_are_told_to_everybody_and_sent_once(api: Api, people: People) -> None:
    first = await people["nobody"].get("/branding")
    assert first.json() == {"name": "PrimeHub", "logo": "", "version": 0}
    known = {"If-None-Match": first.headers["ETag"]}
    again = await people["nobody"].get("/branding", headers=known)
    assert (again.status_code, again.content) == (304, b"")
    await people["platform_admin"].patch("/settings", json={"version": 0, "name": "Foundry"})
    now = await people["nobody"].get("/branding", headers=known)
    assert now.json() == {"name": "Foundry", "logo": "", "version": 1}


async def test_everybody_is_told_what_the_engine_can(api: Api, people: People) -> None:
    told = (await people["member"].get("/engine")).json()
    assert told["name"] == api.context.engine
    assert set(told["images"]) == {"container", "environment"}
    assert set(told["volumes"]) == set(api.context.volume_policy.accepts)
    assert told["existing_claims"] == api.context.volume_policy.existing_claims
    assert problem(await people["nobody"].get("/engine"))["status"] == 401


async def test_prometheus_has_a_token_of_its_own_that_works_without_the_hub(api: Api, people: People) -> None:
    api.context.metrics_token = "for-prometheus"
    await people["member"].get("/me")
    async with api.client("for-prometheus") as prometheus:
        text = (await prometheus.get("/metrics")).text
        assert (await prometheus.get("/me")).status_code == 401
    assert 'primehub_api_requests_total{route="me.get",status="200"} 1.0' in text
    assert 'primehub_total{of="groups"} 2.0' in text
    assert "ann" not in text


async def test_without_a_metrics_token_only_administrators_see_numbers(api: Api, people: People) -> None:
    assert (await people["platform_admin"].get("/metrics")).status_code == 200
    assert problem(await people["member"].get("/metrics"))["status"] == 403
    assert problem(await people["nobody"].get("/metrics"))["status"] == 401
    async with api.client("") as empty:
        assert (await empty.get("/metrics", headers={"Authorization": "Bearer"})).status_code == 401


async def test_a_start_that_the_hub_refuses_gives_its_claim_back(api: Api, people: People) -> None:
    await api.context.database.write(factories.instance_type)
    await api.context.database.write(factories.image)
    request = {"group": "research", "instance_type": "cpu-1", "image": "base"}
    api.hub.answers["POST /users/ann/server"] = _away
    answer = await people["member"].post("/notebooks", json=request)
    assert problem(answer)["status"] == 503
    usage = (await people["member"].get("/groups/research/usage")).json()
    assert usage["holders"] == []
    listed = (await people["member"].get("/notebooks")).json()["items"]
    assert [n["phase"] for n in listed] == ["FAILED"]
    api.hub.answers.clear()
    assert (await people["member"].post("/notebooks", json=request)).status_code == 202
    method, path, body = next(r for r in reversed(api.hub.requests) if r[0] == "POST")
    assert (method, path) == ("POST", "/users/ann/server")
    assert set(body["user_options"]) == {"group", "instance_type", "image", "safe_mode", "start_id"}


async def test_a_start_whose_answer_from_the_hub_was_lost_is_under_way(api: Api, people: People, cast: Cast) -> None:
    await api.context.database.write(factories.instance_type)
    await api.context.database.write(factories.image)

    def taken_up(request: httpx.Request) -> httpx.Response:
        asked = ClaimRequest(user="ann", user_options=json.loads(request.content)["user_options"])
        api.context.database.write_now(claims.claim, cast.spawner, asked, MachineCapacity())
        raise httpx.ReadTimeout("lost", request=request)

    api.hub.answers["POST /users/ann/server"] = taken_up
    request = {"group": "research", "instance_type": "cpu-1", "image": "base"}
    answer = await people["member"].post("/notebooks", json=request)
    assert (answer.status_code, answer.json()["phase"]) == (202, "STARTING")


async def test_the_mail_server_is_shown_without_its_password_and_tried(api: Api, people: People) -> None:
    admin = people["platform_admin"]
    assert (await admin.get("/email")).json()["available"] is False
    refused = problem(await admin.post("/email/test"))
    assert (refused["status"], refused["errors"][0]["field"]) == (422, "email")

    api.context.mail_server = MailServer(available=True, host="mail", port=587, sender="hub@example.org")
    shown = (await admin.get("/email")).json()
    assert (shown["host"], shown["port"], "password" in shown) == ("mail", 587, False)
    assert problem(await people["member"].get("/email"))["status"] == 403


async def test_a_test_e_mail_goes_to_the_admins_own_address(api: Api, people: People, cast: Cast) -> None:
    def give_address(uow: UnitOfWork) -> None:
        uow.session.execute(sa.update(AccountRow).where(AccountRow.platform_admin).values(email="pat@example.org"))

    def sent(uow: UnitOfWork) -> None:
        uow.session.execute(sa.update(NotificationRow).values(sent_at=uow.now))

    await api.context.database.write(give_address)
    api.context.mail_server = MailServer(available=True, host="mail", port=587, sender="hub@example.org")
    asked = asyncio.ensure_future(people["platform_admin"].post("/email/test"))

    async def asked_for() -> bool:
        return await api.context.database.read(_channels) == ["email"]

    await wait_for_async(asked_for, 10, what="the message is written")
    await api.context.database.write(sent)
    (delivery,) = (await asked).json()["deliveries"]
    assert delivery["channel"] == "email"


def _channels(uow: UnitOfWork) -> list[str]:
    return list(uow.session.scalars(sa.select(NotificationRow.channel)))
