"""Keeps the ledger equal to what runs: no claim without a server, no server without a claim, no stop unheard.

What is seen is read in the order hub, engine, ledger. A start goes through them in the order ledger, hub, engine;
so whatever one of the later ones shows has a claim by the time the ledger is read, unless it has lost it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from ..blobs import LogStore, notebook_key
from ..domain.lifecycle import Act, Ending, Graces, Seen, decide_start
from ..operations import notebooks as operations
from ..operations import starts
from ..operations.notebooks import Activity
from ..store import claims, notebooks
from ..store.database import Database
from ..store.unit_of_work import UnitOfWork
from .ports import HubPort, HubRefusal, HubServer, WorkloadPort, WorkloadState
from .runner import SHORTEST_WAIT, Every

log = logging.getLogger(__name__)
ASKING_GRACE = 90.0
"""Seconds for a claim made by a process that still lives: its handler may yet be asking a busy hub."""
ORPHANED_GRACE = 5.0
"""Seconds for a claim from before this process: who made it is gone and will ask nobody any more."""
_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Held:
    """A claimed start, out of the ledger."""

    start_id: str
    user: str
    server_name: str
    adopted: bool
    created_at: datetime
    since: datetime
    """When it was made or, if later, adopted."""
    stop_requested: str | None
    known_ready: bool


@dataclass(frozen=True, slots=True)
class Ledger:
    """Every claimed start, and which of the engine's workloads have a row."""

    held: tuple[Held, ...]
    known: frozenset[str]


@dataclass(frozen=True, slots=True)
class World:
    """What was seen in one step."""

    servers: Mapping[tuple[str, str], HubServer]
    workloads: Mapping[str, WorkloadState] | None


