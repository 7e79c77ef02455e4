"""What ``helm test`` runs: a notebook and a job, started as a person would through the proxy, and removed.

It signs in as ``helm-test``, an account that nobody else can be: it belongs to an issuer of its own. It is a platform
admin while the test runs and nobody afterwards. What stays is that account and the claim of its home folder.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx

API = "/services/primehub/api/v1"
GATEWAY = "/services/primehub-gateway"
NAME = "helm-test"
ISSUER = "urn:primehub:helm-test"
SIZE = {"cpu_limit": 0.5, "memory_limit": "512Mi", "cpu_request": 0.05, "memory_request": "128Mi"}
MINUTES = 5
"""For each of the five things that are waited for: the first image has to be pulled. The pod itself is given 30."""
LOOK_EVERY = 1.0


class CheckError(Exception):
    """Something does not work; the text says what."""


class Caller:
    """One address and one token."""

    def __init__(self, root: str, token: str) -> None:
        # a certificate of the proxy is for the name that people use, and this is the cluster's own name for it
        self._http = httpx.Client(
            base_url=root,
            headers={"Authorization": f"token {token}"},
            timeout=30,
            trust_env=False,
            follow_redirects=True,
            verify=False,
        )

    def call(self, method: str, path: str, body: Any = None, *, allowed: tuple[int, ...] = ()) -> Any:
        """The answer's JSON, None where it has none. Raises ``CheckError`` but for a good or an ``allowed`` status."""
        try:
            answer = self._http.request(method, path, json=body)
        except httpx.HTTPError as error:
            msg = f"{method} {path}: {error or type(error).__name__}"
            raise CheckError(msg) from error
        if not (answer.is_success or answer.status_code in allowed):
            msg = f"{method} {path}: {answer.status_code} {answer.text[:2000]}"
            raise CheckError(msg)
        is_json = "json" in answer.headers.get("Content-Type", "")
        return answer.json() if is_json and answer.content else answer.text


def say(text: str) -> None:
    """A line of what ``helm test --logs`` shows."""
    print(text, flush=True)


def wait(what: str, look: Callable[[], Any]) -> Any:
    """What ``look`` finds, once it finds something. Raises ``CheckError``."""
    began = time.monotonic()
    while not (found := look()):
        if time.monotonic() - began > MINUTES * 60:
            msg = f"{what}: not within {MINUTES} minutes"
            raise CheckError(msg)
        time.sleep(LOOK_EVERY)
    say(f"{what}: {time.monotonic() - began:.0f} s")
    return found


@contextmanager
def person(proxy: str, authenticator: str, services: str) -> Iterator[Caller]:
    """The test's own account as a platform admin, until the block ends."""
    accounts, hub = Caller(proxy + API, authenticator), Caller(f"{proxy}/hub/api", services)
    who = {"issuer": ISSUER, "subject": NAME, "username": NAME, "display_name": "helm test"}
    name = accounts.call("POST", "/accounts/provider-sign-in", {**who, "platform_admin": True})["name"]
    try:
        hub.call("POST", f"/users/{name}", allowed=(409,))
        made = hub.call("POST", f"/users/{name}/tokens", {"note": "helm test", "expires_in": 3600})
        try:
            yield Caller(proxy + API, made["token"])
        finally:
            hub.call("DELETE", f"/users/{name}/tokens/{made['id']}", allowed=(404,))
    finally:
        accounts.call("POST", "/accounts/provider-sign-in", {**who, "platform_admin": False})


@contextmanager
def things(api: Caller) -> Iterator[dict[str, str]]:
    """A group, a size and an image to start something with; gone when the block ends."""
    name = f"{NAME}-{int(time.time())}"
    group = api.call("POST", "/groups", {"name": name, "user_quota": {"cpu": 1}})["slug"]
    try:
        api.call("PUT", f"/groups/{group}/members/{NAME}", {"role": "member"})
        size = api.call("POST", "/instance-types", {"name": name, "all_groups": False, "groups": [group], **SIZE})
        try:
            images = api.call("GET", "/images")["items"]
            ready = [i["slug"] for i in images if i["phase"] == "READY" and i["all_groups"]]
            if not ready:
                msg = "there is no image that every group may use"
                raise CheckError(msg)
            yield {"group": group, "instance_type": size["slug"], "image": ready[-1]}
        finally:
            api.call("DELETE", f"/instance-types/{size['slug']}")
    finally:
        api.call("DELETE", f"/groups/{group}")


def notebook(api: Caller, proxy: str, launch: dict[str, str]) -> None:
    """Start JupyterLab, look at it, stop it."""
    path = f"/notebooks/{api.call('POST', '/notebooks', launch)['id']}"

    def phase(wanted: str, *, passing: tuple[str, ...]) -> dict[str, Any] | None:
        now: dict[str, Any] = api.call("GET", path)
        if now["phase"] not in (wanted, *passing):
            told = "\n  ".join(event["message"] for event in now["events"])
            msg = f"the notebook is {now['phase']}: {now['reason']}\n  {told}"
            raise CheckError(msg)
        return now if now["phase"] == wanted else None

    try:
        running = wait("a notebook runs", lambda: phase("RUNNING", passing=("STARTING",)))
        api.call("GET", proxy + running["url"])
        say("JupyterLab answers")
    finally:
        api.call("DELETE", path, allowed=(404, 409))
    wait("the notebook has ended", lambda: phase("STOPPED", passing=("RUNNING", "STOPPING", "STARTING")))


def gateway(proxy: str) -> None:
    """Whether the way to models and apps is open, and knows which there are."""
    nobody = Caller(proxy, "none")

    def table() -> bool:
        found = nobody.call("GET", f"{GATEWAY}/healthz", allowed=(503,))
        return isinstance(found, dict) and found.get("table") == "current"

    wait("the gateway has its routes", table)
    nobody.call("GET", f"{GATEWAY}/{NAME}/nothing/", allowed=(404,))


def job(api: Caller, launch: dict[str, str]) -> None:
    """Run a command, and read what it said."""
    path = f"/jobs/{api.call('POST', '/jobs', {**launch, 'name': NAME, 'command': 'echo it works'})['id']}"

    def ended() -> dict[str, Any] | None:
        now: dict[str, Any] = api.call("GET", path)
        return now if now["phase"] in ("SUCCEEDED", "FAILED", "CANCELLED") else None

    try:
        found = wait("a job has run", ended)
        if found["phase"] != "SUCCEEDED":
            msg = f"the job is {found['phase']}: {found.get('reason', '')}"
            raise CheckError(msg)
        wait("its log is kept", lambda: "it works" in api.call("GET", f"{path}/log")["text"])
    except CheckError:
        api.call("POST", f"{path}/cancel", allowed=(404, 409))
        raise
    finally:
        api.call("DELETE", path, allowed=(404, 405, 409))


def main() -> int:
    """Check the platform behind ``PRIMEHUB_CHECK_URL``. Returns the exit status."""
    proxy = os.environ["PRIMEHUB_CHECK_URL"].rstrip("/")
    # a cluster that ends the pod meanwhile leaves no administrator behind
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    tokens = os.environ["PRIMEHUB_CHECK_AUTHENTICATOR_TOKEN"], os.environ["PRIMEHUB_CHECK_SERVICES_TOKEN"]
    try:
        gateway(proxy)
        with person(proxy, *tokens) as api, things(api) as launch:
            notebook(api, proxy, launch)
            job(api, launch)
    except CheckError as error:
        print(f"It does not work: {error}", file=sys.stderr)
        return 1
    say("Everything works.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
