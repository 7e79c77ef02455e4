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
from primehub_services.controllers import MonitoringController
from primehub_services.hub import HubClient
from primehub_services.store.crypto import Keyring
from primehub_services.store.database import Database


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
    parts = replace(await engine_parts("fake", Settings(data_dir=tmp_path)), results=object())
    blobs = tmp_path / "blobs"
    tools = module.Tools(
        Settings(data_dir=tmp_path),
        database,
        HubClient("http://127.0.0.1:9/hub/api", "token"),
        parts,
        FolderLogStore(blobs),
        FolderArtifactStore(blobs),
        Keyring.load_or_create(tmp_path / "key"),
        alone=True,
    )
    found = [r.controller for r in module.duties(tools).runners if isinstance(r.controller, MonitoringController)]
    assert given == made == [found[0]._usage]
