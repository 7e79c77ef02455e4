"""The portal on the real platform: a notebook's whole way by page, what others change, and the end of rights."""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Callable, Iterator
from urllib.parse import quote, urlencode

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Request, Route, expect

from tests.e2e.portal_browser import overflow, serious
from tests.e2e.portal_steps import ROOT, SOON, STARTED, opened, ran_cell, signed_in, signs_in, started, stop
from tests.support.jupyterlab import notebook
from tests.support.platform import Lab, Platform
from tests.support.waiting import wait_for

pytestmark = [pytest.mark.browser, pytest.mark.e2e]


@pytest.fixture
def ann(browser: Browser, platform: Platform, lab: Lab) -> Iterator[BrowserContext]:
    context = signed_in(browser, platform, lab.user)
    yield context
    context.close()


@pytest.fixture
def over(platform: Platform, lab: Lab) -> Iterator[None]:
    """No notebook of ann's is left to the next test."""
    yield
    platform.end_notebooks(lab.user)


@pytest.fixture
def person(platform: Platform, lab: Lab) -> str:
    """Somebody in the group whom one test may do as it likes with."""
    name = f"p{uuid.uuid4().hex[:8]}"
    platform.add_person(name, lab.group)
    return name


def refused(platform: Platform, token: str) -> bool:
    headers = {"Authorization": f"token {token}"}
    return httpx.get(f"{platform.api}/me", headers=headers, trust_env=False, timeout=30).status_code == 401


def announce(platform: Platform, message: str) -> str:
    return str(platform.call("POST", "/announcements", {"message": message})["id"])


@pytest.mark.sandbox
@pytest.mark.usefixtures("over")
def test_a_notebooks_whole_way(
    ann: BrowserContext, platform: Platform, lab: Lab, record_property: Callable[[str, object], None]
) -> None:
    page = opened(ann, f"/g/{lab.group}/notebooks?instancetype={lab.instance_type}&image={lab.image}")
    expect(page.get_by_role("heading", name="Would start now")).to_be_visible(timeout=SOON)
    home = opened(ann, f"/g/{lab.group}/home")
    expect(home.get_by_text("Nobody uses anything now")).to_be_visible(timeout=SOON)
    page.bring_to_front()
    started(page).close()

    expect(page.get_by_text("ServerApp").first).to_be_visible(timeout=SOON)
    expect(page.get_by_text("unless used").first).to_be_visible()
    expect(home.get_by_role("row", name="Notebook")).to_contain_text("ann", timeout=SOON)

    page.get_by_role("button", name="Keep it").click()
    page.get_by_role("menuitem", name="For 8 h from now").click()
    expect(page.get_by_text("Kept until")).to_be_visible(timeout=SOON)

    written(platform, lab, "notes/first steps.md")
    stop(page)
    expect(home.get_by_text("Nobody uses anything now")).to_be_visible(timeout=SOON)

    # a link that somebody was sent: it asks before it starts, and opens what it names
    choice = {"group": lab.group, "instancetype": lab.instance_type, "image": lab.image, "autolaunch": "1"}
    page.goto(f"{ROOT}/notebooks?{urlencode({**choice, 'path': 'notes/first steps.md'})}")
    question = page.get_by_role("dialog", name="You are about to start a notebook")
    expect(question).to_contain_text(lab.instance_type, timeout=SOON)
    began = time.monotonic()
    with ann.expect_page(timeout=STARTED) as again:
        question.get_by_role("button", name="Start notebook").click(timeout=SOON)
    again.value.wait_for_url("**/lab/tree/notes/first%20steps.md", timeout=STARTED)
    expect(again.value.locator("#jp-main-dock-panel")).to_contain_text("Written for who follows", timeout=STARTED)
    record_property("from Start to JupyterLab, the second time, in s", round(time.monotonic() - began, 1))
    again.value.close()
    stop(page)

    page.get_by_role("link", name="Past notebooks").click()
    page.locator("tbody").get_by_role("link").first.click()
    expect(page.get_by_text("stopped by ann").first).to_be_visible(timeout=SOON)
    expect(page.get_by_text("ServerApp").first).to_be_visible(timeout=SOON)
    assert overflow(page) == 0


def written(platform: Platform, lab: Lab, path: str) -> None:
    """A file of ann's, by her running server."""
    contents = f"{platform.url}/user/{lab.user}/api/contents"
    folder = path.rpartition("/")[0]
    file = {"type": "file", "format": "text", "content": "Written for who follows the link."}
    for at, body in ((folder, {"type": "directory"}), (path, file)):
        headers = {"Authorization": f"token {lab.token}"}
        httpx.put(f"{contents}/{quote(at)}", json=body, headers=headers, trust_env=False, timeout=30).raise_for_status()


