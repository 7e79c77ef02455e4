"""The composition root: puts the parts of the services process together and runs them.

``python -m primehub_services.app --roles api,controllers --engine local``. The hub starts it as a managed service; it
takes its address and its token from the variables that the hub sets, everything else from ``Settings``.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys
from collections.abc import Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets

from hub_config.roles import AUTHENTICATOR, SERVICE_ROLES, SPAWNER
from hub_config.secret_files import SecretFileError, secret_file
from hub_config.settings import Settings, SettingsError

from . import composition, disk
from .api.application import make_application
from .api.auth import HubAuthenticator, ServiceToken
from .api.context import ApiContext
from .api.events import ChangeFeed, Streams
from .api.metrics import Metrics
from .api.replies import Part, State
from .api.reports import ReportDesk, StoredPermits
from .api.tokens import sweep
from .blobs import (
    AttemptFiles,
    FolderArtifactStore,
    FolderLogStore,
    FolderSnapshotStore,
    FolderUsageStore,
    WorkloadLogs,
)
from .composition import EngineParts
from .controllers import (
    ClaimController,
    ImageController,
    JobController,
    LeavingController,
    Mail,
    MembershipController,
    MonitoringController,
    NotebookController,
    NotificationController,
    ProgressController,
    PullSecretController,
    QueueController,
    ResultsSweeper,
    Runner,
    ScheduleController,
    SnapshotController,
    SweepController,
    VolumeController,
    Webhooks,
)
from .domain.notifications import MailServer
from .engines.base import WorkFiles
from .first_sign_in import FirstSignIn
from .hub import HubClient
from .instance import InstanceError, only_instance
from .job_parts import job_controller
from .operations.sign_in import SignIn, SignInPolicy
from .operations.volumes import cluster_policy, local_policy
from .store import migrate
from .store.crypto import Keyring, KeyringError
from .store.database import Database
from .store.listening import Listener

log = logging.getLogger("primehub")
ROLES = ("api", "controllers")
DEFAULT_PORT = 8092
PREFIX = "/services/primehub/"
MAX_HEADER = 64 * 1024
IN_FLIGHT = 1.0
"""Seconds that answers under way have when the process is asked to end."""
SWEEP_LOGINS = 30.0
THREADS = 32
"""For all that waits for a disk: results, logs, uploads. asyncio's own number is that of the cores and four."""


@dataclass
class Services:
    """One process's parts."""

    settings: Settings
    database: Database
    engine: EngineParts
    hub: HubClient
    context: ApiContext
    first_sign_in: FirstSignIn
    runners: list[Runner] = field(default_factory=list)
    jobs: JobController | None = None
    listener: Listener | None = None


def main(arguments: list[str] | None = None) -> int:
    """Run until SIGTERM or SIGINT. Returns the exit status; what is wrong is said in a sentence on stderr."""
    options = _options(arguments)
    try:
        settings = Settings.load()
        _logging(settings.log_level)
        run = settings.data_dir / "run"
        with only_instance(run / "services.lock"):
            asyncio.run(_serve(settings, options))
    except (SettingsError, SecretFileError, InstanceError, KeyringError, migrate.MigrationError) as error:
        print(f"PrimeHub's services cannot start: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"PrimeHub's services cannot start: {_explain(error)}", file=sys.stderr)
        return 1
    return 0


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="primehub-services", description=__doc__)
    parser.add_argument("--roles", default=",".join(ROLES), help="api, controllers, or both")
    parser.add_argument("--engine", choices=composition.ENGINES, help="what runs workloads; default: the settings'")
    options = parser.parse_args(arguments)
    options.roles = [role for role in options.roles.split(",") if role]
    unknown = sorted(set(options.roles) - set(ROLES))
    if unknown or not options.roles:
        parser.error(f"--roles: {', '.join(unknown) or 'none given'}; choose from {', '.join(ROLES)}")
    return options


