"""A job's command on this machine: its runner, the files it is given, and how soon its end is heard of."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from primehub_services.controllers.job_workloads import make_workload
from primehub_services.domain.jobs import JobSpec
from primehub_services.domain.launch import WorkloadKind
from primehub_services.domain.workloads import EngineRef, Observation, ObservedState
from primehub_services.engines.local import LocalEngine
from primehub_services.engines.local import engine as engine_module
from primehub_services.sandbox.spec import SandboxOptions
from primehub_services.sandbox.workloads import Workloads
from tests.support.sandbox import make_plan, plain_python, public_folder
from tests.support.waiting import wait_for_async

__all__ = ["plain_python"]
pytestmark = pytest.mark.sandbox


@pytest.fixture(params=["auto", "off"])
def engine(request: pytest.FixtureRequest) -> Iterator[LocalEngine]:
    """This machine, with a sandbox and without."""
    with public_folder() as folder:
        workloads = Workloads(folder / "data", SandboxOptions(sandbox=request.param))
        yield LocalEngine(workloads, allow_unsandboxed=True)
        assert workloads.stop_all(0) == []


async def apply(engine: LocalEngine, prefix: str, command: str, **secrets: str) -> EngineRef:
    spec = JobSpec(group="g", instance_type="t", image="i", command=command)
    plan = make_plan("job-1", prefix=prefix, mounts=(), kind=WorkloadKind.JOB)
    return [ref async for ref in engine.apply(make_workload(plan, spec, secrets, {}))][-1]


async def until(condition: Callable[[], Awaitable[bool]], what: str) -> None:
    await wait_for_async(condition, 30, what=what)


async def ended(engine: LocalEngine, ref: EngineRef) -> tuple[Observation, str]:
    async def over() -> bool:
        return (await engine.observe([ref]))[ref.key].state is ObservedState.EXITED

    await until(over, "it has ended")
    seen = (await engine.observe([ref]))[ref.key]
    return seen, (await engine.read_log(ref, 0, 1 << 20)).data.decode()


@pytest.mark.parametrize("code", [0, 3])
async def test_a_script_runs_in_a_folder_of_its_own_and_its_code_is_kept(
    engine: LocalEngine, plain_python: str, code: int
) -> None:
    script = (
        f'[ "$PWD" = "$HOME" ] && ls; python3 -c "print(6 * 7)"\r\nls -d "$PRIMEHUB_ARTIFACTS" >/dev/null\nexit {code}'
    )
    seen, said = await ended(engine, await apply(engine, plain_python, script))
    assert (seen.code, seen.reason) == (code, "Error" if code else "Completed")
    assert said.split() == ["artifacts", "42"]


async def test_what_is_run_by_a_script_hears_that_it_is_to_end_and_the_script_goes_no_further(
    engine: LocalEngine, plain_python: str
) -> None:
    child = (
        "import signal, sys, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(print('heard')))\n"
        "print('ready', flush=True); time.sleep(60)"
    )
    ref = await apply(engine, plain_python, f'python3 -c "{child}"\necho further')

    async def ready() -> bool:
        return b"ready" in (await engine.read_log(ref, 0, 1000)).data

    await until(ready, "it runs")
    await engine.delete(ref, 20)
    seen, said = await ended(engine, ref)
    assert (seen.reason, said.split()) == ("Stopped", ["ready", "heard"])


async def test_a_secret_is_in_the_environment_and_in_no_file_of_the_workload(
    engine: LocalEngine, plain_python: str
) -> None:
    ref = await apply(engine, plain_python, 'echo "${#TOKEN}"; exec sleep 60', TOKEN="s3cr3t-value")

    async def runs() -> bool:
        return (await engine.read_log(ref, 0, 1000)).data == b"12\n"

    await until(runs, "it runs")
    folder = engine._workloads.layout.workload(ref.key)
    found = [path for path in folder.rglob("*") if path.is_file() and _holds(path, b"s3cr3t-value")]
    assert found == []


def _holds(path: Path, text: bytes) -> bool:
    with suppress(OSError):
        return text in path.read_bytes()
    return False


async def test_an_end_is_heard_of_without_looking(
    engine: LocalEngine, plain_python: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_module, "LOOK_S", 3600)
    heard: asyncio.Queue[str] = asyncio.Queue()

    async def listen() -> None:
        changes: AsyncIterator[str] = engine.changes()
        async for key in changes:
            heard.put_nowait(key)

    listening = asyncio.create_task(listen())
    try:
        ref = await apply(engine, plain_python, "exec sleep 60")
        await wait_for_async(lambda: bool(engine._watchers), 10, what="it is watched")
        while not heard.empty():
            heard.get_nowait()
        await engine.delete(ref, 5)
        assert await asyncio.wait_for(heard.get(), 20) == ref.key
        assert (await engine.observe([ref]))[ref.key].state is ObservedState.EXITED
    finally:
        listening.cancel()
        with suppress(asyncio.CancelledError):
            await listening
