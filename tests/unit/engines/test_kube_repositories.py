"""What fetches a repository on a cluster, and what it is given."""

from __future__ import annotations

import base64
import os
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from primehub_services.domain.volumes import GitSource
from primehub_services.engines.base import EngineUnavailable, VolumeFailed
from primehub_services.engines.kubernetes import PodSettings, repositories
from primehub_services.engines.kubernetes import repository_manifests as manifests
from primehub_services.engines.kubernetes.cluster import ClusterRefusal
from primehub_services.engines.kubernetes.repositories import commit_of
from primehub_services.sandbox.git_settings import SCRIPT
from tests.support.repository import Repository

SETTINGS = PodSettings(instance="test", api_url="http://api", sidecar_image="s", git_image="registry/git:1")
SOURCE = GitSource(url="https://git.example.org/$(HOME).git", ref="main")
OWNER = {"metadata": {"name": "git-code-1", "uid": "u-1"}}
COMMIT = "0123456789" * 4


def fetch_job(**changes: Any) -> dict[str, Any]:
    return manifests.make_fetch_job("git-code-1", "code", SOURCE, "t0ken", SETTINGS, **changes)


def test_the_pod_that_fetches_has_its_volume_its_secret_and_no_token() -> None:
    job = fetch_job()
    pod = job["spec"].pop("template")["spec"]
    assert job["spec"] == {
        "suspend": True,
        "backoffLimit": 0,
        "activeDeadlineSeconds": 3600,
        "ttlSecondsAfterFinished": 600,
    }
    assert job["metadata"]["labels"] == {
        "app.kubernetes.io/managed-by": "primehub",
        "primehub.io/instance": "test",
        "primehub.io/kind": "git-fetch",
        "primehub.io/volume": "code",
    }
    (git,) = pod.pop("containers")
    volume, private, _ = pod.pop("volumes")
    assert volume == {"name": "volume", "persistentVolumeClaim": {"claimName": "dataset-code"}}
    assert {item["path"]: item["mode"] for item in private["secret"]["items"]} == {
        "config": 0o440,
        "token": 0o440,
        "askpass": 0o550,
        "passwd": 0o440,
    }
    assert pod == {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": 5,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 1000,
            "runAsGroup": 100,
            "fsGroup": 100,
            "fsGroupChangePolicy": "OnRootMismatch",
            "seccompProfile": {"type": "RuntimeDefault"},
        },
    }
    assert git["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
    }
    # the kubelet would replace what is in parentheses
    assert "https://git.example.org/$$(HOME).git" in git["command"]
    assert not [one for one in git["env"] if "t0ken" in str(one)]


def test_what_it_is_given_goes_with_the_job() -> None:
    secret = manifests.make_fetch_secret("git-code-1", "code", "t0ken", SETTINGS, authority="PEM", owner=OWNER)
    (owner,) = secret["metadata"]["ownerReferences"]
    assert owner == {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "name": "git-code-1",
        "uid": "u-1",
        "controller": True,
    }
    texts = {name: base64.b64decode(data).decode() for name, data in secret["data"].items()}
    assert (texts["token"], texts["authority"]) == ("t0ken\n", "PEM")
    assert texts["passwd"] == "git:x:1000:100::/tmp:/bin/sh\n"


def test_the_platforms_proxies_and_authorities_are_those_of_git() -> None:
    pod = fetch_job(proxies={"HTTPS_PROXY": "http://proxy:3128"}, trusts=True)["spec"]["template"]["spec"]
    env = {one["name"]: one["value"] for one in pod["containers"][0]["env"]}
    assert (env["HTTPS_PROXY"], env["GIT_SSL_CAINFO"]) == ("http://proxy:3128", "/private/authority")
    assert "authority" in [item["key"] for item in pod["volumes"][1]["secret"]["items"]]


def test_the_keys_that_an_administrator_names_are_those_of_the_servers() -> None:
    settings = replace(SETTINGS, known_hosts=("git.example.org ssh-ed25519 AAAA", "other ssh-rsa BBBB"))
    job = manifests.make_fetch_job("git-code-1", "code", SOURCE, None, settings)
    secret = manifests.make_fetch_secret("git-code-1", "code", None, settings, owner=OWNER)
    pod = job["spec"]["template"]["spec"]
    assert {"key": "known_hosts", "path": "known_hosts", "mode": 0o440} in pod["volumes"][1]["secret"]["items"]
    assert base64.b64decode(secret["data"]["known_hosts"]).decode() == "\n".join((*settings.known_hosts, ""))
    env = {one["name"]: one["value"] for one in pod["containers"][0]["env"]}
    assert "UserKnownHostsFile=/private/known_hosts" in env["GIT_SSH_COMMAND"].split()


