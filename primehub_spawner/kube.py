"""Notebook servers as pods of a Kubernetes cluster, made by KubeSpawner."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlparse

from jupyterhub.spawner import SpawnException
from kubernetes_asyncio.client import ApiException
from kubespawner import KubeSpawner
from kubespawner.reflector import ResourceReflector
from traitlets import Bool, Dict, Instance, Unicode, default

from primehub_services.domain import notebook_pods, pod_reasons
from primehub_services.domain.claim_making import ClaimStorage
from primehub_services.domain.launch import LaunchPlan, MountKind
from primehub_services.domain.pod_reasons import PodReason
from primehub_services.domain.pod_security import Ids, PodSecurity
from primehub_services.domain.pods import claims_needed, home_claim, pod_folders

from . import kube_render
from .base import PrimeHubSpawnerMixin
from .kube_api import UNREACHED, Cluster, message_of, reason_of, short
from .kube_claims import missing_claims
from .kube_mounts import CannotMount, Storage
from .kube_room import Room
from .server import LAST_WORDS, answers

PATIENCE = notebook_pods.OUT_OF_REACH.total_seconds() + 20
"""Seconds, beyond its grace, that an end is waited for: a node that does not say so by then is given up."""
FORBIDDEN = frozenset({"quota", "pod-security", "limit-range", "invalid"})
"""What the cluster refuses of a pod for what it asks for."""
LOOK_EVERY = 0.2
"""Seconds between two looks at a pod that starts or ends."""
WATCH_EVERY = 5.0
"""Seconds between two looks at whether the watches go on, while a pod starts."""
UNMAKE_S = 60.0
"""Seconds that a pod which never began may take to go."""
IMAGE_PATIENCE = 60.0
"""Seconds for which an image that cannot be pulled is tried again."""
ABANDONED = "The hub was started anew while it waited for a node. Start it again."
AWAY = "The cluster does not answer just now. What runs keeps running; try again in a minute."


class PrimeHubKubeSpawner(PrimeHubSpawnerMixin, KubeSpawner):
    """A cluster: a server is a pod, known by its start's name, which outlives the hub and keeps its end to be read."""

    workload_api_url = Unicode(help="Where servers reach PrimeHub's API; empty is where the hub does.").tag(config=True)
    instance = Unicode("primehub", help="As settings.kubernetes.instance.").tag(config=True)
    scratch_capacity = Unicode(help="As settings.kubernetes.scratch_capacity.").tag(config=True)
    group_storage_class = Unicode(help="As settings.kubernetes.group_storage_class.").tag(config=True)
    group_capacity = Unicode("10Gi", help="As settings.kubernetes.group_capacity.").tag(config=True)
    read_only_root = Bool(help="As settings.kubernetes.read_only_root.").tag(config=True)

    # claims are ours to make, and nobody's to delete; an ended pod stays until its log is kept
    storage_pvc_ensure = False
    delete_pvc = False
    delete_stopped_pods = False

    cluster = Instance(Cluster)
    room: Room | None = None
    why = Dict(help="Why a start failed, by its id, where its pod cannot say it.")
    unmade = Bool(help="Whether the start has no pod yet, since a quota of the cluster does not let it in.")
    running_plan: LaunchPlan | None = None
    _configured: dict[str, Any] | None = None

    @default("cluster")
    def _cluster(self) -> Cluster:
        return Cluster(self.api, self.namespace)

    def reserve(self) -> None:
        """The pod's name."""
        self.pod_name = notebook_pods.pod_name(self.start_id)
        self.dns_name = self.dns_name_template.format(namespace=self.namespace, name=self.pod_name)

    async def launch(self, plan: LaunchPlan) -> str:
        """Make the claims and the pod, tell what happens to it, and wait until the server answers or ends."""
        self.running_plan = plan
        # what the hub gives up itself has no reason
        deadline = time.monotonic() + max(self.start_timeout - 5, 5)
        try:
            url = await self._run(plan, await self._missing(plan), deadline)
            await self._until_it_answers(url, plan, deadline)
        except SpawnException as failure:
            self.why = {plan.start_id: failure.message}
            raise
        finally:
            self.running_plan = None
        return url

    async def _run(self, plan: LaunchPlan, missing: dict[str, str], deadline: float) -> str:
        """Make the pod, and make it anew without what its node cannot mount; its URL once it runs."""
        while True:
            self._take_up(plan, missing)
            starting = asyncio.ensure_future(self._begin())
            try:
                return await self._follow(starting, plan, deadline, missing)
            except CannotMount as failed:
                missing |= failed.why
                await self._unmake(failed, min(UNMAKE_S, deadline - time.monotonic()))
            finally:
                starting.cancel()

    async def _begin(self) -> Any:
        """KubeSpawner's start, with watches that go on meanwhile."""
        await self._watch()
        starting = KubeSpawner.start(self)
        try:
            while not (await asyncio.wait([starting], timeout=WATCH_EVERY))[0]:
                with suppress(*UNREACHED, ApiException):
                    await self._watch()
            return await starting
        finally:
            starting.cancel()

    async def _unmake(self, failed: CannotMount, patience: float) -> None:
        try:
            await self.cluster.delete_pod(self.pod_name, 1)
            await self._until_gone(self.pod_name, patience, counts=lambda _: True)
        except (*UNREACHED, ApiException) as error:
            text = f"A volume holds it up, and the pod that waits for it does not end: {failed}."
            raise SpawnException(text, reason="volume", status_code=503) from error

    async def halt(self, *, now: bool) -> None:
        """End the server, and leave its pod to be read: PrimeHub keeps the log, and deletes it then."""
        if not self.start_id:
            return
        name = notebook_pods.pod_name(self.start_id)
        try:
            pod = await self.cluster.pod(name)
            if pod is None:
                return
            if now or not notebook_pods.began(pod):
                await self.cluster.delete_pod(name, 1 if now else notebook_pods.GRACE)
            elif _alive(pod) and not notebook_pods.asked(pod):
                await self.cluster.end_pod(name)
            await self._until_gone(name, notebook_pods.GRACE + PATIENCE)
        except ApiException as error:
            raise RuntimeError(self._refusal_of(error).text) from error

    async def poll(self) -> int | None:
        """None while the pod may run, else the server's exit code (1 where nobody knows it)."""
        if not self.start_id:
            return 0
        try:
            pod = await self._seen(self.pod_name)
        except (*UNREACHED, ApiException) as error:
            # nothing may be concluded from that
            self.log.warning("The cluster does not say whether %s runs: %s", self._log_name, short(error))
            return None
        if pod is None:
            if self._check_pending and self.unmade:
                self.why = {self.start_id: ABANDONED}
            return 1
        if self._check_pending and not pod["spec"].get("nodeName"):
            # the hub that followed this start is gone; this one would hold its owner up for http_timeout, and then end it
            self.why = {self.start_id: ABANDONED}
            return 1
        if _alive(pod):
            return None
        code, _ = notebook_pods.ending(pod, datetime.now(UTC))
        return 1 if code is None else code

    async def gone(self, start_id: str) -> bool:
        """Whether the cluster has nothing alive of this start; not by what was seen a while ago."""
        try:
            pod = await self.cluster.pod(notebook_pods.pod_name(start_id))
        except (*UNREACHED, ApiException):
            return False
        return pod is None or not _alive(pod)

    async def ending(self, start_id: str) -> tuple[int | None, str]:
        """What the pod says of its end, or why it never began."""
        if start_id in self.why:
            return 1, str(self.why[start_id])
        try:
            pod = await self.cluster.pod(notebook_pods.pod_name(start_id))
        except (*UNREACHED, ApiException):
            return None, ""
        return (None, "") if pod is None else notebook_pods.ending(pod, datetime.now(UTC))

    async def get_url(self) -> str:
        """Where the server is, also when the hub was restarted before it had noted that."""
        try:
            pod = await self._seen(self.pod_name)
        except (*UNREACHED, ApiException):
            pod = None
        return str(self._get_pod_url(pod)) if pod and pod["status"].get("podIP") else str(self.server.url)

    def get_state(self) -> dict[str, Any]:
        """And whether it waits for room in a quota: a hub that comes back finds no pod then."""
        state: dict[str, Any] = super().get_state()
        return state | ({"unmade": True} if self.unmade else {})

    def load_state(self, state: dict[str, Any]) -> None:
        """See ``get_state``."""
        super().load_state(state)
        self.unmade = bool(state.get("unmade"))

    def get_env(self) -> dict[str, Any]:
        """The variables of the server, as a pod's manifest has them."""
        env: dict[str, Any] = super().get_env()
        env["PRIMEHUB_API_URL"] = self.workload_api_url or self.api_url
        plan = self.running_plan
        return env if plan is None else kube_render.environment(plan, env)

    def progress(self) -> Any:
        """PrimeHub's steps, not KubeSpawner's events."""
        return PrimeHubSpawnerMixin.progress(self)

    def _take_up(self, plan: LaunchPlan, missing: Mapping[str, str]) -> None:
        """Set the traits of this start, from nothing of the one before."""
        self.room = Room(self.claims, plan.start_id, refusal=self._refusal_of, tell=self._wait)
        if self._configured is None:
            names = (*kube_render.MERGED, *kube_render.REPLACED, *kube_render.ADDED, *kube_render.IDS)
            self._configured = {name: getattr(self, name) for name in names}
        folders = pod_folders(plan.mounts, missing, scratch=self.scratch_capacity)
        for left_out in folders.left_out:
            self.note_without(35, left_out)
        found = kube_render.traits(
            plan,
            folders,
            instance=self.instance,
            ids=Ids(*(self._id(name) for name in kube_render.IDS)),
            scratch=self.scratch_capacity,
            read_only_root=self.read_only_root,
            configured=self._configured,
        )
        for name, value in found.items():
            setattr(self, name, value)

    def _id(self, name: str) -> int | None:
        """A number that an administrator configured, or a function that says it of this server."""
        assert self._configured is not None
        given = self._configured[name]
        found: int | None = given(self) if callable(given) else given
        return found

    async def _missing(self, plan: LaunchPlan) -> dict[str, str]:
        """The claims that cannot be mounted. Raises ``SpawnException`` where the person's own files are among them."""
        storage = ClaimStorage(
            instance=self.instance,
            home_class=self.storage_class or "",
            group_class=self.group_storage_class,
            group_capacity=self.group_capacity,
        )
        try:
            missing = await missing_claims(self.cluster, claims_needed(plan.mounts), storage)
        except ApiException as error:
            raise self._refused(self._refusal_of(error)) from error
        except UNREACHED as error:
            raise SpawnException(AWAY, reason="cluster-away", status_code=503) from error
        homes = [home_claim(mount.slug) for mount in plan.mounts if mount.kind is MountKind.HOME]
        for name in homes:
            if name in missing:
                text = f"Your own files cannot be reached: {missing[name].rstrip('.')}. {pod_reasons.ASK}"
                raise SpawnException(text, reason="volume", status_code=503)
        return missing

    async def _follow(
        self, starting: asyncio.Future[Any], plan: LaunchPlan, deadline: float, missing: Collection[str] = ()
    ) -> str:
        """Tell the steps until the pod runs, and return its URL. Raises ``SpawnException`` where it cannot run, and
        ``CannotMount`` where it could without a volume."""
        storage = Storage(self.cluster, plan, missing)
        told: set[str] = set()
        image_fails_since = 0.0
        while True:
            await asyncio.wait([starting], timeout=LOOK_EVERY)
            pod = self._reflected(self.pod_name)
            for step in kube_render.steps(pod, self.events):
                if step.message not in told:
                    told.add(step.message)
                    self.note(step.progress, step.stage, step.message)
            if starting.done() and not (pod and not _alive(pod)):
                return await self._started(starting)
            if pod and pod["status"].get("podIP") and self.is_pod_running(pod):
                # KubeSpawner itself looks less and less often, and would see it seconds later
                return str(self._get_pod_url(pod))
            if pod is not None and not _alive(pod):
                raise self._refused(await self._ended_early(pod, plan))
            why = await self._why(pod, storage)
            if why is not None and why.code == "volume" and why.text not in told:
                told.add(why.text)
                self.note(35, "creating", why.text)
            image_fails_since = (image_fails_since or time.monotonic()) if why and why.code == "image" else 0.0
            impatient = image_fails_since and time.monotonic() - image_fails_since > IMAGE_PATIENCE
            if why is not None and (why.final or impatient):
                raise self._refused(why)
            if time.monotonic() > deadline:
                text = f"It did not start in {self.start_timeout} s."
                raise SpawnException(f"{text} {why.text if why else ''}".strip(), reason="timeout", status_code=504)

    async def _why(self, pod: Mapping[str, Any] | None, storage: Storage) -> PodReason | None:
        """Why it does not run yet; None where nothing is wrong."""
        if pod is None:
            return None if self.room is None else self.room.lacks
        return await storage.why(pod, self.events, pod_reasons.of_pod(pod, self.events), datetime.now(UTC))

    async def _started(self, starting: asyncio.Future[Any]) -> str:
        try:
            return str(await starting)
        except ApiException as error:
            raise self._refused(self._refusal_of(error)) from error
        except UNREACHED as error:
            raise SpawnException(AWAY, reason="cluster-away", status_code=503) from error

    async def _until_it_answers(self, url: str, plan: LaunchPlan, deadline: float) -> None:
        """Return when the server answers. Raises ``SpawnException`` where it ends, or does not in time."""
        left = deadline - time.monotonic()
        try:
            async with asyncio.timeout(min(left, self.http_timeout)):
                await self._answered(url, plan)
        except TimeoutError as error:
            text = f"The server did not answer in {self.http_timeout} s."
            if left < self.http_timeout:
                text = f"It did not start in {self.start_timeout} s: its pod runs, and the server does not answer yet."
            raise SpawnException(f"{text} Its log may say why.", reason="timeout", status_code=504) from error

    async def _answered(self, url: str, plan: LaunchPlan) -> None:
        where = urlparse(url)
        while not await answers(where.hostname or "", where.port or 80, f"{self.server.base_url}api"):
            try:
                # a watch that could not be begun anew shows nothing
                pod = self._reflected(self.pod_name) or await self.cluster.pod(self.pod_name)
                over = pod is None or not _alive(pod)
            except (*UNREACHED, ApiException):
                over = False
            if over:
                raise self._refused(await self._ended_early(pod, plan))
            await asyncio.sleep(LOOK_EVERY)

    async def _ended_early(self, pod: Mapping[str, Any] | None, plan: LaunchPlan) -> PodReason:
        words = await self.cluster.last_words(self.pod_name, notebook_pods.CONTAINER, LAST_WORDS)
        return kube_render.ended_early(pod, plan, words, datetime.now(UTC))

    def _refused(self, why: PodReason) -> SpawnException:
        return SpawnException(why.text, reason=why.code, status_code=409 if why.code in FORBIDDEN else 503)

    def _refusal_of(self, error: ApiException) -> PodReason:
        if error.status in (429, 0) or error.status >= 500:
            return PodReason("cluster-away", AWAY)
        plan = self.running_plan
        allowed = PodSecurity.RESTRICTED if plan is None else plan.pod_security
        return pod_reasons.refusal(error.status, message_of(error), allowed)

    async def _make_create_pod_request(self, pod: Any, request_timeout: float) -> bool:
        """As KubeSpawner's, but that what a quota of the cluster does not let in waits for room, as a job does."""
        assert self.room is not None
        made = await self.room.enter(lambda: self._ask_for(pod, request_timeout))
        self.unmade = self.unmade and not made
        return made

    def _wait(self, full: PodReason) -> None:
        """Say what it waits for; and write down that there is no pod yet, for a hub that comes back."""
        self.note(35, "creating", f"Waiting for room in the cluster: {full.text}")
        self.unmade = True
        self.keep_state()

    async def _ask_for(self, pod: Any, request_timeout: float) -> bool:
        """Whether the pod is there now; false where it is worth another try.

        It is never written to the log, with people's values in it; and one of this name is always this start's own, asked
        for a second time. Raises ``ApiException``.
        """
        try:
            await asyncio.wait_for(self.api.create_namespaced_pod(self.namespace, pod), request_timeout)
        except UNREACHED as error:
            self.log.warning("The cluster was not asked for the pod %s yet: %s", self.pod_name, short(error))
            return False
        except ApiException as error:
            if error.status == 409:  # a conflict about a quota is worth another try
                return reason_of(error) == "AlreadyExists"
            if error.status == 429 or error.status >= 500:
                return False
            raise
        return True

    async def _seen(self, name: str) -> Mapping[str, Any] | None:
        """The pod, by the hub's own watch where that has it."""
        await self._watch()
        return self._reflected(name) or await self.cluster.pod(name)

    async def _watch(self) -> None:
        """Begin the hub's watches, or begin anew what has ended of them.

        KubeSpawner's give up where the cluster is away for a minute, and would show the same for ever.
        """
        await _go_on(self.pod_reflector, self._start_watching_pods)
        if self.events_enabled:
            await _go_on(self.event_reflector, self._start_watching_events)

    def _reflected(self, name: str) -> Mapping[str, Any] | None:
        reflector = self.pod_reflector
        if reflector is None:
            return None
        found: Mapping[str, Any] | None = reflector.pods.get(f"{self.namespace}/{name}")
        return found

    async def _until_gone(
        self, name: str, patience: float, counts: Callable[[Mapping[str, Any]], bool] | None = None
    ) -> None:
        """Return when the pod is not there, or does not count any more: is not alive."""
        deadline = time.monotonic() + patience
        while (pod := await self.cluster.pod(name)) is not None and (counts or _alive)(pod):
            if time.monotonic() > deadline:
                msg = f"{self._log_name} has not ended {patience:.0f} s after it was asked to"
                raise TimeoutError(msg)
            await asyncio.sleep(LOOK_EVERY)


def _alive(pod: Mapping[str, Any]) -> bool:
    return notebook_pods.alive(pod, datetime.now(UTC))


async def _go_on(watch: ResourceReflector | None, begin: Callable[..., Awaitable[Any]]) -> None:
    ended = (
        watch is not None and watch.first_load_future.done() and (watch.watch_task is None or watch.watch_task.done())
    )
    # cut off while it loads, it would be one that everybody waits for and nobody loads
    await asyncio.shield(begin(replace=ended))
