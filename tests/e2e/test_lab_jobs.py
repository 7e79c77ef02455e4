"""A person's way in JupyterLab on the real platform: a notebook is sent as a job, watched, opened, and made to recur."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.e2e.portal_browser import chromium
from tests.support.jupyterlab import BUILT, notebook
from tests.support.parts import require
from tests.support.platform import PASSWORD, Lab, Platform
from tests.support.waiting import wait_for

pytestmark = [pytest.mark.browser, pytest.mark.e2e, pytest.mark.sandbox]
LOADED, ENDED, SOON = 60_000, 90_000, 15_000
PERSON = "lea"
# as long as it takes to be seen, and no longer
WAIT = (
    "import os, time\nfor _ in range(1800):\n    if os.path.exists('/project/lab/go on'): break\n    time.sleep(0.05)"
)


@dataclass(frozen=True)
class Server:
    """A person's JupyterLab, in a browser in which they are signed in."""

    platform: Platform
    lab: Lab
    token: str
    page: Page

    def contents(self, method: str, path: str, body: Any = None) -> Any:
        """Jupyter's own files."""
        url = f"{self.platform.url}/user/{PERSON}/api/contents/{path}"
        headers = {"Authorization": f"token {self.token}"}
        answer = httpx.request(method, url, json=body, headers=headers, trust_env=False, timeout=30)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    def write(self, path: str, content: Any) -> None:
        self.contents("PUT", path, {"type": "notebook", "format": "json", "content": content})

    def open(self, path: str) -> None:
        """Show a notebook, and nothing else."""
        self.page.goto(f"{self.platform.url}/user/{PERSON}/lab/tree/{path}?reset")
        expect(self.button).to_be_visible(timeout=LOADED)

    @property
    def button(self) -> Locator:
        return self.page.locator('[data-jp-item-name="primehub-submit"]').get_by_role("button")

    @property
    def form(self) -> Locator:
        return self.page.locator(".jp-PrimeHub-dialog")

    @property
    def panel(self) -> Locator:
        return self.page.locator("#primehub-jobs")

    def ask(self) -> Locator:
        """The submit dialog, loaded."""
        self.button.click()
        expect(self.form.get_by_role("group", name="Instance type")).to_be_visible(timeout=SOON)
        return self.form


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    require("browser", BUILT.exists(), "the lab extension is not built: make labextension")
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def server(browser: Browser, platform: Platform, lab: Lab) -> Iterator[Server]:
    token = platform.add_person(PERSON, lab.group)
    words = ("--group", lab.group, "--instance-type", lab.instance_type, "--image", lab.image)
    platform.json("notebooks", "start", *words, token=token)
    context = browser.new_context(viewport={"width": 1360, "height": 860})
    page = context.new_page()
    page.goto(f"{platform.url}/services/primehub/")
    page.get_by_label("Username").fill(PERSON)
    page.locator("input[type=password]").fill(PASSWORD)
    page.locator("input[type=submit], button[type=submit]").first.click()
    page.wait_for_url("**/services/primehub/**")
    yield Server(platform, lab, token, page)
    context.close()
    platform.cli("notebooks", "stop", token=token)


