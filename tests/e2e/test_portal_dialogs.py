"""Everything that opens above a page: by axe in light and dark, by keyboard alone, and what must be typed before a loss."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.e2e.portal_browser import in_scheme, pale, serious
from tests.e2e.portal_steps import ROOT, SOON, signed_in
from tests.support.platform import ADMIN, Platform
from tests.support.shell_notebook import shell_environment
from tests.support.waiting import wait_for

__all__ = ["shell_environment"]
pytestmark = [pytest.mark.browser, pytest.mark.e2e, pytest.mark.sandbox]
GROUP, HOST, TYPE = "parlour", "host", "chair"
SIZE = {"cpu_limit": 0.5, "memory_limit": "256Mi", "cpu_request": 0.05, "memory_request": "32Mi"}
SHEETS = ".ant-modal:visible, .ant-drawer:visible"
MENUS = ".ant-dropdown:visible, .ant-popover:visible"
STOPS = "sheet => sheet.querySelectorAll('a, button, input, select, textarea, [tabindex]').length"
WHERE = """sheet => sheet.contains(document.activeElement) ? 'inside' : document.activeElement === document.body ? 'in the bars'
    : document.activeElement.outerHTML.slice(0, 120)"""


@dataclass(frozen=True)
class Opens:
    """A button and what it opens."""

    path: str
    """Of the page, below the portal's root; the same as before stays where it is."""
    button: str
    typed: str = ""
    """The name without which the dangerous button does nothing."""
    then: str = ""
    """A button in it, which does it and opens the next dialog in its place."""
    first: Callable[[Page], object] = field(default=lambda page: None)
    """What is done before."""
    key: str = ""
    """Opens it instead of the button."""
    role: str = "button"
    menu: bool = False
    """A list under its button, which the Tab key leaves."""
    width: int = 1280


def renamed(page: Page) -> None:
    """A form with something that is not saved."""
    page.get_by_label("Display name").fill("Front room")
    page.get_by_text("1 change", exact=True).first.wait_for()


def artifacts(page: Page) -> None:
    page.get_by_role("tab", name="Artifacts").click()


@pytest.fixture(scope="module")
def ids(platform: Platform, shell_environment: str) -> Iterator[dict[str, str]]:
    """A group with something of every kind; ids of a job that ended, one that runs, a recurring job, and an image."""
    call = platform.call
    call("POST", "/groups", {"name": GROUP, "user_quota": {"cpu": 2}})
    call("POST", "/instance-types", {"name": TYPE, **SIZE})
    call("POST", "/volumes", {"name": "cellar", "source": {"type": "pvc"}})
    call("POST", "/secrets", {"name": "latch", "kind": "git", "value": "once"})
    image = platform.add_image(shell_environment, "rug")
    own = {"name": "lamp", "group": GROUP, "all_groups": False, "source": platform.image_source(shell_environment)}
    lamp = call("POST", "/images", own)["slug"]
    token = platform.add_person(HOST, GROUP)
    call("PUT", f"/groups/{GROUP}/members/{HOST}", {"role": "admin"})
    call("POST", "/secrets", {"name": "spare-key", "kind": "env", "group": GROUP, "value": "once"}, token=token)
    call(
        "POST",
        "/me/tokens",
        {"note": "doorbell", "scopes": ["custom:primehub:read"], "expires_in": 86_400},
        token=token,
    )
    launch = {"group": GROUP, "instance_type": TYPE, "image": image}
    leaves = {**launch, "name": "tea", "command": "mkdir artifacts; echo leaves > artifacts/cup.txt"}
    tea = call("POST", "/jobs", leaves, token=token)["id"]
    cake = call("POST", "/jobs", {**launch, "name": "cake", "command": "sleep 900"}, token=token)["id"]
    weekly = {"name": "tidy", "cron": "0 4 * * 0", "paused": True, "job": {**launch, "name": "tidy", "command": "true"}}
    tidy = call("POST", "/schedules", weekly, token=token)["id"]
    call("POST", "/notebooks", launch, token=token)
    wait_for(lambda: call("GET", f"/jobs/{tea}")["ended_at"], 90, what="the first job has ended")
    wait_for(lambda: call("GET", f"/jobs/{cake}")["phase"] == "RUNNING", 90, what="the second job runs")
    runs = lambda: call("GET", f"/notebooks?user={HOST}&active=true")["items"][0]["phase"] == "RUNNING"  # noqa: E731
    wait_for(runs, 90, what="the notebook runs")
    yield {"tea": tea, "cake": cake, "tidy": tidy, "lamp": lamp, "image": image}
    call("DELETE", f"/users/{HOST}")
    for left in (f"groups/{GROUP}", f"images/{image}", f"instance-types/{TYPE}", "volumes/cellar", "secrets/latch"):
        call("DELETE", f"/{left}")


