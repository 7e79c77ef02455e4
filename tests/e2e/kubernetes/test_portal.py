"""The pages on an installation, by the very steps of the platform on one machine: from the administrator's link to a result."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.e2e import portal_steps
from tests.e2e.lab_steps import Server, sends_a_notebook_watches_it_and_opens_its_result
from tests.e2e.portal_browser import chromium
from tests.e2e.portal_steps import SOON, opened
from tests.support.cluster import quota_of
from tests.support.installed import Installed
from tests.support.jupyterlab import notebook
from tests.support.names import unique
from tests.support.platform import PASSWORD, Lab
from tests.support.scenarios import Jobs
from tests.support.waiting import wait_for

pytestmark = [pytest.mark.browser, pytest.mark.e2e, pytest.mark.cluster]
NO_NODE: dict[str, tuple[dict[str, Any], str]] = {
    "graphics": ({"gpu_limit": 1, "cpu_limit": 0.5}, "too little free GPUs"),
    "giant": ({"cpu_limit": 500, "cpu_request": 500}, "too little free CPU"),
}
"""Sizes that no node has, and what people are told of them."""
TOLD_MS = 2_000
"""Milliseconds in which a page says what the API says."""
SMALL = {"cpu_limit": 0.5, "memory_limit": "1Gi", "cpu_request": 0.1, "memory_request": "64Mi"}


@pytest.fixture(scope="module")
def browser(installed: Installed) -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def admin(browser: Browser, installed: Installed) -> Iterator[Page]:
    """A page of an administrator who got in by the link that the notes of the chart tell of."""
    boss = unique("boss")
    installed.call("POST", "/users", {"name": boss})
    version = installed.call("GET", f"/users/{boss}")["version"]
    installed.call("PATCH", f"/users/{boss}", {"version": version, "platform_admin": True})
    with closing(portal_steps.signed_in_by_link(browser, installed, installed.sign_in_link(boss))) as context:
        yield context.new_page()


@dataclass(frozen=True)
class Joined:
    """Somebody in two groups, and their browser."""

    name: str
    group: str
    other: str
    context: BrowserContext


@pytest.fixture(scope="module")
def joined(browser: Browser, installed: Installed, admin: Page) -> Iterator[Joined]:
    """Somebody who joined a new group by the administrator's link, and is in another one too."""
    name, group, other = unique("lea"), unique("studio"), unique("elsewhere-too")
    portal_steps.makes_a_group(admin, group, 4)
    link = portal_steps.invites(admin, group)
    with closing(portal_steps.joined(browser, installed, link, name)) as context:
        installed.call("POST", "/groups", {"name": other})
        installed.call("PUT", f"/groups/{other}/members/{name}", {"role": "member"})
        yield Joined(name, group, other, context)


@pytest.fixture(scope="module")
def lab(installed: Installed, lab: Lab, joined: Joined) -> Lab:
    """What the person starts: the image that everybody here does."""
    small = unique("lab-small")
    installed.call("POST", "/instance-types", {"name": small, **SMALL})
    return Lab(joined.group, small, lab.image, joined.name, installed.token(joined.name, PASSWORD))


@pytest.fixture(scope="module")
def started(installed: Installed, joined: Joined, lab: Lab) -> Iterator[tuple[Page, Page]]:
    """The page on which the person started a notebook, in the group that they chose there; and JupyterLab."""
    chosen = f"instancetype={lab.instance_type}&image={lab.image}"
    page = opened(joined.context, f"/g/{joined.other}/notebooks")
    portal_steps.chooses_group(page, joined.group)
    page.goto(f"{portal_steps.ROOT}/g/{joined.group}/notebooks?{chosen}")
    expect(page.get_by_role("heading", name="Would start now")).to_be_visible(timeout=SOON)
    try:
        yield page, portal_steps.started(page)
    finally:
        installed.end_notebooks(joined.name)


@pytest.fixture(scope="module")
def server(installed: Installed, lab: Lab, started: tuple[Page, Page]) -> Server:
    """The notebook that runs."""
    return Server(installed, lab, started[1])


def test_an_administrator_sees_what_the_platform_runs_on_and_that_it_works(admin: Page) -> None:
    portal_steps.sees_health(admin, "a Kubernetes cluster")


