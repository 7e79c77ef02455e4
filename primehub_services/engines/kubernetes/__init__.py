"""A Kubernetes cluster: one namespace of it."""

from .engine import KubernetesEngine
from .manifests import PodSettings

__all__ = ["KubernetesEngine", "PodSettings"]
