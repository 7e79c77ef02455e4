"""Home, the palette, keys, the queue's picture, and what group admins change, on the real platform."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.e2e.portal_browser import serious, sound
from tests.e2e.portal_steps import ROOT, SOON, STARTED, signed_in, stop
from tests.support.light_notebook import light_environment
from tests.support.names import unique
from tests.support.platform import PASSWORD, Lab, Platform

__all__ = ["light_environment"]
pytestmark = [pytest.mark.browser, pytest.mark.e2e]
BUILT = 180_000
"""Milliseconds in which a small environment is made."""
GROUP = "lab-of-images"


@pytest.fixture(scope="module")
def people(platform: Platform, lab: Lab) -> None:
    """A group, its admin and a member."""
    platform.call("POST", "/groups", {"name": GROUP, "user_quota": {"cpu": 4}})
    platform.add_person("head", GROUP)
    platform.call("PUT", f"/groups/{GROUP}/members/head", {"role": "admin"})
    platform.add_person("hand", GROUP)


@pytest.fixture(scope="module")
def head(browser: Browser, platform: Platform, people: None) -> Iterator[BrowserContext]:
    """A group admin's browser."""
    context = signed_in(browser, platform, "head")
    yield context
    context.close()


@pytest.fixture
def page(head: BrowserContext) -> Iterator[Page]:
    opened = head.new_page()
    yield opened
    opened.close()


@pytest.fixture
def keys(page: Page) -> Iterator[None]:
    """They go to pages again after the test."""
    yield
    page.evaluate("localStorage.removeItem('primehub.keys')")


def forget(platform: Platform, user: str, secret: str) -> None:
    """Delete a secret that the person may delete, where it is there."""
    token = platform.token(user, PASSWORD)
    for found in platform.call("GET", "/secrets", token=token)["items"]:
        if found["name"] == secret:
            platform.call("DELETE", f"/secrets/{found['slug']}", token=token)


@pytest.fixture
def as_before(platform: Platform, people: None) -> Iterator[None]:
    """The group's time limit and secrets, and its member's, are what they were after the test."""
    limit = platform.call("GET", f"/groups/{GROUP}")["job_timeout"]
    yield
    now = platform.call("GET", f"/groups/{GROUP}")
    platform.call("PATCH", f"/groups/{GROUP}", {"version": now["version"], "job_timeout": limit})
    forget(platform, "head", "wandb")
    forget(platform, "hand", "mine")


def test_home_leads_to_notebooks_and_jobs_and_invites(page: Page, platform: Platform) -> None:
    page.goto(f"{ROOT}/g/{GROUP}/home")
    expect(page.get_by_role("heading", name="PyTorch notebook")).to_be_visible(timeout=SOON)
    expect(page.get_by_text("No TensorFlow image in this group")).to_be_visible(timeout=SOON)
    expect(page.get_by_text("No work of yours in this group yet")).to_be_visible()
    sound(page)
    page.get_by_role("button", name="Invite people").click()
    page.get_by_role("dialog").get_by_role("button", name="Make link").click()
    link = page.get_by_role("dialog").locator("code").inner_text(timeout=SOON)
    assert re.fullmatch(rf"{re.escape(platform.url)}/hub/invite#\S{{16,}}", link)
    page.get_by_role("dialog").get_by_role("button", name="Done").click()
    page.get_by_role("link", name="Where files live").click()
    expect(page.get_by_text("everybody in the group reads and writes it")).to_be_visible(timeout=SOON)
    sound(page)


@pytest.mark.sandbox
def test_one_press_on_home_starts_the_groups_notebook_for_a_framework(
    page: Page, platform: Platform, light_environment: str
) -> None:
    source = platform.image_source(light_environment)
    names = unique("tensorflow-2"), unique("pytorch-2")
    slugs = [platform.call("POST", "/images", {"name": n, "group": GROUP, "source": source})["slug"] for n in names]
    try:
        page.goto(f"{ROOT}/g/{GROUP}/home")
        for framework, name in zip(("TensorFlow", "PyTorch"), names, strict=True):
            page.get_by_role("link", name=f"Start a {framework} notebook").click(timeout=BUILT)
            question = page.get_by_role("dialog", name="You are about to start a notebook")
            expect(question).to_contain_text(name, timeout=SOON)
            question.get_by_role("button", name="Start notebook").click(timeout=SOON)
            expect(page.get_by_role("button", name="Stop notebook")).to_be_visible(timeout=STARTED)
            [active] = platform.call("GET", "/notebooks?user=head&active=true")["items"]
            assert (active["image"], active["group"], active["phase"]) == (name, GROUP, "RUNNING")
            stop(page)
            page.get_by_role("link", name="Home", exact=True).click()
    finally:
        platform.end_notebooks("head")
        for slug in slugs:
            platform.call("DELETE", f"/images/{slug}")


