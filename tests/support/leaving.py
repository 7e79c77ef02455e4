"""Somebody leaves while all that a person can hold is open and in use, on any platform; and when each of it was gone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from dataclasses import dataclass
from functools import partial
from time import monotonic
from typing import Any, TypeVar
from uuid import uuid4

import httpx

from .losses import Connection, Events, Losses, Portal, as_token, refused, status
from .names import unique
from .platform import API_PATH, PASSWORD, Lab, Platform, xsrf_of
from .scenarios import FINAL, Jobs
from .shell_notebook import shell
from .turns import alone
from .waiting import wait_for

T = TypeVar("T")
Probes = dict[str, Callable[[], bool]]
"""Whether each thing is gone, by its name."""
STUBBORN = "stubborn"
"""Name of a server whose processes do not end when they are asked to."""
STARTED = 120
WORKS = "echo on; sleep 600"
ACCOUNT_LOSES = (
    "hub session",
    "portal session",
    "session of the notebook",
    "API token",
    "hub token",
    "hub token at the notebook",
    "notebook's token at the API",
    "notebook's token at the hub",
    "kernel connection with the token",
    "kernel connection with the session",
    "connection to a stubborn server",
    "shell in a stubborn server",
    "process",
    "job",
    "event stream with the token",
    "event stream with the session",
    "quota",
    "membership at the hub",
    "sign-in that waits to be fetched",
)
GROUP_LOSES = (
    "group",
    "members",
    "launch options",
    "usage",
    "notebook's token",
    "notebook's token at the hub",
    "connection",
    "shell",
    "process",
    "quota",
    "membership at the hub",
    "changes",
)


@dataclass
class Departed:
    """Somebody who has left, and when each of their things was gone."""

    platform: Platform
    name: str
    losses: Losses
    notebooks: dict[str, str]
    """Start ids by server name."""
    job: str
    """The id of the one that ran."""
    reason: str

    def notebook(self, server: str) -> Any:
        """What is recorded of a notebook of theirs."""
        return self.platform.call("GET", f"/notebooks/{self.notebooks[server]}")

    def has_stopped(self, server: str) -> Any:
        """The same, once it has."""
        return wait_for(lambda: (n := self.notebook(server))["phase"] == "STOPPED" and n, what="it is recorded")


def start(platform: Platform, token: str, *bodies: dict[str, Any]) -> list[str]:
    """Start notebooks and wait until all of them run; their start ids."""
    asked = [str(platform.call("POST", "/notebooks", body, token=token)["id"]) for body in bodies]

    def running(started: str) -> bool:
        found = platform.call("GET", f"/notebooks/{started}", token=token)
        assert found["phase"] in ("STARTING", "RUNNING"), found
        return bool(found["phase"] == "RUNNING")

    for started in asked:
        wait_for(partial(running, started), STARTED, what="the notebook runs")
    return asked


def launch(lab: Lab, image: str, server: str = "", **environment: str) -> dict[str, Any]:
    """A request for a small notebook."""
    return {**lab.launch, "image": image, "server_name": server, "environment": environment}


def work(platform: Platform, lab: Lab, token: str, image: str) -> str:
    """A job of the person's that runs until it is ended; its id."""
    jobs = Jobs(platform, Lab(lab.group, lab.instance_type, image, "", token))
    job = jobs.submit(WORKS)
    wait_for(lambda: "on" in jobs.log(job), STARTED, what="the job runs")
    return job


def nobodys_seconds() -> str:
    """So many as nobody else sleeps: a word to know a process by."""
    return str(10**9 + uuid4().int % 10**9)


def occupy(platform: Platform, name: str, marker: str) -> str:
    """Leave a process in the stubborn server that has this word in its command line; that server's own token."""
    shell(platform, name, f"nohup sh -c 'trap \"\" TERM; sleep {marker}' >/dev/null 2>&1 &", server=STUBBORN)
    return shell(platform, name, 'printf %s "$JUPYTERHUB_API_TOKEN"', server=STUBBORN)


def has_ended(platform: Platform, job: str) -> Callable[[], bool]:
    """A probe: whether a job is over."""
    return lambda: platform.call("GET", f"/jobs/{job}")["phase"] in FINAL


def holds_nothing(platform: Platform, group: str, name: str, *kinds: str) -> Callable[[], bool]:
    """A probe: whether nothing of these kinds in the group's quota is the person's."""

    def nothing() -> bool:
        holders = platform.call("GET", f"/groups/{group}/usage")["holders"]
        return not [h for h in holders if h["user"] == name and h["kind"] in kinds]

    return nothing


