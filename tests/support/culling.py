"""A notebook that nobody uses ends, after a warning, unless something happens in it or it is kept, on any platform."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from tornado.httpclient import HTTPRequest
from tornado.websocket import websocket_connect

from .names import unique
from .platform import Platform
from .waiting import wait_for

LOOK_EVERY = 0.5
IDLE = 30
KEPT = 60
WORK = "import time\nfor n in range(200):\n    print(n, flush=True); time.sleep(0.2)"
"""Prints for 40 s, which is longer than the notebook may be idle."""


@dataclass(frozen=True)
class Idle:
    """Somebody in a group whose notebooks may be idle for an hour."""

    platform: Platform
    group: str
    short: str
    """A type whose notebooks may be idle for seconds."""
    groups: str
    """A type that leaves it to the group."""
    token: str


def somebody_idle(platform: Platform) -> Idle:
    """Who is in no test but this one."""
    group, short, groups = unique("cull"), unique("cull-short"), unique("cull-group")
    platform.call("POST", "/groups", {"name": group, "idle_timeout": 3600})
    least = {"cpu_limit": 0.5, "memory_limit": "1Gi", "cpu_request": 0.1, "memory_request": "64Mi"}
    platform.call("POST", "/instance-types", {"name": short, "idle_timeout": IDLE, **least})
    platform.call("POST", "/instance-types", {"name": groups, **least})
    return Idle(platform, group, short, groups, platform.add_person(unique("cullen"), group))


def at(notebook: dict[str, Any], field: str) -> datetime:
    """A moment of a notebook's."""
    return datetime.fromisoformat(notebook[field])


async def work(platform: Platform, url: str, token: str) -> None:
    """Begin ``WORK`` in a kernel, and leave it alone."""
    base = f"{url.removesuffix('/lab').rstrip('/')}/api/kernels"
    headers = {"Authorization": f"token {token}"}
    async with httpx.AsyncClient(base_url=platform.url, headers=headers, timeout=30, trust_env=False) as client:
        made = await client.post(base, json={"name": "python3"})
        assert made.status_code == 201, made.text
    address = f"{platform.url}{base}/{made.json()['id']}/channels".replace("http://", "ws://", 1)
    socket = await websocket_connect(HTTPRequest(address, headers=headers))
    header = {"msg_id": uuid.uuid4().hex, "msg_type": "execute_request", "username": "", "session": "s", "version": "5"}
    content = {"code": WORK, "silent": False}
    message = {"header": header, "parent_header": {}, "metadata": {}, "content": content, "channel": "shell"}
    await socket.write_message(json.dumps(message))
    while True:
        received = await socket.read_message()
        assert received is not None, "the kernel's connection was closed"
        if json.loads(received)["msg_type"] == "stream":
            break
    socket.close()


async def an_idle_notebook_ends_unless_it_works_or_is_kept(idle: Idle, image: str) -> None:
    """``image`` has JupyterLab. It takes two minutes, most of it waiting."""
    platform, person = idle.platform, idle.token
    options = platform.call("GET", f"/groups/{idle.group}/launch-options", token=person)
    timeouts = {t["name"]: t["idle_timeout"] for t in options["instance_types"]}
    assert (timeouts[idle.short], timeouts[idle.groups]) == (IDLE, 3600)
    asked = {"group": idle.group, "instance_type": idle.short, "image": image}
    started = platform.call("POST", "/notebooks", asked, token=person)

    def now() -> dict[str, Any]:
        found: dict[str, Any] = platform.call("GET", f"/notebooks/{started['id']}", token=person)
        assert found["phase"] not in ("STOPPED", "FAILED"), found
        return found

    running = wait_for(lambda: (n := now())["phase"] == "RUNNING" and n, 120, what="it runs", every=LOOK_EVERY)
    assert isinstance(running, dict)
    first = at(running, "idle_deadline")
    assert first >= at(running, "ready_at") + timedelta(seconds=IDLE)
    assert first - at(running, "idle_warning_at") == timedelta(seconds=IDLE // 2)

    # a kernel that works, with no page open, puts the end off
    await work(platform, running["url"], person)
    past = lambda: now()["idle_deadline"] and datetime.now(UTC) > first + timedelta(seconds=3)  # noqa: E731
    wait_for(past, 60, what="its end is past", every=LOOK_EVERY)
    assert at(now(), "idle_deadline") > first

    # and so does its owner
    kept = platform.call("POST", f"/notebooks/{started['id']}/keep", {"seconds": KEPT}, token=person)
    until = at(kept, "keep_until")
    assert at(kept, "idle_deadline") >= until > datetime.now(UTC)

    def ended() -> dict[str, Any] | None:
        found: dict[str, Any] = platform.call("GET", f"/notebooks/{started['id']}", token=person)
        return found if found["ended_at"] else None

    over = wait_for(ended, 120, what="it is culled", every=LOOK_EVERY)
    assert over is not None
    assert (over["phase"], over["reason"]) == ("STOPPED", "idle"), platform.hub_log()
    assert at(over, "ended_at") >= until
    usage = platform.call("GET", f"/groups/{idle.group}/usage", token=person)
    assert usage["user"]["used"]["cpu"] == 0
