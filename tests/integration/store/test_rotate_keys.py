"""``primehub rotate-keys`` on a database with secrets, while another process has it open."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner

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
