"""One volume's files are fetched or discarded, never both at once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from primehub_services.domain.volumes import GitSource
from primehub_services.sandbox.repositories import FetchFailed, Repositories
from primehub_services.sandbox.spec import SandboxOptions
from primehub_services.sandbox.workloads import Workloads
from tests.support.waiting import wait_for

SOURCE = GitSource(url="https://git.example.org/x.git")
COMMIT = "a" * 40


class SlowGit(Repositories):
    """Git writes its clone at once, and ends when it is let go or is not wanted any more."""

    def __init__(self, folder: Path) -> None:
        super().__init__(Workloads(folder, SandboxOptions(sandbox="off")), {})
        self.begun, self.let_go = threading.Event(), threading.Event()

    def _clone(
        self, slug: str, source: GitSource, secret: str | None, cancelled: Callable[[], bool], deadline: float
    ) -> None:
        work = self._layout.repository(slug)
        (work / "new").mkdir(parents=True)
        (work / "result").write_text(f"new {COMMIT}\n")
        self.begun.set()
        wait_for(lambda: cancelled() or self.let_go.is_set(), what="it is let go")
        if cancelled():
            raise FetchFailed("The fetch was cancelled.")
        assert (work / "new").is_dir(), "nobody took the clone away that is being made"


@pytest.fixture
def git(tmp_path: Path) -> SlowGit:
    return SlowGit(tmp_path / "data")


def left(git: SlowGit) -> list[Path]:
    volumes = git._layout.volume("code").parent
    return [path for path in volumes.rglob("*") if path.name != ".git"]


def test_discarding_ends_a_fetch_that_is_under_way_and_leaves_nothing(git: SlowGit) -> None:
    with ThreadPoolExecutor() as threads:
        fetching = threads.submit(git.fetch, "code", SOURCE)
        assert git.begun.wait(10)

        git.discard("code")

        with pytest.raises(FetchFailed, match="cancelled"):
            fetching.result(10)
    assert left(git) == []


def test_a_fetch_after_the_discarding_is_not_cancelled(git: SlowGit) -> None:
    git.discard("code")
    git.let_go.set()

    assert git.fetch("code", SOURCE) == COMMIT
    assert (git._layout.volume("code") / "code").is_dir()
    git.discard("code")
    assert left(git) == []


def test_discarding_one_volume_waits_for_no_other(git: SlowGit) -> None:
    with ThreadPoolExecutor() as threads:
        fetching = threads.submit(git.fetch, "code", SOURCE)
        assert git.begun.wait(10)

        git.discard("other")

        assert not fetching.done()
        git.let_go.set()
        assert fetching.result(10) == COMMIT