def test_what_an_operator_applies_for_a_folder_of_the_nodes_is_on_the_page_of_its_volume(
    admin: Page, installed: Installed
) -> None:
    body = {"name": unique("share"), "source": {"type": "hostPath", "path": "/srv/share"}}
    volume = installed.call("POST", "/volumes", body)["slug"]
    try:
        with closing(opened(admin.context, f"/admin/volumes/{volume}")) as page:
            shown = page.get_by_label("To bind it")
            expect(shown).to_contain_text("kind: PersistentVolumeClaim", timeout=SOON)
            said = installed.kubectl("apply", "--dry-run=server", "-f", "-", given=shown.inner_text())
        assert f"persistentvolumeclaim/dataset-{volume} created" in said
    finally:
        installed.call("DELETE", f"/volumes/{volume}")


def test_who_is_no_administrator_is_told_who_may_at_their_addresses(joined: Joined) -> None:
    with closing(joined.context.new_page()) as page:
        portal_steps.is_told_who_may(page, "groups", f"users/{joined.name}", "settings")


def test_a_notebook_is_started_with_progress_and_its_kernel_answers(server: Server) -> None:
    server.write("cell.ipynb", notebook("1 + 1"))
    server.open("cell.ipynb")
    expect(portal_steps.ran_cell(server.page)).to_have_text("2", timeout=60_000)


def test_it_is_seen_running_by_its_owner_and_by_the_administrator(
    started: tuple[Page, Page], admin: Page, joined: Joined
) -> None:
    page, _ = started
    page.bring_to_front()
    expect(page.get_by_role("button", name="Stop notebook")).to_be_visible(timeout=SOON)
    expect(page.get_by_text("ServerApp").first).to_be_visible(timeout=SOON)
    portal_steps.sees_usage(admin, joined.group, joined.name)


def test_a_notebook_is_sent_watched_and_its_result_opened_beside_it(server: Server) -> None:
    sends_a_notebook_watches_it_and_opens_its_result(server)


def test_a_job_is_submitted_watched_and_its_results_looked_at(joined: Joined, lab: Lab) -> None:
    with closing(joined.context.new_page()) as page:
        portal_steps.submits_a_job_watches_it_and_looks_at_its_results(page, joined.group, lambda _: None)


def test_a_recurring_job_is_made_read_back_run_and_paused(joined: Joined, lab: Lab) -> None:
    with closing(joined.context.new_page()) as page:
        portal_steps.makes_a_recurring_job_runs_and_pauses_it(page, joined.group, lambda _: None)


def test_the_notebook_is_stopped(started: tuple[Page, Page]) -> None:
    page, _ = started
    page.bring_to_front()
    portal_steps.stop(page)


# -- what no node takes


@dataclass(frozen=True)
class Waits(Lab):
    """Somebody in a group whose quotas allow sizes that no node has."""

    sizes: dict[str, str]
    """What those of ``NO_NODE`` are called."""


@pytest.fixture
def waits(installed: Installed, lab: Lab) -> Iterator[Waits]:
    """They, and nothing in their group; what a test starts there is ended."""
    nothing = {"cpu": None, "memory": None, "gpu": None}
    made = installed.call("POST", "/groups", {"name": unique("Waits"), "user_quota": nothing, "group_quota": nothing})
    group, user, sizes = str(made["slug"]), unique("wim"), {name: unique(name) for name in NO_NODE}
    for name, (size, _) in NO_NODE.items():
        more = {"memory_limit": "256Mi", "all_groups": False, "groups": [group]}
        installed.call("POST", "/instance-types", {"name": sizes[name], **size, **more})
    token = installed.add_person(user, group)
    yield Waits(group, lab.instance_type, lab.image, user, token, sizes)
    installed.end_notebooks(user)
    for job in installed.call("GET", f"/jobs?group={group}")["items"]:
        installed.call("POST", f"/jobs/{job['id']}/cancel")


@pytest.fixture
def at(browser: Browser, installed: Installed, waits: Waits) -> Iterator[Callable[[str], Page]]:
    """Opens a page of theirs."""
    with closing(portal_steps.signed_in(browser, installed, waits.user)) as context:
        yield partial(opened, context)


def say_the_same(page: Page, installed: Installed, lab: Lab, path: str, text: str, *commands: str) -> None:
    """The API, the page that is open and was not loaded anew, and these commands: in one sentence with this text."""

    def told() -> str:
        now = installed.call("GET", path, token=lab.token)
        said = [now.get("message", ""), *(event["message"] for event in now.get("events", ()))]
        return next((sentence for sentence in said if text in sentence), "")

    sentence = wait_for(told, 60, what="the API says it")
    expect(page.get_by_text(sentence)).to_be_visible(timeout=TOLD_MS)
    assert page.evaluate("window.loadedOnce") is True
    for command in commands:
        done = installed.cli(*command.split(), token=lab.token)
        assert sentence in done.stdout, f"{command}: {done.stdout}{done.stderr}"


