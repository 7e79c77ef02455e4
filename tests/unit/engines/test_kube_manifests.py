"""What a workload is on a cluster, compared whole."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import Any

import pytest

from primehub_services.domain.images import ContainerSource
from primehub_services.domain.instance_types import Effect, Toleration
from primehub_services.domain.launch import Mount, MountKind, WorkloadKind
from primehub_services.domain.pod_security import Ids, PodSecurity
from primehub_services.domain.pods import UNDISTURBED, pod_folders
from primehub_services.domain.prelude import EITHER_SHELL, start_script
from primehub_services.domain.resources import Resources
from primehub_services.domain.units import GIB, Bytes, Millicores
from primehub_services.domain.workloads import InputFile, Workload
from primehub_services.engines.kubernetes import PodSettings
from primehub_services.engines.kubernetes.manifests import make_job, make_secret, name_of
from primehub_spawner.kube_render import traits
from tests.support.sandbox import make_plan

SETTINGS = PodSettings(
    instance="test", api_url="http://services:8092/api/v1", sidecar_image="registry/sidecar:1", scratch_capacity="20Gi"
)
KEY = "job-202611221200-abc123-1"
LABELS = {
    "primehub.io/start": KEY,
    "primehub.io/kind": "job",
    "primehub.io/group": "research",
    "primehub.io/user": "ann",
    "app.kubernetes.io/managed-by": "primehub",
    "primehub.io/instance": "test",
}
IDS = Ids(user=1000, group=100, files=100)
CLOSED = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}


def workload(**changes: Any) -> Workload:
    plan = make_plan(
        KEY,
        kind=WorkloadKind.JOB,
        image_source=ContainerSource(url="registry/image:1"),
        image_location="registry/image:1",
        limits=Resources(cpu=Millicores(1000), memory=Bytes(GIB), gpu=1),
        requests=Resources(cpu=Millicores(500), memory=Bytes(GIB)),
        mounts=(Mount(kind=MountKind.PROJECT, slug="research", path="/project/research", links=("/home/jovyan/r",)),),
        environment={"PRICE": "$(HOME) $5"},
        node_selector={"disk": "fast"},
        tolerations=(Toleration(key="gpu", value="yes", effect=Effect.NO_EXECUTE, toleration_seconds=60),),
        **changes,
    )
    return Workload(
        plan=plan,
        argv=("/bin/sh", "/opt/primehub/run.sh"),
        environment={"TOKEN": "s3cret", "odd.name": "x"},
        masked=("TOKEN",),
        files={"run.sh": InputFile(text="echo")},
    )


def job(given: Workload, settings: PodSettings = SETTINGS) -> dict[str, Any]:
    return make_job(given, pod_folders(given.plan.mounts), settings, "echo $1")


def from_secret(name: str, key: str) -> dict[str, Any]:
    return {"name": name, "valueFrom": {"secretKeyRef": {"name": KEY, "key": key}}}


def test_a_job_makes_one_pod_with_the_workload_and_the_sidecar() -> None:
    given = workload()
    folders = pod_folders(given.plan.mounts)
    script = start_script(folders.links, (), cwd="/home/jovyan", odd={"PRIMEHUB_VARIABLE_0": "odd.name"})
    command = ["/bin/sh", "-c", "echo $1", "primehub", "30", *EITHER_SHELL, script, "primehub", *given.argv]
    amounts = {"cpu": "1000m", "memory": str(GIB), "nvidia.com/gpu": "1"}
    main = {
        "name": "main",
        "image": "registry/image:1",
        "command": [part.replace("$", "$$") for part in command],
        "env": [
            {"name": "CPU_GUARANTEE", "value": "0.5"},
            {"name": "CPU_LIMIT", "value": "1.0"},
            {"name": "HOME", "value": "/home/jovyan"},
            {"name": "JUPYTER_RUNTIME_DIR", "value": "/tmp/jupyter"},
            {"name": "LOGNAME", "value": "jovyan"},
            {"name": "MEM_GUARANTEE", "value": str(GIB)},
            {"name": "MEM_LIMIT", "value": str(GIB)},
            {"name": "NB_USER", "value": "jovyan"},
            {"name": "PRICE", "value": "$$(HOME) $$5"},
            from_secret("PRIMEHUB_VARIABLE_0", "variable.odd.name"),
            from_secret("TOKEN", "variable.TOKEN"),
            {"name": "USER", "value": "jovyan"},
        ],
        "resources": {
            "limits": {**amounts, "ephemeral-storage": "20Gi"},
            "requests": {**amounts, "cpu": "500m", "ephemeral-storage": "1Mi"},
        },
        "securityContext": CLOSED,
        "volumeMounts": [
            {"name": "home", "mountPath": "/home/jovyan"},
            {"name": "project-research", "mountPath": "/project/research"},
            {"name": "tmp", "mountPath": "/tmp"},
            {"name": "primehub-run", "mountPath": "/opt/primehub-run"},
            {"name": "primehub-files", "mountPath": "/opt/primehub", "readOnly": True},
        ],
    }
    sidecar = {
        "name": "sidecar",
        "image": "registry/sidecar:1",
        "restartPolicy": "Always",
        "env": [
            {"name": "PRIMEHUB_API", "value": "http://services:8092/api/v1"},
            {"name": "PRIMEHUB_WORKLOAD", "value": KEY},
            {"name": "PRIMEHUB_POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.uid"}}},
            from_secret("PRIMEHUB_WORKLOAD_TOKEN", "token"),
            from_secret("PRIMEHUB_MASKED", "masked"),
        ],
        "resources": {
            "limits": {"cpu": "1", "memory": "128Mi", "ephemeral-storage": "128Mi"},
            "requests": {"cpu": "10m", "memory": "32Mi", "ephemeral-storage": "1Mi"},
        },
        "securityContext": {**CLOSED, "readOnlyRootFilesystem": True},
        "volumeMounts": [
            {"name": "primehub-run", "mountPath": "/opt/primehub-run"},
            {"name": "primehub-files", "mountPath": "/opt/primehub"},
            {"name": "home", "mountPath": "/home/jovyan", "readOnly": True},
        ],
    }
    pod = {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": 900,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 1000,
            "runAsGroup": 100,
            "fsGroup": 100,
            "fsGroupChangePolicy": "OnRootMismatch",
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "initContainers": [sidecar],
        "containers": [main],
        "volumes": [
            {"name": "project-research", "persistentVolumeClaim": {"claimName": "project-research"}},
            *(
                {"name": name, "emptyDir": {"sizeLimit": "20Gi"}}
                for name in ("home", "tmp", "primehub-run", "primehub-files")
            ),
        ],
        "nodeSelector": {"disk": "fast"},
        "tolerations": [
            {"key": "gpu", "operator": "Equal", "value": "yes", "effect": "NoExecute", "tolerationSeconds": 60}
        ],
    }
    safe = {"cluster-autoscaler.kubernetes.io/safe-to-evict": "false", "karpenter.sh/do-not-disrupt": "true"}
    assert job(given) == {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": KEY, "labels": LABELS, "annotations": {"primehub.io/grace": "30"}},
        "spec": {
            "backoffLimit": 0,
            "completions": 1,
            "parallelism": 1,
            "podReplacementPolicy": "Failed",
            "template": {"metadata": {"labels": LABELS, "annotations": safe}, "spec": pod},
        },
    }


def test_the_job_says_of_itself_which_volumes_it_is_without() -> None:
    given = workload()
    folders = pod_folders(given.plan.mounts, {"project-research": "its claim went away"})
    made = make_job(given, folders, SETTINGS, "echo $1")
    said = '[{"volume": "research", "reason": "its claim went away"}]'
    assert made["metadata"]["annotations"]["primehub.io/left-out"] == said
    assert "research" not in str(made["spec"]["template"]["spec"]["volumes"])


def test_values_are_in_the_secret_alone_which_goes_with_its_job() -> None:
    given = workload()
    assert "s3cret" not in str(job(given))
    owner = {"metadata": {"name": KEY, "uid": "u1"}}
    secret = make_secret(given, "t0ken", SETTINGS, owner=owner)
    values = {name: base64.b64decode(value).decode() for name, value in secret.pop("data").items()}
    assert values == {"token": "t0ken", "masked": '["s3cret"]', "variable.TOKEN": "s3cret", "variable.odd.name": "x"}
    reference = {"apiVersion": "batch/v1", "kind": "Job", "name": KEY, "uid": "u1", "controller": True}
    assert secret == {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "Opaque",
        "metadata": {"name": KEY, "labels": LABELS, "ownerReferences": [reference]},
    }
    assert "ownerReferences" not in make_secret(given, "t0ken", SETTINGS)["metadata"]


def test_what_an_operator_sets_is_in_every_pod() -> None:
    settings = PodSettings(
        instance="test",
        api_url="http://a",
        sidecar_image="s",
        image_pull_policy="Always",
        image_pull_secrets=("registry",),
        run_as_user=5,
        run_as_group=6,
        fs_group=7,
        read_only_root=True,
        priority_class="low",
        runtime_class="gvisor",
        annotations={"mesh.example.org/inject": "false", **dict.fromkeys(UNDISTURBED, "never")},
        labels={"team": "data", "primehub.io/kind": "notebook"},
    )
    given = workload()
    assert "imagePullSecrets" not in job(given)["spec"]["template"]["spec"]
    source = ContainerSource(url="registry/image:1", pull_secret="ours")
    given = given.model_copy(update={"plan": given.plan.model_copy(update={"image_source": source})})
    pod = job(given, settings)["spec"]["template"]["spec"]
    assert (pod["priorityClassName"], pod["imagePullSecrets"]) == ("low", [{"name": "registry"}, {"name": "pull-ours"}])
    assert pod["runtimeClassName"] == "gvisor"
    told = job(given, settings)["spec"]["template"]["metadata"]
    assert told["annotations"] == {"mesh.example.org/inject": "false", **UNDISTURBED}
    # what marks a pod as a job's is never an operator's to say
    assert (told["labels"]["team"], told["labels"]["primehub.io/kind"]) == ("data", "job")
    assert [c["imagePullPolicy"] for c in (*pod["initContainers"], *pod["containers"])] == ["Always", "Always"]
    assert pod["containers"][0]["securityContext"] == {**CLOSED, "readOnlyRootFilesystem": True}
    ids = {key: pod["securityContext"][key] for key in ("runAsUser", "runAsGroup", "fsGroup")}
    assert ids == {"runAsUser": 5, "runAsGroup": 6, "fsGroup": 7}


def test_a_group_that_may_have_more_runs_as_its_image_says_beside_a_sidecar_that_does_not() -> None:
    plan = workload().plan.model_copy(update={"pod_security": PodSecurity.BASELINE})
    made = job(workload().model_copy(update={"plan": plan}))
    pod = made["spec"]["template"]["spec"]
    assert pod["securityContext"] == {
        "fsGroup": 100,
        "fsGroupChangePolicy": "OnRootMismatch",
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert pod["containers"][0]["securityContext"] == {"capabilities": {"drop": ["NET_RAW"]}}
    assert pod["initContainers"][0]["securityContext"] == {
        **CLOSED,
        "readOnlyRootFilesystem": True,
        "runAsNonRoot": True,
        "runAsUser": 1000,
        "runAsGroup": 100,
    }
    for thing in (made, made["spec"]["template"]):
        assert thing["metadata"]["labels"]["primehub.io/pod-security"] == "baseline"


def test_where_nothing_limits_scratch_folders_nothing_is_said_of_them() -> None:
    pod = job(workload(), replace(SETTINGS, scratch_capacity=""))["spec"]["template"]["spec"]
    assert "ephemeral-storage" not in str(pod)
    assert "sizeLimit" not in str(pod)


@pytest.mark.parametrize(
    ("configured", "private", "of_group", "policy"),
    [
        ("", False, False, None),
        ("IfNotPresent", False, False, "IfNotPresent"),
        # a node would give what it has fetched for one group to another
        ("IfNotPresent", True, False, "Always"),
        ("IfNotPresent", False, True, "Always"),
        ("", False, True, "Always"),
        # nodes that never ask have what an operator has put there
        ("Never", True, True, "Never"),
    ],
)
def test_an_image_that_only_some_may_have_is_always_asked_for(
    configured: str, private: bool, of_group: bool, policy: str | None
) -> None:
    source = ContainerSource(url="registry/image:1", pull_secret="ours" if private else None)
    given = workload()
    plan = given.plan.model_copy(update={"image_source": source, "image_of_group": of_group})
    settings = replace(SETTINGS, image_pull_policy=configured)
    pod = job(given.model_copy(update={"plan": plan}), settings)["spec"]["template"]["spec"]
    assert pod["containers"][0].get("imagePullPolicy") == policy
    assert pod["initContainers"][0].get("imagePullPolicy", "") == configured
    found = traits(plan, pod_folders(()), instance="ph", ids=IDS, configured={"image_pull_policy": configured or None})
    assert found["image_pull_policy"] == policy


def test_a_pod_without_gpus_is_shown_none() -> None:
    given = workload()
    plain = given.plan.model_copy(update={"limits": Resources(cpu=Millicores(100), memory=Bytes(GIB))})
    env = job(given.model_copy(update={"plan": plain}))["spec"]["template"]["spec"]["containers"][0]["env"]
    assert {"name": "NVIDIA_VISIBLE_DEVICES", "value": "void"} in env


def test_every_key_has_a_name_that_a_cluster_takes() -> None:
    assert name_of("one") == "job-one"
    assert name_of(KEY) == KEY
    assert name_of("Odd_Key") == "job-odd-key"
