"""Who is outside a group sees nothing of it, starts nothing in it, and learns no name of it, by any way, on any platform.

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

from primehub_services.api.table import TABLE

from .losses import Events, Portal, as_token
from .platform import PASSWORD, STARTS_IN, Lab, Platform
from .shell_notebook import python, shell
from .waiting import wait_for

HIDDEN, OWN, INSIDER, OUTSIDER, LONER = "hush-nine", "elsewhere", "ivan", "olga", "nora"
NOBODYS = {HIDDEN: "none-such", INSIDER: "noone"}
ACTORS = ("member of no group", "admin of another group", "notebook of another group", "nobody")


@dataclass
class World:
    """A group with something of everything in it, and people outside."""

    platform: Platform
    instance_type: str
    image: str
    things: dict[str, tuple[str, ...]]
    """Names and ids of what is in the group, by the route parameter that names such things."""
    tokens: dict[str, str]
    insider: str
    """The token of the group's admin."""
    notebooks: list[str]
    """The start ids of those that run."""

    def hidden_words(self) -> set[str]:
        """What no outsider may ever read."""
        return {HIDDEN, INSIDER, *(word for words in self.things.values() for word in words)}

    def end(self) -> None:
        """Stop what was started in it."""
        for started in self.notebooks:
            self.platform.call("DELETE", f"/notebooks/{started}")

    def unlike(self, text: str) -> str:
        """The text with names and ids of nobody's in place of what is there."""
        for word in sorted(self.hidden_words(), key=len, reverse=True):
            text = text.replace(word, NOBODYS.get(word, re.sub(r"[0-9a-z]", "f", word)))
        return text


def make_world(platform: Platform, lab: Lab, shell_made: str) -> World:
    """Everything is made once; the tests only look. ``shell_made`` is what an image of terminals is made of."""
    for name in (HIDDEN, OWN):
        platform.call("POST", "/groups", {"name": name, "user_quota": {"cpu": 4}})
    image = platform.add_image(shell_made, "outsiders-shell")
    insider, outsider, loner = (platform.add_person(*p) for p in ((INSIDER, HIDDEN), (OUTSIDER, OWN), (LONER,)))
    for name, group in ((INSIDER, HIDDEN), (OUTSIDER, OWN)):
        platform.call("PUT", f"/groups/{group}/members/{name}", {"role": "admin"})
    things = _hidden_things(platform, insider, platform.image_source(shell_made))
    notebooks = _start(platform, lab, image, {HIDDEN: insider, OWN: outsider})
    shell(platform, INSIDER, f"echo hush-home > ~/hush-file; echo hush-shared > /project/{HIDDEN}/hush-file")
    own = shell(platform, OUTSIDER, "printf $JUPYTERHUB_API_TOKEN")
    tokens = dict(zip(ACTORS, (loner, outsider, own, ""), strict=True))
    things |= {"notebook": (notebooks[0],), "start": (notebooks[0],)}
    return World(platform, lab.instance_type, image, things, tokens, insider, notebooks)


def _hidden_things(platform: Platform, insider: str, source: dict[str, str]) -> dict[str, tuple[str, ...]]:
    hidden = {"all_groups": False, "groups": [HIDDEN]}
    size = {"cpu_limit": 0.5, "memory_limit": "512Mi", "cpu_request": 0.1, "memory_request": "64Mi"}
    kind = platform.call("POST", "/instance-types", {"name": "hush-type", **size, **hidden})
    own_image = platform.call("POST", "/images", {"name": "hush-image", "source": source, **hidden})
    shared = {"all_groups": False, "groups": [{"group": HIDDEN, "writable": True}]}
    volume = platform.call("POST", "/volumes", {"name": "hush-volume", "source": {"type": "pvc"}, **shared})
    secret = {"name": "hush-secret", "kind": "env", "group": HIDDEN, "value": "hush-value"}
    secret = platform.call("POST", "/secrets", secret, token=insider)
    link = platform.call("POST", "/invitations", {"group": HIDDEN}, token=insider)
    return {
        "group": (HIDDEN,),
        "user": (INSIDER,),
        "instance_type": ("hush-type", kind["id"]),
        "image": ("hush-image", own_image["id"]),
        "volume": ("hush-volume", volume["id"]),
        "secret": ("hush-secret", secret["slug"], secret["id"]),
        "invitation": (link["id"],),
    }


