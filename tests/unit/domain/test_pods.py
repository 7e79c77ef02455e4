"""A plan's mounts as a pod's volumes: claims alone, links for what no pod may mount, and what is left out."""

from __future__ import annotations

from primehub_services.domain.launch import LeftOut, Mount, MountKind
from primehub_services.domain.pods import (
    claims_needed,
    dataset_claim,
    folder_trouble,
    literal,
    make_claim,
    operators_manifests,
    pod_folders,
    volume_need,
)
from primehub_services.domain.volumes import EnvSource, GitSource, HostPathSource, NfsSource, PvcSource

HOME = Mount(kind=MountKind.HOME, slug="ann", path="/home/jovyan", capacity=20)
PROJECT = Mount(kind=MountKind.PROJECT, slug="team-a", path="/project/team-a", links=("/home/jovyan/team-a",))
SHARE = Mount(
    kind=MountKind.DATASET,
    slug="share",
    path="/datasets/share",
    read_only=True,
    links=("/home/jovyan/datasets/share",),
    source=NfsSource(server="nfs.example.org", path="/exports/data"),
)
CODE = Mount(
    kind=MountKind.DATASET,
    slug="code",
    path="/datasets/code",
    read_only=True,
    links=("/home/jovyan/datasets/code",),
    source=GitSource(url="https://git.example.org/code.git"),
)
OWN = Mount(
    kind=MountKind.DATASET, slug="own", path="/datasets/own", source=PvcSource(claim="made-before"), read_only=False
)


def test_the_folders_of_a_pod_are_claims_and_links() -> None:
    folders = pod_folders([HOME, PROJECT, SHARE, CODE, OWN])
    assert list(folders.volumes) == [
        {"name": "datasets", "emptyDir": {}},
        {"name": "dataset-code", "persistentVolumeClaim": {"claimName": "dataset-code"}},
        {"name": "dataset-own", "persistentVolumeClaim": {"claimName": "made-before"}},
        {"name": "dataset-share", "persistentVolumeClaim": {"claimName": "dataset-share"}},
        {"name": "home", "persistentVolumeClaim": {"claimName": "claim-ann"}},
        {"name": "project-team-a", "persistentVolumeClaim": {"claimName": "project-team-a"}},
    ]
    assert list(folders.mounts) == [
        {"name": "datasets", "mountPath": "/datasets"},
        {"name": "dataset-code", "mountPath": "/gitsync/code", "readOnly": True},
        {"name": "dataset-own", "mountPath": "/datasets/own"},
        {"name": "dataset-share", "mountPath": "/datasets/share", "readOnly": True},
        {"name": "home", "mountPath": "/home/jovyan"},
        {"name": "project-team-a", "mountPath": "/project/team-a"},
    ]
    assert list(folders.links) == [
        ("/datasets/code", "/gitsync/code/code"),
        ("/home/jovyan/datasets/code", "/datasets/code"),
        ("/home/jovyan/datasets/share", "/datasets/share"),
        ("/home/jovyan/team-a", "/project/team-a"),
    ]
    assert folders.left_out == ()


def test_a_claim_that_is_missing_costs_its_volume_alone() -> None:
    folders = pod_folders([HOME, SHARE], {"dataset-share": "its claim is not there"})
    assert [mount["mountPath"] for mount in folders.mounts] == ["/home/jovyan"]
    assert folders.links == ()
    assert folders.left_out == (LeftOut(volume="share", reason="its claim is not there"),)


def test_a_home_in_a_home_is_mounted_after_it() -> None:
    scratch = Mount(kind=MountKind.SCRATCH, slug="home", path="/home/jovyan")
    folders = pod_folders([HOME.model_copy(update={"path": "/home/jovyan/user"}), scratch])
    assert [mount["mountPath"] for mount in folders.mounts] == ["/home/jovyan", "/home/jovyan/user"]
    assert folders.volumes[0] == {"name": "scratch-home", "emptyDir": {}}


def test_who_makes_a_claim_and_who_may_write_to_it() -> None:
    needs = {need.name: need for need in claims_needed([HOME, HOME, PROJECT, SHARE, CODE, OWN])}
    assert {name: (need.made_by_us, need.access_mode, need.capacity) for name, need in needs.items()} == {
        "claim-ann": (True, "ReadWriteOnce", 20),
        "project-team-a": (True, "ReadWriteMany", None),
        "dataset-share": (False, "ReadWriteMany", None),
        "dataset-code": (True, "ReadWriteMany", None),
        "made-before": (False, "ReadWriteMany", None),
    }
    assert volume_need("variables", EnvSource()) is None


def test_the_manifest_of_a_claim() -> None:
    (need,) = claims_needed([HOME])
    made = make_claim(need, storage_class="fast", default_capacity="10Gi", labels={"primehub.io/instance": "ph"})
    assert made == {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {
            "name": "claim-ann",
            "labels": {
                "primehub.io/instance": "ph",
                "app.kubernetes.io/managed-by": "primehub",
                "primehub.io/user": "ann",
            },
        },
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": "20Gi"}},
            "storageClassName": "fast",
        },
    }
    (project,) = claims_needed([PROJECT])
    spec = make_claim(project, storage_class="", default_capacity="10Gi", labels={})["spec"]
    assert spec == {"accessModes": ["ReadWriteMany"], "resources": {"requests": {"storage": "10Gi"}}}


def test_an_operator_is_shown_what_binds_a_share() -> None:
    source = HostPathSource(path="/mnt/data")
    volume, claim = operators_manifests("share", source, "primehub")
    assert volume["metadata"]["name"] == claim["spec"]["volumeName"] == "primehub-dataset-share"
    assert volume["spec"]["hostPath"] == {"path": "/mnt/data", "type": "Directory"}
    assert volume["spec"]["claimRef"] == {"namespace": "primehub", "name": "dataset-share"}
    assert claim["metadata"]["name"] == dataset_claim("share", source)
    nfs, _ = operators_manifests("share", NfsSource(server="nfs", path="/a"), "primehub")
    assert nfs["spec"]["nfs"] == {"server": "nfs", "path": "/a"}


def test_nothing_in_a_text_is_replaced_by_the_cluster() -> None:
    assert literal("$(HOME) costs $5 $$") == "$$(HOME) costs $$5 $$$$"


def test_only_the_groups_own_folder_is_one_without_which_a_job_does_not_go() -> None:
    other = Mount(kind=MountKind.PROJECT, slug="team-b", path="/project/team-b")
    missing = {"project-team-a": "its claim is gone", "project-team-b": "refused", "dataset-share": "not bound"}
    assert folder_trouble([HOME, PROJECT, other, SHARE], "team-a", missing) == "its claim is gone"
    assert folder_trouble([HOME, PROJECT, other, SHARE], "team-a", {"project-team-b": "refused"}) == ""
    assert folder_trouble([HOME, other], "team-a", missing) == "", "not asked for"
