"""What platform admins do by the admin pages, and what of it the API and other people see afterwards."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.portal_browser import serious
from tests.e2e.portal_steps import ROOT, SOON, opened, signed_in
from tests.support.platform import ADMIN, PASSWORD, Platform
from tests.support.shell_notebook import shell_environment
from tests.support.waiting import wait_for

__all__ = ["shell_environment"]
pytestmark = [pytest.mark.browser, pytest.mark.e2e]
GROUP = "foundry"
SMALL = {"name": "ladle", "cpu_limit": 0.5, "memory_limit": "256Mi", "cpu_request": 0.05, "memory_request": "32Mi"}
Submit = Callable[[str, str], str]


@pytest.fixture(scope="module")
def page(browser: Browser, platform: Platform) -> Iterator[Page]:
    """An administrator's."""
    platform.call("POST", "/groups", {"name": GROUP})
    context = signed_in(browser, platform, ADMIN)
    yield context.new_page()
    context.close()


@pytest.fixture(scope="module")
def submit(platform: Platform, shell_environment: str) -> Submit:
    """Runs a command for somebody new in the group; the job's id, once it runs."""
    platform.call("POST", "/instance-types", SMALL)
    image = platform.add_image(shell_environment, "sand")

    def run(user: str, name: str) -> str:
        body = {"group": GROUP, "instance_type": "ladle", "image": image, "name": name, "command": "sleep 600"}
        job = platform.call("POST", "/jobs", body, token=platform.add_person(user, GROUP), status=201)["id"]
        wait_for(lambda: phase(platform, job) == "RUNNING", 90, what="it runs")
        return str(job)

    return run


def phase(platform: Platform, job: str) -> Any:
    return platform.call("GET", f"/jobs/{job}")["phase"]


def new(word: str) -> str:
    return f"{word}{uuid.uuid4().hex[:6]}"


def at(page: Page, path: str) -> None:
    page.goto(f"{ROOT}/admin/{path}")


def made(page: Page, kind: str, name: str, button: str) -> None:
    """Press the button of a form that is filled in, and find in the list what it has made."""
    page.get_by_role("button", name=button).first.click()
    page.wait_for_url(re.compile(f"/admin/{kind}(/{name})?$"))
    at(page, kind)
    expect(page.get_by_role("link", name=name, exact=True)).to_be_visible(timeout=SOON)


def test_an_instance_type_is_made_with_its_size(page: Page, platform: Platform) -> None:
    name = new("size")
    at(page, "instance-types/new")
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_label("CPU", exact=True).fill("1.5")
    page.get_by_label("Memory", exact=True).fill("3")
    made(page, "instance-types", name, "Create instance type")
    found = platform.call("GET", f"/instance-types/{name}")
    assert (found["cpu_limit"], found["memory_limit"]) == (1.5, "3Gi")
    platform.call("DELETE", f"/instance-types/{name}")


def test_a_volume_is_made_and_deleted_with_its_name_typed(page: Page, platform: Platform) -> None:
    name = new("shelf")
    at(page, "volumes/new")
    page.get_by_label("Name", exact=True).fill(name)
    made(page, "volumes", name, "Create volume")
    assert platform.call("GET", f"/volumes/{name}")["source"]["type"] == "pvc"
    at(page, f"volumes/{name}")
    page.get_by_role("button", name="Delete volume…").click()
    dialog = page.get_by_role("dialog")
    assert serious(page) == []
    dialog.get_by_role("textbox").fill(name)
    dialog.get_by_role("button", name="Delete volume").click()
    page.wait_for_url("**/admin/volumes")
    platform.call("GET", f"/volumes/{name}", status=404)


