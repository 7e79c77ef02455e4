"""Who gets in, who leaves, who is outside, and who gets a place, in the very steps of the platform on one machine."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from functools import partial

import pytest

from tests.support import culling, leaving, outsiders, secrecy, storm
from tests.support.cluster import cluster_image
from tests.support.installed import Installed
from tests.support.leaving import ACCOUNT_ENDS, ACCOUNT_LOSES, GROUP_LOSES, Departed
from tests.support.losses import Losses
from tests.support.names import unique
from tests.support.outsiders import ACTORS, HUB_PAGES, HUB_PATHS, World
from tests.support.platform import Lab
from tests.support.secrecy import OWN, VARIABLE, Day
from tests.support.storm import Storm

pytestmark = [pytest.mark.e2e, pytest.mark.cluster, pytest.mark.timeout(1800)]
PEOPLE, PLACES = 40, 5
"""Fewer than on one machine: who decides is the same code, and each place is a pod here."""
OUTSIDER = "admin of another group"
"""Who may most of all that are outside: what the API tells the others is tried on one machine."""


@pytest.fixture(scope="module", autouse=True)
def idle(installed: Installed, lab: Lab) -> Iterator[Callable[[], None]]:
    """A notebook that nobody uses, which is watched while the other tests run: its story is mostly waiting.

    What is given waits for its end; asked once more, for that of another one.
    """
    story = culling.an_idle_notebook_ends_unless_it_works_or_is_kept
    with ThreadPoolExecutor(1) as beside:

        def begin() -> Future[None]:
            return beside.submit(lambda: asyncio.run(story(culling.somebody_idle(installed), lab.image)))

        begun = [begin()]
        yield lambda: (begun.pop() if begun else begin()).result()


@pytest.fixture(scope="module")
def shell_image(installed: Installed) -> str:
    """An image whose server is a terminal."""
    return installed.add_image(cluster_image("test/shell"), unique("shell"))


# -- who leaves


def all_losses(found: dict[str, Departed]) -> list[Losses]:
    """What each of them has lost."""
    return [departed.losses for departed in found.values()]


@pytest.fixture(scope="module")
def accounts(installed: Installed, lab: Lab, shell_image: str) -> Iterator[dict[str, Departed]]:
    """People whose accounts ended, all at once."""

    def story() -> AbstractContextManager[dict[str, Departed]]:
        ends = {how: leaving.account_that_ends(installed, lab, shell_image, how) for how in ACCOUNT_ENDS}
        return leaving.at_once(**ends)

    with leaving.once_more_if_late(story, all_losses) as found:
        yield found


@pytest.fixture(params=ACCOUNT_ENDS)
def departed(request: pytest.FixtureRequest, accounts: dict[str, Departed]) -> Departed:
    """One of them."""
    return accounts[request.param]


@pytest.mark.parametrize("thing", ACCOUNT_LOSES)
def test_an_account_that_ends_loses(departed: Departed, thing: str) -> None:
    departed.losses.check(thing)


def test_what_ran_of_an_account_that_ends_says_why_it_stopped(departed: Departed) -> None:
    leaving.everything_says_why_it_ended(departed)


def test_who_has_left_gets_in_by_no_door(departed: Departed) -> None:
    leaving.gets_in_by_no_door(departed)


@pytest.fixture(scope="module")
def members(installed: Installed, lab: Lab, shell_image: str) -> Iterator[dict[str, Departed]]:
    """People who have left one of two groups, both at once."""
    leaves = partial(leaving.member_who_leaves, installed, lab, shell_image)
    told = partial(leaving.provider_sign_in, installed)

    def story() -> AbstractContextManager[dict[str, Departed]]:
        return leaving.at_once(administrator=leaves(unique("leo")), provider=leaves(unique("pia"), provider=told))

    with leaving.once_more_if_late(story, all_losses) as found:
        yield found


@pytest.fixture(params=["administrator", "provider"])
def left(request: pytest.FixtureRequest, members: dict[str, Departed]) -> Departed:
    """The one whom an administrator took out, and the one whom the provider did."""
    return members[request.param]


@pytest.mark.parametrize("thing", GROUP_LOSES)
def test_who_leaves_a_group_loses(left: Departed, thing: str) -> None:
    left.losses.check(thing)


def test_who_leaves_a_group_keeps_the_rest(left: Departed) -> None:
    leaving.keeps_the_rest(left)


def test_who_has_left_a_group_starts_nothing_in_it(left: Departed, lab: Lab, shell_image: str) -> None:
    leaving.starts_nothing_there(left, lab, shell_image)


# -- who is outside


@pytest.fixture(scope="module")
def world(installed: Installed, lab: Lab) -> Iterator[World]:
    """Everything is made once; the tests only look."""
    made = outsiders.make_world(installed, lab, cluster_image("test/shell"))
    yield made
    made.end()


def test_no_route_says_whether_something_is_there(world: World) -> None:
    outsiders.no_route_says_whether_something_is_there(world, OUTSIDER)


@pytest.mark.parametrize("actor", ACTORS[:3])
def test_an_open_stream_tells_nothing_of_the_group_and_no_log(world: World, actor: str) -> None:
    outsiders.an_open_stream_tells_nothing_of_the_group_and_no_log(world, actor)


@pytest.mark.parametrize("path", HUB_PATHS)
def test_the_hubs_api_tells_an_outsider_nothing(world: World, path: str) -> None:
    outsiders.the_hubs_api_tells_an_outsider_nothing(world, OUTSIDER, path)


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
    outsiders.a_terminal_reaches_no_port_but_the_hubs_and_the_apis(world)


def test_a_notebooks_token_can_neither_make_tokens_nor_act_on_servers(world: World) -> None:
    outsiders.a_notebooks_token_can_neither_make_tokens_nor_act_on_servers(world)


# -- what nobody may read


@pytest.fixture(scope="module")
def day(installed: Installed, lab: Lab, shell_image: str) -> Iterator[Day]:
    """Somebody joins, mistypes, gets a new password, signs in everywhere and starts a notebook that goes on."""
    with secrecy.a_day(installed, lab, shell_image) as seen:
        yield seen


def test_no_secret_is_in_a_log_or_in_what_the_cluster_tells(day: Day) -> None:
    secrecy.no_secret_is_in_a_log(day)


def test_no_address_in_a_log_holds_a_code_or_a_token(day: Day) -> None:
    secrecy.no_address_in_a_log_holds_a_code_or_a_token(day)


def test_no_secret_is_on_a_command_line(day: Day) -> None:
    secrecy.no_secret_is_on_a_command_line(day)


def test_the_hubs_database_and_options_hold_no_secret(day: Day) -> None:
    secrecy.the_hubs_database_and_options_hold_no_secret(day)


def test_the_platforms_database_holds_digests_and_ciphertexts(day: Day) -> None:
    secrecy.the_platforms_database_holds_digests_and_ciphertexts(day)


def test_a_terminal_finds_no_secret_but_its_own(day: Day) -> None:
    secrecy.a_terminal_finds_no_secret_but_its_own(day)


def test_the_pod_of_a_notebook_tells_the_cluster_no_secret_but_its_own(installed: Installed, day: Day) -> None:
    told = json.dumps(installed.pod_of("notebook", start=day.start_id))
    assert VARIABLE in told, "who may look at pods may read what they are given: that is a right of operators"
    assert set(day.found_in(told)) <= OWN


# -- who gets a place


@pytest.fixture(scope="module")
def everybody(installed: Installed, shell_image: str) -> Storm:
    """More people than there are places."""
    return asyncio.run(storm.gather(installed, shell_image, PEOPLE))


async def test_many_starts_at_once_give_as_many_notebooks_as_the_quota_holds(everybody: Storm) -> None:
    await storm.as_many_run_as_the_quota_holds(everybody, PLACES)


def test_an_idle_notebook_ends_after_a_warning_unless_it_works_or_is_kept(idle: Callable[[], None]) -> None:
    idle()