def not_in(platform: Platform, group: str, name: str) -> Callable[[], bool]:
    """A probe: whether the hub does not count the person to the group."""

    def gone() -> bool:
        url = f"{platform.url}/hub/api/groups/{group}"
        answer = httpx.get(url, headers=as_token(platform.admin_token), trust_env=False, timeout=10)
        return answer.status_code == 200 and name not in answer.json()["users"]

    return gone


def not_opened(browser: httpx.Client, path: str) -> Callable[[], bool]:
    """A probe: whether the browser's session does not open a page any more. Who gets no answer asks again."""

    def refused_there() -> bool:
        try:
            return browser.get(path).status_code != 200
        except httpx.HTTPError:
            return False

    return refused_there


def ended(opened: Connection | Events) -> bool:
    """A probe: whether what was opened is closed, and in the right words where there are any."""
    return opened.gone


def no_shell(platform: Platform, name: str) -> Callable[[], bool]:
    """A probe: whether nothing can be run in the stubborn server any more."""

    def gone() -> bool:
        try:
            return shell(platform, name, "echo here", server=STUBBORN, seconds=5) != "here\n"
        except httpx.HTTPError:
            return True

    return gone


def approved_sign_in(platform: Platform, token: str) -> Callable[[], str]:
    """A program's sign-in that the person approved, and that the program has yet to fetch: fetches its token."""
    asked = platform.call("POST", "/login-requests", {"client": "test"})
    platform.call("POST", f"/login-requests/{asked['code']}/approval", {"approve": True}, token=token)
    url, body = f"{platform.api}/login-requests/{asked['id']}/token", {"secret": asked["secret"]}
    return lambda: str(httpx.post(url, json=body, trust_env=False, timeout=30).json().get("token") or "none")


def _fetched_after(platform: Platform, fetch: Callable[[], str]) -> float:
    token = fetch()
    return 0.0 if status(f"{platform.api}/me", token) == 401 else float("inf")


def disable(platform: Platform, name: str) -> None:
    """Whoever comes back finds everything."""
    version = platform.call("GET", f"/users/{name}")["version"]
    platform.call("PATCH", f"/users/{name}", {"version": version, "enabled": False})


def delete(platform: Platform, name: str) -> None:
    """For good."""
    platform.call("DELETE", f"/users/{name}")


ACCOUNT_ENDS = {"disabled": disable, "deleted": delete}


@contextmanager
def account_that_ends(platform: Platform, lab: Lab, shell_image: str, how: str) -> Iterator[Departed]:
    """Somebody whose account ended (``ACCOUNT_ENDS``) while they used everything that there is."""
    name, losses = unique(f"gone-{how}"), Losses()
    token = platform.add_person(name, lab.group)
    bodies = launch(lab, lab.image), launch(lab, shell_image, STUBBORN, STUBBORN="1")
    notebooks = dict(zip(("", STUBBORN), start(platform, token, *bodies), strict=True))
    job, marker = work(platform, lab, token, shell_image), nobodys_seconds()
    own, server = occupy(platform, name, marker), f"/user/{name}"
    with ExitStack() as stack:
        second = stack.enter_context(closing(platform.sign_in(name, PASSWORD)))
        probes: Probes = {
            **_opened(platform, stack, name, token),
            "hub session": not_opened(second, "/hub/home"),
            "hub token": refused(f"{platform.url}/hub/api/user", token),
            "hub token at the notebook": lambda: status(f"{platform.url}{server}/api/status", token) != 200,
            "notebook's token at the API": refused(f"{platform.api}/groups/{lab.group}", own),
            "notebook's token at the hub": refused(f"{platform.url}/hub/api/user", own),
            "shell in a stubborn server": no_shell(platform, name),
            "process": lambda: not platform.lives(notebooks[STUBBORN], marker),
            "job": has_ended(platform, job),
            "quota": holds_nothing(platform, lab.group, name, "notebook", "job"),
            "membership at the hub": not_in(platform, lab.group, name),
        }
        fetch = approved_sign_in(platform, token)
        with alone():
            losses.nothing_yet(probes)
            ACCOUNT_ENDS[how](platform, name)
            losses.watch(probes, monotonic())
        losses.after["sign-in that waits to be fetched"] = _fetched_after(platform, fetch)
        yield Departed(platform, name, losses, notebooks, job, f"the account was {how}")


