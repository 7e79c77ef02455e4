"""A cluster's nodes have the secrets that images are fetched with: as they are, and not when they are gone."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from primehub_services.controllers import PullSecretController
from primehub_services.domain.secrets import SecretCreate, SecretUpdate
from primehub_services.engines.kubernetes.cluster import Cluster
from primehub_services.engines.kubernetes.pull_secrets import PullSecrets
from primehub_services.operations import secrets
from primehub_services.store.crypto import Keyring
from primehub_services.store.database import Database
from tests.support.clock import FixedClock
from tests.support.cluster import Namespace
from tests.support.factories import Cast

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.cluster,
    pytest.mark.parametrize("database_url", ["sqlite"], indirect=True),
]
NAME = "pull-registry"
REGISTRY = {"name": "registry", "kind": "pull", "registry": "r.example", "username": "ann", "value": "pässword"}
ANOTHERS = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "anothers"}}


@pytest_asyncio.fixture(loop_scope="session")
async def cluster(namespace: Namespace) -> AsyncIterator[Cluster]:
    """The namespace, as the platform asks it, and a Secret in it that is not the platform's."""
    namespace.apply(ANOTHERS)
    found = await Cluster.connect(namespace.name)
    yield found
    await found.close()


def kept(namespace: Namespace) -> Any:
    """What nodes show the registry."""
    found = namespace.get("secret", NAME)
    assert found is not None
    assert found["type"] == "kubernetes.io/dockerconfigjson"
    return json.loads(base64.b64decode(found["data"][".dockerconfigjson"]))


async def test_nodes_are_given_what_is_stored_and_only_that(
    database: Database, cast: Cast, clock: FixedClock, tmp_path: Path, cluster: Cluster, namespace: Namespace
) -> None:
    keyring = Keyring.load_or_create(tmp_path / "encryption.key")
    admin, pull = cast.platform_admin, SecretCreate.model_validate(REGISTRY)
    made = database.write_now(secrets.create, admin, pull, keyring=keyring)
    git = SecretCreate.model_validate({"name": "key", "kind": "git", "value": "s"})
    database.write_now(secrets.create, admin, git, keyring=keyring)
    controller = PullSecretController(database, PullSecrets(cluster, "pulls"), keyring)
    await controller.step(clock.now)
    auth = base64.b64encode("ann:pässword".encode()).decode()
    assert kept(namespace) == {"auths": {"r.example": {"username": "ann", "password": "pässword", "auth": auth}}}
    ours = namespace.list("secrets", "primehub.io/instance=pulls")
    assert [secret["metadata"]["name"] for secret in ours] == [NAME]

    await controller.step(clock.now)
    assert namespace.list("secrets", "primehub.io/instance=pulls") == ours, "what is as it should be is left alone"

    change = SecretUpdate(version=made.version, value="another")
    database.write_now(secrets.update, admin, made.slug, change, keyring=keyring)
    await controller.step(clock.now)
    assert kept(namespace)["auths"]["r.example"]["password"] == "another"

    database.write_now(secrets.delete, admin, made.slug)
    await controller.step(clock.now)
    assert not namespace.list("secrets", "primehub.io/instance=pulls")
    assert namespace.get("secret", "anothers")
