"""The Engine over one namespace: a Job for each workload, and its sidecar's reports for all that outlives its pod."""

from __future__ import annotations

import asyncio
import json
import logging
import math
import os
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from primehub_services.domain import pod_reasons
from primehub_services.domain.claim_making import ClaimStorage
from primehub_services.domain.launch import LeftOut
from primehub_services.domain.pod_reasons import told_at
from primehub_services.domain.pods import INSTANCE, folder_trouble, pod_folders, selector
from primehub_services.domain.reports import EndReport
from primehub_services.domain.volumes import GitSource
from primehub_services.domain.workloads import (
    EngineRef,
    FileLimits,
    LogPiece,
    Observation,
    ObservedState,
    OwnedWorkload,
    UsageSample,
    WorkListing,
    Workload,
)
from primehub_services.sandbox.workfiles import ScratchFiles

from ..base import (
    Engine,
    EngineError,
    EngineUnavailable,
    FileSink,
    LogStreamer,
    UsageSampler,
    VolumeProvisioner,
    WorkFiles,
)
from .claim_watch import ClaimLook
from .claims import Claims
from .cluster import Cluster, ClusterRefusal, Json
from .manifests import KEY_LABEL, LEFT_OUT, MAIN, PodSettings, make_job, make_secret, name_of
from .metrics import sample_of
from .observing import ASKED_AT, STOP_AT, Seen, annotated, grace_of, observation
from .repositories import Repositories
from .repository_manifests import KIND as FETCHES
from .spared import Spared, waits_with
from .spool import Spool
from .sweeping import Sweeper
from .watching import Watched

log = logging.getLogger(__name__)
ARTIFACTS = "artifacts"
STOPPED_FLUSH_S = 60
"""Seconds that the sidecar of what was asked to end has, when its command has ended."""
SWEEP_S = 600.0
METRICS_KEPT_S = 8.0
"""Seconds for which metrics are not asked for anew: a cluster takes them every 15."""


