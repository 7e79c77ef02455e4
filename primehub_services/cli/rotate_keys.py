"""``primehub rotate-keys``: a new key for what is encrypted in the database."""

from __future__ import annotations

from pathlib import Path

import click

from .control import place_of, place_options, settings_of
from .machine.errors import StartError
from .up import report


@click.command("rotate-keys")
@place_options
def rotate_keys(data: Path | None, settings: Path | None) -> None:
    """Encrypt every secret with a new key and forget the old one.

    It needs no sign-in, but the right to write the data folder, and it works while the platform runs. A backup of
    the database from before needs the key file from before, too.
    """
    key_file = place_of(data, settings).secrets / "encryption.key"
    if not key_file.exists():
        report(StartError(f"There are no keys at {key_file}.", "Say where the platform's data is with --data FOLDER."))
    from .. import maintenance
    from ..store.crypto import KeyringError

    try:
        count = maintenance.rotate_keys(settings_of(data, settings).primehub_database_url, key_file)
    except KeyringError as error:
        report(StartError(str(error)))
    click.echo(f"{count} {'value is' if count == 1 else 'values are'} encrypted with a new key.")
