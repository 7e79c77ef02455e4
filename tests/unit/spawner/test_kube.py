"""What is asked of a cluster for a start: the whole pod, compared, and what its messages become."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from kubernetes_asyncio.client import ApiException

from primehub_services.domain import notebook_pods
from primehub_services.domain.handshake import StartEvent
from primehub_services.domain.images import ContainerSource
from primehub_services.domain.instance_types import Effect, Toleration, TolerationOperator
from primehub_services.domain.launch import LaunchPlan, Mount, MountKind, WorkloadKind
from primehub_services.domain.pod_security import Ids, PodSecurity
from primehub_services.domain.pods import pod_folders
from primehub_services.domain.prelude import EITHER_SHELL, start_script
from primehub_services.domain.resources import Resources
from primehub_services.domain.volumes import NfsSource
from primehub_spawner import kube_render
from primehub_spawner.kube import PrimeHubKubeSpawner
from primehub_spawner.server import NOTEBOOK_MAIN
from tests.support.kube_spawner import manifest, without_cluster

IDS = Ids(user=1000, group=100, files=100)
START = "0123456789abcdef0123456789abcdef"
NOW = datetime(2026, 3, 1, tzinfo=UTC)
PLAN = LaunchPlan(
    start_id=START,
    kind=WorkloadKind.NOTEBOOK,
    user="ann@example.org",
    user_slug="ann-example-org-1a2b3c4d",
    group="team-a",
    group_name="Team {A}",
    instance_type="gpu-1",
    image="base",
    image_source={"type": "container", "url": "r.example.org/base:1"},
    image_location="r.example.org/base:1-gpu",
    limits=Resources(cpu=1.5, memory="2Gi", gpu=1),
    requests=Resources(cpu=0.5, memory="1Gi", gpu=1),
    node_selector={"pool": "gpu"},
    tolerations=(
        Toleration(key="gpu", operator=TolerationOperator.EXISTS, effect=Effect.NO_EXECUTE, toleration_seconds=60),
    ),
    mounts=(
        Mount(kind=MountKind.HOME, slug="ann-example-org-1a2b3c4d", path="/home/jovyan"),
        Mount(kind=MountKind.PROJECT, slug="team-a", path="/project/team-a", links=("/home/jovyan/team-a",)),
        Mount(
            kind=MountKind.DATASET,
            slug="share",
            path="/datasets/share",
            read_only=True,
            source=NfsSource(server="nfs", path="/x"),
        ),
    ),
    environment={"PRICE": "$5 for $(HOME) {all}", "MY-DATA_KEY": "value", "JUPYTERHUB_USER": "somebody-else"},
    profiles=("/project/team-a/.primehub/profile",),
    idle_timeout=0,
)


@pytest_asyncio.fixture
async def spawner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[PrimeHubKubeSpawner]:
    """A spawner that has a cluster's address and never asks it."""
    # what the hub gives every server is the hub's own affair
    hubs = {"JUPYTERHUB_USER": "ann@example.org", "JUPYTERHUB_API_TOKEN": "t$k", "UNSET": None}
    async with without_cluster(tmp_path, monkeypatch, PLAN, hubs) as made:
        yield made


