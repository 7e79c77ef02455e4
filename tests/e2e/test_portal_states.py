"""Every page of the portal in every state, against its made-up platform: words, accessibility, sizes."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from typing import Literal

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.portal_browser import PORTAL, chromium, need_modules, overflow, serious
from tests.support.names import unique
from tests.support.platform import START_LIMIT, free_port
from tests.support.waiting import wait_for

pytestmark = [pytest.mark.browser, pytest.mark.e2e]

# name: scenario of the made-up platform, path, what the page says
STATES = {
    "home": ("idle", "/g/vision-lab/home", "Who uses what"),
    "home-empty": ("fresh", "/g/vision-lab/home", "Nobody uses anything now"),
    "home-running": ("running-banner", "/g/vision-lab/home", "The platform restarts at 18:00"),
    "home-failing": ("broken", "/g/vision-lab/home", "The use of the group could not be loaded"),
    "home-lost": ("lost", "/g/vision-lab/home", "Connection lost"),
    "loading": ("slow", "/g/vision-lab/home", "Loading"),
    "start": ("idle", "/g/vision-lab/notebooks", "Would start now"),
    "start-short": ("idle", "/g/vision-lab/notebooks?instancetype=gpu-2", "Would not start now"),
    "start-building": ("building", "/g/vision-lab/notebooks", "The first image is still being built"),
    "start-failed": ("failed", "/g/vision-lab/notebooks", "The last start failed"),
    "start-asking": ("idle", "/g/vision-lab/notebooks?autolaunch=1", "You are about to start a notebook"),
    "starting": ("starting", "/g/vision-lab/notebooks", "Event log"),
    "running": ("running", "/g/vision-lab/notebooks", "Open JupyterLab"),
    "running-events": ("running", "/g/vision-lab/notebooks?tab=events", "JupyterLab is starting"),
    "stopping": ("stopping", "/g/vision-lab/notebooks", "Kernels are being ended"),
    "elsewhere": ("elsewhere", "/g/vision-lab/notebooks", "launched by another group (Forecasting)"),
    "past": ("idle", "/g/vision-lab/notebooks/past", "OOMKilled"),
    "past-empty": ("fresh", "/g/vision-lab/notebooks/past", "No past notebooks in this group yet"),
    "profile": ("idle", "/profile", "Display name"),
    "tokens": ("idle", "/tokens", "nightly report"),
    "tokens-empty": ("fresh", "/tokens", "No API tokens yet"),
    "login": ("idle", "/cli-login?code=WDJB-MJHT", "lab-laptop"),
    "login-code": ("idle", "/cli-login", "Type the code that the command shows"),
    "login-gone": ("idle", "/cli-login?code=GONE", "This code is not waiting for an answer"),
    "no-group": ("nogroup", "/", "No group available"),
    "signed-out": ("signedout", "/", "You are signed out"),
    "no-page": ("idle", "/g/vision-lab/nowhere", "There is no such page"),
    "not-mine": ("idle", "/g/secret/home", "You cannot open the group secret"),
}


LISTS = ("jobs", "recurring-jobs", "notebooks/past")
UNEVEN = """[...document.querySelectorAll('.list tbody tr')].filter((row) => {
  const box = (cell) => cell.getBoundingClientRect();
  const [title, end] = ['.p-title', '.p-end'].map((cell) => box(row.querySelector(cell)));
  const rest = [...row.querySelectorAll('td:not(.p-title, .p-end, .p-none)')].map(box);
  return end.left < title.right || end.top >= title.bottom || rest.some(({ top }) => top < Math.max(title.bottom, end.bottom));
}).map((row) => row.innerText)"""
"""Rows of a list on a phone of which the first line is not the name and, at its right, one fact alone."""


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """The built portal, served with its made-up platform behind it."""
    node, port = need_modules(), free_port()
    command = [node, "node_modules/vite/bin/vite.js", "preview", "--mode", "mock", "--port", str(port), "--strictPort"]
    server = subprocess.Popen([*command, "--host", "127.0.0.1"], cwd=PORTAL, stdout=subprocess.DEVNULL)
    root = f"http://127.0.0.1:{port}/services/primehub"

    def answers() -> bool:
        try:
            return httpx.get(f"{root}/api/v1/me", trust_env=False, timeout=30).status_code == 200
        except httpx.TransportError:
            return False

    try:
        wait_for(answers, START_LIMIT, what="the made-up platform answers")
        yield root
    finally:
        server.terminate()
        server.wait()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


def opened(
    browser: Browser,
    address: str,
    scenario: str,
    path: str,
    *,
    width: int = 1280,
    theme: str = "light",
    motion: Literal["no-preference", "reduce"] = "no-preference",
    world: str = "",
) -> Page:
    """A page in a browser of its own; ``world`` keeps what a test changes from the others, and from its own second try."""
    context = browser.new_context(
        viewport={"width": width, "height": 800},
        color_scheme="dark" if theme == "dark" else "light",
        reduced_motion=motion,
    )
    context.add_cookies(
        [{"name": "mock", "value": f"{scenario}-{unique(world)}" if world else scenario, "url": address}]
    )
    page = context.new_page()
    page.goto(address + path)
    return page


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("state", STATES)
def test_a_page_says_what_it_should_and_axe_finds_nothing(
    browser: Browser, address: str, state: str, theme: str
) -> None:
    scenario, path, words = STATES[state]
    page = opened(browser, address, scenario, path, theme=theme)
    expect(page.get_by_text(words).first).to_be_attached(timeout=15_000)
    assert serious(page) == []
    page.context.close()


@pytest.mark.parametrize("width", [360, 768, 2560])
@pytest.mark.parametrize("state", ["home", "start-short", "starting", "running", "past", "profile", "tokens", "login"])
def test_no_page_is_wider_than_its_window(browser: Browser, address: str, state: str, width: int) -> None:
    scenario, path, words = STATES[state]
    page = opened(browser, address, scenario, path, width=width)
    expect(page.get_by_text(words).first).to_be_attached(timeout=15_000)
    assert overflow(page) == 0
    page.context.close()


@pytest.mark.parametrize("state", ["home", "start", "running", "past", "tokens"])
def test_axe_finds_nothing_on_a_phone(browser: Browser, address: str, state: str) -> None:
    scenario, path, words = STATES[state]
    page = opened(browser, address, scenario, path, width=360)
    expect(page.get_by_text(words).first).to_be_attached(timeout=15_000)
    assert serious(page) == []
    page.context.close()


@pytest.mark.parametrize("path", LISTS)
def test_a_row_on_a_phone_has_its_name_and_one_fact_above_all_else(browser: Browser, address: str, path: str) -> None:
    page = opened(browser, address, "idle", f"/g/vision-lab/{path}", width=360)
    expect(page.locator(".list tbody tr").first).to_be_visible(timeout=15_000)
    assert page.evaluate(UNEVEN) == []
    page.context.close()


def test_the_answer_follows_the_choice_and_a_suggestion_takes_it(browser: Browser, address: str) -> None:
    page = opened(browser, address, "idle", "/g/vision-lab/notebooks", world="choice")
    start = page.get_by_role("button", name="Start notebook").first
    expect(page.get_by_role("heading", name="Would start now")).to_be_visible()
    page.get_by_role("radio", name="gpu-2").check()
    expect(page.get_by_role("heading", name="Would not start now")).to_be_visible()
    expect(start).to_be_disabled()
    expect(page.get_by_text("bo: 1 GPU in a notebook")).to_be_visible()
    page.get_by_role("button", name="Choose gpu-1").click()
    expect(page.get_by_role("radio", name="gpu-1")).to_be_checked()
    expect(start).to_be_enabled()
    expect(page.get_by_role("radio", name="gpu-4")).to_be_disabled()


def test_a_gpu_image_needs_a_type_with_a_gpu(browser: Browser, address: str) -> None:
    page = opened(browser, address, "idle", "/g/vision-lab/notebooks", world="gpu")
    expect(page.get_by_role("radio", name="rapids-26.10")).to_be_disabled()
    page.get_by_role("radio", name="gpu-1").check()
    page.get_by_role("radio", name="rapids-26.10").check()
    page.get_by_role("radio", name="cpu-1").check()
    expect(page.get_by_role("radio", name="rapids-26.10")).not_to_be_checked()
    expect(page.get_by_text("Needs an instance type with a GPU")).to_be_visible()


def test_a_wrong_variable_is_named_at_its_field(browser: Browser, address: str) -> None:
    page = opened(browser, address, "idle", "/g/vision-lab/notebooks", world="env")
    page.get_by_role("button", name="Add variable").click()
    expect(page.get_by_role("textbox", name="Name of variable 2")).to_be_focused()
    page.keyboard.type("2nd")
    expect(page.get_by_text("not a digit first")).to_be_visible()
    expect(page.get_by_role("button", name="Start notebook").first).to_be_disabled()
    page.get_by_role("button", name="Remove 2nd").click()
    expect(page.get_by_role("heading", name="Would start now")).to_be_visible()


def test_a_link_that_cannot_be_followed_says_so_and_falls_back(browser: Browser, address: str) -> None:
    page = opened(browser, address, "idle", "/notebooks?group=forecasting&instancetype=huge&image=pytorch-2.9")
    expect(page).to_have_url(f"{address}/g/forecasting/notebooks?instancetype=huge&image=pytorch-2.9")
    expect(page.get_by_text("“huge” from the link cannot be used here")).to_be_visible()
    expect(page.get_by_role("radio", name="cpu-4")).to_be_checked()


def test_switching_the_group_keeps_the_page_and_is_remembered(browser: Browser, address: str) -> None:
    page = opened(browser, address, "idle", "/g/vision-lab/notebooks")
    page.get_by_role("button", name="Group Vision lab").click()
    page.get_by_role("menuitem", name="Forecasting").click()
    expect(page).to_have_url(f"{address}/g/forecasting/notebooks", timeout=15_000)
    page.goto(f"{address}/")
    expect(page).to_have_url(f"{address}/g/forecasting/home", timeout=15_000)


def test_a_start_by_keyboard_alone(browser: Browser, address: str) -> None:
    page = opened(browser, address, "idle", "/g/vision-lab/notebooks", world="keys")
    expect(page.get_by_role("heading", name="Would start now")).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    page.get_by_role("radio", name="cpu-4").focus()
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("radio", name="cpu-8")).to_be_checked()
    start = page.get_by_role("button", name="Start notebook").first
    expect(start).to_be_enabled()
    start.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Cancel start")).to_be_visible()
    expect(page.get_by_role("button", name="Stop notebook")).to_be_visible(timeout=15_000)


def test_a_blocked_tab_leaves_a_link(browser: Browser, address: str) -> None:
    context = browser.new_context()
    context.add_cookies([{"name": "mock", "value": "idle-blocked", "url": address}])
    context.add_init_script("window.open = () => null")
    page = context.new_page()
    page.goto(f"{address}/g/vision-lab/notebooks")
    page.get_by_role("button", name="Start notebook").first.click()
    expect(page.get_by_text("Your browser kept the new tab from opening.")).to_be_visible(timeout=15_000)
    expect(page.get_by_role("alert").get_by_role("link", name="Open JupyterLab")).to_have_attribute(
        "href", "/user/ann/lab"
    )


def test_the_log_is_searched_and_grows(browser: Browser, address: str) -> None:
    page = opened(browser, address, "running", "/g/vision-lab/notebooks", world="log")
    expect(page.get_by_text("Saving file at").first).to_be_visible(timeout=15_000)
    page.get_by_role("textbox", name="Search the log").fill("memory at 81")
    expect(page.get_by_text("lines found")).to_be_visible()
    expect(page.locator(".log .row").first).to_contain_text("reports memory at 81 %")
    page.get_by_role("textbox", name="Search the log").fill("no such words")
    expect(page.get_by_text("No line contains “no such words”")).to_be_visible()


def test_a_token_is_shown_once_and_can_be_deleted(browser: Browser, address: str) -> None:
    page = opened(browser, address, "idle", "/tokens", world="tokens")
    page.get_by_role("button", name="Create token").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Create token").click()
    expect(dialog.get_by_text("Say what it is for")).to_be_visible()
    dialog.get_by_role("textbox").fill("ci")
    dialog.get_by_role("button", name="Create token").click()
    token = dialog.get_by_test_id("token").inner_text()
    assert len(token) == 32
    dialog.get_by_role("button", name="Done").click()
    expect(page.get_by_text(token)).to_have_count(0)
    page.get_by_role("button", name="Delete token ci").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete token").click()
    expect(page.get_by_text("ci", exact=True)).to_have_count(0)


def test_a_dialog_is_seen_by_who_wants_nothing_to_move(browser: Browser, address: str) -> None:
    page = opened(browser, address, "idle", "/g/vision-lab/home", world="still", motion="reduce")
    expect(page.get_by_text("Who uses what")).to_be_visible(timeout=15_000)
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_have_css("opacity", "1")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.context.close()


def test_a_theme_that_was_chosen_stays(browser: Browser, address: str) -> None:
    page = opened(browser, address, "idle", "/profile")
    page.get_by_role("radio", name="Dark").check()
    page.reload()
    expect(page.get_by_role("radio", name="Dark")).to_be_checked()
    assert page.evaluate("getComputedStyle(document.documentElement).colorScheme") == "dark"
