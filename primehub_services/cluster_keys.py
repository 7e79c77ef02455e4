"""The platform's keys and tokens on Kubernetes: made once into a Secret, whose pods mount them as files.

``python -m primehub_services.cluster_keys NAME`` runs as a hook of the chart, before every install and upgrade. It adds
the keys that the Secret lacks and changes none. ``--print`` shows a Secret with new ones instead, for whoever keeps
Secrets elsewhere and gives the chart ``existingSecret``.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import secrets
import ssl
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import httpx
import yaml

from .store.crypto import new_keys

MOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
MERGE = "application/merge-patch+json"
LABELS = {"app.kubernetes.io/part-of": "primehub"}


def _token() -> str:
    return secrets.token_hex(32)


KEYS: Mapping[str, Callable[[], str]] = {
    "cookie_secret": _token,
    "portal_cookie_secret": _token,
    "proxy.token": _token,
    "spawner.token": _token,
    "authenticator.token": _token,
    "services.token": _token,
    "gateway.token": _token,
    "metrics.token": _token,
    "auth_state.key": _token,
    "encryption.key": new_keys,
}
"""Each file and what makes a new one."""


class KeysError(Exception):
    """The Secret cannot be read or written; the text says why."""


def missing(data: Mapping[str, str]) -> dict[str, str]:
    """What a Secret lacks, as its ``data`` has it: in base64."""
    return {name: base64.b64encode(make().encode()).decode() for name, make in KEYS.items() if not data.get(name)}


def manifest(name: str, data: Mapping[str, str]) -> dict[str, Any]:
    """The Secret. It bears no mark of a release: it belongs to the data that it protects."""
    metadata = {"name": name, "labels": LABELS}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": "Opaque", "data": dict(data)}


def complete(api: httpx.Client, name: str) -> int:
    """Add what the Secret lacks; the number of keys that were made. Raises ``KeysError``.

    Of two that make it at once the first one wins, and the other looks again.
    """
    for _ in range(5):
        found = api.get(f"secrets/{name}")
        if found.status_code == 404:
            made = missing({})
            answer = api.post("secrets", json=manifest(name, made))
        else:
            model = _checked(found)
            made = missing(model.get("data") or {})
            if not made:
                return 0
            # with its version: what somebody else has added meanwhile is not replaced
            change = {"metadata": {"resourceVersion": model["metadata"]["resourceVersion"]}, "data": made}
            answer = api.patch(f"secrets/{name}", content=json.dumps(change).encode(), headers={"Content-Type": MERGE})
        if answer.status_code != 409:
            _checked(answer)
            return len(made)
    msg = f"the Secret {name} is changed by somebody else all the time"
    raise KeysError(msg)


def _checked(answer: httpx.Response) -> dict[str, Any]:
    if answer.is_success:
        model: dict[str, Any] = answer.json()
        return model
    try:
        why = str(answer.json()["message"])
    except (ValueError, KeyError, TypeError):
        why = f"status {answer.status_code}"
    raise KeysError(why)


def in_cluster() -> httpx.Client:
    """The cluster's API, as this pod's service account, in its namespace."""
    host = os.environ.get("KUBERNETES_SERVICE_HOST")
    if not host:
        msg = "this runs in a pod, with a service account; outside of one use --print"
        raise KeysError(msg)
    host = f"[{host}]" if ":" in host else host
    namespace = (MOUNT / "namespace").read_text().strip()
    return httpx.Client(
        base_url=f"https://{host}:{os.environ['KUBERNETES_SERVICE_PORT']}/api/v1/namespaces/{namespace}/",
        headers={"Authorization": f"Bearer {(MOUNT / 'token').read_text().strip()}"},
        verify=ssl.create_default_context(cafile=str(MOUNT / "ca.crt")),
        timeout=20,
        trust_env=False,
    )


def main(arguments: list[str] | None = None) -> int:
    """Make what is missing, or print a new Secret. Returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", help="of the Secret")
    parser.add_argument("--print", action="store_true", help="print a new one instead")
    options = parser.parse_args(arguments)
    if options.print:
        print(yaml.safe_dump(manifest(options.name, missing({})), sort_keys=False), end="")
        return 0
    try:
        with in_cluster() as api:
            made = complete(api, options.name)
    except (KeysError, httpx.HTTPError, OSError) as error:
        print(f"The Secret {options.name} cannot be made: {error}", file=sys.stderr)
        return 1
    print(f"{options.name}: {made} made, {len(KEYS) - made} there already")
    return 0


if __name__ == "__main__":
    sys.exit(main())