def test_members_invite_where_the_platform_lets_them_and_nowhere_else(
    browser: Browser, head: object, platform: Platform
) -> None:
    context, token = signed_in(browser, platform, "hand"), platform.token("hand", PASSWORD)

    def lets_members(may: bool) -> None:
        version = platform.call("GET", "/settings")["version"]
        platform.call("PATCH", "/settings", {"version": version, "members_may_invite": may})

    page = context.new_page()
    page.goto(f"{ROOT}/g/{GROUP}/home")
    expect(page.get_by_role("heading", name="Who uses what")).to_be_visible(timeout=SOON)
    button = page.get_by_role("button", name="Invite people")
    expect(button).to_have_count(0)
    platform.call("POST", "/invitations", {"group": GROUP}, token=token, status=403)
    try:
        lets_members(True)
        button.click(timeout=SOON)
        page.get_by_role("dialog").get_by_role("button", name="Make link").click()
        expect(page.get_by_role("dialog").locator("code")).to_contain_text("/hub/invite#", timeout=SOON)
        page.get_by_role("dialog").get_by_role("button", name="Done").click()
        platform.call("POST", "/invitations", {"group": GROUP, "role": "admin"}, token=token, status=403)
    finally:
        lets_members(False)
    expect(button).to_have_count(0, timeout=SOON)
    context.close()


@pytest.mark.usefixtures("keys")
def test_keys_go_to_pages_and_the_palette_to_everything(page: Page) -> None:
    page.goto(f"{ROOT}/g/{GROUP}/home")
    expect(page.get_by_role("heading", name="Who uses what")).to_be_visible(timeout=SOON)
    page.keyboard.press("g")
    page.keyboard.press("q")
    expect(page.get_by_text("Nothing waits and nothing runs")).to_be_visible(timeout=SOON)
    sound(page)
    page.keyboard.press("Control+k")
    field = page.get_by_role("combobox", name="Search or go to")
    expect(field).to_be_focused(timeout=SOON)
    field.fill("hand")
    expect(page.get_by_role("option", name="hand")).to_be_visible(timeout=SOON)
    assert serious(page) == []
    field.fill("sett")
    expect(page.get_by_role("option", name="Settings")).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Settings")).to_be_visible(timeout=SOON)
    page.keyboard.press("?")
    page.get_by_role("dialog").get_by_role("switch").click()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.keyboard.press("g")
    page.keyboard.press("j")
    page.keyboard.press("?")
    expect(page.get_by_role("heading", name="Settings")).to_be_visible()


@pytest.mark.usefixtures("as_before")
def test_a_group_admin_sets_the_time_limit_and_keeps_secrets(page: Page, platform: Platform) -> None:
    page.goto(f"{ROOT}/g/{GROUP}/settings")
    page.get_by_role("radio", name="Never").check(timeout=SOON)
    expect(page.get_by_role("heading", name="Not saved yet")).to_be_visible()
    page.get_by_role("button", name="Save").first.click()
    expect(page.get_by_role("heading", name="Everything here is saved")).to_be_visible(timeout=SOON)
    assert platform.call("GET", f"/groups/{GROUP}")["job_timeout"] == 0
    expect(page.get_by_text("Group admin").last).to_be_visible()

    page.get_by_role("button", name="Create secret").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Save secret").click()
    expect(dialog.get_by_text("Give it a name.")).to_be_visible()
    dialog.get_by_label("Name", exact=True).fill("wandb")
    dialog.get_by_label("Value", exact=True).fill("s3cr3t of the group")
    dialog.get_by_role("button", name="Save secret").click()
    expect(page.get_by_role("button", name="Replace the value of wandb")).to_be_visible(timeout=SOON)
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert "s3cr3t of the group" not in page.content()
    sound(page)
    page.get_by_role("button", name="Delete wandb").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("button", name="Delete secret")).to_be_disabled()
    dialog.get_by_role("textbox").fill("wandb")
    dialog.get_by_role("button", name="Delete secret").click()
    expect(page.get_by_text("No secrets yet")).to_be_visible(timeout=SOON)


