"""The API server as one namespace sees it: objects in, objects out, as JSON.

The official client makes the connection, signs in and follows its credentials; its typed models are left aside: they
refuse what a cluster sends where a list is null, and reading a thousand pods through them takes seconds of processor.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp
from kubernetes.aio import client, config
from kubernetes.aio.config import ConfigException

from ..base import EngineError, EngineUnavailable

Json = dict[str, Any]

MANAGER = "primehub"
"""Whose fields they are, of what is applied."""
APPLY = "application/apply-patch+yaml"
MERGE = "application/merge-patch+json"
TIMEOUT_S = 15.0
SILENCE_S = 90.0
"""A watch in which nothing comes for so long, no bookmark either, is dead."""
PIECE = 1 << 16
WATCH_S = 600
"""Seconds after which everything is listed anew."""
_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_PATHS = {
    "Job": ("/apis/batch/v1", "jobs"),
    "Pod": ("/api/v1", "pods"),
    "Secret": ("/api/v1", "secrets"),
    "Event": ("/api/v1", "events"),
    "PersistentVolumeClaim": ("/api/v1", "persistentvolumeclaims"),
    "PodMetrics": ("/apis/metrics.k8s.io/v1beta1", "pods"),
}


class ClusterRefusal(Exception):
    """The API server does not take it."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class Expired(EngineUnavailable):
    """What one wants to go on from is too old: list anew."""


