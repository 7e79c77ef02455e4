"""No secret is in a log, on a command line, in an address, or where a workload's user can read it."""

from __future__ import annotations

import os
import re
import stat
import statistics
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil
import pytest

from primehub_services.sandbox.layout import workload_identity
from tests.support.losses import Portal, as_token
from tests.support.platform import PASSWORD, Lab, Platform, xsrf_of
from tests.support.shell_notebook import shell, shell_environment
from tests.support.waiting import wait_for

__all__ = ["shell_environment"]
pytestmark = [pytest.mark.e2e, pytest.mark.sandbox]
PERSON = "sissela"
TRIED, CHOSEN, VARIABLE, SECRET = (
    "tried-but-wrong-77",
    "chosen-by-sissela-77",
    "variable-of-sissela-77",
    "kept-for-all-77",
)
NO_PROOF = {"_xsrf", "jupyterhub-session-id"}
"""Cookies that let nobody in: the one is of no use without the session's, the other is the session's name in logs."""


@dataclass
class Day:
    """What happened on a platform, and every secret that was in use."""

    platform: Platform
    start_id: str
    secrets: dict[str, str] = field(default_factory=dict)

    def found_in(self, text: bytes | str) -> list[str]:
        """The names of the secrets that are in a text."""
        data = text.encode() if isinstance(text, str) else text
        return [name for name, value in self.secrets.items() if value.encode() in data]


@pytest.fixture(scope="module")
def day(platform: Platform, lab: Lab, shell_environment: str) -> Iterator[Day]:
    """Somebody joins, mistypes, gets a new password, signs in everywhere and starts a notebook that goes on."""
    seen = Day(platform, "")
    image = platform.add_image(shell_environment, "secrecys-shell")
    made = platform.call("POST", "/users", {"name": PERSON, "groups": [lab.group]})
    platform.redeem(made["token"], PASSWORD).close()
    _try(platform, PERSON, TRIED)
    temporary = platform.call("POST", f"/users/{PERSON}/password-reset")["password"]
    with closing(platform.browser()) as browser:
        page = browser.get("/hub/change-password", params={"username": PERSON})
        form = {"username": PERSON, "old_password": temporary, "new_password": CHOSEN, "repeat_password": CHOSEN}
        assert browser.post("/hub/change-password", data={"_xsrf": xsrf_of(page.text), **form}).status_code == 302
        Portal(platform, browser)
        token = platform.token(PERSON, CHOSEN)
        body = {"note": "n", "scopes": ["custom:primehub:read"], "expires_in": 3600}
        api_token = platform.call("POST", "/me/tokens", body, token=token)["token"]
        link = platform.call("POST", "/invitations", {"group": lab.group})["token"]
        platform.call("POST", "/secrets", {"name": "kept", "kind": "env", "group": lab.group, "value": SECRET})
        asked = platform.call("POST", "/login-requests", {"client": "test"})
        platform.call("POST", f"/login-requests/{asked['code']}/approval", {"approve": True}, token=token)
        poll = {"secret": asked["secret"]}
        fetched = platform.call("POST", f"/login-requests/{asked['id']}/token", poll)["token"]
        launch = {"group": lab.group, "instance_type": lab.instance_type, "image": image}
        launched = {**launch, "environment": {"MINE": VARIABLE}}
        seen.start_id = platform.call("POST", "/notebooks", launched, token=token)["id"]
        path = f"/notebooks/{seen.start_id}"
        wait_for(lambda: platform.call("GET", path, token=token)["phase"] == "RUNNING", 90, what="the notebook runs")
        given = shell(platform, PERSON, 'printf "%s %s" "$JUPYTERHUB_API_TOKEN" "$MINE"').split()
        assert given[1] == VARIABLE
        seen.secrets = {
            "first password": PASSWORD,
            "wrong password": TRIED,
            "temporary password": temporary,
            "password": CHOSEN,
            "link of the account": made["token"],
            "link into the group": link,
            "hub token": token,
            "API token": api_token,
            "sign-in's secret": asked["secret"],
            "sign-in's token": fetched,
            "notebook's token": given[0],
            "variable": VARIABLE,
            "secret": SECRET,
            **{f"cookie {c.name}": c.value for c in browser.cookies.jar if c.value and c.name not in NO_PROOF},
            **{f.name: f.read_text().strip() for f in (platform.data / "secrets").iterdir()},
        }
        yield seen
    platform.call("DELETE", path, token=token)


def _try(platform: Platform, name: str, password: str) -> tuple[int, str, float]:
    """A sign-in: status, what the page says, and how long it took."""
    with closing(platform.browser()) as browser:
        form = {"_xsrf": xsrf_of(browser.get("/hub/login").text), "username": name, "password": password}
        began = time.monotonic()
        answer = browser.post("/hub/login", data=form)
        took = time.monotonic() - began
    said = re.search(r"(Invalid username or password|Too many tries)", answer.text)
    return answer.status_code, said[0] if said else answer.text, took


