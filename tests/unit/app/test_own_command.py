"""What messages say to run is found where it is typed."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from primehub_services import own_command as module
from primehub_services.own_command import own_command


def program(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A virtual environment whose command runs now; PATH and sudo's own are folders without it."""
    monkeypatch.setattr(sys, "executable", str(program(tmp_path / ".venv/bin/python")))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr(module, "SUDO_PATH", str(tmp_path / "sbin"))
    return program(tmp_path / ".venv/bin/primehub")


def test_a_command_that_the_terminal_does_not_find_is_named_by_its_path(environment: Path) -> None:
    assert own_command() == str(environment)
    assert own_command(by_sudo=True) == str(environment)


def test_in_an_active_environment_the_name_does_but_not_for_sudo(
    environment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(environment.parent))
    assert own_command() == "primehub"
    assert own_command(by_sudo=True) == str(environment)


def test_the_name_of_another_installation_does_not_do(environment: Path, tmp_path: Path) -> None:
    program(tmp_path / "bin/primehub")
    assert own_command() == str(environment)


def test_a_link_where_sudo_looks_does(environment: Path, tmp_path: Path) -> None:
    (tmp_path / "sbin").mkdir()
    (tmp_path / "sbin/primehub").symlink_to(environment)
    assert own_command(by_sudo=True) == "primehub"


def test_an_interpreter_without_the_command_beside_it_leaves_what_path_finds(environment: Path, tmp_path: Path) -> None:
    environment.unlink()
    assert own_command() == "primehub"
    other = program(tmp_path / "bin/primehub")
    assert own_command() == "primehub"
    assert own_command(by_sudo=True) == str(other)


def test_a_path_with_a_space_can_be_pasted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", str(program(tmp_path / "a b/python")))
    monkeypatch.setenv("PATH", "")
    made = program(tmp_path / "a b/primehub")
    assert own_command() == f"'{made}'"
