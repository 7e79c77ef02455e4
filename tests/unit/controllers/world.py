"""A hub and an engine small enough to be killed between any two steps of a start."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from primehub_services.controllers import HubServer, HubUnavailable, WorkloadState
from primehub_services.domain.claims import MachineCapacity
from primehub_services.domain.handshake import ClaimEvent, ClaimRequest
from primehub_services.domain.launch import LaunchRequest
from primehub_services.domain.notebooks import Notebook
from primehub_services.operations import claims, notebooks
from primehub_services.store.database import Database
from primehub_services.store.unit_of_work import UnitOfWork
from tests.support import factories
from tests.support.clock import FixedClock
from tests.support.factories import Cast

REQUEST = LaunchRequest(group="research", instance_type="cpu-1", image="base")


@dataclass
class Engine:
    """Workloads by start id."""

    workloads: dict[str, WorkloadState] = field(default_factory=dict)
    logs: dict[str, bytes] = field(default_factory=dict)

    def running(self) -> set[str]:
        return {key for key, state in self.workloads.items() if state.running}

    def end(self, start_id: str, exit_code: int | None = 143, reason: str = "Stopped") -> None:
        if start_id in self.running():
            self.workloads[start_id] = WorkloadState(False, exit_code, reason)

    async def list_owned(self) -> Mapping[str, WorkloadState]:
        return dict(self.workloads)

    async def stop(self, start_id: str) -> None:
        self.end(start_id)

    async def log(self, start_id: str) -> Iterable[tuple[int, bytes]]:
        return [(0, self.logs.get(start_id, b""))]

    async def remove(self, start_id: str) -> None:
        assert start_id not in self.running()
        self.workloads.pop(start_id, None)


@dataclass
class Hub:
    """Servers as JupyterHub has them, and the spawner's part of a stop."""

    engine: Engine
    clock: Callable[[], datetime]
    report: Callable[[str, ClaimEvent], None] = lambda start_id, event: None
    up: bool = True
    present: dict[tuple[str, str], HubServer] = field(default_factory=dict)
    starts: dict[tuple[str, str], str] = field(default_factory=dict)
    """The start id that the spawner runs."""
    known: set[str] = field(default_factory=set)
    memberships: dict[str, set[str]] = field(default_factory=dict)
    calls: list[tuple[str, ...]] = field(default_factory=list)
    refuses: dict[tuple[str, ...], Exception] = field(default_factory=dict)

    def _called(self, *call: str) -> None:
        if not self.up:
            raise HubUnavailable("down")
        self.calls.append(call)
        if call in self.refuses:
            raise self.refuses[call]

    def spawn(self, user: str, name: str) -> None:
        self.present[user, name] = HubServer(user, name, False, "spawn", None, "")

    def ready(self, user: str, name: str) -> None:
        server = self.present[user, name]
        self.present[user, name] = replace(server, ready=True, pending=None, last_activity=self.clock())

    def crash(self) -> None:
        """Killed and started again: what was pending is forgotten, what was ready is found again."""
        self.present = {key: s for key, s in self.present.items() if s.ready}
        self.starts = {key: s for key, s in self.starts.items() if key in self.present}
        self.up = True

    def poll(self) -> None:
        """The hub finds that servers have ended; the spawner says so."""
        for key, start_id in list(self.starts.items()):
            if key in self.present and self.present[key].ready and start_id not in self.engine.running():
                self._forget(key, start_id)

    def _forget(self, key: tuple[str, str], start_id: str | None) -> None:
        self.present.pop(key, None)
        self.starts.pop(key, None)
        if start_id is not None:
            state = self.engine.workloads.get(start_id, WorkloadState(False))
            self.report(start_id, ClaimEvent(event="stopped", exit_code=state.exit_code, reason=state.reason))

    async def servers(self) -> Sequence[HubServer]:
        self._called("servers")
        return list(self.present.values())

    async def servers_of(self, user: str) -> Sequence[str]:
        self._called("servers", user)
        return [name for owner, name in self.present if owner == user]

    async def stop_server(self, user: str, name: str) -> bool:
        self._called("stop", user, name)
        start_id = self.starts.get((user, name))
        if start_id is not None:
            self.engine.end(start_id)
        self._forget((user, name), start_id)
        return True

    async def people(self) -> set[str]:
        self._called("people")
        return set(self.known)

    async def ensure_users(self, names: Sequence[str]) -> None:
        for name in names:
            self._called("ensure", name)
            self.known.add(name)

    async def delete_user(self, name: str) -> None:
        self._called("delete", name)
        assert not [user for user, _ in self.present if user == name]
        self.known.discard(name)

    async def revoke_tokens(self, user: str) -> int:
        self._called("revoke", user)
        return 0

    async def groups(self) -> Mapping[str, set[str]]:
        self._called("groups")
        return {slug: set(users) for slug, users in self.memberships.items()}

    async def create_group(self, name: str) -> None:
        self._called("create", name)
        self.memberships.setdefault(name, set())

    async def delete_group(self, name: str) -> None:
        self._called("drop", name)
        self.memberships.pop(name, None)

    async def add_to_group(self, name: str, users: Sequence[str]) -> None:
        self._called("add", name, *users)
        assert set(users) <= self.known
        self.memberships[name] |= set(users)

    async def remove_from_group(self, name: str, users: Sequence[str]) -> None:
        self._called("remove", name, *users)
        self.memberships[name] -= set(users)


def make_start(database: Database, cast: Cast, clock: FixedClock) -> Start:
    """A start of which no step is done, where there is something to start with."""

    def fill(uow: UnitOfWork) -> None:
        factories.instance_type(uow)
        factories.image(uow)

    database.write_now(fill)
    return Start(database, cast, clock)


class Start:
    """One start of ann's server, a step at a time; each method is one step that a crash may come after."""

    def __init__(self, database: Database, cast: Cast, clock: FixedClock) -> None:
        self.database, self.cast, self.clock = database, cast, clock
        self.engine = Engine()
        self.hub = Hub(self.engine, clock, self._report)
        self.id = ""

    STEPS = ("commit", "ask_hub", "adopt", "launch", "become_ready", "ask_to_stop", "end_workload")

    def go(self, *, last: str) -> None:
        for step in self.STEPS[: self.STEPS.index(last) + 1]:
            getattr(self, step)()

    def commit(self) -> None:
        self.id = self.database.write_now(notebooks.start, self.cast.member, REQUEST, MachineCapacity()).id

    def ask_hub(self) -> None:
        self.hub.spawn("ann", "")

    def adopt(self) -> None:
        asked = ClaimRequest(user="ann", user_options={"start_id": self.id})
        granted = self.database.write_now(claims.claim, self.cast.spawner, asked, MachineCapacity())
        assert granted.start_id == self.id
        self.hub.starts["ann", ""] = self.id

    def launch(self) -> None:
        self.engine.workloads[self.id] = WorkloadState(True)
        self.engine.logs[self.id] = b"hello\n"

    def become_ready(self) -> None:
        self._report(self.id, ClaimEvent(event="ready", url="/user/ann/"))
        self.hub.ready("ann", "")

    def ask_to_stop(self) -> None:
        self.database.write_now(notebooks.stop, self.cast.member, self.id)

    def end_workload(self) -> None:
        self.engine.end(self.id)

    def notebook(self) -> Notebook:
        return self.database.read_now(notebooks.get, self.cast.platform_admin, self.id)

    def _report(self, start_id: str, event: ClaimEvent) -> None:
        self.database.write_now(claims.event, self.cast.spawner, start_id, event)