class Cluster:
    """One namespace. Methods raise ``EngineUnavailable`` where nobody answers, and ``ClusterRefusal``."""

    def __init__(self, api: client.ApiClient, namespace: str) -> None:
        self._api = api
        self.namespace = namespace

    @classmethod
    async def connect(cls, namespace: str = "") -> Cluster:
        """As the pod's service account, or as KUBECONFIG says. Raises ``EngineError`` where there is neither."""
        settings = client.Configuration()
        found = ""
        try:
            if os.environ.get("KUBERNETES_SERVICE_HOST") and not os.environ.get("KUBECONFIG"):
                config.load_incluster_config(client_configuration=settings)  # type: ignore[no-untyped-call]
                found = await asyncio.to_thread((_ACCOUNT / "namespace").read_text)
            else:
                await config.load_kube_config(client_configuration=settings)  # type: ignore[no-untyped-call]
                _, active = await asyncio.to_thread(config.list_kube_config_contexts)
                found = active["context"].get("namespace", "default")
        except (ConfigException, OSError) as error:
            msg = f"There is no cluster to work with: {error}. Run in a pod with a service account, or set KUBECONFIG."
            raise EngineError(msg, code="cluster") from error
        settings.connection_pool_maxsize = 50
        return cls(client.ApiClient(settings), namespace or found.strip() or "default")

    async def close(self) -> None:
        """Close what is open."""
        await self._api.close()  # type: ignore[no-untyped-call]

    async def get(self, kind: str, name: str) -> Json | None:
        """One object; None where there is none."""
        try:
            return await self._ask("GET", self._path(kind, name))
        except ClusterRefusal as refusal:
            if refusal.status == 404:
                return None
            raise

    async def create(self, manifest: Json) -> Json | None:
        """Make the object, and return it; None where there is one of that name already."""
        try:
            return await self._ask("POST", self._path(manifest["kind"]), manifest)
        except ClusterRefusal as refusal:
            if refusal.status == 409:
                return None
            raise

    async def apply(self, manifest: Json) -> Json:
        """Make the object as the manifest says, and return it. What others have set stays."""
        path = self._path(manifest["kind"], manifest["metadata"]["name"])
        query = {"fieldManager": MANAGER, "force": "true"}
        return await self._ask("PATCH", path, manifest, query=query, media=APPLY)

    async def patch(self, kind: str, name: str, change: Json) -> Json | None:
        """Change an object, and return it; None where there is none."""
        try:
            return await self._ask("PATCH", self._path(kind, name), change, media=MERGE)
        except ClusterRefusal as refusal:
            if refusal.status == 404:
                return None
            raise

    async def delete(self, kind: str, name: str, *, grace: int | None = None) -> None:
        """Ask for the object's end; what it owns follows it. Absence is success."""
        options: Json = {"propagationPolicy": "Background"}
        if grace is not None:
            options["gracePeriodSeconds"] = grace
        try:
            await self._ask("DELETE", self._path(kind, name), options)
        except ClusterRefusal as refusal:
            if refusal.status != 404:
                raise

    async def list_(self, kind: str, query: Mapping[str, str]) -> tuple[list[Json], str]:
        """All that the query selects, and the version from which to watch on."""
        try:
            return await self._pages(kind, query)
        except Expired:
            # a cluster forgets after five minutes what its pages go on from
            return await self._pages(kind, query)

    async def _pages(self, kind: str, query: Mapping[str, str]) -> tuple[list[Json], str]:
        items: list[Json] = []
        more = ""
        while True:
            page = dict(query) | {"limit": "500"} | ({"continue": more} if more else {})
            found = await self._ask("GET", self._path(kind), query=page)
            items += found.get("items") or []
            more = found["metadata"].get("continue", "")
            if not more:
                return items, found["metadata"].get("resourceVersion", "")

    async def log(self, pod: str, container: str, query: Mapping[str, str]) -> AsyncIterator[bytes]:
        """The log of a container, as far as its node has it and the query wants it, in pieces."""
        path = f"{self._path('Pod', pod)}/log"
        answer = await self._send("GET", path, None, dict(query) | {"container": container}, "", TIMEOUT_S)
        try:
            async for piece in answer.content.iter_chunked(PIECE):
                yield piece
        except (aiohttp.ClientError, TimeoutError) as error:
            msg = f"the cluster does not answer: {error or type(error).__name__}"
            raise EngineUnavailable(msg) from error
        finally:
            answer.release()

    async def watch(self, kind: str, query: Mapping[str, str], version: str) -> AsyncIterator[tuple[str, Json]]:
        """Type and object of each change from ``version`` on, until the server closes. Raises ``Expired``."""
        wanted = dict(query) | {"watch": "true", "allowWatchBookmarks": "true", "timeoutSeconds": str(WATCH_S)}
        answer = await self._send("GET", self._path(kind), None, wanted | {"resourceVersion": version}, "", SILENCE_S)
        try:
            async for line in answer.content:
                change = json.loads(line)
                if change["type"] == "ERROR":
                    status = change["object"]
                    if status.get("code") == 410:
                        raise Expired(f"the cluster: {status.get('message', '')}")
                    raise EngineUnavailable(f"the cluster: {status.get('message', '')}")
                yield change["type"], change["object"]
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            msg = f"the cluster does not answer: {error or type(error).__name__}"
            raise EngineUnavailable(msg) from error
        finally:
            answer.close()

    def _path(self, kind: str, name: str = "") -> str:
        root, plural = _PATHS[kind]
        one = f"/{quote(name, safe='')}" if name else ""
        return f"{root}/namespaces/{self.namespace}/{plural}{one}"

    async def _ask(
        self,
        method: str,
        path: str,
        body: Json | None = None,
        *,
        query: Mapping[str, str] | None = None,
        media: str = "",
    ) -> Json:
        answer = await self._send(method, path, body, query or {}, media)
        try:
            found: Json = await answer.json(content_type=None)
            return found
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            msg = f"the cluster does not answer: {error or type(error).__name__}"
            raise EngineUnavailable(msg) from error
        finally:
            answer.release()

    async def _send(
        self,
        method: str,
        path: str,
        body: Json | None,
        query: Mapping[str, str],
        media: str,
        silence: float | None = None,
    ) -> aiohttp.ClientResponse:
        """The answer, its body not read, where it is a good one."""
        headers = {"Accept": "application/json", "Content-Type": media or "application/json"}
        timeout = aiohttp.ClientTimeout(total=None if silence else TIMEOUT_S, sock_connect=5, sock_read=silence)
        try:
            request = await self._api.param_serialize(
                method,
                path,
                query_params=list(query.items()),
                header_params=headers,
                body=body,
                auth_settings=["BearerToken"],
            )
            # server-side apply is named by its type: with any other the server would merge, and drop nothing
            found = await self._api.call_api(*request, _request_timeout=timeout)
            answer: aiohttp.ClientResponse = found.response
            if answer.status < 300:
                return answer
            text = await answer.text()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            msg = f"the cluster does not answer: {error or type(error).__name__}"
            raise EngineUnavailable(msg) from error
        message = _of_status(text, "message") or text[:500]
        # a conflict is one about a quota, where many are made at once
        conflict = answer.status == 409 and _of_status(text, "reason") != "AlreadyExists"
        if answer.status >= 500 or answer.status in (401, 408, 429) or conflict:
            raise EngineUnavailable(f"the cluster: {message}")
        if answer.status == 410:
            raise Expired(f"the cluster: {message}")
        raise ClusterRefusal(answer.status, message)


def _of_status(text: str, name: str) -> str:
    try:
        return str(json.loads(text)[name])
    except (ValueError, KeyError, TypeError):
        return ""
