"""The admin pages on the real platform: every page in light and dark, the main forms, who is kept out, what is live."""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Callable, Iterator

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from tests.e2e import portal_steps
from tests.e2e.portal_browser import in_scheme, overflow, pale, serious
from tests.e2e.portal_steps import ROOT, SOON, opened, signed_in
from tests.support.light_notebook import light_environment
from tests.support.platform import ADMIN, Lab, Platform
from tests.support.waiting import wait_for

__all__ = ["light_environment"]
pytestmark = [pytest.mark.browser, pytest.mark.e2e]

PAGES = {
    "groups": "Groups",
    "groups?open=lab": "Each person",
    "groups/lab": "Everything here is saved",
    "groups/new": "Create group",
    "users": "Invite by link",
    "users/ann": "Give a temporary password",
    "users/new": "Create user",
    "instance-types": "lab-small",
    "instance-types/lab-small": "Placement on a cluster",
    "instance-types/new": "Placement on a cluster",
    "images": "jupyterlab",
    "images/jupyterlab": "Everything here is saved",
    "images/new": "Create image",
    "volumes": "Volumes",
    "volumes/shelf": "Everything here is saved",
    "volumes/new": "Folder of the platform",
    "secrets": "Secrets",
    "secrets/seal": "Everything here is saved",
    "secrets/new": "Password or token",
    "notebooks": "Hub admin panel",
    "jobs?view=all": "Jobs",
    "recurring-jobs": "sweep the shelf",
    "usage": "Usage now",
    "audit?action=group": "created the group",
    "settings": "Its owner is warned before",
    "health": "JupyterHub",
}
"""Each address below ``/admin``, and words that stand there once it has loaded."""
MORE_PAGES = ("jobs/any", "notebooks/any", "nothing-like-it")
"""Further addresses, which nobody but platform admins may learn anything of either."""
ADMINS_ALONE = (
    "/users",
    "/users/ann",
    "/users/ann/running",
    "/users/ann/memberships",
    "/usage",
    "/audit",
    "/email",
    "/status",
)
"""What those pages read that the API tells nobody else. Of a catalogue it tells everybody what they may use."""
PROMISED = 2
"""Seconds in which others see a change."""


@pytest.fixture(scope="module")
def admin(browser: Browser, platform: Platform, lab: Lab) -> Iterator[BrowserContext]:
    platform.call("POST", "/volumes", {"name": "shelf", "source": {"type": "pvc"}})
    platform.call("POST", "/secrets", {"name": "seal", "kind": "git", "value": "once"})
    job = {**lab.launch, "command": "true"}
    weekly = {"name": "sweep the shelf", "cron": "0 4 * * 0", "job": job}
    swept = platform.call("POST", "/schedules", weekly, token=lab.token)["id"]
    context = signed_in(browser, platform, ADMIN)
    yield context
    context.close()
    platform.call("DELETE", f"/schedules/{swept}")
    platform.call("DELETE", "/volumes/shelf")
    platform.call("DELETE", "/secrets/seal")


@pytest.fixture
def group(platform: Platform) -> Iterator[str]:
    """A group that one test may do as it likes with."""
    name = f"g{uuid.uuid4().hex[:8]}"
    platform.call("POST", "/groups", {"name": name, "group_quota": {"gpu": 4}})
    yield name
    if any(g["slug"] == name for g in platform.call("GET", f"/groups?all=true&search={name}")["items"]):
        platform.call("DELETE", f"/groups/{name}")


def at(context: BrowserContext, path: str) -> Page:
    return opened(context, f"/admin/{path}")


def test_every_page_says_what_it_should_and_axe_finds_nothing(admin: BrowserContext) -> None:
    page = admin.new_page()
    page.emulate_media(reduced_motion="reduce")  # colours that are on their way are nobody's
    wrong = []
    for path, words in PAGES.items():
        page.goto(f"{ROOT}/admin/{path}")
        expect(page.get_by_text(words).first, path).to_be_visible(timeout=SOON)
        wrong += [f"{path}: {found}" for found in serious(page, "html" if path == "groups" else "main")]
        in_scheme(page, "dark")
        wrong += [f"{path} in the dark: {found}" for found in pale(page)]
        in_scheme(page, "light")
        page.set_viewport_size({"width": 360, "height": 800})
        if overflow(page):
            wrong.append(f"{path} is wider than 360 px by {overflow(page)}")
        page.set_viewport_size({"width": 1280, "height": 800})
    page.close()
    assert not wrong, "\n".join(wrong)


