"""A stand-in for PrimeHub's API as the hub's side sees it, with switches for its moods."""

from __future__ import annotations

import json
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from tornado import web
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets

from primehub_services.client.base import API_PATH

GIB = 1024**3


@dataclass
class Person:
    """What the fake knows of an account."""

    password: str = "a good password"
    enabled: bool = True
    platform_admin: bool = False
    must_change_password: bool = False
    groups: tuple[str, ...] = ("g1",)


@dataclass
class FakeApi:
    """The state of the fake; tests change it while the hub runs."""

    spawner_token: str
    authenticator_token: str
    people: dict[str, Person] = field(default_factory=dict)
    claims: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Held ones, by start id."""
    seen: list[dict[str, Any]] = field(default_factory=list)
    """Bodies of claim requests."""
    events: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    refuse: dict[str, Any] | None = None
    """A problem to answer every claim with."""
    away: bool = False
    """Answer 503 to everything."""
    slow_plans: bool = False
    """Give plans whose server never answers."""
    dying_plans: bool = False
    branding: dict[str, str] = field(default_factory=dict)
    links: dict[str, dict[str, Any]] = field(default_factory=dict)
    locked: int = 0
    """Seconds to wait before the next sign-in, 0 for none."""
    environment: dict[str, str] = field(default_factory=dict)
    idle: set[tuple[str, str]] = field(default_factory=set)
    """User and server name of what is to be culled."""
    asked_to_cull: list[tuple[str, str]] = field(default_factory=list)
    prefix: str = "/nowhere"
    """Of the environment that plans run in."""
    accounts: Callable[[str, dict[str, Any]], Awaitable[tuple[int, dict[str, Any]]]] | None = None
    """Answers the sign-in's questions instead, by path and body."""

    def state(self, name: str) -> dict[str, Any]:
        """The AccountState of a person."""
        person = self.people[name]
        return {
            "name": name,
            "display_name": name.title(),
            "enabled": person.enabled,
            "platform_admin": person.platform_admin,
            "must_change_password": person.must_change_password,
            "groups": list(person.groups),
        }

    def plan(self, start_id: str, user: str, options: dict[str, Any]) -> dict[str, Any]:
        """A LaunchPlan for what was asked."""
        group = options.get("group", "g1")
        mood = {"MOOD": "slow" if self.slow_plans else "dying" if self.dying_plans else "well"}
        return {
            "start_id": start_id,
            "kind": "notebook",
            "user": user,
            "user_slug": user,
            "group": group,
            "group_name": group.upper(),
            "instance_type": options.get("instance_type", "cpu-1"),
            "image": options.get("image", "base"),
            "image_source": {"type": "environment", "packages": ["jupyterlab"]},
            "image_location": self.prefix,
            "mounts": [
                {"kind": "home", "slug": user, "path": "/home/jovyan"},
                {"kind": "project", "slug": group, "path": f"/project/{group}"},
            ],
            "limits": {"cpu": 1, "memory": "1Gi", "gpu": 0},
            "requests": {"cpu": 0.1, "memory": "256Mi", "gpu": 0},
            "environment": {**self.environment, **mood},
            "idle_timeout": 0,
        }

    def listen(self, port: int) -> HTTPServer:
        """Serve on the loopback of the running event loop."""
        server = HTTPServer(web.Application([(r"/services/primehub/.*", _Handler, {"fake": self})]))
        server.add_sockets(bind_sockets(port, "127.0.0.1"))
        return server


