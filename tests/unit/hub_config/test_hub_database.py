"""How the hub's own database is used."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from jupyterhub import orm

from hub_config.hub_database import ask_no_file_whether_it_is_there, write_ahead


def test_a_file_is_written_ahead_and_a_server_is_left_alone(tmp_path: Path) -> None:
    write_ahead(f"sqlite:///{tmp_path / 'hub.sqlite'}")
    write_ahead("postgresql://nowhere/hub")
    with sqlite3.connect(tmp_path / "hub.sqlite") as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()


def test_only_a_server_is_asked_whether_it_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(orm, "register_ping_connection", asked.append)
    file, server = (SimpleNamespace(dialect=SimpleNamespace(name=name)) for name in ("sqlite", "postgresql"))

    for _ in range(2):
        ask_no_file_whether_it_is_there()
        orm.register_ping_connection(file)
        orm.register_ping_connection(server)

    assert asked == [server, server]
