"""What a person does in the pages, step by step, on any platform: one of this machine, or one installed on a cluster."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable

from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from tests.support.names import unique
from tests.support.platform import PASSWORD, Platform

ROOT = "/services/primehub"
SOON = 20_000
"""Milliseconds in which a change is seen, with room for a busy machine."""
STARTED = 90_000
LEAVES = "mkdir -p artifacts/sub; printf 'epoch,loss\\n1,0.5\\n2,0.25\\n' > artifacts/loss.csv; echo kept > artifacts/sub/note.txt"
WINDOW = {"width": 1280, "height": 800}
Looked = Callable[[Page], None]
"""What is looked at on each page that the steps come to."""


def opened(context: BrowserContext, path: str) -> Page:
    """A page of the portal."""
    page = context.new_page()
    page.goto(ROOT + path)
    return page


# -- getting in


def signed_in(browser: Browser, platform: Platform, user: str) -> BrowserContext:
    """A browser in which the person has signed in by the hub's page."""
    context = _window(browser, platform)
    page = context.new_page()
    page.goto(f"{ROOT}/")
    signs_in(page, user)
    page.close()
    return context


def signs_in(page: Page, user: str) -> None:
    """On the hub's page, which leads back to the portal."""
    page.get_by_label("Username").fill(user)
    page.locator("input[type=password]").fill(PASSWORD)
    page.locator("input[type=submit], button[type=submit]").first.click()
    page.wait_for_url(f"**{ROOT}/**")


def signed_in_by_link(browser: Browser, platform: Platform, link: str) -> BrowserContext:
    """A browser in which the person has set a password at a one-time link, and is signed in by that."""
    context = _window(browser, platform)
    page = context.new_page()
    page.goto(_here(link))
    _set_password(page)
    page.get_by_role("button", name="Set password").click()
    page.wait_for_url(f"**{ROOT}/**")
    page.close()
    return context


def joined(browser: Browser, platform: Platform, link: str, user: str) -> BrowserContext:
    """A browser in which somebody new has made an account at a link into a group."""
    context = _window(browser, platform)
    page = context.new_page()
    page.goto(_here(link))
    page.get_by_label("Username").fill(user)
    _set_password(page)
    page.get_by_role("button", name="Create account").click()
    page.wait_for_url(f"**{ROOT}/**")
    page.close()
    return context


def _window(browser: Browser, platform: Platform) -> BrowserContext:
    return browser.new_context(base_url=platform.url, viewport=WINDOW)  # type: ignore[arg-type]


def _here(link: str) -> str:
    """The link on the address that this browser uses: a platform behind another one tells that."""
    return f"/hub/invite#{link.partition('#')[2]}"


def _set_password(page: Page) -> None:
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("Password again").fill(PASSWORD)


def chooses_group(page: Page, group: str) -> None:
    """From any page of another group; the page stays."""
    before = page.url
    page.get_by_role("button", name="switch the working group").click()
    page.get_by_role("menuitem", name=group, exact=True).click()
    page.wait_for_url(re.sub(r"/g/[^/]+/", f"/g/{group}/", before))


# -- an administrator's


def makes_a_group(page: Page, name: str, cores: int) -> None:
    """With so many cores for each person."""
    page.goto(f"{ROOT}/admin/groups/new")
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_label("CPU for each person", exact=True).fill(str(cores))
    page.get_by_role("button", name="Create group").first.click()
    page.wait_for_url(f"**/admin/groups/{name}")
    expect(page.get_by_text("Everything here is saved")).to_be_visible(timeout=SOON)


def invites(page: Page, group: str) -> str:
    """Somebody new into a group; the link."""
    page.goto(f"{ROOT}/admin/users")
    page.get_by_role("button", name="Invite by link").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Into the group").fill(group)
    # what is pressed before the groups have been loaded chooses none
    page.locator(".ant-select-item-option").filter(has_text=group).click(timeout=SOON)
    dialog.get_by_role("button", name="Make link").click()
    link = page.get_by_test_id("once").inner_text(timeout=SOON)
    page.get_by_role("button", name="Done").click()
    return link


def sees_usage(page: Page, group: str, user: str) -> None:
    """That the person holds something in the group now."""
    page.goto(f"{ROOT}/admin/usage")
    page.get_by_role("button", name=group).click(timeout=SOON)
    expect(page.get_by_role("region", name=f"Who holds what in {group}")).to_contain_text(user, timeout=SOON)


def sees_health(page: Page, engine: str) -> None:
    """Every part, and what workloads run on, in words."""
    page.goto(f"{ROOT}/admin/health")
    expect(page.get_by_role("list", name="Parts", exact=True)).to_contain_text("Database", timeout=SOON)
    expect(page.get_by_role("complementary").filter(has_text="JupyterHub")).to_contain_text(engine)


