"""What handlers work with: made once by the composition root."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ..blobs import (
    AttemptFiles,
    FolderArtifactStore,
    FolderSnapshotStore,
    FolderUsageStore,
    UploadChecker,
    WorkloadLogs,
)
from ..domain.claims import MachineCapacity
from ..domain.letters import Letter
from ..domain.notifications import MailServer
from ..domain.volumes import VolumePolicy
from ..hub import HubClient
from ..operations.sign_in import SignIn
from ..previews import NotebookRenderer
from ..store.crypto import Keyring
from ..store.database import Database
from .auth import Authenticator
from .events import ChangeFeed, Streams
from .leaps import Leaps
from .limits import RateLimit
from .metrics import Metrics
from .peers import Proxies
from .replies import Part
from .troubles import Troubles

if TYPE_CHECKING:
    from .reports import ReportDesk

T = TypeVar("T")
Probe = Callable[[], Awaitable[tuple[Part, ...]]]
Post = Callable[[str, Letter], Awaitable[str]]
"""Sends a letter to an address; what went wrong, empty where the mail server has taken it."""
CapacityPort = Callable[[], Awaitable[MachineCapacity]]


@dataclass
class ApiContext:
    """The parts of one services process that the API uses."""

    database: Database
    hub: HubClient
    authenticator: Authenticator
    keyring: Keyring
    sign_in: SignIn
    logs: WorkloadLogs
    blobs: FolderArtifactStore
    """What is kept of jobs."""
    files: AttemptFiles
    """What jobs left, or have written so far."""
    usage: FolderUsageStore
    snapshots: FolderSnapshotStore
    capacity: CapacityPort
    """What the engine can run; asked anew for every decision."""
    volume_policy: VolumePolicy
    feed: ChangeFeed
    streams: Streams
    metrics: Metrics
    cookie_secret: bytes
    prefix: str
    """Where everything is served, with slashes at both ends: ``/services/primehub/``."""
    static: Path
    """The built portal."""
    engine: str
    started_at: datetime
    probe: Probe
    """Parts whose state only the composition root knows: the engine, the sandbox, the controllers."""
    troubles: Troubles = field(default_factory=Troubles)
    mail_server: MailServer = field(default_factory=lambda: MailServer(available=False))
    """Through which the platform sends e-mail to people."""
    post: Post | None = None
    """For letters that are sent in the request itself; None where the platform sends no e-mail."""
    address: str = ""
    """Where people reach the platform, for links in letters: as the settings say, never as a request claims."""
    metrics_token: str = ""
    """What Prometheus may send instead of a platform admin's token; empty is none."""
    reports: ReportDesk | None = None
    """Where workloads' sidecars report; None where no engine has them."""
    heard: Callable[[str], None] = lambda workload: None
    """Told of a workload whose sidecar said that it begins, or that nothing more comes."""
    checker: UploadChecker = field(default_factory=UploadChecker)
    renderer: NotebookRenderer = field(default_factory=NotebookRenderer)
    proxies: Proxies = field(default_factory=Proxies)
    """Who is believed about where a request came from."""
    login_limit: RateLimit = field(default_factory=lambda: RateLimit(tries=20, seconds=60))
    """Sign-ins of programs that one address may ask for."""
    poll_limit: RateLimit = field(default_factory=lambda: RateLimit(tries=60, seconds=60))
    """Looks at one such sign-in: twice as many as the command takes."""
    poller_limit: RateLimit = field(default_factory=lambda: RateLimit(tries=600, seconds=60))
    """Looks that one address may take; behind it may be a whole company."""
    leaps: Leaps = field(default_factory=Leaps)
    """Of this machine's clock, after which nobody is idle at once."""
    _tasks: set[asyncio.Task[Any]] = field(default_factory=set)

    @property
    def local_accounts(self) -> bool:
        """Whether people may have a password here; else they sign in through a provider alone."""
        return self.sign_in.local_accounts

    @property
    def email_available(self) -> bool:
        """Whether the platform can send e-mail to people."""
        return self.mail_server.available

    def background(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Go on with ``work`` even where its request is gone."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task
