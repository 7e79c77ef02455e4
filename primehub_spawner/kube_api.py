"""What is asked of the cluster's API beside what KubeSpawner asks: as plain JSON, and where absence is no error."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from aiohttp import ClientError
from kubernetes_asyncio.client import ApiException

from primehub_services.domain.notebook_pods import to_end
from primehub_services.domain.pod_reasons import told_at
from primehub_services.domain.pods import Manifest

UNREACHED = (ClientError, OSError, TimeoutError)
"""What is raised where nobody answers."""
REQUEST_S = 10
LOG_BYTES = 1 << 19
"""Of the end of a log. Nodes write a longer line than 16 KiB as several: 20 of those fit, and their end is what is wanted;
where one does not, a line without an end would come into memory whole."""
Json = Mapping[str, Any]


class Cluster:
    """One namespace. Methods raise ``ApiException`` and those of ``UNREACHED``."""

    def __init__(self, api: Any, namespace: str) -> None:
        self._api = api
        self._namespace = namespace

    async def pod(self, name: str) -> Json | None:
        """The pod as it is now; None where there is none."""
        return await self._read(self._api.read_namespaced_pod, name)

    async def end_pod(self, name: str) -> None:
        """Have the kubelet end the pod and keep it, with its log."""
        change = to_end(datetime.now(UTC))
        await _or_absent(self._api.patch_namespaced_pod(name, self._namespace, change, _request_timeout=REQUEST_S))

    async def delete_pod(self, name: str, grace: int) -> None:
        """Ask for the pod's deletion; ``grace`` in seconds."""
        await _or_absent(
            self._api.delete_namespaced_pod(
                name, self._namespace, grace_period_seconds=grace, _request_timeout=REQUEST_S
            )
        )

    async def last_words(self, name: str, container: str, size: int) -> str:
        """The end of a container's log, at most ``size`` characters; empty where it cannot be had."""
        try:
            text = await self._api.read_namespaced_pod_log(
                name,
                self._namespace,
                container=container,
                tail_lines=20,
                limit_bytes=LOG_BYTES,
                _request_timeout=REQUEST_S,
            )
        except (*UNREACHED, ApiException):
            return ""
        return str(text or "").strip()[-size:]

    async def claim(self, name: str) -> Json | None:
        """A claim as it is; None where there is none."""
        return await self._read(self._api.read_namespaced_persistent_volume_claim, name)

    async def create_claim(self, manifest: Manifest) -> None:
        """Make a claim. One that is there already is no error."""
        try:
            await self._api.create_namespaced_persistent_volume_claim(
                self._namespace, manifest, _request_timeout=REQUEST_S
            )
        except ApiException as error:
            if reason_of(error) != "AlreadyExists":
                raise

    async def claim_events(self, name: str) -> list[Json]:
        """What happened to a claim, the oldest first."""
        chosen = f"involvedObject.kind=PersistentVolumeClaim,involvedObject.name={name}"
        response = await self._api.list_namespaced_event(
            self._namespace, field_selector=chosen, _preload_content=False, _request_timeout=REQUEST_S
        )
        found = (await _body(response)).get("items") or []
        return sorted(found, key=told_at)

    async def _read(self, ask: Any, name: str) -> Json | None:
        try:
            return await _body(await ask(name, self._namespace, _preload_content=False, _request_timeout=REQUEST_S))
        except ApiException as error:
            if error.status == 404:
                return None
            raise


async def _body(response: Any) -> Json:
    """The answer's object. Raises ``ApiException``: the client itself looks at no answer that it does not read."""
    body = await response.read()
    if response.status >= 400:
        error = ApiException(status=response.status, reason=response.reason)
        error.body = body
        raise error
    found: Json = json.loads(body)
    return found


async def _or_absent(asking: Any) -> None:
    try:
        await asking
    except ApiException as error:
        if error.status != 404:
            raise


def message_of(error: ApiException) -> str:
    """What the API server says of its refusal."""
    return str(_status(error).get("message") or error.reason or error.status)


def reason_of(error: ApiException) -> str:
    """The API server's word for its refusal: ``AlreadyExists``, ``Forbidden``, ..."""
    return str(_status(error).get("reason") or "")


def short(error: Exception) -> str:
    """An error in a few words, for the log."""
    if isinstance(error, ApiException):
        return f"{error.status} {message_of(error)}"[:500]
    return str(error) or type(error).__name__


def _status(error: ApiException) -> Json:
    try:
        found = json.loads(error.body or "{}")
    except (TypeError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