def test_a_notebook_is_sent_watched_and_its_result_opened_beside_it(server: Server) -> None:
    page, form_of = server.page, server.ask
    server.write("train.ipynb", notebook("print('first')", WAIT, "print('sum', a + b)", parameters="a = 1\nb = 2"))
    server.open("train.ipynb")
    bar = page.locator(".jp-PrimeHub-status")
    expect(bar).to_contain_text("0.5/4 cores")
    expect(bar.get_by_role("link", name="lab", exact=True)).to_be_visible()
    form = form_of()
    expect(form.get_by_label("lab-small")).to_be_checked()
    form.get_by_label("b", exact=True).fill("40")
    form.get_by_label("Name", exact=True).fill("adds up")
    expect(page.locator(".jp-PrimeHub-answer")).to_contain_text("Would start now", timeout=SOON)
    form.get_by_role("button", name="Submit", exact=True).click()
    expect(form).to_be_hidden(timeout=SOON)
    job = server.panel.locator("[data-job]").filter(has_text="adds up")
    expect(job.get_by_role("progressbar")).to_have_attribute("aria-valuenow", "3", timeout=ENDED)
    expect(job).to_contain_text("3/5 cells")
    job.get_by_role("button", name="Log").click()
    expect(job.get_by_role("region", name="Log of adds up")).to_contain_text("first", timeout=SOON)
    go_on = server.platform.data / "projects/lab/go on"
    go_on.touch()
    expect(job).to_contain_text("Succeeded", timeout=ENDED)
    go_on.unlink()
    job.get_by_role("button", name="Open the result of adds up").click()
    result = page.locator(".jp-NotebookPanel:not(.lm-mod-hidden)").filter(has_text="sum 41")
    expect(result).to_be_visible(timeout=SOON)
    files = [entry["name"] for entry in server.contents("GET", "")["content"] if entry["type"] == "notebook"]
    assert "train.ipynb" in files
    assert len(files) == 2, "the result is beside the original"
    assert "sum 41" not in json.dumps(server.contents("GET", "train.ipynb")), "the original is as it was"


def test_a_notebook_recurs_and_runs_what_it_is_told_to(server: Server) -> None:
    page, platform = server.page, server.platform
    server.write("report.ipynb", notebook("print('one')"))
    server.open("report.ipynb")
    form = server.ask()
    form.get_by_label("On a schedule").check()
    form.get_by_label("Time zone").select_option("Asia/Taipei")
    preview = form.locator(".jp-PrimeHub-preview")
    expect(preview.locator("li")).to_have_count(5, timeout=SOON)
    expect(preview.locator("li").first).to_contain_text("04:00")
    form.get_by_label("Repeat").select_option("custom")
    form.get_by_label("Cron expression").fill("99 * * * *")
    expect(form.get_by_role("button", name="Save", exact=True)).to_have_attribute("aria-disabled", "true")
    expect(form.locator("[aria-invalid=true]")).to_be_visible(timeout=SOON)
    form.get_by_label("Cron expression").fill("30 2 * * 1")
    expect(page.locator(".jp-PrimeHub-answer")).to_contain_text("First run: Mon", timeout=SOON)
    form.get_by_role("button", name="Save", exact=True).click()
    expect(form).to_be_hidden(timeout=SOON)
    entry = server.panel.locator("[data-schedule]").filter(has_text="report")
    expect(entry).to_be_visible(timeout=SOON)
    (made,) = platform.call("GET", f"/schedules?group={server.lab.group}", token=server.token)["items"]
    assert (made["cron"], made["timezone"], made["user"]) == ("30 2 * * 1", "Asia/Taipei", PERSON)

    server.write("report.ipynb", notebook("print('two')"))
    server.open("report.ipynb")
    page.get_by_role("tab", name="PrimeHub jobs").click()
    entry.get_by_role("button", name="Let report run").click(timeout=SOON)
    expect(entry.get_by_text("differs from your file")).to_be_hidden(timeout=SOON)

    # what it runs is what is on screen now: tried by running it, which is a person's own right
    fired = platform.call("POST", f"/schedules/{made['id']}/run", token=server.token)
    job = fired.get("job") or fired["id"]

    def ended() -> Any:
        now = platform.call("GET", f"/jobs/{job}", token=server.token)
        return now if now["phase"] in ("SUCCEEDED", "FAILED", "CANCELLED") else None

    assert wait_for(ended, ENDED / 1000, what="it has run")["phase"] == "SUCCEEDED"
    assert "two" in platform.call("GET", f"/jobs/{job}/log", token=server.token)["text"]
    platform.call("DELETE", f"/schedules/{made['id']}", token=server.token)
