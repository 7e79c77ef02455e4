"""The engine over a cluster, as the rest of the process sees it."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import TypeVar

from hub_config.secret_files import secret_file
from hub_config.settings import KubernetesSettings, Settings, SettingsError

from .api.replies import Part, State
from .blobs import FolderLogStore, FolderSpool, LogChunk
from .composition import EngineParts
from .controllers.ports import EngineUnavailable, FileSink
from .domain.claim_making import ClaimStorage
from .domain.claims import MachineCapacity
from .domain.reports import workload_token
from .domain.volumes import GitSource
from .domain.workloads import EngineRef, FileLimits, UsageSample, WorkFile, WorkListing
from .engines.base import EngineError, VolumeFailed
from .engines.base import EngineUnavailable as ClusterUnavailable
from .engines.kubernetes import KubernetesEngine, PodSettings
from .engines.kubernetes.claim_troubles import ClaimTroubles, FolderTroubles
from .engines.kubernetes.claim_watch import WatchedClaims
from .engines.kubernetes.claims import Claims
from .engines.kubernetes.cluster import Cluster
from .engines.kubernetes.notebooks import NotebookPods
from .engines.kubernetes.pull_secrets import PullSecrets
from .notebook_logs import PodLogs
from .notebook_parts import PodWorkloads
from .runner import IN_POD_SH

T = TypeVar("T")
NEEDED = ("api_url", "sidecar_image")


async def kubernetes_parts(settings: Settings) -> EngineParts:
    """The cluster that this process is in, or that KUBECONFIG names. Raises ``SettingsError``."""
    given = settings.kubernetes
    missing = [name for name in NEEDED if not getattr(given, name)]
    if missing:
        lines = [f"kubernetes.{name}: must be set where the engine is kubernetes" for name in missing]
        raise SettingsError("\n".join(lines))
    try:
        cluster = await Cluster.connect(given.namespace)
    except EngineError as error:
        raise SettingsError(str(error)) from error
    spool = FolderSpool(settings.data_dir)
    notebooks = NotebookPods(cluster, given.instance)
    logs = PodLogs(notebooks, FolderLogStore(settings.data_dir / "blobs"))
    workloads = PodWorkloads(notebooks, logs)
    key = reports_key(settings)
    storage = claim_storage(given)
    watched = WatchedClaims(cluster, lambda name: engine.claim_changed(name))
    engine = KubernetesEngine(
        cluster,
        pod_settings(given, settings.git.known_hosts),
        storage,
        spool,
        token=lambda workload: workload_token(key, workload),
        in_pod=IN_POD_SH.read_text(),
        look=watched,
    )

    async def capacity() -> MachineCapacity:
        # how much there is in all is not ours to ask; what does not fit is told by the scheduler
        return MachineCapacity(image_types=engine.image_sources)

    made = Claims(cluster, storage, watched)
    claims = ClaimTroubles(cluster, watched, engine.warnings, made)

    async def run() -> None:
        await asyncio.gather(engine.run(), watched.run(), notebooks.run())

    return EngineParts(
        name=engine.name,
        engine=engine,
        capacity=capacity,
        workloads=workloads,
        notebook_logs=workloads,
        builder=None,
        volumes=_ClusterVolumes(engine),
        live_logs=_ClusterLogs(spool, logs),
        live_files=_ClusterFiles(engine, spool),
        results=_ClusterResults(engine, spool),
        parts=lambda: _parts(engine, cluster),
        claims=claims,
        folders=FolderTroubles(made, claims),
        claims_changed=watched.listen,
        pull_secrets=PullSecrets(cluster, given.instance),
        spool=spool,
        heard=engine.heard,
        namespace=cluster.namespace,
        run=run,
    )


def reports_key(settings: Settings) -> bytes:
    """What workloads' tokens are made from: of a secret that is made once and does not change."""
    root = secret_file(settings.secrets / "portal_cookie_secret")
    return hmac.new(bytes.fromhex(root), b"primehub: reports of workloads", hashlib.sha256).digest()


def claim_storage(given: KubernetesSettings) -> ClaimStorage:
    """What claims are made with."""
    return ClaimStorage(
        instance=given.instance,
        home_class=given.home_storage_class,
        group_class=given.group_storage_class,
        group_capacity=given.group_capacity,
    )


