"""Whoever is disabled, deleted or out of a group loses within ten seconds all that they hold there.

Everything that a person can hold is open and in use when they leave; it is watched all at once, and each test looks at
one of the things.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from functools import partial
from time import monotonic
from typing import Any

import httpx
import psutil
import pytest

from tests.support.losses import Connection, Events, Losses, Portal, as_token, refused, status
from tests.support.platform import API_PATH, PASSWORD, Lab, Platform, xsrf_of
from tests.support.shell_notebook import shell, shell_environment
from tests.support.waiting import wait_for

__all__ = ["shell_environment"]
pytestmark = [pytest.mark.e2e, pytest.mark.sandbox]
STUBBORN = "stubborn"
"""Name of a server whose processes do not end when they are asked to."""


@dataclass
class Departed:
    """Somebody who has left, and when each of their things was gone."""

    platform: Platform
    name: str
    losses: Losses
    notebooks: dict[str, str]
    """Start ids by server name."""
    reason: str

    def notebook(self, server: str) -> Any:
        """What is recorded of a notebook of theirs."""
        return self.platform.call("GET", f"/notebooks/{self.notebooks[server]}")


@pytest.fixture(scope="module")
def shell_image(platform: Platform, lab: Lab, shell_environment: str) -> str:
    """An image whose server is a terminal."""
    return platform.add_image(shell_environment, "shell")


def start(platform: Platform, token: str, body: dict[str, Any]) -> str:
    """Start a notebook and wait until it runs; its start id."""
    started = platform.call("POST", "/notebooks", body, token=token)["id"]

    def running() -> bool:
        found = platform.call("GET", f"/notebooks/{started}", token=token)
        assert found["phase"] in ("STARTING", "RUNNING"), found
        return bool(found["phase"] == "RUNNING")

    wait_for(running, 90, what="the notebook runs")
    return str(started)


def launch(lab: Lab, image: str, server: str = "", **environment: str) -> dict[str, Any]:
    """A request for a small notebook."""
    body = {"group": lab.group, "instance_type": lab.instance_type, "image": image, "server_name": server}
    return {**body, "environment": environment}


def nobody_runs(marker: str) -> Callable[[], bool]:
    """A probe: whether no process of the machine has this word in its command line."""

    def gone() -> bool:
        for process in psutil.process_iter():
            try:
                if marker in process.cmdline():
                    return False
            except psutil.Error:
                continue
        return True

    return gone


def holds_nothing(platform: Platform, group: str, name: str) -> Callable[[], bool]:
    """A probe: whether nothing of the group's quota is the person's."""
    return lambda: all(h["user"] != name for h in platform.call("GET", f"/groups/{group}/usage")["holders"])


def not_in(platform: Platform, group: str, name: str) -> Callable[[], bool]:
    """A probe: whether the hub does not count the person to the group."""

    def gone() -> bool:
        url = f"{platform.url}/hub/api/groups/{group}"
        answer = httpx.get(url, headers=as_token(platform.admin_token), trust_env=False, timeout=10)
        return answer.status_code == 200 and name not in answer.json()["users"]

    return gone


def not_opened(browser: httpx.Client, path: str) -> Callable[[], bool]:
    """A probe: whether the browser's session does not open a page any more."""
    return lambda: browser.get(path).status_code != 200


def ended(opened: Connection | Events) -> bool:
    """A probe: whether what was opened is closed, and in the right words where there are any."""
    return opened.gone


def no_shell(platform: Platform, name: str, server: str) -> Callable[[], bool]:
    """A probe: whether nothing can be run in the notebook any more."""

    def gone() -> bool:
        try:
            return shell(platform, name, "echo here", server=server) != "here\n"
        except httpx.HTTPError:
            return True

    return gone


def approved_sign_in(platform: Platform, token: str) -> Callable[[], str]:
    """A program's sign-in that the person approved, and that the program has yet to fetch: fetches its token."""
    asked = platform.call("POST", "/login-requests", {"client": "test"})
    platform.call("POST", f"/login-requests/{asked['code']}/approval", {"approve": True}, token=token)
    url, body = f"{platform.api}/login-requests/{asked['id']}/token", {"secret": asked["secret"]}
    return lambda: str(httpx.post(url, json=body, trust_env=False).json().get("token") or "none")


def disable(platform: Platform, name: str) -> None:
    version = platform.call("GET", f"/users/{name}")["version"]
    platform.call("PATCH", f"/users/{name}", {"version": version, "enabled": False})


