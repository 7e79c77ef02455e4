"""Secrets of kind ``pull`` on a cluster, whose nodes fetch images with them. Plain manifests. Pure."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import Any

from pydantic import SecretStr

from .images import ContainerSource, ImageSource
from .launch import LaunchPlan
from .pods import marks

PULL = "pull-secret"
"""Their kind, by which they are told from workloads' own."""


@dataclass(frozen=True, slots=True)
class PullSecret:
    """What a registry gives its images for."""

    slug: str
    registry: str
    username: str
    value: SecretStr


def pull_secret_name(slug: str) -> str:
    """The name of its Secret."""
    return f"pull-{slug}"


def pull_secrets_for(source: ImageSource) -> tuple[str, ...]:
    """The names of the Secrets that an image is fetched with."""
    if isinstance(source, ContainerSource) and source.pull_secret:
        return (pull_secret_name(source.pull_secret),)
    return ()


def pull_policy(plan: LaunchPlan, configured: str) -> str:
    """When a node asks the registry for a plan's image; empty is the cluster's own rule.

    A node gives what it has fetched for one group to every pod that names it. An image that only some may have is asked
    for anew each time, and so is each that a group's admins name: it may be another group's.
    """
    if configured != "Never" and (plan.image_of_group or pull_secrets_for(plan.image_source)):
        return "Always"
    return configured


def make_pull_secret(secret: PullSecret, instance: str) -> dict[str, Any]:
    """The Secret's manifest."""
    password = secret.value.get_secret_value()
    both = base64.b64encode(f"{secret.username}:{password}".encode()).decode()
    entry = {"username": secret.username, "password": password, "auth": both}
    config = json.dumps({"auths": {secret.registry: entry}})
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": pull_secret_name(secret.slug), "labels": marks(instance) | {"primehub.io/kind": PULL}},
        "type": "kubernetes.io/dockerconfigjson",
        "data": {".dockerconfigjson": base64.b64encode(config.encode()).decode()},
    }