class _Handler(web.RequestHandler):
    def initialize(self, fake: FakeApi) -> None:
        self.fake = fake

    def problem(self, status: int, code: str, detail: str, **extra: Any) -> None:
        self.set_status(status)
        self.finish({"type": "about:blank", "status": status, "code": code, "detail": detail, **extra})

    async def handle(self) -> None:
        path = self.request.path.removeprefix(API_PATH)
        if self.fake.away:
            self.problem(503, "unavailable", "restarting")
            return
        if path == "/culling/decisions":
            server = (self.get_query_argument("user"), self.get_query_argument("server"))
            self.fake.asked_to_cull.append(server)
            self.finish({"cull": server in self.fake.idle, "reason": "idle for 2 h"})
            return
        if path == "/branding":
            self.finish(self.fake.branding)
            return
        token = self.request.headers.get("Authorization", "").removeprefix("token ")
        spawners = path.startswith(("/claims", "/claim-events"))
        if token != (self.fake.spawner_token if spawners else self.fake.authenticator_token):
            self.problem(401, "unauthenticated", "unknown token")
            return
        body = json.loads(self.request.body) if self.request.body else {}
        if path == "/claim-events":
            for event in body["events"]:
                start_id = event.pop("start_id")
                if start_id in self.fake.events:
                    self.fake.events[start_id].append(event)
            self.set_status(204)
        elif spawners:
            self._claims(path.split("/")[2:], body)
        elif self.fake.accounts is not None:
            status, answer = await self.fake.accounts(path, body)
            self.set_status(status)
            if status != 204:
                self.finish(answer)
        else:
            self._accounts(path, body)

    get = post = delete = handle

    def _claims(self, parts: list[str], body: dict[str, Any]) -> None:
        fake = self.fake
        if not parts:
            fake.seen.append(body)
            if fake.refuse is not None:
                self.problem(**fake.refuse)
                return
            person = fake.people.get(body["user"])
            if person is not None and person.must_change_password:
                self.problem(409, "refused", "Change your temporary password first.")
                return
            start_id = body["user_options"].get("start_id")
            if not start_id or start_id in fake.claims:
                start_id = uuid.uuid4().hex
            fake.claims[start_id] = body
            fake.events[start_id] = []
            self.finish({"start_id": start_id, "plan": fake.plan(start_id, body["user"], body["user_options"])})
            return
        start_id = parts[0]
        if start_id not in fake.events:
            self.problem(404, "not-found", "no such start")
            return
        if self.request.method == "DELETE" or body["event"] == "stopped":
            fake.claims.pop(start_id, None)
        if self.request.method == "POST":
            fake.events[start_id].append(body)
        self.set_status(204)
        self.finish()

    def _accounts(self, path: str, body: dict[str, Any]) -> None:
        fake = self.fake
        if path == "/accounts/authenticate":
            self._authenticate(body)
        elif path == "/accounts/change-password":
            self._change_password(body)
        elif path == "/invitations/inspect":
            link = fake.links.get(body["token"])
            self.finish(link["view"]) if link else self.problem(404, "not-found", "no such link")
        elif path == "/invitations/redeem":
            self._redeem(body)
        elif path == "/invitations/join":
            self._join(body)
        elif (name := path.removeprefix("/accounts/")) in fake.people:
            self.finish(fake.state(name))
        else:
            self.problem(404, "not-found", "no such account")

    def _authenticate(self, body: dict[str, Any]) -> None:
        person = self.fake.people.get(body["username"].lower())
        if self.fake.locked:
            self.problem(429, "too-many", "wait", retry_after_s=self.fake.locked)
        elif person is None or person.password != body["password"]:
            self.problem(401, "unauthenticated", "wrong")
        elif not person.enabled:
            self.problem(403, "forbidden", "This account is disabled. Ask a platform admin.")
        else:
            self.finish(self.fake.state(body["username"].lower()))

    def _change_password(self, body: dict[str, Any]) -> None:
        person = self.fake.people.get(body["username"])
        if person is None or person.password != body["old_password"]:
            self.problem(401, "unauthenticated", "The old password is wrong.")
        elif len(body["new_password"]) < 10:
            error = {"field": "new_password", "message": "must have at least 10 characters", "fix": "use a sentence"}
            self.problem(422, "invalid", "new_password", errors=[error])
        else:
            person.password, person.must_change_password = body["new_password"], False
            self.finish(self.fake.state(body["username"]))

    def _redeem(self, body: dict[str, Any]) -> None:
        link = self.fake.links.get(body["token"])
        if link is None:
            self.problem(404, "not-found", "no such link")
            return
        name = link["view"]["username"] or body["username"]
        if link["view"]["kind"] == "join" and name in self.fake.people:
            self.problem(409, "conflict", "taken")
            return
        if not name.isascii():
            error = {"field": "username", "message": "must have 1 to 63 of a-z", "fix": "use those"}
            self.problem(422, "invalid", "username", errors=[error])
            return
        del self.fake.links[body["token"]]
        person = self.fake.people.setdefault(name, Person())
        person.password, person.must_change_password = body["password"], False
        self.finish(self.fake.state(name))

    def _join(self, body: dict[str, Any]) -> None:
        link = self.fake.links.get(body["token"])
        person = self.fake.people[body["username"]]
        if link is None:
            self.problem(404, "not-found", "no such link")
        elif "g2" in person.groups:
            self.problem(409, "conflict", "You are in Research already.")
        else:
            del self.fake.links[body["token"]]
            person.groups = (*person.groups, "g2")
            self.finish(self.fake.state(body["username"]))
