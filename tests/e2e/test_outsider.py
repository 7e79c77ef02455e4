"""Who is outside a group sees nothing of it, starts nothing in it, and learns no name of it, by any way."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing

import httpx
import pytest

from primehub_services.sandbox.probe import probe
from primehub_services.sandbox.spec import SandboxOptions
from tests.support import outsiders
from tests.support.losses import Portal
from tests.support.outsiders import ACTORS, HUB_PAGES, HUB_PATHS, LONER, OUTSIDER, OWN, World
from tests.support.parts import require
from tests.support.platform import PASSWORD, Lab, Platform, xsrf_of
from tests.support.shell_notebook import shell_environment

__all__ = ["shell_environment"]
pytestmark = [pytest.mark.e2e, pytest.mark.sandbox]


@pytest.fixture(scope="module")
def world(platform: Platform, lab: Lab, shell_environment: str) -> Iterator[World]:
    """Everything is made once; the tests only look."""
    made = outsiders.make_world(platform, lab, shell_environment)
    yield made
    made.end()


@pytest.mark.parametrize("actor", ACTORS)
def test_no_route_says_whether_something_is_there(world: World, actor: str) -> None:
    outsiders.no_route_says_whether_something_is_there(world, actor)


@pytest.mark.parametrize("actor", ACTORS[:3])
def test_an_open_stream_tells_nothing_of_the_group_and_no_log(world: World, actor: str) -> None:
    outsiders.an_open_stream_tells_nothing_of_the_group_and_no_log(world, actor)


def test_a_full_machine_is_no_reason_to_name_who_fills_it(world: World) -> None:
    platform = world.platform
    size = {"cpu_limit": 64, "memory_limit": "1Gi", "cpu_request": 64, "memory_request": "64Mi"}
    platform.call("POST", "/instance-types", {"name": "outsiders-wide", **size, "all_groups": False, "groups": [OWN]})
    try:
        body = {"group": OWN, "instance_type": "outsiders-wide", "image": world.image, "server_name": "wide"}
        path = f"/groups/{OWN}/launch-checks"
        decision = platform.call("POST", path, body, token=world.tokens["admin of another group"])
        assert not decision["would_start"]
        assert [word for word in world.hidden_words() if word in json.dumps(decision)] == []
    finally:
        platform.call("DELETE", "/instance-types/outsiders-wide")


@pytest.mark.parametrize("actor", ACTORS[:3])
@pytest.mark.parametrize("path", HUB_PATHS)
def test_the_hubs_api_tells_an_outsider_nothing(world: World, actor: str, path: str) -> None:
    outsiders.the_hubs_api_tells_an_outsider_nothing(world, actor, path)


@pytest.mark.parametrize("path", HUB_PAGES)
def test_the_hubs_pages_tell_an_outsider_nothing(world: World, path: str) -> None:
    outsiders.the_hubs_pages_tell_an_outsider_nothing(world, path)


def test_a_start_past_the_portal_is_refused_in_the_same_words(world: World) -> None:
    outsiders.a_start_past_the_portal_is_refused_in_the_same_words(world)


def test_a_terminal_finds_no_file_of_another_group_or_of_the_platform(world: World) -> None:
    outsiders.a_terminal_finds_no_file_of_another_group_or_of_the_platform(world)


def test_a_terminal_sees_and_signals_no_process_but_its_own(world: World) -> None:
    outsiders.a_terminal_sees_and_signals_no_process_but_its_own(world)


def test_a_terminal_reaches_no_port_but_the_hubs_and_the_apis(world: World) -> None:
    require("pasta", probe(world.platform.data, SandboxOptions()).status.network_isolated, "no network of its own")
    outsiders.a_terminal_reaches_no_port_but_the_hubs_and_the_apis(world)


def test_a_notebooks_token_can_neither_make_tokens_nor_act_on_servers(world: World) -> None:
    outsiders.a_notebooks_token_can_neither_make_tokens_nor_act_on_servers(world)


# -- through a browser


def test_a_session_without_the_pages_own_proof_changes_nothing(world: World) -> None:
    platform = world.platform
    with closing(platform.sign_in(OUTSIDER, PASSWORD)) as browser:
        portal = Portal(platform, browser)
        url, body = f"{platform.api}/me", {"display_name": "Olga", "version": portal.ask("/me").json()["version"]}
        crossed = {"Sec-Fetch-Mode": "cors", "Sec-Fetch-Site": "cross-site", "Origin": "http://evil.example"}
        assert browser.patch(url, json=body, headers=crossed).status_code == 403
        assert browser.patch(url, json=body, headers=portal.headers() | {"X-XSRFToken": "guess"}).status_code == 403
        assert browser.patch(url, json=body, headers=portal.headers()).status_code == 200


@pytest.mark.parametrize("target", ["//evil.example/", "https://evil.example/", "/\\evil.example", "http:evil.example"])
def test_a_sign_in_leads_nowhere_else(world: World, target: str) -> None:
    with closing(world.platform.browser()) as browser:
        page = browser.get("/hub/login", params={"next": target})
        form = {"_xsrf": xsrf_of(page.text), "username": LONER, "password": PASSWORD}
        answer = browser.post("/hub/login", params={"next": target}, data=form)
    place = httpx.URL(world.platform.url).join(answer.headers["location"])
    assert answer.status_code == 302
    assert place.host == "127.0.0.1"
