"""Kinds that a cluster may know beside its own: of the Gateway API, and of Prometheus' operator."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml

from .cluster import Namespace
from .parts import require
from .waiting import wait_for

FETCH = Path(__file__).parents[1] / "definitions" / "fetch"


@contextmanager
def other_kinds(namespace: Namespace) -> Iterator[None]:
    """In the block the cluster knows them. What it knew before stays as it was; skips where they cannot be fetched."""
    done = subprocess.run([FETCH], capture_output=True, text=True, timeout=300, check=False)
    require("definitions", done.returncode == 0, done.stderr.strip())
    made: list[str] = []
    try:
        for path in done.stdout.split():
            name = yaml.safe_load(Path(path).read_text())["metadata"]["name"]
            if namespace.get("crd", name) is None:
                # too large for what `apply` writes beside it
                namespace.kubectl("create", "-f", path)
                made.append(name)
            wait_for(lambda name=name: _established(namespace, name), 60, what=f"{name} is served")  # type: ignore[misc]
        yield
    finally:
        for name in made:
            namespace.kubectl("delete", "crd", name, "--wait=false", check=False)


def _established(namespace: Namespace, name: str) -> bool:
    found = namespace.get("crd", name) or {}
    # null at first, for which `kubectl wait` fails
    conditions = (found.get("status") or {}).get("conditions") or ()
    return any((c["type"], c["status"]) == ("Established", "True") for c in conditions)
