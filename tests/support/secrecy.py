"""What happens on a platform in a day, every secret that is in use meanwhile, and where none of them may be."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field

import httpx

from .losses import Portal, as_token
from .names import unique
from .platform import PASSWORD, Lab, Platform, xsrf_of
from .shell_notebook import shell
from .waiting import wait_for

TRIED, CHOSEN, VARIABLE, SECRET = (
    "tried-but-wrong-77",
    "chosen-by-sissela-77",
    "variable-of-sissela-77",
    "kept-for-all-77",
)
NO_PROOF = {"_xsrf", "jupyterhub-session-id"}
"""Cookies that let nobody in: the one is of no use without the session's, the other is the session's name in logs."""
OWN = {"notebook's token", "variable"}
"""What a person's own workload is given, and they may read there."""
STARTED = 120


@dataclass
class Day:
    """What happened, and every secret that was in use."""

    platform: Platform
    person: str
    start_id: str = ""
    secrets: dict[str, str] = field(default_factory=dict)

    def found_in(self, text: bytes | str) -> list[str]:
        """The names of the secrets that are in a text."""
        data = text.encode() if isinstance(text, str) else text
        return [name for name, value in self.secrets.items() if value.encode() in data]

    def found_in_each(self, texts: Mapping[str, bytes | str]) -> dict[str, list[str]]:
        """Likewise, of those of these texts that hold any."""
        found = {what: self.found_in(text) for what, text in texts.items()}
        return {what: names for what, names in found.items() if names}


@contextmanager
def a_day(platform: Platform, lab: Lab, image: str) -> Iterator[Day]:
    """Somebody joins, mistypes, gets a new password, signs in everywhere and starts a notebook that goes on.

    ``image`` is one whose server is a terminal.
    """
    person = unique("sissela")
    seen = Day(platform, person)
    made = platform.call("POST", "/users", {"name": person, "groups": [lab.group]})
    platform.redeem(made["token"], PASSWORD).close()
    tries(platform, person, TRIED)
    temporary = platform.call("POST", f"/users/{person}/password-reset")["password"]
    with closing(platform.browser()) as browser:
        page = browser.get("/hub/change-password", params={"username": person})
        form = {"username": person, "old_password": temporary, "new_password": CHOSEN, "repeat_password": CHOSEN}
        assert browser.post("/hub/change-password", data={"_xsrf": xsrf_of(page.text), **form}).status_code == 302
        Portal(platform, browser)
        token = platform.token(person, CHOSEN)
        body = {"note": "n", "scopes": ["custom:primehub:read"], "expires_in": 3600}
        api_token = platform.call("POST", "/me/tokens", body, token=token)["token"]
        link = platform.call("POST", "/invitations", {"group": lab.group})["token"]
        platform.call("POST", "/secrets", {"name": unique("kept"), "kind": "env", "group": lab.group, "value": SECRET})
        asked = platform.call("POST", "/login-requests", {"client": "test"})
        platform.call("POST", f"/login-requests/{asked['code']}/approval", {"approve": True}, token=token)
        poll = {"secret": asked["secret"]}
        fetched = platform.call("POST", f"/login-requests/{asked['id']}/token", poll)["token"]
        launched = {**lab.launch, "image": image, "environment": {"MINE": VARIABLE}}
        seen.start_id = platform.call("POST", "/notebooks", launched, token=token)["id"]
        path = f"/notebooks/{seen.start_id}"
        wait_for(
            lambda: platform.call("GET", path, token=token)["phase"] == "RUNNING", STARTED, what="the notebook runs"
        )
        given = shell(platform, person, 'printf "%s %s" "$JUPYTERHUB_API_TOKEN" "$MINE"').split()
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
            **platform.keys(),
        }
        yield seen
    platform.call("DELETE", path, token=token)


def tries(platform: Platform, name: str, password: str) -> tuple[int, str, float]:
    """A sign-in: status, what the page says, and how long it took."""
    with closing(platform.browser()) as browser:
        form = {"_xsrf": xsrf_of(browser.get("/hub/login").text), "username": name, "password": password}
        began = time.monotonic()
        answer = browser.post("/hub/login", data=form)
        took = time.monotonic() - began
    said = re.search(r"(Invalid username or password|Too many tries)", answer.text)
    return answer.status_code, said[0] if said else answer.text, took


def no_secret_is_in_a_log(day: Day) -> None:
    """Of the platform's, of workloads, nor in what is kept of them."""
    logs = day.platform.logs()
    assert any(day.person.encode() in text for text in logs.values()), "they are those of that day"
    assert day.found_in_each(logs) == {}


def no_address_in_a_log_holds_a_code_or_a_token(day: Day) -> None:
    """Of those that were asked for, at the hub."""
    log = day.platform.hub_log(1_000_000)
    assert f"/hub/api/users/{day.person}/tokens" in log, "it is the log of that day"
    assert re.findall(r"[?&](?:token|code|secret|password)=(?!\[secret\])[^ &]{4}", log) == []


def no_secret_is_on_a_command_line(day: Day) -> None:
    """Of any process."""
    lines = day.platform.command_lines()
    assert any("jupyterhub" in line for line in lines)
    assert {line for line in lines if day.found_in(line)} == set()


def the_hubs_database_and_options_hold_no_secret(day: Day) -> None:
    """But what cookies hold: that is signed with, or a digest of, what is there."""
    kept = day.platform.databases()["hub"]
    assert day.person.encode() in kept
    assert [name for name in day.found_in(kept) if not name.startswith("cookie ")] == []
    url = f"{day.platform.url}/hub/api/users/{day.person}"
    model = httpx.get(url, headers=as_token(day.platform.admin_token), trust_env=False, timeout=30).json()
    options = model["servers"][""]["user_options"]
    assert set(options) <= {"group", "instance_type", "image", "safe_mode", "start_id"}


def the_platforms_database_holds_digests_and_ciphertexts(day: Day) -> None:
    """A person's variables are theirs to read back."""
    kept = day.platform.databases()["platform"]
    assert day.person.encode() in kept
    assert [name for name in day.found_in(kept) if name != "variable"] == []


def a_terminal_finds_no_secret_but_its_own(day: Day) -> None:
    """In the variables of any process that it sees, and in any file that its user may read."""
    files = "find / -xdev -type f -size -256k -readable -not -path '/proc/*' -not -path '/sys/*' -not -path '/usr/*'"
    seen = shell(day.platform, day.person, f"cat /proc/*/environ 2>/dev/null; {files} -exec cat {{}} + 2>/dev/null")
    assert VARIABLE in seen
    assert set(day.found_in(seen)) <= OWN
