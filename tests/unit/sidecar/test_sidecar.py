"""The real sidecar against the real API: what a workload writes comes through, masked, to its last byte."""

from __future__ import annotations

import asyncio
import json
import os
import stat
import threading
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from primehub_services.api.reports import ReportDesk
from primehub_services.blobs import FolderSpool
from primehub_services.domain.problems import Conflict, Gone
from primehub_services.domain.reports import EndReport, workload_token
from primehub_services.domain.workloads import FileLimits, InputFile
from primehub_services.sandbox.workfiles import ScratchFiles
from primehub_services.sidecar import main, output
from primehub_services.sidecar.main import Sidecar
from primehub_services.store.database import Database
from tests.support.api import ROOT, running_api
from tests.support.waiting import wait_for_async

KEY = b"a key of tests"


class Permits:
    """One workload's."""

    def __init__(self) -> None:
        self.over = False
        self.pod = "pod-1"

    async def permit(self, workload: str, pod: str) -> FileLimits:
        await self.hear(workload, pod)
        return FileLimits(size=100, files=3)

    async def hear(self, workload: str, pod: str) -> None:
        if self.over:
            raise Gone("It is over.")
        if pod != self.pod:
            raise Conflict("Another pod runs it.")


@dataclass
class Pod:
    """What a pod's containers share, and the sidecar in it."""

    folder: Path
    spool: FolderSpool
    permits: Permits
    url: str
    thread: threading.Thread | None = None

    def begin(self, masked: tuple[str, ...] = ()) -> Sidecar:
        """Start the sidecar's work in a thread of its own."""
        environ = {
            "PRIMEHUB_API": self.url,
            "PRIMEHUB_WORKLOAD": "one",
            "PRIMEHUB_POD": "pod-1",
            "PRIMEHUB_WORKLOAD_TOKEN": workload_token(KEY, "one"),
            "PRIMEHUB_MASKED": json.dumps(masked),
        }
        places = {name: str(self.folder / name) for name in ("run", "files", "home")}
        sidecar = Sidecar(environ, **places, root="/home/jovyan")
        self.thread = threading.Thread(target=sidecar._work_until_over, daemon=True)
        self.thread.start()
        return sidecar

    def put(self, path: str, data: bytes) -> None:
        """Write a file as the workload."""
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)

    async def has(self, path: str) -> None:
        """Wait until a file is there."""

        async def there() -> bool:
            return (self.folder / path).exists()

        await wait_for_async(there, 20, what=path)

    async def ended(self) -> EndReport | None:
        """Wait until the sidecar's work is over."""
        thread = self.thread
        assert thread is not None
        await asyncio.to_thread(thread.join, 20)
        assert not thread.is_alive()
        return self.spool.end("one")

    def log(self) -> bytes:
        """What came through."""
        return self.spool.read_log("one", 0, 1 << 20).data


@pytest.fixture
async def pod(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Pod]:
    monkeypatch.setattr(main, "SMALL_FILES_EVERY_S", 0.1)
    monkeypatch.setattr(main, "FILES_EVERY_S", 0.2)
    permits, spool = Permits(), FolderSpool(tmp_path)
    for name in ("run", "files", "home"):
        (tmp_path / "pod" / name).mkdir(parents=True)
    desk = ReportDesk(permits, spool, KEY)
    async with running_api(database, tmp_path, reports=desk) as api:
        yield Pod(tmp_path / "pod", spool, permits, f"{api.url}{ROOT}")


@pytest.fixture
def database_url(migrated_sqlite: Path) -> str:
    """Nothing of it is asked for."""
    return f"sqlite:///{migrated_sqlite}"


async def test_what_a_workload_is_given_is_there_before_it_may_begin(pod: Pod) -> None:
    pod.spool.begin("one", {"command": InputFile(text="echo\n")})
    pod.begin()
    await pod.has("run/permit")
    assert (pod.folder / "files/command").read_text() == "echo\n"
    pod.put("run/exit", b"0\n")
    assert await pod.ended() is not None


async def test_output_comes_while_it_is_written_and_masked(pod: Pod) -> None:
    pod.begin(masked=("hunter22",))
    pod.put("run/log", b"the password is hunter22\n")

    async def shown() -> bool:
        return pod.log() == b"the password is [masked]\n"

    await wait_for_async(shown, 20, what="the first line")
    with (pod.folder / "run/log").open("ab") as file:
        file.write(b"again hunt")
        file.flush()
        file.write(b"er22, and the end")
    pod.put("run/exit", b"3\n")
    end = await pod.ended()
    assert end is not None
    assert (end.code, end.killed) == (3, False)
    assert pod.log() == b"the password is [masked]\nagain [masked], and the end"


async def test_the_output_is_a_file_that_another_user_of_the_folders_group_writes_to(pod: Pod) -> None:
    pod.begin()
    await pod.has("run/permit")
    assert stat.S_IMODE((pod.folder / "run/log").stat().st_mode) == 0o660
    pod.put("run/exit", b"0\n")
    assert await pod.ended() is not None