async def test_the_whole_pod_of_a_start(spawner: PrimeHubKubeSpawner) -> None:
    spawner.scratch_capacity = "20Gi"
    spawner._take_up(PLAN, {})
    pod = await manifest(spawner)
    annotations = pod["metadata"].pop("annotations")
    container = pod["spec"]["containers"][0]
    environment = {variable["name"]: variable["value"] for variable in container.pop("env")}
    command, arguments = container.pop("command"), container.pop("args")
    assert pod == {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": f"notebook-{START}",
            "labels": {
                "app.kubernetes.io/component": "singleuser-server",
                "app.kubernetes.io/managed-by": "primehub",
                "component": "singleuser-server",
                "hub.jupyter.org/servername": "",
                "hub.jupyter.org/username": pod["metadata"]["labels"]["hub.jupyter.org/username"],
                "primehub.io/group": "team-a",
                "primehub.io/instance": "ph",
                "primehub.io/kind": "notebook",
                "primehub.io/start": START,
                "primehub.io/user": "ann-example-org-1a2b3c4d",
            },
        },
        "spec": {
            "affinity": {
                "podAffinity": {
                    "preferredDuringSchedulingIgnoredDuringExecution": [
                        {
                            "weight": 100,
                            "podAffinityTerm": {
                                "labelSelector": {
                                    "matchLabels": {
                                        "app.kubernetes.io/managed-by": "primehub",
                                        "primehub.io/instance": "ph",
                                        "primehub.io/kind": "notebook",
                                        "primehub.io/user": "ann-example-org-1a2b3c4d",
                                    }
                                },
                                "topologyKey": "kubernetes.io/hostname",
                            },
                        }
                    ]
                }
            },
            "automountServiceAccountToken": False,
            "containers": [
                {
                    "name": "notebook",
                    "image": "r.example.org/base:1-gpu",
                    "lifecycle": {},
                    "ports": [{"name": "notebook-port", "containerPort": 8888}],
                    "resources": {
                        "limits": {
                            "cpu": 1.5,
                            "memory": 2147483648,
                            "nvidia.com/gpu": "1",
                            "ephemeral-storage": "20Gi",
                        },
                        "requests": {
                            "cpu": 0.5,
                            "memory": 1073741824,
                            "nvidia.com/gpu": "1",
                            "ephemeral-storage": "1Mi",
                        },
                    },
                    "securityContext": {
                        "allowPrivilegeEscalation": False,
                        "capabilities": {"drop": ["ALL"]},
                    },
                    "volumeMounts": [
                        {"name": "dataset-share", "mountPath": "/datasets/share", "readOnly": True},
                        {"name": "home", "mountPath": "/home/jovyan"},
                        {"name": "project-team-a", "mountPath": "/project/team-a"},
                        {"name": "tmp", "mountPath": "/tmp"},
                    ],
                }
            ],
            "enableServiceLinks": False,
            "imagePullSecrets": [],
            "nodeSelector": {"pool": "gpu"},
            "restartPolicy": "Never",
            "securityContext": {
                "fsGroup": 100,
                "fsGroupChangePolicy": "OnRootMismatch",
                "runAsGroup": 100,
                "runAsNonRoot": True,
                "runAsUser": 1000,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "terminationGracePeriodSeconds": 4,
            "tolerations": [{"key": "gpu", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 60}],
            "volumes": [
                {"name": "dataset-share", "persistentVolumeClaim": {"claimName": "dataset-share"}},
                {"name": "home", "persistentVolumeClaim": {"claimName": "claim-ann-example-org-1a2b3c4d"}},
                {"name": "project-team-a", "persistentVolumeClaim": {"claimName": "project-team-a"}},
                {"name": "tmp", "emptyDir": {"sizeLimit": "20Gi"}},
            ],
        },
    }
    assert (
        annotations.items()
        >= {
            "primehub.io/group-name": "Team {A}",
            "primehub.io/image-name": "base",
            "primehub.io/instance-type": "gpu-1",
            "cluster-autoscaler.kubernetes.io/safe-to-evict": "false",
            "karpenter.sh/do-not-disrupt": "true",
        }.items()
    )
    assert environment == {
        "HOME": "/home/jovyan",
        "USER": "jovyan",
        "LOGNAME": "jovyan",
        "NB_USER": "jovyan",
        "JUPYTER_RUNTIME_DIR": "/tmp/jupyter",
        # the cluster replaces $(HOME), KubeSpawner {all}; neither is to
        "PRICE": "$$5 for $$(HOME) {all}",
        "PRIMEHUB_VARIABLE_0": "value",
        "JUPYTERHUB_USER": "ann@example.org",
        "JUPYTERHUB_API_TOKEN": "t$$k",
        "PRIMEHUB_API_URL": "http://api/v1",
    }
    script = start_script(
        [("/home/jovyan/team-a", "/project/team-a")],
        PLAN.profiles,
        cwd="/home/jovyan",
        odd={"PRIMEHUB_VARIABLE_0": "MY-DATA_KEY"},
    )
    assert [part.replace("$$", "$") for part in command] == [*EITHER_SHELL, script, "primehub"]
    assert [part.replace("$$", "$") for part in arguments] == [
        "python3",
        "-c",
        NOTEBOOK_MAIN,
        "--KernelManager.transport=ipc",
    ]


