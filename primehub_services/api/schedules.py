"""Recurring jobs."""

from __future__ import annotations

from typing import Any

from ..operations import jobs, schedules
from ..store.schedules import Filters
from .call import Call
from .registry import Run, read, write


async def _list(call: Call) -> Any:
    query = call.query
    return await call.read(schedules.list_, query, Filters(user=query.user, group=query.group, paused=query.paused))


async def _create(call: Call) -> Any:
    return await call.write(schedules.create, call.body, capacity=await call.context.capacity())


async def _update(call: Call) -> Any:
    return await call.write(schedules.update, call["schedule"], call.body, capacity=await call.context.capacity())


async def _put_snapshot(call: Call) -> Any:
    return await call.write(schedules.put_snapshot, call["schedule"], call.body, capacity=await call.context.capacity())


async def _run(call: Call) -> Any:
    job_id = await call.write(schedules.run, call["schedule"], capacity=await call.context.capacity())
    return await call.read(jobs.get, job_id)


HANDLERS: dict[str, Run] = {
    "schedules.list": _list,
    "schedules.create": _create,
    "schedules.get": read(schedules.get),
    "schedules.update": _update,
    "schedules.delete": write(schedules.delete),
    "schedules.run": _run,
    "schedules.firings": read(schedules.firings_of),
    "schedules.snapshot": _put_snapshot,
    "schedules.preview": read(schedules.preview),
}