def test_a_group_image_says_at_its_fields_what_is_wrong(page: Page) -> None:
    page.goto(f"{ROOT}/g/{GROUP}/images")
    expect(page.get_by_role("table")).to_be_visible(timeout=SOON)
    sound(page)
    page.get_by_role("link", name="Create image").first.click()
    page.get_by_role("textbox", name="Packages").fill("../../etc")
    page.get_by_role("button", name="Create image").first.click()
    expect(page.get_by_text("Give it a name.")).to_be_visible(timeout=SOON)
    page.get_by_label("Name", exact=True).fill("broken")
    page.get_by_role("button", name="Create image").first.click()
    expect(page.locator("[aria-invalid=true]").first).to_be_visible(timeout=SOON)
    expect(page.get_by_label("Interpreter")).to_have_count(0)


@pytest.mark.usefixtures("as_before")
def test_a_member_reads_what_the_group_is_and_changes_nothing(
    browser: Browser, head: object, platform: Platform
) -> None:
    context = signed_in(browser, platform, "hand")
    page = context.new_page()
    page.goto(f"{ROOT}/g/{GROUP}/images")
    expect(page.get_by_text("Only group admins can open this")).to_be_visible(timeout=SOON)
    page.get_by_role("link", name="About the group").click()
    expect(page.get_by_text(f"/project/{GROUP}")).to_be_visible(timeout=SOON)
    expect(page.get_by_role("radio")).to_have_count(0)
    expect(page.get_by_role("button", name="Create secret")).to_have_count(0)
    sound(page)
    page.goto(f"{ROOT}/profile")
    page.get_by_role("button", name="Create secret").click(timeout=SOON)
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name", exact=True).fill("mine")
    dialog.get_by_label("Value", exact=True).fill("of my own")
    dialog.get_by_role("button", name="Save secret").click()
    expect(page.get_by_role("button", name="Delete mine")).to_be_visible(timeout=SOON)
    sound(page)
    context.close()


@pytest.mark.sandbox
def test_a_group_image_is_made_built_again_and_deleted_by_the_groups_admin(page: Page, platform: Platform) -> None:
    name = f"tools-{uuid.uuid4().hex[:6]}"
    page.goto(f"{ROOT}/g/{GROUP}/images/new")
    page.get_by_label("Name", exact=True).fill(name, timeout=SOON)
    expect(page.get_by_role("radio", name="A container image")).to_be_disabled(timeout=SOON)
    expect(page.get_by_text("one machine runs no containers")).to_be_visible()
    page.get_by_role("textbox", name="Packages").fill("tabulate")
    page.get_by_role("button", name="Create image").first.click()
    expect(page.get_by_role("heading", name=name)).to_be_visible(timeout=SOON)
    log = page.get_by_role("region", name="Log")
    expect(log).to_contain_text("tabulate", timeout=BUILT)
    expect(page.get_by_text("Ready", exact=True)).to_be_visible(timeout=BUILT)
    sound(page)

    page.get_by_role("button", name="Build again").click()
    expect(page.get_by_role("button", name="Build again")).to_be_disabled(timeout=SOON)
    expect(page.get_by_text("Ready", exact=True)).to_be_visible(timeout=BUILT)
    expect(page.get_by_role("button", name="Build again")).to_be_enabled()

    page.get_by_role("button", name="Delete image…").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("textbox").fill(name)
    dialog.get_by_role("button", name="Delete image").click()
    page.wait_for_url(f"**/g/{GROUP}/images")
    expect(page.get_by_role("link", name=name)).to_have_count(0)
    assert all(image["name"] != name for image in platform.call("GET", f"/images?group={GROUP}")["items"])