@pytest.mark.parametrize(
    ("ended", "words"),
    [
        ({"exitCode": 0, "message": "something else"}, "git could not fetch it"),
        ({"exitCode": 128, "message": "fatal: Authentication failed for t0ken"}, "asks for a sign-in"),
        ({"exitCode": 1, "message": "fatal: t0ken is odd"}, r"\*\*\* is odd"),
        ({"exitCode": 137, "reason": "OOMKilled"}, "out of memory"),
        ({"exitCode": 1, "message": "Its node went away.", "told": True}, "^Its node went away"),
    ],
)
def test_a_failure_is_told_in_words_without_the_secret(ended: dict[str, Any], words: str) -> None:
    with pytest.raises(VolumeFailed, match=words):
        commit_of(ended, "t0ken")
    assert commit_of({"exitCode": 0, "message": f"new {COMMIT}\n"}, None) == COMMIT


def test_only_a_whole_clone_is_shown_and_the_one_before_stays(tmp_path: Path) -> None:
    volume = tmp_path / "volume"
    volume.mkdir()
    repository = Repository(tmp_path / "team")
    commits = []
    for text in ("one", "two", "three"):
        commits.append(repository.commit(a_txt=text))
        # the second time there is nothing new
        assert [_show(tmp_path, repository.url) for _ in range(2)] == [f"new {commits[-1]}", f"same {commits[-1]}"]
        assert (volume / "code" / "a.txt").read_text() == text
    clones = sorted(path.name[:40] for path in volume.iterdir() if not path.is_symlink() and path.name[0] != ".")
    assert clones == sorted(commits[1:])


def _show(folder: Path, url: str) -> str:
    """What the pod's script says, run here with real git."""
    script = manifests.SHOW.replace("/volume", str(folder / "volume")).replace("/dev/termination-log", f"{folder}/said")
    words = ["sh", "-c", script, "show", "code", url, "", "0a1b2c3d", SCRIPT]
    env = {"PATH": os.environ["PATH"], "HOME": str(folder), "GIT_CONFIG_NOSYSTEM": "1"}
    subprocess.run(words, env=env, check=True, capture_output=True)
    return (folder / "said").read_text().strip()


class Fetches:
    """A cluster on which a fetch ends, with claims. ``troubles`` are raised by the looks at its pod, one each; ``kept`` by
    the end of its Job."""

    def __init__(self, *troubles: Exception, kept: Exception | None = None) -> None:
        self._troubles = list(troubles)
        self._kept = kept
        self.deleted: list[str] = []

    async def provision(self, _slug: str) -> None:
        """It is there."""

    async def apply(self, manifest: dict[str, Any]) -> dict[str, Any]:
        return {**manifest, "metadata": {**manifest["metadata"], "uid": "u-1"}}

    async def patch(self, *_: object) -> None:
        """It begins."""

    async def list_(self, kind: str, query: dict[str, str]) -> tuple[list[dict[str, Any]], str]:
        if kind == "Job" or "job-name" not in query["labelSelector"]:
            return [], "1"
        if self._troubles:
            raise self._troubles.pop(0)
        over = {"terminated": {"exitCode": 0, "message": f"new {COMMIT}"}}
        return [{"status": {"phase": "Succeeded", "containerStatuses": [{"state": over}]}}], "1"

    async def delete(self, _kind: str, name: str) -> None:
        self.deleted.append(name)
        if self._kept is not None:
            raise self._kept


@pytest.mark.parametrize("error", [EngineUnavailable("429"), ClusterRefusal(403, "cannot list resource")])
async def test_a_cluster_that_is_away_for_a_moment_costs_no_fetch(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    monkeypatch.setattr(repositories, "LOOK_EVERY_S", 0)
    cluster = Fetches(error, error, kept=error)
    found = repositories.Repositories(cluster, SETTINGS, cluster, {})  # type: ignore[arg-type]
    assert await found.fetch("code", SOURCE, None) == COMMIT
    assert len(cluster.deleted) == 1


async def test_a_fetch_of_which_nothing_is_heard_for_as_long_as_it_may_take_has_failed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(repositories, "LOOK_EVERY_S", 0)
    monkeypatch.setattr(repositories, "LONGEST_S", -1)
    cluster = Fetches(ClusterRefusal(403, "cannot list resource"))
    with pytest.raises(VolumeFailed, match="cannot list resource"):
        await repositories.Repositories(cluster, SETTINGS, cluster, {}).fetch("code", SOURCE, None)  # type: ignore[arg-type]
