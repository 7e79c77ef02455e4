"""A Kubernetes cluster: one namespace of it."""

from .claims import Storage
from .engine import KubernetesEngine
from .manifests import PodSettings

__all__ = ["KubernetesEngine", "PodSettings", "Storage"]
