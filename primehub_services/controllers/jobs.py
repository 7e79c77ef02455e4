"""Runs the attempts that the queue made, and ends them.

Each attempt is advanced by a task of its own, one at a time for each, so that none waits for another's slow end. A
task reads what is written, looks at the engine, and does the one thing that ``domain.job_life`` says, until there is
nothing to do. Everything is committed before what follows from it, so it may be cut off anywhere.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ..domain.job_life import MOST, Act, Ending, Seen, Step, decide_attempt, grace_of
from ..domain.jobs import ArtifactSummary, JobPhase, JobReason, JobSpec
from ..domain.launch import LaunchPlan, WorkloadKind
from ..domain.workloads import EngineRef, InputFile, Observation, ObservedState
from ..engines.base import Engine, EngineError, EngineUnavailable
from ..operations import job_starts
from ..store import jobs
from ..store.database import Database
from ..store.unit_of_work import UnitOfWork
from .job_ports import EndedAttempt, Kept, ResultsKeeper, SecretResolver
from .job_waits import Runs, Waits
from .job_workloads import make_workload, notebook_files
from .runner import SHORTEST_WAIT, Every

log = logging.getLogger(__name__)
KIND = "primehub.io/kind"
AT_ONCE = 8
"""Attempts that are being advanced at the same time."""
FINISH_AT_ONCE = 4
"""Attempts that are being finished at the same time, on lanes of their own: keeping a lot takes long, and nobody's start
or stop waits for it. Fewer than a small machine has threads."""
SWEEP_EVERY = timedelta(seconds=5)
LOOKS_A_SECOND = 100
"""Attempts that are looked at without a hint, on average: of more than 200, all are looked at less often than by default."""
LONGEST_LOOK = 15.0
"""Seconds between two looks at all attempts at most: a time limit may be overstepped by so long."""
LONGEST_PAUSE = 30.0
KEEP_TRIES = 20
"""Tries to keep an attempt's results, some ten minutes; then it ends without, or its quota would be held for ever. Those
that fail since the engine cannot be asked do not count."""
_ABSENT = Observation(state=ObservedState.ABSENT)
_UNKNOWN = Observation(state=ObservedState.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Living:
    """An attempt that has not ended, as it is written."""

    id: str
    job_id: str
    number: int
    phase: JobPhase
    refs: tuple[EngineRef, ...]
    ending: Ending | None
    started_at: datetime | None
    cancel: str | None
    timeout: int
    said: str
    """What is written about why it does not run yet."""


@dataclass(frozen=True, slots=True)
class Start:
    """What is needed to start an attempt."""

    plan: LaunchPlan
    spec: JobSpec
    account_id: str
    group_id: str
    snapshot: str | None
    """Format of the notebook's snapshot; None where there is none, or not any more."""
    member: str


@dataclass(slots=True)
class _Trouble:
    """How often in a row an attempt could not be advanced, and when it is tried again."""

    failures: int
    until: float


