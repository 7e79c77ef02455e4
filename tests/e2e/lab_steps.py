"""What a person does in JupyterLab, step by step, on any platform: one of this machine, or one installed on a cluster."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import httpx
from playwright.sync_api import Locator, Page, expect

from tests.support.jupyterlab import notebook
from tests.support.names import unique
from tests.support.platform import Lab, Platform

LOADED, ENDED, SOON = 60_000, 90_000, 15_000
# as long as it takes to be seen, and no longer
WAIT = "import os, time\nfor _ in range(1800):\n    if os.path.exists('/project/{group}/{go}'): break\n    time.sleep(0.05)"


@dataclass(frozen=True)
class Server:
    """A person's JupyterLab, in a browser in which they are signed in."""

    platform: Platform
    lab: Lab
    page: Page

    def contents(self, method: str, path: str, body: Any = None) -> Any:
        """Jupyter's own files."""
        url = f"{self.platform.url}/user/{self.lab.user}/api/contents/{path}"
        headers = {"Authorization": f"token {self.lab.token}"}
        answer = httpx.request(method, url, json=body, headers=headers, trust_env=False, timeout=30)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    def write(self, path: str, content: Any) -> None:
        """Save a notebook."""
        self.contents("PUT", path, {"type": "notebook", "format": "json", "content": content})

    def open(self, path: str) -> None:
        """Show a notebook, and nothing else."""
        self.page.goto(f"{self.platform.url}/user/{self.lab.user}/lab/tree/{path}?reset")
        expect(self.button).to_be_visible(timeout=LOADED)

    @property
    def button(self) -> Locator:
        """That submits what is open."""
        return self.page.locator('[data-jp-item-name="primehub-submit"]').get_by_role("button")

    @property
    def form(self) -> Locator:
        """The submit dialog."""
        return self.page.locator(".jp-PrimeHub-dialog")

    @property
    def panel(self) -> Locator:
        """The jobs, beside the notebook."""
        return self.page.locator("#primehub-jobs")

    def ask(self) -> Locator:
        """The submit dialog, loaded."""
        self.button.click()
        expect(self.form.get_by_role("group", name="Instance type")).to_be_visible(timeout=SOON)
        return self.form


def sends_a_notebook_watches_it_and_opens_its_result(server: Server) -> None:
    """With a parameter of one's own; the result comes to lie beside the original, which stays as it is."""
    page, group = server.page, server.lab.group
    train, name, go = unique("train"), unique("adds up"), unique("go on")
    server.write(
        f"{train}.ipynb",
        notebook("print('first')", WAIT.format(group=group, go=go), "print('sum', a + b)", parameters="a = 1\nb = 2"),
    )
    server.open(f"{train}.ipynb")
    bar = page.locator(".jp-PrimeHub-status")
    # a job that a first try left waits no longer than that
    expect(bar).to_contain_text("0.5/4 cores", timeout=ENDED)
    expect(bar.get_by_role("link", name=group, exact=True)).to_be_visible()
    form = server.ask()
    expect(form.get_by_label(server.lab.instance_type)).to_be_checked()
    form.get_by_label("b", exact=True).fill("40")
    form.get_by_label("Name", exact=True).fill(name)
    expect(page.locator(".jp-PrimeHub-answer")).to_contain_text("Would start now", timeout=SOON)
    form.get_by_role("button", name="Submit", exact=True).click()
    expect(form).to_be_hidden(timeout=SOON)
    job = server.panel.locator("[data-job]").filter(has_text=name)
    expect(job.get_by_role("progressbar")).to_have_attribute("aria-valuenow", "3", timeout=ENDED)
    expect(job).to_contain_text("3/5 cells")
    job.get_by_role("button", name="Log").click()
    expect(job.get_by_role("region", name=f"Log of {name}")).to_contain_text("first", timeout=SOON)
    server.contents("PUT", f"{group}/{go}", {"type": "file", "format": "text", "content": ""})
    expect(job).to_contain_text("Succeeded", timeout=ENDED)
    server.contents("DELETE", f"{group}/{go}")
    job.get_by_role("button", name=f"Open the result of {name}").click()
    result = page.locator(".jp-NotebookPanel:not(.lm-mod-hidden)").filter(has_text="sum 41")
    expect(result).to_be_visible(timeout=SOON)
    files = [entry["name"] for entry in server.contents("GET", "")["content"] if entry["name"].startswith(train)]
    assert f"{train}.ipynb" in files
    assert len(files) == 2, "the result is beside the original"
    assert "sum 41" not in json.dumps(server.contents("GET", f"{train}.ipynb")), "the original is as it was"