def _opened(platform: Platform, stack: ExitStack, name: str, token: str) -> Probes:
    """Sessions, kernels and streams, each open; what ``stack`` closes in the end."""
    made = {"note": "test", "scopes": ["custom:primehub:read"], "expires_in": 3600}
    api_token = platform.call("POST", "/me/tokens", made, token=token)["token"]
    server = f"/user/{name}"
    # each is asked by one thread at a time
    browser, visitor = (stack.enter_context(closing(platform.sign_in(name, PASSWORD))) for _ in range(2))
    portal, _ = Portal(platform, browser), Portal(platform, visitor)
    for each in (browser, visitor):
        assert each.get(f"{server}/lab", follow_redirects=True).status_code == 200
    kernels = f"{platform.url}{server}/api/kernels"
    kernel = httpx.post(kernels, headers=as_token(token), json={}, trust_env=False, timeout=60).json()["id"]
    channels = f"{server}/api/kernels/{kernel}/channels"
    opened: dict[str, Connection | Events] = {
        "kernel connection with the token": Connection(platform, channels, token=token),
        "kernel connection with the session": Connection(platform, channels, cookies=portal.cookies(channels)),
        "connection to a stubborn server": Connection(platform, f"{server}/{STUBBORN}/ws"),
        "event stream with the token": Events(platform, stack.enter_context(httpx.Client()), as_token(api_token)),
        "event stream with the session": Events(platform, browser, portal.headers()),
    }
    return {
        "portal session": lambda: portal.ask("/me").status_code == 401,
        "session of the notebook": not_opened(visitor, f"{server}/api/status"),
        "API token": refused(f"{platform.api}/me", api_token),
        **{what: partial(ended, thing) for what, thing in opened.items()},
    }


def everything_says_why_it_ended(departed: Departed) -> None:
    """The notebooks of an account that ended, and its job."""
    assert {departed.has_stopped(server)["reason"] for server in departed.notebooks} == {departed.reason}
    job = departed.platform.call("GET", f"/jobs/{departed.job}")
    assert (job["phase"], departed.reason in job["message"]) == ("CANCELLED", True), job


def gets_in_by_no_door(departed: Departed) -> None:
    """Whose account ended: with the right password."""
    platform, name = departed.platform, departed.name
    with closing(platform.browser()) as browser:
        page = browser.get("/hub/login")
        form = {"_xsrf": xsrf_of(page.text), "username": name, "password": PASSWORD}
        assert browser.post("/hub/login", data=form).status_code == 403
        page = browser.get("/hub/change-password", params={"username": name})
        change = {"username": name, "old_password": PASSWORD, "new_password": "x" * 12, "repeat_password": "x" * 12}
        assert browser.post("/hub/change-password", data={"_xsrf": xsrf_of(page.text), **change}).status_code >= 400
    body = {"auth": {"username": name, "password": PASSWORD}}
    answer = httpx.post(f"{platform.url}/hub/api/users/{name}/tokens", json=body, trust_env=False, timeout=30)
    assert answer.status_code == 403


@contextmanager
def member_who_leaves(
    platform: Platform, lab: Lab, shell_image: str, name: str, *, provider: Callable[..., None] | None = None
) -> Iterator[Departed]:
    """Somebody in two groups, with a notebook in each, who has left one: told by ``provider(name, *groups)``, or taken out
    by an administrator."""
    losses, marker = Losses(), nobodys_seconds()
    second = str(platform.call("POST", "/groups", {"name": f"second-{name}", "user_quota": {"cpu": 4}})["slug"])
    if provider is not None:
        provider(name, lab.group, second)
        token = token_by_admin(platform, name)
    else:
        token = platform.add_person(name, lab.group, second)
    stubborn = launch(lab, shell_image, STUBBORN, STUBBORN="1")
    stays = {**launch(lab, shell_image, "stays"), "group": second}
    notebooks = dict(zip((STUBBORN, "stays"), start(platform, token, stubborn, stays), strict=True))
    job = work(platform, lab, token, shell_image)
    own, path = occupy(platform, name, marker), f"{platform.api}/groups/{lab.group}"
    with httpx.Client(trust_env=False) as client:
        events = Events(platform, client, as_token(token))
        connection = Connection(platform, f"/user/{name}/{STUBBORN}/ws")
        probes: Probes = {
            "group": refused(path, token, 404),
            "members": refused(f"{path}/members", token, 404),
            "launch options": refused(f"{path}/launch-options", token, 404),
            "usage": refused(f"{path}/usage", token, 404),
            "notebook's token": refused(path, own),
            "notebook's token at the hub": refused(f"{platform.url}/hub/api/user", own),
            "connection": partial(ended, connection),
            "shell": no_shell(platform, name),
            "process": lambda: not platform.lives(notebooks[STUBBORN], marker),
            "quota": holds_nothing(platform, lab.group, name, "notebook"),
            "membership at the hub": not_in(platform, lab.group, name),
        }
        with alone():
            losses.nothing_yet(probes)
            if provider is not None:
                provider(name, second)
            else:
                platform.call("DELETE", f"/groups/{lab.group}/members/{name}")
            losses.watch(probes, monotonic())
        _what_goes_on_is_hidden(platform, losses, events, {"hidden": lab.group, "shown": second})
        yield Departed(platform, name, losses, notebooks, job, "left the group")
    platform.call("DELETE", f"/notebooks/{notebooks['stays']}")
    platform.call("POST", f"/jobs/{job}/cancel")
    wait_for(has_ended(platform, job), STARTED, what="the job has ended")