async def test_nothing_of_a_start_is_left_to_the_next(spawner: PrimeHubKubeSpawner) -> None:
    spawner.node_selector = {"pool": "any"}
    spawner.extra_labels = {"cost-centre": "7"}
    spawner.pod_affinity_preferred = ours = [{"weight": 1, "podAffinityTerm": {"topologyKey": "zone"}}]
    spawner._take_up(PLAN.model_copy(update={"pod_security": PodSecurity.BASELINE}), {})
    security = (await manifest(spawner))["spec"]["containers"][0]["securityContext"]
    assert security == {"capabilities": {"drop": ["NET_RAW"]}}
    plain = PLAN.model_copy(
        update={"limits": Resources(cpu=1, memory="1Gi"), "node_selector": {}, "tolerations": (), "mounts": ()}
    )
    spawner.running_plan = plain
    spawner._take_up(plain, {})
    spec = (pod := await manifest(spawner))["spec"]
    assert spec["nodeSelector"] == {"pool": "any"}
    # whose start mounts nothing of the person's has nothing to be beside
    assert spec["affinity"]["podAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"] == ours
    assert "tolerations" not in spec
    assert [volume["name"] for volume in spec["volumes"]] == ["tmp"]
    assert "nvidia.com/gpu" not in spec["containers"][0]["resources"]["limits"]
    assert pod["metadata"]["labels"]["cost-centre"] == "7"
    assert (spec["securityContext"]["runAsUser"], spec["securityContext"]["runAsNonRoot"]) == (1000, True)
    assert spec["containers"][0]["securityContext"]["allowPrivilegeEscalation"] is False


async def test_who_a_server_is_may_be_a_function_of_it(spawner: PrimeHubKubeSpawner) -> None:
    spawner.uid = lambda server: 2000 + len(server.user.name)
    spawner.gid = None
    for _ in range(2):  # the second start from nothing of the first
        spawner._take_up(PLAN, {})
        security = (await manifest(spawner))["spec"]["securityContext"]
        assert (security["runAsUser"], "runAsGroup" in security) == (2000 + len("ann@example.org"), False)


async def test_a_group_that_may_have_more_is_told_that_its_namespace_may_not(spawner: PrimeHubKubeSpawner) -> None:
    error = ApiException(status=403, reason="Forbidden")
    error.body = (
        '{"message": "pods \\"x\\" is forbidden: violates PodSecurity \\"restricted:latest\\": runAsNonRoot != true"}'
    )
    assert "security level (restricted) forbids it" in spawner._refusal_of(error).sentence
    spawner.running_plan = PLAN.model_copy(update={"pod_security": PodSecurity.BASELINE})
    assert "may have more (baseline)" in spawner._refusal_of(error).sentence


async def test_an_image_is_fetched_with_its_own_secret_beside_the_operators(spawner: PrimeHubKubeSpawner) -> None:
    spawner.image_pull_secrets = ["operators"]
    source = ContainerSource(url="r.example.org/base:1", pull_secret="ours")
    spawner._take_up(PLAN.model_copy(update={"image_source": source}), {})
    found = (await manifest(spawner))["spec"]["imagePullSecrets"]
    assert found == [{"name": "operators"}, {"name": "pull-ours"}]
    spawner._take_up(PLAN, {})
    assert (await manifest(spawner))["spec"]["imagePullSecrets"] == [{"name": "operators"}]