class KubernetesEngine(Engine, LogStreamer, UsageSampler, WorkFiles, VolumeProvisioner):
    """One namespace of a cluster.

    ``run`` has to be running: it keeps the copy of the cluster's objects that most questions are answered from.
    ``token`` makes the token with which a workload's sidecar reports; ``in_pod`` is the text of ``runner/in_pod.sh``;
    ``look`` is where claims are looked at that pods wait for.
    """

    name = "kubernetes"
    image_sources = frozenset({"container"})

    def __init__(
        self,
        cluster: Cluster,
        settings: PodSettings,
        storage: ClaimStorage,
        spool: Spool,
        *,
        token: Callable[[str], str],
        in_pod: str,
        look: ClaimLook | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._cluster = cluster
        self._settings = settings
        self._spool = spool
        self._token = token
        self._in_pod = in_pod
        self._clock = clock
        self._claims = Claims(cluster, storage)
        self._spared = Spared(cluster, self.warnings, look)
        self._repositories = Repositories(cluster, settings, self._claims)
        kinds = f"primehub.io/kind notin (notebook,{FETCHES})"
        ours = {"labelSelector": f"{selector(settings.instance)},{kinds}"}
        self._jobs = Watched(cluster, "Job", ours, self._hint)
        self._pods = Watched(cluster, "Pod", ours, self._hint)
        self._events = Watched(cluster, "Event", {"fieldSelector": "type=Warning"}, self._hint_of_event)
        fetches = {"labelSelector": selector(settings.instance, kind=FETCHES)}
        self._sweeper = Sweeper(cluster, ours, fetches, spool)
        self._listeners: set[asyncio.Queue[str]] = set()
        self._samples: dict[str, UsageSample] = {}
        self._sampled_at = -math.inf

    async def run(self) -> None:
        """Watch, until cancelled."""
        watching = [watched.run() for watched in (self._jobs, self._pods, self._events)]
        await asyncio.gather(*watching, self._sweep())

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_S)
            try:
                await self.current()
                await self._sweeper.step(
                    {job["metadata"]["labels"][KEY_LABEL]: job for job in self._jobs.items.values()}
                )
            except (EngineUnavailable, ClusterRefusal) as error:
                log.warning("what crashes left cannot be swept just now: %s", error)
            except Exception:  # a disk that fails, say: nothing else would sweep until the process ends
                log.exception("what crashes left cannot be swept just now")

    # -- Engine

    async def apply(self, workload: Workload) -> AsyncIterator[EngineRef]:
        """See ``Engine``."""
        try:
            job = await self._cluster.get("Job", name_of(workload.key))
            if job is None:
                job = await self._make(workload)
            else:
                # whoever made it may have been cut off before the values were its own
                await self._give_values(workload, owner=job)
        except ClusterRefusal as refusal:
            why = pod_reasons.refusal(refusal.status, refusal.message)
            raise EngineError(why.text, code=why.code, final=why.final) from refusal
        self._jobs.put(job)
        yield _ref(job)

    async def _make(self, workload: Workload) -> Json:
        if not workload.plan.image_location:
            msg = f"The image {workload.plan.image} is no container image: choose another one."
            raise EngineError(msg, code="environment")
        await asyncio.to_thread(self._spool.begin, workload.key, workload.files)
        missing = {**await self._spared.missing(workload.plan), **await self._claims.ready(workload.plan.mounts)}
        if why := folder_trouble(workload.plan.mounts, workload.plan.group, missing):
            msg = f"The group folder cannot be mounted: {why.rstrip('.')}."
            raise EngineError(msg, code="volume")
        folders = pod_folders(workload.plan.mounts, missing, scratch=self._settings.scratch_capacity)
        # first the values, or the pod would come too early and wait for the next try
        await self._give_values(workload)
        job = await self._cluster.apply(make_job(workload, folders, self._settings, self._in_pod))
        # should the next be refused, who looks for what runs finds it
        self._jobs.put(job)
        await self._give_values(workload, owner=job)
        return job

    async def _give_values(self, workload: Workload, owner: Json | None = None) -> None:
        token = self._token(workload.key)
        await self._cluster.apply(make_secret(workload, token, self._settings, owner=owner))

    async def observe(self, refs: Collection[EngineRef]) -> Mapping[str, Observation]:
        """See ``Engine``."""
        if not refs:
            return {}
        await self.current()
        for ref in refs:
            if ref.name not in self._jobs.items:
                with _no_answer():
                    job = await self._cluster.get("Job", ref.name)
                if job is not None:  # newer than what the watch has told
                    self._jobs.put(job)
        return await self._observations([(ref.key, ref.name) for ref in refs])

    async def _observations(self, wanted: Sequence[tuple[str, str]]) -> dict[str, Observation]:
        told = await asyncio.to_thread(lambda: {key: self._told(key) for key, _ in wanted})
        pods, warnings = self._pods_by_key(), self._warnings_by_name()
        now = self._clock()
        found = {}
        for key, name in wanted:
            mine = pods.get(key, ())
            names = [name, *(pod["metadata"]["name"] for pod in mine)]
            said = sorted((w for n in names for w in warnings.get(n, ())), key=told_at)
            permitted, end = told[key]
            seen = observation(Seen(self._jobs.items.get(name), mine, said, end, permitted), now)
            found[key] = await self._spared.seen(seen, mine, said)
        return found

    def _told(self, key: str) -> tuple[bool, EndReport | None]:
        """Whether its sidecar has been let begin, and what it said last."""
        try:
            return self._spool.permitted(key), self._spool.end(key)
        except ValueError:  # no workload of ours has such a key
            return False, None

    def _end(self, key: str) -> EndReport | None:
        try:
            return self._spool.end(key)
        except ValueError:  # no workload of ours has such a key
            return None

    async def delete(self, ref: EngineRef, grace: float) -> None:
        """See ``Engine``."""
        await self.current()
        with _no_answer():
            job = self._jobs.items.get(ref.name) or await self._cluster.get("Job", ref.name)
            if job is None:
                return
            self._jobs.put(job)
            seen = (await self._observations([(ref.key, ref.name)]))[ref.key]
            if seen.state is ObservedState.EXITED:
                await self._drop(ref)
            elif seen.state is not ObservedState.ABSENT:
                await self._stop(job, ref, grace)

    async def _drop(self, ref: EngineRef) -> None:
        for pod in self._pods_by_key().get(ref.key, ()):
            # one whose node does not answer, or whose image never came, would hold its name for ever
            await self._cluster.delete("Pod", pod["metadata"]["name"], grace=1)
        await self._cluster.delete("Job", ref.name)
        self._jobs.forget(ref.name)
        self._samples.pop(ref.key, None)
        await asyncio.to_thread(self._spool.drop, ref.key)

    async def _stop(self, job: Json, ref: EngineRef, grace: float) -> None:
        """End the pod that there is, and suspend the Job, so that it makes none any more."""
        now = self._clock()
        stop_at = now + timedelta(seconds=grace)
        known = annotated(job, STOP_AT)
        # pods first: a Job that is suspended ends its pod by itself, with the longest time that there is, and a node
        # that has begun to end one is told of no shorter time
        await self._end_pods(job, ref, grace)
        if known is not None and known <= stop_at:
            return
        asked_at = annotated(job, ASKED_AT) or now
        marks = {ASKED_AT: asked_at.isoformat(), STOP_AT: stop_at.isoformat()}
        change = {"spec": {"suspend": True}, "metadata": {"annotations": marks}}
        changed = await self._cluster.patch("Job", ref.name, change)
        if changed is not None:
            self._jobs.put(changed)
            await self._end_pods(changed, ref, grace)

    async def _end_pods(self, job: Json, ref: EngineRef, grace: float) -> None:
        own = grace_of(job)
        query = {"labelSelector": f"{KEY_LABEL}={ref.key},{INSTANCE}={self._settings.instance}"}
        for pod in (await self._cluster.list_("Pod", query))[0]:
            if not _began(pod):
                seconds = 1  # there is nothing to end
            elif grace < own:
                seconds = max(1, math.ceil(grace))
            else:
                # in the pod the command is killed after its own grace; what is more is for the sidecar
                seconds = math.ceil(grace) + STOPPED_FLUSH_S
            until = pod["metadata"].get("deletionTimestamp")
            due = self._clock() + timedelta(seconds=seconds)
            if until is None or due + timedelta(seconds=2) < datetime.fromisoformat(until):
                await self._cluster.delete("Pod", pod["metadata"]["name"], grace=seconds)

    async def list_owned(self) -> Sequence[OwnedWorkload]:
        """See ``Engine``."""
        await self.current()
        jobs = [job for job in self._jobs.items.values() if KEY_LABEL in job["metadata"]["labels"]]
        refs = [_ref(job) for job in jobs]
        seen = await self._observations([(ref.key, ref.name) for ref in refs])
        return [
            OwnedWorkload(ref=ref, labels=job["metadata"]["labels"], observation=seen[ref.key])
            for ref, job in zip(refs, jobs, strict=True)
        ]

    async def changes(self) -> AsyncIterator[str]:
        """See ``Engine``. It begins with everything that there is."""
        heard: asyncio.Queue[str] = asyncio.Queue()
        for job in self._jobs.items.values():
            heard.put_nowait(job["metadata"]["labels"].get(KEY_LABEL, ""))
        self._listeners.add(heard)
        try:
            while True:
                yield await heard.get()
        finally:
            self._listeners.discard(heard)

    def heard(self, key: str) -> None:
        """A sidecar has said that nothing more comes."""
        for listener in self._listeners:
            listener.put_nowait(key)

    # -- what the copy says

    async def current(self) -> None:
        """Wait until what the watches know is of now. Raises ``EngineUnavailable``."""
        for watched in (self._jobs, self._pods, self._events):
            await watched.current()

    def warnings(self) -> Collection[Json]:
        """All that the cluster has lately warned of in the namespace, notebooks' pods included."""
        return self._events.items.values()

    def claim_changed(self, name: str) -> None:
        """Something is said of this claim: who waits for it is looked at."""
        for pod in [pod for pod in self._pods.items.values() if waits_with(pod, name)]:
            self._hint(pod)

    def _hint(self, item: Json) -> None:
        self.heard((item["metadata"].get("labels") or {}).get(KEY_LABEL, ""))

    def _hint_of_event(self, event: Json) -> None:
        name = (event.get("involvedObject") or {}).get("name", "")
        found = self._jobs.items.get(name) or self._pods.items.get(name)
        if found is not None:
            self._hint(found)

    def _pods_by_key(self) -> dict[str, list[Json]]:
        found: dict[str, list[Json]] = {}
        for pod in self._pods.items.values():
            found.setdefault(pod["metadata"]["labels"].get(KEY_LABEL, ""), []).append(pod)
        return found

    def _warnings_by_name(self) -> dict[str, list[Json]]:
        found: dict[str, list[Json]] = {}
        for event in self._events.items.values():
            found.setdefault((event.get("involvedObject") or {}).get("name", ""), []).append(event)
        return found

    # -- what sidecars reported

    async def read_log(self, ref: EngineRef, offset: int, limit: int) -> LogPiece:
        """See ``LogStreamer``."""
        chunk = await asyncio.to_thread(self._spool.read_log, ref.key, offset, limit)
        return LogPiece(data=chunk.data, start=chunk.start, next_offset=chunk.next_offset, size=chunk.size)

    def files(self, key: str) -> ScratchFiles:
        """What is known of a workload's scratch home."""
        return ScratchFiles(self._spool.home(key), os.getuid())

    async def list_files(self, ref: EngineRef, folder: str) -> WorkListing:
        """See ``WorkFiles``."""
        return await asyncio.to_thread(lambda: self._completed(ref.key, folder, self.files(ref.key).list_(folder)))

    async def read_file(self, ref: EngineRef, path: str, offset: int, limit: int) -> bytes | None:
        """See ``WorkFiles``."""
        return await asyncio.to_thread(self.files(ref.key).read, path, offset, limit)

    async def copy_out(self, ref: EngineRef, folder: str, sink: FileSink, limits: FileLimits) -> WorkListing:
        """See ``WorkFiles``."""
        found = await asyncio.to_thread(self.files(ref.key).copy_out, folder, sink, limits)
        return await asyncio.to_thread(self._completed, ref.key, folder, found)

    def _completed(self, key: str, folder: str, found: WorkListing) -> WorkListing:
        """The listing with what the sidecar did not send."""
        end = self._end(key)
        if end is None or folder != ARTIFACTS:
            return found
        return WorkListing(
            files=found.files,
            left_out=(*end.left_out, *found.left_out),
            left_out_count=end.left_out_count + found.left_out_count,
        )

    # -- usage

    async def usage(self, refs: Collection[EngineRef]) -> Mapping[str, UsageSample]:
        """See ``UsageSampler``. One question for all; a cluster without metrics has no samples."""
        now = asyncio.get_running_loop().time()
        if now - self._sampled_at > METRICS_KEPT_S:
            self._sampled_at = now
            await self._sample()
        return {ref.key: self._samples[ref.key] for ref in refs if ref.key in self._samples}

    async def _sample(self) -> None:
        query = {"labelSelector": selector(self._settings.instance)}
        try:
            found, _ = await self._cluster.list_("PodMetrics", query)
        except (ClusterRefusal, EngineUnavailable):
            return
        # somebody may have deleted a Job behind our back
        there = {job["metadata"]["labels"][KEY_LABEL] for job in self._jobs.items.values()}
        self._samples = {key: sample for key, sample in self._samples.items() if key in there}
        for metrics in found:
            key = (metrics["metadata"].get("labels") or {}).get(KEY_LABEL, "")
            before = self._samples.get(key)
            sample = sample_of(metrics, before)
            if key and sample is not None and (before is None or sample.at > before.at):
                self._samples[key] = sample

    # -- volumes

    async def provision(self, slug: str) -> None:
        """See ``VolumeProvisioner``."""
        await self._claims.provision(slug)

    async def fetch(self, slug: str, source: GitSource, secret: str | None) -> str:
        """See ``VolumeProvisioner``."""
        return await self._repositories.fetch(slug, source, secret)


def _ref(job: Json) -> EngineRef:
    metadata = job["metadata"]
    left_out = json.loads((metadata.get("annotations") or {}).get(LEFT_OUT, "[]"))
    return EngineRef(
        engine=KubernetesEngine.name,
        kind="Job",
        key=metadata["labels"][KEY_LABEL],
        name=metadata["name"],
        uid=metadata["uid"],
        left_out=tuple(LeftOut.model_validate(one) for one in left_out),
    )


@contextmanager
def _no_answer() -> Iterator[None]:
    """A refusal of what was taken before, and would be again, tells nothing of a workload: ``EngineUnavailable``."""
    try:
        yield
    except ClusterRefusal as refusal:
        raise EngineUnavailable(pod_reasons.refusal(refusal.status, refusal.message).text) from refusal


def _began(pod: Json) -> bool:
    """Whether the workload's container has been started."""
    found = (pod.get("status") or {}).get("containerStatuses") or ()
    return any(status["name"] == MAIN and "waiting" not in (status.get("state") or {"waiting": {}}) for status in found)
