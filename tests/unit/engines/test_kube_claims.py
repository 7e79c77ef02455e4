"""The claims that a job needs, as the engine finds or makes them."""

from __future__ import annotations

from typing import Any

import pytest

from primehub_services.domain.claim_making import ClaimStorage
from primehub_services.domain.launch import Mount, MountKind
from primehub_services.domain.pods import claims_needed
from primehub_services.engines.base import EngineError
from primehub_services.engines.kubernetes.claims import Claims
from primehub_spawner.kube_claims import missing_claims

STORAGE = ClaimStorage(instance="ph", group_class="shared", group_capacity="50Gi")
TEAM = Mount(kind=MountKind.PROJECT, slug="team", path="/project/team")
OTHERS = {"metadata": {"labels": {"primehub.io/instance": "second", "primehub.io/group": "team"}}}


class Namespace:
    """The claims of a namespace. ``late``: what somebody else makes just before we do."""

    def __init__(self, late: dict[str, Any] | None = None) -> None:
        self.claims: dict[str, dict[str, Any]] = {}
        self.made: list[dict[str, Any]] = []
        self._late = late

    async def get(self, _kind: str, name: str) -> dict[str, Any] | None:
        return self.claims.get(name)

    async def create(self, manifest: dict[str, Any]) -> dict[str, Any] | None:
        name = manifest["metadata"]["name"]
        if self._late is not None:
            self.claims[name] = self._late
            return None
        self.made.append(manifest)
        return self.claims.setdefault(name, manifest)

    # and as the spawner asks for them

    async def claim(self, name: str) -> dict[str, Any] | None:
        return self.claims.get(name)

    async def create_claim(self, manifest: dict[str, Any]) -> None:
        self.made.append(manifest)
        self.claims[manifest["metadata"]["name"]] = {"status": {"phase": "Bound"}}


def claims(namespace: Namespace) -> Claims:
    return Claims(namespace, STORAGE)  # type: ignore[arg-type]


async def test_a_job_and_a_notebook_make_the_same_claim_for_a_group() -> None:
    jobs, notebooks = Namespace(), Namespace()
    assert await claims(jobs).ready([TEAM]) == {}
    assert await missing_claims(notebooks, claims_needed([TEAM]), STORAGE) == {}  # type: ignore[arg-type]
    assert jobs.made == notebooks.made
    assert jobs.made[0]["spec"]["resources"] == {"requests": {"storage": "50Gi"}}


async def test_a_claim_of_another_installation_is_never_taken_not_even_one_that_it_makes_meanwhile() -> None:
    before, meanwhile = Namespace(), Namespace(late=OTHERS)
    before.claims["project-team"] = OTHERS
    why = {"project-team": "its claim project-team belongs to another installation in this namespace, second"}
    assert await claims(before).ready([TEAM]) == why
    assert await claims(meanwhile).ready([TEAM]) == why
    before.claims["dataset-team"] = OTHERS
    with pytest.raises(EngineError, match="another installation"):
        await claims(before).provision("team")
