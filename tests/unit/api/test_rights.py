"""Every route as every actor, compared with the one table of permissions."""

from __future__ import annotations

import re
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from primehub_services.api.route import Route
from primehub_services.api.table import TABLE
from primehub_services.domain.claims import MachineCapacity
from primehub_services.domain.identity import Actor
from primehub_services.domain.launch import LaunchRequest
from primehub_services.domain.permissions import PERMISSIONS, Relation, allowed
from primehub_services.domain.schedules import ScheduleCreate
from primehub_services.domain.secrets import SecretCreate
from primehub_services.domain.system import AnnouncementCreate, InvitationCreate
from primehub_services.domain.tokens import LoginRequestCreate
from primehub_services.domain.volumes import EnvSource, VolumeCreate
from primehub_services.operations import announcements, invitations, logins, notebooks, schedules, secrets, volumes
from primehub_services.operations.volumes import local_policy
from primehub_services.store.crypto import Keyring
from primehub_services.store.database import Database
from primehub_services.store.orm import SnapshotRow
from primehub_services.store.unit_of_work import UnitOfWork
from tests.support import factories
from tests.support.api import Api, running_api
from tests.support.factories import Cast
from tests.support.results import JOB, job_row, keep


class Undoing(Database):
    """Takes every change back while it is told to, so that each actor finds the same."""

    undo = False

    @contextmanager
    def _begin(self, *, write: bool) -> Iterator[UnitOfWork]:
        with super()._begin(write=write and not self.undo) as uow:
            yield uow
            if self.undo:
                uow.session.flush()


@dataclass
class Thing:
    """What a route is tried on: the group and the owner that the table asks about."""

    group: str | None = None
    owner: str | None = None


@dataclass
class World:
    """Something of everything."""

    api: Api
    cast: Cast
    actors: dict[str, Actor]
    folder: Path
    database: Undoing = field(init=False)
    parameters: dict[str, str] = field(default_factory=dict)
    things: dict[str, Thing] = field(default_factory=dict)


@pytest.fixture
async def world(migrated_sqlite: Path, tmp_path: Path) -> AsyncIterator[World]:
    shutil.copy(migrated_sqlite, tmp_path / "primehub.sqlite")
    database = Undoing(f"sqlite:///{tmp_path / 'primehub.sqlite'}")
    try:
        async with running_api(database, tmp_path) as api:
            made = database.write_now(_make, api, tmp_path)
            made.api = api
            made.database = database
            database.undo = True
            yield made
    finally:
        database.close()


def _make(uow: UnitOfWork, api: Api, folder: Path) -> World:
    cast = factories.cast(uow)
    factories.instance_type(uow)
    factories.image(uow)
    admin = cast.platform_admin
    volume = VolumeCreate(name="numbers", source=EnvSource(variables={"A": "1"}), all_groups=True)
    volumes.create(uow, admin, volume, policy=local_policy((), folder))
    request = LaunchRequest(group="research", instance_type="cpu-1", image="base")
    notebook = notebooks.start(uow, cast.member, request, MachineCapacity())
    link = invitations.create(uow, cast.group_admin, InvitationCreate(group="research"))
    line = announcements.create(uow, admin, AnnouncementCreate(message="hello"))
    job_row(uow, cast, spec=COMMAND)
    login = logins.create(uow, LoginRequestCreate(), path="/")
    schedule = _schedule(uow, cast)
    job_row(uow, cast, NOTEBOOKS_JOB, kind="notebook", spec=RECURRING, snapshot_id="snap")
    kept = folder / "blobs" / "snapshots"
    kept.mkdir(parents=True, exist_ok=True)
    (kept / "snap").write_text("x")
    shared = SecretCreate.model_validate({"name": "shared", "kind": "env", "group": "research", "value": "s3cret"})
    secret = secrets.create(
        uow, cast.group_admin, shared, keyring=Keyring.load_or_create(folder / "encryption.key")
    ).slug
    olga = cast.outsider
    assert olga.account is not None
    other = Actor(
        account=olga.account,
        scopes=cast.notebook.scopes,
        roles=olga.roles,
        notebook_group=cast.other_group.id,
        notebook_server="olga/",
    )
    actors = cast.everyone() | {"other_notebook": other, "nobody": Actor()}
    research = Thing(group=cast.group.id)
    assert cast.member.account is not None
    return World(
        api=api,
        cast=cast,
        actors=actors,
        folder=folder,
        parameters={
            "group": "research",
            "user": "ann",
            "instance_type": "cpu-1",
            "image": "base",
            "volume": "numbers",
            "secret": secret,
            "notebook": notebook.id,
            "job": JOB,
            "path": "notes.txt",
            "schedule": schedule,
            "start": notebook.id,
            "invitation": link.id,
            "announcement": line.id,
            "code": login.code,
            "request": login.id,
            "token": "a1",
        },
        things={
            "group": research,
            "notebook": Thing(cast.group.id, cast.member.account.id),
            "job": Thing(cast.group.id, cast.member.account.id),
            "schedule": Thing(cast.group.id, cast.member.account.id),
            "invitation": research,
        },
    )