def delete(platform: Platform, name: str) -> None:
    platform.call("DELETE", f"/users/{name}")


ACCOUNT_ENDS = {"disabled": (disable, "disabled"), "deleted": (delete, "deleted")}


@pytest.fixture(scope="module", params=ACCOUNT_ENDS)
def departed(request: pytest.FixtureRequest, platform: Platform, lab: Lab, shell_image: str) -> Iterator[Departed]:
    """Somebody whose account ended while they used everything that there is."""
    end, reason = ACCOUNT_ENDS[request.param]
    name, losses = f"gone-{request.param}", Losses()
    token = platform.add_person(name, lab.group)
    made = {"note": "test", "scopes": ["custom:primehub:read"], "expires_in": 3600}
    api_token = platform.call("POST", "/me/tokens", made, token=token)["token"]
    notebooks = {
        "": start(platform, token, launch(lab, lab.image)),
        STUBBORN: start(platform, token, launch(lab, shell_image, STUBBORN, STUBBORN="1")),
    }
    marker = f"876{len(name)}54321"
    shell(platform, name, f"nohup sh -c 'trap \"\" TERM; sleep {marker}' >/dev/null 2>&1 &", server=STUBBORN)
    own = shell(platform, name, 'printf %s "$JUPYTERHUB_API_TOKEN"', server=STUBBORN)
    hub, server = f"{platform.url}/hub/api/user", f"/user/{name}"
    with ExitStack() as stack:
        browser = stack.enter_context(closing(platform.sign_in(name, PASSWORD)))
        portal = Portal(platform, browser)
        assert browser.get(f"{server}/lab", follow_redirects=True).status_code == 200
        kernels = f"{platform.url}{server}/api/kernels"
        kernel = httpx.post(kernels, headers=as_token(token), json={}, trust_env=False, timeout=60).json()["id"]
        channels = f"{server}/api/kernels/{kernel}/channels"
        connections = {
            "kernel connection with the token": Connection(platform, channels, token=token),
            "kernel connection with the session": Connection(platform, channels, cookies=portal.cookies(channels)),
            "connection to a stubborn server": Connection(platform, f"{server}/{STUBBORN}/ws"),
        }
        streams = {
            "event stream with the token": Events(platform, stack.enter_context(httpx.Client()), as_token(api_token)),
            "event stream with the session": Events(platform, browser, portal.headers()),
        }
        opened: dict[str, Connection | Events] = {**connections, **streams}
        second = stack.enter_context(closing(platform.sign_in(name, PASSWORD)))
        fetch = approved_sign_in(platform, token)
        probes: dict[str, Callable[[], bool]] = {
            "hub session": not_opened(second, "/hub/home"),
            "portal session": lambda: portal.ask("/me").status_code == 401,
            "session of the notebook": not_opened(browser, f"{server}/api/status"),
            "API token": refused(f"{platform.api}/me", api_token),
            "hub token": refused(hub, token),
            "hub token at the notebook": lambda: status(f"{platform.url}{server}/api/status", token) != 200,
            "notebook's token at the API": refused(f"{platform.api}/groups/{lab.group}", own),
            "notebook's token at the hub": refused(hub, own),
            "shell in a stubborn server": no_shell(platform, name, STUBBORN),
            "process": nobody_runs(marker),
            "quota": holds_nothing(platform, lab.group, name),
            "membership at the hub": not_in(platform, lab.group, name),
            **{what: partial(ended, thing) for what, thing in opened.items()},
        }
        present = [what for what, gone in probes.items() if gone()]
        assert present == [], "nothing is lost before the departure"
        end(platform, name)
        losses.watch(probes, monotonic())
        losses.after["sign-in that waits to be fetched"] = _fetched_after(platform, fetch)
        yield Departed(platform, name, losses, notebooks, f"the account was {reason}")


def _fetched_after(platform: Platform, fetch: Callable[[], str]) -> float:
    token = fetch()
    return 0.0 if status(f"{platform.api}/me", token) == 401 else float("inf")


@pytest.mark.parametrize(
    "thing",
    [
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
        "event stream with the token",
        "event stream with the session",
        "quota",
        "membership at the hub",
        "sign-in that waits to be fetched",
    ],
)
def test_an_account_that_ends_loses(departed: Departed, thing: str) -> None:
    departed.losses.check(thing)


