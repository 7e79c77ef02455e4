"""What is told of a server that ended before it answered."""

from __future__ import annotations

import pytest
from jupyterhub.spawner import SpawnException

from primehub_services.sandbox.spec import WorkloadState, WorkloadStatus
from primehub_spawner.local import ended_early

ENDED = WorkloadStatus(key="one", state=WorkloadState.EXITED, code=1, reason="Error")


def told(log: str, status: WorkloadStatus | None = ENDED) -> tuple[str, str]:
    """Reason and text."""
    error = ended_early(status, log)
    assert isinstance(error, SpawnException)
    return error.reason, str(error.message)


@pytest.mark.parametrize("words", ["[Errno 28] No space left on device: '/x'", "OSError: Disk quota exceeded"])
def test_a_full_disk_is_said_with_the_way_out(words: str) -> None:
    reason, text = told(f"Traceback\n{words}\n...")
    assert reason == "disk-full"
    assert "safe mode" in text


def test_the_last_line_is_quoted_and_safe_mode_offered() -> None:
    reason, text = told("one\nImportError: no tornado")
    assert reason == "exited"
    assert "Error, code 1" in text
    assert "ImportError: no tornado" in text
    assert "safe mode" in text


def test_a_taken_port_is_no_reason_to_fail() -> None:
    assert not isinstance(ended_early(ENDED, "OSError: [Errno 98] Address already in use"), SpawnException)


def test_without_a_status_or_a_log_there_is_still_a_sentence() -> None:
    assert "not there any more" in told("", None)[1]
