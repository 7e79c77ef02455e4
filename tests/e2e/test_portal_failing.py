"""Every page of the portal on a real platform: while its data does not come, when it cannot, and when there is none."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.e2e.portal_browser import serious
from tests.e2e.portal_steps import ROOT, STARTED, signed_in
from tests.support.platform import ADMIN, STARTS_IN, Platform, running_platform
from tests.support.shell_notebook import shell_environment
from tests.support.waiting import wait_for

__all__ = ["shell_environment"]
pytestmark = [pytest.mark.browser, pytest.mark.e2e, pytest.mark.sandbox]

GROUP, BARE = "harbour", "quay"
AROUND = ["me", "events", "version", "settings", "engine", "announcements", "job-counts"]
"""What the frame around every page asks; a page's own data is all else."""
OTHERWISE = {
    "/admin/settings": ["settings"],
    "?tab=log": ["log"],
    "?tab=artifacts": ["artifacts"],
    "?tab=monitoring": ["usage"],
}
"""The last part of what is a page's own where that is not so, by an end of the page's address."""
LINE = """([around, otherwise, broken]) => {
  const real = fetch, held = [];
  let state = 'held';
  const isOwn = (path) => {
    const end = Object.keys(otherwise).find((each) => location.href.endsWith(each));
    return end ? otherwise[end].includes(path.split('/').pop()) : !around.includes(path);
  };
  const answer = (...asked) => state === 'broken'
    ? new Response(broken, { status: 500, headers: { 'Content-Type': 'application/problem+json' } }) : real(...asked);
  globalThis.fetch = async (...asked) => {
    const [, path] = new URL(asked[0].url ?? asked[0], location.href).pathname.split('/api/v1/');
    if (path === undefined || !isOwn(path)) return real(...asked);
    if (state === 'held') await new Promise((go) => held.push(go));
    return answer(...asked);
  };
  globalThis.become = (next) => {
    state = next;
    held.splice(0).forEach((go) => go());
  };
}"""
"""Between a page and the API, in the page: held back until it is told how to be. Playwright's routes would take away the cache."""
TABS = 8
"""Pages that are looked at side by side: what they wait for, they wait for together."""
SAVED = "Everything here is saved"
State = Literal["broken", "whole"]
BROKEN = '{"title": "Internal error", "detail": "The store is away.", "code": "internal", "request_id": "r-1"}'

EMPTY = {
    f"/g/{BARE}/home": ("No work of yours in this group yet", "New job"),
    f"/g/{BARE}/notebooks": ("This group has no instance type yet", None),
    f"/g/{BARE}/notebooks/past": ("No past notebooks in this group yet", "Start notebook"),
    f"/g/{BARE}/jobs": ("No jobs in this group yet", "New job"),
    f"/g/{BARE}/recurring-jobs": ("No recurring jobs in this group yet", "New recurring job"),
    f"/g/{BARE}/queue": ("Nothing waits and nothing runs", "New job"),
    f"/g/{BARE}/images": ("This group has no image yet", "Create image"),
    f"/g/{BARE}/settings": ("No secrets yet", "Create secret"),
    "/profile": ("No secrets yet", "Create secret"),
    "/admin/instance-types": ("No instance types yet", "Create instance type"),
    "/admin/images": ("No images yet", "Create image"),
    "/admin/volumes": ("No volumes yet", "Create volume"),
    "/admin/secrets": ("No secrets yet", "Create secret"),
    "/admin/notebooks": ("No notebook runs", None),
    "/admin/jobs": ("No job runs or waits", None),
    "/admin/usage": ("Nothing is held now", None),
}
"""Each list of a platform and a group with nothing: what it says, and the one next action, where the reader has one."""


@dataclass
class Tab:
    """A page, and the way from it to the API for all that is its own."""

    page: Page
    path: str = ""
    top: float = 0
    """Where the heading stood at first."""

    def open(self, path: str) -> None:
        """Go there; what it asks for is held back."""
        self.path = path
        self.page.goto(ROOT + path, wait_until="commit")

    def become(self, state: State) -> None:
        """Answer so from now on, also what was held back."""
        self.page.evaluate("state => become(state)", state)

    def try_now(self) -> None:
        """Press what offers it."""
        # in one go: each of them presses itself after 10 s, and would be gone under the pointer
        self.page.get_by_role("button", name="Try now").evaluate_all("all => all.forEach((button) => button.click())")

    def waits(self) -> None:
        """See that the page keeps the place of what is not there yet, and where its heading stands."""
        keeps = self.page.locator(":is(.page, .card):has(h1) .waiting:not(.early)")
        expect(keeps.first, self.path).to_be_visible(timeout=STARTED)
        self.top = self.heading()

    def moved(self) -> float:
        """Pixels between where the heading stands and where it stood at first."""
        return abs(self.heading() - self.top)

    def heading(self) -> float:
        """Where the heading stands below what may be announced above the page."""
        # in one look: a heading that was found may be replaced by that of the loaded page before it is measured
        found = self.page.wait_for_function(
            "() => { const h1 = document.querySelector('main h1');"
            " return h1 && { y: h1.getBoundingClientRect().y - h1.closest('main').getBoundingClientRect().y }; }"
        )
        return float(found.json_value()["y"])


