"""The controllers of one process, put together."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hub_config.settings import Settings
from primehub_services import duties as module
from primehub_services.blobs import FolderArtifactStore, FolderLogStore, FolderUsageStore
from primehub_services.composition import engine_parts
from primehub_services.controllers import MonitoringController, StopController
from primehub_services.hub import HubClient
from primehub_services.store.crypto import Keyring
from primehub_services.store.database import Database


async def made_for(database: Database, folder: Path, **parts: Any) -> module.Duties:
    """What goes on beside an engine with these parts."""
    blobs = folder / "blobs"
    tools = module.Tools(
        Settings(data_dir=folder),
        database,
        HubClient("http://127.0.0.1:9/hub/api", "token"),
        replace(await engine_parts("fake", Settings(data_dir=folder)), **parts),
        FolderLogStore(blobs),
        FolderArtifactStore(blobs),
        Keyring.load_or_create(folder / "key"),
        alone=True,
    )
    return module.duties(tools)


async def test_what_is_to_stop_is_asked_to_end_as_soon_as_that_is_known(database: Database, tmp_path: Path) -> None:
    made = await made_for(database, tmp_path, workloads=object())
    (runner,) = [r for r in made.runners if isinstance(r.controller, StopController)]
    told: list[str] = []
    runner.hint = lambda: told.append("hint")  # type: ignore[method-assign]
    for kind in ("notebook", "account", "membership", "group"):
        made.hint([kind])
    assert told == ["hint"] * 4


async def test_who_writes_series_and_who_forgets_them_share_one_store(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[FolderUsageStore] = []
    given: list[Any] = []

    class Counted(FolderUsageStore):
        def __init__(self, folder: Path) -> None:
            super().__init__(folder)
            made.append(self)

    def keeper(*parts: Any, **more: Any) -> None:
        given.extend(part for part in parts if isinstance(part, FolderUsageStore))

    monkeypatch.setattr(module, "FolderUsageStore", Counted)
    monkeypatch.setattr("primehub_services.controllers.results.AttemptKeeper", keeper)
    duties = await made_for(database, tmp_path, results=object())
    found = [r.controller for r in duties.runners if isinstance(r.controller, MonitoringController)]
    assert given == made == [found[0]._usage]