def pod_settings(given: KubernetesSettings, known_hosts: tuple[str, ...]) -> PodSettings:
    """What all pods have in common."""
    return PodSettings(
        instance=given.instance,
        api_url=given.api_url.rstrip("/"),
        sidecar_image=given.sidecar_image,
        git_image=given.git_image,
        known_hosts=known_hosts,
        image_pull_policy=given.image_pull_policy,
        image_pull_secrets=given.image_pull_secrets,
        run_as_user=given.run_as_user,
        run_as_group=given.run_as_group,
        fs_group=given.fs_group,
        read_only_root=given.read_only_root,
        priority_class=given.priority_class,
        runtime_class=given.runtime_class,
        annotations=given.pod_annotations,
        labels=given.pod_labels,
        scratch_capacity=given.scratch_capacity,
    )


async def _parts(engine: KubernetesEngine, cluster: Cluster) -> tuple[Part, ...]:
    state, message, help_ = State.OK, f"Workloads run in the namespace {cluster.namespace}.", ""
    try:
        await engine.current()
    except ClusterUnavailable as error:
        state, message, help_ = State.DEGRADED, f"{error}.", "What runs goes on. Look at the cluster's API server."
    return (Part(name="cluster", status=state, message=message, help=help_),)


class _ClusterLogs:
    """``LiveLogs`` over what sidecars have sent, and of notebooks over their pods' own. Called in a thread."""

    def __init__(self, spool: FolderSpool, notebooks: PodLogs) -> None:
        self._spool = spool
        self._notebooks = notebooks

    def read(self, workload: str, offset: int, limit: int) -> LogChunk | None:
        chunk = _known(lambda: self._spool.read_log(workload, offset, limit))
        # looked at afterwards: what is there now was there all the time, and its log not moved away meanwhile
        if _known(lambda: self._spool.exists(workload)):
            return chunk
        return self._notebooks.read(workload, offset, limit)


class _ClusterFiles:
    """``LiveFiles`` over what sidecars have sent. Called in a thread."""

    def __init__(self, engine: KubernetesEngine, spool: FolderSpool) -> None:
        self._engine = engine
        self._spool = spool

    def list_(self, workload: str, folder: str) -> WorkListing | None:
        there = _known(lambda: self._spool.exists(workload))
        return self._engine.files(workload).list_(folder) if there else None

    def find(self, workload: str, path: str) -> WorkFile | None:
        return _known(lambda: self._engine.files(workload).find(path))

    def read(self, workload: str, path: str, offset: int, limit: int) -> bytes | None:
        return _known(lambda: self._engine.files(workload).read(path, offset, limit))


class _ClusterResults:
    """``ResultsPort`` over the engine's."""

    def __init__(self, engine: KubernetesEngine, spool: FolderSpool) -> None:
        self._engine = engine
        self._spool = spool

    async def log(self, workload: str) -> Iterable[tuple[int, bytes]]:
        return self._spool.log_pieces(workload)

    async def copy_out(self, workload: str, folder: str, sink: FileSink, limits: FileLimits) -> WorkListing:
        return await self._engine.copy_out(_job(workload), folder, sink, limits)

    async def usage(self, workloads: Collection[str]) -> Mapping[str, UsageSample]:
        try:
            return await self._engine.usage([_job(key) for key in workloads])
        except ClusterUnavailable as error:
            raise EngineUnavailable(str(error)) from error


class _ClusterVolumes:
    """``VolumePort`` over the engine's."""

    def __init__(self, engine: KubernetesEngine) -> None:
        self._engine = engine

    async def provision(self, slug: str) -> None:
        try:
            await self._engine.provision(slug)
        except (EngineError, ClusterUnavailable) as error:
            raise VolumeFailed(str(error)) from error

    async def fetch(self, slug: str, source: GitSource, secret: str | None) -> str:
        try:
            return await self._engine.fetch(slug, source, secret)
        except ClusterUnavailable as error:
            raise VolumeFailed(str(error)) from error


def _job(key: str) -> EngineRef:
    return EngineRef(engine="kubernetes", kind="Job", key=key, name=key)


def _known(look: Callable[[], T]) -> T | None:
    """What ``look`` finds; None for what is no workload's key."""
    try:
        return look()
    except ValueError:
        return None
