"""A KubeSpawner that has a cluster's address and never asks it: for what it would make."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from kubespawner import KubeSpawner, clients

from primehub_services.domain.launch import LaunchPlan
from primehub_spawner.kube import PrimeHubKubeSpawner

KUBECONFIG = """
apiVersion: v1
kind: Config
clusters: [{name: none, cluster: {server: "http://127.0.0.1:9"}}]
contexts: [{name: none, context: {cluster: none, user: none, namespace: primehub}}]
users: [{name: none, user: {}}]
current-context: none
"""


@asynccontextmanager
async def without_cluster(
    folder: Path, monkeypatch: pytest.MonkeyPatch, plan: LaunchPlan, hubs: Mapping[str, Any]
) -> AsyncIterator[PrimeHubKubeSpawner]:
    """The spawner, about to make the plan's pod; ``hubs`` are the variables that the hub gives."""
    config = folder / "kubeconfig"
    config.write_text(KUBECONFIG)
    monkeypatch.setattr("kubernetes_asyncio.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", str(config))
    monkeypatch.setattr(KubeSpawner, "get_env", lambda _self: dict(hubs))
    made = PrimeHubKubeSpawner(
        _mock=True, namespace="primehub", instance="ph", uid=1000, gid=100, fs_gid=100, api_url="http://api/v1"
    )
    made.user.name = plan.user
    made.start_id = plan.start_id
    made.reserve()
    made.running_plan = plan
    yield made
    await made.api.api_client.close()
    clients._client_cache.clear()


async def manifest(spawner: PrimeHubKubeSpawner) -> dict[str, Any]:
    """The pod that would be made, as it is sent."""
    pod = await spawner.get_pod_manifest()
    sent: dict[str, Any] = spawner.api.api_client.sanitize_for_serialization(pod)
    return sent
