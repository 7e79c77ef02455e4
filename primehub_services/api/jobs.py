"""Jobs: submit, look, cancel, rerun, delete."""

from __future__ import annotations

import asyncio
from typing import Any

from ..operations import jobs, queue_places
from ..store.jobs import Filters
from .call import Call
from .registry import Run, write
from .table_jobs import JobCountsQuery, JobQuery


async def _list(call: Call) -> Any:
    query: JobQuery = call.query
    filters = Filters(
        user=query.user,
        group=query.group,
        phase=query.phase,
        active=query.active,
        schedule=query.schedule,
        kind=query.kind,
        since=query.since,
    )
    return await call.read(jobs.list_, query, filters)


async def _counts(call: Call) -> Any:
    query: JobCountsQuery = call.query
    return await call.read(jobs.counts, query.search, Filters(group=query.group, since=query.since))


async def _get(call: Call) -> Any:
    return await call.read(queue_places.of_job, call["job"], await call.context.capacity())


async def _submit(call: Call) -> Any:
    return await call.write(jobs.submit, call.body, await call.context.capacity())


async def _check(call: Call) -> Any:
    return await call.read(queue_places.of_check, call["group"], call.body, await call.context.capacity())


async def _rerun(call: Call) -> Any:
    return await call.write(jobs.rerun, call["job"], await call.context.capacity())


async def _delete(call: Call) -> Any:
    # what was kept goes first: cut off in between, the job is still there to be deleted once more
    await call.read(jobs.check_ended, call["job"])
    await asyncio.to_thread(call.context.blobs.delete_job, call["job"])
    return await call.write(jobs.delete, call["job"])


HANDLERS: dict[str, Run] = {
    "jobs.list": _list,
    "jobs.counts": _counts,
    "jobs.submit": _submit,
    "jobs.check": _check,
    "jobs.get": _get,
    "jobs.delete": _delete,
    "jobs.cancel": write(jobs.cancel),
    "jobs.rerun": _rerun,
}
