"""``primehub rotate-keys``: a new key for what is encrypted in the database."""

from __future__ import annotations

from pathlib import Path

import click

from .control import place_options, settings_of
from .machine.errors import StartError
from .machine.folders import Folders
from .session import exit_code
from .up import report


@click.command("rotate-keys")
@place_options
def rotate_keys(data: Path | None, settings: Path | None) -> None:
    """Encrypt every secret with a new key and forget the old one.

    It needs no sign-in, but the right to write the data folder, and it works while the platform runs. A backup of
    the database from before needs the key file from before, too.
    """
    found = settings_of(data, settings)
    key_file = Folders(found.data_dir.absolute()).secrets / "encryption.key"
    if not key_file.exists():
        report(StartError(f"There are no keys at {key_file}.", "Say where the platform's data is with --data FOLDER."))
    from .. import maintenance
    from ..domain.problems import Problem
    from ..store.crypto import KeyringError

    again = "Every secret can still be read. Run this again once that is mended."
    try:
        count = maintenance.rotate_keys(found.primehub_database_url, key_file)
    except KeyringError as error:
        report(StartError(str(error)))
    except Problem as problem:
        report(StartError(problem.detail, again), exit_code(problem))
    except OSError as error:
        report(StartError(f"The keys in {key_file.parent} cannot be changed: {error.strerror}.", again))
    click.echo(f"{count} {'value is' if count == 1 else 'values are'} encrypted with a new key.")
