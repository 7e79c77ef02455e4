"""Who is outside a group sees nothing of it, starts nothing in it, and learns no name of it, by any way.

Every request is made twice: once with the name or id of something that is there, once with one that is nobody's. The
answers must be the same but for the name.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import product
from typing import Any

import httpx
import pytest

from primehub_services.api.table import TABLE
from primehub_services.sandbox.probe import probe
from primehub_services.sandbox.spec import SandboxOptions
from tests.support.losses import Events, Portal, as_token
from tests.support.parts import require
from tests.support.platform import PASSWORD, Lab, Platform, xsrf_of
from tests.support.shell_notebook import python, shell, shell_environment
from tests.support.waiting import wait_for

__all__ = ["shell_environment"]
pytestmark = [pytest.mark.e2e, pytest.mark.sandbox]
HIDDEN, OWN, INSIDER, OUTSIDER, LONER = "hush-nine", "elsewhere", "ivan", "olga", "nora"
NOBODYS = {HIDDEN: "none-such", INSIDER: "noone"}
ACTORS = ("member of no group", "admin of another group", "notebook of another group", "nobody")


@dataclass
class World:
    """A group with something of everything in it, and people outside."""

    platform: Platform
    image: str
    things: dict[str, tuple[str, ...]]
    """Names and ids of what is in the group, by the route parameter that names such things."""
    tokens: dict[str, str]
    insider: str
    """The token of the group's admin."""

    def hidden_words(self) -> set[str]:
        """What no outsider may ever read."""
        return {HIDDEN, INSIDER, *(word for words in self.things.values() for word in words)}


def _start(platform: Platform, token: str, group: str, image: str, kind: str) -> str:
    body = {"group": group, "instance_type": kind, "image": image}
    made = platform.call("POST", "/notebooks", body, token=token)
    wait_for(
        lambda: platform.call("GET", f"/notebooks/{made['id']}", token=token)["phase"] == "RUNNING",
        90,
        what="the notebook runs",
    )
    return str(made["id"])


@pytest.fixture(scope="module")
def world(platform: Platform, lab: Lab, shell_environment: str) -> World:
    """Everything is made once; the tests only look."""
    for name in (HIDDEN, OWN):
        platform.call("POST", "/groups", {"name": name, "user_quota": {"cpu": 4}})
    image = platform.add_image(shell_environment, "outsiders-shell")
    hidden = {"all_groups": False, "groups": [HIDDEN]}
    size = {"cpu_limit": 0.5, "memory_limit": "512Mi", "cpu_request": 0.1, "memory_request": "64Mi"}
    kind = platform.call("POST", "/instance-types", {"name": "hush-type", **size, **hidden})
    source = {"type": "environment", "prefix": shell_environment}
    own_image = platform.call("POST", "/images", {"name": "hush-image", "source": source, **hidden})
    shared = {"all_groups": False, "groups": [{"group": HIDDEN, "writable": True}]}
    volume = platform.call("POST", "/volumes", {"name": "hush-volume", "source": {"type": "pvc"}, **shared})
    insider = platform.add_person(INSIDER, HIDDEN)
    platform.call("PUT", f"/groups/{HIDDEN}/members/{INSIDER}", {"role": "admin"})
    secret = {"name": "hush-secret", "kind": "env", "group": HIDDEN, "value": "hush-value"}
    secret = platform.call("POST", "/secrets", secret, token=insider)
    link = platform.call("POST", "/invitations", {"group": HIDDEN}, token=insider)
    outsider, loner = platform.add_person(OUTSIDER, OWN), platform.add_person(LONER)
    platform.call("PUT", f"/groups/{OWN}/members/{OUTSIDER}", {"role": "admin"})
    notebook = _start(platform, insider, HIDDEN, image, lab.instance_type)
    _start(platform, outsider, OWN, image, lab.instance_type)
    shell(platform, INSIDER, f"echo hush-home > ~/hush-file; echo hush-shared > /project/{HIDDEN}/hush-file")
    things = {
        "group": (HIDDEN,),
        "user": (INSIDER,),
        "instance_type": ("hush-type", kind["id"]),
        "image": ("hush-image", own_image["id"]),
        "volume": ("hush-volume", volume["id"]),
        "secret": ("hush-secret", secret["slug"], secret["id"]),
        "invitation": (link["id"],),
        "notebook": (notebook,),
        "start": (notebook,),
    }
    tokens = dict(
        zip(ACTORS, (loner, outsider, shell(platform, OUTSIDER, "printf $JUPYTERHUB_API_TOKEN"), ""), strict=True)
    )
    return World(platform, image, things, tokens, insider)


