"""JupyterLab's extension in a real JupyterLab, with a made-up platform behind it: what people see, in every state."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.e2e.portal_browser import chromium, serious
from tests.support.environment import base_environment  # noqa: F401 - a fixture
from tests.support.jupyterlab import (
    BUILT,
    NEVER,
    PARAMETERS_CELL,
    SHORT,
    MadeUpPlatform,
    at,
    decision,
    job,
    jupyter_lab,
    notebook,
    schedule,
)
from tests.support.parts import require

pytestmark = [pytest.mark.browser, pytest.mark.e2e]
LOADED = 60_000
SUBMIT = "Submit Notebook as Job…"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lab") / "home"
    folder.mkdir()
    made = notebook("print(alpha)", parameters=PARAMETERS_CELL)
    for name in ("train.ipynb", "train-result.ipynb"):
        (folder / name).write_text(json.dumps(made))
    settings = folder.parent / "settings/lab/user-settings/@jupyterlab/apputils-extension"
    settings.mkdir(parents=True)
    (settings / "notification.jupyterlab-settings").write_text('{"fetchNews": "false"}')
    return folder


@pytest.fixture(scope="module")
def address(base_environment: str, home: Path) -> Iterator[str]:  # noqa: F811 - the fixture
    require("browser", BUILT.exists(), "the lab extension is not built: make labextension")
    with jupyter_lab(base_environment, home) as url:
        yield url


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture
def platform() -> MadeUpPlatform:
    return MadeUpPlatform()


@pytest.fixture
def page(browser: Browser, address: str, platform: MadeUpPlatform) -> Iterator[Page]:
    """JupyterLab with the notebook open."""
    context = browser.new_context(base_url=address, viewport={"width": 1280, "height": 820})
    platform.serve(context)
    opened = context.new_page()
    opened.set_default_timeout(15_000)
    opened.goto("/lab/tree/train.ipynb?reset")
    expect(opened.get_by_text("Research", exact=True).first).to_be_visible(timeout=LOADED)
    expect(toolbar_button(opened)).to_be_visible(timeout=LOADED)
    yield opened
    context.close()


def toolbar_button(page: Page) -> Locator:
    return page.locator('[data-jp-item-name="primehub-submit"]').get_by_role("button")


def dialog(page: Page) -> Locator:
    """The submit dialog, opened from the toolbar and loaded."""
    toolbar_button(page).click()
    found = page.locator(".jp-PrimeHub-dialog")
    expect(found.get_by_role("group", name="Instance type")).to_be_visible()
    return found


def panel(page: Page) -> Locator:
    """The jobs panel, shown."""
    page.get_by_role("tab", name="PrimeHub jobs").click()
    found = page.locator("#primehub-jobs")
    expect(found).to_be_visible()
    return found


def sent(page: Page, platform: MadeUpPlatform, path: str) -> None:
    """Wait until something was sent there; the browser is answered by this thread."""
    for _ in range(200):
        if any(where == path for _, where, _ in platform.sent):
            return
        page.wait_for_timeout(50)  # in which the browser is answered
    raise AssertionError(f"nothing was sent to {path}: {platform.sent}")


def answer(page: Page) -> Locator:
    return page.locator(".jp-PrimeHub-answer")


def test_the_dialog_sends_what_is_on_screen_and_what_was_changed(page: Page, platform: MadeUpPlatform) -> None:
    page.locator(".jp-Notebook .cm-content").last.click()
    page.keyboard.type("print('not saved')\n")
    form = dialog(page)
    expect(form.get_by_label("cpu-1")).to_be_checked()
    expect(form.get_by_label("cpu-64")).to_be_disabled()
    expect(form.get_by_text("your quota in this group is 4")).to_be_visible()
    expect(form.get_by_label("torch")).to_be_disabled()
    expect(answer(page)).to_contain_text("Would start now")
    form.get_by_label("epochs", exact=True).fill("30")
    form.get_by_label("verbose").uncheck()
    form.get_by_label("seed", exact=True).fill("42")
    form.get_by_label("Time limit", exact=True).fill("2")
    form.get_by_role("button", name="Submit", exact=True).click()
    expect(form).to_be_hidden()
    method, path, body = platform.sent[-1]
    assert (method, path) == ("POST", "jobs")
    assert body["parameters"] == {"epochs": 30, "verbose": False, "seed": 42}
    assert (body["path"], body["instance_type"], body["image"], body["timeout"]) == (
        "train.ipynb",
        "cpu-1",
        "base",
        7200,
    )
    assert "not saved" in json.dumps(body["content"])
    expect(page.locator("#primehub-jobs [data-job]")).to_have_count(1)


def test_the_dialog_says_beside_its_button_what_would_happen(page: Page, platform: MadeUpPlatform) -> None:
    platform.decision = decision(SHORT)
    form = dialog(page)
    submit = form.get_by_role("button", name="Submit", exact=True)
    expect(answer(page)).to_contain_text("Would wait in the queue")
    expect(answer(page)).to_contain_text("bob holds 3 cores (notebook)")
    form.get_by_label("epochs", exact=True).fill("many")
    expect(form.get_by_text("Type a whole number, such as 3.")).to_be_visible()
    expect(answer(page)).to_contain_text("Correct the marked fields")
    expect(submit).to_have_attribute("aria-disabled", "true")
    form.get_by_role("button", name="Back to the notebook").click()
    platform.decision = decision(NEVER, never=True)
    form.get_by_label("cpu-2").check()
    expect(answer(page)).to_contain_text("Can never start")
    expect(answer(page)).to_contain_text("It needs 64 cores")
    submit.click(force=True)
    assert all(path != "jobs" for _, path, _ in platform.sent)


def test_what_the_platform_refuses_is_said_where_it_was_asked(page: Page, platform: MadeUpPlatform) -> None:
    form = dialog(page)
    errors = [{"field": "name", "message": "is too long", "fix": "Use at most 100 characters."}]
    platform.failing["jobs"] = (422, {"title": "Invalid", "detail": "This cannot be submitted.", "errors": errors})
    form.get_by_role("button", name="Submit", exact=True).click()
    expect(answer(page)).to_contain_text("This cannot be submitted.")
    expect(answer(page)).to_contain_text("name is too long Use at most 100 characters.")
    platform.failing.clear()
    form.get_by_role("button", name="Submit", exact=True).click()
    expect(form).to_be_hidden()


def test_a_schedule_shows_its_next_runs_before_it_is_saved(page: Page, platform: MadeUpPlatform) -> None:
    form = dialog(page)
    form.get_by_label("On a schedule").check()
    expect(form.get_by_text("At 04:00 every day")).to_be_visible()
    expect(form.locator(".jp-PrimeHub-preview li")).to_have_count(5)
    form.get_by_label("Repeat").select_option("weekly")
    form.get_by_label("On", exact=True).select_option("Friday")
    form.get_by_label("Time zone").select_option("Europe/Berlin")
    form.get_by_label("If the last run has not ended").select_option("replace")
    form.get_by_label("Run once for what was missed").check()
    form.get_by_label("Name", exact=True).fill("weekly report")
    expect(answer(page)).to_contain_text("First run")
    form.get_by_role("button", name="Save", exact=True).click()
    expect(form).to_be_hidden()
    method, path, body = platform.sent[-1]
    assert (method, path) == ("POST", "schedules")
    sent = {name: body[name] for name in ("name", "cron", "timezone", "overlap", "catch_up")}
    assert sent == {
        "name": "weekly report",
        "cron": "0 4 * * 5",
        "timezone": "Europe/Berlin",
        "overlap": "replace",
        "catch_up": True,
    }
    assert body["job"]["path"] == "train.ipynb"
    expect(page.locator("#primehub-jobs").get_by_role("region", name="Recurring")).to_contain_text("weekly report")


def test_the_keyboard_alone_is_enough_and_comes_back_to_the_notebook(page: Page, platform: MadeUpPlatform) -> None:
    page.locator(".jp-Notebook .cm-content").first.click()
    page.keyboard.press("Escape")
    before = page.evaluate("document.activeElement.className")
    page.keyboard.press("Control+Shift+C")
    page.locator(".lm-CommandPalette-input").fill(SUBMIT)
    page.keyboard.press("Enter")
    form = page.locator(".jp-PrimeHub-dialog")
    expect(form.get_by_role("group", name="Instance type")).to_be_visible()
    for _ in range(40):
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.closest('.jp-PrimeHub-dialog') !== null")
    assert serious_in(page, ".jp-PrimeHub-dialog") == []
    page.keyboard.press("Escape")
    expect(form).to_be_hidden()
    assert page.evaluate("document.activeElement.className") == before
    assert all(path not in ("jobs", "schedules") for _, path, _ in platform.sent)


def serious_in(page: Page, selector: str) -> list[str]:
    """What axe finds in a part that is ours; the rest is JupyterLab's."""
    page.evaluate(f"document.querySelector('{selector}').id ||= 'ours'")
    part = "#" + page.evaluate(f"document.querySelector('{selector}').id")
    return serious(page, part)


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_the_panel_shows_where_jobs_are_and_opens_what_they_made(
    page: Page, platform: MadeUpPlatform, home: Path, theme: str
) -> None:
    queue = {
        "position": 2, "of": 5, "waiting_since": at(minutes=-3), "kept_from": at(minutes=2), "kept": False,
        "decision": decision(SHORT), "estimate": at(minutes=14),
    }  # fmt: skip
    progress = {"cells": 40, "done": 12, "cell": 13, "label": "model.fit(X, y)"}
    platform.jobs = [
        job(5, name="waits", queue=queue),
        job(4, name="runs", phase="RUNNING", started_at=at(minutes=-4), progress=progress),
        job(3, name="done", phase="SUCCEEDED", started_at=at(hours=-1), ended_at=at(minutes=-5)),
        job(2, name="broke", phase="FAILED", message="Cell 7 raised ValueError", started_at=at(hours=-2), ended_at=at(hours=-1)),
    ]  # fmt: skip
    platform.schedules = [
        schedule(differs=True),
        schedule(id="s2", name="weekly", paused=True, pause_reason="You left."),
    ]
    page.evaluate("theme => window.jupyterapp.commands.execute('apputils:change-theme', {theme})", theme)
    light = str(theme == "JupyterLab Light").lower()
    expect(page.locator("body")).to_have_attribute("data-jp-theme-light", light)
    shown = panel(page)
    item = lambda name: shown.locator("[data-job]").filter(has=page.get_by_text(name, exact=True))  # noqa: E731
    expect(item("waits")).to_contain_text("2 of 5 in the queue")
    expect(item("waits")).to_contain_text("1 core is short")
    expect(item("waits")).to_contain_text("bob holds 3 cores")
    expect(item("runs").get_by_role("progressbar")).to_have_attribute("aria-valuenow", "12")
    expect(item("runs")).to_contain_text("12/40 cells")
    expect(item("broke")).to_contain_text("Cell 7 raised ValueError")
    expect(shown.get_by_text("which differs from your file")).to_be_visible()
    expect(shown.get_by_text("You left.")).to_be_visible()
    pages = "/services/primehub/g/research"
    expect(item("runs").get_by_role("link")).to_have_attribute("href", f"{pages}/jobs/{platform.jobs[1]['id']}")
    edit = shown.get_by_role("link", name="Run nightly report now")
    expect(edit).to_have_attribute("href", f"{pages}/recurring-jobs/s1")
    item("runs").get_by_role("button", name="Log").click()
    expect(item("runs").get_by_role("region", name="Log of runs")).to_contain_text("epoch 2: loss 0.52")
    assert serious_in(page, "#primehub-jobs") == []
    shown.get_by_role("button", name="Let nightly report run").click()
    sent(page, platform, "schedules/s1/snapshot")
    item("runs").get_by_role("button", name="Cancel runs").click()
    page.get_by_role("button", name="Cancel", exact=True).last.click()
    expect(item("runs")).to_contain_text("Being cancelled")
    item("done").get_by_role("button", name="Open the result").click()
    expect(page.get_by_role("tab", name="train-result.ipynb")).to_be_visible()