class NotebookController:
    """Every few seconds; in between, as soon as somebody asks for a stop: to ask the hub for all servers costs it more
    than a start, and every step of every start is a commit.

    ``alone`` says that no other process makes claims in this store: then claims older than this process belong to
    nobody, and wait for less.
    """

    name = "notebooks"
    interval = 3.0
    hints = frozenset({"notebook"})

    def __init__(
        self,
        database: Database,
        hub: HubPort,
        workloads: WorkloadPort | None = None,
        logs: LogStore | None = None,
        *,
        alone: bool = True,
    ) -> None:
        self._database = database
        self._hub = hub
        self._workloads = workloads
        self._logs = logs
        self._alone = alone
        self._started: datetime | None = None
        self._look = Every(timedelta(seconds=self.interval - SHORTEST_WAIT))
        self._ahead: dict[tuple[str, datetime], datetime] = {}
        """Claims from later than now, since the clock was set back, and when each was first seen as such."""
        self._heard: frozenset[str] = frozenset()
        """Starts whose request to stop was seen in a step already."""
        self._stopping: set[asyncio.Task[None]] = set()
        self._asked: set[tuple[str, str]] = set()

    async def step(self, now: datetime) -> None:
        """Raises ``HubUnavailable`` or ``EngineUnavailable`` where they cannot be asked: then nothing is released."""
        if self._started is None:
            self._started = now
        elif now < self._started:  # set back: which claims are older than this process cannot be told any more
            self._started = _NEVER
        to_stop = await self._database.read(notebooks.to_stop)
        if not self._look.due(now) and to_stop <= self._heard:
            return
        self._heard = to_stop
        servers = await self._hub.servers()
        workloads = None if self._workloads is None else dict(await self._workloads.list_owned())
        world = World({(s.user, s.name): s for s in servers}, workloads)
        await self._note_activity(servers)
        ledger = await self._database.read(load, tuple(workloads or ()))
        ahead = {(held.start_id, held.since) for held in ledger.held if held.since > now}
        self._ahead = {key: min(now, self._ahead.get(key, now)) for key in ahead}
        failures = []
        for held in ledger.held:
            act, reason = decide_start(self._seen(held, world, now), self._graces(held))
            try:
                await self._act(held, act, reason, world)
            except Exception as error:  # one start must not hold up the others; it is raised below
                failures.append(error)
        failures += await self._without_claim(ledger, world)
        if failures:
            raise failures[0]
        self._look.done(now)

    async def settled(self) -> None:
        """Wait until the hub has answered every request to stop a server."""
        while self._stopping:
            await asyncio.wait(self._stopping)

    def _graces(self, held: Held) -> Graces:
        orphaned = self._alone and self._started is not None and held.created_at < self._started
        return Graces(unadopted=ORPHANED_GRACE if orphaned else ASKING_GRACE)

    def _seen(self, held: Held, world: World, now: datetime) -> Seen:
        server = world.servers.get((held.user, held.server_name))
        running = None
        if world.workloads is not None:
            state = world.workloads.get(held.start_id)
            running = state is not None and state.running
        return Seen(
            claimed_for=(now - self._ahead.get((held.start_id, held.since), held.since)).total_seconds(),
            adopted=held.adopted,
            stop_requested=held.stop_requested,
            server_present=server is not None,
            server_ready=server is not None and server.ready,
            server_stopping=server is not None and server.pending == "stop",
            workload_running=running,
            known_ready=held.known_ready,
        )

    async def _act(self, held: Held, act: Act, reason: str, world: World) -> None:
        if act is Act.STOP_SERVER:
            self._stop_server(held.user, held.server_name)
        elif act is Act.STOP_WORKLOAD and self._workloads is not None:
            log.warning("start %s of %s is not the hub's any more: its workload is stopped", held.start_id, held.user)
            await self._workloads.stop(held.start_id)
        elif act is Act.NOTE_READY:
            server = world.servers[held.user, held.server_name]
            await self._database.write(note_ready, held, f"{server.url}lab")
        elif act is Act.END:
            state = (world.workloads or {}).get(held.start_id)
            ending = Ending(reason, failed=bool(reason) and not held.stop_requested)
            if not reason and state is not None:
                ending = Ending(state.reason, state.exit_code)
            elif not reason:
                ending = Ending("ended while the platform was not looking", failed=True)
            await self._database.write(finish, held, ending)

    def _stop_server(self, user: str, name: str) -> None:
        """Ask the hub, without waiting: it answers only once the server has ended or taken long."""
        if (user, name) in self._asked:
            return
        self._asked.add((user, name))
        task = asyncio.get_running_loop().create_task(self._ask_to_stop(user, name))
        self._stopping.add(task)
        task.add_done_callback(self._stopping.discard)

    async def _ask_to_stop(self, user: str, name: str) -> None:
        try:
            await self._hub.stop_server(user, name)
        except HubRefusal as refusal:
            # while it is still starting, or stopping already; the next step asks again
            log.info("the hub does not stop the server %r of %s yet: %s", name, user, refusal)
        except Exception as error:
            log.warning("the hub was not asked to stop the server %r of %s: %s", name, user, error)
        finally:
            self._asked.discard((user, name))

    async def _note_activity(self, servers: Sequence[HubServer]) -> None:
        seen = [(s.user, s.name, s.last_activity) for s in servers if s.ready and s.last_activity is not None]
        stale = await self._database.read(newer_activity, seen) if seen else []
        if stale:
            await self._database.write(operations.record_activity, stale)

    async def _without_claim(self, ledger: Ledger, world: World) -> list[Exception]:
        """Stop workloads that nothing is reserved for; keep the logs of those that ended, and drop the rest."""
        held = {h.start_id for h in ledger.held}
        failures = []
        for start_id, state in (world.workloads or {}).items():
            if start_id in held or self._workloads is None:
                continue
            try:
                if state.running:
                    log.warning("the workload of start %s has no claim: it is stopped", start_id)
                    await self._workloads.stop(start_id)
                elif not state.lost:
                    await self._put_away(self._workloads, start_id, known=start_id in ledger.known)
            except Exception as error:
                failures.append(error)
        return failures

    async def _put_away(self, workloads: WorkloadPort, start_id: str, *, known: bool) -> None:
        if known and self._logs is not None:
            pieces = await workloads.log(start_id)
            if pieces is not None:
                await asyncio.to_thread(self._logs.put, notebook_key(start_id), pieces)
        await workloads.remove(start_id)


def load(uow: UnitOfWork, workloads: Sequence[str]) -> Ledger:
    """Every claimed start of a notebook server, and which of the engine's workloads are known."""
    held = (
        Held(
            start_id=claim.start_id,
            user=claim.user,
            server_name=claim.server_name,
            adopted=claim.adopted_at is not None,
            created_at=claim.created_at,
            since=claim.adopted_at or claim.created_at,
            stop_requested=claim.stop_requested,
            known_ready=claim.ready_at is not None,
        )
        for claim in claims.claimed_starts(uow)
    )
    return Ledger(held=tuple(held), known=notebooks.known(uow, workloads))


def newer_activity(uow: UnitOfWork, seen: Sequence[Activity]) -> list[Activity]:
    """Those that are worth writing down, so that nothing is written where nothing is new."""
    return [activity for activity, _ in operations.worth_noting(uow, seen)]


def note_ready(uow: UnitOfWork, held: Held, url: str) -> None:
    """Write down that a start is ready, unless it is not starting any more."""
    row = notebooks.locked(uow, held.start_id)
    if row is not None:
        starts.become_ready(uow, row, url)


def finish(uow: UnitOfWork, held: Held, ending: Ending) -> bool:
    """End a start unless it went on since it was seen; whether it was ended."""
    row = notebooks.locked(uow, held.start_id)
    claim = claims.by_id(uow, held.start_id)
    went_on = claim is not None and (claim.adopted_at is not None) != held.adopted
    if went_on:
        return False
    if row is None:
        return claims.delete(uow, held.start_id)
    starts.end(uow, row, ending)
    return True
