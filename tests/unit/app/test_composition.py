"""How an engine looks to the rest of the process."""

from __future__ import annotations

from pathlib import Path

import pytest

from primehub_services.blobs import FolderLogStore, WorkloadLogs, notebook_key, of_notebook
from primehub_services.composition import _LocalLogs
from primehub_services.sandbox.spec import LogChunk, WorkloadState, WorkloadStatus


class Moving:
    """A workload whose log is moved to the store just before or after the look at it of that number."""

    def __init__(self, store: FolderLogStore, looks: int) -> None:
        self._store = store
        self._looks = looks
        self._log = b"hello\n"

    def _look(self) -> bytes | None:
        if self._looks == 0 and self._log:
            self._store.put(notebook_key("one"), [(0, self._log)])
            self._log = b""
        self._looks -= 1
        return self._log or None

    def status(self, key: str) -> WorkloadStatus | None:
        return WorkloadStatus(key=key, state=WorkloadState.EXITED, code=0) if self._look() else None

    def read_log(self, key: str, offset: int = 0, limit: int = 65536) -> LogChunk:
        data = self._look() or b""
        return LogChunk(data=data[offset:], start=offset, next_offset=len(data), size=len(data))


@pytest.mark.parametrize("looks", range(4))
@pytest.mark.parametrize("offset", [0, 3])
def test_a_log_that_is_moved_to_the_store_meanwhile_is_read_whole(tmp_path: Path, looks: int, offset: int) -> None:
    store = FolderLogStore(tmp_path)
    logs = WorkloadLogs(store, _LocalLogs(Moving(store, looks)))

    chunk = logs.read(of_notebook("one"), offset, 100)

    assert (chunk.data, chunk.next_offset, chunk.size) == (b"hello\n"[offset:], 6, 6)
