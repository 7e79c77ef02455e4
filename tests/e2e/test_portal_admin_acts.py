"""What platform admins do by the admin pages, and what of it the API and other people see afterwards."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.e2e.portal_browser import serious
from tests.e2e.portal_steps import ROOT, SOON, opened, signed_in, signed_in_by_link
from tests.support.mail import Inbox
from tests.support.platform import ADMIN, PASSWORD, Platform
from tests.support.shell_notebook import shell_environment
from tests.support.waiting import wait_for

__all__ = ["shell_environment"]
pytestmark = [pytest.mark.browser, pytest.mark.e2e]
GROUP = "foundry"
SMALL = {"name": "ladle", "cpu_limit": 0.5, "memory_limit": "256Mi", "cpu_request": 0.05, "memory_request": "32Mi"}
PICTURE = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 8"><rect width="8" height="8" fill="teal"/></svg>"""
Submit = Callable[[str, str], str]


@pytest.fixture(scope="module")
def page(browser: Browser, platform: Platform) -> Iterator[Page]:
    """An administrator's."""
    platform.call("POST", "/groups", {"name": GROUP, "user_quota": {"cpu": 1}})
    context = signed_in(browser, platform, ADMIN)
    yield context.new_page()
    context.close()


@pytest.fixture(scope="module")
def launch(platform: Platform, shell_environment: str) -> dict[str, str]:
    """What somebody in the group starts a notebook or a job with."""
    platform.call("POST", "/instance-types", SMALL)
    return {"group": GROUP, "instance_type": "ladle", "image": platform.add_image(shell_environment, "sand")}


@pytest.fixture(scope="module")
def submit(platform: Platform, launch: dict[str, str]) -> Submit:
    """Runs a command for somebody new in the group; the job's id, once it runs."""

    def run(user: str, name: str) -> str:
        body = {**launch, "name": name, "command": "sleep 600"}
        job = platform.call("POST", "/jobs", body, token=platform.add_person(user, GROUP), status=201)["id"]
        wait_for(lambda: phase(platform, job) == "RUNNING", 90, what="it runs")
        return str(job)

    return run


@pytest.fixture
def settings(page: Page, platform: Platform) -> Iterator[Page]:
    """The page of the system settings; afterwards they are what they were before."""
    before = platform.call("GET", "/settings")
    at(page, "settings")
    yield page
    now = platform.call("GET", "/settings")
    platform.call("PATCH", "/settings", {**before, "version": now["version"]})


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


def section(page: Page, title: str) -> Locator:
    """A part of the system settings, which is saved by itself."""
    return page.locator("section").filter(has=page.get_by_role("heading", name=title, exact=True))


def save(part: Locator) -> None:
    part.get_by_role("button", name="Save", exact=True).click()
    expect(part.get_by_role("status").get_by_text("Saved")).to_be_visible(timeout=SOON)


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


def test_a_name_and_a_logo_are_on_everybodys_pages_at_once(
    settings: Page, browser: Browser, platform: Platform
) -> None:
    platform.add_person(reader := new("reader"), GROUP)
    hers = opened(signed_in(browser, platform, reader), f"/g/{GROUP}/home")
    expect(hers.get_by_role("link", name="PrimeHub", exact=True)).to_be_visible(timeout=SOON)
    part, name = section(settings, "Name and logo"), new("Foundry ")
    part.get_by_label("Name", exact=True).fill(name)
    part.locator("input[type=file]").set_input_files(
        {"name": "logo.svg", "mimeType": "image/svg+xml", "buffer": PICTURE.encode()}
    )
    save(part)
    brand = hers.get_by_role("link", name=name)
    expect(brand).to_be_visible(timeout=SOON)
    drawn = "img => img.complete && img.naturalWidth > 0"
    wait_for(lambda: brand.locator("img").evaluate(drawn), 10, what="the browser draws the logo")
    expect(settings.get_by_role("link", name=name)).to_be_visible()
    with browser.new_context(base_url=platform.url) as outside:
        door = outside.new_page()
        wait_for(lambda: door.goto("/hub/login") and door.title() == name, 20, what="the sign-in page has the name")
        assert door.get_by_role("link", name=name, exact=True).locator("img").evaluate(drawn)
    part.get_by_role("button", name="Use PrimeHub").click()
    save(part)
    expect(brand.locator("svg")).to_be_visible(timeout=SOON)
    hers.context.close()


