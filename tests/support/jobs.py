"""Jobs without a platform: a store, the queue's decision, the engine in memory, and the controller of jobs."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from primehub_services.controllers.job_ports import EndedAttempt, Kept, SecretValues
from primehub_services.controllers.jobs import JobController
from primehub_services.domain.claims import MachineCapacity
from primehub_services.domain.identity import Actor
from primehub_services.domain.jobs import ArtifactSummary, Job, JobSpec, JobSubmit
from primehub_services.engines.base import Engine
from primehub_services.engines.fake import FakeEngine
from primehub_services.operations import jobs, queue
from primehub_services.store import claims
from primehub_services.store.database import Database
from primehub_services.store.unit_of_work import UnitOfWork

from . import factories
from .clock import FixedClock
from .factories import Cast

CAPACITY = MachineCapacity()


def spec(**changes: Any) -> JobSubmit:
    """A command in the group ``research``."""
    values = {"group": "research", "instance_type": "cpu-1", "image": "base", "command": "python train.py"}
    return JobSubmit.model_validate(values | changes)


@dataclass
class Keeper:
    """Keeps nothing, and remembers of what."""

    kept: list[str] = field(default_factory=list)
    result: Kept = field(default_factory=lambda: Kept(artifacts=ArtifactSummary(files=1, size=3)))
    error: Exception | None = None

    async def keep(self, attempt: EndedAttempt) -> Kept:
        """See ``ResultsKeeper``."""
        if self.error is not None:
            raise self.error
        self.kept.append(attempt.id)
        return self.result


@dataclass
class Secrets:
    """Secrets by reference."""

    known: dict[str, str] = field(default_factory=dict)

    async def resolve(self, spec: JobSpec, account_id: str, group_id: str) -> SecretValues:
        """See ``SecretResolver``."""
        values = {name: self.known[ref] for name, ref in spec.secrets.items() if ref in self.known}
        missing = tuple(f"{name} ({ref})" for name, ref in spec.secrets.items() if ref not in self.known)
        return SecretValues(values, missing)


@dataclass
class World:
    """Everything that a job needs to run, in memory but for the store."""

    database: Database
    clock: FixedClock
    cast: Cast
    engine: Any
    keeper: Keeper
    secrets: Secrets
    controller: JobController
    snapshots: Path

    @property
    def fake(self) -> FakeEngine:
        """The engine, where it is the one in memory."""
        assert isinstance(self.engine, FakeEngine)
        return self.engine

    def restarted(self, engine: Engine | None = None) -> JobController:
        """The controller as a new process has it."""
        self.controller = JobController(
            self.database,
            engine or self.engine,
            self.keeper,
            self.secrets,
            snapshots=self.snapshots,
            clock=self.clock,
            steady=self.clock.steady,
        )
        return self.controller

    def submit(self, actor: Actor | None = None, **changes: Any) -> Job:
        """A job of the member ``ann``, or another's."""
        return self.database.write_now(jobs.submit, actor or self.cast.member, spec(**changes), CAPACITY)

    def admit(self) -> None:
        """Let the queue decide about the group, whatever waits."""
        self.database.write_now(queue.admit, CAPACITY, self.cast.group.id)

    async def step(self) -> None:
        """One look of the controller, and all that it begins."""
        await self.controller.step(self.clock())
        await self.controller.settled()

    async def look(self, seconds: float = 2.0) -> None:
        """Time passes, then one look."""
        self.clock.advance(seconds)
        await self.step()

    def job(self, job_id: str, actor: Actor | None = None) -> Job:
        """The job as its owner sees it now."""
        return self.database.read_now(jobs.get, actor or self.cast.member, job_id)

    def cancel(self, job_id: str) -> Job:
        """Its owner asks for its end."""
        return self.database.write_now(jobs.cancel, self.cast.member, job_id)

    def claims(self) -> list[str]:
        """Ids of what is claimed."""
        return [claim.id for claim in self.database.read_now(claims.held)]

    async def running(self, **changes: Any) -> Job:
        """A job that runs, in its first attempt."""
        job = self.submit(**changes)
        self.admit()
        await self.step()
        await self.look()
        return self.job(job.id)


def make_world(database: Database, clock: FixedClock, cast: Cast, folder: Path, engine: Any = None) -> World:
    """A group with an instance type and an image, and nothing that runs."""

    def catalog(uow: UnitOfWork) -> None:
        factories.instance_type(uow)
        factories.image(uow)

    database.write_now(catalog)
    world = World(
        database,
        clock,
        cast,
        engine or FakeEngine(clock),
        Keeper(),
        Secrets(),
        None,  # type: ignore[arg-type]
        folder,
    )
    world.restarted()
    return world