def _start(platform: Platform, lab: Lab, image: str, tokens: dict[str, str]) -> list[str]:
    """A notebook in each group, by these tokens; their start ids, once all run."""
    asked = {
        str(
            platform.call("POST", "/notebooks", {**lab.launch, "group": group, "image": image}, token=token)["id"]
        ): token
        for group, token in tokens.items()
    }

    def running(started: str) -> bool:
        return bool(platform.call("GET", f"/notebooks/{started}", token=asked[started])["phase"] == "RUNNING")

    wait_for(lambda: all(map(running, asked)), STARTS_IN, what="the notebooks run")
    return list(asked)


def _bodies(world: World) -> dict[str, list[Any]]:
    kind, image = world.instance_type, world.image
    starts = [
        {"group": HIDDEN, "instance_type": kind, "image": image, "server_name": "other"},
        {"group": OWN, "instance_type": "hush-type", "image": image, "server_name": "other"},
        {"group": OWN, "instance_type": kind, "image": "hush-image", "server_name": "other"},
    ]
    return {
        "groups.create": [{"name": "x", "user_quota": {}}],
        "members.put": [{"role": "member"}],
        "invitations.create": [{"group": HIDDEN}, {"user": INSIDER}],
        "secrets.create": [{"name": "mine", "kind": "env", "group": HIDDEN, "value": "x"}],
        "images.create": [
            {"name": "mine", "group": HIDDEN, "source": {"type": "environment", "packages": ["attrs"]}},
            {
                "name": "mine",
                "group": OWN,
                "groups": [HIDDEN],
                "source": {"type": "environment", "packages": ["attrs"]},
            },
        ],
        "notebooks.start": starts,
        "launches.check": starts,
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


def _requests(world: World) -> Iterator[tuple[str, str, Any]]:
    """Every route, with the names of what is hidden wherever one fits."""
    bodies = _bodies(world)
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


def no_route_says_whether_something_is_there(world: World, actor: str) -> None:
    """Of the API's, asked with the actor's token."""
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
            other = ask(method, world.unlike(path), world.unlike(text))
            if (status, world.unlike(answer)) != other:
                found.append(f"{method} {path} {text}: {status} {answer[:300]} but {other[0]} {other[1][:300]}")
            said = [word for word in world.hidden_words() if word in answer and word not in path + text]
            if said:
                found.append(f"{method} {path} {text}: {status} says {said}")
    assert found == []


def an_open_stream_tells_nothing_of_the_group_and_no_log(world: World, actor: str) -> None:
    """While it tells the actor what is everyone's, and the insider all of it."""
    platform, token = world.platform, world.tokens[actor]
    start_id = world.things["notebook"][0]
    with httpx.Client(trust_env=False) as first, httpx.Client(trust_env=False) as second:
        hidden = Events(platform, first, as_token(token), query=f"?logs={start_id}:0")
        shown = Events(platform, second, as_token(world.insider), query=f"?logs={start_id}:0")
        made = platform.call("POST", "/invitations", {"group": HIDDEN}, token=world.insider)
        announced = platform.call("POST", "/announcements", {"message": "Hear, all"})
        try:
            wait_for(lambda: made["id"] in shown.told() and "a shell" in shown.told(), 60, what="the insider is told")
            wait_for(lambda: announced["id"] in hidden.told(), 60, what="the outsider is told of what is everyone's")
            said = [word for word in (*world.hidden_words(), made["id"], "a shell") if word in hidden.told()]
            assert [word for word in said if word != start_id] == []
        finally:
            platform.call("DELETE", f"/announcements/{announced['id']}")


HUB_PATHS = (
    "/hub/api/users", "/hub/api/groups", "/hub/api/services", "/hub/api/proxy", "/hub/api/info",
    f"/hub/api/users/{INSIDER}", f"/hub/api/users/{INSIDER}/tokens", f"/hub/api/users/{INSIDER}/server/progress",
    f"/hub/api/users/{INSIDER}/shared", f"/hub/api/groups/{HIDDEN}", f"/hub/api/groups/{HIDDEN}/shared",
    f"/hub/api/shares/{INSIDER}/", f"/hub/api/share-codes/{INSIDER}/",
)  # fmt: skip
HUB_PAGES = (
    f"/hub/user/{INSIDER}/", f"/hub/user/{INSIDER}/lab", f"/hub/spawn/{INSIDER}", f"/hub/spawn-pending/{INSIDER}",
    f"/hub/spawn?group={HIDDEN}&instance_type={{type}}&image={{image}}", "/hub/admin",
    f"/services/primehub/g/{HIDDEN}/notebooks",
)  # fmt: skip


def the_hubs_api_tells_an_outsider_nothing(world: World, actor: str, path: str) -> None:
    """At one of ``HUB_PATHS``, by any method."""
    for method in ("GET", "POST", "DELETE"):
        answers = []
        for asked in (path, world.unlike(path)):
            url, headers = world.platform.url + asked, as_token(world.tokens[actor])
            body: dict[str, Any] | None = {} if method == "POST" else None
            answers.append(httpx.request(method, url, json=body, headers=headers, trust_env=False, timeout=20))
        real, nobodys = answers
        assert 400 <= real.status_code < 500
        assert (real.status_code, world.unlike(real.text)) == (nobodys.status_code, nobodys.text)


def the_hubs_pages_tell_an_outsider_nothing(world: World, path: str) -> None:
    """At one of ``HUB_PAGES``."""
    path = path.format(type=world.instance_type, image=world.image)

    changing = r'<head>.*?</head>|<script.*?</script>|_xsrf[="][^>]*'
    with closing(world.platform.sign_in(LONER, PASSWORD)) as browser:
        Portal(world.platform, browser)
        answers = [browser.get(asked) for asked in (path, world.unlike(path))]
    there, nowhere = ((a.status_code, re.sub(changing, "", a.text, flags=re.DOTALL)) for a in answers)
    assert (there[0], world.unlike(there[1])) == nowhere


def a_start_past_the_portal_is_refused_in_the_same_words(world: World) -> None:
    """Whether the group is there or not."""
    token, answers = world.tokens["admin of another group"], []
    for group in (HIDDEN, NOBODYS[HIDDEN]):
        url = f"{world.platform.url}/hub/api/users/{OUTSIDER}/servers/past"
        options = {"group": group, "instance_type": world.instance_type, "image": world.image}
        answers.append(
            httpx.post(url, json={"user_options": options}, headers=as_token(token), trust_env=False, timeout=60)
        )
    assert [a.status_code for a in answers] == [422, 422]
    assert answers[0].json()["message"].replace(HIDDEN, NOBODYS[HIDDEN]) == answers[1].json()["message"]


# -- from a notebook's terminal


def a_terminal_finds_no_file_of_another_group_or_of_the_platform(world: World) -> None:
    """By any path, nor in what is said of processes."""
    looked = " ".join(world.platform.private_folders())
    said = shell(
        world.platform,
        OUTSIDER,
        f"ls -d {looked} 2>/dev/null; ls /project; grep -rsl hush / --include='hush*' 2>/dev/null | grep -v ^/proc;"
        "find / -name 'hush*' -not -path '/proc/*' 2>/dev/null; cat /proc/*/environ /proc/*/cmdline | grep -ac 'hush-nin[e]'",
    )
    assert said.split() == [OWN, "0"]


def a_terminal_sees_and_signals_no_process_but_its_own(world: World) -> None:
    """Neither the platform's nor another group's."""
    platform = world.platform
    hub = platform.hub_process()
    shell(platform, INSIDER, "nohup sleep 765432 >/dev/null 2>&1 &")
    pids = " ".join(map(str, platform.private_processes()))
    said = shell(
        platform,
        OUTSIDER,
        f"for p in {pids}; do kill -0 $p && echo signalled; done 2>/dev/null; ls -d /proc/[0-9]*",
    )
    assert "signalled" not in said
    assert len(said.split()) <= 5, "its own"
    everything = "cat /proc/*/cmdline | tr '\\0' ' '"
    wait_for(lambda: "765432" in shell(platform, INSIDER, everything), 10)
    assert "765432" not in shell(platform, OUTSIDER, everything)
    assert platform.hub_process() == hub


PORTS = """
import socket
from concurrent.futures import ThreadPoolExecutor

def reached(place):
    try:
        socket.create_connection(place, timeout=3).close()
        return True
    except OSError:
        return False

places = PLACES
for place, found in zip(places, ThreadPoolExecutor(16).map(reached, places)):
    if found:
        print(*place)
"""


def a_terminal_reaches_no_port_but_the_hubs_and_the_apis(world: World) -> None:
    """Neither another part of the platform's, nor another group's notebook."""
    platform = world.platform
    served = int(shell(platform, INSIDER, "printf %s $JUPYTERHUB_SERVICE_URL").split(":")[2].split("/")[0])
    doors = platform.doors(world.things["notebook"][0], served)
    places = [place for found in doors.values() for place in found]
    said = python(platform, OUTSIDER, PORTS.replace("PLACES", repr(places)))
    reached = {(host, int(port)) for host, port in (line.split() for line in said.splitlines())}
    assert {name for name, found in doors.items() if reached & set(found)} == platform.open_doors


def a_notebooks_token_can_neither_make_tokens_nor_act_on_servers(world: World) -> None:
    """Of its owner's, at the hub."""
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
