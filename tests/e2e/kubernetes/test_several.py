"""Several pods of the services over PostgreSQL: whichever answers, and whichever is killed, nobody meets a difference."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.support.beside import asks_by_shell
from tests.support.cluster import own_address, require_cluster
from tests.support.git_ssh import new_key, private_text, ssh_server
from tests.support.installed import NAME, are_next, restarts
from tests.support.names import unique
from tests.support.platform import PASSWORD, STARTS_IN, Lab, asked_by_portal, xsrf_of
from tests.support.repository import Repository
from tests.support.scenarios import COUNTS, Jobs, counts_to_its_end
from tests.support.several import PODS, Several, several
from tests.support.waiting import wait_for

from .conftest import SMALL

pytestmark = [pytest.mark.e2e, pytest.mark.cluster, pytest.mark.postgres, pytest.mark.xdist_group("several")]
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
    small, user = unique("small"), unique("ann")
    group = str(installed.call("POST", "/groups", {"name": unique("several"), "user_quota": {"cpu": 4}})["slug"])
    installed.call("POST", "/instance-types", {**SMALL, "name": small})
    (image,) = installed.call("GET", "/images")["items"]
    lab = Lab(group, small, image["slug"], user, installed.add_person(user, group))
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


def made_nothing_twice(pods: Several, pod: dict[str, Any], record_property: Callable[[str, object], None]) -> None:
    """A pod of the services, which began anew once at most: the database may have been too busy to take it."""
    logs = ["logs", pod["metadata"]["name"]]
    said = [pods.installed.kubectl(*logs)]
    (began_anew,) = restarts([pod])
    if began_anew:
        said.append(pods.installed.kubectl(*logs, "--previous"))
        record_property("what a pod said before it began anew", said[-1][-1000:])
    for made_twice in ("DuplicateTable", "DuplicateObject", "UniqueViolation"):
        assert not any(made_twice in log for log in said), said


def test_pods_that_begin_at_once_over_an_empty_database_make_its_tables_once(
    pods: Several, record_property: Callable[[str, object], None]
) -> None:
    assert len(pods.all_ready()) == PODS
    for pod in pods.installed.parts("services"):
        made_nothing_twice(pods, pod, record_property)


def test_somebody_signs_in_at_one_pod_and_is_signed_in_at_the_other(pods: Several, jobs: Jobs) -> None:
    with pods.browser() as browser:
        form = {"_xsrf": xsrf_of(browser.get("/hub/login").text), "username": jobs.lab.user, "password": PASSWORD}
        browser.post("/hub/login", data=form)
        # each step of the sign-in to the portal comes to another pod, and so does what follows
        for _ in range(3):
            page = browser.get("/services/primehub/")
            assert (page.status_code, page.url.path) == (200, "/services/primehub/"), [*page.history, page, page.text]
            assert asked_by_portal(browser, "/me")["name"] == jobs.lab.user


@pytest.mark.alone
def test_a_change_at_one_pod_is_seen_live_at_the_other(pods: Several, jobs: Jobs) -> None:
    first, second = pods.all_ready()
    for here, there in ((first, second), (second, first)):
        with pods.client(here) as asked, pods.client(there) as seen, seen.stream("GET", "/events") as stream:
            found = changes(stream.iter_lines())
            assert next(name for name, _ in found if name == "hello")
            began = time.monotonic()
            assert asked.post("/groups", json={"name": unique("live")}).is_success
            change = next(data for name, data in found if name == "change" and data["kind"] == "group")
            took = time.monotonic() - began
            print(f"\nseen at the other pod {took:.2f} s after it was asked for")
            assert took < SEEN_S
            assert change["action"] == "create"


@pytest.fixture
def afterwards() -> Iterator[ExitStack]:
    """What is to be done after a test."""
    with ExitStack() as stack:
        yield stack


def test_a_repository_is_fetched_over_ssh_by_a_pod_that_reaches_its_server_and_nothing_of_the_platform(
    pods: Several, jobs: Jobs, tmp_path: Path, afterwards: ExitStack
) -> None:
    installed, person, own, address = pods.installed, new_key(), new_key(), own_address()
    repository = Repository(tmp_path / "team")
    first = repository.commit(a_txt="one\n")
    asked, answered = threading.Event(), threading.Event()

    def hold() -> None:
        asked.set()
        answered.wait(60)

    with ssh_server(repository, person, own, address=address, port=pods.git_port, asked=hold) as (url, port):
        secret = installed.call(
            "POST", "/secrets", {"name": unique("deploy-key"), "kind": "git", "value": private_text(person)}
        )["name"]
        source = {"type": "git", "url": url, "secret": secret}
        given = [{"group": jobs.lab.group}]
        made = {"name": unique("over-ssh"), "source": source, "groups": given}
        volume = installed.call("POST", "/volumes", made)
        path = f"/volumes/{volume['slug']}"
        afterwards.callback(installed.call, "DELETE", path)
        try:
            assert asked.wait(STARTS_IN), installed.state_of_pods()
            fetches = f"pod/{installed.pod_of('git-fetch')['metadata']['name']}"
            server = (address, port)
            others = [(address, pods.way.port), (f"{NAME}-hub", 8081), (f"{NAME}-services", 8092)]
            others += [(f"{NAME}-proxy-api", 8001), (f"{NAME}-gateway", 8093), ("kubernetes.default.svc", 443)]
            reached = installed.kubectl("exec", fetches, "--", "bash", "-c", asks_by_shell([server, *others]))
        finally:
            answered.set()
        assert reached.split() == [f"{address}:{port}"]
        fetched = wait_for(lambda: installed.call("GET", path)["content"], STARTS_IN, what="it is fetched")
        assert fetched["commit"] == first
        job = jobs.submit(f"cat /datasets/{volume['slug']}/a.txt")
        assert jobs.ended(job)["phase"] == "SUCCEEDED"
        assert jobs.log(job) == "one\n"

    repository.commit("next", a_txt="two\n")
    with ssh_server(repository, person, new_key("ecdsa-sha2-nistp256"), address=address, port=port):
        version = installed.call("GET", path)["version"]
        installed.call("PATCH", path, {"version": version, "source": source | {"ref": "next"}})
        wait_for(lambda: "another key" in installed.call("GET", path)["message"], STARTS_IN, what="it is refused")
    left = ("get", "jobs,secrets", "-l", "primehub.io/kind=git-fetch", "-o", "name")
    wait_for(lambda: not installed.kubectl(*left).strip(), STARTS_IN, what="nothing of the fetches is left")


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


@pytest.mark.alone
def test_the_leaders_pod_is_killed_while_jobs_run_and_the_other_goes_on(pods: Several, jobs: Jobs) -> None:
    job = jobs.submit(COUNTS)
    wait_for(lambda: "line 5\n" in jobs.log(job), STARTS_IN, what="the job counts")
    was = leads(pods)
    waiting = [jobs.submit(f"echo ran {number}") for number in range(3)]
    began = time.monotonic()
    pods.installed.kubectl("delete", "pod", was, "--force", "--grace-period=0", "--wait=false")
    took = moved(pods, was, began)
    print(f"\nanother pod leads {took:.1f} s after the leader's was killed")
    assert took < MOVED_S
    counts_to_its_end(jobs, job)
    all_once(jobs, waiting)


@pytest.mark.alone
def test_a_leader_that_is_cut_off_from_the_database_is_followed_by_the_other(pods: Several, jobs: Jobs) -> None:
    was = leads(pods)
    job = jobs.submit(COUNTS)
    wait_for(lambda: "line 5\n" in jobs.log(job), STARTS_IN, what="the job counts")
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


def test_an_upgrade_migrates_the_database_once_while_jobs_run_and_pods_of_both_versions_work(
    pods: Several, jobs: Jobs, record_property: Callable[[str, object], None]
) -> None:
    job = jobs.submit(COUNTS)
    wait_for(lambda: "line 5\n" in jobs.log(job), STARTS_IN, what="the job counts")
    pods.installed.to_the_next_version()
    names = pods.all_ready()
    assert pods.revision() == "next"
    found = [pod for pod in pods.installed.parts("services") if pod["metadata"]["name"] in names]
    assert are_next(found)
    assert max(restarts(found)) <= 1
    for pod in found:
        made_nothing_twice(pods, pod, record_property)
    counts_to_its_end(jobs, job)
    all_once(jobs, [jobs.submit("echo ran 0")])