def _logging(level: str) -> None:
    logging.basicConfig(level=level, format="%(asctime)s %(levelname).1s %(name)s: %(message)s", stream=sys.stderr)
    # every poll of the hub is a request: only what goes wrong is worth a line
    for noisy in ("httpx", "httpcore", "tornado.access", "alembic"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def _explain(error: OSError) -> str:
    where = f" ({error.filename})" if error.filename else ""
    return f"{error.strerror or error}{where}"


async def _serve(settings: Settings, options: argparse.Namespace) -> None:
    loop = asyncio.get_running_loop()
    loop.set_default_executor(ThreadPoolExecutor(THREADS, thread_name_prefix="primehub"))
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    # listening comes before any question to the hub, which waits for us
    sockets = _bind(settings, os.environ) if "api" in options.roles else []
    services = await build(settings, os.environ, engine=options.engine or settings.engine, roles=options.roles)
    try:
        await run(services, sockets, stop)
    finally:
        await close(services)


def _bind(settings: Settings, environ: Mapping[str, str]) -> list[socket.socket]:
    url = urlsplit(environ.get("JUPYTERHUB_SERVICE_URL", ""))
    port = url.port or settings.services_port or DEFAULT_PORT
    host = url.hostname or "127.0.0.1"
    try:
        return bind_sockets(port, host)
    except OSError as error:
        msg = f"{host}:{port} cannot be listened on: {error.strerror}. Set services_port to a free port"
        raise OSError(error.errno, msg) from error


async def build(settings: Settings, environ: Mapping[str, str], *, engine: str, roles: list[str]) -> Services:
    """Every part, ready to run; the database migrated and set up where this is the first start."""
    secrets = settings.secrets
    database = Database(settings.primehub_database_url)
    await asyncio.to_thread(migrate.upgrade, database)
    keyring = await asyncio.to_thread(Keyring.load_or_create, secrets / "encryption.key")
    store = FolderLogStore(settings.data_dir / "blobs")
    if "controllers" in roles:
        await asyncio.to_thread(store.clean)
    parts = await composition.engine_parts(engine, settings)
    if "controllers" in roles and parts.spool is not None:
        await asyncio.to_thread(parts.spool.clean)
    first = FirstSignIn(database, settings.data_dir / "run" / "first-sign-in")
    await composition.first_start(database, settings, parts, first)

    hub = HubClient(
        environ.get("JUPYTERHUB_API_URL", f"http://127.0.0.1:{settings.hub_port or 8081}/hub/api"),
        environ.get("JUPYTERHUB_API_TOKEN", ""),
    )
    feed = ChangeFeed(database)
    runners: list[Runner] = []
    jobs = None
    if "controllers" in roles:
        jobs = job_controller(database, parts, store, keyring, settings.data_dir / "blobs")
        runners = _runners(settings, database, hub, parts, store, keyring, jobs=jobs)
    prefix = environ.get("JUPYTERHUB_SERVICE_PREFIX") or PREFIX
    context = ApiContext(
        database=database,
        hub=hub,
        authenticator=HubAuthenticator(
            prefix, service_tokens(secrets), disk_is_full=lambda: disk.is_full(settings.data_dir)
        ),
        keyring=keyring,
        sign_in=SignIn(
            database,
            SignInPolicy(
                password_min_length=settings.accounts.password_min_length, lockout_after=settings.accounts.lockout_after
            ),
        ),
        logs=WorkloadLogs(store, parts.live_logs),
        build_logs=store,
        files=AttemptFiles(FolderArtifactStore(settings.data_dir / "blobs"), parts.live_files),
        usage=FolderUsageStore(settings.data_dir / "blobs"),
        snapshots=FolderSnapshotStore(settings.data_dir / "blobs"),
        capacity=parts.capacity,
        mail_server=_mail_server(settings),
        volume_policy=cluster_policy()
        if engine == "kubernetes"
        else local_policy(settings.local.host_path_roots, settings.data_dir),
        feed=feed,
        streams=Streams(database, hub, feed),
        metrics=Metrics(),
        cookie_secret=bytes.fromhex(secret_file(secrets / "portal_cookie_secret")),
        metrics_token=secret_file(secrets / "metrics.token"),
        prefix=prefix,
        static=Path(__file__).parent / "portal" / "static",
        engine=engine,
        started_at=datetime.now(UTC),
        probe=_probe(parts, runners, settings.data_dir),
        reports=_reports(settings, database, parts),
        heard=parts.heard,
    )
    listener = None if database.is_sqlite else Listener(database, feed.wake)
    return Services(settings, database, parts, hub, context, first, runners, jobs, listener)


def _reports(settings: Settings, database: Database, parts: EngineParts) -> ReportDesk | None:
    if parts.spool is None:
        return None
    from .kubernetes_parts import reports_key

    return ReportDesk(StoredPermits(database), parts.spool, reports_key(settings))


def service_tokens(secrets: Path) -> list[ServiceToken]:
    """The tokens of the platform's own services that the hub reads from the same files."""
    scopes = {role.service: role.scopes for role in SERVICE_ROLES}
    files = ((SPAWNER, "spawner.token"), (AUTHENTICATOR, "authenticator.token"))
    return [ServiceToken(name, secret_file(secrets / file), tuple(scopes[name])) for name, file in files]


def _runners(
    settings: Settings,
    database: Database,
    hub: HubClient,
    parts: EngineParts,
    store: FolderLogStore,
    keyring: Keyring,
    *,
    jobs: JobController,
) -> list[Runner]:
    # one process at a time has the data folder, and with it all that runs on this machine or is kept in SQLite
    alone = database.is_sqlite or parts.name == "local"
    notebooks = Runner(NotebookController(database, hub, parts.workloads, store, alone=alone))
    leaving = Runner(LeavingController(database, hub, stopping=notebooks.hint))
    found = [notebooks, leaving, Runner(MembershipController(database, hub)), Runner(SweepController(database, store))]
    found.append(Runner(SnapshotController(database, FolderSnapshotStore(settings.data_dir / "blobs"))))
    artifacts = FolderArtifactStore(settings.data_dir / "blobs")
    found.append(Runner(ResultsSweeper(database, store, artifacts)))
    if parts.results is not None:
        usage = FolderUsageStore(settings.data_dir / "blobs")
        found.append(Runner(MonitoringController(database, parts.results, usage)))
    if parts.builder is not None:
        scratch = settings.data_dir / "run" / "builds"
        found.append(Runner(ImageController(database, parts.builder, store, scratch)))
    if parts.volumes is not None:
        found.append(Runner(VolumeController(database, parts.volumes, keyring)))
    if parts.claims is not None:
        found.append(Runner(ClaimController(database, parts.claims)))
    if parts.pull_secrets is not None:
        found.append(Runner(PullSecretController(database, parts.pull_secrets, keyring)))
    if isinstance(parts.engine, WorkFiles):
        found.append(Runner(ProgressController(database, parts.engine)))
    found += [Runner(QueueController(database, parts.capacity)), Runner(jobs)]
    found += [Runner(ScheduleController(database, parts.capacity)), Runner(_notifications(settings, database, keyring))]
    loop = asyncio.get_running_loop()

    def hint(kinds: frozenset[str]) -> None:
        for runner in found:
            if runner.controller.hints & kinds:
                loop.call_soon_threadsafe(runner.hint)

    database.on_commit(hint)
    return found


def _mail_server(settings: Settings) -> MailServer:
    given = settings.notifications.smtp
    if given is None:
        return MailServer(available=False)
    return MailServer(
        available=True,
        host=given.host,
        port=given.real_port,
        sender=given.sender,
        username=given.username,
        security=given.security,
    )


def _notifications(settings: Settings, database: Database, keyring: Keyring) -> NotificationController:
    given = settings.notifications
    mail = None
    if given.smtp is not None:
        mail = Mail(
            host=given.smtp.host,
            port=given.smtp.real_port,
            sender=given.smtp.sender,
            security=given.smtp.security,
            username=given.smtp.username,
            password=given.smtp.password.get_secret_value(),
            ca_file=given.smtp.ca_file,
        )
    webhooks = Webhooks(given.webhook_networks, ca_file=given.webhook_ca_file)
    return NotificationController(database, keyring, mail, webhooks, portal=f"{settings.address}{PREFIX}")


def _probe(parts: EngineParts, runners: list[Runner], data_dir: Path) -> Any:
    async def probe() -> tuple[Part, ...]:
        found = list(await parts.parts())
        if shortage := disk.shortage(data_dir):
            found.append(Part(name="disk", status=State.DEGRADED, message=shortage, help="Make room there."))
        for runner in runners:
            name, health = runner.controller.name, runner.health
            state = State.DEGRADED if health.failures > 1 else State.OK
            found.append(Part(name=f"controller {name}", status=state, message=health.last_error))
        return tuple(found)

    return probe


async def run(services: Services, sockets: list[socket.socket], stop: asyncio.Event) -> None:
    """Serve and control until ``stop``."""
    context = services.context
    await context.feed.start()
    if services.listener is not None:
        services.listener.start()
    work: list[Coroutine[Any, Any, None]] = [context.feed.run(), context.streams.run(), _sweep_logins(context)]
    work += [services.first_sign_in.watch(context.feed)]
    work += [runner.run() for runner in services.runners]
    if services.engine.run is not None:
        work.append(services.engine.run())
    if services.jobs is not None:
        work.append(services.jobs.listen())
    tasks = [asyncio.create_task(job) for job in work]
    server = None
    if sockets:
        server = HTTPServer(make_application(context), xheaders=True, max_header_size=MAX_HEADER)
        server.add_sockets(sockets)
        log.info("listening on %s:%d", *sockets[0].getsockname()[:2])
    await stop.wait()
    log.info("ending")
    context.streams.close()
    if server is not None:
        server.stop()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(server.close_all_connections(), IN_FLIGHT)
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks, timeout=IN_FLIGHT)


async def _sweep_logins(context: ApiContext) -> None:
    while True:
        await asyncio.sleep(SWEEP_LOGINS)
        try:
            await sweep(context)
        except Exception:
            log.exception("expired sign-ins cannot be swept")


async def close(services: Services) -> None:
    """Close what is open."""
    if services.listener is not None:
        services.listener.stop()
    await services.hub.close()
    services.context.sign_in.close()
    services.database.close()


if __name__ == "__main__":
    sys.exit(main())