def test_who_may_invite_and_the_size_of_a_home_are_what_the_settings_say(
    settings: Page, browser: Browser, platform: Platform
) -> None:
    platform.add_person(reader := new("reader"), GROUP)
    hers = opened(signed_in(browser, platform, reader), f"/g/{GROUP}/home")
    expect(hers.get_by_role("heading", name="Who uses what")).to_be_visible(timeout=SOON)
    invite = hers.get_by_role("button", name="Invite")
    expect(invite).to_have_count(0)
    part = section(settings, "People")
    part.get_by_label("Members may invite").click()
    part.get_by_label("Size of a home folder").fill("37")
    save(part)
    expect(invite).to_be_visible(timeout=SOON)
    part.get_by_label("Members may invite").click()
    save(part)
    expect(invite).to_have_count(0, timeout=SOON)
    at(settings, f"users/{reader}")
    expect(settings.get_by_text(": 37 GiB.")).to_be_visible(timeout=SOON)
    hers.context.close()


def test_times_of_notebooks_that_contradict_each_other_are_not_saved(settings: Page, platform: Platform) -> None:
    part = section(settings, "Notebooks")
    idle, warning = (
        part.get_by_label(label, exact=True)
        for label in (
            "Stops when nobody uses it, after",
            "Its owner is warned before that, by",
        )
    )
    before = platform.call("GET", "/settings")["idle_timeout"]
    idle.fill("1")
    warning.fill("90")
    part.get_by_role("button", name="Save", exact=True).click()
    expect(part.get_by_role("alert")).to_contain_text("Use less than the time after which it stops", timeout=SOON)
    expect(warning).to_be_focused()
    assert platform.call("GET", "/settings")["idle_timeout"] == before


@pytest.mark.sandbox
def test_jobs_are_limited_as_the_settings_say_from_the_next_on(
    settings: Page, browser: Browser, platform: Platform, launch: dict[str, str]
) -> None:
    jobs, results = section(settings, "Jobs"), section(settings, "Results")
    jobs.get_by_label("Time limit", exact=True).fill("3")
    jobs.get_by_label("Time limit: unit").press("Enter")
    settings.locator(".ant-select-dropdown:visible").get_by_title("hours").click()
    jobs.get_by_label("Time limit", exact=True).fill("3")
    save(jobs)
    results.get_by_label("Files of one job, at most").fill("1")
    save(results)

    token = platform.add_person(smith := new("smith"), GROUP)
    hers = opened(signed_in(browser, platform, smith), f"/g/{GROUP}/jobs/new")
    expect(hers.get_by_label("Group default: 3 h")).to_be_checked(timeout=SOON)
    body = {**launch, "name": "slag", "command": "mkdir artifacts; touch artifacts/first artifacts/second"}
    job = platform.call("POST", "/jobs", body, token=token, status=201)
    assert job["timeout"] == 3 * 3600
    hers.goto(f"{ROOT}/g/{GROUP}/jobs/{job['id']}")
    expect(hers.get_by_role("status").get_by_text("Succeeded")).to_be_visible(timeout=30_000)
    hers.get_by_role("tab", name="Artifacts").click()
    expect(hers.get_by_text("1 file was not kept: second")).to_be_visible(timeout=SOON)
    hers.context.close()


def test_a_test_mail_arrives_where_the_administrator_reads_it(page: Page, platform: Platform, inbox: Inbox) -> None:
    address = f"{new('boss')}@example.org"
    me = platform.call("GET", "/me")
    platform.call("PATCH", f"/users/{me['name']}", {"version": me["version"], "email": address})
    at(page, "settings")
    part = section(page, "E-mail")
    expect(part).to_contain_text(f"127.0.0.1:{inbox.port}", timeout=SOON)
    part.get_by_role("button", name="Send test e-mail").click()
    expect(part.get_by_role("status")).to_contain_text(f"Sent to {address}", timeout=SOON)
    assert [to for to, _ in inbox.letters if address in to] == [[address]]
    inbox.answer = "550 This house takes no letters"
    try:
        part.get_by_role("button", name="Send test e-mail").click()
        expect(part.get_by_role("status")).to_contain_text("This house takes no letters", timeout=SOON)
    finally:
        inbox.answer = "250 OK"


def test_members_are_added_made_group_admin_and_removed_in_the_groups_form(
    page: Page, browser: Browser, platform: Platform
) -> None:
    group = platform.call("POST", "/groups", {"name": new("mould")})["slug"]
    platform.add_person(member := new("member"), GROUP)
    hers = opened(signed_in(browser, platform, member), f"/g/{group}/home")
    expect(hers.get_by_text(f"You cannot open the group {group}")).to_be_visible(timeout=SOON)
    at(page, f"groups/{group}")
    page.get_by_label("Add people by username").fill(member)
    page.locator(".ant-select-item-option").filter(has_text=member).click(timeout=SOON)
    changes = page.get_by_role("complementary")
    expect(changes).to_contain_text(f"{member} joins")

    def saved() -> None:
        page.get_by_role("button", name="Save changes").first.click()
        expect(page.get_by_text("Everything here is saved")).to_be_visible(timeout=SOON)

    saved()
    expect(hers.get_by_role("heading", name=group)).to_be_visible(timeout=SOON)
    expect(hers.get_by_role("link", name="Images")).to_have_count(0)
    page.get_by_role("checkbox", name=re.compile(member)).check()
    saved()
    expect(hers.get_by_role("link", name="Images")).to_be_visible(timeout=SOON)
    page.get_by_role("button", name=f"Remove {member}").click()
    expect(changes).to_contain_text(f"{member} leaves")
    saved()
    expect(hers.get_by_text(f"You cannot open the group {group}")).to_be_visible(timeout=SOON)
    platform.call("DELETE", f"/groups/{group}")
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


