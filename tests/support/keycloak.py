"""A real Keycloak with the realm of the tests, on this machine."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from .parts import require
from .platform import free_port
from .waiting import wait_for

FETCH = Path(__file__).parents[1] / "keycloak" / "fetch"
REALM = FETCH.with_name("realm.json")
CLIENT = {"client_id": "primehub", "client_secret": "client-secret-for-tests"}
"""What the realm knows the platform by."""
HEAP = "-Xms64m -Xmx512m -XX:TieredStopAtLevel=1"
STARTS_IN = 300


def issuer_at(url: str) -> str:
    """The tests' realm of a Keycloak at this URL."""
    return f"{url}/realms/research-lab"


class Keycloak:
    """One that runs."""

    def __init__(self, url: str, admin_password: str, process: subprocess.Popen[bytes], log: Path) -> None:
        self.url = url
        self.admin_password = admin_password
        self._process = process
        self._log = log

    @property
    def issuer(self) -> str:
        """Of the tests' realm."""
        return issuer_at(self.url)

    def answers(self) -> bool:
        """Whether it is ready. Fails where it has ended."""
        assert self._process.poll() is None, self._log.read_text()[-3000:]
        try:
            url = f"{self.issuer}/.well-known/openid-configuration"
            return httpx.get(url, trust_env=False, timeout=5).status_code == 200
        except httpx.HTTPError:
            return False

    def admin(self, method: str, path: str, **kwargs: Any) -> Any:
        """A call of its administration API on the realm."""
        with httpx.Client(trust_env=False, timeout=30) as client:
            form = {"grant_type": "password", "client_id": "admin-cli"}
            form |= {"username": "admin", "password": self.admin_password}
            answer = client.post(f"{self.url}/realms/master/protocol/openid-connect/token", data=form)
            headers = {"Authorization": f"Bearer {answer.json()['access_token']}"}
            url = f"{self.url}/admin/realms/research-lab{path}"
            response = client.request(method, url, headers=headers, **kwargs)
            assert response.is_success, response.text
            return response.json() if response.content else None

    def user_id(self, username: str) -> str:
        """The subject of a user."""
        found: str = self.admin("GET", "/users", params={"username": username, "exact": "true"})[0]["id"]
        return found

    def join(self, username: str, group: str) -> None:
        """Put a user into a group."""
        (group_id,) = [g["id"] for g in self.admin("GET", "/groups") if g["name"] == group]
        self.admin("PUT", f"/users/{self.user_id(username)}/groups/{group_id}")

    def leave(self, username: str, group: str) -> None:
        """Take a user out of a group."""
        groups = self.admin("GET", f"/users/{self.user_id(username)}/groups")
        (group_id,) = [g["id"] for g in groups if g["name"] == group]
        self.admin("DELETE", f"/users/{self.user_id(username)}/groups/{group_id}")

    def send_back_to(self, hub_url: str) -> None:
        """Let people go on to a hub at this URL too."""
        (client,) = self.admin("GET", "/clients", params={"clientId": CLIENT["client_id"]})
        client["redirectUris"].append(f"{hub_url}/hub/oauth_callback")
        self.admin("PUT", f"/clients/{client['id']}", json=client)

    def change(self, username: str, **fields: Any) -> None:
        """Change a user's record."""
        self.admin("PUT", f"/users/{self.user_id(username)}", json=fields)

    def make_user(self, username: str, password: str) -> str:
        """A new user, with a subject of its own."""
        user = {"username": username, "enabled": True, "emailVerified": True, "email": f"{username}@example.org"}
        user |= {"firstName": "New", "lastName": "Person"}
        credentials = [{"type": "password", "value": password, "temporary": False}]
        self.admin("POST", "/users", json=user | {"credentials": credentials})
        return self.user_id(username)


def form_address(page: str) -> str:
    """Where the form of its sign-in page is sent."""
    action = re.search(r'action="([^"]+)"', page)
    assert action, page[:2000]
    return unescape(action[1])


@contextmanager
def running_keycloak(folder: Path, hub_url: str, url: str = "") -> Iterator[Keycloak]:
    """One in this folder with everything in memory, at this URL of this machine or at a free port; ended at the end.

    It sends people back to the hub at ``hub_url``. Skips where it cannot be had.
    """
    home = _home(folder, hub_url)
    there = urlsplit(url or f"http://127.0.0.1:{free_port()}")
    password, log = "admin-of-the-tests", folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [
                home / "bin" / "kc.sh", "start", "--optimized", "--import-realm", "--http-enabled=true", "--hostname-strict=false",
                f"--http-port={there.port}", f"--http-host={there.hostname}",
            ],
            env={
                **os.environ, "JAVA_OPTS_KC_HEAP": HEAP,
                "KC_BOOTSTRAP_ADMIN_USERNAME": "admin", "KC_BOOTSTRAP_ADMIN_PASSWORD": password,
            },
            stdout=output, stderr=output,
        )  # fmt: skip
    try:
        found = Keycloak(there.geturl(), password, process, log)
        wait_for(found.answers, STARTS_IN, what=f"Keycloak answers (see {log})")
        yield found
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _home(folder: Path, hub_url: str) -> Path:
    """A copy of the distribution, with the realm to import."""
    require("keycloak", shutil.which("java") and shutil.which("mvn"), "a JDK and Maven are needed on PATH")
    fetched = subprocess.run([FETCH], stdout=subprocess.PIPE, text=True, check=False)
    require("keycloak", fetched.returncode == 0, f"{FETCH} failed")
    home = folder / "home"
    shutil.copytree(fetched.stdout.strip(), home, symlinks=True, copy_function=os.link)
    (home / "data" / "import").mkdir(parents=True)
    (home / "data" / "import" / "realm.json").write_text(REALM.read_text().replace("HUB_URL", hub_url))
    return home
