"""What is said of claims before a pod would wait for them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from kubernetes_asyncio.client import ApiException

from primehub_services.domain.claim_making import ClaimStorage
from primehub_services.domain.claim_reasons import claim_trouble
from primehub_services.domain.launch import MountKind
from primehub_services.domain.pods import ClaimNeed
from primehub_spawner import kube_claims
from primehub_spawner.kube_claims import missing_claims

HOME = ClaimNeed("claim-ann", MountKind.HOME, "ann", True, "ReadWriteOnce", 5)
PROJECT = ClaimNeed("project-team", MountKind.PROJECT, "team", True, "ReadWriteMany")
SHARE = ClaimNeed("dataset-share", MountKind.DATASET, "share", False, "ReadWriteMany")
SETTINGS = ClaimStorage(instance="ph", home_class="fast", group_class="shared", group_capacity="50Gi")


def claim(phase: str) -> dict[str, Any]:
    """A claim as the API has it."""
    return {"metadata": {}, "status": {"phase": phase}}


def happened(reason: str, message: str = "") -> list[dict[str, Any]]:
    """The events of a claim."""
    return [{"reason": reason, "message": message}]


class FakeCluster:
    """Binds what it makes, or says what is wrong with it."""

    def __init__(self, events: dict[str, list[dict[str, Any]]] | None = None) -> None:
        self.claims: dict[str, dict[str, Any]] = {}
        self.events = events or {}
        self.made: list[dict[str, Any]] = []
        self.refuses: ApiException | None = None

    async def claim(self, name: str) -> dict[str, Any] | None:
        return self.claims.get(name)

    async def create_claim(self, manifest: dict[str, Any]) -> None:
        if self.refuses is not None:
            raise self.refuses
        name = manifest["metadata"]["name"]
        self.made.append(manifest)
        self.claims[name] = claim("Pending" if name in self.events else "Bound")

    async def claim_events(self, name: str) -> list[dict[str, Any]]:
        return self.events.get(name, [])


async def test_the_platforms_claims_are_made_with_the_class_of_their_kind() -> None:
    cluster = FakeCluster()
    assert await missing_claims(cluster, [HOME, PROJECT], SETTINGS) == {}  # type: ignore[arg-type]
    specs = {made["metadata"]["name"]: made["spec"] for made in cluster.made}
    assert specs["claim-ann"]["storageClassName"] == "fast"
    assert specs["claim-ann"]["resources"] == {"requests": {"storage": "5Gi"}}
    assert specs["project-team"]["storageClassName"] == "shared"
    assert specs["project-team"]["accessModes"] == ["ReadWriteMany"]
    assert specs["project-team"]["resources"] == {"requests": {"storage": "50Gi"}}


@pytest.mark.parametrize(
    ("labels", "why"),
    [
        ({"primehub.io/instance": "second"}, "belongs to another installation in this namespace, second"),
        ({"primehub.io/instance": "ph", "primehub.io/user": "bob"}, "belongs to something else, bob"),
        ({"primehub.io/instance": "ph", "primehub.io/user": "ann"}, ""),
        # put there by an operator, for us to find
        ({}, ""),
    ],
)
async def test_a_claim_of_somebody_elses_is_never_taken(labels: dict[str, str], why: str) -> None:
    cluster = FakeCluster()
    cluster.claims["claim-ann"] = {"metadata": {"labels": labels}, "status": {"phase": "Bound"}}
    missing = await missing_claims(cluster, [HOME], SETTINGS)  # type: ignore[arg-type]
    assert missing == ({"claim-ann": f"its claim claim-ann {why}"} if why else {})
    assert cluster.made == []


async def test_a_claim_that_the_cluster_does_not_take_is_said_and_one_that_it_cannot_answer_for_is_not_blamed() -> None:
    cluster = FakeCluster()
    cluster.refuses = ApiException(status=403, reason="Forbidden")
    cluster.refuses.body = '{"message": "claims are forbidden: failed quota: disks: must specify requests.storage"}'
    missing = await missing_claims(cluster, [PROJECT], SETTINGS)  # type: ignore[arg-type]
    assert missing["project-team"].startswith("its claim project-team cannot be made: The cluster's quota disks wants")
    cluster.refuses = ApiException(status=503, reason="Service Unavailable")
    with pytest.raises(ApiException):
        await missing_claims(cluster, [PROJECT], SETTINGS)  # type: ignore[arg-type]


async def test_a_claim_that_only_meets_a_conflict_is_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kube_claims, "LOOK_EVERY", 0)
    conflict = ApiException(status=409, reason="Conflict")
    conflict.body = '{"reason": "Conflict", "message": "Operation cannot be fulfilled on resourcequotas"}'

    class Busy(FakeCluster):
        async def create_claim(self, manifest: dict[str, Any]) -> None:
            refusing, self.refuses = self.refuses, None
            if refusing is not None:
                raise refusing
            await super().create_claim(manifest)

    cluster = Busy()
    cluster.refuses = conflict
    assert await missing_claims(cluster, [HOME], SETTINGS) == {}  # type: ignore[arg-type]
    assert "claim-ann" in cluster.claims
    monkeypatch.setattr(kube_claims, "BIND_S", 0)
    always = FakeCluster()
    always.refuses = conflict
    missing = await missing_claims(always, [HOME], SETTINGS)  # type: ignore[arg-type]
    assert "Operation cannot be fulfilled" in missing["claim-ann"]


async def test_a_class_that_cannot_is_said_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kube_claims, "BIND_S", 0.05)
    monkeypatch.setattr(kube_claims, "LOOK_EVERY", 0.01)
    cluster = FakeCluster({"project-team": happened("ProvisioningFailed", "only ReadWriteOnce is supported")})
    missing = await missing_claims(cluster, [HOME, PROJECT], SETTINGS)  # type: ignore[arg-type]
    assert missing == {"project-team": "its storage cannot be made: only ReadWriteOnce is supported"}


def test_which_claims_are_no_trouble() -> None:
    assert claim_trouble(HOME, claim("Bound"), []) == ("", True)
    assert claim_trouble(HOME, claim("Pending"), happened("WaitForFirstConsumer")) == ("", True)


def test_which_claims_are() -> None:
    assert claim_trouble(HOME, None, []) == ("its claim claim-ann went away", True)
    assert "an administrator of the cluster binds it" in claim_trouble(SHARE, None, [])[0]
    assert claim_trouble(HOME, claim("Lost"), []) == ("the storage behind its claim claim-ann is gone", True)
    assert claim_trouble(HOME, claim("Pending"), []) == ("its claim claim-ann is not bound to a volume yet", False)
    unbound = happened("FailedBinding", "no persistent volumes available for this claim and no storage class is set")
    text, final = claim_trouble(SHARE, claim("Pending"), unbound)
    assert final
    assert text.startswith("its claim dataset-share is not bound to a volume: no persistent volumes available")
    mismatch = 'Cannot bind to requested volume "share": incompatible accessMode'
    assert claim_trouble(SHARE, claim("Pending"), happened("VolumeMismatch", mismatch)) == (
        'its claim dataset-share and its volume do not fit: "share" cannot be accessed as the claim asks (accessModes)',
        True,
    )
    small = mismatch.replace("incompatible accessMode", "requested PV is too small")
    text, _ = claim_trouble(SHARE, claim("Pending"), happened("VolumeMismatch", small))
    assert text.endswith('do not fit: "share": requested PV is too small')
    gone = {"metadata": {"deletionTimestamp": "now"}, "status": {"phase": "Bound"}}
    assert claim_trouble(HOME, gone, []) == ("its claim claim-ann is being deleted", True)


def test_a_claim_that_does_not_let_its_groups_do_what_they_may_is_said_and_how_to_mend_it() -> None:
    def modes(*found: str) -> dict[str, Any]:
        return claim("Bound") | {"spec": {"accessModes": list(found)}}

    written = replace(SHARE, written=True)
    text, final = claim_trouble(written, modes("ReadOnlyMany"), [])
    assert final
    assert text == (
        "its claim dataset-share can only be read (ReadOnlyMany), and a group may write to it: "
        "let every group only read it, or bind a claim that can be written to"
    )
    text, _ = claim_trouble(SHARE, modes("ReadWriteOncePod"), [])
    assert text.startswith("its claim dataset-share is for one pod at a time (ReadWriteOncePod)")
    assert claim_trouble(SHARE, modes("ReadOnlyMany"), []) == ("", True)
    assert claim_trouble(written, modes("ReadOnlyMany", "ReadWriteMany"), []) == ("", True)
    assert claim_trouble(written, modes("ReadWriteOnce"), []) == ("", True)
    assert claim_trouble(HOME, modes("ReadWriteOncePod"), []) == ("", True)