def of_people(ids: dict[str, str]) -> tuple[Opens, ...]:
    """In the pages of people and of group admins."""
    base = f"/g/{GROUP}"
    tea, cake = f"{base}/jobs/{ids['tea']}", f"{base}/jobs/{ids['cake']}"
    return (
        Opens(f"{base}/home", "", key="?"),
        Opens(f"{base}/home", "", key="Control+k"),
        Opens(f"{base}/home", "Invite"),
        Opens(f"{base}/home", "profile menu", menu=True),
        Opens(f"{base}/home", "switch the working group", menu=True),
        Opens(f"{base}/home", "Open menu", width=360),
        Opens(f"{base}/notebooks", "Stop notebook"),
        Opens(f"{base}/notebooks", "Keep it", menu=True),
        Opens(f"{base}/jobs", "Columns", menu=True),
        Opens(f"{base}/jobs", "More for tea", menu=True),
        Opens(f"{base}/jobs", "Run tea again"),
        Opens(tea, "Delete job…", typed="tea"),
        Opens(tea, "cup.txt", first=artifacts),
        Opens(cake, "Cancel job"),
        Opens(f"{base}/recurring-jobs/{ids['tidy']}", "Delete…", typed="tidy"),
        Opens(f"{base}/settings", "Create secret"),
        Opens(f"{base}/settings", "Replace the value of spare-key"),
        Opens(f"{base}/settings", "Delete spare-key", typed="spare-key"),
        Opens(f"{base}/images/{ids['lamp']}", "Delete image…", typed="lamp"),
        Opens("/tokens", "Create token"),
        Opens("/tokens", "Delete token doorbell"),
    )


def of_admins(ids: dict[str, str]) -> tuple[Opens, ...]:
    """In the admin pages."""
    return (
        Opens("/admin/users", "Invite by link"),
        Opens(f"/admin/users/{HOST}", "Make a sign-in link…"),
        Opens(f"/admin/users/{HOST}", "Give a temporary password…"),
        Opens(f"/admin/users/{HOST}", "Disable account…"),
        Opens(f"/admin/users/{HOST}", "Delete account…", typed=HOST),
        Opens(f"/admin/instance-types/{TYPE}", "Delete instance type…", typed=TYPE),
        Opens(f"/admin/images/{ids['image']}", "Delete image…", typed="rug"),
        Opens("/admin/volumes/cellar", "Delete volume…", typed="cellar"),
        Opens("/admin/secrets/latch", "Delete secret…", typed="latch"),
        Opens(f"/admin/notebooks?search={HOST}", f"Stop {HOST}"),
        Opens("/admin/jobs?search=cake", "Cancel cake"),
        # HOST signs in no more from here on
        Opens(f"/admin/users/{HOST}", "Give a temporary password…", then="Give temporary password"),
        Opens(f"/admin/groups/{GROUP}", "Delete group…", typed=GROUP),
        Opens(f"/admin/groups/{GROUP}", "Users", first=renamed, role="link"),
    )