@pytest.fixture
def running(platform: Platform, lab: Lab, over: None) -> str:
    """The address of ann's notebook, which runs and has a notebook of one cell, ``cell.ipynb``."""
    words = ("--group", lab.group, "--instance-type", lab.instance_type, "--image", lab.image)
    platform.json("notebooks", "start", *words, token=lab.token)
    server = f"{platform.url}/user/{lab.user}"
    httpx.put(
        f"{server}/api/contents/cell.ipynb",
        json={"type": "notebook", "format": "json", "content": notebook("print('ran', 6 * 7)")},
        headers={"Authorization": f"token {lab.token}"},
        trust_env=False,
        timeout=30,
    ).raise_for_status()
    return server


@pytest.mark.sandbox
def test_eight_tabs_of_portal_and_jupyterlab_stay_live_and_a_ninth_page_of_either_loads(
    ann: BrowserContext, platform: Platform, lab: Lab, running: str
) -> None:
    def portal() -> Page:
        page = opened(ann, f"/g/{lab.group}/home")
        expect(page.get_by_role("heading", name="Who uses what")).to_be_visible(timeout=30_000)
        return page

    def jupyter() -> Page:
        page = ann.new_page()
        page.goto(f"{running}/lab/tree/cell.ipynb")
        expect(page.locator(".jp-Notebook .jp-CodeCell")).to_be_visible(timeout=60_000)
        return page

    portals, labs = [], []
    for _ in range(4):
        portals.append(portal())
        labs.append(jupyter())
    message = f"Eight tabs read this {uuid.uuid4().hex[:6]}"
    made = announce(platform, message)
    try:
        for page in portals:
            expect(page.get_by_text(message)).to_be_visible(timeout=SOON)
        for page in labs:
            # what the kernel says to this tab: nobody else's is in it
            expect(ran_cell(page)).to_have_text("ran 42", timeout=30_000)
        portal().close()
        jupyter()
    finally:
        platform.call("DELETE", f"/announcements/{made}")


def test_a_new_group_appears_and_its_end_closes_its_pages(
    browser: Browser, platform: Platform, lab: Lab, person: str
) -> None:
    group = f"g{uuid.uuid4().hex[:8]}"
    platform.call("POST", "/groups", {"name": group})
    context = signed_in(browser, platform, person)
    page = opened(context, f"/g/{group}/home")
    expect(page.get_by_text(f"You cannot open the group {group}")).to_be_visible(timeout=SOON)
    platform.call("PUT", f"/groups/{group}/members/{person}", {"role": "member"})
    expect(page.get_by_role("heading", name=group)).to_be_visible(timeout=SOON)
    platform.call("DELETE", f"/groups/{group}/members/{person}")
    expect(page.get_by_text(f"You cannot open the group {group}")).to_be_visible(timeout=SOON)
    platform.call("DELETE", f"/groups/{lab.group}/members/{person}")
    expect(page.get_by_role("heading", name="No group available")).to_be_visible(timeout=SOON)
    expect(page.get_by_role("link", name="Notebooks")).to_have_count(0)
    context.close()


def test_a_disabled_person_sees_that_it_is_over(browser: Browser, platform: Platform, lab: Lab, person: str) -> None:
    context = signed_in(browser, platform, person)
    page = opened(context, f"/g/{lab.group}/home")
    expect(page.get_by_role("heading", name="Who uses what")).to_be_visible(timeout=SOON)
    version = platform.call("GET", f"/users/{person}")["version"]
    platform.call("PATCH", f"/users/{person}", {"version": version, "enabled": False})
    expect(page.get_by_role("heading", name="You are signed out")).to_be_visible(timeout=SOON)
    context.close()


def test_what_was_typed_outlives_the_session_and_is_shown_to_nobody_else(
    browser: Browser, platform: Platform, lab: Lab, person: str
) -> None:
    context = signed_in(browser, platform, person)
    page = opened(context, "/profile")
    over = page.get_by_role("dialog", name="You are signed out")

    def signs_in_beside(user: str) -> Page:
        with context.expect_page() as beside:
            over.get_by_role("link", name="Sign in in a new tab").click()
        signs_in(beside.value, user)
        return beside.value

    # a sign-out in another tab
    page.get_by_label("Display name").fill("Half a na")
    opened(context, "/sign-out").close()
    expect(over).to_be_visible(timeout=SOON)
    for key in ("Escape", "Escape", "Control+k", "?"):
        page.keyboard.press(key)
    expect(page.get_by_role("dialog")).to_have_count(1)
    assert serious(page) == []
    assert overflow(page) == 0
    beside = signs_in_beside(person)
    expect(over).to_have_count(0, timeout=SOON)
    expect(page.get_by_label("Display name")).to_be_focused()
    page.keyboard.press("End")
    page.keyboard.type("me")
    page.get_by_role("button", name="Save").click()
    expect(beside.get_by_label("Display name")).to_have_value("Half a name", timeout=SOON)

    # a save that finds the session at its end
    def ends(route: Route) -> None:
        if route.request.method == "PATCH":
            context.clear_cookies()
            route.fulfill(status=401, content_type="application/problem+json", body="{}")
        else:
            route.continue_()

    page.route("**/api/v1/me", ends)
    page.get_by_label("Display name").fill("For nobody else")
    page.get_by_role("button", name="Save").click()
    expect(over).to_be_visible(timeout=SOON)
    signs_in_beside(lab.user)
    expect(page.get_by_text(f"Your username is {lab.user}.")).to_be_visible(timeout=SOON)
    expect(page.get_by_label("Display name")).not_to_have_value("For nobody else")
    context.close()


