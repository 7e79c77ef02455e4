"""The pods of notebooks, which the hub's spawner makes: seen, ended, read and dropped, never made here."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from primehub_services.domain import notebook_pods
from primehub_services.domain.launch import WorkloadKind
from primehub_services.domain.pods import INSTANCE

from ..base import EngineUnavailable
from .cluster import Cluster, ClusterRefusal, Json
from .pod_logs import LogLine, lines_after, since
from .watching import Watched


@dataclass(frozen=True, slots=True)
class NotebookPod:
    """A notebook's pod as the cluster sees it."""

    running: bool
    """Whether anything of it may still run."""
    lost: bool
    """Whether its node does not answer, and nobody knows."""
    ending: bool
    """Whether somebody has asked for its end: soon its log is gone, where it was the cluster."""
    exit_code: int | None
    reason: str


class NotebookPods:
    """Those of one installation in one namespace, by start id. Every method may raise ``EngineUnavailable``.

    ``run`` has to be running for ``seen``.
    """

    def __init__(self, cluster: Cluster, instance: str) -> None:
        self._cluster = cluster
        self._ours = f"{INSTANCE}={instance},{notebook_pods.KIND}={WorkloadKind.NOTEBOOK.value}"
        self._watched = Watched(cluster, "Pod", {"labelSelector": self._ours}, lambda pod: None)

    async def run(self) -> None:
        """Watch, until cancelled."""
        await self._watched.run()

    async def seen(self) -> Mapping[str, NotebookPod]:
        """Every one, as a watch last saw it: for what nothing is released or deleted by."""
        await self._watched.current()
        return _by_start(self._watched.items.values())

    async def list_owned(self) -> Mapping[str, NotebookPod]:
        """Every one, ended ones too; as they are now, not as a watch last saw them."""
        try:
            pods, _ = await self._cluster.list_("Pod", {"labelSelector": self._ours})
        except ClusterRefusal as refusal:
            raise EngineUnavailable(f"the cluster: {refusal.message}") from refusal
        return _by_start(pods)

    async def stop(self, start_id: str) -> None:
        """Ask one to end, and keep it to be read; one that never began is deleted. Absence is success."""
        name = notebook_pods.pod_name(start_id)
        try:
            pod = await self._cluster.get("Pod", name)
            if pod is None:
                return
            if not notebook_pods.began(pod):
                await self.remove(start_id)
            elif notebook_pods.alive(pod, now := datetime.now(UTC)) and not notebook_pods.asked(pod):
                await self._cluster.patch("Pod", name, notebook_pods.to_end(now))
        except ClusterRefusal as refusal:
            raise EngineUnavailable(f"the cluster: {refusal.message}") from refusal

    async def lines(self, start_id: str, *, after: int, unended: bool) -> AsyncIterator[LogLine]:
        """What its log has after this moment (nanoseconds since 1970), as far as its node has it; nothing where there is
        no such pod, or nothing of it ever ran. ``unended``: with a last line that has no end."""
        pieces = self._cluster.log(notebook_pods.pod_name(start_id), notebook_pods.CONTAINER, since(after))
        try:
            async for line in lines_after(pieces, after, unended=unended):
                yield line
        except ClusterRefusal as refusal:
            if refusal.status not in (400, 404):  # it waits to start, or its node has forgotten it
                raise EngineUnavailable(f"the cluster: {refusal.message}") from refusal

    async def remove(self, start_id: str) -> None:
        """Delete the pod. Absence is success."""
        try:
            await self._cluster.delete("Pod", notebook_pods.pod_name(start_id))
        except ClusterRefusal as refusal:
            raise EngineUnavailable(f"the cluster: {refusal.message}") from refusal


def _by_start(pods: Iterable[Json]) -> dict[str, NotebookPod]:
    found, now = {}, datetime.now(UTC)
    for pod in pods:
        start_id = (pod["metadata"].get("labels") or {}).get(notebook_pods.START)
        if start_id:
            running, lost = notebook_pods.alive(pod, now), notebook_pods.lost(pod, now)
            code, reason = (None, "") if running else notebook_pods.ending(pod, now)
            ending = "deletionTimestamp" in pod["metadata"]
            found[start_id] = NotebookPod(running, lost, ending, code, reason)
    return found