@pytest.mark.parametrize(("who", "table"), [(HOST, of_people), (ADMIN, of_admins)], ids=["people", "admins"])
def test_what_opens_can_be_read_and_left_by_everybody(
    browser: Browser, platform: Platform, ids: dict[str, str], who: str, table: Callable[..., tuple[Opens, ...]]
) -> None:
    page = signed_in(browser, platform, who).new_page()
    page.emulate_media(reduced_motion="reduce")
    here, wrong = "", []
    for case in table(ids):
        page.set_viewport_size({"width": case.width, "height": 800})
        if case.path != here:
            page.goto(ROOT + (here := case.path))
        wrong += [f"{case.path}: {case.button or case.key}: {found}" for found in judged(page, case)]
    page.context.close()
    assert not wrong, "\n".join(wrong)


def judged(page: Page, case: Opens) -> Iterator[str]:
    """What is wrong with one of them, which is closed again at the end."""
    page.get_by_role("button", name="profile menu").wait_for()  # from here on there are keys
    opener = None if case.key else page.get_by_role(case.role, name=case.button).first  # type: ignore[arg-type]
    if opener is None:
        page.keyboard.press(case.key)
    else:
        expect(opener).to_be_visible(timeout=SOON)
        case.first(page)
        opener.focus()
        page.keyboard.press("Enter")
    part = MENUS if case.menu else SHEETS
    sheet = page.locator(part).last
    try:
        expect(sheet).to_be_visible(timeout=SOON)
    except AssertionError:
        yield "it does not open"
        page.reload()
        return
    yield from readable(page, case.menu)
    if not case.menu:
        yield from held(page, sheet)
    if case.typed:
        yield from guarded(sheet, case.typed)
    if case.then:
        sheet.get_by_role("button", name=case.then).click()
        expect(sheet.get_by_role("button", name=case.then)).to_have_count(0, timeout=SOON)
        expect(sheet).to_be_visible(timeout=SOON)
        yield from readable(page, case.menu)
        yield from held(page, sheet)
    page.keyboard.press("Escape")
    try:
        expect(page.locator(part)).to_have_count(0, timeout=SOON)
    except AssertionError:
        yield "Escape does not close it"
        page.reload()
        return
    if opener is not None:
        try:
            expect(opener).to_be_focused(timeout=SOON)
        except AssertionError:
            yield f"the focus does not return, it is on {page.evaluate('document.activeElement.outerHTML')[:120]}"


def readable(page: Page, menu: bool) -> Iterator[str]:
    """What axe finds in it, and in the dark."""
    part = ".ant-dropdown, .ant-popover" if menu else "[role=dialog]"
    in_scheme(page, "light")
    yield from serious(page, part)
    in_scheme(page, "dark")
    yield from (f"in the dark: {found}" for found in pale(page, part))
    in_scheme(page, "light")


def held(page: Page, sheet: Locator) -> Iterator[str]:
    """Whether the keyboard begins in it and stays, forwards and backwards, but for the browser's own bars after its end."""
    try:
        wait_for(lambda: sheet.evaluate(WHERE) == "inside", SOON / 1000, what="the focus is in it")
    except AssertionError:
        yield "the focus is not in it"
        return
    for key, times in (("Tab", sheet.evaluate(STOPS) + 1), ("Shift+Tab", 3)):
        for _ in range(times):
            page.keyboard.press(key)
            if (where := sheet.evaluate(WHERE)) not in ("inside", "in the bars"):
                yield f"{key} leaves it, to {where}"
                return


def guarded(sheet: Locator, name: str) -> Iterator[str]:
    """Whether the dangerous button waits for the name."""
    go, box = sheet.locator(".ant-btn-dangerous"), sheet.get_by_role("textbox")
    for typed, free in (("", False), (name[:-1], False), (name, True)):
        box.fill(typed)
        if go.is_enabled() is not free:
            yield f"with {typed!r} typed, the dangerous button is {'off' if free else 'on'}"