async def test_a_volume_without_its_claim_is_left_out_and_said(
    spawner: PrimeHubKubeSpawner, monkeypatch: pytest.MonkeyPatch
) -> None:
    reported: list[StartEvent] = []
    monkeypatch.setattr(spawner, "_report", reported.append)
    why = "its claim dataset-share is not in the cluster"
    spawner._take_up(PLAN, {"dataset-share": why})
    spec = (await manifest(spawner))["spec"]
    assert "dataset-share" not in [volume["name"] for volume in spec["volumes"]]
    assert spawner.told[-1]["message"] == reported[-1].message == f"Without share: {why}"
    assert reported[-1].model_dump(exclude_unset=True)["left_out"] == {"volume": "share", "reason": why}
    spawner.note(35, "creating", "Pulling the image")
    assert "left_out" not in reported[-1].model_fields_set


async def test_the_pods_name_is_kept_for_a_hub_that_comes_back(spawner: PrimeHubKubeSpawner) -> None:
    assert spawner.get_state()["pod_name"] == f"notebook-{START}"
    spawner.clear_state()
    assert spawner.pod_name != f"notebook-{START}"


async def test_a_pod_is_never_written_to_the_log(
    spawner: PrimeHubKubeSpawner, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*_: Any, **__: Any) -> None:
        error = ApiException(status=403, reason="Forbidden")
        error.body = (
            '{"reason": "Forbidden", "message": "pods \\"x\\" is forbidden: failed quota: q: must specify limits.cpu"}'
        )
        raise error

    monkeypatch.setattr(spawner.api, "create_namespaced_pod", refuse)
    spawner._take_up(PLAN, {})
    with pytest.raises(ApiException) as raised:
        await spawner._make_create_pod_request(await spawner.get_pod_manifest(), 5)
    assert spawner._refusal_of(raised.value).code == "quota"
    assert "t$$k" not in caplog.text


def event(reason: str, message: str, kind: str = "Normal", container: str = "notebook") -> dict[str, Any]:
    """An event as the API has it."""
    return {
        "type": kind,
        "reason": reason,
        "message": message,
        "involvedObject": {"fieldPath": f"spec.containers{{{container}}}"},
    }


def test_the_story_of_a_start() -> None:
    events = [
        event("FailedScheduling", "0/1 nodes are available: 1 Insufficient cpu. preemption: no", "Warning"),
        event("Scheduled", "Successfully assigned primehub/notebook-1 to node-7"),
        event("Pulling", 'Pulling image "r/base:1"'),
        event(
            "Pulled", 'Successfully pulled image "r/base:1" in 3.2s (3.2s including waiting). Image size: 2147483648 bytes.'
        ),
        event("Created", "Created container: notebook"),
        event("Started", "Started container: sidecar", container="sidecar"),
        event("Started", "Started container: notebook"),
    ]  # fmt: skip
    assert [(step.progress, step.message) for step in kube_render.steps(None, events)] == [
        (
            35,
            "No node of the cluster (1 node) can take it now: 1 node has too little free CPU. "
            "It starts as soon as something ends, or choose a smaller size.",
        ),
        (40, "A place is found on the node node-7."),
        (45, "The node fetches the image r/base:1."),
        (60, "The node has fetched the image (in 3.2s, 2Gi)."),
        (70, "The server's process has begun."),
    ]
    present = event("Pulled", 'Container image "r/base:1" already present on machine')
    assert kube_render.steps(None, [present])[0].message == "The node has the image already."


