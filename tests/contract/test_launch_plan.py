"""One LaunchPlan, three renderings: what people see is the same in a notebook's pod, in a job's, and in a sandbox."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from primehub_services.domain.images import ContainerSource
from primehub_services.domain.instance_types import Toleration, TolerationOperator
from primehub_services.domain.launch import LaunchPlan, Mount, MountKind, WorkloadKind
from primehub_services.domain.pod_security import Ids, PodSecurity, contexts
from primehub_services.domain.pods import pod_folders
from primehub_services.domain.resources import Resources
from primehub_services.domain.volumes import GitSource, PvcSource
from primehub_services.domain.workloads import Workload
from primehub_services.engines.kubernetes import PodSettings
from primehub_services.engines.kubernetes.manifests import make_pod_spec
from primehub_services.sandbox.layout import Layout
from primehub_services.sandbox.render import Machine, Process, Target, render
from primehub_services.sandbox.spec import NetworkMode, SandboxSpec
from tests.support.kube_spawner import manifest, without_cluster

PLAN = LaunchPlan(
    start_id="one",
    kind=WorkloadKind.NOTEBOOK,
    user="ann",
    user_slug="ann",
    group="team",
    group_name="Team",
    instance_type="small",
    image="base",
    image_source=ContainerSource(url="r.example.org/base:1"),
    image_location="r.example.org/base:1",
    limits=Resources(cpu=1.5, memory="2Gi"),
    requests=Resources(cpu=0.5, memory="1Gi"),
    node_selector={"pool": "small"},
    tolerations=(Toleration(key="only", operator=TolerationOperator.EXISTS),),
    mounts=(
        Mount(kind=MountKind.HOME, slug="ann", path="/home/jovyan"),
        Mount(kind=MountKind.PROJECT, slug="team", path="/project/team", links=("/home/jovyan/team",)),
        Mount(
            kind=MountKind.DATASET,
            slug="data",
            path="/datasets/data",
            read_only=True,
            links=("/home/jovyan/datasets/data",),
            source=PvcSource(),
        ),
        Mount(
            kind=MountKind.DATASET,
            slug="code",
            path="/datasets/code",
            read_only=True,
            links=("/home/jovyan/datasets/code",),
            source=GitSource(url="https://git.example.org/code.git"),
        ),
    ),
    environment={"GROUP_NAME": "Team", "PRICE": "$(HOME) $5", "MY-DATA_KEY": "value"},
    profiles=("/project/team/.primehub/profile",),
    idle_timeout=0,
)
SETTINGS = PodSettings(
    instance="ph", api_url="http://api/v1", sidecar_image="r.example.org/sidecar:1", scratch_capacity="5Gi"
)
OURS = frozenset({"tmp", "primehub-run", "primehub-files"})
HUBS = frozenset({"PRIMEHUB_API_URL", "MEM_LIMIT", "MEM_GUARANTEE", "CPU_LIMIT", "CPU_GUARANTEE"})
"""What the hub says of a server by itself, or a job is told in another way."""


def seen(mounts: list[dict[str, Any]]) -> set[tuple[str, str, bool]]:
    """What is mounted of people's, where, and whether it can be written to."""
    found = {(mount["name"], mount["mountPath"], bool(mount.get("readOnly"))) for mount in mounts}
    return {mount for mount in found if mount[0] not in OURS}


def variables(container: Mapping[str, Any]) -> dict[str, str]:
    """The variables, as the process will have them."""
    found = {one["name"]: one["value"].replace("$$", "$") for one in container["env"]}
    return {name: value for name, value in found.items() if name not in HUBS}


async def notebook(folder: Path, monkeypatch: pytest.MonkeyPatch, plan: LaunchPlan = PLAN) -> dict[str, Any]:
    """The notebook's pod."""
    async with without_cluster(folder, monkeypatch, plan, {}) as spawner:
        spawner.scratch_capacity = SETTINGS.scratch_capacity
        spawner._take_up(plan, {})
        pod: dict[str, Any] = (await manifest(spawner))["spec"]
        return pod


def job(plan: LaunchPlan = PLAN) -> dict[str, Any]:
    """The same plan in the pod of the engine."""
    folders = pod_folders(plan.mounts, scratch=SETTINGS.scratch_capacity)
    return make_pod_spec(Workload(plan=plan, argv=("true",)), folders, SETTINGS, "exec true")