BODIES: dict[str, list[Any]] = {
    "groups.create": [{"name": "x", "user_quota": {}}],
    "members.put": [{"role": "member"}],
    "invitations.create": [{"group": HIDDEN}, {"user": INSIDER}],
    "secrets.create": [{"name": "mine", "kind": "env", "group": HIDDEN, "value": "x"}],
    "images.create": [
        {"name": "mine", "group": HIDDEN, "source": {"type": "environment", "packages": ["attrs"]}},
        {"name": "mine", "group": OWN, "groups": [HIDDEN], "source": {"type": "environment", "packages": ["attrs"]}},
    ],
    "notebooks.start": [
        {"group": HIDDEN, "instance_type": "lab-small", "image": "outsiders-shell", "server_name": "other"},
        {"group": OWN, "instance_type": "hush-type", "image": "outsiders-shell", "server_name": "other"},
        {"group": OWN, "instance_type": "lab-small", "image": "hush-image", "server_name": "other"},
    ],
    "notebooks.keep": [{"seconds": 60}],
    "claims.create": [{"user": INSIDER, "server_name": "", "user_options": {}}],
}
QUERIES = {
    "notebooks.list": [f"?group={HIDDEN}", f"?user={INSIDER}", f"?search={INSIDER}"],
    "audit.list": [f"?group={HIDDEN}", f"?actor={INSIDER}"],
    "groups.list": ["?all=true", f"?search={HIDDEN}"],
    **{
        f"{noun}.list": [f"?group={HIDDEN}", "?search=hush"]
        for noun in ("instance_types", "images", "volumes", "secrets")
    },
    "invitations.list": [f"?group={HIDDEN}"],
}
HARMLESS = {"tokens", "logins", "events", "me"}
"""Nouns whose routes name nothing of a group, and make something."""


def _unlike(text: str, world: World) -> str:
    """The text with names and ids of nobody's in place of what is there."""
    for word in sorted(world.hidden_words(), key=len, reverse=True):
        text = text.replace(word, NOBODYS.get(word, re.sub(r"[0-9a-z]", "f", word)))
    return text


def _requests(world: World) -> Iterator[tuple[str, str, Any]]:
    """Every route, with the names of what is hidden wherever one fits."""
    bodies = {**BODIES, "launches.check": BODIES["notebooks.start"]}
    for route in TABLE.routes:
        if route.name.partition(".")[0] in HARMLESS:
            continue
        default = {"version": 1, "display_name": "x"} if route.name.endswith(".update") else {}
        found = bodies.get(route.name, [default] if route.body is not None else [None])
        values = [world.things.get(p, ("0" * 32,)) for p in route.parameters]
        for chosen, body, query in product(product(*values), found, ["", *QUERIES.get(route.name, [])]):
            path = route.path
            for parameter, value in zip(route.parameters, chosen, strict=True):
                path = path.replace(f"{{{parameter}}}", value)
            yield route.method, path + query, body


@pytest.mark.parametrize("actor", ACTORS)
def test_no_route_says_whether_something_is_there(world: World, actor: str) -> None:
    found = []
    token = world.tokens[actor]
    with httpx.Client(headers=as_token(token) if token else {}, trust_env=False, timeout=30) as client:

        def ask(method: str, path: str, body: str) -> tuple[int, str]:
            headers = {"Content-Type": "application/json"} if body else {}
            answer = client.request(method, world.platform.api + path, content=body or None, headers=headers)
            return answer.status_code, re.sub(r'"request_id": ?"[^"]*"', "", answer.text)

        for method, path, body in _requests(world):
            text = "" if body is None else json.dumps(body)
            status, answer = ask(method, path, text)
            other = ask(method, _unlike(path, world), _unlike(text, world))
            if (status, _unlike(answer, world)) != other:
                found.append(f"{method} {path} {text}: {status} {answer[:300]} but {other[0]} {other[1][:300]}")
            said = [word for word in world.hidden_words() if word in answer and word not in path + text]
            if said:
                found.append(f"{method} {path} {text}: {status} says {said}")
    assert found == []