def test_the_panel_says_when_there_is_nothing_and_when_nothing_answers(page: Page, platform: MadeUpPlatform) -> None:
    shown = panel(page)
    expect(shown.get_by_text("No jobs yet")).to_be_visible()
    platform.failing["jobs"] = (503, {"code": "unreachable", "detail": "PrimeHub does not answer just now."})
    page.get_by_role("tab", name="PrimeHub jobs").click()
    page.get_by_role("tab", name="PrimeHub jobs").click()
    alert = shown.get_by_role("alert")
    expect(alert).to_contain_text("PrimeHub does not answer just now.")
    platform.failing.clear()
    alert.get_by_role("button", name="Try again").click()
    expect(alert).to_be_hidden()


def test_nothing_is_asked_for_while_the_panel_is_hidden(page: Page, platform: MadeUpPlatform) -> None:
    platform.jobs = [job(1, phase="RUNNING", started_at=at())]
    page.clock.install()
    page.reload()
    expect(toolbar_button(page)).to_be_visible(timeout=LOADED)
    shown = panel(page)
    expect(shown.locator("[data-job]")).to_have_count(1)
    before = platform.asked
    page.clock.run_for(10_000)
    assert platform.asked > before
    page.get_by_role("tab", name="PrimeHub jobs").click()
    expect(shown).to_be_hidden()
    before = platform.asked
    page.clock.run_for(60_000)
    assert platform.asked <= before + 1, "one may have been under way"