def sandbox(plan: LaunchPlan = PLAN) -> SandboxSpec:
    """The same plan in a sandbox."""
    target = Target(sandboxed=True, network=NetworkMode.ISOLATED, uid=1000, gid=1000)
    return render(plan, Layout(Path("/data")), Process(argv=("true",)), target, Machine(exists=lambda _path: True)).spec


def quantity(value: Any) -> int:
    """CPU in millicores, memory in bytes, however a manifest says it."""
    text = str(value)
    units = {"Ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30}
    if text.endswith("m"):
        return int(text[:-1])
    if text[-2:] in units:
        return int(text[:-2]) * units[text[-2:]]
    return int(float(text) * 1000) if float(text) < 1000 else int(text)


async def test_a_notebooks_pod_and_a_jobs_show_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ours, engines = await notebook(tmp_path, monkeypatch), job()
    notebooks, main = ours["containers"][0], engines["containers"][0]
    assert notebooks["image"] == main["image"]
    assert variables(notebooks) == variables(main)
    assert seen(notebooks["volumeMounts"]) == seen(main["volumeMounts"])
    claims = [
        {volume["name"]: volume for volume in pod["volumes"] if volume["name"] not in OURS} for pod in (ours, engines)
    ]
    assert claims[0] == claims[1]
    scratch = [[v for v in pod["volumes"] if "emptyDir" in v] for pod in (ours, engines)]
    assert all(volume["emptyDir"] == {"sizeLimit": "5Gi"} for volumes in scratch for volume in volumes)
    assert [len(volumes) for volumes in scratch] == [2, 4]
    for kind in ("limits", "requests"):
        amounts = [
            {name: quantity(value) for name, value in container["resources"][kind].items()}
            for container in (notebooks, main)
        ]
        assert amounts[0] == amounts[1]
    for placement in ("nodeSelector", "tolerations", "restartPolicy", "enableServiceLinks"):
        assert ours[placement] == engines[placement]
    assert ours["automountServiceAccountToken"] is engines["automountServiceAccountToken"] is False
    expected = contexts(PodSecurity.RESTRICTED, Ids(user=1000, group=100, files=100))
    assert [(one["securityContext"], one["containers"][0]["securityContext"]) for one in (ours, engines)] == [
        (expected.pod, expected.workload)
    ] * 2
    # and both begin with the same lines: links, profiles, variables that a shell would drop
    script = "ln -s /project/team /home/jovyan/team"
    begun = [" ".join([*container["command"]]).replace("$$", "$") for container in (notebooks, main)]
    assert all(script in text and "/project/team/.primehub/profile" in text and "MY-DATA_KEY" in text for text in begun)


async def test_a_group_that_may_have_more_has_it_in_both_pods_and_a_sandbox_is_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = PLAN.model_copy(update={"pod_security": PodSecurity.BASELINE})
    expected = contexts(PodSecurity.BASELINE, Ids(user=1000, group=100, files=100))
    for pod in (await notebook(tmp_path, monkeypatch, plan), job(plan)):
        assert pod["securityContext"] == expected.pod
        assert pod["containers"][0]["securityContext"] == expected.workload
    boxed, other = sandbox(plan), sandbox()
    assert boxed.model_copy(update={"labels": other.labels}) == other


async def test_a_sandbox_shows_the_same_folders_links_and_variables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    container = (await notebook(tmp_path, monkeypatch))["containers"][0]
    local = sandbox()
    people = ("/home", "/project", "/datasets", "/gitsync")
    binds = {(bind.path, bind.read_only) for bind in local.binds if bind.path.startswith(people)}
    mounts = {(path, read_only) for name, path, read_only in seen(container["volumeMounts"]) if name != "datasets"}
    assert mounts == binds
    links = {(link.path, link.target) for link in (*local.links, *local.system_links)}
    assert set(pod_folders(PLAN.mounts).links) == links
    given = variables(container)
    assert {name: local.env[name] for name in given if name in PLAN.environment} == {
        name: value for name, value in given.items() if name in PLAN.environment
    }
    for name in ("HOME", "USER", "NB_USER", "JUPYTER_RUNTIME_DIR"):
        assert local.env[name] == given[name]
    assert local.profiles == PLAN.profiles
    assert (local.limits.cpu, local.limits.memory) == (1500, 2 << 30)
