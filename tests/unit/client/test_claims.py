"""What the spawner tells of starts, together and in order."""

from __future__ import annotations

import json
import logging

import httpx
import pytest

from primehub_services.client import base, claims
from primehub_services.client.claims import ClaimsClient, Reports
from primehub_services.domain.handshake import StartEvent
from tests.support.waiting import wait_for_async

LOG = logging.getLogger("test")


class Told:
    """An API that keeps what it is told, and may be away."""

    def __init__(self) -> None:
        self.requests: list[list[tuple[str, int]]] = []
        self.away = False

    def __call__(self, request: httpx.Request) -> httpx.Response:
        assert request.url.path.endswith("/claim-events")
        if self.away:
            raise httpx.ConnectError("no")
        events = json.loads(request.content)["events"]
        self.requests.append([(event["start_id"], event["progress"]) for event in events])
        return httpx.Response(204)

    def reports(self) -> Reports:
        api = base.ApiClient("http://hub/api/v1", "secret", transport=httpx.MockTransport(self))
        return Reports(ClaimsClient(api), LOG)


def _step(start_id: str, progress: int) -> StartEvent:
    return StartEvent(start_id=start_id, event="progress", progress=progress)


async def test_what_is_told_shortly_after_one_another_is_one_request_in_order() -> None:
    told = Told()
    reports = told.reports()
    steps = [("a", 1), ("b", 1), ("a", 2), ("b", 2)]
    for start_id, progress in steps:
        reports.add(_step(start_id, progress))
    await wait_for_async(lambda: told.requests)
    reports.add(_step("a", 3))
    await wait_for_async(lambda: len(told.requests) == 2)
    assert told.requests == [steps, [("a", 3)]]


async def test_an_api_that_is_away_is_logged_and_what_comes_later_is_told(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(claims, "TOGETHER", 0.01)
    told = Told()
    told.away = True
    reports = told.reports()
    reports.add(_step("lost", 1))
    await wait_for_async(lambda: "lost" in caplog.text)
    told.away = False
    reports.add(_step("later", 1))
    await wait_for_async(lambda: told.requests)
    assert told.requests == [[("later", 1)]]
