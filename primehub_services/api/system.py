"""The platform itself: settings, announcements, audit, state, numbers."""

from __future__ import annotations

import hmac
import json
from datetime import UTC, datetime
from functools import cache
from typing import Any

from .. import __version__
from ..domain.problems import Unavailable
from ..hub import HubRefusal, HubUnavailable
from ..operations import announcements, audit, platform, system
from .call import Call
from .context import ApiContext
from .registry import Run, read, write
from .replies import Engine, Health, Part, State, Status, Version


@cache
def _document() -> bytes:
    from .openapi import document

    return json.dumps(document()).encode()


async def _openapi(call: Call) -> Any:
    call.handler.set_header("Content-Type", "application/json")
    return _document()


async def _version(call: Call) -> Any:
    return Version(version=__version__)


async def _branding(call: Call) -> Any:
    found = await call.context.database.read(system.branding)
    call.tag(found.version)  # the hub asks all the time, and a logo is large
    return found


async def parts(context: ApiContext) -> tuple[Part, ...]:
    """Every part as it is now, and since when it has not been well."""
    found = (await _database_part(context), await _hub_part(context), *await context.probe())
    return context.troubles.mark(found, datetime.now(UTC))


async def _database_part(context: ApiContext) -> Part:
    kind = "SQLite" if context.database.is_sqlite else "PostgreSQL"
    try:
        await context.database.read(platform.alive)
    except Exception as error:
        return Part(
            name="database",
            status=State.DEGRADED,
            message=str(error)
            if isinstance(error, Unavailable)
            else f"{kind} does not answer ({type(error).__name__}).",
            help="Look at the services' log, and whether the disk is full.",
        )
    return Part(name="database", status=State.OK, message=kind)


async def _hub_part(context: ApiContext) -> Part:
    try:
        version = await context.hub.version()
    except (HubUnavailable, HubRefusal) as error:
        return Part(
            name="hub",
            status=State.DEGRADED,
            message=str(error),
            help="Running notebooks go on. primehub status shows whether the hub is being started again.",
        )
    return Part(name="hub", status=State.OK, message=f"JupyterHub {version}")


async def _health(call: Call) -> Any:
    # anyone may ask: nothing is measured for it that takes more than a question
    parts = (await _database_part(call.context), await _hub_part(call.context))
    return Health(status=State.OK if all(p.status is State.OK for p in parts) else State.DEGRADED)


async def _status(call: Call) -> Any:
    await call.read(platform.require_admin)
    context = call.context
    found = await parts(context)
    hub = next(p.message for p in found if p.name == "hub")
    degraded = any(p.status is State.DEGRADED for p in found)
    return Status(
        status=State.DEGRADED if degraded else State.OK,
        parts=found,
        engine=context.engine,
        versions={"primehub": __version__, "hub": hub.removeprefix("JupyterHub ")},
        started_at=context.started_at,
    )


async def _engine(call: Call) -> Any:
    await call.read(system.get)  # who may read the settings may know this
    context = call.context
    policy = context.volume_policy
    return Engine(
        name=context.engine,
        images=tuple(sorted((await context.capacity()).image_types)),
        volumes=tuple(sorted(policy.accepts)),
        existing_claims=policy.existing_claims,
    )


async def _metrics(call: Call) -> Any:
    context = call.context
    sent = call.handler.request.headers.get("Authorization", "").partition(" ")[2]
    by_token = bool(context.metrics_token) and hmac.compare_digest(sent.encode(), context.metrics_token.encode())
    if not by_token:
        await call.authenticate()
        await call.read(platform.require_admin)
    counts = await context.database.read(platform.counts)
    context.metrics.take(claims=counts.claims, notebooks=counts.notebooks, totals=counts.totals)
    context.metrics.streams.set(len(context.streams))
    call.handler.set_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
    return context.metrics.text()


async def _audit(call: Call) -> Any:
    q = call.query
    return await call.read(audit.list_, q, actor=q.actor, action=q.action, group=q.group, since=q.since, until=q.until)


async def _announcements(call: Call) -> Any:
    return await call.read(announcements.list_, call.query, all=call.query.all)


HANDLERS: dict[str, Run] = {
    "system.openapi": _openapi,
    "system.version": _version,
    "system.branding": _branding,
    "system.health": _health,
    "system.status": _status,
    "system.engine": _engine,
    "system.metrics": _metrics,
    "system.settings": read(system.get),
    "system.update_settings": write(system.update),
    "audit.list": _audit,
    "announcements.list": _announcements,
    "announcements.create": write(announcements.create),
    "announcements.delete": write(announcements.delete),
}
