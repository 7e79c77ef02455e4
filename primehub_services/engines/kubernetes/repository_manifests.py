"""The Job that fetches the repository of a volume, and the Secret that it reads alone, as manifests. Pure.

Git runs in a pod of its own, since what a server sends it is anybody's: it sees the claim of that volume, its secret
and the network, and has no token of anything. It clones beside what is shown; only a whole clone gets its name, and a
link says which one is shown. Workloads go through the link, so that a new commit is there in the moment it changes.

In the claim, with the same names as on one machine:

``<commit>-<source>/``  a clone; the one before stays for programs that are still in it
``<slug>``              the link to the one that is shown
``.fetch/``             what git writes: the clone being made, the servers' keys
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from typing import Any

from primehub_services.domain.pod_security import PodSecurity
from primehub_services.domain.pods import dataset_claim, literal, marks
from primehub_services.domain.volumes import GitSource
from primehub_services.sandbox.git_settings import SCRIPT, git_environment, private_files

from .manifests import PodSettings, owned_by

Json = dict[str, Any]
KIND = "git-fetch"
"""Of the pods that fetch; the chart lets them out, and to nothing of the platform."""
VOLUME_LABEL = "primehub.io/volume"
LONGEST_S = 3600
KEPT_S = 600
"""Seconds for which a Job that nobody reads any more is kept."""
PRIVATE = "/private"
_VOLUME = "/volume"
_TRUST = "authority"
SHOW = """\
umask 022
slug="$1"; url="$2"; ref="$3"; source="$4"; fetch="$5"
shown=$(readlink "/volume/$slug"); known=
case "$shown" in *-"$source") [ -d "/volume/$shown" ] && known="${shown%-*}";; esac
mkdir -p /volume/.fetch && cd /volume/.fetch || exit 1
sh -c "$fetch" fetch "$url" "$ref" "$known" || exit 1
read -r word commit <result || exit 1
if [ "$word" = new ]; then
  name="$commit-$source"
  # left whole by one that was cut off before it was shown
  [ -d "/volume/$name" ] || mv -T new "/volume/$name" || exit 1
  rm -rf /volume/.shown && ln -s "$name" /volume/.shown && mv -T /volume/.shown "/volume/$slug" || exit 1
  for old in /volume/*-*; do
    case "${old##*/}" in "$name"|"$shown"|"$slug") ;; *) rm -rf "$old";; esac
  done
fi
printf '%s %s\\n' "$word" "$commit" >/dev/termination-log
"""
"""Arguments: slug, URL, ref, digest of the source, and the script that fetches."""


def digest(source: GitSource) -> str:
    """By which clones of one source are told from those of another."""
    return hashlib.sha256(f"{source.url}\n{source.ref}".encode()).hexdigest()[:8]


def labels_of(slug: str, settings: PodSettings) -> dict[str, str]:
    """Of everything that fetches one volume."""
    return marks(settings.instance) | {"primehub.io/kind": KIND, VOLUME_LABEL: slug}


def make_fetch_secret(
    name: str, slug: str, secret: str | None, settings: PodSettings, *, authority: str = "", owner: Json
) -> Json:
    """What one run of git is given. ``authority``: the certificates that it trusts, where not the image's own."""
    texts = {file: text for file, (text, _) in private_files(secret, settings.known_hosts).items()}
    # ssh asks who it is, and an image knows no other users than its own
    texts["passwd"] = f"git:x:{settings.run_as_user}:{settings.run_as_group}::/tmp:/bin/sh\n"
    if authority:
        texts[_TRUST] = authority
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "labels": labels_of(slug, settings), "ownerReferences": [owned_by(owner)]},
        "type": "Opaque",
        "data": {file: base64.b64encode(text.encode()).decode() for file, text in texts.items()},
    }


