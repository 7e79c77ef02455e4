"""What goes on by itself, and in one process at a time: the controllers, and the engine that they work with."""

from __future__ import annotations

from collections.abc import Collection, Coroutine
from dataclasses import dataclass, field
from typing import Any

from hub_config.settings import Settings

from .api.replies import Part, State
from .blobs import FolderArtifactStore, FolderLogStore, FolderSnapshotStore, FolderUsageStore
from .composition import EngineParts
from .controllers import (
    ClaimController,
    GroupFolderController,
    ImageController,
    JobController,
    LeavingController,
    MembershipController,
    MonitoringController,
    NotebookController,
    NotebookLogController,
    NotificationController,
    ProgressController,
    PullSecretController,
    QueueController,
    ResultsSweeper,
    Runner,
    ScheduleController,
    SnapshotController,
    StopController,
    SweepController,
    VolumeController,
    Webhooks,
)
from .engines.base import WorkFiles
from .hub import HubClient
from .job_parts import job_controller
from .mailing import mail_of
from .store.crypto import Keyring
from .store.database import Database

PORTAL = "/services/primehub/"


@dataclass(frozen=True, slots=True)
class Tools:
    """What controllers work with. ``alone`` says that no other process makes claims in this store."""

    settings: Settings
    database: Database
    hub: HubClient
    parts: EngineParts
    logs: FolderLogStore
    artifacts: FolderArtifactStore
    keyring: Keyring
    alone: bool


@dataclass(slots=True)
class Duties:
    """Controllers as one process has them from when it begins with them; nothing in them is from before."""

    engine: EngineParts
    runners: list[Runner] = field(default_factory=list)
    jobs: JobController | None = None
    more: list[Coroutine[Any, Any, None]] = field(default_factory=list)

    def work(self) -> list[Coroutine[Any, Any, None]]:
        """All that has to go on."""
        found = [*self.more, *(runner.run() for runner in self.runners)]
        if self.engine.run is not None:
            found.append(self.engine.run())
        if self.jobs is not None:
            found.append(self.jobs.listen())
        return found

    def hint(self, kinds: Collection[str]) -> None:
        """Something of these kinds has changed. Call it on the event loop."""
        for runner in self.runners:
            if not runner.controller.hints.isdisjoint(kinds):
                runner.hint()

    def health(self) -> list[Part]:
        """How each controller is doing."""
        found = []
        for runner in self.runners:
            state = State.DEGRADED if runner.health.failures > 1 else State.OK
            found.append(
                Part(name=f"controller {runner.controller.name}", status=state, message=runner.health.last_error)
            )
        return found


def duties(tools: Tools) -> Duties:
    """All controllers, begun anew."""
    database, parts, blobs = tools.database, tools.parts, tools.settings.data_dir / "blobs"
    usage = FolderUsageStore(blobs)
    jobs = job_controller(database, parts, tools.logs, tools.artifacts, usage, tools.keyring, blobs=blobs)
    notebooks = NotebookController(database, tools.hub, parts.workloads, tools.logs, alone=tools.alone)
    made = Duties(parts, jobs=jobs)
    stopping = Runner(notebooks)
    leaving = LeavingController(database, tools.hub, stopping=stopping.hint)
    made.runners += [stopping, Runner(leaving), Runner(MembershipController(database, tools.hub))]
    made.runners += [
        Runner(SweepController(database, tools.logs)),
        Runner(SnapshotController(database, FolderSnapshotStore(blobs))),
    ]
    made.runners.append(Runner(ResultsSweeper(database, tools.logs, tools.artifacts)))
    made.runners += _of_the_engine(tools, usage)
    made.runners += [Runner(QueueController(database, parts.capacity)), Runner(jobs)]
    made.runners += [Runner(ScheduleController(database, parts.capacity)), Runner(_notifications(tools))]
    return made


def _of_the_engine(tools: Tools, usage: FolderUsageStore) -> list[Runner]:
    """Those of what not every engine has."""
    database, parts, data = tools.database, tools.parts, tools.settings.data_dir
    found = []
    if parts.workloads is not None:
        found.append(Runner(StopController(database, parts.workloads)))
    if parts.results is not None:
        found.append(Runner(MonitoringController(database, parts.results, usage)))
    if parts.builder is not None:
        found.append(Runner(ImageController(database, parts.builder, tools.logs, data / "run" / "builds")))
    if parts.volumes is not None:
        repositories_only = parts.claims is not None  # whose controller makes the folders, which are claims
        volumes = VolumeController(database, parts.volumes, tools.keyring, repositories_only=repositories_only)
        found.append(Runner(volumes))
    if parts.claims is not None:
        found.append(_told_of_claims(parts, Runner(ClaimController(database, parts.claims))))
    if parts.notebook_logs is not None:
        found.append(Runner(NotebookLogController(database, parts.notebook_logs)))
    if parts.folders is not None:
        found.append(_told_of_claims(parts, Runner(GroupFolderController(database, parts.folders))))
    if parts.pull_secrets is not None:
        found.append(Runner(PullSecretController(database, parts.pull_secrets, tools.keyring)))
    if isinstance(parts.engine, WorkFiles):
        found.append(Runner(ProgressController(database, parts.engine)))
    return found


def _told_of_claims(parts: EngineParts, runner: Runner) -> Runner:
    if parts.claims_changed is not None:
        parts.claims_changed(runner.hint)
    return runner


def _notifications(tools: Tools) -> NotificationController:
    given = tools.settings.notifications
    mail = mail_of(tools.settings)
    webhooks = Webhooks(given.webhook_networks, ca_file=given.webhook_ca_file)
    portal = f"{tools.settings.address}{PORTAL}"
    return NotificationController(tools.database, tools.keyring, mail, webhooks, portal=portal)