def test_a_secret_is_made_and_its_value_told_to_nobody(page: Page, platform: Platform) -> None:
    name = new("seal")
    at(page, "secrets/new")
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_text("Git key", exact=True).first.click()
    page.get_by_label("Private key or token").fill("once-and-never-again")
    made(page, "secrets", name, "Create secret")
    assert "once-and-never-again" not in page.content()
    assert platform.call("GET", f"/secrets/{name}")["kind"] == "git"
    platform.call("DELETE", f"/secrets/{name}")


def test_what_is_announced_stands_above_everybodys_pages_until_it_is_taken_down(
    page: Page, browser: Browser, platform: Platform
) -> None:
    message = f"The forge cools down, {new('')}"
    platform.add_person(reader := new("reader"), GROUP)
    hers = opened(signed_in(browser, platform, reader), f"/g/{GROUP}/home")
    at(page, "settings")
    page.get_by_label("Message", exact=True).fill(message)
    page.get_by_role("button", name="Announce", exact=True).click()
    expect(hers.get_by_text(message)).to_be_visible(timeout=SOON)
    page.get_by_role("button", name=f"Take down: {message}").click()
    expect(hers.get_by_text(message)).to_have_count(0, timeout=SOON)
    hers.context.close()


def test_a_temporary_password_signs_in_and_the_old_one_does_not(
    page: Page, browser: Browser, platform: Platform
) -> None:
    platform.add_person(name := new("guest"), GROUP)
    at(page, f"users/{name}")
    page.get_by_role("button", name="Give a temporary password…").click()
    assert serious(page) == []
    page.get_by_role("dialog").get_by_role("button", name="Give temporary password").click()
    password = page.get_by_test_id("once").inner_text(timeout=SOON)
    page.get_by_role("button", name="Done").click()
    expect(page.get_by_text(password)).to_have_count(0)
    for given, lets_in in ((PASSWORD, False), (password, True)):
        context = browser.new_context(base_url=platform.url)
        other = context.new_page()
        other.goto(f"{ROOT}/")
        other.get_by_label("Username").fill(name)
        other.locator("input[type=password]").fill(given)
        other.locator("input[type=submit], button[type=submit]").first.click()
        words = re.compile("new password|choose", re.I) if lets_in else re.compile("invalid|wrong|not right", re.I)
        expect(other.get_by_text(words).first).to_be_visible(timeout=SOON)
        context.close()


@pytest.mark.sandbox
def test_who_is_deleted_has_what_stops_shown_before_and_stopped_after(
    page: Page, platform: Platform, submit: Submit
) -> None:
    job = submit(name := new("leaver"), "last pour")
    at(page, f"users/{name}")
    page.get_by_role("button", name="Delete account…").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("listitem").filter(has_text="last pour")).to_contain_text(GROUP, timeout=SOON)
    assert serious(page) == []
    dialog.get_by_role("textbox").fill(name)
    dialog.get_by_role("button", name="Delete account").click()
    page.wait_for_url("**/admin/users")
    wait_for(lambda: phase(platform, job) == "CANCELLED", 30, what="the job has ended")
    platform.call("GET", f"/users/{name}", status=404)


@pytest.mark.sandbox
def test_a_job_of_any_group_is_cancelled_from_the_list_and_the_audit_log_finds_who_did_it(
    page: Page, platform: Platform, submit: Submit
) -> None:
    job = submit(new("smith"), title := new("pour "))
    at(page, f"jobs?search={title.replace(' ', '+')}")
    page.get_by_role("button", name=f"Cancel {title}").click(timeout=SOON)
    page.get_by_role("dialog").get_by_role("button", name="Cancel job").click()
    wait_for(lambda: phase(platform, job) == "CANCELLED", 30, what="the job has ended")
    at(page, "audit")
    page.get_by_label("By", exact=True).fill(ADMIN)
    entry = page.get_by_role("row").filter(has_text=title)
    expect(entry.first).to_contain_text("cancelled", timeout=SOON)
    page.get_by_label("By", exact=True).fill("nobody-of-this-name")
    expect(page.get_by_text("Nothing matches")).to_be_visible(timeout=SOON)