@pytest.fixture(params=["member", "group admin"])
def other(request: pytest.FixtureRequest, platform: Platform, lab: Lab) -> Iterator[tuple[str, str]]:
    """Somebody who is no platform admin: the hub name, and an API token."""
    name = f"o{uuid.uuid4().hex[:8]}"
    token = platform.add_person(name, lab.group)
    if request.param == "group admin":
        platform.call("PUT", f"/groups/{lab.group}/members/{name}", {"role": "admin"})
    yield name, token
    platform.call("DELETE", f"/users/{name}")


def test_others_are_told_who_may_at_every_address(browser: Browser, platform: Platform, other: tuple[str, str]) -> None:
    name, token = other
    context = signed_in(browser, platform, name)
    page = context.new_page()
    for path in [*PAGES, *MORE_PAGES]:
        portal_steps.is_told_who_may(page, path)
        expect(page.get_by_text("lab-small")).to_have_count(0)
    assert serious(page) == []
    page.get_by_role("button", name="profile menu").click()
    expect(page.get_by_role("menuitem", name="Admin portal")).to_have_count(0)
    context.close()

    for path in ADMINS_ALONE:
        headers = {"Authorization": f"token {token}"}
        assert httpx.get(platform.api + path, headers=headers, trust_env=False).status_code in (403, 404), path


def test_an_administrator_gets_in_by_a_link_makes_a_group_and_invites_somebody_who_joins(
    browser: Browser, platform: Platform, lab: Lab
) -> None:
    boss, group, joiner = (f"{word}{uuid.uuid4().hex[:6]}" for word in ("boss", "studio", "joiner"))
    platform.call("POST", "/users", {"name": boss})
    version = platform.call("GET", f"/users/{boss}")["version"]
    platform.call("PATCH", f"/users/{boss}", {"version": version, "platform_admin": True})
    context = portal_steps.signed_in_by_link(browser, platform, platform.sign_in_link(boss))
    page = context.new_page()
    portal_steps.makes_a_group(page, group, 4)
    member = portal_steps.joined(browser, platform, portal_steps.invites(page, group), joiner)
    home = opened(member, "/")
    home.wait_for_url(f"**/g/{group}/home")
    platform.call("PUT", f"/groups/{lab.group}/members/{joiner}", {"role": "member"})
    portal_steps.chooses_group(home, lab.group)
    portal_steps.sees_health(page, "this machine")
    for opened_context in (context, member):
        opened_context.close()


def test_a_quota_is_changed_with_its_error_at_the_field(admin: BrowserContext, platform: Platform, group: str) -> None:
    page = at(admin, f"groups/{group}")
    field = page.get_by_label("GPU for each person", exact=True)
    field.fill("6")
    expect(page.get_by_text("The group has 4. Use 4 or less.").first).to_be_visible(timeout=SOON)
    save = page.get_by_role("button", name="Save changes").first
    save.click()
    expect(field).to_be_focused()
    field.fill("3")
    expect(page.get_by_role("complementary")).to_contain_text("1 change")
    save.click()
    expect(page.get_by_text("Everything here is saved")).to_be_visible(timeout=SOON)
    assert platform.call("GET", f"/groups/{group}")["user_quota"]["gpu"] == 3
    page.close()


def shows(row: Locator, words: str, saves: Page, press: Locator) -> float:
    """Seconds from the server's answer to what the press saves until the row of another page has the words."""
    with saves.expect_response(lambda response: response.request.method == "PATCH") as answer:
        press.click()
    assert answer.value.ok
    answered = time.monotonic()
    wait_for(lambda: words in row.inner_text(), SOON / 1000, what=f"the other page shows {words}")
    return time.monotonic() - answered


