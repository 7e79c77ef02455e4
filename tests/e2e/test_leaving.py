"""Whoever is disabled, deleted or out of a group loses within ten seconds all that they hold there.

Everything that a person can hold is open and in use when they leave; it is watched all at once, and each test looks at
one of the things.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from functools import partial
from time import monotonic

import httpx
import pytest

from tests.support import leaving
from tests.support.leaving import ACCOUNT_ENDS, ACCOUNT_LOSES, GROUP_LOSES, Departed, Probes, launch, not_opened, start
from tests.support.losses import Connection, Losses, Portal, as_token, status
from tests.support.names import unique
from tests.support.platform import PASSWORD, Lab, Platform, xsrf_of
from tests.support.shell_notebook import shell_environment
from tests.support.turns import alone

__all__ = ["shell_environment"]
pytestmark = [pytest.mark.e2e, pytest.mark.sandbox, pytest.mark.timeout(1800)]


@pytest.fixture(scope="module")
def shell_image(platform: Platform, lab: Lab, shell_environment: str) -> str:
    """An image whose server is a terminal."""
    return platform.add_image(shell_environment, unique("shell"))


@pytest.fixture(scope="module", params=ACCOUNT_ENDS)
def departed(request: pytest.FixtureRequest, platform: Platform, lab: Lab, shell_image: str) -> Iterator[Departed]:
    """Somebody whose account ended."""
    story = partial(leaving.account_that_ends, platform, lab, shell_image, request.param)
    with leaving.once_more_if_late(story, lambda found: [found.losses]) as found:
        yield found


@pytest.mark.parametrize("thing", ACCOUNT_LOSES)
def test_an_account_that_ends_loses(departed: Departed, thing: str) -> None:
    departed.losses.check(thing)


def test_what_ran_of_an_account_that_ends_says_why_it_stopped(departed: Departed) -> None:
    leaving.everything_says_why_it_ended(departed)


def test_who_has_left_gets_in_by_no_door(departed: Departed) -> None:
    leaving.gets_in_by_no_door(departed)


@pytest.fixture(scope="module", params=["by an administrator", "by the provider"])
def left(request: pytest.FixtureRequest, platform: Platform, lab: Lab, shell_image: str) -> Iterator[Departed]:
    """Somebody who has left one of two groups."""
    by_provider = request.param == "by the provider"
    name, provider = ("pia", partial(leaving.provider_sign_in, platform)) if by_provider else ("leo", None)

    def story() -> AbstractContextManager[Departed]:
        return leaving.member_who_leaves(platform, lab, shell_image, unique(name), provider=provider)

    with leaving.once_more_if_late(story, lambda found: [found.losses]) as found:
        yield found


@pytest.mark.parametrize("thing", GROUP_LOSES)
def test_who_leaves_a_group_loses(left: Departed, thing: str) -> None:
    left.losses.check(thing)


def test_who_leaves_a_group_keeps_the_rest(left: Departed) -> None:
    leaving.keeps_the_rest(left)


def test_who_has_left_a_group_starts_nothing_in_it(left: Departed, lab: Lab, shell_image: str) -> None:
    leaving.starts_nothing_there(left, lab, shell_image)


@pytest.fixture(scope="module", params=["disabled", "no administrator any more"])
def visited(request: pytest.FixtureRequest, platform: Platform, lab: Lab) -> Iterator[Losses]:
    """What an administrator who was in somebody else's notebook has lost there."""
    story = partial(visitor_who_ends, platform, lab, request.param)
    with leaving.once_more_if_late(story, lambda found: [found]) as found:
        yield found


@contextmanager
def visitor_who_ends(platform: Platform, lab: Lab, how: str) -> Iterator[Losses]:
    """An administrator in somebody else's notebook, who is disabled, or no administrator any more."""
    name, losses = unique("visitor"), Losses()
    token = platform.add_person(name)
    version = platform.call("GET", f"/users/{name}")["version"]
    version = platform.call("PATCH", f"/users/{name}", {"version": version, "platform_admin": True})["version"]
    server = f"/user/{lab.user}/{name}"
    (notebook,) = start(platform, lab.token, launch(lab, lab.image, name))
    api = f"{platform.url}{server}/api"
    kernel = httpx.post(f"{api}/kernels", headers=as_token(token), json={}, trust_env=False, timeout=60).json()["id"]
    own = Connection(platform, f"{server}/api/kernels/{kernel}/channels", token=lab.token)
    connection = Connection(platform, f"{server}/api/kernels/{kernel}/channels", token=token)
    with closing(platform.sign_in(name, PASSWORD)) as browser:
        Portal(platform, browser)
        _enter(browser, f"{server}/lab")
        probes: Probes = {
            "the notebook with the token": lambda: status(f"{api}/status", token) != 200,
            "the notebook with the session": not_opened(browser, f"{server}/api/status"),
            "the kernel connection": lambda: connection.gone,
        }
        change = {"enabled": False} if how == "disabled" else {"platform_admin": False}
        with alone():
            losses.nothing_yet(probes)
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