def provider_sign_in(platform: Platform, name: str, *groups: str) -> None:
    """What the hub tells the API after a sign-in at the provider."""
    body = {"issuer": "https://idp.example", "subject": f"s-{name}", "username": name, "groups": list(groups)}
    platform.call("POST", "/accounts/provider-sign-in", body, token=platform.keys()["authenticator.token"])


@contextmanager
def once_more_if_late(
    story: Callable[[], AbstractContextManager[T]], losses: Callable[[T], Iterable[Losses]]
) -> Iterator[T]:
    """The story, or where a busy machine has made it late, the same with somebody else, which counts then: a test that
    is tried again would only read the first one's figures again."""
    with story() as first:
        if not any(each.late for each in losses(first)):
            yield first
            return
        print("late, so it is played again:", *(each.after for each in losses(first)))
    with story() as second:
        yield second


@contextmanager
def at_once(**stories: AbstractContextManager[Departed]) -> Iterator[dict[str, Departed]]:
    """Several leave at the same time, each in their own way."""
    with ExitStack() as stack, ThreadPoolExecutor(len(stories)) as threads:
        yield dict(zip(stories, threads.map(stack.enter_context, stories.values()), strict=True))


def _what_goes_on_is_hidden(platform: Platform, losses: Losses, events: Events, groups: dict[str, str]) -> None:
    """What happens in the group from now on is not theirs to know; what happens in the other still is."""
    since = len(events.lines)
    made = {what: platform.call("POST", "/invitations", {"group": group})["id"] for what, group in groups.items()}
    wait_for(lambda: made["shown"] in "\n".join(events.lines[since:]), 60, what="the other group's changes go on")
    losses.after["changes"] = float("inf") if made["hidden"] in "\n".join(events.lines) else 0.0
    losses.after["stream"] = 0.0 if not events.ended else float("inf")


def token_by_admin(platform: Platform, name: str) -> str:
    """A token of somebody who has no password here, once the hub knows them."""
    url = f"{platform.url}/hub/api/users/{name}/tokens"

    def made() -> str:
        headers = as_token(platform.admin_token)
        answer = httpx.post(url, json={"note": "test"}, headers=headers, trust_env=False, timeout=30)
        return str(answer.json()["token"]) if answer.status_code == 201 else ""

    return wait_for(made, 20, what="the hub has the user")


def keeps_the_rest(left: Departed) -> None:
    """Who left a group: their notebook elsewhere, their stream, and the job that they had begun for the group."""
    assert left.has_stopped(STUBBORN)["reason"] == left.reason
    left.losses.check("stream")
    assert left.notebook("stays")["phase"] == "RUNNING"
    assert shell(left.platform, left.name, "ls /project", server="stays").split() == [f"second-{left.name}"]
    assert left.platform.call("GET", f"/jobs/{left.job}")["phase"] == "RUNNING"


def starts_nothing_there(left: Departed, lab: Lab, shell_image: str) -> None:
    """Who left a group: neither by the portal nor past it, and is told what is told of a group that is not there."""
    platform, name = left.platform, left.name
    token = token_by_admin(platform, name)
    again = platform.call("POST", "/notebooks", launch(lab, shell_image, "again"), token=token, status=422)
    nowhere = platform.call(
        "POST", "/notebooks", {**launch(lab, shell_image, "again"), "group": "nowhere"}, token=token, status=422
    )
    assert again["detail"].replace(lab.group, "nowhere") == nowhere["detail"]
    url = f"{platform.url}/hub/api/users/{name}/servers/again"
    options = {**lab.launch, "image": shell_image}
    answer = httpx.post(url, json={"user_options": options}, headers=as_token(token), trust_env=False, timeout=30)
    assert answer.status_code == 422
    assert API_PATH not in answer.text
