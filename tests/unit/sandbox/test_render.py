"""From a plan to a spec."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from primehub_services.domain.launch import LeftOut, Mount, MountKind
from primehub_services.domain.units import GIB
from primehub_services.domain.volumes import HostPathSource, NfsSource, PvcSource
from primehub_services.sandbox.errors import WorkloadError
from primehub_services.sandbox.extension import SHOWN_AT, VARIABLE
from primehub_services.sandbox.layout import Layout
from primehub_services.sandbox.render import Machine, Process, Target, render
from primehub_services.sandbox.spec import NetworkMode, Rendered
from tests.support.sandbox import make_plan

LAYOUT = Layout(Path("/data"))
ISOLATED = Target(sandboxed=True, network=NetworkMode.ISOLATED, uid=1000, gid=1000)
UNSANDBOXED = Target(sandboxed=False, network=NetworkMode.SHARED, uid=1000, gid=1000)


def rendered(
    target: Target = ISOLATED, *, missing: tuple[str, ...] = (), process: Process | None = None, **plan: Any
) -> Rendered:
    machine = Machine(exists=lambda path: path not in missing, interpreter=("/opt/environment", "/opt/python"))
    return render(make_plan("start1", **plan), LAYOUT, process or Process(argv=["run"]), target, machine)


def places(result: Rendered) -> dict[str, tuple[str, bool]]:
    return {bind.path: (bind.source, bind.read_only) for bind in result.spec.binds}


def dataset(source: Any = None, **changes: Any) -> Mount:
    fields: dict[str, Any] = {"kind": MountKind.DATASET, "slug": "corpus", "path": "/datasets/corpus"}
    return Mount.model_validate(
        {**fields, "read_only": True, "links": ("/home/jovyan/datasets/corpus",), "source": source, **changes}
    )


def test_home_and_group_are_writable_and_at_the_paths_of_a_pod() -> None:
    found = places(rendered())
    assert found["/home/jovyan"] == ("/data/homes/ann", False)
    assert found["/project/research"] == ("/data/projects/research", False)


def test_a_mount_comes_after_the_one_it_lies_in() -> None:
    order = [bind.path for bind in rendered().spec.binds]
    assert order.index("/home/jovyan") > order.index("/usr")
    nested = Mount(kind=MountKind.SCRATCH, slug="tmp", path="/home/jovyan/scratch/tmp")
    order = [bind.path for bind in rendered(mounts=(nested, *make_plan().mounts)).spec.binds]
    assert order.index("/home/jovyan") < order.index("/home/jovyan/scratch/tmp")


def test_environment_and_its_base_are_read_only_at_their_own_paths() -> None:
    found = places(rendered())
    assert found["/opt/environment"] == ("/opt/environment", True)
    assert found["/opt/python"] == ("/opt/python", True)


def test_nothing_of_the_data_folder_is_shown_but_the_mounts() -> None:
    sources = {bind.source for bind in rendered().spec.binds if bind.source.startswith("/data")}
    assert sources == {"/data/homes/ann", "/data/projects/research"}


def test_without_a_home_there_is_a_scratch_one_that_ends_with_the_workload() -> None:
    safe = Mount(kind=MountKind.HOME, slug="ann", path="/home/jovyan/user")
    found = places(rendered(mounts=(safe,), safe_mode=True))
    assert found["/home/jovyan"] == ("/data/workloads/start1/home", False)
    assert found["/home/jovyan/user"] == ("/data/homes/ann", False)


@pytest.mark.parametrize("source", [None, PvcSource()])
def test_a_volume_of_the_platform_is_a_folder_of_the_data_folder(source: PvcSource | None) -> None:
    result = rendered(mounts=(dataset(source),))
    assert places(result)["/datasets/corpus"] == ("/data/volumes/corpus", True)
    assert [(link.path, link.target) for link in result.spec.links] == [
        ("/home/jovyan/datasets/corpus", "/datasets/corpus")
    ]


def test_a_folder_that_is_missing_is_left_out_with_its_links_and_the_rest_starts() -> None:
    result = rendered(mounts=(*make_plan().mounts, dataset()), missing=("/data/volumes/corpus",))
    assert result.left_out == (LeftOut(volume="corpus", reason="its folder /data/volumes/corpus is not there"),)
    assert "/datasets/corpus" not in places(result)
    assert [link.path for link in result.spec.links] == ["/home/jovyan/research"]


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/srv/shared/corpus", ""),
        ("/srv/shared", ""),
        ("/srv/other", "not under one of the folders"),
        ("/srv/shared/../other", "plain absolute path"),
        ("/srv/shared2", "not under one of the folders"),
        ("/", "not under one of the folders"),
    ],
)
def test_a_host_folder_is_shown_only_under_the_configured_roots(path: str, reason: str) -> None:
    target = Target(True, NetworkMode.ISOLATED, 1000, 1000, host_path_roots=(Path("/srv/shared"),))
    result = rendered(target, mounts=(dataset(HostPathSource(path=path)),))
    if reason:
        assert reason in result.left_out[0].reason
        assert "/datasets/corpus" not in places(result)
    else:
        assert places(result)["/datasets/corpus"] == (path, True)


def test_a_link_in_a_shared_folder_does_not_lead_out_of_it_nor_to_the_platforms_data() -> None:
    real = {"/srv/shared/out": "/home/bob", "/srv/data": "/data/homes"}
    machine = Machine(exists=lambda path: True, real=lambda path: real.get(path, path))
    target = Target(True, NetworkMode.ISOLATED, 1000, 1000, host_path_roots=(Path("/srv/shared"), Path("/srv/data")))
    for path, reason in (("/srv/shared/out", "not under one"), ("/srv/data", "the platform's own data")):
        plan = make_plan("start1", mounts=(dataset(HostPathSource(path=path)),))
        result = render(plan, LAYOUT, Process(argv=["run"]), target, machine)
        assert reason in result.left_out[0].reason


def test_a_link_to_another_groups_folder_under_the_same_root_is_not_followed() -> None:
    real = {"/srv/shared/ours": "/srv/shared/theirs", "/srv": "/mnt/disk", "/srv/corpus": "/mnt/disk/corpus"}
    machine = Machine(exists=lambda path: True, real=lambda path: real.get(path, path))
    target = Target(True, NetworkMode.ISOLATED, 1000, 1000, host_path_roots=(Path("/srv/shared"), Path("/srv")))
    mounts = (dataset(HostPathSource(path="/srv/shared/ours")),)
    (left_out,) = render(make_plan("start1", mounts=mounts), LAYOUT, Process(argv=["run"]), target, machine).left_out
    assert "link" in left_out.reason
    assert "theirs" not in left_out.reason
    plan = make_plan("start1", mounts=(dataset(HostPathSource(path="/srv/corpus")),))
    result = render(plan, LAYOUT, Process(argv=["run"]), target, machine)
    assert places(result)["/datasets/corpus"] == ("/mnt/disk/corpus", True), "a root itself may be a link"


def test_nfs_is_left_out_naming_what_to_do() -> None:
    result = rendered(mounts=(dataset(NfsSource(server="nas", path="/x")),))
    assert "hostPath" in result.left_out[0].reason


def test_what_the_plan_already_left_out_stays_left_out() -> None:
    known = LeftOut(volume="broken", reason="it is broken")
    assert rendered(left_out=(known,)).left_out == (known,)


@pytest.mark.parametrize("slug", ["../etc", "a/b", "", ".", "A"])
def test_a_slug_cannot_lead_elsewhere(slug: str) -> None:
    with pytest.raises(WorkloadError, match="cannot name a folder"):
        rendered(mounts=(Mount(kind=MountKind.HOME, slug=slug, path="/home/jovyan"),))


def test_an_image_without_an_environment_is_refused() -> None:
    with pytest.raises(WorkloadError, match="no environment on this machine") as refusal:
        rendered(image_location=None)
    assert refusal.value.code == "environment"


def test_variables_of_the_process_win_over_the_plans_and_limits_are_told() -> None:
    process = Process(argv=["run"], env={"A": "process", "MEM_LIMIT": "wrong"})
    env = rendered(process=process, environment={"A": "plan", "B": "plan"}, cpu=1500, memory=2 * GIB).spec.env
    assert (env["A"], env["B"]) == ("process", "plan")
    assert (env["MEM_LIMIT"], env["CPU_LIMIT"]) == (str(2 * GIB), "1.5")
    assert env["PATH"].startswith("/opt/environment/bin:")
    assert env["HOME"] == "/home/jovyan"


def test_without_gpus_none_can_be_seen_and_with_them_only_those() -> None:
    assert rendered().spec.env["CUDA_VISIBLE_DEVICES"] == ""
    result = rendered(gpu_indices=(1, 3))
    devices = {bind.path for bind in result.spec.binds if bind.device}
    assert {"/dev/nvidia1", "/dev/nvidia3", "/dev/nvidiactl"} <= devices
    assert "/dev/nvidia0" not in devices
    assert "CUDA_VISIBLE_DEVICES" not in result.spec.env
    assert rendered(UNSANDBOXED, gpu_indices=(1, 3)).spec.env["CUDA_VISIBLE_DEVICES"] == "1,3"


def test_without_a_sandbox_every_path_is_the_machines() -> None:
    process = Process(
        argv=["/opt/environment/bin/python", "--ServerApp.root_dir=/home/jovyan", "--x=/project/researchers"],
        env={"PRIMEHUB_GROUP_VOLUME_PATH": "/project/research", "URL": "http://x/home/jovyan"},
    )
    spec = rendered(UNSANDBOXED, process=process).spec
    assert spec.argv[1:] == ("--ServerApp.root_dir=/data/homes/ann", "--x=/project/researchers")
    assert spec.env["PRIMEHUB_GROUP_VOLUME_PATH"] == "/data/projects/research"
    assert spec.env["URL"] == "http://x/home/jovyan"
    assert (spec.env["HOME"], spec.cwd) == ("/data/homes/ann", "/data/homes/ann")
    assert spec.env["TMPDIR"] == "/tmp/primehub-start1"
    assert [(link.path, link.target) for link in spec.links] == [
        ("/data/homes/ann/research", "/data/projects/research")
    ]
    assert spec.network is NetworkMode.SHARED
    assert not spec.sandboxed


@pytest.mark.parametrize(("target", "seen"), [(ISOLATED, SHOWN_AT), (UNSANDBOXED, "/data/environments/.jupyter/1")])
def test_a_notebook_server_is_told_where_it_finds_what_primehub_adds(target: Target, seen: str) -> None:
    process = Process(argv=["run"], env={VARIABLE: "/mine"}, extension="/data/environments/.jupyter/1")
    result = rendered(target, process=process)
    assert places(result)[SHOWN_AT] == ("/data/environments/.jupyter/1", True)
    assert result.spec.env[VARIABLE] == seen
    assert VARIABLE not in rendered(target).spec.env


def test_labels_name_the_start_group_and_person() -> None:
    assert rendered().spec.labels == {
        "primehub.io/start": "start1",
        "primehub.io/kind": "notebook",
        "primehub.io/group": "research",
        "primehub.io/user": "ann",
    }