@pytest.mark.parametrize("actor", ACTORS[:3])
def test_an_open_stream_tells_nothing_of_the_group_and_no_log(world: World, actor: str) -> None:
    platform, token = world.platform, world.tokens[actor]
    start_id = world.things["notebook"][0]
    with httpx.Client(trust_env=False) as first, httpx.Client(trust_env=False) as second:
        hidden = Events(platform, first, as_token(token), query=f"?logs={start_id}:0")
        shown = Events(platform, second, as_token(world.insider), query=f"?logs={start_id}:0")
        made = platform.call("POST", "/invitations", {"group": HIDDEN}, token=world.insider)
        announced = platform.call("POST", "/announcements", {"message": "Hear, all"})
        try:
            wait_for(lambda: made["id"] in shown.told() and "a shell" in shown.told(), 15, what="the insider is told")
            wait_for(lambda: announced["id"] in hidden.told(), 15, what="the outsider is told of what is everyone's")
            said = [word for word in (*world.hidden_words(), made["id"], "a shell") if word in hidden.told()]
            assert [word for word in said if word != start_id] == []
        finally:
            platform.call("DELETE", f"/announcements/{announced['id']}")


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


HUB_PATHS = (
    "/hub/api/users", "/hub/api/groups", "/hub/api/services", "/hub/api/proxy", "/hub/api/info",
    f"/hub/api/users/{INSIDER}", f"/hub/api/users/{INSIDER}/tokens", f"/hub/api/users/{INSIDER}/server/progress",
    f"/hub/api/users/{INSIDER}/shared", f"/hub/api/groups/{HIDDEN}", f"/hub/api/groups/{HIDDEN}/shared",
    f"/hub/api/shares/{INSIDER}/", f"/hub/api/share-codes/{INSIDER}/",
)  # fmt: skip
HUB_PAGES = (
    f"/hub/user/{INSIDER}/", f"/hub/user/{INSIDER}/lab", f"/hub/spawn/{INSIDER}", f"/hub/spawn-pending/{INSIDER}",
    f"/hub/spawn?group={HIDDEN}&instance_type=lab-small&image=outsiders-shell", "/hub/admin",
    f"/services/primehub/g/{HIDDEN}/notebooks",
)  # fmt: skip


@pytest.mark.parametrize("actor", ACTORS[:3])
@pytest.mark.parametrize("path", HUB_PATHS)
def test_the_hubs_api_tells_an_outsider_nothing(world: World, actor: str, path: str) -> None:
    for method in ("GET", "POST", "DELETE"):
        answers = []
        for asked in (path, _unlike(path, world)):
            url, headers = world.platform.url + asked, as_token(world.tokens[actor])
            body: dict[str, Any] | None = {} if method == "POST" else None
            answers.append(httpx.request(method, url, json=body, headers=headers, trust_env=False, timeout=20))
        real, nobodys = answers
        assert 400 <= real.status_code < 500
        assert (real.status_code, _unlike(real.text, world)) == (nobodys.status_code, nobodys.text)


@pytest.mark.parametrize("path", HUB_PAGES)
def test_the_hubs_pages_tell_an_outsider_nothing(world: World, path: str) -> None:
    def page(asked: str) -> tuple[int, str]:
        with closing(world.platform.sign_in(LONER, PASSWORD)) as browser:
            Portal(world.platform, browser)
            answer = browser.get(asked)
            changing = r'<head>.*?</head>|<script.*?</script>|_xsrf[="][^>]*'
            return answer.status_code, re.sub(changing, "", answer.text, flags=re.DOTALL)

    status, text = page(path)
    assert (status, _unlike(text, world)) == page(_unlike(path, world))