def tab_of(context: BrowserContext) -> Tab:
    """A new one, in which nothing is on its way to somewhere else."""
    page = context.new_page()
    page.emulate_media(reduced_motion="reduce")
    page.add_init_script(f"({LINE})({json.dumps([AROUND, OTHERWISE, BROKEN])})")
    return Tab(page)


@pytest.fixture(scope="module")
def bare() -> Iterator[Platform]:
    """A platform with nothing but its administrator, who is in two groups."""
    with running_platform() as platform:
        for kind in ("instance-types", "images"):
            for thing in platform.call("GET", f"/{kind}")["items"]:
                platform.call("DELETE", f"/{kind}/{thing['slug']}")
        for group in (GROUP, BARE):
            platform.call("POST", "/groups", {"name": group, "user_quota": {"cpu": 4}})
            platform.call("PUT", f"/groups/{group}/members/{ADMIN}", {"role": "admin"})
        yield platform


@pytest.fixture(scope="module")
def context(browser: Browser, bare: Platform) -> Iterator[BrowserContext]:
    context = signed_in(browser, bare, ADMIN)
    yield context
    context.close()


@dataclass(frozen=True)
class Things:
    """What ``pages`` leads to, by id."""

    notebook: str
    job: str
    schedule: str
    code: str


@pytest.fixture
def things(bare: Platform, shell_environment: str) -> Iterator[Things]:
    """One of everything; what is made is deleted, however far it came."""
    size = {"name": "dinghy", "cpu_limit": 0.5, "memory_limit": "256Mi", "cpu_request": 0.05, "memory_request": "32Mi"}
    oar = {"name": "oar", "group": GROUP, "source": bare.image_source(shell_environment)}
    sail = {"name": "sail", "source": bare.image_source(shell_environment)}
    with ExitStack() as left:

        def made(kind: str, body: dict[str, Any], by: str = "id") -> str:
            one = str(bare.call("POST", f"/{kind}", body)[by])
            left.callback(bare.call, "DELETE", f"/{kind}/{one}")
            return one

        def ended(path: str) -> bool:
            return bool(bare.call("GET", path)["ended_at"])

        made("instance-types", size, "slug")
        made("volumes", {"name": "shelf", "source": {"type": "pvc"}}, "slug")
        made("secrets", {"name": "seal", "kind": "git", "value": "once"}, "slug")
        made("images", oar, "slug")
        image = made("images", sail, "slug")
        ready = lambda: bare.call("GET", f"/images/{image}")["phase"] == "READY"  # noqa: E731
        wait_for(ready, STARTS_IN, what="the image is ready")
        launch = {"group": GROUP, "instance_type": "dinghy", "image": image}
        job = made("jobs", {**launch, "name": "tide", "command": "echo high water"})
        left.callback(wait_for, lambda: ended(f"/jobs/{job}"), STARTS_IN, what="the job has ended")
        left.callback(bare.call, "POST", f"/jobs/{job}/cancel")
        notebook = bare.call("POST", "/notebooks", launch)["id"]
        bare.call("DELETE", f"/notebooks/{notebook}")
        times = {"name": "ebb", "cron": "0 4 * * *", "timezone": "UTC"}
        schedule = made("schedules", {**times, "job": {**launch, "command": "true"}})
        code = bare.call("POST", "/login-requests", {"client": "primehub", "host": "buoy"})["code"]
        paths = (f"/notebooks/{notebook}", f"/jobs/{job}")
        wait_for(lambda: all(map(ended, paths)), STARTS_IN, what="both have ended")
        yield Things(notebook, job, schedule, code)


