"""The engine over a real cluster: a namespace of its own, and an API to which sidecars report."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from primehub_services.api.reports import ReportDesk
from primehub_services.blobs import FolderSpool
from primehub_services.domain.claim_making import ClaimStorage
from primehub_services.domain.problems import Conflict
from primehub_services.domain.reports import workload_token
from primehub_services.domain.workloads import FileLimits
from primehub_services.engines.kubernetes import KubernetesEngine, PodSettings
from primehub_services.engines.kubernetes.cluster import Cluster
from primehub_services.runner import IN_POD_SH
from primehub_services.store.database import Database

from .api import ROOT, Api, running_api
from .cluster import Namespace, cluster_image, foreign_image, own_address, own_namespace, require_cluster

KEY = b"a key of tests"
INSTANCE = "test"


@dataclass
class Permits:
    """Whoever asks first may begin. ``over`` is what has ended."""

    pods: dict[str, str] = field(default_factory=dict)
    over: set[str] = field(default_factory=set)

    async def permit(self, workload: str, pod: str) -> FileLimits:
        """See ``api.reports.Permits``."""
        if self.pods.setdefault(workload, pod) != pod:
            raise Conflict(f"Another pod runs {workload}.")
        return FileLimits(size=10**9, files=1000)

    async def hear(self, workload: str, pod: str) -> None:
        """See ``api.reports.Permits``."""
        if self.pods.get(workload) != pod:
            raise Conflict(f"Another pod runs {workload}.")


@dataclass(slots=True)
class OnCluster:
    """What a test of the engine works with."""

    engine: KubernetesEngine
    namespace: Namespace
    spool: FolderSpool
    permits: Permits
    api: Api
    image: str


@asynccontextmanager
async def on_cluster(
    database: Database, folder: Path, change: Callable[[PodSettings], PodSettings] | None = None
) -> AsyncIterator[OnCluster]:
    """The engine in a new namespace, which is deleted in the end."""
    require_cluster()
    sidecar, image = cluster_image("sidecar"), foreign_image()
    spool, permits = FolderSpool(folder), Permits()
    desk = ReportDesk(permits, spool, KEY)
    with own_namespace() as namespace:
        async with running_api(database, folder, address=own_address(), reports=desk) as api:
            settings = PodSettings(instance=INSTANCE, api_url=f"{api.url}{ROOT}", sidecar_image=sidecar)
            cluster = await Cluster.connect(namespace.name)
            engine = KubernetesEngine(
                cluster,
                change(settings) if change is not None else settings,
                ClaimStorage(instance=INSTANCE, group_capacity="10Mi"),
                spool,
                token=lambda workload: workload_token(KEY, workload),
                in_pod=IN_POD_SH.read_text(),
            )
            api.context.heard = engine.heard
            watching = asyncio.create_task(engine.run())
            try:
                yield OnCluster(engine, namespace, spool, permits, api, image)
            finally:
                # they would wait for an API to report to, for as long as a job's files may take
                namespace.kubectl("delete", "pods", "--all", "--grace-period=1", "--wait=false")
                watching.cancel()
                with suppress(asyncio.CancelledError):
                    await watching
                await cluster.close()