def make_fetch_job(
    name: str,
    slug: str,
    source: GitSource,
    secret: str | None,
    settings: PodSettings,
    *,
    proxies: Mapping[str, str] | None = None,
    trusts: bool = False,
) -> Json:
    """The Job. It waits, suspended, until its Secret is there. ``trusts``: that Secret holds an authority."""
    labels = labels_of(slug, settings)
    in_pod: Json = {"labels": {**settings.labels, **labels}}
    if settings.annotations:
        in_pod["annotations"] = dict(settings.annotations)
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "labels": labels},
        "spec": {
            "suspend": True,
            "backoffLimit": 0,
            "activeDeadlineSeconds": LONGEST_S,
            "ttlSecondsAfterFinished": KEPT_S,
            "template": {
                "metadata": in_pod,
                "spec": _pod(name, slug, source, secret, settings, {**(proxies or {}), **_trust(trusts)}),
            },
        },
    }


def _trust(trusts: bool) -> dict[str, str]:
    return {"GIT_SSL_CAINFO": f"{PRIVATE}/{_TRUST}"} if trusts else {}


def _pod(
    name: str, slug: str, source: GitSource, secret: str | None, settings: PodSettings, through: Mapping[str, str]
) -> Json:
    spec: Json = {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": 5,
        "securityContext": settings.contexts(PodSecurity.RESTRICTED).pod,
        "containers": [_git(slug, source, secret, settings, through)],
        "volumes": [
            {"name": "volume", "persistentVolumeClaim": {"claimName": dataset_claim(slug)}},
            {"name": "private", "secret": {"secretName": name, "items": _items(secret, settings, through)}},
            {"name": "tmp", "emptyDir": {"sizeLimit": "256Mi"}},
        ],
    }
    if settings.priority_class:
        spec["priorityClassName"] = settings.priority_class
    if settings.image_pull_secrets:
        spec["imagePullSecrets"] = [{"name": secret_name} for secret_name in settings.image_pull_secrets]
    return spec


def _items(secret: str | None, settings: PodSettings, through: Mapping[str, str]) -> list[Json]:
    # a Secret's files are root's, and the pod's group reads them: to ssh that is no other's key
    found: list[Json] = [
        {"key": file, "path": file, "mode": 0o550 if mode & 0o100 else 0o440}
        for file, (_, mode) in private_files(secret, settings.known_hosts).items()
    ]
    names = ["passwd", *([_TRUST] if f"{PRIVATE}/{_TRUST}" in through.values() else [])]
    return found + [{"key": file, "path": file, "mode": 0o440} for file in names]


def _git(slug: str, source: GitSource, secret: str | None, settings: PodSettings, through: Mapping[str, str]) -> Json:
    env = {
        **through,
        **git_environment(source.url, secret, PRIVATE, f"{_VOLUME}/.fetch", settings.known_hosts),
        "HOME": "/tmp",
        "LANG": "C.UTF-8",
    }
    command = ["/bin/sh", "-c", SHOW, "show", slug, source.url, source.ref, digest(source), SCRIPT]
    container: Json = {
        "name": "git",
        "image": settings.git_image,
        "command": [literal(part) for part in command],
        "env": [{"name": key, "value": literal(value)} for key, value in sorted(env.items())],
        # what git said last is all that is asked of a pod that has ended
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "resources": {
            "limits": {"cpu": "1", "memory": "2Gi"},
            "requests": {"cpu": "10m", "memory": "64Mi"},
        },
        "securityContext": settings.contexts(PodSecurity.RESTRICTED).ours,
        "volumeMounts": [
            {"name": "volume", "mountPath": _VOLUME},
            {"name": "private", "mountPath": PRIVATE, "readOnly": True},
            {"name": "private", "mountPath": "/etc/passwd", "subPath": "passwd", "readOnly": True},
            {"name": "tmp", "mountPath": "/tmp"},
        ],
    }
    if settings.image_pull_policy:
        container["imagePullPolicy"] = settings.image_pull_policy
    return container
