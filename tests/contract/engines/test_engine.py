"""Each sentence of ``engines.base``, for every engine."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable

import pytest

from primehub_services.domain.volumes import GitSource
from primehub_services.domain.workloads import EngineRef, FileLimits, ObservedState, WorkFile
from primehub_services.engines.base import (
    Capacity,
    ImageBuilder,
    LogStreamer,
    UsageSampler,
    VolumeFailed,
    VolumeProvisioner,
    WorkFiles,
    capabilities,
)
from tests.contract.engines.rigs import Rig

ENDED = (ObservedState.EXITED, ObservedState.ABSENT)


def unknown(rig: Rig) -> EngineRef:
    """A reference to what never was."""
    return EngineRef(engine=rig.engine.name, kind="any", key="never-was", name="never-was")


async def test_apply_yields_references_by_which_the_workload_is_seen(rig: Rig) -> None:
    workload = rig.runs("one")
    refs = [ref async for ref in rig.engine.apply(workload)]
    assert refs
    assert {(ref.engine, ref.key) for ref in refs} == {(rig.engine.name, "one")}
    await rig.seen(refs[-1], ObservedState.RUNNING)


async def test_apply_again_changes_nothing_and_yields_the_same(rig: Rig) -> None:
    workload = rig.runs("one")
    ref = await rig.apply(workload)
    first = await rig.seen(ref, ObservedState.RUNNING)
    assert await rig.apply(workload) == ref
    assert (await rig.observe(ref)).started_at == first.started_at
    assert len(await rig.engine.list_owned()) == 1


async def test_apply_by_two_at_once_starts_one(rig: Rig) -> None:
    workload = rig.runs("one")
    refs = await asyncio.gather(rig.apply(workload), rig.apply(workload))
    assert refs[0] == refs[1]
    await rig.seen(refs[0], ObservedState.RUNNING)
    assert len(await rig.engine.list_owned()) == 1


async def test_what_has_ended_is_not_started_again(rig: Rig) -> None:
    workload = rig.exits("one", 5)
    ref = await rig.apply(workload)
    ended = await rig.seen(ref, ObservedState.EXITED)
    await rig.apply(workload)
    assert await rig.observe(ref) == ended


async def test_a_started_stream_of_references_that_is_cut_off_can_be_taken_up(rig: Rig) -> None:
    workload = rig.runs("one")
    stream = rig.engine.apply(workload)
    ref = await anext(stream)
    await stream.aclose()  # type: ignore[attr-defined]  # as when the process is killed before it is committed
    assert await rig.apply(workload) == ref
    await rig.seen(ref, ObservedState.RUNNING)


@pytest.mark.parametrize(("code", "reason"), [(0, "Completed"), (3, "Error"), (255, "Error")])
async def test_the_exit_code_and_reason_are_seen(rig: Rig, code: int, reason: str) -> None:
    ref = await rig.apply(rig.exits("one", code))
    ended = await rig.seen(ref, ObservedState.EXITED)
    assert (ended.code, ended.reason) == (code, reason)
    assert ended.started_at is not None
    assert ended.ended_at is not None
    assert ended.ended_at >= ended.started_at


async def test_every_asked_key_is_answered_and_what_is_not_there_is_absent(rig: Rig) -> None:
    ref = await rig.apply(rig.runs("one"))
    seen = await rig.engine.observe([ref, unknown(rig)])
    assert seen.keys() == {"one", "never-was"}
    assert seen["never-was"].state is ObservedState.ABSENT
    assert await rig.engine.observe([]) == {}


async def test_delete_asks_and_its_completion_is_seen(rig: Rig) -> None:
    ref = await rig.apply(rig.runs("one"))
    await rig.seen(ref, ObservedState.RUNNING)
    await rig.engine.delete(ref, 30)
    await rig.seen(ref, *ENDED)


async def test_delete_of_what_starts_ends_it(rig: Rig) -> None:
    ref = await rig.apply(rig.runs("one"))
    await rig.engine.delete(ref, 30)
    await rig.seen(ref, *ENDED)


async def test_what_ignores_the_request_is_terminating_and_then_ended(rig: Rig) -> None:
    ref = await rig.apply(rig.ignores("one"))
    await rig.seen(ref, ObservedState.RUNNING)
    await rig.engine.delete(ref, 600)
    await rig.seen(ref, ObservedState.TERMINATING)
    await rig.engine.delete(ref, 0.5)
    ended = await rig.seen(ref, *ENDED)
    if ended.state is ObservedState.EXITED:
        assert (ended.code, ended.reason) == (137, "Killed")


async def test_delete_of_the_ended_drops_it(rig: Rig) -> None:
    ref = await rig.apply(rig.exits("one", 0))
    await rig.seen(ref, ObservedState.EXITED)
    await rig.engine.delete(ref, 0)
    await rig.seen(ref, ObservedState.ABSENT)
    assert list(await rig.engine.list_owned()) == []


async def test_delete_of_what_is_not_there_is_success(rig: Rig) -> None:
    await rig.engine.delete(unknown(rig), 0)
    assert (await rig.observe(unknown(rig))).state is ObservedState.ABSENT


async def test_everything_that_bears_our_mark_is_listed_with_its_labels(rig: Rig) -> None:
    refs = {key: await rig.apply(rig.runs(key)) for key in ("one", "two")}
    refs["three"] = await rig.apply(rig.exits("three", 1))
    await rig.seen(refs["three"], ObservedState.EXITED)
    owned = {found.ref.key: found for found in await rig.engine.list_owned()}
    assert owned.keys() == {"one", "two", "three"}
    assert all(found.labels["primehub.io/start"] == key for key, found in owned.items())
    assert {found.labels["primehub.io/group"] for found in owned.values()} == {"research"}
    assert owned["three"].observation.state is ObservedState.EXITED
    assert {key: found.ref for key, found in owned.items()} == refs


async def test_changes_hint_at_a_workload_that_ended(rig: Rig) -> None:
    ref = await rig.apply(rig.exits("one", 0))
    await rig.seen(ref, ObservedState.EXITED)
    async for key in rig.engine.changes():
        assert key == "one"
        break


async def test_many_at_once_each_run_once(rig: Rig) -> None:
    workloads = [rig.runs(f"many-{number}") for number in range(5)]
    refs = await asyncio.gather(*(rig.apply(workload) for workload in workloads for _ in range(3)))
    assert Counter(ref.key for ref in refs) == {f"many-{number}": 3 for number in range(5)}
    for ref in refs[::3]:
        await rig.seen(ref, ObservedState.RUNNING)
    assert len(await rig.engine.list_owned()) == 5


async def test_logs_are_read_by_offset_and_from_the_end(rig: Rig) -> None:
    if not isinstance(rig.engine, LogStreamer):
        pytest.skip("this engine has no logs")
    ref = await rig.apply(rig.exits("one", 0, "hello, world"))
    await rig.seen(ref, ObservedState.EXITED)
    piece = await rig.engine.read_log(ref, 0, 5)
    assert (piece.data, piece.next_offset, piece.size) == (b"hello", 5, 12)
    assert (await rig.engine.read_log(ref, 5, 100)).data == b", world"
    assert (await rig.engine.read_log(ref, -5, 100)).data == b"world"
    assert (await rig.engine.read_log(ref, 12, 100)).data == b""
    assert (await rig.engine.read_log(unknown(rig), 0, 100)).data == b""


async def test_usage_is_known_of_what_runs_and_left_out_of_what_does_not(rig: Rig) -> None:
    if not isinstance(rig.engine, UsageSampler):
        pytest.skip("this engine samples nothing")
    sampler = rig.engine
    ref = await rig.apply(rig.runs("one"))

    async def sampled() -> bool:
        return "one" in await sampler.usage([ref, unknown(rig)])

    await rig.until(sampled, "a sample")
    sample = (await sampler.usage([ref]))["one"]
    assert sample.memory > 0
    assert sample.cpu >= 0
    assert "never-was" not in await sampler.usage([unknown(rig)])


class Taken(dict[str, bytes]):
    """A sink that remembers."""

    def take(self, file: WorkFile, pieces: Iterable[bytes]) -> None:
        self[file.path] = b"".join(pieces)


FILES = {"artifacts/a.txt": "12345", "artifacts/deep/er/b.txt": "1", "artifacts/c.bin": "123456789", "other.txt": "x"}


async def test_files_of_the_scratch_home_are_listed_read_and_copied_until_the_workload_is_dropped(rig: Rig) -> None:
    if not isinstance(rig.engine, WorkFiles):
        pytest.skip("this engine shows no files")
    ref = await rig.apply(rig.leaves("one", FILES))
    await rig.seen(ref, ObservedState.EXITED)
    listed = await rig.engine.list_files(ref, "artifacts")
    assert {file.path: file.size for file in listed.files} == {"a.txt": 5, "c.bin": 9, "deep/er/b.txt": 1}
    assert await rig.engine.read_file(ref, "artifacts/a.txt", 1, 3) == b"234"
    assert await rig.engine.read_file(ref, "artifacts/a.txt", 9, 3) == b""
    assert await rig.engine.read_file(ref, "artifacts/none.txt", 0, 3) is None
    sink = Taken()
    copied = await rig.engine.copy_out(ref, "artifacts", sink, FileLimits(size=100, files=10))
    assert sink == {"a.txt": b"12345", "c.bin": b"123456789", "deep/er/b.txt": b"1"}
    assert (len(copied.files), copied.left_out_count) == (3, 0)
    await rig.engine.delete(ref, 0)
    assert (await rig.engine.list_files(ref, "artifacts")).files == ()


@pytest.mark.parametrize(("size", "files", "kept"), [(10, 10, ["a.txt", "deep/er/b.txt"]), (100, 1, ["a.txt"])])
async def test_what_does_not_fit_is_left_out_by_name_and_the_rest_is_copied(
    rig: Rig, size: int, files: int, kept: list[str]
) -> None:
    if not isinstance(rig.engine, WorkFiles):
        pytest.skip("this engine shows no files")
    ref = await rig.apply(rig.leaves("one", FILES))
    await rig.seen(ref, ObservedState.EXITED)
    sink = Taken()
    copied = await rig.engine.copy_out(ref, "artifacts", sink, FileLimits(size=size, files=files))
    assert sorted(sink) == kept == sorted(file.path for file in copied.files)
    assert {left.path for left in copied.left_out} | set(kept) == {"a.txt", "c.bin", "deep/er/b.txt"}
    assert all(left.reason for left in copied.left_out)


async def test_of_what_has_no_scratch_home_no_file_is_seen(rig: Rig) -> None:
    if not isinstance(rig.engine, WorkFiles):
        pytest.skip("this engine shows no files")
    ref = await rig.apply(rig.exits("one", 0))
    await rig.seen(ref, ObservedState.EXITED)
    assert (await rig.engine.list_files(ref, "artifacts")).files == ()
    assert await rig.engine.read_file(unknown(rig), "artifacts/x", 0, 1) is None


async def test_capacity_is_positive_and_gpus_have_numbers_of_their_own(rig: Rig) -> None:
    if not isinstance(rig.engine, Capacity):
        pytest.skip("this engine does not know its capacity")
    capacity = await rig.engine.capacity()
    assert capacity.cpu > 0
    assert capacity.memory > 0
    assert len({gpu.index for gpu in capacity.gpus}) == len(capacity.gpus)


async def test_a_volume_that_is_there_is_made_no_second_time(rig: Rig) -> None:
    if not isinstance(rig.engine, VolumeProvisioner):
        pytest.skip("this engine makes no volumes")
    await rig.engine.provision("corpus")
    await rig.engine.provision("corpus")


async def test_a_repository_that_cannot_be_fetched_is_said_so(rig: Rig) -> None:
    if not isinstance(rig.engine, VolumeProvisioner):
        pytest.skip("this engine makes no volumes")
    with pytest.raises(VolumeFailed, match=r"\S \S"):
        await rig.engine.fetch("code", GitSource(url="file:///no/such/repository.git"), None)


async def test_capabilities_are_those_that_it_has(rig: Rig) -> None:
    kinds = (LogStreamer, UsageSampler, WorkFiles, ImageBuilder, VolumeProvisioner, Capacity)
    assert set(capabilities(rig.engine)) == {kind.__name__ for kind in kinds if isinstance(rig.engine, kind)}
    assert rig.engine.image_sources <= {"environment", "container"}
