"""The composition root: puts the parts of the services process together and runs them.

``python -m primehub_services.app --roles api,controllers --engine local``. The hub starts it as a managed service; it
takes its address and its token from the variables that the hub sets, everything else from ``Settings``.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import dataclasses
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tornado.netutil import bind_sockets

from hub_config.roles import AUTHENTICATOR, GATEWAY, SERVICE_ROLES, SPAWNER
from hub_config.secret_files import SecretFileError, secret_file
from hub_config.settings import Settings, SettingsError

from . import composition, disk, gateway_health
from .api.application import make_application
from .api.auth import HubAuthenticator, ServiceToken
from .api.context import ApiContext, Probe
from .api.events import ChangeFeed, Streams
from .api.front import Front
from .api.metrics import Metrics
from .api.peers import Proxies
from .api.replies import Part, State
from .api.reports import ReportDesk, StoredPermits
from .api.tokens import sweep
from .api.troubles import watch
from .blobs import (
    AttemptFiles,
    FolderArtifactStore,
    FolderLogStore,
    FolderSnapshotStore,
    FolderUsageStore,
    WorkloadLogs,
)
from .composition import EngineParts
from .domain.problems import Unavailable
from .duties import Duties, Tools, duties
from .first_sign_in import FirstSignIn
from .hub import HubClient
from .instance import InstanceError, only_instance
from .leading import Alone, Elected, WhileLeading, holder
from .listening import host_of
from .mailing import mail_of, mail_server_of, post_of
from .operations.sign_in import SignIn, SignInPolicy
from .operations.volumes import cluster_policy, local_policy
from .store import leader, listening, migrate
from .store.crypto import Keyring, KeyringError
from .store.database import AWAY, Database
from .store.leader import Election, ElectionError, Term
from .store.listening import Listener

log = logging.getLogger("primehub")
ROLES = ("api", "controllers")
DEFAULT_PORT = 8092
PREFIX = "/services/primehub/"
IN_FLIGHT = 1.0
"""Seconds that answers under way have when the process is asked to end."""
SWEEP_LOGINS = 30.0
LEFT_OVER = 86400.0
"""Seconds after which what is half written is nobody's any more, where others may be writing."""
DATABASE_AGAIN = 1.0
"""Seconds between two looks for a database that is away."""
SAID_AGAIN = 10.0
"""Seconds after which a log is told again what is waited for."""
EXPLAINED = (
    SettingsError,
    SecretFileError,
    InstanceError,
    KeyringError,
    migrate.MigrationError,
    ElectionError,
    Unavailable,
)
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
    work: Alone | Elected
    """What goes on by itself."""
    listener: Listener | None = None


def main(arguments: list[str] | None = None) -> int:
    """Run until SIGTERM or SIGINT. Returns the exit status; what is wrong is said in a sentence on stderr."""
    options = _options(arguments)
    try:
        settings = Settings.load()
        _logging(settings.log_level)
        alone = (
            contextlib.nullcontext() if options.elect else only_instance(settings.data_dir / "run" / "services.lock")
        )
        with alone:
            asyncio.run(_serve(settings, options))
    except EXPLAINED as error:
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
    parser.add_argument(
        "--elect",
        action="store_true",
        help="one of several on the same data and PostgreSQL, which elects the one that runs the controllers; "
        "without it a new process ends the one before it",
    )
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
    front = Front(_bind(settings, os.environ) if "api" in options.roles else [])
    engine = options.engine or settings.engine
    database = Database(settings.primehub_database_url)
    try:
        if not await _migrated(database, front, stop):
            return
        services = await build(settings, database, os.environ, engine=engine, roles=options.roles, elect=options.elect)
        try:
            await run(services, front, stop)
        finally:
            await close(services)
    finally:
        await front.close(IN_FLIGHT)
        database.close()


async def _migrated(database: Database, front: Front, stop: asyncio.Event) -> bool:
    """The database, in the shape of this version. One that is away is waited for, by a process that costs nothing
    meanwhile; False where it was asked to end before there is one."""
    told, told_at = "", 0.0
    while not stop.is_set():
        try:
            await asyncio.to_thread(migrate.upgrade, database)
        except migrate.DatabaseAway as error:
            if not told:
                front.away(AWAY)
            if str(error) != told or time.monotonic() - told_at >= SAID_AGAIN:
                told, told_at = str(error), time.monotonic()
                print(f"PrimeHub's services wait: {told}", file=sys.stderr, flush=True)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), DATABASE_AGAIN)
        else:
            if told:
                print("PrimeHub's services go on: the database answers", file=sys.stderr, flush=True)
            return True
    return False


