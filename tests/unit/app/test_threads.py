"""Slow disks and slow readers hold up nothing else."""

from __future__ import annotations

import argparse
import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest

from hub_config.settings import Settings
from primehub_services import app


def test_many_wait_for_the_disk_at_once_and_no_more_than_that(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    met = threading.Barrier(app.THREADS)
    names: list[str] = []

    def wait() -> None:
        met.wait(30)
        names.append(threading.current_thread().name)

    async def build(*_: Any, **__: Any) -> app.Services:
        async with asyncio.timeout(60):
            await asyncio.gather(*(asyncio.to_thread(wait) for _ in range(2 * app.THREADS)))
        raise app.InstanceError("seen enough")

    monkeypatch.setattr(app, "build", build)
    options = argparse.Namespace(roles=["controllers"], engine="fake", elect=False)
    with pytest.raises(app.InstanceError, match="seen enough"):
        asyncio.run(app._serve(Settings(data_dir=tmp_path), options))
    assert len(names) == 2 * app.THREADS
    assert len(set(names)) == app.THREADS
    assert all(name.startswith("primehub") for name in names)
