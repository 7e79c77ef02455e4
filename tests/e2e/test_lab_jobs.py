"""A person's way in JupyterLab on the real platform: a notebook is sent as a job, watched, opened, and made to recur."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.lab_steps import ENDED, SOON, Server, sends_a_notebook_watches_it_and_opens_its_result
from tests.e2e.portal_browser import chromium
from tests.e2e.portal_steps import signed_in
from tests.support.jupyterlab import BUILT, notebook
from tests.support.names import unique
from tests.support.parts import require
from tests.support.platform import Lab, Platform
from tests.support.waiting import wait_for

pytestmark = [pytest.mark.browser, pytest.mark.e2e, pytest.mark.sandbox]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    require("browser", BUILT.exists(), "the lab extension is not built: make labextension")
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def server(browser: Browser, platform: Platform, lab: Lab) -> Iterator[Server]:
    token = platform.add_person(person := unique("lea"), lab.group)
    words = ("--group", lab.group, "--instance-type", lab.instance_type, "--image", lab.image)
    platform.json("notebooks", "start", *words, token=token)
    context = signed_in(browser, platform, person)
    yield Server(platform, Lab(lab.group, lab.instance_type, lab.image, person, token), context.new_page())
    context.close()
    platform.cli("notebooks", "stop", token=token)


def test_a_notebook_is_sent_watched_and_its_result_opened_beside_it(server: Server) -> None:
    sends_a_notebook_watches_it_and_opens_its_result(server)


def test_a_notebook_recurs_and_runs_what_it_is_told_to(server: Server) -> None:
    page, platform, report = server.page, server.platform, unique("report")
    server.write(f"{report}.ipynb", notebook("print('one')"))
    server.open(f"{report}.ipynb")
    form = server.ask()
    form.get_by_label("On a schedule").check()
    form.get_by_label("Time zone").select_option("Asia/Taipei")
    preview = form.locator(".jp-PrimeHub-preview")
    expect(preview.locator("li")).to_have_count(5, timeout=SOON)
    expect(preview.locator("li").first).to_contain_text("04:00")
    form.get_by_label("Repeat").select_option("custom")
    form.get_by_role("textbox", name="Cron expression").fill("99 * * * *")
    expect(form.get_by_role("button", name="Save", exact=True)).to_have_attribute("aria-disabled", "true")
    expect(form.locator("[aria-invalid=true]")).to_be_visible(timeout=SOON)
    form.get_by_role("textbox", name="Cron expression").fill("30 2 * * 1")
    expect(page.locator(".jp-PrimeHub-answer")).to_contain_text("First run: Mon", timeout=SOON)
    form.get_by_role("button", name="Save", exact=True).click()
    expect(form).to_be_hidden(timeout=SOON)
    entry = server.panel.locator("[data-schedule]").filter(has_text=report)
    expect(entry).to_be_visible(timeout=SOON)
    found = platform.call("GET", f"/schedules?group={server.lab.group}", token=server.lab.token)["items"]
    (made,) = (schedule for schedule in found if schedule["name"] == report)
    assert (made["cron"], made["timezone"], made["user"]) == ("30 2 * * 1", "Asia/Taipei", server.lab.user)

    server.write(f"{report}.ipynb", notebook("print('two')"))
    server.open(f"{report}.ipynb")
    page.get_by_role("tab", name="PrimeHub jobs").click()
    entry.get_by_role("button", name=f"Let {report} run").click(timeout=SOON)
    expect(entry.get_by_text("differs from your file")).to_be_hidden(timeout=SOON)

    # what it runs is what is on screen now: tried by running it, which is a person's own right
    fired = platform.call("POST", f"/schedules/{made['id']}/run", token=server.lab.token)
    job = fired.get("job") or fired["id"]

    def ended() -> Any:
        now = platform.call("GET", f"/jobs/{job}", token=server.lab.token)
        return now if now["phase"] in ("SUCCEEDED", "FAILED", "CANCELLED") else None

    assert wait_for(ended, ENDED / 1000, what="it has run")["phase"] == "SUCCEEDED"
    assert "two" in platform.call("GET", f"/jobs/{job}/log", token=server.lab.token)["text"]
    platform.call("DELETE", f"/schedules/{made['id']}", token=server.lab.token)
