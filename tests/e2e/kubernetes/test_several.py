"""Several pods of the services over PostgreSQL: whichever answers, and whichever is killed, nobody meets a difference."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.cluster import require_cluster
from tests.support.platform import PASSWORD, Lab, xsrf_of
from tests.support.scenarios import COUNTS, Jobs, counts_to_its_end
from tests.support.several import Several, several
from tests.support.waiting import wait_for

from .conftest import SMALL

pytestmark = [pytest.mark.e2e, pytest.mark.cluster, pytest.mark.postgres]
SEEN_S = 2.0
MOVED_S = 10.0


@pytest.fixture(scope="module")
def pods() -> Iterator[Several]:
    """The installation, and its pods."""
    require_cluster()
    with several() as found:
        yield found


@pytest.fixture(scope="module")
def jobs(pods: Several) -> Jobs:
    """The jobs of a member of a group."""
    installed = pods.installed
    group = str(installed.call("POST", "/groups", {"name": "several", "user_quota": {"cpu": 4}})["slug"])
    installed.call("POST", "/instance-types", SMALL)
    (image,) = installed.call("GET", "/images")["items"]
    lab = Lab(group, str(SMALL["name"]), image["slug"], "ann", installed.add_person("ann", group))
    return Jobs(installed, lab)


def changes(lines: Iterator[str]) -> Iterator[tuple[str, Any]]:
    """The names and data of an event stream's events, with their ids."""
    event = ""
    for line in lines:
        key, _, value = line.partition(": ")
        if key == "event":
            event = value
        elif key == "data":
            yield event, json.loads(value)


def test_somebody_signs_in_at_one_pod_and_is_signed_in_at_the_other(pods: Several, jobs: Jobs) -> None:
    with pods.browser() as browser:
        form = {"_xsrf": xsrf_of(browser.get("/hub/login").text), "username": "ann", "password": PASSWORD}
        browser.post("/hub/login", data=form)
        # each step of the sign-in to the portal comes to another pod, and so does what follows
        for _ in range(3):
            page = browser.get("/services/primehub/")
            assert (page.status_code, page.url.path) == (200, "/services/primehub/"), [*page.history, page, page.text]
            own = next(
                c.value or "" for c in browser.cookies.jar if (c.name, c.path) == ("_xsrf", "/services/primehub/")
            )
            script = {"Sec-Fetch-Mode": "cors", "Sec-Fetch-Site": "same-origin", "X-XSRFToken": own}
            me = browser.get("/services/primehub/api/v1/me", headers=script)
            assert me.status_code == 200, me.text
            assert me.json()["name"] == "ann"


def test_a_change_at_one_pod_is_seen_live_at_the_other(pods: Several, jobs: Jobs) -> None:
    first, second = pods.all_ready()
    for here, there in ((first, second), (second, first)):
        with pods.client(here) as asked, pods.client(there) as seen, seen.stream("GET", "/events") as stream:
            found = changes(stream.iter_lines())
            assert next(name for name, _ in found if name == "hello")
            began = time.monotonic()
            assert asked.post("/groups", json={"name": f"live-{here[-5:]}"}).is_success
            change = next(data for name, data in found if name == "change" and data["kind"] == "group")
            took = time.monotonic() - began
            print(f"\nseen at the other pod {took:.2f} s after it was asked for")
            assert took < SEEN_S
            assert change["action"] == "create"


def moved(pods: Several, was: str, began: float) -> float:
    """Seconds until another pod than the one that led leads."""
    wait_for(lambda: pods.leader() not in ("", was), 4 * MOVED_S, what="another pod leads")
    return time.monotonic() - began


def leads(pods: Several) -> str:
    """The pod that leads now, of all of them."""
    pods.all_ready()
    return wait_for(pods.leader, MOVED_S, what="one leads")


def all_once(jobs: Jobs, ids: list[str]) -> None:
    """Each has succeeded in one attempt, whose command ran once."""
    for number, job in enumerate(ids):
        ended = jobs.ended(job)
        assert (ended["phase"], len(ended["attempts"])) == ("SUCCEEDED", 1), ended
        assert jobs.log(job) == f"ran {number}\n"


def test_the_leaders_pod_is_killed_while_jobs_run_and_the_other_goes_on(pods: Several, jobs: Jobs) -> None:
    job = jobs.submit(COUNTS)
    wait_for(lambda: "line 5\n" in jobs.log(job), 90, what="the job counts")
    was = leads(pods)
    waiting = [jobs.submit(f"echo ran {number}") for number in range(3)]
    began = time.monotonic()
    pods.installed.kubectl("delete", "pod", was, "--force", "--grace-period=0", "--wait=false")
    took = moved(pods, was, began)
    print(f"\nanother pod leads {took:.1f} s after the leader's was killed")
    assert took < MOVED_S
    counts_to_its_end(jobs, job)
    all_once(jobs, waiting)


def test_a_leader_that_is_cut_off_from_the_database_is_followed_by_the_other(pods: Several, jobs: Jobs) -> None:
    was = leads(pods)
    job = jobs.submit(COUNTS)
    wait_for(lambda: "line 5\n" in jobs.log(job), 90, what="the job counts")
    waiting = [jobs.submit(f"echo ran {number}") for number in range(3)]
    began = time.monotonic()
    pods.way.cut(pods.pods()[was])
    try:
        took = moved(pods, was, began)
        print(f"\nanother pod leads {took:.1f} s after the leader was cut off")
        assert took < MOVED_S
    finally:
        pods.way.mend()
    counts_to_its_end(jobs, job)
    all_once(jobs, waiting)
