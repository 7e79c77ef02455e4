"""What a crash between two steps of a start leaves in a real cluster is put right by whoever comes next."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from primehub_services.engines.kubernetes.manifests import make_secret
from primehub_services.store.database import Database
from tests.contract.engines.rigs import KubernetesRig
from tests.support.kube_engine import INSTANCE, OnCluster, on_cluster
from tests.support.waiting import wait_for_async

pytestmark = pytest.mark.cluster


class Killed(Exception):
    """Stands for the end of the process."""


async def test_values_whose_job_was_made_and_no_more_are_given_to_it_by_the_next_apply_or_the_sweep(
    tmp_path: Path, migrated_sqlite: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(migrated_sqlite, tmp_path / "primehub.sqlite")
    database = Database(f"sqlite:///{tmp_path / 'primehub.sqlite'}")
    try:
        async with on_cluster(database, tmp_path) as there:
            workload = KubernetesRig(there).runs("job-one")
            await _cut_off(there, monkeypatch, workload)
            assert not _owners(there)
            (ref,) = [ref async for ref in there.engine.apply(workload)]
            assert _owners(there) == [ref.uid]

            there.namespace.kubectl("patch", "secret", ref.name, "-p", '{"metadata":{"ownerReferences":null}}')
            orphan = make_secret(KubernetesRig(there).runs("job-none"), "t", there.engine._settings)
            there.namespace.apply(orphan)
            jobs = there.engine._jobs.items

            async def known() -> bool:
                return ref.name in jobs

            await wait_for_async(known, 20, what="the Job is known")
            for _ in range(2):
                await there.engine._sweeper.step({ref.key: jobs[ref.name]})
            assert _owners(there) == [ref.uid]
            assert there.namespace.get("secret", "job-none") is None
    finally:
        database.close()


async def _cut_off(there: OnCluster, monkeypatch: pytest.MonkeyPatch, workload: Any) -> None:
    """A start that ends right after the Job is made."""
    cluster = there.engine._cluster
    real = cluster.apply

    async def apply(manifest: dict[str, Any]) -> dict[str, Any]:
        if manifest["metadata"].get("ownerReferences"):
            raise Killed
        return await real(manifest)

    with monkeypatch.context() as patch:
        patch.setattr(cluster, "apply", apply)
        with pytest.raises(Killed):
            [ref async for ref in there.engine.apply(workload)]
    assert there.namespace.get("job", "job-one") is not None


def _owners(there: OnCluster) -> list[str]:
    (secret,) = there.namespace.list("secrets", f"primehub.io/instance={INSTANCE},primehub.io/start=job-one")
    return [owner["uid"] for owner in secret["metadata"].get("ownerReferences", ())]
