"""What the engine of one machine makes of the machine."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from primehub_services.domain.images import EnvironmentSource
from primehub_services.domain.units import GIB, MIB
from primehub_services.domain.workloads import EngineRef, Gpu, GpuUsage, ObservedState, Workload
from primehub_services.engines.base import BuildFailed, EngineError, capabilities
from primehub_services.engines.local import LocalEngine, machine
from primehub_services.engines.local.engine import observation
from primehub_services.sandbox import records
from primehub_services.sandbox.pythons import record_path
from primehub_services.sandbox.spec import SandboxOptions, WorkloadState, WorkloadStatus
from primehub_services.sandbox.workloads import Workloads
from tests.support.environment import made_environment
from tests.support.sandbox import make_plan

OFF = SandboxOptions(sandbox="off")


def killed(path: Path, *_: object, **__: object) -> None:
    if path.exists():
        raise RuntimeError("killed")


def write_gpu(folder: Path, name: str, minor: int, model: str) -> None:
    (folder / name).mkdir(parents=True)
    (folder / name / "information").write_text(f"Model: \t\t {model}\nIRQ:   \t\t 35\nDevice Minor: \t {minor}\n")


def test_gpus_are_numbered_by_their_device_files_and_only_own_ones_count(tmp_path: Path) -> None:
    write_gpu(tmp_path / "gpus", "0000:01:00.0", 2, "NVIDIA H200")
    write_gpu(tmp_path / "gpus", "0000:02:00.0", 0, "NVIDIA A100")
    write_gpu(tmp_path / "gpus", "0000:03:00.0", 1, "not given to this container")
    (tmp_path / "dev").mkdir()
    for minor in (0, 2):
        (tmp_path / "dev" / f"nvidia{minor}").write_text("")
    assert machine.gpus(tmp_path / "gpus", tmp_path / "dev") == (
        Gpu(index=0, model="NVIDIA A100"),
        Gpu(index=2, model="NVIDIA H200"),
    )


def test_a_machine_without_gpus_has_none(tmp_path: Path) -> None:
    assert machine.gpus(tmp_path / "gpus", tmp_path) == ()


def test_what_gpus_do_is_told_by_their_device_files_numbers(tmp_path: Path) -> None:
    write_gpu(tmp_path, "0000:01:00.0", 2, "NVIDIA H200")
    write_gpu(tmp_path, "0000:0A:00.0", 0, "NVIDIA H200")
    said = "00000000:01:00.0, 35, 1024\\n00000000:0A:00.0, [N/A], 5\\n00000000:FF:00.0, 1, 1\\nrubbish\\n"
    assert machine.gpu_usage(tmp_path, ("printf", said)) == (
        GpuUsage(index=2, percent=35, memory=1024 * MIB),
        GpuUsage(index=0, percent=0, memory=5 * MIB),
    )


@pytest.mark.parametrize("command", ["false", "no-such-command-at-all"])
def test_gpus_that_cannot_be_asked_use_nothing_that_is_known(tmp_path: Path, command: str) -> None:
    assert machine.gpu_usage(tmp_path, (command,)) == ()


@pytest.mark.parametrize(
    ("total", "left"),
    [(16 * GIB, 16 * GIB - 16 * GIB // 10), (4 * GIB, 3 * GIB), (GIB, GIB // 2), (2 * GIB, GIB)],
)
def test_a_reserve_is_kept_for_the_platform(total: int, left: int) -> None:
    assert machine.less_reserve(total) == left // MIB * MIB


def test_a_containers_limit_is_the_memory_there_is(tmp_path: Path) -> None:
    (tmp_path / "limit").write_text(f"{64 * MIB}\n")
    (tmp_path / "none").write_text("max\n")
    assert machine.total_memory((tmp_path / "none", tmp_path / "limit", tmp_path / "missing")) == 64 * MIB


def test_what_the_administrator_set_stands_for_what_is_measured() -> None:
    found = machine.measure(1.5, 3 * GIB)
    assert (found.cpu, found.memory) == (1500, 3 * GIB)
    measured = machine.measure()
    assert measured.cpu >= 1000
    assert measured.memory > 0


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (WorkloadState.STARTING, ObservedState.PENDING),
        (WorkloadState.RUNNING, ObservedState.RUNNING),
        (WorkloadState.STOPPING, ObservedState.TERMINATING),
        (WorkloadState.EXITED, ObservedState.EXITED),
    ],
)
def test_every_state_has_its_word(state: WorkloadState, expected: ObservedState) -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    status = WorkloadStatus(key="one", state=state, code=3, reason="Error", message="m", started_at=at, ended_at=at)
    seen = observation(status)
    assert (seen.state, seen.code, seen.reason, seen.started_at) == (expected, 3, "Error", at)
    assert observation(None).state is ObservedState.ABSENT


async def test_what_can_never_run_is_refused_with_the_reason(tmp_path: Path) -> None:
    engine = LocalEngine(Workloads(tmp_path / "data", OFF))
    with pytest.raises(EngineError, match="switched off") as refusal:
        [ref async for ref in engine.apply(Workload(plan=make_plan("one"), argv=("run",)))]
    assert refusal.value.code == "no-sandbox"
    assert (await engine.observe([EngineRef(engine="local", kind="process", key="one")]))[
        "one"
    ].state is ObservedState.ABSENT


async def test_a_key_that_cannot_be_asked_about_is_unknown_not_absent(tmp_path: Path) -> None:
    engine = LocalEngine(Workloads(tmp_path / "data"))
    ref = EngineRef(engine="local", kind="process", key="../elsewhere")
    assert (await engine.observe([ref]))["../elsewhere"].state is ObservedState.UNKNOWN


async def test_a_given_environment_that_is_not_there_is_refused_by_name(tmp_path: Path) -> None:
    engine = LocalEngine(Workloads(tmp_path / "data"), allow_unsandboxed=True)
    source = EnvironmentSource(prefix="/no/such/prefix")
    with pytest.raises(BuildFailed, match="/no/such/prefix"):
        await engine.build("given", source, revision="1", progress=lambda *_: None, log=tmp_path / "log")


async def test_an_image_is_there_if_this_platform_made_it_and_it_is_whole(tmp_path: Path) -> None:
    workloads = Workloads(tmp_path / "data")
    engine = LocalEngine(workloads)
    whole = made_environment(workloads.layout, "whole-0123456789ab")
    without_record = made_environment(workloads.layout, "half-0123456789ab")
    record_path(without_record).unlink()
    without_python = made_environment(workloads.layout, "bare-0123456789ab")
    (without_python / "bin" / "python").unlink()
    elsewhere = made_environment(Workloads(tmp_path / "other").layout, "whole-0123456789ab")
    places = (whole, without_record, without_python, elsewhere, whole.with_name("gone-0123456789ab"))
    assert [await engine.has_image(str(place)) for place in places] == [True, False, False, False, False]


async def test_what_builds_made_or_left_can_be_removed_and_nothing_else_is_touched(tmp_path: Path) -> None:
    workloads = Workloads(tmp_path / "data")
    engine, layout = LocalEngine(workloads), workloads.layout
    made = made_environment(layout, "base-0123456789ab")
    half = layout.environments / "my-tools-000000000000"
    cut_off = layout.environments / ".removed-base-aaaaaaaaaaaa"
    cache = layout.environments / ".cache"
    outside = made_environment(Workloads(tmp_path / "other").layout, "base-0123456789ab")
    for folder in (half, cut_off, cache / "base", cache / "my-tools", cache / "gone", cache / "Not_ours"):
        folder.mkdir(parents=True)
    foreign = [layout.environments / name for name in ("mine", "base", "Base-0123456789ab", "base-0123456789AB", ".x")]
    for folder in (*foreign, layout.environments / "base-0123456789abc"):
        folder.mkdir()
    link = layout.environments / "linked-0123456789ab"
    link.symlink_to(outside)
    (cache / "linked").symlink_to(outside)

    removable = {str(place) for place in (made, half, cut_off, cache / "gone")}
    assert set(await engine.images()) == removable
    others = [*foreign, link, cache / "base", cache / "linked", cache, outside, layout.environments, tmp_path]
    dots = (f"{made}/..", f"{layout.environments}/..", f"{made}/../mine", f"{layout.environments}/.removed-..")
    for place in (*map(str, others), *dots, ""):
        await engine.remove_image(place)
    assert set(await engine.images()) == removable
    assert all(place.exists() for place in others)

    for place in sorted(removable):
        await engine.remove_image(place)
        await engine.remove_image(place)
    assert not record_path(made).exists()
    # that of an image is of no use without its environments
    assert set(await engine.images()) == {str(cache / "base"), str(cache / "my-tools")}
    assert all(place.exists() for place in others)
    assert record_path(outside).exists()


async def test_what_another_environment_is_based_on_stays(tmp_path: Path) -> None:
    layout = Workloads(tmp_path).layout
    engine = LocalEngine(Workloads(tmp_path))
    base, other = (made_environment(layout, f"{name}-0123456789ab") for name in ("base", "other"))
    records.write(record_path(other), {"base": ["/opt/python", str(base)], "packages": []})
    await engine.remove_image(str(base))
    assert await engine.has_image(str(base))
    await engine.remove_image(str(other))
    await engine.remove_image(str(base))
    assert set(await engine.images()) == set()


async def test_a_removal_that_was_cut_off_leaves_something_to_remove_and_nothing_that_looks_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = LocalEngine(Workloads(tmp_path))
    prefix = made_environment(Workloads(tmp_path).layout, "base-0123456789ab")
    for broken, left in (("pathlib.Path.rename", prefix.name), ("shutil.rmtree", f".removed-{prefix.name}")):
        with monkeypatch.context() as patch:
            patch.setattr(broken, killed)
            with pytest.raises(RuntimeError, match="killed"):
                await engine.remove_image(str(prefix))
        assert not await engine.has_image(str(prefix))
        assert await engine.images() == [str(prefix.with_name(left))]
    await engine.remove_image(str(prefix.with_name(f".removed-{prefix.name}")))
    assert list((tmp_path / "environments").iterdir()) == []


async def test_what_is_being_built_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    workloads = Workloads(tmp_path)
    engine = LocalEngine(workloads)
    prefix = made_environment(workloads.layout, "base-0123456789ab")
    running = WorkloadStatus(key="build-base-0123456789ab", state=WorkloadState.RUNNING)
    with monkeypatch.context() as patch:
        patch.setattr(workloads, "status", {running.key: running}.get)
        await engine.remove_image(str(prefix))
    assert await engine.has_image(str(prefix))
    await engine.remove_image(str(prefix))
    assert not prefix.exists()


async def test_volumes_are_folders_of_the_data_folder(tmp_path: Path) -> None:
    workloads = Workloads(tmp_path / "data")
    engine = LocalEngine(workloads)
    await engine.provision("corpus")
    (workloads.layout.volume("corpus") / "file").write_text("kept")
    await engine.provision("corpus")
    assert (workloads.layout.volume("corpus") / "file").exists()


def test_it_has_every_capability(tmp_path: Path) -> None:
    engine = LocalEngine(Workloads(tmp_path))
    assert capabilities(engine) == (
        "LogStreamer",
        "UsageSampler",
        "WorkFiles",
        "ImageBuilder",
        "VolumeProvisioner",
        "Capacity",
    )
    assert engine.image_sources == {"environment"}