def test_no_secret_is_in_a_log(day: Day) -> None:
    logs = [*(day.platform.data / "log").iterdir(), day.platform.output, *day.platform.data.glob("blobs/**/*")]
    logs += day.platform.data.glob("workloads/*/*log*")
    said = {str(log): day.found_in(log.read_bytes()) for log in logs if log.is_file()}
    assert {log: names for log, names in said.items() if names} == {}


def test_no_address_in_a_log_holds_a_code_or_a_token(day: Day) -> None:
    text = (day.platform.data / "log" / "hub.log").read_text()
    assert re.findall(r"[?&](?:token|code|secret|password)=(?!\[secret\])[^ &]{4}", text) == []


def test_no_secret_is_on_a_command_line(day: Day) -> None:
    lines = {}
    for process in psutil.process_iter():
        try:
            lines[process.pid] = " ".join(process.cmdline())
        except psutil.Error:
            continue
    assert {line for line in lines.values() if day.found_in(line)} == set()


def test_the_hubs_database_and_options_hold_no_secret(day: Day) -> None:
    # what cookies hold is signed with, or a digest of, what is there
    kept = b"".join(path.read_bytes() for path in (day.platform.data / "hub").glob("jupyterhub.sqlite*"))
    assert [name for name in day.found_in(kept) if not name.startswith("cookie ")] == []
    url = f"{day.platform.url}/hub/api/users/{PERSON}"
    model = httpx.get(url, headers=as_token(day.platform.admin_token), trust_env=False).json()
    options = model["servers"][""]["user_options"]
    assert set(options) <= {"group", "instance_type", "image", "safe_mode", "start_id"}


def test_the_platforms_database_holds_digests_and_ciphertexts(day: Day) -> None:
    kept = b"".join(path.read_bytes() for path in day.platform.data.glob("primehub.sqlite*"))
    # a person's variables are theirs to read back
    assert [name for name in day.found_in(kept) if name != "variable"] == []


def test_processes_of_the_workloads_user_have_no_secret_but_their_own(day: Day) -> None:
    uid, _ = workload_identity(1000)
    if uid == os.getuid():
        pytest.skip("workloads run as the platform's own user here: their namespaces keep them apart")
    found = {}
    for process in psutil.process_iter():
        try:
            if process.uids().real == uid:
                text = "\n".join(f"{name}={value}" for name, value in process.environ().items())
                found[f"{process.pid} {process.name()}"] = day.found_in(text)
        except psutil.Error:
            continue
    allowed = {"notebook's token", "variable"}
    assert {what: names for what, names in found.items() if set(names) - allowed} == {}


def test_others_of_the_machine_read_nothing_of_the_data_folder_but_programs(day: Day) -> None:
    data = day.platform.data
    programs = re.compile(r"(environments|workloads/[^/]+/launch/(etc|inner))(/|$)")
    readable = [path for path in _reachable(data, data) if not programs.match(str(path.relative_to(data)))]
    assert readable == []


def _reachable(folder: Path, top: Path) -> Iterator[Path]:
    """Files that a user of the machine who owns nothing here can read, and folders that they can list."""
    mode = folder.stat().st_mode
    if mode & stat.S_IROTH and folder != top:
        yield folder
    if not mode & stat.S_IXOTH:
        return
    for entry in os.scandir(folder):
        if entry.is_dir(follow_symlinks=False):
            yield from _reachable(Path(entry.path), top)
        elif entry.is_file(follow_symlinks=False) and entry.stat().st_mode & stat.S_IROTH:
            yield Path(entry.path)


INVALID, WAIT = (403, "Invalid username or password"), (403, "Too many tries")


def _fail(platform: Platform, name: str) -> float:
    """One more wrong sign-in, as soon as one is looked at; how long it took to be refused."""

    def looked_at() -> tuple[int, str, float] | None:
        answer = _try(platform, name, "wrong")
        return None if answer[:2] == WAIT else answer

    said = wait_for(looked_at, 30, what="the next try")
    assert said is not None
    assert said[:2] == INVALID
    return said[2]


def test_a_guess_learns_neither_from_words_nor_from_time_who_exists(platform: Platform) -> None:
    known, unknown = "guessed", "guessed-too"
    platform.add_person(known)
    took = [(_fail(platform, known), _fail(platform, unknown)) for _ in range(7)]
    assert _try(platform, known, PASSWORD)[:2] == WAIT, "even with the right one"
    assert _try(platform, unknown, PASSWORD)[:2] == WAIT
    slow, fast = (statistics.median(pair[n] for pair in took) for n in (0, 1))
    assert 1 / 3 < slow / fast < 3


def test_the_wait_grows_and_ends(platform: Platform) -> None:
    name, waits = "waits", []
    platform.add_person(name)
    for _ in range(8):
        began = time.monotonic()
        _fail(platform, name)
        waits.append(time.monotonic() - began)
    assert waits[7] >= 4 > waits[0], "after seven in a row the eighth is looked at only four seconds later"
    wait_for(lambda: _try(platform, name, PASSWORD)[0] == 302, 30, what="the right password is taken again")
    assert _try(platform, name, "wrong")[:2] == INVALID, "it begins anew"