@pytest.mark.parametrize("server", ["", STUBBORN])
def test_the_notebooks_of_an_account_that_ends_say_why_they_stopped(departed: Departed, server: str) -> None:
    found = wait_for(lambda: (n := departed.notebook(server))["phase"] == "STOPPED" and n, what="it is recorded")
    assert found["reason"] == departed.reason


def test_who_has_left_gets_in_by_no_door(departed: Departed) -> None:
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


@pytest.fixture(scope="module", params=["by an administrator", "by the provider"])
def left(request: pytest.FixtureRequest, platform: Platform, lab: Lab, shell_image: str) -> Iterator[Departed]:
    """Somebody in two groups, with a notebook in each, who has left one of them."""
    by_provider = request.param == "by the provider"
    name, losses = ("pia" if by_provider else "leo"), Losses()
    other = {"name": f"second-{name}", "user_quota": {"cpu": 4}}
    second = platform.call("POST", "/groups", other)["slug"]
    if by_provider:
        _provider_sign_in(platform, name, lab.group, second)
        token = _token_by_admin(platform, name)
    else:
        token = platform.add_person(name, lab.group, second)
    notebooks = {
        STUBBORN: start(platform, token, launch(lab, shell_image, STUBBORN, STUBBORN="1")),
        "stays": start(platform, token, {**launch(lab, shell_image, "stays"), "group": second}),
    }
    marker = f"654{len(request.param)}54321"
    shell(platform, name, f"nohup sh -c 'trap \"\" TERM; sleep {marker}' >/dev/null 2>&1 &", server=STUBBORN)
    own = shell(platform, name, 'printf %s "$JUPYTERHUB_API_TOKEN"', server=STUBBORN)
    with httpx.Client(trust_env=False) as client:
        events = Events(platform, client, as_token(token))
        connection = Connection(platform, f"/user/{name}/{STUBBORN}/ws")
        path = f"{platform.api}/groups/{lab.group}"
        probes: dict[str, Callable[[], bool]] = {
            "group": refused(path, token, 404),
            "members": refused(f"{path}/members", token, 404),
            "launch options": refused(f"{path}/launch-options", token, 404),
            "usage": refused(f"{path}/usage", token, 404),
            "notebook's token": refused(path, own),
            "notebook's token at the hub": refused(f"{platform.url}/hub/api/user", own),
            "connection": lambda: connection.gone,
            "shell": no_shell(platform, name, STUBBORN),
            "process": nobody_runs(marker),
            "quota": holds_nothing(platform, lab.group, name),
            "membership at the hub": not_in(platform, lab.group, name),
        }
        assert [what for what, gone in probes.items() if gone()] == [], "nothing is lost before"
        if by_provider:
            _provider_sign_in(platform, name, second)
        else:
            platform.call("DELETE", f"/groups/{lab.group}/members/{name}")
        losses.watch(probes, monotonic())
        # what happens in the group from now on is not theirs to know; what happens in the other still is
        since = len(events.lines)
        hidden = platform.call("POST", "/invitations", {"group": lab.group})
        shown = platform.call("POST", "/invitations", {"group": second})
        wait_for(lambda: shown["id"] in "\n".join(events.lines[since:]), 15, what="the other group's changes go on")
        losses.after["changes"] = float("inf") if hidden["id"] in "\n".join(events.lines) else 0.0
        losses.after["stream"] = 0.0 if not events.ended else float("inf")
        yield Departed(platform, name, losses, notebooks, "left the group")


def _provider_sign_in(platform: Platform, name: str, *groups: str) -> None:
    """What the hub tells the API after a sign-in at the provider."""
    token = (platform.data / "secrets" / "authenticator.token").read_text().strip()
    body = {"issuer": "https://idp.example", "subject": f"s-{name}", "username": name, "groups": list(groups)}
    platform.call("POST", "/accounts/provider-sign-in", body, token=token)


def _token_by_admin(platform: Platform, name: str) -> str:
    """A token of somebody who has no password here, once the hub knows them."""
    url = f"{platform.url}/hub/api/users/{name}/tokens"

    def made() -> str:
        headers = as_token(platform.admin_token)
        answer = httpx.post(url, json={"note": "test"}, headers=headers, trust_env=False, timeout=30)
        return str(answer.json()["token"]) if answer.status_code == 201 else ""

    return wait_for(made, 20, what="the hub has the user")