def test_a_link_into_the_guide_lands_at_its_chapter_and_other_pages_begin_at_their_top(
    ann: BrowserContext, lab: Lab
) -> None:
    page = opened(ann, f"/g/{lab.group}/home")
    page.set_viewport_size({"width": 400, "height": 500})
    page.get_by_role("link", name="Where files live").click(timeout=SOON)
    chapter = page.get_by_role("region", name="Where files live")
    expect(chapter).to_be_in_viewport(timeout=SOON)
    assert page.evaluate("scrollY") > 0
    page.reload()
    expect(chapter).to_be_in_viewport(timeout=SOON)
    for key in "gh":
        page.keyboard.press(key)
    expect(page.get_by_role("heading", name="Who uses what")).to_be_attached(timeout=SOON)
    assert page.evaluate("scrollY") == 0


def test_an_api_token_is_made_shown_once_and_works(ann: BrowserContext, platform: Platform) -> None:
    page = opened(ann, "/tokens")
    page.get_by_role("button", name="Create token").first.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("textbox").fill("portal test")
    dialog.get_by_role("button", name="Create token").click()
    token = dialog.get_by_test_id("token").inner_text()
    assert platform.call("GET", "/me", token=token)["name"] == "ann"
    dialog.get_by_role("button", name="Done").click()
    page.get_by_role("button", name="Delete token portal test").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete token").click()
    expect(page.get_by_text("portal test", exact=True)).to_have_count(0)
    wait_for(lambda: refused(platform, token), 10, what="the deleted token is refused")


def test_the_command_is_signed_in_through_the_page(ann: BrowserContext, platform: Platform) -> None:
    asked = platform.call("POST", "/login-requests", {"client": "primehub", "host": "my-laptop"})
    page = ann.new_page()
    page.goto(asked["verification_path"])
    expect(page.get_by_text("my-laptop")).to_be_visible(timeout=SOON)
    expect(page.get_by_text(asked["code"])).to_be_visible()
    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_role("heading", name="Approved")).to_be_visible(timeout=SOON)
    page.reload()
    expect(page.get_by_role("button", name="Approve")).to_have_count(0)


def test_a_display_name_is_saved_and_seen(ann: BrowserContext, platform: Platform, lab: Lab) -> None:
    page = opened(ann, "/profile")
    name = f"Ann {uuid.uuid4().hex[:5]}"
    page.get_by_label("Display name").fill(name)
    page.get_by_role("button", name="Save profile").click()
    expect(page.get_by_role("button", name=f"{name}, profile menu")).to_be_visible(timeout=SOON)
    assert platform.call("GET", "/me", token=lab.token)["display_name"] == name


def test_home_weighs_less_than_300_kb(ann: BrowserContext, lab: Lab) -> None:
    page = ann.new_page()
    sent: list[Request] = []
    page.on("requestfinished", lambda request: sent.append(request) if "/assets/" in request.url else None)
    page.goto(f"{ROOT}/g/{lab.group}/home")
    expect(page.get_by_role("heading", name="Who uses what")).to_be_visible(timeout=SOON)
    # what the server sent, also of what this browser had from another test's visit
    bodies = {request.url.rpartition("/")[2]: int(request.response().headers["content-length"]) for request in sent}
    total = sum(bodies.values())
    assert 100_000 < total < 300_000, f"{total} bytes: {bodies}"


def test_a_part_of_the_app_that_an_update_replaced_is_fetched_anew_without_a_word(
    ann: BrowserContext, lab: Lab
) -> None:
    page = opened(ann, f"/g/{lab.group}/home")
    gone: list[str] = []

    def lose_once(route: Route) -> None:
        if gone:
            route.continue_()
        else:
            gone.append(route.request.url)
            route.fulfill(status=404)

    page.route(re.compile(r"/assets/Queue-"), lose_once)
    page.get_by_role("link", name="Queue", exact=True).click()
    expect(page.get_by_role("heading", name="Queue", level=1)).to_be_visible(timeout=SOON)
    assert gone