def pod(phase: str, terminated: dict[str, Any] | None = None, **metadata: Any) -> dict[str, Any]:
    """A pod as the API has it."""
    state = {"running": {}} if terminated is None else {"terminated": terminated}
    return {
        "metadata": metadata,
        "status": {"phase": phase, "containerStatuses": [{"name": "notebook", "state": state}]},
    }


def test_what_lives_and_how_it_ended() -> None:
    assert notebook_pods.alive({"status": {"phase": "Pending"}}, NOW)
    assert notebook_pods.alive(pod("Running"), NOW)
    assert notebook_pods.alive(pod("Failed"), NOW)  # its container still runs
    over = pod("Failed", {"reason": "OOMKilled", "exitCode": 137})
    assert not notebook_pods.alive(over, NOW)
    assert notebook_pods.ending(over, NOW) == (137, "OOMKilled")
    assert notebook_pods.ending(pod("Failed", {"reason": "Error", "exitCode": 1}), NOW) == (1, "Error")
    assert notebook_pods.ending(pod("Succeeded", {"reason": "Completed", "exitCode": 0}), NOW) == (0, "Completed")
    asked = pod("Failed", {"reason": "Error", "exitCode": 143}, annotations={notebook_pods.STOPPED: NOW.isoformat()})
    assert notebook_pods.ending(asked, NOW) == (143, "Stopped")
    evicted = {"metadata": {}, "status": {"phase": "Failed", "reason": "Evicted", "message": "low on disk"}}
    assert notebook_pods.ending(evicted, NOW) == (None, "Its node had to end it: low on disk.")


def test_what_should_have_ended_a_minute_ago_is_on_a_node_that_went_away() -> None:
    later = NOW + notebook_pods.OUT_OF_REACH
    evicted = pod("Running", deletionTimestamp=NOW.isoformat().replace("+00:00", "Z"))
    stopped = pod(
        "Running", annotations={notebook_pods.STOPPED: (NOW - timedelta(seconds=1 + notebook_pods.GRACE)).isoformat()}
    )
    for ends in (evicted, stopped):
        assert notebook_pods.alive(ends, later)
        assert not notebook_pods.lost(ends, later)
        assert not notebook_pods.alive(ends, later + timedelta(seconds=1))
        assert notebook_pods.lost(ends, later + timedelta(seconds=1))
        assert notebook_pods.ending(ends, later + timedelta(seconds=1)) == (None, "Its node went away.")
    over = pod("Failed", {"reason": "Error", "exitCode": 1}, deletionTimestamp=NOW.isoformat())
    assert not notebook_pods.lost(over, later + timedelta(hours=1))
    word = pod("Running", annotations={notebook_pods.STOPPED: "asked"})  # of a version before
    assert notebook_pods.alive(word, later + timedelta(hours=1))


def test_why_a_server_ended_before_it_answered() -> None:
    over = pod("Failed", {"reason": "Error", "exitCode": 1})
    without = kube_render.ended_early(over, PLAN, "/usr/bin/python3: No module named jupyterhub", NOW)
    assert without.sentence == "The image base has no JupyterHub in it, which a notebook server needs."
    full = kube_render.ended_early(over, PLAN, "OSError: [Errno 28] No space left on device", NOW)
    assert full.code == "disk-full"
    other = kube_render.ended_early(over, PLAN, "first\nlast words", NOW)
    assert "(Error, code 1). The last line of its log: last words" in other.sentence


def test_a_plan_without_mounts_has_no_volume_but_its_own() -> None:
    found = kube_render.traits(PLAN, pod_folders(()), instance="ph", ids=IDS)
    assert [volume["name"] for volume in found["volumes"].values()] == ["tmp"]


@pytest.mark.parametrize("asked", [True, False])
def test_an_image_that_may_not_be_written_to_is_asked_for(asked: bool) -> None:
    found = kube_render.traits(PLAN, pod_folders(()), instance="ph", ids=IDS, read_only_root=asked)
    assert ("readOnlyRootFilesystem" in found["container_security_context"]) is asked