def _bind(settings: Settings, environ: Mapping[str, str]) -> list[socket.socket]:
    url = environ.get("JUPYTERHUB_SERVICE_URL", "")
    port = urlsplit(url).port or settings.services_port or DEFAULT_PORT
    host = host_of(url)
    try:
        return bind_sockets(port, host)
    except OSError as error:
        msg = f"{host}:{port} cannot be listened on: {error.strerror}. Set services_port to a free port"
        raise OSError(error.errno, msg) from error


async def build(
    settings: Settings, database: Database, environ: Mapping[str, str], *, engine: str, roles: list[str], elect: bool
) -> Services:
    """Every part, ready to run, on a migrated database; set up by the one that does what goes on by itself."""
    secrets = settings.secrets
    keyring = await asyncio.to_thread(Keyring.load_or_create, secrets / "encryption.key")
    store = FolderLogStore(settings.data_dir / "blobs")
    parts = await composition.engine_parts(engine, settings)
    hub = _hub(settings, environ)
    feed = ChangeFeed(database)
    alone = database.is_sqlite or (parts.name == "local" and not elect)
    artifacts = FolderArtifactStore(settings.data_dir / "blobs")
    tools = Tools(settings, database, hub, parts, store, artifacts, keyring, alone=alone)
    prefix = environ.get("JUPYTERHUB_SERVICE_PREFIX") or PREFIX
    cookie_secret = bytes.fromhex(secret_file(secrets / "portal_cookie_secret"))
    context = ApiContext(
        database=database,
        hub=hub,
        authenticator=HubAuthenticator(
            prefix,
            service_tokens(secrets),
            secret=cookie_secret,
            disk_is_full=lambda: disk.is_full(settings.data_dir),
        ),
        keyring=keyring,
        sign_in=SignIn(
            database,
            SignInPolicy(
                local_accounts=settings.accounts.local,
                password_min_length=settings.accounts.password_min_length,
                lockout_after=settings.accounts.lockout_after,
            ),
        ),
        logs=WorkloadLogs(store, parts.live_logs),
        blobs=artifacts,
        files=AttemptFiles(artifacts, parts.live_files),
        usage=FolderUsageStore(settings.data_dir / "blobs"),
        snapshots=FolderSnapshotStore(settings.data_dir / "blobs"),
        capacity=parts.capacity,
        mail_server=mail_server_of(settings),
        post=post_of(mail_of(settings)),
        address=settings.address,
        volume_policy=cluster_policy(parts.namespace, settings.kubernetes.instance)
        if engine == "kubernetes"
        else local_policy(settings.local.host_path_roots, settings.data_dir),
        feed=feed,
        streams=Streams(database, hub, feed),
        metrics=Metrics(),
        proxies=Proxies(settings.kubernetes.proxy_pods),
        cookie_secret=cookie_secret,
        metrics_token=secret_file(secrets / "metrics.token"),
        prefix=prefix,
        static=Path(__file__).parent / "portal" / "static",
        engine=engine,
        started_at=datetime.now(UTC),
        probe=_nothing,
        reports=_reports(settings, database, parts),
        heard=parts.heard,
    )
    make = _elected if elect else _alone
    work = await make(tools, context, environ, controls="controllers" in roles)
    context.probe = _probe(work, settings)
    if elect:
        context.heard = _told_to_all(context)
    listener = None if database.is_sqlite else Listener(database, feed.wake, _soon(parts.heard))
    return Services(settings, database, parts, hub, context, work, listener)


def _hub(settings: Settings, environ: Mapping[str, str], term: Term | None = None) -> HubClient:
    return HubClient(
        environ.get("JUPYTERHUB_API_URL", f"http://127.0.0.1:{settings.hub_port or 8081}/hub/api"),
        environ.get("JUPYTERHUB_API_TOKEN", ""),
        transport=None if term is None else WhileLeading(term),
    )


def _told_to_all(context: ApiContext) -> Callable[[str], None]:
    """What a sidecar tells one process is for the one that leads."""

    async def tell(workload: str) -> None:
        with contextlib.suppress(Unavailable):  # who leads looks by itself before long
            await context.database.write(listening.tell, workload)

    def heard(workload: str) -> None:
        context.background(tell(workload))

    return heard


