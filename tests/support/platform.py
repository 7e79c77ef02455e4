"""The whole platform, started as a person starts it, for end-to-end tests."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import psutil

from primehub_services.domain.launch import WorkloadKind
from primehub_services.sandbox.workloads import Workloads
from primehub_services.store import claims
from primehub_services.store.database import Database

from .waiting import wait_for

Address = tuple[str, int]
API_PATH = "/services/primehub/api/v1"
ADMIN, PASSWORD = "admin", "a long enough password"
NOWHERE = "/nonexistent"
START_LIMIT = 120
STARTS_IN = 180
"""Seconds in which something that was asked for is there, on a machine that is busy with other tests: an image, a
notebook that runs."""
KIND, GROUP = "primehub.io/kind", "primehub.io/group"
LOOPBACKS = ("127.0.0.1", "127.0.0.2", "::1", "0.0.0.0")
COMMAND = [sys.executable, "-m", "primehub_services.cli.main"]


def free_port() -> int:
    """A port of this machine on which nobody listens now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def data_folder() -> Path:
    """A new data folder that workloads of another user can pass through, which pytest's own are not."""
    folder = Path(tempfile.mkdtemp(prefix="primehub-e2e-"))
    folder.chmod(0o755)
    return folder / "data"


def clean_environment(**more: str) -> dict[str, str]:
    """This process's environment without anything that a developer's own platform put into it."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PRIMEHUB_", "JUPYTERHUB_")) or "_TEST_" in k}
    return {**kept, **more}


class Platform:
    """One ``primehub up`` and what tests need of it."""

    def __init__(self, data: Path, port: int, environ: Mapping[str, str] | None = None) -> None:
        self.data = data
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        # making the first image takes minutes of this machine: tests say which environment they mean
        self.environ = clean_environment(**{"PRIMEHUB_SETTING__LOCAL__BASE_ENVIRONMENT": NOWHERE, **(environ or {})})
        self.output = data.parent / "output"
        self.process: subprocess.Popen[bytes] | None = None
        self.admin_token = ""

    @property
    def api(self) -> str:
        """The API's root."""
        return self.url + API_PATH

    def start(self, *flags: str) -> None:
        """Start it and wait until it says that it is ready."""
        self.start_by([*COMMAND, "up", "--data", str(self.data), "--port", str(self.port), *flags])

    def start_by(self, words: list[str]) -> None:
        """Likewise, by a command of one's own."""
        with open(self.output, "wb") as output:
            self.process = subprocess.Popen(
                words,
                env=self.environ,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        process = self.process

        def ready() -> bool:
            assert process.poll() is None, f"it ended with {process.returncode}:\n{self.said()}\n{self.hub_log()}"
            return "PrimeHub is at" in self.said()

        wait_for(ready, START_LIMIT, what="the platform is ready")

    def said(self) -> str:
        """What it has printed since its start."""
        return self.output.read_text(errors="replace") if self.output.exists() else ""

    def hub_log(self, lines: int = 60) -> str:
        """The end of the hub's log, for a failure's message."""
        path = self.data / "log" / "hub.log"
        return "\n".join(path.read_text(errors="replace").splitlines()[-lines:]) if path.exists() else ""

    def signal(self, number: int) -> None:
        """Send ``primehub up`` a signal."""
        assert self.process is not None
        self.process.send_signal(number)

    def stop(self, seconds: float = 60) -> int:
        """Ctrl-C, and wait for the end; the exit code."""
        assert self.process is not None
        if self.process.poll() is None:
            self.signal(signal.SIGINT)
        code = self.process.wait(seconds)
        self.process = None
        return code

    def state(self) -> dict[str, Any]:
        """What the running platform says of itself."""
        state: dict[str, Any] = json.loads((self.data / "run" / "up.json").read_text())
        return state

    def processes(self) -> list[psutil.Process]:
        """Every process that names the data folder in its command line, environment, or working folder."""
        found = []
        for process in psutil.process_iter():
            if process.pid == os.getpid():
                continue
            try:
                words = [*process.cmdline(), *process.environ().values(), process.cwd()]
            except (psutil.Error, OSError):
                continue
            if any(str(self.data) in word for word in words) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        return found

    def first_link(self) -> str | None:
        """The one-time link that it printed."""
        found = re.search(r"https?://\S+/hub/invite#\S+", self.said())
        return found[0] if found else None

    def become_admin(self) -> str:
        """Use the first link, and make a token with all of the first administrator's rights."""
        link = wait_for(self.first_link, 10, what="the first link is printed")
        assert link is not None
        self.redeem(link.partition("#")[2], PASSWORD)
        self.admin_token = self.token(ADMIN, PASSWORD)
        return self.admin_token

    def redeem(self, token: str, password: str, **fields: str) -> httpx.Client:
        """Use a link, as its page does. The browser's session, for the caller to close."""
        browser = self.browser()
        page = browser.get("/hub/invite")
        form = {"token": token, "use": "1", "password": password, "repeat_password": password, **fields}
        answer = browser.post("/hub/invite", data={"_xsrf": xsrf_of(page.text), **form})
        assert answer.status_code in (200, 302), answer.text
        return browser

    def browser(self) -> httpx.Client:
        """A browser without scripts."""
        return httpx.Client(base_url=self.url, trust_env=False, timeout=30, headers={"Sec-Fetch-Mode": "navigate"})

    def sign_in(self, user: str, password: str) -> httpx.Client:
        """A browser in which the person is signed in."""
        browser = self.browser()
        page = browser.get("/hub/login")
        form = {"_xsrf": xsrf_of(page.text), "username": user, "password": password}
        answer = browser.post("/hub/login", data=form)
        assert answer.status_code == 302, answer.text
        return browser

    def token(self, user: str, password: str) -> str:
        """A token with all of the person's rights."""
        body = {"auth": {"username": user, "password": password}, "note": "laptop"}
        answer = httpx.post(f"{self.url}/hub/api/users/{user}/tokens", json=body, trust_env=False, timeout=30)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["token"])

    def call(
        self, method: str, path: str, body: Any = None, *, token: str | None = None, status: int | None = None
    ) -> Any:
        """The API's JSON as this token, the administrator's unless said. Fails on another status than expected."""
        headers = {"Authorization": f"token {token or self.admin_token}"}
        answer = httpx.request(method, self.api + path, json=body, headers=headers, trust_env=False, timeout=30)
        expected = answer.status_code == status if status else answer.is_success
        assert expected, f"{method} {path}: {answer.status_code} {answer.text}\n{self.hub_log()}"
        return answer.json() if answer.content else None

    def add_person(self, name: str, *groups: str) -> str:
        """A new person in these groups, who has set a password; the token."""
        made = self.call("POST", "/users", {"name": name, "groups": list(groups)})
        self.redeem(made["token"], PASSWORD).close()
        return self.token(name, PASSWORD)

    def end_notebooks(self, user: str) -> None:
        """Stop whatever notebook of a person's runs or starts, and wait until none is left."""
        path, asked = f"/notebooks?user={quote(user, safe='')}&active=true&page_size=200", set[str]()

        def over() -> bool:
            left = {notebook["id"] for notebook in self.call("GET", path)["items"]}
            for start_id in left - asked:
                self.call("DELETE", f"/notebooks/{start_id}")
            asked.update(left)
            return not left

        wait_for(over, STARTS_IN, what=f"{user} has no notebook", every=0.2)

    def image_source(self, made: str) -> dict[str, str]:
        """Where an image is, as the API is told: ``made`` is the prefix of an environment that is there."""
        return {"type": "environment", "prefix": made}

    def add_image(self, made: str, name: str = "jupyterlab") -> str:
        """An image for everyone of what is there (``image_source``); its slug, once it is ready."""
        slug = str(self.call("POST", "/images", {"name": name, "source": self.image_source(made)})["slug"])

        def ready() -> bool:
            image = self.call("GET", f"/images/{slug}")
            assert image["phase"] != "FAILED", image
            return bool(image["phase"] == "READY")

        wait_for(ready, STARTS_IN, what=f"the image {name} is ready")
        return slug

    def sign_in_link(self, user: str = ADMIN) -> str:
        """A one-time link with which somebody sets a new password, as who runs the platform makes it."""
        done = self.cli("sign-in-link", user, "--data", str(self.data))
        assert done.returncode == 0, done.stderr
        return done.stdout.strip().splitlines()[-1]

    def claimed(self, group: str = "") -> set[str]:
        """The start ids of the notebooks in the ledger, or of those in one group."""
        url = self.environ.get("PRIMEHUB_SETTING__DATABASE_URL") or f"sqlite:///{self.data / 'primehub.sqlite'}"
        database = Database(url, read_threads=1)
        try:
            held = database.read_now(claims.held)
        finally:
            database.close()
        return {c.id for c in held if c.kind is WorkloadKind.NOTEBOOK and group in ("", c.group)}

    def alive(self, group: str = "") -> set[str]:
        """The start ids of the notebooks that really run, whatever is written of them, or of those in one group."""
        found = [
            s for s in Workloads(self.data).list_() if s.alive and s.labels.get(KIND) == WorkloadKind.NOTEBOOK.value
        ]
        return {s.key for s in found if group in ("", s.labels.get(GROUP))}

    def lives(self, start_id: str, marker: str) -> bool:
        """Whether a process of this notebook's lives that has this word in its command line."""
        for process in psutil.process_iter():
            try:
                if marker in process.cmdline():
                    return True
            except psutil.Error:
                continue
        return False

    def hub_process(self) -> str:
        """Which process the hub is: another one after a crash."""
        return str(self.state()["hub_pid"])

    def private_folders(self) -> list[str]:
        """Where the platform keeps its own data, and people's: nothing that a workload may see."""
        kept = ("homes", "projects", "secrets", "hub", "log", "run", "workloads", "primehub.sqlite")
        return [str(self.data / name) for name in kept]

    def private_processes(self) -> list[int]:
        """The platform's own processes, as the machine numbers them."""
        state = self.state()
        return [state["pid"], state["hub_pid"], state["proxy_pid"]]

    def keys(self) -> dict[str, str]:
        """The platform's own secrets."""
        return {file.name: file.read_text().strip() for file in (self.data / "secrets").iterdir()}

    def logs(self) -> dict[str, bytes]:
        """All that anybody may read as a log, or as a workload's result."""
        found = [*(self.data / "log").iterdir(), self.output, *self.data.glob("blobs/**/*")]
        found += self.data.glob("workloads/*/*log*")
        return {str(log): log.read_bytes() for log in found if log.is_file()}

    def command_lines(self) -> set[str]:
        """Of every process that there is."""
        lines = set()
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                lines.add(" ".join(process.cmdline()))
        return lines

    def databases(self) -> dict[str, bytes]:
        """The files of the hub's database, and of the platform's."""
        files = {"hub": "hub/jupyterhub.sqlite*", "platform": "primehub.sqlite*"}
        return {name: b"".join(path.read_bytes() for path in self.data.glob(found)) for name, found in files.items()}

    def doors(self, start_id: str, port: int) -> dict[str, list[Address]]:
        """Where a workload could find something to talk to: parts of the platform, and a notebook on this port."""
        ports = {**self.state()["ports"], "the public address": self.port, "a notebook": port}
        return {name: [(host, number) for host in LOOPBACKS] for name, number in ports.items()}

    open_doors = frozenset({"hub_port", "services_port"})
    """Those of them that are for workloads."""

    def cli(self, *words: str, token: str | None = None, input: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run ``primehub`` against it as this token, the administrator's unless said."""
        environ = {
            **self.environ,
            "PRIMEHUB_API_ENDPOINT": self.url,
            "PRIMEHUB_API_TOKEN": token or self.admin_token,
            "HOME": str(self.data.parent),
        }
        return subprocess.run(
            [*COMMAND, *words], env=environ, input=input or "", capture_output=True, text=True, timeout=120
        )

    def json(self, *words: str, token: str | None = None) -> Any:
        """The JSON that a command answers. Fails where it ends with another code than 0."""
        done = self.cli(*words, "--json", token=token)
        assert done.returncode == 0, f"{words}: {done.returncode}\n{done.stderr}\n{self.hub_log()}"
        return json.loads(done.stdout)


@dataclass(frozen=True)
class Lab:
    """Something to start: a group, an instance type that takes little, an image with JupyterLab, and a person."""

    group: str
    instance_type: str
    image: str
    user: str
    token: str

    @property
    def launch(self) -> dict[str, str]:
        """What the person starts a notebook or a job with."""
        return {"group": self.group, "instance_type": self.instance_type, "image": self.image}


def xsrf_of(html: str) -> str:
    """The token of the form in a page."""
    found = re.search(r'name="_xsrf"\s+value="([^"]+)"', html)
    assert found, html[:2000]
    return found[1]


def like_a_persons(browser: httpx.Client) -> httpx.Client:
    """It follows redirects, and takes this machine for secure without TLS, as browsers do."""

    def loopback_is_secure(_: httpx.Response) -> None:
        for cookie in browser.cookies.jar:
            cookie.secure = False

    browser.follow_redirects = True
    browser.event_hooks = {"response": [loopback_is_secure]}
    return browser


def asked_by_portal(browser: httpx.Client, path: str) -> Any:
    """What the API answers the portal's page that is open in this browser."""
    own = next(c.value or "" for c in browser.cookies.jar if (c.name, c.path) == ("_xsrf", "/services/primehub/"))
    script = {"Sec-Fetch-Mode": "cors", "Sec-Fetch-Site": "same-origin", "X-XSRFToken": own}
    answer = browser.get(API_PATH + path, headers=script)
    assert answer.status_code == 200, answer.text
    return answer.json()


@contextmanager
def running_platform(environ: Mapping[str, str] | None = None) -> Iterator[Platform]:
    """A platform on a free port and a new data folder, with its administrator signed in; ended at the end."""
    platform = Platform(data_folder(), free_port(), environ)
    try:
        platform.start()
        platform.become_admin()
        yield platform
    finally:
        discard(platform)


def discard(platform: Platform) -> None:
    """End whatever is left of a platform, and its data."""
    if platform.process is not None:
        try:
            platform.stop()
        except subprocess.TimeoutExpired:
            platform.process.kill()
            platform.process.wait()
    for process in platform.processes():
        process.kill()
    subprocess.run(["rm", "-rf", str(platform.data.parent)], check=False)