def is_told_who_may(page: Page, *paths: str) -> None:
    """At addresses of administrators, who is none."""
    for path in paths:
        page.goto(f"{ROOT}/admin/{path}")
        expect(page.get_by_role("heading", name="Only platform admins can open")).to_be_visible(timeout=SOON)


# -- a notebook


def started(page: Page) -> Page:
    """JupyterLab, in the window that a press of Start opens, once there is progress to see."""
    with page.context.expect_page(timeout=STARTED) as lab_page:
        page.get_by_role("button", name="Start notebook").first.click()
        expect(page.get_by_role("button", name="Cancel start")).to_be_visible(timeout=SOON)
    lab_page.value.wait_for_url("**/user/*/lab**", timeout=STARTED)
    lab_page.value.wait_for_selector("#jp-main-dock-panel", timeout=STARTED)
    return lab_page.value


def stop(page: Page) -> None:
    """From the page of a notebook that runs."""
    page.get_by_role("button", name="Stop notebook").click()
    page.get_by_role("dialog").get_by_role("button", name="Stop notebook").click()
    expect(page.get_by_role("heading", name="Start a notebook")).to_be_visible(timeout=30_000)


def ran_cell(page: Page) -> Locator:
    """What the one cell of the notebook on this page says, once it was run there."""
    # a cell that is run before there is a kernel asks for one
    idle = page.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]")
    expect(idle).to_be_visible(timeout=STARTED)
    output = page.locator(".jp-Notebook .jp-OutputArea-output")
    for _ in range(4):
        # while the page still settles, what is pressed may be lost; nobody tells when it has
        page.locator(".jp-Notebook .jp-CodeCell .cm-content").click()
        page.keyboard.press("Control+Enter")
        with contextlib.suppress(AssertionError):
            expect(output).to_be_visible(timeout=5_000)
            break
    return output


# -- jobs


def submits_a_job_watches_it_and_looks_at_its_results(page: Page, group: str, looked: Looked) -> None:
    """In the form, with its error at the field first."""
    page.goto(f"{ROOT}/g/{group}/jobs")
    page.get_by_role("link", name="New job").first.click()
    expect(page.get_by_role("heading", name="Would start now")).to_be_visible(timeout=SOON)
    page.get_by_role("button", name="Submit job").first.click()
    expect(page.get_by_text("Say what to run.")).to_be_visible()
    looked(page)
    page.get_by_label("Name", exact=False).first.fill("bread")
    page.get_by_label("Command").fill(f"echo begun; {LEAVES}; sleep 4; echo the end")
    page.get_by_role("button", name="Submit job").first.click()

    expect(page.get_by_role("heading", name="bread")).to_be_visible(timeout=SOON)
    expect(page.get_by_text("begun", exact=True)).to_be_visible(timeout=SOON)
    expect(page.get_by_text("the end", exact=True)).to_be_visible(timeout=SOON)
    expect(page.get_by_role("status").get_by_text("Succeeded")).to_be_visible(timeout=SOON)
    looked(page)

    page.get_by_role("tab", name="Artifacts").click()
    page.get_by_role("button", name="loss.csv", exact=True).click()
    expect(page.get_by_role("columnheader", name="epoch")).to_be_visible(timeout=SOON)
    page.keyboard.press("Escape")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download sub/note.txt").click()
    assert download.value.path().read_text() == "kept\n"
    page.get_by_role("tab", name="Monitoring").click()
    page.get_by_role("tab", name="Definition").click()
    expect(page.get_by_text("echo the end")).to_be_visible()
    looked(page)


def makes_a_recurring_job_runs_and_pauses_it(page: Page, group: str, looked: Looked) -> None:
    """With an expression that is read back in words."""
    buns = unique("buns")
    page.goto(f"{ROOT}/g/{group}/recurring-jobs")
    page.get_by_role("link", name="New recurring job").first.click()
    expect(page.get_by_role("heading", name="New recurring job")).to_be_visible(timeout=SOON)
    page.get_by_label("Name", exact=True).fill(buns)
    page.get_by_role("radio", name="By a cron expression").check()
    page.get_by_role("textbox", name="Cron expression").fill("61 6 * * 1-5")
    expect(page.get_by_role("alert").first).to_be_visible(timeout=SOON)
    page.get_by_role("textbox", name="Cron expression").fill("30 6 * * 1-5")
    expect(page.get_by_text("6:30").first).to_be_visible(timeout=SOON)
    page.get_by_label("Command").fill("echo buns are ready")
    looked(page)
    page.get_by_role("button", name="Save recurring job").click()
    expect(page.get_by_role("heading", name=buns)).to_be_visible(timeout=SOON)
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_text("Paused by a person.")).to_be_visible(timeout=SOON)
    looked(page)
    page.get_by_role("button", name="Run now").click()
    expect(page.get_by_text("buns are ready", exact=True)).to_be_visible(timeout=SOON)
    page.goto(f"{ROOT}/g/{group}/recurring-jobs")
    expect(page.get_by_role("row", name=buns)).to_contain_text("paused", timeout=SOON)
    looked(page)