def test_a_link_sent_by_e_mail_lets_its_person_in_and_one_that_cannot_be_is_there_to_hand_over(
    page: Page, browser: Browser, platform: Platform, inbox: Inbox
) -> None:
    name = new("pen")
    at(page, "users/new")
    page.get_by_label("Username").fill(name)
    page.get_by_role("switch", name="Send the link to this address").click(timeout=SOON)
    page.get_by_role("button", name="Create user").first.click()
    expect(page.get_by_text("Give the address that the link goes to.").first).to_be_visible()
    page.get_by_label("E-mail").fill(f"{name}@example.org")
    assert serious(page, "main") == []
    page.get_by_role("button", name="Create user").first.click()
    expect(page.get_by_text(f"Sent to {name}@example.org.", exact=True)).to_be_visible(timeout=SOON)
    shown = page.get_by_test_id("once").inner_text()
    assert [line for line in inbox.lines(f"{name}@example.org") if "/hub/invite#" in line] == [shown]
    page.get_by_role("button", name="Done").click()
    page.wait_for_url(f"**/users/{name}")
    signed_in_by_link(browser, platform, shown).close()

    with inbox.refusing("550 nobody of that name"):
        page.get_by_role("button", name="Send it by e-mail").click(timeout=SOON)
        expect(page.get_by_role("dialog").get_by_role("alert")).to_contain_text("nobody of that name", timeout=SOON)
    assert serious(page) == []
    assert "/hub/invite#" in page.get_by_test_id("once").inner_text()
    page.get_by_role("button", name="Done").click()
    at(page, "audit")
    expect(page.get_by_text(f"to {name}@example.org").first).to_be_visible(timeout=SOON)
    expect(page.get_by_role("row").filter(has_text="could not send an invitation link").first).to_be_visible()
    platform.call("DELETE", f"/users/{name}")


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


@pytest.mark.sandbox
def test_who_holds_what_is_shown_and_a_notebook_is_stopped_for_its_person_to_see(
    settings: Page, browser: Browser, platform: Platform, submit: Submit, launch: dict[str, str]
) -> None:
    idle = section(settings, "Notebooks")
    idle.get_by_label("Stops when nobody uses it, after", exact=True).fill("5")
    save(idle)
    submit(caster := new("caster"), title := new("casting "))
    token = platform.token(caster, PASSWORD)
    hers = opened(signed_in(browser, platform, caster), f"/g/{GROUP}/notebooks")
    # open all the while
    at(usage := settings.context.new_page(), f"usage?open={GROUP}")
    held = usage.get_by_role("region", name=f"Who holds what in {GROUP}").get_by_role("row").filter(has_text=caster)
    expect(held).to_have_count(1, timeout=SOON)
    platform.call("POST", "/notebooks", launch, token=token)
    expect(hers.get_by_role("button", name="Stop notebook")).to_be_visible(timeout=30_000)
    for kind in (title, "Notebook"):
        row = held.filter(has_text=kind)
        expect(row).to_contain_text("ladle", timeout=SOON)
        expect(row).to_contain_text("0.25")  # GiB of memory

    at(settings, f"notebooks?search={caster}")
    row = settings.get_by_role("row").filter(has_text=caster)
    expect(row).to_contain_text("in 5 h, unless used", timeout=SOON)
    settings.get_by_role("button", name=f"Stop {caster}").click()
    settings.get_by_role("dialog").get_by_role("button", name="Stop notebook").click()
    expect(hers.get_by_text(f"{ADMIN} stopped your last notebook")).to_be_visible(timeout=30_000)
    at(settings, f"notebooks?search={caster}&view=ended")
    settings.get_by_role("link", name=f"Log of {caster}").click()
    expect(settings.get_by_text(f"stopped by {ADMIN}").first).to_be_visible(timeout=SOON)
    expect(settings.get_by_role("region", name="Log").get_by_text("asked to end")).to_be_visible(timeout=SOON)
    expect(held.filter(has_text="Notebook")).to_have_count(0, timeout=SOON)
    expect(held.filter(has_text=title)).to_have_count(1)
    usage.close()
    hers.context.close()