def _schedule(uow: UnitOfWork, cast: Cast) -> str:
    """A recurring notebook of the member's."""
    assert cast.member.account is not None
    uow.session.add(
        SnapshotRow(
            id="snap",
            account_id=cast.member.account.id,
            group_id=cast.group.id,
            format="ipynb",
            name="a.ipynb",
            size=1,
            digest="d" * 64,
            created_at=uow.now,
        )
    )
    uow.session.flush()
    new = ScheduleCreate.model_validate(NIGHTLY)
    return schedules.create(uow, cast.member, new, capacity=MachineCapacity()).id


NOTEBOOKS_JOB = "job-202611221200-note00"
COMMAND = {"group": "research", "instance_type": "cpu-1", "image": "base", "command": "true"}
RECURRING = {
    "group": "research",
    "instance_type": "cpu-1",
    "image": "base",
    "notebook": {"snapshot": "snap", "path": "a.ipynb"},
}
NIGHTLY = {"name": "nightly", "cron": "0 4 * * *", "job": RECURRING}
BODIES: dict[str, Any] = {
    "schedules.create": NIGHTLY,
    "schedules.update": {"version": 1, "name": "x"},
    "schedules.snapshot": {"snapshot": "snap"},
    "schedules.preview": {"cron": "0 4 * * *"},
    "notifications.put": {"jobs": "all"},
    "jobs.submit": COMMAND,
    "jobs.check": COMMAND,
    "me.update": {"version": 1, "display_name": "x"},
    "tokens.create": {"note": "n", "scopes": ["custom:primehub:read"]},
    "logins.decide": {"approve": False},
    "groups.create": {"name": "new"},
    "groups.update": {"version": 1, "description": "x"},
    "members.put": {"role": "member"},
    "accounts.create": {"name": "new"},
    "accounts.update": {"version": 1, "display_name": "x"},
    "instance_types.create": {"name": "new", "cpu_limit": 1, "memory_limit": "1Gi"},
    "instance_types.update": {"version": 1, "description": "x"},
    "images.create": {"name": "new", "source": {"type": "environment", "packages": ["numpy"]}},
    "images.update": {"version": 1, "description": "x"},
    "volumes.create": {"name": "new", "source": {"type": "env", "variables": {}}},
    "volumes.update": {"version": 1, "description": "x"},
    "secrets.create": {"name": "new", "kind": "pull", "registry": "r", "username": "u", "value": "v"},
    "secrets.update": {"version": 1, "display_name": "x"},
    "invitations.create": {"group": "research"},
    "announcements.create": {"message": "hello"},
    "system.update_settings": {"version": 0, "name": "x"},
    "launches.check": {"group": "research", "instance_type": "cpu-1", "image": "base"},
    "snapshots.create": {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": []},
    "notebooks.start": {"group": "research", "instance_type": "cpu-1", "image": "base", "server_name": "second"},
    "notebooks.keep": {},
    "claims.create": {"user": "ann", "user_options": {"group": "research", "instance_type": "cpu-1", "image": "base"}},
    "claims.event": {"event": "progress"},
    "claims.events": {"events": []},
    "sign_in.authenticate": {"username": "ann", "password": "x"},
    "sign_in.refusal": {"issuer": "https://i", "subject": "s"},
    "sign_in.provider": {"issuer": "https://i", "subject": "s", "username": "new"},
    "sign_in.change_password": {"username": "ann", "old_password": "x", "new_password": "y"},
    "sign_in.inspect": {"token": "x"},
    "sign_in.redeem": {"token": "x", "password": "y"},
    "sign_in.join": {"token": "x", "username": "ann"},
}
UNKNOWN_GROUP = re.compile(r'"code": ?"unknown-group"')
"""How a launch says that the group is none of the asker's."""
QUERIES = {"snapshots.create": "?group=research&name=a.ipynb", "notebooks.culling": "?user=ann"}
IN_RESEARCH = {
    "snapshots.create",
    "launches.check",
    "launches.options",
    "notebooks.start",
    "invitations.create",
    "jobs.submit",
    "jobs.check",
    "schedules.create",
}
"""Routes whose body or path names the group ``research``."""
COMMANDS = {"jobs.submit", "jobs.check", "jobs.rerun"}
"""Tried with a command, which a notebook's own token may not run: it submits notebooks."""
EVERYONES = {"images.get", "instance_types.get", "volumes.get"}
"""Single things of the catalog that members may look at, where their group has them."""
SKIPPED = {
    # the stream goes on for ever: tests of its own
    "events.stream",
    # a workload's own token opens them, and nobody else's: test_reports.py
    "reports.permit",
    "reports.input",
    "reports.log",
    "reports.file",
    "reports.remove_file",
    "reports.end",
    # the hub has no token a1
    "tokens.delete",
    # what is said of a wrong password or link is 401 and 404 too; by permission: test_only_the_authenticator_...
    "sign_in.authenticate",
    "sign_in.change_password",
    "sign_in.inspect",
    "sign_in.redeem",
    "sign_in.join",
}
SECRETS = {"secrets.get": "group.members", "secrets.update": "group.secrets", "secrets.delete": "group.secrets"}
"""Tried with the group's own, whose name its members know; what the other kinds ask for is tested with the operation."""
LISTS = {"images.list", "instance_types.list", "volumes.list", "secrets.list", "invitations.list"}
"""Everyone who is a person may ask, and gets what that person may see."""


def expected(world: World, route: Route, actor: Actor) -> bool:
    """Whether the table lets the actor in."""
    if route.permission is None:
        return True
    if route.name in LISTS:
        return allowed(actor, "self.read") and (route.name != "secrets.list" or not actor.is_notebook)
    thing = next((world.things[p] for p in route.parameters if p in world.things), Thing())
    if route.name in SECRETS:
        return allowed(actor, SECRETS[route.name], group_id=world.things["group"].group)
    if route.name in COMMANDS and actor.is_notebook:
        return False
    if route.name in IN_RESEARCH:
        thing = world.things["group"]
    return any(
        allowed(actor, permission, group_id=thing.group, owner_id=thing.owner)
        for permission in (route.permission, *_also(route))
    )


def _also(route: Route) -> tuple[str, ...]:
    """Further permissions, as far as they are about what the route is tried on."""
    if route.name == "groups.update":
        return ()  # the description is no setting that group admins have
    if route.name in EVERYONES:
        return ("self.read",)
    return tuple(p for p in route.also if not p.startswith(("group.images", "group.secrets", "self.")))


def _path(world: World, route: Route) -> str:
    parameters = world.parameters | ({"job": NOTEBOOKS_JOB} if route.name == "snapshots.of_job" else {})
    return route.path.format(**parameters) + QUERIES.get(route.name, "")


async def test_every_route_lets_in_whom_the_table_names(world: World) -> None:
    wrong, asked = [], 0
    for name, actor in world.actors.items():
        slug = "other" if name == "other_notebook" else "research"
        token = None if name == "nobody" else world.api.tokens.give(actor, group=slug)
        async with world.api.client(token) as client:
            for route in TABLE.routes:
                if route.name in SKIPPED:
                    continue
                # their answers are read in a transaction of its own, from what the first one wrote
                world.database.undo = route.name not in ("notebooks.start", "schedules.run")
                if route.tag == "results":
                    keep(world.folder / "blobs", {"notes.txt": b"hello"})  # what was deleted is not taken back
                answer = await client.request(route.method, _path(world, route), json=BODIES.get(route.name))
                asked += 1
                let_in = answer.status_code not in (401, 403, 404) and not UNKNOWN_GROUP.search(answer.text)
                if let_in != expected(world, route, actor) or answer.status_code >= 500:
                    wrong.append(f"{route.name} as {name}: {answer.status_code} {answer.text[:160]}")
                if name == "nobody" and route.permission is not None:
                    assert answer.status_code == 401, route.name
    assert not wrong, "\n".join(wrong)
    assert asked > 500


async def test_nobody_outside_a_group_can_tell_it_from_one_that_is_not_there(world: World) -> None:
    """The same words, but for the name that was asked for."""
    routes = [r for r in TABLE.routes if "group" in r.parameters]
    assert len(routes) > 8
    for name in ("outsider", "other_notebook"):
        actor = world.actors[name]
        token = world.api.tokens.give(actor, group="other")
        async with world.api.client(token) as client:
            for route in routes:
                bodies = [_renamed(BODIES.get(route.name), group) for group in ("research", "no-such")]
                paths = [route.path.format(**world.parameters | {"group": g}) for g in ("research", "no-such")]
                answers = [await client.request(route.method, p, json=b) for p, b in zip(paths, bodies, strict=True)]
                real, none = (_anonymous(a, g) for a, g in zip(answers, ("research", "no-such"), strict=True))
                assert real == none, f"{route.name} as {name}"


def _renamed(body: Any, group: str) -> Any:
    return {**body, "group": group} if body and "group" in body else body


def _anonymous(answer: httpx.Response, group: str) -> tuple[int, str]:
    body = answer.json()
    body.pop("request_id", None)
    return answer.status_code, str(body).replace(group, "GROUP")


@pytest.mark.parametrize("name", ["authenticate", "change_password", "inspect", "redeem"])
async def test_only_the_authenticator_asks_about_passwords_and_links(world: World, name: str) -> None:
    route = next(r for r in TABLE.routes if r.name == f"sign_in.{name}")
    for who, actor in world.actors.items():
        if who in ("authenticator", "nobody"):
            continue
        async with world.api.client(world.api.tokens.give(actor, group="research")) as client:
            answer = await client.request(route.method, _path(world, route), json=BODIES[route.name])
            assert answer.status_code == 403 or (answer.status_code == 401 and actor.is_notebook), (who, answer.text)


def test_the_table_of_permissions_lets_no_service_be_a_person() -> None:
    for name, rule in PERMISSIONS.items():
        if Relation.SERVICE in rule.relations:
            assert rule.relations == {Relation.SERVICE}, name
