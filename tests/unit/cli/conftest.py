"""The command, run in this process against canned answers."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from primehub_services.cli.main import cli

from .fake_api import FakeApi, running

Run = Callable[..., Result]
Start = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture
def api() -> Iterator[FakeApi]:
    """An API without any answer yet."""
    with running() as fake:
        yield fake


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder without settings, and no variable that matters to the command."""
    for name in ("PRIMEHUB_API_ENDPOINT", "PRIMEHUB_API_TOKEN", "PRIMEHUB_GROUP"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def run(home: Path) -> Run:
    """Run ``primehub`` with these words."""

    def call(*words: str, input: str | None = None) -> Result:
        return CliRunner().invoke(cli, words, input=input, prog_name="primehub", catch_exceptions=False)

    return call


@pytest.fixture
def signed_in(run: Run, api: FakeApi, monkeypatch: pytest.MonkeyPatch) -> Run:
    """``run``, signed in to ``api`` through the environment."""
    monkeypatch.setenv("PRIMEHUB_API_ENDPOINT", api.url)
    monkeypatch.setenv("PRIMEHUB_API_TOKEN", "the-token")
    return run


@pytest.fixture
def started(api: FakeApi, home: Path) -> Start:
    """Start ``primehub`` with these words, signed in to ``api``, as a process of its own."""

    def start(*words: str, **variables: str) -> subprocess.Popen[bytes]:
        places = {"PRIMEHUB_API_ENDPOINT": api.url, "PRIMEHUB_API_TOKEN": "the-token", "HOME": str(home)}
        return subprocess.Popen(
            [sys.executable, "-m", "primehub_services.cli.main", *words],
            env={**os.environ, **places, **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    return start