def test_a_start_past_the_portal_is_refused_in_the_same_words(world: World) -> None:
    token, answers = world.tokens["admin of another group"], []
    for group in (HIDDEN, NOBODYS[HIDDEN]):
        url = f"{world.platform.url}/hub/api/users/{OUTSIDER}/servers/past"
        options = {"group": group, "instance_type": "lab-small", "image": world.image}
        answers.append(
            httpx.post(url, json={"user_options": options}, headers=as_token(token), trust_env=False, timeout=60)
        )
    assert [a.status_code for a in answers] == [422, 422]
    assert answers[0].json()["message"].replace(HIDDEN, NOBODYS[HIDDEN]) == answers[1].json()["message"]


# -- from a notebook's terminal


def test_a_terminal_finds_no_file_of_another_group_or_of_the_platform(world: World) -> None:
    data = world.platform.data
    wanted = ("homes", "projects", "secrets", "hub", "log", "run", "workloads", "primehub.sqlite")
    looked = " ".join(str(data / name) for name in wanted)
    said = shell(
        world.platform,
        OUTSIDER,
        f"ls -d {looked} 2>/dev/null; ls /project; grep -rsl hush / --include='hush*' 2>/dev/null | grep -v ^/proc;"
        "find / -name 'hush*' -not -path '/proc/*' 2>/dev/null; cat /proc/*/environ /proc/*/cmdline | grep -ac 'hush-nin[e]'",
    )
    assert said.split() == [OWN, "0"]


def test_a_terminal_sees_and_signals_no_process_but_its_own(world: World) -> None:
    state = world.platform.state()
    shell(world.platform, INSIDER, "nohup sleep 765432 >/dev/null 2>&1 &")
    pids = f"{state['pid']} {state['hub_pid']} {state['proxy_pid']}"
    said = shell(
        world.platform,
        OUTSIDER,
        f"for p in {pids}; do kill -0 $p && echo signalled; done 2>/dev/null; ls -d /proc/[0-9]*",
    )
    assert "signalled" not in said
    assert len(said.split()) <= 5, "its own"
    wait_for(lambda: "765432" in shell(world.platform, INSIDER, "cat /proc/*/cmdline | tr '\\0' ' '"), 10)
    assert world.platform.state()["hub_pid"] == state["hub_pid"]


PORTS = """
import socket, sys
for place in PLACES:
    try:
        socket.create_connection(place, timeout=3).close()
        print(*place)
    except OSError:
        pass
"""


def test_a_terminal_reaches_no_port_but_the_hubs_and_the_apis(world: World) -> None:
    require("pasta", probe(world.platform.data, SandboxOptions()).status.network_isolated, "no network of its own")
    platform = world.platform
    ports = platform.state()["ports"]
    insiders = int(shell(platform, INSIDER, "printf %s $JUPYTERHUB_SERVICE_URL").split(":")[2].split("/")[0])
    wanted = [*ports.values(), platform.port, insiders]
    places = [(host, port) for host in ("127.0.0.1", "127.0.0.2", "::1", "0.0.0.0") for port in wanted]
    said = python(platform, OUTSIDER, PORTS.replace("PLACES", repr(places)))
    reached = {tuple(line.split()) for line in said.splitlines()}
    assert {int(port) for _, port in reached} == {ports["hub_port"], ports["services_port"]}


def test_a_notebooks_token_can_neither_make_tokens_nor_act_on_servers(world: World) -> None:
    token = world.tokens["notebook of another group"]
    for method, path in (
        ("POST", f"/users/{OUTSIDER}/tokens"),
        ("GET", f"/users/{OUTSIDER}/tokens"),
        ("DELETE", f"/users/{OUTSIDER}/server"),
        ("POST", f"/users/{OUTSIDER}/servers/more"),
        ("POST", "/shutdown"),
        ("PATCH", "/proxy"),
    ):
        url = f"{world.platform.url}/hub/api{path}"
        body: dict[str, Any] | None = {} if method in ("POST", "PATCH") else None
        answer = httpx.request(method, url, json=body, headers=as_token(token), trust_env=False, timeout=20)
        assert answer.status_code == 403, f"{method} {path}"


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