@pytest.mark.parametrize(
    "thing",
    [
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
    ],
)
def test_who_leaves_a_group_loses(left: Departed, thing: str) -> None:
    left.losses.check(thing)


def test_the_notebook_in_a_group_that_was_left_says_why_it_stopped(left: Departed) -> None:
    found = wait_for(lambda: (n := left.notebook(STUBBORN))["phase"] == "STOPPED" and n, what="it is recorded")
    assert found["reason"] == left.reason


def test_who_leaves_a_group_keeps_the_rest(left: Departed) -> None:
    left.losses.check("stream")
    assert left.notebook("stays")["phase"] == "RUNNING"
    assert shell(left.platform, left.name, "ls /project", server="stays").split() == [f"second-{left.name}"]


def test_who_has_left_a_group_starts_nothing_in_it(left: Departed, lab: Lab, shell_image: str) -> None:
    platform, name = left.platform, left.name
    token = _token_by_admin(platform, name)
    again = platform.call("POST", "/notebooks", launch(lab, shell_image, "again"), token=token, status=422)
    nowhere = platform.call(
        "POST", "/notebooks", {**launch(lab, shell_image, "again"), "group": "nowhere"}, token=token, status=422
    )
    assert again["detail"].replace(lab.group, "nowhere") == nowhere["detail"]
    url = f"{platform.url}/hub/api/users/{name}/servers/again"
    options = {"group": lab.group, "instance_type": lab.instance_type, "image": shell_image}
    answer = httpx.post(url, json={"user_options": options}, headers=as_token(token), trust_env=False, timeout=30)
    assert answer.status_code == 422
    assert API_PATH not in answer.text


@pytest.fixture(scope="module", params=["disabled", "no administrator any more"])
def visited(request: pytest.FixtureRequest, platform: Platform, lab: Lab) -> Iterator[Losses]:
    """What an administrator who was in somebody else's notebook has lost there."""
    name, losses = f"visitor-{len(request.param)}", Losses()
    token = platform.add_person(name)
    version = platform.call("GET", f"/users/{name}")["version"]
    version = platform.call("PATCH", f"/users/{name}", {"version": version, "platform_admin": True})["version"]
    server = f"/user/{lab.user}/{name}"
    notebook = start(platform, lab.token, launch(lab, lab.image, name))
    api = f"{platform.url}{server}/api"
    kernel = httpx.post(f"{api}/kernels", headers=as_token(token), json={}, trust_env=False, timeout=60).json()["id"]
    own = Connection(platform, f"{server}/api/kernels/{kernel}/channels", token=lab.token)
    connection = Connection(platform, f"{server}/api/kernels/{kernel}/channels", token=token)
    with closing(platform.sign_in(name, PASSWORD)) as browser:
        Portal(platform, browser)
        _enter(browser, f"{server}/lab")
        probes: dict[str, Callable[[], bool]] = {
            "the notebook with the token": lambda: status(f"{api}/status", token) != 200,
            "the notebook with the session": not_opened(browser, f"{server}/api/status"),
            "the kernel connection": lambda: connection.gone,
        }
        assert [what for what, gone in probes.items() if gone()] == [], "nothing is lost before"
        change = {"enabled": False} if request.param == "disabled" else {"platform_admin": False}
        platform.call("PATCH", f"/users/{name}", {"version": version, **change})
        losses.watch(probes, monotonic())
    losses.after["nothing of the owner's"] = 0.0 if not own.gone else float("inf")
    yield losses
    platform.call("DELETE", f"/notebooks/{notebook}", token=lab.token)


def _enter(browser: httpx.Client, path: str) -> None:
    """Open somebody else's notebook; the hub asks first."""
    page = browser.get(path, follow_redirects=True)
    form = {"_xsrf": xsrf_of(page.text), "scopes": re.findall(r'name="scopes"[^>]*value="([^"]+)"', page.text)}
    assert browser.post(str(page.url), data=form, follow_redirects=True).status_code == 200


@pytest.mark.parametrize("thing", ["the notebook with the token", "the notebook with the session"])
def test_an_administrator_who_ends_is_out_of_other_peoples_notebooks(visited: Losses, thing: str) -> None:
    visited.check(thing)


def test_an_administrator_who_ends_loses_connections_to_other_peoples_kernels(visited: Losses) -> None:
    visited.check("the kernel connection")
    visited.check("nothing of the owner's")