def _soon(heard: Callable[[str], None]) -> Callable[[str], None]:
    """The same, to be called from any thread."""
    loop = asyncio.get_running_loop()

    def soon(workload: str) -> None:
        loop.call_soon_threadsafe(heard, workload)

    return soon


async def _nothing() -> tuple[Part, ...]:
    return ()


async def _alone(tools: Tools, context: ApiContext, _environ: Mapping[str, str], *, controls: bool) -> Alone:
    """The only process: all that there is to do is begun before anybody is answered."""
    if controls:
        await asyncio.to_thread(tools.logs.clean)
        if tools.parts.spool is not None:
            await asyncio.to_thread(tools.parts.spool.clean)
    made = duties(tools) if controls else Duties(tools.parts)
    made.more += [_sweep_logins(context), await _first_start(tools, context)]
    loop = asyncio.get_running_loop()

    def hint(kinds: frozenset[str]) -> None:
        loop.call_soon_threadsafe(made.hint, kinds)

    tools.database.on_commit(hint)
    return Alone(made, _health)


async def _elected(tools: Tools, context: ApiContext, environ: Mapping[str, str], *, controls: bool) -> Elected:
    """One of several: what there is to do is begun with each term, anew, and with parts that are that term's."""
    await tools.database.read(leader.check)

    async def begin(term: Term) -> Duties:
        hub = _hub(tools.settings, environ, term)
        blobs = tools.settings.data_dir / "blobs"
        own = dataclasses.replace(
            tools,
            database=tools.database.guarded(term.guard),
            hub=hub,
            logs=FolderLogStore(blobs, gate=term.require),
            artifacts=FolderArtifactStore(blobs, gate=term.require),
            alone=False,
        )
        await asyncio.to_thread(own.logs.clean, older_s=LEFT_OVER)
        if own.parts.spool is not None:
            await asyncio.to_thread(own.parts.spool.clean, older_s=LEFT_OVER)
        made = duties(own)
        made.more += [_sweep_logins(context), await _first_start(own, context), _closed(hub)]
        return made

    election = Election(tools.database, holder()) if controls else None
    return Elected(tools.database, election, context.feed, begin, _health)


async def _first_start(tools: Tools, context: ApiContext) -> Coroutine[Any, Any, None]:
    first = FirstSignIn(tools.database, tools.settings.data_dir / "run" / "first-sign-in")
    await composition.first_start(tools.database, tools.settings, tools.parts, first)
    return first.watch(context.feed)


async def _closed(hub: HubClient) -> None:
    """Close it in the end."""
    try:
        await asyncio.Event().wait()
    finally:
        await hub.close()


async def _health(found: Duties) -> list[Part]:
    return [*await found.engine.parts(), *found.health()]


def _probe(work: Alone | Elected, settings: Settings) -> Probe:
    async def probe() -> tuple[Part, ...]:
        found = await work.parts()
        if shortage := disk.shortage(settings.data_dir):
            found.append(Part(name="disk", status=State.DEGRADED, message=shortage, help="Make room there."))
        if settings.gateway_url:
            found.append(await gateway_health.part(settings.gateway_url))
        return tuple(found)

    return probe


def _reports(settings: Settings, database: Database, parts: EngineParts) -> ReportDesk | None:
    if parts.spool is None:
        return None
    from .kubernetes_parts import reports_key

    return ReportDesk(StoredPermits(database), parts.spool, reports_key(settings))


def service_tokens(secrets: Path) -> list[ServiceToken]:
    """The tokens of the platform's own services that the hub reads from the same files."""
    scopes = {role.service: role.scopes for role in SERVICE_ROLES}
    files = ((SPAWNER, "spawner.token"), (AUTHENTICATOR, "authenticator.token"), (GATEWAY, "gateway.token"))
    return [ServiceToken(name, secret_file(secrets / file), tuple(scopes[name])) for name, file in files]


async def run(services: Services, front: Front, stop: asyncio.Event) -> None:
    """Serve and control until ``stop``."""
    context = services.context
    await context.feed.start()
    if services.listener is not None:
        services.listener.start()
    works = (context.feed.run(), context.streams.run(), watch(context), services.work.run())
    tasks = [asyncio.create_task(work) for work in works]
    front.serve(make_application(context))
    await stop.wait()
    log.info("ending")
    context.streams.close()
    await front.close(IN_FLIGHT)
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


if __name__ == "__main__":
    sys.exit(main())
