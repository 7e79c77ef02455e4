"""Secrets for a cluster's nodes that it refuses, or has of somebody else. Of what it takes, a real cluster's tests tell."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from primehub_services.controllers import PullSecretController
from primehub_services.domain.secrets import SecretCreate
from primehub_services.engines.base import EngineUnavailable
from primehub_services.engines.kubernetes.cluster import Cluster, ClusterRefusal
from primehub_services.engines.kubernetes.pull_secrets import PullSecrets
from primehub_services.operations import secrets
from primehub_services.store.crypto import Keyring
from primehub_services.store.database import Database
from tests.support.clock import FixedClock
from tests.support.factories import Cast

NAME = "pull-registry"


class Namespace(Cluster):
    """Secrets as a cluster keeps them; ``refuses`` is what it says to every change."""

    def __init__(self) -> None:
        self.secrets: dict[str, dict[str, Any]] = {"other": {"metadata": {"name": "other"}, "data": {}}}
        self.applied: list[str] = []
        self.refuses: ClusterRefusal | None = None

    async def list_(self, kind: str, query: Any) -> tuple[list[dict[str, Any]], str]:
        assert query == {
            "labelSelector": "app.kubernetes.io/managed-by=primehub,primehub.io/instance=test,primehub.io/kind=pull-secret"
        }
        return [secret for secret in self.secrets.values() if "labels" in secret["metadata"]], ""

    async def create(self, manifest: dict[str, Any]) -> dict[str, Any] | None:
        name = manifest["metadata"]["name"]
        return None if name in self.secrets else await self.apply(manifest)

    async def apply(self, manifest: dict[str, Any]) -> dict[str, Any]:
        if self.refuses is not None and manifest["metadata"]["name"] == NAME:
            raise self.refuses
        self.applied.append(manifest["metadata"]["name"])
        self.secrets[manifest["metadata"]["name"]] = manifest
        return manifest

    async def delete(self, kind: str, name: str, *, grace: int | None = None) -> None:
        del self.secrets[name]


@pytest.fixture
def keyring(tmp_path: Path) -> Keyring:
    return Keyring.load_or_create(tmp_path / "encryption.key")


def make(database: Database, cast: Cast, keyring: Keyring, **fields: Any) -> Any:
    values = {"name": "registry", "kind": "pull", "registry": "r.example", "username": "ann", "value": "pässword"}
    spec = SecretCreate.model_validate(values | fields)
    return database.write_now(secrets.create, cast.platform_admin, spec, keyring=keyring)


async def test_an_operators_secret_is_left_alone_and_one_that_cannot_be_made_holds_up_no_other(
    database: Database, cast: Cast, clock: FixedClock, keyring: Keyring
) -> None:
    for name in ("registry", "theirs", "zulu"):
        make(database, cast, keyring, name=name)
    cluster = Namespace()
    theirs = cluster.secrets["pull-theirs"] = {"metadata": {"name": "pull-theirs"}, "data": {"a": "b"}}
    cluster.refuses = ClusterRefusal(403, "a policy forbids it")
    with pytest.raises(EngineUnavailable, match=r"pull-registry: a policy forbids it; .*pull-theirs that is not this"):
        await PullSecretController(database, PullSecrets(cluster, "test"), keyring).step(clock.now)
    assert cluster.applied == ["pull-zulu"]
    assert cluster.secrets["pull-theirs"] is theirs
    assert theirs["data"] == {"a": "b"}


async def test_a_refusal_says_nothing_of_the_value(
    database: Database, cast: Cast, clock: FixedClock, keyring: Keyring
) -> None:
    make(database, cast, keyring)
    cluster = Namespace()
    cluster.refuses = ClusterRefusal(403, "secrets is forbidden")
    with pytest.raises(EngineUnavailable, match="secrets is forbidden") as failure:
        await PullSecretController(database, PullSecrets(cluster, "test"), keyring).step(clock.now)
    assert "pässword" not in repr(failure.value)
    assert failure.value.__cause__ is None