@pytest.mark.alone
def test_why_a_job_waits_for_the_cluster_is_read_in_its_page_and_by_the_command(
    installed: Installed, waits: Waits, at: Callable[[str], Page]
) -> None:
    page = at(f"/g/{waits.group}/jobs")
    expect(page.get_by_text("No jobs in this group yet")).to_be_visible(timeout=SOON)
    page.evaluate("window.loadedOnce = true")
    name = unique("draws")
    job = Jobs(installed, waits).submit("true", name=name, instance_type=waits.sizes["graphics"])
    page.get_by_role("link", name=name).click(timeout=SOON)
    commands = f"jobs get {job}", f"jobs list --group {waits.group}"
    say_the_same(page, installed, waits, f"/jobs/{job}", NO_NODE["graphics"][1], *commands)
    page.get_by_role("button", name="Cancel job").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel job").click()
    expect(page.get_by_role("status").get_by_text("Cancelled")).to_be_visible(timeout=SOON)


@pytest.mark.alone
def test_why_a_notebook_waits_for_the_cluster_is_read_in_its_page_and_by_the_command(
    installed: Installed, waits: Waits, at: Callable[[str], Page]
) -> None:
    page = at(f"/g/{waits.group}/notebooks?instancetype={waits.sizes['giant']}&image={waits.image}")
    expect(page.get_by_role("heading", name="Would start now")).to_be_visible(timeout=SOON)
    page.evaluate("window.loadedOnce = true")
    page.get_by_role("button", name="Start notebook").first.click()
    expect(page.get_by_role("button", name="Cancel start")).to_be_visible(timeout=SOON)
    (found,) = installed.call("GET", f"/notebooks?user={waits.user}&active=true", token=waits.token)["items"]
    commands = f"notebooks status {found['id']}", f"notebooks list --group {waits.group}"
    say_the_same(page, installed, waits, f"/notebooks/{found['id']}", NO_NODE["giant"][1], *commands)
    page.get_by_role("button", name="Cancel start").click()
    expect(page.get_by_role("heading", name="Start a notebook")).to_be_visible(timeout=SOON)


@pytest.fixture
def missing(installed: Installed) -> Iterator[str]:
    """A claim that a volume of everybody's names, and nobody made."""
    claim, source = "nobody-made-it", {"type": "pvc", "claim": "nobody-made-it"}
    body = {"name": unique("unbound"), "source": source, "all_groups": True}
    volume = installed.call("POST", "/volumes", body)["slug"]
    yield claim
    installed.call("DELETE", f"/volumes/{volume}")


@pytest.mark.alone
def test_a_quota_that_an_operator_sets_and_a_claim_that_is_missing_are_read_in_pages_and_by_the_command(
    installed: Installed, waits: Waits, at: Callable[[str], Page], missing: str
) -> None:
    full, small = "The cluster's quota team would be exceeded", waits.instance_type
    installed.kubectl("apply", "-f", "-", given=json.dumps(quota_of(limits_memory="100Mi")))
    try:
        page = at(f"/g/{waits.group}/jobs")
        page.evaluate("window.loadedOnce = true")
        job = Jobs(installed, waits).submit("true", name="counted", instance_type=small)
        page.get_by_role("link", name="counted").click(timeout=SOON)
        commands = f"jobs get {job}", f"jobs list --group {waits.group}"
        say_the_same(page, installed, waits, f"/jobs/{job}", full, *commands)

        start = page.context.new_page()
        start.goto(f"{portal_steps.ROOT}/g/{waits.group}/notebooks?instancetype={small}&image={waits.image}")
        expect(start.get_by_text(f"claim {missing} is not in the cluster").first).to_be_visible(timeout=SOON)
        options = installed.cli("notebooks", "options", "--group", waits.group, token=waits.token)
        assert f"claim {missing} is not in the cluster" in options.stdout
        start.evaluate("window.loadedOnce = true")
        start.get_by_role("button", name="Start notebook").first.click()
        expect(start.get_by_role("button", name="Cancel start")).to_be_visible(timeout=SOON)
        (found,) = installed.call("GET", f"/notebooks?user={waits.user}&active=true", token=waits.token)["items"]
        commands = f"notebooks status {found['id']}", f"notebooks list --group {waits.group}"
        say_the_same(start, installed, waits, f"/notebooks/{found['id']}", full, *commands)
        start.get_by_role("button", name="Cancel start").click()
        expect(start.get_by_role("heading", name="Start a notebook")).to_be_visible(timeout=SOON)
    finally:
        installed.kubectl("delete", "quota", "team")
    page.bring_to_front()
    expect(page.get_by_role("status").get_by_text("Succeeded")).to_be_visible(timeout=120_000)
