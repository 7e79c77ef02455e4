"""A group's folder that the cluster cannot make: its own words, before anything is started."""

from __future__ import annotations

import pytest

from primehub_services.domain.claim_making import ClaimStorage
from primehub_services.domain.launch import Mount, MountKind
from primehub_services.domain.pods import project_need
from primehub_services.engines.kubernetes.claim_troubles import ClaimTroubles, FolderTroubles
from primehub_services.engines.kubernetes.claims import Claims
from primehub_services.engines.kubernetes.cluster import Cluster
from tests.support.cluster import own_namespace, require_cluster
from tests.support.waiting import wait_for_async

pytestmark = pytest.mark.cluster
ABSENT = "no-such-class-of-storage"


async def test_why_a_folder_cannot_be_made_is_known_without_a_pod_that_waits_for_it() -> None:
    require_cluster()
    with own_namespace() as namespace:
        cluster = await Cluster.connect(namespace.name)
        try:
            storage = ClaimStorage(instance="test", group_class=ABSENT, group_capacity="10Mi")
            claims = Claims(cluster, storage)
            folders = FolderTroubles(claims, ClaimTroubles(cluster))

            async def told() -> bool:
                return ABSENT in await folders.trouble(project_need("team", None))

            await wait_for_async(told, 60, what="the cluster says why")
            text = await folders.trouble(project_need("team", None))
            assert text.startswith("its storage cannot be made: "), text
            # neither does a job wait for it
            project = Mount(kind=MountKind.PROJECT, slug="team", path="/project/team")
            assert await claims.ready([project]) == {project_need("team", None).name: text}
        finally:
            await cluster.close()
