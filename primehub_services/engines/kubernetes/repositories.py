"""Volumes of kind git on a cluster: a Job for each fetch, one at a time for each volume."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import re
import secrets
from collections.abc import Mapping
from pathlib import Path

from primehub_services.domain import pod_reasons
from primehub_services.domain.pods import selector, volume_need
from primehub_services.domain.volumes import GitSource
from primehub_services.sandbox.git_output import explain
from primehub_services.sandbox.git_settings import scheme_of, secret_problem
from primehub_services.sandbox.pip_settings import certificates, proxies

from ..base import EngineError, EngineUnavailable, VolumeFailed
from .claim_troubles import ClaimTroubles
from .claims import Claims
from .cluster import Cluster, ClusterRefusal, Json
from .manifests import PodSettings
from .repository_manifests import KIND, LONGEST_S, make_fetch_job, make_fetch_secret

log = logging.getLogger(__name__)
LOOK_EVERY_S = 1.0
PATIENCE_S = 120.0
"""Seconds that a pod has to begin, its image and its volume included."""
ENDED_S = 60.0
"""Seconds that an earlier fetch has to be gone."""
_RESULT = re.compile(r"(same|new) ([0-9a-f]{40}|[0-9a-f]{64})\s*\Z")
_FILES = ("GIT_SSL_CAINFO", "SSL_CERT_FILE", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE")


class Repositories:
    """The git volumes of one installation."""

    def __init__(
        self, cluster: Cluster, settings: PodSettings, claims: Claims, environ: Mapping[str, str] | None = None
    ) -> None:
        self._cluster = cluster
        self._settings = settings
        self._claims = claims
        self._troubles = ClaimTroubles(cluster)
        self._environ = os.environ if environ is None else environ

    async def fetch(self, slug: str, source: GitSource, secret: str | None) -> str:
        """See ``VolumeProvisioner``."""
        if problem := self._problem(source, secret):
            raise VolumeFailed(problem)
        name = f"git-{slug[:40].rstrip('-')}-{secrets.token_hex(4)}"
        try:
            await self._claims.provision(slug)
            await self._end_earlier(slug)
            try:
                await self._begin(name, slug, source, secret)
                return await self._ended(name, slug, secret)
            finally:
                await self._drop(name)
        except ClusterRefusal as refusal:
            raise VolumeFailed(pod_reasons.refusal(refusal.status, refusal.message).text) from refusal
        except EngineError as error:
            raise VolumeFailed(str(error)) from error

    async def _drop(self, name: str) -> None:
        """Delete the Job; its Secret and its pod go with it. What fetched is no less good where that cannot be done now:
        the next fetch ends it, and the cluster itself when its time is over."""
        try:
            await self._cluster.delete("Job", name)
        except (EngineUnavailable, ClusterRefusal) as error:
            log.warning("the Job %s of a fetch cannot be deleted just now: %s", name, error)

    def _problem(self, source: GitSource, secret: str | None) -> str:
        if scheme_of(source.url) == "file":
            return "A cluster has no folder of that name: use the repository's https or ssh URL."
        if not self._settings.git_image:
            return "Nothing here fetches repositories: set kubernetes.git_image."
        return secret_problem(source.url, secret)

    async def _begin(self, name: str, slug: str, source: GitSource, secret: str | None) -> None:
        authority = await asyncio.to_thread(_authority, self._environ)
        manifest = make_fetch_job(
            name, slug, source, secret, self._settings, proxies=proxies(self._environ), trusts=bool(authority)
        )
        job = await self._cluster.apply(manifest)
        # never without an owner: whatever is cut off here goes with the Job
        given = make_fetch_secret(name, slug, secret, self._settings, authority=authority, owner=job)
        await self._cluster.apply(given)
        await self._cluster.patch("Job", name, {"spec": {"suspend": False}})

    async def _ended(self, name: str, slug: str, secret: str | None) -> str:
        """Wait for the pod's end; the commit that the volume shows then."""
        loop = asyncio.get_running_loop()
        begun, away = loop.time(), 0.0
        while True:
            asked = loop.time()
            pods = await self._seen(name, begun + LONGEST_S)
            away += loop.time() - asked
            status = _ending(pods[0]) if pods else None
            if status is not None:
                return commit_of(status, secret)
            waited = loop.time() - begun
            if waited > LONGEST_S or (waited - away > PATIENCE_S and not any(_running(pod) for pod in pods)):
                raise VolumeFailed(await self._why_not(slug, pods))
            await asyncio.sleep(LOOK_EVERY_S)

    async def _seen(self, name: str, until: float) -> list[Json]:
        """The pods of a fetch, once the cluster says: it goes on in its pod meanwhile. Raises what a look raised, where
        none was answered ``until`` then, in the loop's time."""
        while True:
            try:
                return await self._pods(f"job-name={name}")
            except (EngineUnavailable, ClusterRefusal) as error:
                if asyncio.get_running_loop().time() > until:
                    raise
                log.warning("the fetch %s cannot be looked at just now: %s", name, error)
            await asyncio.sleep(LOOK_EVERY_S)

    async def _why_not(self, slug: str, pods: list[Json]) -> str:
        need = volume_need(slug, None)
        assert need is not None
        with contextlib.suppress(EngineUnavailable):
            if trouble := (await self._troubles.troubles([need])).get(need.name):
                return f"The repository cannot be fetched: {trouble}."
        why = pod_reasons.of_pod(pods[0]) if pods else None
        return why.text if why is not None else "The fetch did not begin, or did not end, in time."

    async def _end_earlier(self, slug: str) -> None:
        """End what a process that was killed has left: two at once would write into each other's clone."""
        ours = selector(self._settings.instance, kind=KIND, volume=slug)
        for job in (await self._cluster.list_("Job", {"labelSelector": ours}))[0]:
            await self._cluster.delete("Job", job["metadata"]["name"])
        deadline = asyncio.get_running_loop().time() + ENDED_S
        while await self._pods(ours):
            if asyncio.get_running_loop().time() > deadline:
                raise VolumeFailed("The fetch before this one does not end: look at its pod.")
            await asyncio.sleep(LOOK_EVERY_S)

    async def _pods(self, labels: str) -> list[Json]:
        return (await self._cluster.list_("Pod", {"labelSelector": labels}))[0]


def _running(pod: Json) -> bool:
    return bool((pod.get("status") or {}).get("phase") == "Running")


def _ending(pod: Json) -> Json | None:
    """How git ended; None while it has not."""
    status = pod.get("status") or {}
    for container in status.get("containerStatuses") or ():
        if ended := (container.get("state") or {}).get("terminated"):
            return dict(ended)
    if status.get("phase") == "Failed":
        why = pod_reasons.of_pod(pod)
        return {"exitCode": 1, "message": why.text if why is not None else "", "told": True}
    return None


def commit_of(ended: Json, secret: str | None) -> str:
    """The commit that is shown. Raises ``VolumeFailed``."""
    message = str(ended.get("message") or "")
    result = _RESULT.match(message)
    if ended.get("exitCode") == 0 and result is not None:
        return result[2]
    sentence = message if ended.get("told") else explain(message, str(ended.get("reason") or ""))
    raise VolumeFailed(sentence.replace(secret.strip(), "***") if secret else sentence)


def _authority(environ: Mapping[str, str]) -> str:
    """The certificates of the authorities that the platform's environment names; empty where it names none."""
    named = certificates(environ)
    for path in (named[name] for name in _FILES if name in named):
        try:
            return Path(path).read_text()
        except (OSError, UnicodeDecodeError) as error:
            log.warning("git trusts the image's own authorities: %s: %s", path, error)
    return ""
