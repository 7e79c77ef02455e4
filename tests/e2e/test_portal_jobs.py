"""Jobs in the portal, on the real platform: submitted, waiting, read live, looked at, cancelled, by a clock."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e import portal_steps
from tests.e2e.portal_browser import sound
from tests.e2e.portal_steps import ROOT, SOON, signed_in
from tests.support.names import unique
from tests.support.platform import STARTS_IN, Platform
from tests.support.scenarios import FINAL
from tests.support.shell_notebook import shell_environment
from tests.support.waiting import wait_for

__all__ = ["shell_environment"]
pytestmark = [pytest.mark.browser, pytest.mark.e2e, pytest.mark.sandbox]
GROUP = "bakery"
BENEATH = "log => log.scrollHeight - log.scrollTop - log.clientHeight"
OVEN = {"name": "oven", "cpu_limit": 0.5, "memory_limit": "256Mi", "cpu_request": 0.05, "memory_request": "32Mi"}


@dataclass(frozen=True)
class Bakery:
    """A group with room for one job at a time, and its one member."""

    platform: Platform
    image: str
    token: str

    def submit(self, command: str, **more: Any) -> str:
        """The id of a new job."""
        body = {"group": GROUP, "instance_type": "oven", "image": self.image, "command": command, **more}
        return str(self.platform.call("POST", "/jobs", body, token=self.token, status=201)["id"])

    def until(self, job: str, *phases: str) -> None:
        """Wait until it is in one of the phases."""
        found = lambda: self.platform.call("GET", f"/jobs/{job}", token=self.token)["phase"] in phases  # noqa: E731
        wait_for(found, STARTS_IN, what=f"{job} is {phases}")

    def cancel(self, job: str) -> None:
        """End it, and wait for its end."""
        self.platform.call("POST", f"/jobs/{job}/cancel", token=self.token)
        self.until(job, "CANCELLED")

    def end_all(self) -> None:
        """End what runs or waits, and wait until nothing does."""
        path, asked = f"/jobs?group={GROUP}&page_size=200", set[str]()

        def over() -> bool:
            jobs = self.platform.call("GET", path, token=self.token)["items"]
            going = {job["id"] for job in jobs if job["phase"] not in FINAL}
            for job in going - asked:
                self.platform.call("POST", f"/jobs/{job}/cancel", token=self.token)
            asked.update(going)
            return not going

        wait_for(over, STARTS_IN, what="no job runs or waits", every=0.5)


@pytest.fixture(scope="module")
def bakery(platform: Platform, shell_environment: str) -> Bakery:
    platform.call("POST", "/groups", {"name": GROUP, "group_quota": {"cpu": 0.5}})
    platform.call("POST", "/instance-types", OVEN)
    return Bakery(platform, platform.add_image(shell_environment, "dough"), platform.add_person("baker", GROUP))


@pytest.fixture(autouse=True)
def over(bakery: Bakery) -> Iterator[None]:
    """There is room for one job at a time: no test leaves one to the next."""
    yield
    bakery.end_all()


@pytest.fixture(scope="module")
def page(browser: Browser, platform: Platform, bakery: Bakery) -> Iterator[Page]:
    context = signed_in(browser, platform, "baker")
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    yield context.new_page()
    context.close()


def test_a_job_is_submitted_watched_and_its_results_looked_at(page: Page, bakery: Bakery) -> None:
    portal_steps.submits_a_job_watches_it_and_looks_at_its_results(page, GROUP, sound)


def test_a_waiting_job_says_what_it_waits_for_and_is_cancelled_there(page: Page, bakery: Bakery) -> None:
    one, other = unique("first"), unique("second")
    first = bakery.submit("sleep 600", name=one)
    bakery.until(first, "RUNNING")
    second = bakery.submit("echo second", name=other)
    page.goto(f"{ROOT}/g/{GROUP}/jobs/{second}")
    expect(page.get_by_role("heading", name="Why is it waiting?")).to_be_visible(timeout=SOON)
    expect(page.get_by_text("short").first).to_be_visible()
    expect(page.get_by_role("link", name=one, exact=True)).to_be_visible()
    sound(page)
    page.goto(f"{ROOT}/g/{GROUP}/queue")
    expect(page.get_by_role("link", name=other)).to_be_visible(timeout=SOON)
    word, line = (page.locator(where).first.bounding_box() for where in (".axisWords .now", ".grid .now"))
    assert word is not None
    assert line is not None
    assert abs(word["x"] + word["width"] / 2 - line["x"] - line["width"] / 2) < 2, (
        "the clock's words stand at its lines"
    )
    sound(page)
    page.goto(f"{ROOT}/g/{GROUP}/jobs?view=pending")
    row = page.get_by_role("row", name=other)
    expect(row).to_contain_text("Pending", timeout=SOON)
    row.get_by_role("button", name=f"Cancel {other}").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel job").click()
    expect(page.get_by_text("No job matches")).to_be_visible(timeout=SOON)
    bakery.cancel(first)
    page.goto(f"{ROOT}/g/{GROUP}/jobs")
    expect(page.get_by_role("row", name=one)).to_contain_text("Cancelled", timeout=SOON)
    sound(page)


def test_a_long_list_is_paged_searched_under_the_pointer_and_a_job_of_it_cloned_and_run_again(
    page: Page, bakery: Bakery
) -> None:
    oven, loaf = unique("oven door"), unique("loaf")
    door = bakery.submit("sleep 600", name=oven)
    bakery.until(door, "RUNNING")
    loaves = [bakery.submit("true", name=f"{loaf} {n}") for n in range(50)]
    page.goto(f"{ROOT}/g/{GROUP}/jobs")
    expect(page.get_by_role("row", name=f"{loaf} 30")).to_be_visible(timeout=SOON)
    page.get_by_role("button", name="Next page").click()
    expect(page.get_by_role("row", name=oven)).to_be_visible(timeout=SOON)
    page.get_by_role("button", name="Previous page").click()
    page.get_by_role("row", name=f"{loaf} 30").hover(timeout=SOON)
    page.keyboard.press("/")
    page.keyboard.type(f"{loaf} 7")
    expect(page.get_by_role("row", name=f"{loaf} 30")).to_have_count(0, timeout=SOON)
    row = page.get_by_role("row", name=f"{loaf} 7")
    row.get_by_role("button", name=f"More for {loaf} 7").click()
    page.get_by_role("menuitem", name="Clone").click()
    expect(page.get_by_role("heading", name="Would wait")).to_be_visible(timeout=SOON)
    page.get_by_role("button", name="Submit job").first.click()
    expect(page.get_by_role("heading", name=f"{loaf} 7")).to_be_visible(timeout=SOON)
    cloned = page.url.rpartition("/")[2]
    for job in (*loaves, cloned):
        bakery.platform.call("POST", f"/jobs/{job}/cancel", token=bakery.token)
    bakery.cancel(door)
    page.get_by_role("button", name="Run again").click()
    page.get_by_role("dialog").get_by_role("button", name="Run again").click()
    page.wait_for_url(lambda url: cloned not in url)
    expect(page.get_by_role("status").get_by_text("Succeeded")).to_be_visible(timeout=SOON)


def test_a_failed_jobs_log_opens_at_its_end_with_its_last_error_above(page: Page, bakery: Bakery) -> None:
    job = bakery.submit("seq 3000; echo 'FlourError: no <b>flour</b>' >&2; sleep 0.1; exit 3", name=unique("burnt"))
    bakery.until(job, "FAILED")
    page.goto(f"{ROOT}/g/{GROUP}/jobs/{job}")
    expect(page.locator(".lastError code")).to_have_text("FlourError: no <b>flour</b>", timeout=SOON)
    log = page.get_by_role("region", name="Log", exact=True)
    expect(log.get_by_text("FlourError")).to_be_in_viewport(timeout=SOON)
    assert log.evaluate(BENEATH) <= 1
    assert page.evaluate("document.documentElement.scrollHeight - innerHeight") <= 0, "the page scrolls beside its log"
    page.get_by_role("button", name="To the beginning").click()
    expect(log.get_by_text("1", exact=True)).to_be_in_viewport()
    page.get_by_role("tab", name="Definition").click()
    page.get_by_role("link", name="See the log").click()
    expect(log.get_by_text("FlourError")).to_be_in_viewport(timeout=SOON)
    sound(page)


def test_a_live_log_is_followed_until_a_person_scrolls_up_and_again_from_its_end_on(page: Page, bakery: Bakery) -> None:
    job = bakery.submit("for n in $(seq 400); do echo line $n; done; sleep 600", name=unique("slow"))
    bakery.until(job, "RUNNING")
    page.goto(f"{ROOT}/g/{GROUP}/jobs/{job}")
    log, follow = page.get_by_role("region", name="Log", exact=True), page.get_by_role("checkbox", name="Follow")
    expect(log.get_by_text("line 400", exact=True)).to_be_in_viewport(timeout=SOON)
    for height in (600, 1100, 800):
        page.set_viewport_size({"width": 1280, "height": height})
        expect(log.get_by_text("line 400", exact=True)).to_be_in_viewport()
        expect(follow).to_be_checked()
    log.hover()
    page.mouse.wheel(0, -600)
    expect(follow).not_to_be_checked()
    page.mouse.wheel(0, 5000)
    expect(follow).to_be_checked()
    log.focus()
    page.keyboard.press("Home")
    expect(follow).not_to_be_checked()
    bakery.cancel(job)


def test_a_recurring_job_is_made_read_back_run_and_paused(page: Page, bakery: Bakery) -> None:
    portal_steps.makes_a_recurring_job_runs_and_pauses_it(page, GROUP, sound)


def test_notifications_are_off_until_they_are_turned_on_and_a_wrong_address_is_named(page: Page) -> None:
    page.goto(f"{ROOT}/notifications")
    expect(page.get_by_role("button", name="Send a test message")).to_be_disabled(timeout=SOON)
    page.get_by_label("Send to an address").check()
    page.get_by_label("Address", exact=True).fill("ftp://example.org")
    page.get_by_role("button", name="Save notifications").click()
    expect(page.get_by_role("alert").get_by_text("https://")).to_be_visible(timeout=SOON)
    sound(page)
    page.get_by_label("Send to an address").uncheck()
    page.get_by_role("radio", name="Always").check()
    page.get_by_role("button", name="Save notifications").click()
    expect(page.get_by_text("Saved", exact=True)).to_be_visible(timeout=SOON)
    page.reload()
    expect(page.get_by_role("radio", name="Always")).to_be_checked(timeout=SOON)


def test_somebody_outside_the_group_finds_no_such_page(browser: Browser, platform: Platform, bakery: Bakery) -> None:
    job = bakery.submit("echo mine")
    group, user = unique("riverside"), unique("passerby")
    platform.call("POST", "/groups", {"name": group})
    platform.add_person(user, group)
    context = signed_in(browser, platform, user)
    stranger = context.new_page()
    stranger.goto(f"{ROOT}/g/{group}/jobs/{job}")
    expect(stranger.get_by_text("There is no such page")).to_be_visible(timeout=SOON)
    stranger.goto(f"{ROOT}/g/{GROUP}/jobs/{job}")
    expect(stranger.get_by_text(f"You cannot open the group {GROUP}")).to_be_visible(timeout=SOON)
    assert "echo mine" not in stranger.content()
    context.close()
