"""The Helm chart as ``helm`` renders it."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from .parts import require

CHART = Path(__file__).resolve().parents[2] / "helm" / "primehub"
KUBERNETES = "1.34"
Manifest = dict[str, Any]


def helm(*words: str, values: Mapping[str, Any] | None = None) -> subprocess.CompletedProcess[str]:
    """Run helm with these values. Skips where there is no helm."""
    found = shutil.which("helm")
    require("helm", found, "helm is not on PATH")
    assert found is not None
    more = ["--values", "-"] if values is not None else []
    text = yaml.safe_dump(dict(values)) if values is not None else ""
    return subprocess.run([found, *words, *more], input=text, capture_output=True, text=True, timeout=120, check=False)


def rendered(values: Mapping[str, Any] | None = None, *, release: str = "primehub") -> list[Manifest]:
    """Every manifest that an installation would make, hooks included."""
    flags = ("--namespace", "lab", "--kube-version", KUBERNETES)
    done = helm("template", release, str(CHART), *flags, values=values or {})
    assert done.returncode == 0, done.stderr
    return [found for found in yaml.safe_load_all(done.stdout) if found]


def refused(values: Mapping[str, Any]) -> str:
    """What helm says of values that it does not take."""
    done = helm("template", "primehub", str(CHART), "--kube-version", KUBERNETES, values=values)
    assert done.returncode != 0, "these values are taken"
    return done.stderr


def one(manifests: list[Manifest], kind: str, name: str) -> Manifest:
    """The one of this kind and name."""
    (found,) = [m for m in manifests if m["kind"] == kind and m["metadata"]["name"] == name]
    return found


def pods(manifests: list[Manifest]) -> Iterator[tuple[str, Manifest]]:
    """Every pod's specification, by the name of what makes it."""
    for found in manifests:
        if found["kind"] == "Pod":
            yield found["metadata"]["name"], found["spec"]
        elif "template" in found.get("spec", {}):
            yield found["metadata"]["name"], found["spec"]["template"]["spec"]


def variables(pod: Manifest) -> dict[str, Any]:
    """The variables of a pod's first container: values, or where they come from."""
    return {e["name"]: e.get("value", e.get("valueFrom")) for e in pod["containers"][0].get("env", ())}


def files(pod: Manifest, volume: str) -> set[str]:
    """The keys of a Secret that a pod is given as files."""
    (found,) = [v for v in pod["volumes"] if v["name"] == volume]
    return {item["key"] for item in found["secret"]["items"]}