class JobController:
    """Every two seconds, on every change of a job, and as soon as the engine says that one has ended; at more than some
    hundreds of attempts less often (``LOOKS_A_SECOND``).

    ``snapshots`` is the folder of uploaded notebooks.
    """

    name = "jobs"
    interval = 2.0
    hints = frozenset({"job"})

    def __init__(
        self,
        database: Database,
        engine: Engine,
        results: ResultsKeeper,
        secrets: SecretResolver,
        *,
        snapshots: Path,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._engine = engine
        self._results = results
        self._secrets = secrets
        self._snapshots = snapshots
        self._clock = clock
        self._steady = steady
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._again: set[str] = set()
        self._trouble: dict[str, _Trouble] = {}
        self._waits = Waits()
        self._runs = Runs()
        self._unkept: dict[str, int] = {}
        """How often the results of an attempt could not be kept."""
        self._room = asyncio.Semaphore(AT_ONCE)
        self._finishing = asyncio.Semaphore(FINISH_AT_ONCE)
        self._look = Every(_pause(self.interval))
        self._sweeping = Every(SWEEP_EVERY)

    async def step(self, now: datetime) -> None:
        """Look at every attempt and begin to advance those where something is to be done.

        Between two full looks, only at those that wait for something to be done. Raises ``EngineUnavailable``.
        """
        full = self._look.due(now)
        living = await self._database.read(load, not full)
        if not full:
            living = [one for one in living if not one.refs or one.ending is not None or one.cancel is not None]
        observed = await self._observe(living)
        for one in living:
            if decide_attempt(self._seen(one, observed[one.id])).act is not Act.NOTHING:
                self._advance_soon(one.id)
        if full:
            known = {one.id for one in living}
            self._waits.keep(known)
            self._runs.keep(known)
            await self._sweep(now)
            self._look.done(now)
            self._look.pause = _pause(max(self.interval, min(len(living) / LOOKS_A_SECOND, LONGEST_LOOK)))

    async def settled(self) -> None:
        """Wait until nothing is being done about any attempt."""
        while self._tasks:
            await asyncio.wait(list(self._tasks.values()))

    async def listen(self) -> None:
        """Advance attempts as soon as the engine says that something happened to them. Until cancelled."""
        while True:
            try:
                async for key in self._engine.changes():
                    self._advance_soon(key)
            except Exception as error:  # only hints: the next full look sees what was missed
                log.warning("the engine tells no changes just now: %s", error)
            await asyncio.sleep(1)

    # -- one attempt

    def _advance_soon(self, attempt_id: str) -> None:
        if attempt_id in self._tasks:
            self._again.add(attempt_id)
            return
        trouble = self._trouble.get(attempt_id)
        if trouble is not None and asyncio.get_running_loop().time() < trouble.until:
            return
        self._tasks[attempt_id] = asyncio.get_running_loop().create_task(self._advance(attempt_id))

    async def _advance(self, attempt_id: str) -> None:
        try:
            async with self._room:
                over = await self._as_far_as_it_goes(attempt_id)
            if over is not None:
                async with self._finishing:
                    await self._finish(*over)
            self._trouble.pop(attempt_id, None)
        except Exception as error:
            self._failed(attempt_id, error)
        finally:
            del self._tasks[attempt_id]
            if attempt_id in self._again:
                self._again.discard(attempt_id)
                self._advance_soon(attempt_id)

    def _failed(self, attempt_id: str, error: Exception) -> None:
        known = self._trouble.get(attempt_id)
        failures = 1 if known is None else known.failures + 1
        pause = min(LONGEST_PAUSE, 0.5 * float(2 ** min(failures, 10)))
        self._trouble[attempt_id] = _Trouble(failures, asyncio.get_running_loop().time() + pause)
        if failures == 1 and not isinstance(error, EngineUnavailable):
            log.error("the attempt %s cannot be advanced", attempt_id, exc_info=error)
        else:
            log.warning("the attempt %s cannot be advanced (%d times): %s", attempt_id, failures, error)

    async def _as_far_as_it_goes(self, attempt_id: str) -> tuple[Living, Observation] | None:
        """Do one thing after the other, up to the finish; what is to be finished, and what was seen of it."""
        while (found := await self._database.read(load_one, attempt_id)) is not None:
            one = await self._with_what_runs(found)
            seen = (await self._observe([one]))[one.id]
            step = decide_attempt(self._seen(one, seen))
            if step.act is Act.FINISH:
                return one, seen
            if not await self._act(one, seen, step):
                return None
        return None

    async def _with_what_runs(self, one: Living) -> Living:
        """The attempt with the workload that the engine has of it: it may have been killed before that was written.

        Only what is to end is looked for. Raises ``EngineUnavailable``: whether anything runs is not known then.
        """
        if one.refs or (one.ending is None and one.cancel is None):
            return one
        owned = await self._engine.list_owned()
        return replace(one, refs=tuple(o.ref for o in owned if o.ref.key == one.id))

    async def _act(self, one: Living, seen: Observation, step: Step) -> bool:
        """Whether there may be another thing to do right away."""
        match step.act:
            case Act.APPLY:
                await self._apply(one)
            case Act.NOTE:
                assert step.phase is not None
                await self._database.write(job_starts.note_phase, one.id, step.phase, seen)
            case Act.DECIDE:
                assert step.ending is not None
                await self._database.write(job_starts.decide_end, one.id, step.ending)
            case Act.STOP:
                for ref in one.refs:
                    await self._engine.delete(ref, grace_of(one.cancel))
                return False
            case _:
                return False
        return True

    async def _apply(self, one: Living) -> None:
        start = await self._database.read(load_start, one.id)
        if start is None:
            return
        found = await self._secrets.resolve(start.spec, start.account_id, start.group_id)
        if found.missing:
            await self._fail(
                one, JobReason.INVALID, f"It may not use these secrets any more: {', '.join(found.missing)}."
            )
            return
        files: Mapping[str, InputFile] = {}
        if start.spec.notebook is not None:
            snapshot = self._snapshots / start.spec.notebook.snapshot
            if start.snapshot is None or not await asyncio.to_thread(snapshot.is_file):
                await self._fail(one, JobReason.INVALID, "The notebook that was uploaded for it is gone.")
                return
            files = notebook_files(one.job_id, start.spec, snapshot, start.member)
        workload = make_workload(start.plan, start.spec, found.values, files)
        try:
            async for ref in self._engine.apply(workload):
                if not await self._database.write(job_starts.add_ref, one.id, ref):
                    break
        except EngineError as error:
            await self._refused(one, error)

    async def _refused(self, one: Living, error: EngineError) -> None:
        if error.final is False:
            ending = Ending(phase=JobPhase.PENDING, reason=JobReason.NOT_PLACED, message=str(error)[:MOST])
            await self._database.write(job_starts.decide_end, one.id, ending)
        elif error.code == "environment":
            await self._fail(one, JobReason.IMAGE, str(error))
        else:
            await self._fail(one, JobReason.INVALID if error.final else JobReason.START_ERROR, str(error))

    async def _fail(self, one: Living, reason: JobReason, message: str) -> None:
        ending = Ending(phase=JobPhase.FAILED, reason=reason, message=message[:MOST])
        await self._database.write(job_starts.decide_end, one.id, ending)

    async def _finish(self, one: Living, seen: Observation) -> None:
        kept = await self._keep(one)
        await self._database.write(
            job_starts.end_attempt,
            one.id,
            seen,
            artifacts=kept.artifacts,
            progress=kept.progress,
            better=kept.end,
        )
        self._unkept.pop(one.id, None)
        for ref in one.refs:
            await self._engine.delete(ref, 0)

    async def _keep(self, one: Living) -> Kept:
        if not one.refs:
            return Kept()
        try:
            return await self._results.keep(EndedAttempt(one.id, one.job_id, one.number, one.refs[-1]))
        except EngineUnavailable:
            # it has them still: there is something to wait for
            raise
        except Exception as error:
            self._unkept[one.id] = self._unkept.get(one.id, 0) + 1
            if self._unkept[one.id] < KEEP_TRIES:
                raise
            log.exception("the results of %s cannot be kept: it ends without", one.id)
            why = f"Its results could not be kept, in {KEEP_TRIES} tries: {str(error) or type(error).__name__}"
            return Kept(artifacts=ArtifactSummary(message=why[:1500]))

    # -- looking

    async def _observe(self, living: Sequence[Living]) -> Mapping[str, Observation]:
        """What the engine sees of each; UNKNOWN where it cannot be asked."""
        refs = [one.refs[-1] for one in living if one.refs]
        found: dict[str, Observation] = {}
        if refs:
            try:
                found = dict(await self._engine.observe(refs))
            except EngineUnavailable as error:
                log.warning("the engine cannot be asked: %s", error)
                found = {ref.key: _UNKNOWN for ref in refs}
        return {one.id: found.get(one.refs[-1].key, _UNKNOWN) if one.refs else _ABSENT for one in living}

    def _seen(self, one: Living, observation: Observation) -> Seen:
        now = self._clock()
        began = one.started_at or observation.started_at
        waited, pending = self._waits.seen(one.id, observation, now)
        ran = None
        if began is not None:
            ran = self._runs.seen(one.id, (now - began).total_seconds(), self._steady())
        return Seen(
            phase=one.phase,
            applied=bool(one.refs),
            ending=one.ending,
            cancel=one.cancel,
            observation=observation,
            waited=waited,
            pending=pending,
            ran=ran,
            timeout=one.timeout,
            said=one.said,
        )

    async def _sweep(self, now: datetime) -> None:
        """End workloads of jobs that no living attempt owns, and drop what has ended of them.

        They are listed before the attempts are read: an attempt is always older than its workload.
        """
        if not self._sweeping.due(now):
            return
        owned = [o for o in await self._engine.list_owned() if o.labels.get(KIND) == WorkloadKind.JOB.value]
        living = await self._database.read(jobs.living, [o.ref.key for o in owned])
        for one in owned:
            if one.ref.key in living or one.ref.key in self._tasks:
                continue
            if one.observation.state is not ObservedState.EXITED:
                log.warning("the workload %s belongs to no attempt: it is stopped", one.ref.key)
            await self._engine.delete(one.ref, grace_of(None))
        self._sweeping.done(now)


def _pause(interval: float) -> timedelta:
    return timedelta(seconds=interval - SHORTEST_WAIT)


def load(uow: UnitOfWork, waiting: bool = False) -> list[Living]:
    """Every attempt that has not ended; ``waiting``: but those that simply run."""
    return [_living(found) for found in jobs.live_attempts(uow, waiting=waiting)]


def load_one(uow: UnitOfWork, attempt_id: str) -> Living | None:
    """One attempt; None where it has ended."""
    found = jobs.live_attempt(uow, attempt_id)
    return None if found is None else _living(found)


def _living(row: jobs.AttemptLife) -> Living:
    return Living(
        id=row.id,
        job_id=row.job_id,
        number=row.number,
        phase=JobPhase(row.phase),
        refs=tuple(job_starts.refs_of(row)),
        ending=None if row.ending is None else Ending.model_validate(row.ending),
        started_at=row.started_at,
        cancel=row.cancel_requested,
        timeout=row.timeout,
        said=row.message,
    )


def load_start(uow: UnitOfWork, attempt_id: str) -> Start | None:
    """What is needed to start an attempt; None where it has ended."""
    found = jobs.live_plan(uow, attempt_id)
    named = None if found is None else jobs.find(uow, found[0])
    if found is None or named is None:
        return None
    row = named.row
    snapshot = jobs.snapshot(uow, row.snapshot_id) if row.snapshot_id else None
    return Start(
        plan=LaunchPlan.model_validate(found[1]),
        spec=jobs.spec_of(row),
        account_id=row.account_id,
        group_id=row.group_id,
        snapshot=None if snapshot is None else snapshot.format,
        member=snapshot.name if snapshot is not None and snapshot.format == "zip" else "",
    )