@pytest.mark.alone
def test_what_one_browser_saves_the_other_shows_within_two_seconds(
    admin: BrowserContext,
    browser: Browser,
    platform: Platform,
    lab: Lab,
    group: str,
    record_property: Callable[[str, object], None],
) -> None:
    platform.call("PUT", f"/groups/{group}/members/{lab.user}", {"role": "member"})
    member = signed_in(browser, platform, lab.user)
    hers, users, mine = (
        opened(member, f"/g/{group}/settings"),
        at(admin, f"users?search={lab.user}"),
        at(admin, f"groups/{group}"),
    )
    quota = hers.get_by_role("row", name="GPU")
    expect(quota).not_to_contain_text("3 GPUs", timeout=SOON)
    mine.get_by_label("GPU for each person", exact=True).fill("3")
    to_member = shows(quota, "3 GPUs", mine, mine.get_by_role("button", name="Save changes").first)

    name = f"Ann {uuid.uuid4().hex[:6]}"
    hers.goto(f"{ROOT}/profile")
    hers.get_by_label("Display name").fill(name)
    expect(users.get_by_role("row", name=lab.user)).to_be_visible(timeout=SOON)
    row = users.get_by_role("row", name=lab.user)
    to_admin = shows(row, name, hers, hers.get_by_role("button", name=re.compile("^Save")).first)
    member.close()
    for page in (users, mine):
        page.close()
    record_property("from an admin's save to the member's page, in s", round(to_member, 2))
    record_property("from a member's save to the admin's page, in s", round(to_admin, 2))
    assert max(to_member, to_admin) < PROMISED


def test_a_browser_that_was_offline_catches_up_without_a_shared_worker_too(
    browser: Browser, platform: Platform, group: str
) -> None:
    context = signed_in(browser, platform, ADMIN)
    context.add_init_script("delete globalThis.SharedWorker")
    leader, other = (at(context, f"groups?search={group}") for _ in range(2))

    def rename(text: str) -> None:
        version = platform.call("GET", f"/groups/{group}")["version"]
        platform.call("PATCH", f"/groups/{group}", {"version": version, "display_name": text})

    def shown(text: str, *pages: Page) -> None:
        for page in pages:
            expect(page.get_by_role("row", name=text)).to_be_visible(timeout=SOON)

    shown(group, leader, other)
    assert leader.evaluate("typeof SharedWorker") == "undefined"
    rename("Before")
    shown("Before", leader, other)
    context.set_offline(True)
    rename("Meanwhile")
    expect(leader.get_by_role("row", name="Before")).to_be_visible()
    context.set_offline(False)
    shown("Meanwhile", leader, other)
    rename("After")
    shown("After", leader, other)
    leader.close()  # the stream was its: the other takes it over
    rename("Alone")
    shown("Alone", other)
    context.close()


def test_what_was_typed_stays_when_somebody_else_saves_first(
    admin: BrowserContext, platform: Platform, group: str
) -> None:
    page = at(admin, f"groups/{group}")
    page.get_by_label("Display name").fill("Mine")
    version = platform.call("GET", f"/groups/{group}")["version"]
    platform.call("PATCH", f"/groups/{group}", {"version": version, "display_name": "Theirs", "description": "new"})
    expect(page.get_by_text("Somebody has changed this to Theirs meanwhile")).to_be_visible(timeout=SOON)
    expect(page.get_by_label("Description")).to_have_value("new")
    page.get_by_role("link", name="Users").click()
    expect(page.get_by_text("1 change on this page is not saved")).to_be_visible()
    page.get_by_role("button", name="Stay here").click()
    expect(page.get_by_label("Display name")).to_have_value("Mine")
    page.get_by_role("button", name="Save changes").first.click()
    expect(page.get_by_text("Everything here is saved")).to_be_visible(timeout=SOON)
    assert platform.call("GET", f"/groups/{group}")["display_name"] == "Mine"
    page.close()


def test_a_group_is_deleted_by_keyboard_with_its_name_typed(
    admin: BrowserContext, platform: Platform, lab: Lab, group: str
) -> None:
    platform.call("PUT", f"/groups/{group}/members/{lab.user}", {"role": "member"})
    page = at(admin, f"groups/{group}")
    expect(page.get_by_text("1 person loses their place in it").first).to_be_visible(timeout=SOON)
    page.get_by_role("button", name="Delete group…").press("Enter")
    dialog = page.get_by_role("dialog")
    go = dialog.get_by_role("button", name="Delete group")
    expect(go).to_be_disabled()
    dialog.get_by_role("textbox").press_sequentially(group)
    expect(go).to_be_enabled()
    page.keyboard.press("Enter")
    page.wait_for_url("**/admin/groups")
    expect(page.get_by_role("link", name=group)).to_have_count(0)
    page.close()