async def test_files_are_kept_whoever_the_workload_is(pod: Pod, monkeypatch: pytest.MonkeyPatch) -> None:
    pod.put("home/artifacts/a.txt", b"12345")
    mine = os.getuid()
    monkeypatch.setattr(os, "getuid", lambda: mine + 1)
    pod.begin()
    pod.put("run/exit", b"0\n")
    end = await pod.ended()
    assert end is not None
    assert not end.left_out
    assert [file.path for file in ScratchFiles(pod.spool.home("one"), mine).list_("artifacts").files] == ["a.txt"]


async def test_files_are_kept_within_the_limits_and_what_is_not_is_named(pod: Pod) -> None:
    pod.put("home/artifacts/a.txt", b"12345")
    pod.put("home/artifacts/large", b"x" * 101)
    pod.put("home/artifacts/deep/er/b c.txt", b"1")
    os.symlink("/etc/passwd", pod.folder / "home/artifacts/link")
    pod.put("home/.primehub/progress.json", b"{}")
    pod.put("home/other.txt", b"x")
    pod.begin()
    pod.put("run/exit", b"0\n")
    end = await pod.ended()
    assert end is not None
    found = ScratchFiles(pod.spool.home("one"), os.getuid())
    assert {file.path: file.size for file in found.list_("artifacts").files} == {"a.txt": 5, "deep/er/b c.txt": 1}
    assert {left.path for left in end.left_out} == {"large", "link"}
    assert found.read(".primehub/progress.json", 0, 10) == b"{}"
    assert found.read("other.txt", 0, 10) is None


async def test_what_the_runner_cannot_have_written_is_not_sent(pod: Pod) -> None:
    pod.put("home/.primehub/result.json", b"{}")
    pod.put("home/.primehub/progress.json", b"")
    os.truncate(pod.folder / "home/.primehub/progress.json", 10**12)  # takes no disk
    pod.begin()
    pod.put("run/exit", b"0\n")
    assert await pod.ended() is not None
    assert [file.name for file in pod.spool.home("one").rglob("*.json")] == ["result.json"]


async def test_what_has_settled_is_shown_while_it_runs_and_what_is_removed_is_not(pod: Pod) -> None:
    pod.put("home/artifacts/a.txt", b"12345")
    os.utime(pod.folder / "home/artifacts/a.txt", (5, 5))
    pod.begin()
    shown = pod.spool.home("one") / "artifacts/a.txt"

    async def there() -> bool:
        return shown.exists()

    await wait_for_async(there, 20, what="the file is shown")
    (pod.folder / "home/artifacts/a.txt").unlink()

    async def gone() -> bool:
        return not shown.exists()

    await wait_for_async(gone, 20, what="the file is gone")
    pod.put("run/exit", b"0\n")
    await pod.ended()


async def test_without_an_exit_code_the_cluster_has_to_know_it(pod: Pod) -> None:
    sidecar = pod.begin()
    await pod.has("run/permit")
    sidecar._asked.set()
    end = await pod.ended()
    assert end is not None
    assert end.code is None


async def test_a_second_pod_is_refused_and_begins_nothing(pod: Pod) -> None:
    pod.permits.pod = "pod-2"
    pod.begin()
    await pod.ended()
    assert (pod.folder / "run/refused").exists()
    assert not (pod.folder / "run/permit").exists()


async def test_what_goes_on_after_its_end_is_told_to_stop(pod: Pod) -> None:
    pod.begin()
    await pod.has("run/permit")
    pod.permits.over = True
    pod.put("run/log", b"still here\n")
    await pod.ended()
    assert (pod.folder / "run/stop").exists()


async def test_a_sidecar_that_begins_anew_goes_on_where_it_was(pod: Pod) -> None:
    pod.put("run/log", b"one\ntwo\n")
    pod.put("run/sent.json", b'{"read": 4, "sent": 4}')
    pod.spool.write_log("one", 0, b"one\n")
    pod.begin()
    pod.put("run/exit", b"0\n")
    await pod.ended()
    assert pod.log() == b"one\ntwo\n"


def test_what_a_masker_held_back_is_read_again_by_the_sidecar_that_begins_anew(tmp_path: Path) -> None:
    log, sent = tmp_path / "log", bytearray()

    def send(offset: int, piece: bytes) -> None:
        assert offset == len(sent)
        sent.extend(piece)

    def follow() -> output.Output:
        return output.Output(str(log), str(tmp_path / "sent.json"), ["hunter2-hunter2"], send)

    log.write_bytes(b"it is hunter2-hun")
    # the first one is killed while it waits for the rest of what may be a secret
    follow().look()
    assert bytes(sent) == b"it is "
    with log.open("ab") as file:
        file.write(b"ter2, or not")
    follow().finish()
    assert bytes(sent) == b"it is [masked], or not"


async def test_who_writes_faster_than_can_be_sent_loses_the_middle(pod: Pod, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("HEAD", 10), ("BACKLOG", 20), ("PIECE", 16)):
        monkeypatch.setattr(output, name, value)
    pod.put("run/log", bytes(range(32, 127)) * 10 + b"the end")
    pod.put("run/exit", b"0\n")
    pod.begin()
    await pod.ended()
    log = pod.log()
    assert log.startswith(bytes(range(32, 48)))
    assert log.endswith(b"the end")
    assert b"bytes of output are left out here" in log
    assert len(log) < 200
