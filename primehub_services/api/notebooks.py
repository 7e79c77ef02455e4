"""What can be launched, what is in use, and notebooks."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from ..domain.notebooks import Notebook
from ..domain.problems import Invalid, Problem, Refused, Unavailable
from ..domain.results import UsageSeries
from ..hub import HubRefusal, HubUnavailable
from ..operations import launches, notebooks, system, usage
from ..store.notebooks import Filters
from .call import Call
from .context import ApiContext
from .registry import Run, read, write

log = logging.getLogger("primehub.api")
AN_HOUR = 3600
PATIENCE = 1.0
"""Seconds that an answer waits for the hub's; a start that takes longer is under way."""


async def _options(call: Call) -> Any:
    return await call.read(launches.options, call["group"], await call.context.capacity())


async def _check(call: Call) -> Any:
    if call.body.group != call["group"]:
        raise Invalid.field("group", f"The path says {call['group']!r}.", "Give the same group in both.")
    return await call.read(launches.check, call.body, await call.context.capacity())


async def _list(call: Call) -> Any:
    query = call.query
    return await call.read(notebooks.list_, query, Filters(user=query.user, group=query.group, active=query.active))


async def _start(call: Call) -> Any:
    notebook = await call.write(notebooks.start, call.body, await call.context.capacity())
    # the hub goes on where the client does not wait, and then the claim must still be given back if it refuses
    asking = call.context.background(_ask_hub(call.context, notebook))
    done, _ = await asyncio.wait({asking}, timeout=PATIENCE)
    if done:
        problem = asking.result()
        if problem is not None:
            raise problem
    return await call.read(notebooks.get, notebook.id)


async def _ask_hub(context: ApiContext, notebook: Notebook) -> Problem | None:
    options = {
        "group": notebook.group,
        "instance_type": notebook.instance_type,
        "image": notebook.image,
        "safe_mode": notebook.safe_mode,
        "start_id": notebook.id,
    }
    heard = True
    try:
        await context.hub.start_server(notebook.user, notebook.server_name, options)
    except HubRefusal as refusal:
        problem: Problem = Refused(refusal.message) if refusal.status < 500 else Unavailable(refusal.message)
    except HubUnavailable as error:
        heard = False
        problem = Unavailable(f"{error} The notebook was not started. Try again in a moment.")
    else:
        return None
    given_up = await context.database.write(notebooks.abandon, notebook.id, problem.detail)
    if not (given_up or heard):
        return None  # the hub has it, only its answer was lost
    log.info("start %s was not taken up by the hub: %s", notebook.id, problem.detail)
    return problem


async def _keep(call: Call) -> Any:
    seconds = call.body.seconds
    if seconds is None:
        seconds = min(AN_HOUR, (await call.read(system.get)).keep_max)
    return await call.write(notebooks.keep, call["notebook"], seconds)


async def _usage(call: Call) -> UsageSeries:
    notebook: Notebook = await call.read(notebooks.get, call["notebook"])
    points = await asyncio.to_thread(call.context.usage.read, notebook.id, None)
    return UsageSeries(attempt=0, limits=notebook.limits, points=tuple(points))


HANDLERS: dict[str, Run] = {
    "usage.platform": read(usage.platform),
    "usage.group": read(usage.group),
    "launches.options": _options,
    "launches.check": _check,
    "notebooks.list": _list,
    "notebooks.start": _start,
    "notebooks.get": read(notebooks.get),
    "notebooks.stop": write(notebooks.stop),
    "notebooks.keep": _keep,
    "notebooks.usage": _usage,
}
