"""Kept logs: beginning and end, the gap marked, and nothing half written."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from primehub_services.blobs import (
    FolderArtifactStore,
    FolderLogStore,
    LogChunk,
    WorkloadLogs,
    notebook_key,
    of_notebook,
)
from primehub_services.domain.results import KeptArtifacts

KEY = "notebooks/abc/log"


@pytest.fixture
def store(tmp_path: Path) -> FolderLogStore:
    return FolderLogStore(tmp_path, cap=160)


def everything(store: FolderLogStore, limit: int = 7) -> bytes:
    data, offset = b"", 0
    while True:
        chunk = store.read(KEY, offset, limit)
        if chunk.next_offset == offset:
            return data
        data, offset = data + chunk.data, chunk.next_offset


def test_what_is_appended_is_read_in_pieces_and_from_the_end(store: FolderLogStore) -> None:
    store.append(KEY, b"hello ")
    store.append(KEY, b"world\n")

    assert store.read(KEY, 0, 100) == LogChunk(b"hello world\n", 0, 12, 12)
    assert store.read(KEY, 6, 5) == LogChunk(b"world", 6, 11, 12)
    assert store.read(KEY, -3, 100) == LogChunk(b"ld\n", 9, 12, 12)
    assert store.read(KEY, 12, 100) == LogChunk(b"", 12, 12, 12)
    assert store.read(KEY, 99, 100).next_offset == 12
    assert everything(store) == b"hello world\n"


def test_what_is_not_there_is_an_empty_log(store: FolderLogStore) -> None:
    assert store.read(KEY, 0, 100) == LogChunk(b"", 0, 0, 0)
    assert (store.size(KEY), store.exists(KEY)) == (0, False)
    store.delete(KEY)


def test_over_the_cap_beginning_and_end_stay_and_the_gap_is_marked(store: FolderLogStore) -> None:
    written = b"".join(b"%03d\n" % number for number in range(200))
    for start in range(0, len(written), 13):
        store.append(KEY, written[start : start + 13])

    kept = everything(store, limit=1000)

    assert store.size(KEY) == len(written)
    head, tail = kept.split(b"\n[... ")
    missing, tail = tail.split(b" bytes of output are left out here ...]\n")
    assert written.startswith(head)
    assert written.endswith(tail)
    assert len(head) == 80
    assert len(head) + int(missing) + len(tail) == len(written)
    assert len(head) + len(tail) <= 160


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=50)
@given(pieces=st.lists(st.binary(max_size=60), max_size=20), limit=st.integers(1, 50))
def test_a_reader_that_follows_sees_every_byte_that_is_kept(tmp_path: Path, pieces: list[bytes], limit: int) -> None:
    store = FolderLogStore(tmp_path, cap=100_000)
    store.delete(KEY)
    for piece in pieces:
        store.append(KEY, piece)

    assert everything(store, limit) == b"".join(pieces)


def test_a_whole_log_takes_the_place_of_what_is_there_or_nothing_does(store: FolderLogStore, tmp_path: Path) -> None:
    def cut_off() -> Iterator[tuple[int, bytes]]:
        yield 0, b"half"
        raise OSError(28, "No space left on device")

    store.put(KEY, [(0, b"whole\n")])
    with pytest.raises(OSError, match="No space"):
        store.put(KEY, cut_off())
    assert store.read(KEY, 0, 100).data == b"whole\n"

    store.put(KEY, [(0, b"new"), (3, b"er\n")])
    assert store.read(KEY, 0, 100).data == b"newer\n"
    assert list((tmp_path / ".scratch").iterdir()) == []


def test_offsets_stay_when_a_log_with_a_gap_is_put(store: FolderLogStore) -> None:
    store.put(KEY, [(0, b"head"), (1000, b"tail"), (1004, b"!")])

    assert everything(store, 1000) == b"head\n[... 996 bytes of output are left out here ...]\ntail!"
    assert store.read(KEY, 1002, 100) == LogChunk(b"il!", 1002, 1005, 1005)
    assert store.read(KEY, -2, 100).data == b"l!"


def test_what_a_killed_process_left_half_written_is_dropped(store: FolderLogStore, tmp_path: Path) -> None:
    half = tmp_path / ".scratch" / "dead"
    half.mkdir(parents=True)
    (half / "0").write_bytes(b"half")

    store.clean()

    assert not half.exists()


@pytest.mark.parametrize("way", ["append", "put"])
def test_nobody_else_of_the_machine_sees_whose_logs_there_are(tmp_path: Path, way: str) -> None:
    store = FolderLogStore(tmp_path / "blobs")
    if way == "append":
        store.append(KEY, b"hello")
    else:
        store.put(KEY, [(0, b"hello")])
    assert (tmp_path / "blobs").stat().st_mode & 0o077 == 0


def test_deleting_leaves_no_empty_folders(store: FolderLogStore, tmp_path: Path) -> None:
    store.append(KEY, b"x")
    store.append("notebooks/other/log", b"y")

    store.delete(KEY)

    assert not (tmp_path / "notebooks" / "abc").exists()
    assert store.read("notebooks/other/log", 0, 10).data == b"y"


@pytest.mark.parametrize("key", ["", "/etc/passwd", "../x", "a/../b", "a//b", "a/", ".scratch/x", "a\n"])
def test_a_key_never_leads_out_of_the_folder(store: FolderLogStore, key: str) -> None:
    with pytest.raises(ValueError, match="not a log's key"):
        store.read(key, 0, 1)


class Live:
    """An engine that has one workload."""

    def read(self, workload: str, offset: int, limit: int) -> LogChunk | None:
        if workload != "live":
            return None
        data = b"one\ntwo\nthree\n"
        start = max(0, len(data) + offset) if offset < 0 else offset
        piece = data[start : start + limit]
        return LogChunk(piece, start, start + len(piece), len(data))


def test_a_notebooks_log_is_the_engines_while_it_has_one_and_the_kept_one_after(store: FolderLogStore) -> None:
    store.put(notebook_key("live"), [(0, b"old\n")])
    store.put(notebook_key("ended"), [(0, b"kept\n")])
    logs = WorkloadLogs(store, Live())

    assert logs.read(of_notebook("live"), 0, 4).data == b"one\n"
    assert logs.read(of_notebook("ended"), 0, 100).data == b"kept\n"
    assert logs.read(of_notebook("never"), 0, 100).data == b""


def test_the_last_lines_are_whole_lines(store: FolderLogStore) -> None:
    logs = WorkloadLogs(store, Live())

    assert logs.tail(of_notebook("live"), 2) == LogChunk(b"two\nthree\n", 4, 14, 14)
    assert logs.tail(of_notebook("live"), 10).data == b"one\ntwo\nthree\n"
    assert logs.tail(of_notebook("live"), 0).data == b""
    assert logs.tail(of_notebook("live"), 10, most=8).data == b"three\n"


def test_lines_are_found_in_any_case_with_where_they_are(store: FolderLogStore) -> None:
    store.put(notebook_key("n"), [(0, b"Error: one\nfine\nan eRRor\nlast error")])
    logs = WorkloadLogs(store)

    assert [(line.offset, line.text) for line in logs.search(of_notebook("n"), "ERROR")[0]] == [
        (0, "Error: one"),
        (16, "an eRRor"),
        (25, "last error"),
    ]
    assert [logs.search(of_notebook("n"), "error", limit=most)[1] for most in (1, 2, 3)] == [True, True, False]
    assert len(logs.search(of_notebook("n"), "error", limit=1)[0]) == 1
    assert logs.search(of_notebook("n"), "absent") == ([], False)


def test_who_may_not_write_any_more_leaves_what_is_kept_as_it_is(tmp_path: Path) -> None:
    def closed() -> None:
        raise PermissionError

    FolderLogStore(tmp_path).put("a/log", [(0, b"the whole log")])
    with pytest.raises(PermissionError):
        FolderLogStore(tmp_path, gate=closed).put("a/log", [(0, b"the")])
    assert FolderLogStore(tmp_path).read("a/log", 0, 100).data == b"the whole log"
    assert list((tmp_path / ".scratch").iterdir()) == []

    manifest = KeptArtifacts(files=(), left_out=(), message="whole", kept_at=datetime.now(UTC))
    FolderArtifactStore(tmp_path).stage("j1", 1).keep(manifest)
    with pytest.raises(PermissionError):
        FolderArtifactStore(tmp_path, gate=closed).stage("j1", 1).keep(manifest.model_copy(update={"message": "half"}))
    assert FolderArtifactStore(tmp_path).manifest("j1", 1) == manifest
