"""How answers are read: a newer platform's, and what no platform says."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from pydantic import ValidationError

from primehub_services.client.accounts import AccountsClient
from primehub_services.client.base import ApiClient, ApiProblem
from primehub_services.client.claims import ClaimsClient
from primehub_services.client.culling import CullingClient
from primehub_services.client.person import PersonClient
from primehub_services.client.routes import RoutesClient
from primehub_services.domain.handshake import ClaimRequest

API = "http://hub/services/primehub/api/v1"
ACCOUNT = {
    "name": "ann",
    "display_name": "Ann",
    "enabled": True,
    "platform_admin": False,
    "must_change_password": False,
    "groups": ["g1"],
}
SIZE = {"cpu": 1, "memory": "1Gi", "gpu": 0}
PLAN = {
    "start_id": "s1",
    "kind": "notebook",
    "user": "ann",
    "user_slug": "ann",
    "group": "g1",
    "group_name": "g1",
    "instance_type": "small",
    "image": "base",
    "image_source": {"type": "environment", "prefix": "/env", "new": 1},
    "image_location": "/env",
    "limits": {**SIZE, "new": 1},
    "requests": SIZE,
    "mounts": [],
    "left_out": [{"volume": "data", "reason": "broken", "new": 1}],
    "idle_timeout": 0,
    "new": 1,
}
ROUTE = {"id": "r", "prefix": "/g1/r/", "target": "http://127.0.0.1:9001", "group": "g1", "new": {"deep": [1]}}


def _answer(status: int, **fields: Any) -> httpx.MockTransport:
    return httpx.MockTransport(lambda _request: httpx.Response(status, **fields))


def answering(status: int, **fields: Any) -> ApiClient:
    """An API that answers this, whatever it is asked."""
    return ApiClient(API, "secret", transport=_answer(status, **fields))


def saying(body: Any) -> ApiClient:
    """An API that answers this JSON."""
    return answering(200, json=body)


async def test_what_a_newer_platform_adds_to_its_answers_is_passed_over_at_any_depth() -> None:
    """Services are replaced before the hub: for minutes the hub, culler and gateway before read their answers."""
    accounts = AccountsClient(saying({**ACCOUNT, "colour": "red"}))
    assert (await accounts.state("ann")).groups == ("g1",)
    grant = await ClaimsClient(saying({"start_id": "s1", "plan": PLAN, "new": 1})).claim("ann", "", {})
    assert (grant.plan.left_out[0].volume, grant.plan.image_source.type) == ("data", "environment")
    assert (await CullingClient(saying({"cull": False, "new": 1})).decision("ann", "")).cull is False
    table = await RoutesClient(saying({"version": "v", "routes": [ROUTE], "new": 1})).table()
    assert table is not None
    assert table.routes[0].prefix == "/g1/r/"
    branding = await AccountsClient(saying({"name": "Ours", "version": 2, "new": 1})).branding(1)
    assert branding is not None
    assert branding.name == "Ours"


def test_what_is_wrong_with_fields_may_say_more_in_a_newer_platform() -> None:
    errors = [{"field": "image", "message": "It is missing.", "fix": "Give it.", "new": 1}]
    assert ApiProblem(422, "invalid", "image", {"errors": errors}).errors[0].field == "image"


def test_a_misspelt_field_of_a_request_is_refused_all_the_same() -> None:
    with pytest.raises(ValidationError, match="server"):
        ClaimRequest.model_validate({"user": "ann", "server": "x"})


PROBLEM_OF = {
    "https": (
        301,
        {"location": "https://hub.example.org/services/primehub/api/v1/me"},
        "http://hub redirects to https://hub.example.org; use that address.",
    ),
    "sign-in": (302, {"location": "https://sso.example.org/start"}, "What answers at http://hub is no PrimeHub."),
    "hub": (302, {"location": "/hub/services/primehub/api/v1/me"}, "What answers at http://hub is no PrimeHub."),
    "nowhere": (302, {}, "What answers at http://hub is no PrimeHub."),
    "page": (200, {"content-type": "text/html"}, "What answers at http://hub is no PrimeHub."),
}


@pytest.mark.parametrize("case", PROBLEM_OF)
async def test_what_answers_in_the_platforms_place_is_a_problem(case: str) -> None:
    status, headers, says = PROBLEM_OF[case]
    client = PersonClient(API, "secret", transport=_answer(status, headers=headers, text="<html></html>"))
    with pytest.raises(ApiProblem) as problem:
        await client.me()
    assert (problem.value.status, problem.value.detail) == (0, says)


async def test_a_redirect_is_never_followed_and_never_taken_for_a_file() -> None:
    asked = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.host)
        return httpx.Response(302, headers={"location": str(request.url.copy_with(host="other"))}, text="moved")

    client = PersonClient(API, "secret", transport=httpx.MockTransport(answer))
    with pytest.raises(ApiProblem, match="use that address"):
        async with client.jobs.download("j1", "a.txt") as pieces:
            assert [piece async for piece in pieces] == []
    assert asked == ["hub"]


@pytest.mark.parametrize("body", [None, [], {}, {"version": 1}])
async def test_an_answer_that_says_nothing_of_ours_is_a_problem(body: Any) -> None:
    client = PersonClient(API, "secret", transport=_answer(200, json=body))
    for ask in (client.me, client.version):
        with pytest.raises(ApiProblem, match="is no PrimeHub, or of another version"):
            await ask()


async def test_what_has_not_changed_has_no_body() -> None:
    assert await RoutesClient(answering(304)).table("v") is None


@pytest.mark.parametrize("errors", [None, "x", ["x"], [{"message": "no field"}], 1])
def test_wrong_fields_that_others_tell_in_their_own_way_are_none(errors: Any) -> None:
    assert ApiProblem(400, "error", "No.", {"errors": errors}).errors == ()
