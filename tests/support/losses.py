"""How soon somebody loses what they hold: everything is watched at once from the moment on that they leave."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import httpx
import websocket

from .platform import Platform
from .waiting import wait_for

PROMISED = 10.0
"""Seconds from a departure until everything is gone."""
WATCHED_FOR = 30.0
LOOK_EVERY = 0.2
PORTAL = "/services/primehub/"


@dataclass
class Losses:
    """When each thing was lost, in seconds after the departure."""

    after: dict[str, float] = field(default_factory=dict)
    watched: set[str] = field(default_factory=set)

    def nothing_yet(self, probes: dict[str, Callable[[], bool]]) -> None:
        """Nothing is lost: what gave no answer in time is asked once more."""
        missing: list[str] = []

        def all_there() -> bool:
            missing[:] = [what for what, gone in probes.items() if gone()]
            return not missing

        wait_for(all_there, 30, what="nothing is lost before the departure", every=LOOK_EVERY)

    def watch(self, probes: dict[str, Callable[[], bool]], left_at: float) -> None:
        """Ask every probe again and again until it says that its thing is gone. ``check`` judges what was seen.

        Each is asked by a thread of its own: none is late because another takes its time.
        """
        self.watched |= probes.keys()

        def until_lost(name: str, gone: Callable[[], bool]) -> None:
            def over() -> bool:
                # what was asked before still got in, and this did not, however long the answer took
                asked = time.monotonic()
                if gone():
                    self.after[name] = asked - left_at
                return name in self.after or time.monotonic() - left_at > WATCHED_FOR

            wait_for(over, 2 * WATCHED_FOR, what=f"{name} was watched", every=LOOK_EVERY)

        with ThreadPoolExecutor(len(probes)) as threads:
            list(threads.map(until_lost, probes, probes.values()))

    @property
    def late(self) -> bool:
        """Whether anything of what was watched was not lost in the time that is promised."""
        return any(self.after.get(name, WATCHED_FOR) > PROMISED for name in self.watched)

    def check(self, name: str) -> None:
        """Fails unless the thing was lost in the time that is promised."""
        after = self.after.get(name)
        assert after is not None, f"{name} was still there after {WATCHED_FOR} s"
        assert after <= PROMISED, f"{name} was lost only after {after:.1f} s"


class Events:
    """An open event stream, read to its end in a thread of its own."""

    def __init__(self, platform: Platform, client: httpx.Client, headers: dict[str, str], *, query: str = "") -> None:
        self.lines: list[str] = []
        self.open = threading.Event()
        self.ended = False
        self._client, self._headers = client, headers
        self._url = f"{platform.api}/events{query}"
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()
        assert self.open.wait(15), "the event stream did not open"

    def _read(self) -> None:
        try:
            with self._client.stream("GET", self._url, headers=self._headers, timeout=60) as answer:
                assert answer.status_code == 200, answer.read()
                self.open.set()
                for line in answer.iter_lines():
                    self.lines.append(line)
        except httpx.HTTPError:
            pass
        finally:
            self.ended = True

    @property
    def gone(self) -> bool:
        """Whether the server has said that the rights are gone, and ended it."""
        return self.ended and "event: gone" in self.lines

    def told(self) -> str:
        """All that was told of changes."""
        return "\n".join(line for line in self.lines if line.startswith("data:"))


class Connection:
    """An open websocket through the proxy, to a kernel or whatever answers there."""

    def __init__(self, platform: Platform, path: str, *, cookies: str = "", token: str = "") -> None:
        headers = [f"Cookie: {cookies}"] if cookies else []
        headers += [f"Authorization: token {token}"] if token else []
        url = platform.url.replace("http://", "ws://") + path
        self._socket = websocket.create_connection(url, header=headers, timeout=20, http_no_proxy=["*"])
        self.ended = False
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        self._socket.settimeout(None)
        try:
            while self._socket.recv():
                pass
        except (websocket.WebSocketException, OSError):
            pass
        finally:
            self.ended = True

    @property
    def gone(self) -> bool:
        """Whether nothing can be said on it any more."""
        return self.ended


class Portal:
    """The portal's session in a browser, and what its scripts ask with it."""

    def __init__(self, platform: Platform, browser: httpx.Client) -> None:
        self.platform, self.browser = platform, browser
        browser.event_hooks = {"response": [self._loopback_is_secure]}
        page = browser.get(PORTAL, follow_redirects=True)
        assert page.status_code == 200, page.text

    def _loopback_is_secure(self, _response: httpx.Response) -> None:
        # as in browsers: cookies for secure connections are sent to this machine without TLS too
        for cookie in self.browser.cookies.jar:
            cookie.secure = False

    def headers(self) -> dict[str, str]:
        """What a page's own requests carry."""
        xsrf = next(c.value or "" for c in self.browser.cookies.jar if c.name == "_xsrf" and c.path == PORTAL)
        return {"Sec-Fetch-Mode": "cors", "Sec-Fetch-Site": "same-origin", "X-XSRFToken": xsrf}

    def ask(self, path: str) -> httpx.Response:
        """A reading request of a page's scripts."""
        return self.browser.get(f"{self.platform.api}{path}", headers=self.headers())

    def cookies(self, path: str) -> str:
        """The cookies that the browser sends to a path."""
        return str(self.browser.build_request("GET", path).headers.get("Cookie", ""))


def as_token(token: str) -> dict[str, str]:
    """The header of a token."""
    return {"Authorization": f"token {token}"}


def status(url: str, token: str) -> int:
    """The status that a token gets somewhere; 0 where nothing answers."""
    try:
        return httpx.get(url, headers=as_token(token), trust_env=False, timeout=10).status_code
    except httpx.HTTPError:
        return 0


def refused(url: str, token: str, *statuses: int) -> Callable[[], bool]:
    """A probe: whether the token gets one of these statuses (401 and 403 unless said)."""
    return lambda: status(url, token) in (statuses or (401, 403))