def pages(things: Things) -> dict[str, str]:
    """Each address whose page loads something, and words that stand there once it has."""
    group = f"/g/{GROUP}"
    return {
        f"{group}/home": "tide",
        f"{group}/notebooks": "Would start now",
        f"{group}/notebooks/past": "sail on dinghy",
        f"{group}/notebooks/{things.notebook}": "What ran",
        f"{group}/jobs": "tide",
        f"{group}/jobs/new": "Would start now",
        f"{group}/jobs/new?from={things.job}": "Would start now",
        f"{group}/jobs/{things.job}": "Overview",
        f"{group}/jobs/{things.job}?tab=log": "high water",
        f"{group}/jobs/{things.job}?tab=artifacts": "It left no artifacts",
        f"{group}/jobs/{things.job}?tab=monitoring": "Nothing was measured yet|, peak",
        f"{group}/recurring-jobs": "ebb",
        f"{group}/recurring-jobs/new": "By a cron expression",
        f"{group}/recurring-jobs/{things.schedule}": "Run now",
        f"{group}/recurring-jobs/{things.schedule}/edit": SAVED,
        f"{group}/queue": "Nothing waits and nothing runs",
        f"{group}/images": "oar",
        f"{group}/images/oar": SAVED,
        f"{group}/settings": SAVED,
        "/profile": "No secrets yet",
        "/tokens": "laptop",
        "/notifications": "Save notifications",
        f"/cli-login?code={things.code}": "buoy",
        "/admin/groups": BARE,
        f"/admin/groups?open={GROUP}": "Each person",
        f"/admin/groups/{GROUP}": SAVED,
        "/admin/users": "Enabled",
        "/admin/users?view=links": f"Password of {ADMIN}",
        f"/admin/users/{ADMIN}": SAVED,
        "/admin/instance-types": "dinghy",
        "/admin/instance-types/dinghy": SAVED,
        "/admin/images": "sail",
        "/admin/images/sail": SAVED,
        "/admin/volumes": "shelf",
        "/admin/volumes/shelf": SAVED,
        "/admin/secrets": "seal",
        "/admin/secrets/seal": SAVED,
        "/admin/notebooks": "No notebook runs",
        "/admin/jobs?view=all": "tide",
        f"/admin/jobs/{things.job}": "Overview",
        f"/admin/jobs/{things.job}?tab=log": "high water",
        "/admin/usage": "Nothing is held now",
        "/admin/audit": "created the group",
        "/admin/settings": "Its owner is warned before",
        "/admin/health": "Everything works",
    }


def test_a_page_keeps_its_place_says_what_could_not_be_loaded_and_loads_it_when_asked_again(
    context: BrowserContext, things: Things
) -> None:
    tabs = [tab_of(context) for _ in range(TABS)]
    wanted = list(pages(things).items())
    wrong: list[str] = []
    for at in range(0, len(wanted), TABS):
        batch = list(zip(tabs, wanted[at : at + TABS], strict=False))
        for tab, (path, _) in batch:
            tab.open(path)
        for tab, _ in batch:
            tab.waits()
            tab.become("broken")
        wrong += [f"{tab.path}: {found}" for tab, _ in batch for found in told(tab, "The store is away.")]
        for tab, _ in batch:
            tab.become("whole")
            tab.try_now()
        for tab, (path, words) in batch:
            expect(tab.page.get_by_text(re.compile(words)).first, path).to_be_visible(timeout=STARTED)
            wrong += [f"{path}: the heading moves by {tab.moved()} when all is there"] if tab.moved() else []
    for tab in tabs:
        tab.page.close()
    assert not wrong, "\n".join(wrong)


def told(tab: Tab, why: str) -> list[str]:
    """What is wrong with how the page says that its data could not be loaded."""
    said = tab.page.get_by_role("alert").filter(has_text=why).first
    expect(said, tab.path).to_contain_text("could not be loaded", timeout=STARTED)
    expect(said.get_by_role("button", name="Try now"), tab.path).to_be_visible()
    moved = [f"the heading moves by {tab.moved()} when it fails"] if tab.moved() else []
    return moved + serious(tab.page)


def test_a_page_says_that_nothing_answers_and_recovers_by_itself(context: BrowserContext) -> None:
    page = context.new_page()
    page.route(re.compile("/api/v1/jobs"), lambda route: route.abort("connectionfailed"))
    page.goto(f"{ROOT}/g/{BARE}/jobs")
    expect(page.get_by_role("alert").filter(has_text="The server did not answer.")).to_be_visible(timeout=STARTED)
    page.unroute_all()
    expect(page.get_by_text("No jobs in this group yet")).to_be_visible(timeout=STARTED)
    page.close()


def test_a_form_says_that_what_can_be_chosen_could_not_be_loaded(context: BrowserContext) -> None:
    tab = tab_of(context)
    tab.open("/admin/users/new")
    expect(tab.page.get_by_label("Username")).to_be_visible(timeout=STARTED)
    tab.become("broken")
    said = tab.page.get_by_role("alert").filter(has_text="The groups could not be loaded")
    expect(said).to_be_visible(timeout=STARTED)
    assert serious(tab.page) == []
    tab.become("whole")
    said.get_by_role("button", name="Try now").click()
    expect(said).to_have_count(0, timeout=STARTED)
    tab.page.get_by_label("Groups", exact=True).click()
    expect(tab.page.locator(".ant-select-item-option").filter(has_text=BARE)).to_be_visible(timeout=STARTED)
    tab.page.close()


def test_a_list_with_nothing_says_so_and_offers_the_one_next_action(context: BrowserContext) -> None:
    page = context.new_page()
    for path, (words, action) in EMPTY.items():
        page.goto(ROOT + path)
        state = page.locator(".state").filter(has_text=words)
        expect(state, path).to_be_visible(timeout=STARTED)
        offered = [each.inner_text() for each in state.locator("a, button").all()]
        assert offered == ([action] if action else []), path
    page.close()
