"""``primehub sign-in-link``: the way back in for an administrator who is locked out."""

from __future__ import annotations

from pathlib import Path

import click

from .control import place_options, settings_of
from .machine import locks
from .machine.errors import StartError
from .machine.folders import Folders
from .session import exit_code
from .up import report


@click.command("sign-in-link")
@click.argument("user", default="admin")
@place_options
def sign_in_link(user: str, data: Path | None, settings: Path | None) -> None:
    """Make a one-time link with which USER (admin, unless said) sets a new password.

    It needs no sign-in, but the right to read the data folder, and it works while the platform runs.
    """
    from ..domain.handshake import invitation_link
    from ..domain.problems import Problem, Unavailable

    found = settings_of(data, settings)
    place = Folders(found.data_dir.absolute())
    file = place.data / "primehub.sqlite"
    if not found.database_url.get_secret_value() and not (file.exists() and file.stat().st_size):
        report(StartError(f"There is no platform in {place.data}.", "Say where its data is with --data FOLDER."))
    if (provider := found.accounts.oidc) and not found.accounts.local:
        report(
            StartError(
                "Nobody signs in with a password here (accounts.local is off), so there is nothing for a link to set.",
                f"Sign in through {provider.name} as somebody of {', '.join(sorted(provider.admin_groups))} "
                "(accounts.oidc.admin_groups), or set accounts.local to true and restart.",
            )
        )
    from .. import maintenance

    try:
        token = maintenance.sign_in_link(found.primehub_database_url, user)
    except Problem as problem:
        whose = "" if isinstance(problem, Unavailable) else "Say whose link it is to be: primehub sign-in-link NAME"
        report(StartError(problem.detail, whose), exit_code(problem))
    address = str(locks.read_state(place).get("address") or found.address)
    click.echo("This link works once, for 24 hours:", err=True)
    click.echo(invitation_link(address, token))