def test_a_user_is_made_and_disabled_and_the_list_shows_what_others_do(
    admin: BrowserContext, platform: Platform
) -> None:
    name = f"u{uuid.uuid4().hex[:8]}"
    users = at(admin, f"users?search={name}")
    expect(users.get_by_text(f"Nothing matches “{name}”")).to_be_visible(timeout=SOON)
    page = at(admin, "users/new")
    page.get_by_label("Username").fill(name)
    page.get_by_role("button", name="Create user").first.click()
    expect(page.get_by_test_id("once")).to_contain_text("/hub/invite#", timeout=SOON)
    page.get_by_role("button", name="Done").click()
    expect(users.get_by_role("row", name=name)).to_contain_text("Enabled", timeout=SOON)
    page.get_by_role("button", name="Disable account…").click()
    expect(page.get_by_role("dialog")).to_contain_text("Nothing of theirs runs now")
    page.get_by_role("dialog").get_by_role("button", name="Disable account").click()
    expect(users.get_by_role("row", name=name)).to_contain_text("Disabled", timeout=SOON)
    platform.call("DELETE", f"/users/{name}")
    expect(users.get_by_text(f"Nothing matches “{name}”")).to_be_visible(timeout=SOON)
    for tab in (page, users):
        tab.close()


def test_a_secret_is_replaced_and_never_read(admin: BrowserContext, platform: Platform) -> None:
    name = f"s{uuid.uuid4().hex[:8]}"
    slug = platform.call("POST", "/secrets", {"name": name, "kind": "git", "value": "first"})["slug"]
    page = at(admin, f"secrets/{slug}")
    page.get_by_role("button", name="Replace").click()
    field = page.get_by_label("Private key or token")
    expect(field).to_have_value("")
    field.fill("second")
    page.get_by_role("button", name="Save changes").first.click()
    expect(page.get_by_text("Everything here is saved")).to_be_visible(timeout=SOON)
    page.close()
    platform.call("DELETE", f"/secrets/{slug}")


def test_arrow_keys_read_one_row_after_the_other(admin: BrowserContext) -> None:
    page = at(admin, "instance-types")
    first = page.locator("tbody .strong").first
    first.focus()
    page.keyboard.press("ArrowDown")
    second = page.locator("tbody .strong").nth(1)
    expect(second).to_be_focused()
    expect(page.get_by_role("complementary", name=f"About {second.inner_text()}")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("complementary")).to_have_count(0)
    page.close()


@pytest.mark.sandbox
def test_the_hubs_own_panel_is_a_click_away_and_starts_for_a_person_what_they_chose_last(
    admin: BrowserContext, platform: Platform, lab: Lab, light_environment: str
) -> None:
    name = f"h{uuid.uuid4().hex[:8]}"
    token = platform.add_person(name, lab.group)
    image = platform.add_image(light_environment, f"light-{name}")
    page = at(admin, "notebooks")
    page.get_by_role("link", name="Hub admin panel").click()
    row = page.get_by_test_id(f"user-row-{name}")

    def offers(button: Locator) -> bool:
        """Whether the panel has it, which shows servers as they were when it was loaded."""
        page.reload()
        row.wait_for()
        return button.is_visible()

    def press(verb: str) -> None:
        button = row.get_by_role("button", name=f"{verb} Server")
        wait_for(lambda: offers(button), 60, what=f"the panel offers to {verb} it")
        with page.expect_response(re.compile(f"/hub/api/users/{name}/server")):
            button.click()

    try:
        expect(page.get_by_test_id(f"user-row-{lab.user}")).to_be_visible(timeout=SOON)
        page.get_by_placeholder("Search Users").fill(name)
        expect(page.get_by_test_id(f"user-row-{lab.user}")).to_have_count(0)
        press("Start")
        expect(page.get_by_text("Failed to start server."), "nothing was ever chosen").to_be_visible(timeout=SOON)
        platform.call("POST", "/notebooks", {**lab.launch, "image": image}, token=token)
        for verb in ("Stop", "Start", "Stop"):
            press(verb)
        wait_for(lambda: offers(row.get_by_role("button", name="Start Server")), 60, what="all is stopped")
        starts = platform.call("GET", f"/notebooks?user={name}", token=token)["items"]
        assert [(start["image"], start["phase"]) for start in starts] == [(image, "STOPPED")] * 2
    finally:
        page.close()
        platform.call("DELETE", f"/users/{name}")
        platform.call("DELETE", f"/images/{image}")
