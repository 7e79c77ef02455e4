"""What is done without a sign-in: ``primehub rotate-keys``, while another process has the database open, and links."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from primehub_services.cli.main import cli
from primehub_services.cli.rotate_keys import rotate_keys
from primehub_services.domain.paging import PageQuery
from primehub_services.domain.secrets import SecretCreate
from primehub_services.operations import audit, secrets
from primehub_services.store import migrate
from primehub_services.store.crypto import Keyring
from primehub_services.store.database import Database
from primehub_services.store.secrets import secret_value
from tests.support import factories


def test_the_command_changes_the_key_and_the_running_platform_goes_on(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'primehub.sqlite'}"
    migrate.upgrade(url)
    database = Database(url)
    cast = database.write_now(factories.cast)
    keyring = Keyring.load_or_create(tmp_path / "secrets" / "encryption.key")
    old = keyring.newest
    spec = SecretCreate.model_validate({"name": "token", "kind": "env", "value": "hunter2"})
    made = database.write_now(secrets.create, cast.member, spec, keyring=keyring)

    result = CliRunner().invoke(rotate_keys, ["--data", str(tmp_path)])

    assert result.exit_code == 0, result.output
    assert result.output == "1 value is encrypted with a new key.\n"
    assert old not in keyring.path.read_text()
    value = database.read_now(secret_value, keyring, made.id)
    assert value is not None
    assert value.get_secret_value() == "hunter2"
    newest = database.read_now(audit.list_, cast.platform_admin, PageQuery(page_size=1)).items[0]
    assert (newest.actor, newest.action) == ("service:primehub", "secret.rotate-keys")
    database.close()


def test_without_a_platform_it_says_where_it_looked(tmp_path: Path) -> None:
    result = CliRunner().invoke(rotate_keys, ["--data", str(tmp_path)])
    assert result.exit_code != 0
    assert "secrets/encryption.key" in result.output
    assert "--data" in result.output
    assert list(tmp_path.iterdir()) == []


def test_a_database_that_is_away_is_said_and_costs_no_secret(tmp_path: Path) -> None:
    keyring = Keyring.load_or_create(tmp_path / "secrets" / "encryption.key")
    old = keyring.newest
    file = tmp_path / "settings.yaml"
    url = "postgresql://nobody@127.0.0.1:1/primehub?connect_timeout=2"
    file.write_text(json.dumps({"data_dir": str(tmp_path), "database_url": url}))
    for command in ("rotate-keys", "sign-in-link"):
        result = CliRunner().invoke(cli, [command, "--settings", str(file)])
        assert (result.exit_code, result.stdout) == (5, ""), result.output
        assert "database does not answer just now" in result.stderr
        assert "Say whose link" not in result.stderr
        assert ("Run this again" in result.stderr) is (command == "rotate-keys")
    keyring.refresh()
    assert old in keyring.ids


def test_a_disk_that_is_full_is_said_and_costs_no_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    migrate.upgrade(f"sqlite:///{tmp_path / 'primehub.sqlite'}")
    keyring = Keyring.load_or_create(tmp_path / "secrets" / "encryption.key")
    before = keyring.path.read_bytes()

    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    result = CliRunner().invoke(rotate_keys, ["--data", str(tmp_path)])
    assert (result.exit_code, result.stdout) == (1, "")
    assert "cannot be changed: No space left on device." in result.stderr
    assert keyring.path.read_bytes() == before
    assert not list(keyring.path.parent.glob(".encryption.key.[0-9]*")), "half a file of keys"


def test_a_link_for_nobody_says_whose_it_may_be(tmp_path: Path) -> None:
    migrate.upgrade(f"sqlite:///{tmp_path / 'primehub.sqlite'}")
    result = CliRunner().invoke(cli, ["sign-in-link", "nobody", "--data", str(tmp_path)])
    assert (result.exit_code, "Say whose link" in result.stderr) == (4, True)