def test_a_notice_says_when_a_job_ends_and_opens_its_result(page: Page, platform: MadeUpPlatform) -> None:
    platform.jobs = [job(1, phase="RUNNING", started_at=at(minutes=-1))]
    panel(page)
    expect(page.locator("#primehub-jobs")).to_contain_text("Running")
    platform.jobs[0] |= {"phase": "SUCCEEDED", "ended_at": at()}
    notice = page.locator(".Toastify__toast").filter(has_text="train: succeeded")
    expect(notice).to_be_visible()
    notice.get_by_role("button", name="Open result").click()
    expect(page.get_by_role("tab", name="train-result.ipynb")).to_be_visible()


def test_the_status_bar_says_how_long_and_keeps_the_server(page: Page, platform: MadeUpPlatform) -> None:
    bar = page.locator(".jp-PrimeHub-status")
    expect(bar).to_contain_text("1/4 cores")
    expect(bar.get_by_role("link", name="Research")).to_have_attribute("href", "/services/primehub/g/research/home")
    bar.get_by_role("button", name="stops in 41 min").click()
    sent(page, platform, "keep")
    expect(page.locator(".Toastify__toast").filter(has_text="Kept until")).to_be_visible()


def test_while_the_platform_is_away_the_status_bar_says_so_and_keeps_what_it_knew(
    page: Page, platform: MadeUpPlatform
) -> None:
    page.clock.install()
    page.reload()
    bar = page.locator(".jp-PrimeHub-status")
    expect(bar).to_contain_text("1/4 cores", timeout=LOADED)
    nothing = dict.fromkeys(("group", "notebook", "usage"))
    platform.context |= {"available": False, "reason": "It does not answer.", **nothing}
    page.clock.run_for(31_000)
    expect(bar).to_contain_text("PrimeHub is not reachable")
    expect(bar).to_contain_text("1/4 cores")
