"""What a hub on Kubernetes is told otherwise than one on a machine: addresses, the spawner, services of their own."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from .settings import KubernetesSettings, Settings, SettingsError

SPAWNER_CLASS = "primehub_spawner.kube.PrimeHubKubeSpawner"
PROXY_CLASS = "hub_config.cluster_proxy.WatchedProxy"
EVERYWHERE = ""
"""The host of every address, IPv4 and IPv6 alike; ``::`` could not be bound without IPv6, nor hears IPv4."""
HUB_PORT = 8081
NOTEBOOK_PORT = 8888
SERVICE_WAIT = 1
"""Seconds that the hub's start waits for the services, which have pods of their own and wait for the hub."""
NEEDED = ("api_url", "hub_url", "proxy_api_url")


def check(settings: KubernetesSettings) -> None:
    """Raises ``SettingsError`` naming each address that is missing."""
    missing = [name for name in NEEDED if not getattr(settings, name)]
    if missing:
        lines = [f"kubernetes.{name}: must be set where the engine is kubernetes" for name in missing]
        raise SettingsError("\n".join(lines))


def services_url(settings: KubernetesSettings) -> str:
    """The root of the services' address, of which the API's is a part."""
    found = urlsplit(settings.api_url)
    return f"{found.scheme}://{found.netloc}"


def hub(c: Any, settings: KubernetesSettings) -> None:
    """Listen for the other pods, by IPv4 and IPv6, under a name that outlives this one."""
    c.JupyterHub.hub_bind_url = f"http://{EVERYWHERE}:{HUB_PORT}"
    c.JupyterHub.hub_connect_url = settings.hub_url.rstrip("/")


def proxy(c: Any, settings: KubernetesSettings, token: str) -> None:
    """The proxy is a Deployment of its own: kernels' connections outlive the hub."""
    c.JupyterHub.proxy_class = PROXY_CLASS
    c.ConfigurableHTTPProxy.should_start = False
    c.ConfigurableHTTPProxy.api_url = settings.proxy_api_url.rstrip("/")
    c.ConfigurableHTTPProxy.auth_token = token


def spawner(c: Any, settings: KubernetesSettings) -> Any:
    """Notebooks are pods; returns the section of the spawner, for what every spawner is told."""
    c.JupyterHub.spawner_class = SPAWNER_CLASS
    section = c.PrimeHubKubeSpawner
    section.ip = EVERYWHERE
    section.port = NOTEBOOK_PORT
    if settings.namespace:
        section.namespace = settings.namespace
    if settings.priority_class:
        section.priority_class_name = settings.priority_class
    if settings.runtime_class:
        section.extra_pod_config = {"runtimeClassName": settings.runtime_class}
    if settings.pod_labels:
        section.extra_labels = dict(settings.pod_labels)
    if settings.pod_annotations:
        from primehub_spawner.kube_render import verbatim

        section.extra_annotations = verbatim(settings.pod_annotations)
    if settings.image_pull_policy:
        section.image_pull_policy = settings.image_pull_policy
    section.image_pull_secrets = list(settings.image_pull_secrets)
    section.uid, section.gid, section.fs_gid = settings.run_as_user, settings.run_as_group, settings.fs_group
    section.read_only_root = settings.read_only_root
    section.storage_class = settings.home_storage_class or None
    section.group_storage_class = settings.group_storage_class
    section.group_capacity = settings.group_capacity
    section.scratch_capacity = settings.scratch_capacity
    section.instance = settings.instance
    return section


def service(settings: Settings, token: str) -> dict[str, Any]:
    """How the services, which the hub does not start here, are known to it."""
    return {"url": services_url(settings.kubernetes), "api_token": token, "timeout": SERVICE_WAIT}
