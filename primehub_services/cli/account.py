"""``primehub login``, ``logout``, ``me``, ``info``, ``version``."""

from __future__ import annotations

import asyncio
import platform
import sys
import webbrowser
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from .. import __version__
from .session import EXIT_NOT_SIGNED_IN, EXIT_USAGE, PersonCommand, Session, api_of, pass_session, stop

if TYPE_CHECKING:
    from ..client.person import PersonClient
    from ..domain.identity import Me

POLL = 2.0
TOO_MANY = 429
SCOPES = ("read", "write", "group-admin", "admin", "notebook")


@click.command(cls=PersonCommand)
@click.argument("address", required=False)
@click.option("--scope", "scopes", multiple=True, type=click.Choice(SCOPES), help="What it may do.  [read, write]")
@click.option("--with-token", is_flag=True, help="Read a token from standard input instead of asking in the browser.")
@click.option("--no-browser", is_flag=True, help="Only print the address to open.")
@pass_session
def login(session: Session, address: str | None, scopes: tuple[str, ...], with_token: bool, no_browser: bool) -> None:
    """Sign this command in: approve it in the browser, or give a token with --token or --with-token.

    ADDRESS is the platform's, like https://primehub.example.org; it is remembered.
    """
    from .output import done

    kept = session.kept.get("endpoint") or ""
    session.endpoint = address or session.endpoint
    site = session.site  # refuses an address that is none, and none at all
    flags = click.get_current_context().find_root().meta.get("primehub.flags", {})
    if with_token:
        session.token = sys.stdin.readline().strip()
    elif flags.get("token"):
        session.token = flags["token"]
    else:
        session.token = session.call(lambda c: _ask(c, site, scopes, no_browser), anonymous=True)
    if not session.token:
        stop("The token is empty.", EXIT_USAGE)
    me = session.call(lambda client: client.me())
    values: dict[str, Any] = {"endpoint": site, "api-token": session.token}
    groups = [g.group for g in me.groups]
    if (kept and api_of(kept) != api_of(site)) or session.group not in groups:
        values["group"] = None
    if len(me.groups) == 1:
        only = me.groups[0]
        values["group"] = {"name": only.group, "displayName": only.display_name or only.name}
    session.save(**values)
    done(session, f"Signed in to {site} as {me.name}.", endpoint=site, user=me.name)


async def _ask(client: PersonClient, site: str, scopes: tuple[str, ...], no_browser: bool) -> str:
    """The token that a person approved. Ends the command where it is denied or too late."""
    from ..client.base import ApiProblem
    from ..domain.permissions import PREFIX, Scope
    from ..domain.tokens import LoginRequestCreate, LoginState
    from .output import note

    wanted = tuple(Scope(PREFIX + s) for s in scopes or ("read", "write"))
    request = LoginRequestCreate(client="primehub", host=platform.node()[:253], scopes=wanted)
    made = await client.begin_login(request)
    url = f"{site}{made.verification_path}"
    note(f"Open  {url}\nand approve the code  {made.code}")
    if not no_browser and sys.stderr.isatty():
        webbrowser.open(url)
    while datetime.now(UTC) < made.expires_at:
        try:
            result = await client.poll_login(made)
        except ApiProblem as problem:
            if problem.status != TOO_MANY:  # others behind the same address ask too
                raise
            await asyncio.sleep(problem.body.get("retry_after_s", POLL))
            continue
        if result.state is LoginState.DENIED:
            stop("It was denied in the browser.", EXIT_NOT_SIGNED_IN)
        if result.token is not None:
            return result.token.get_secret_value()
        await asyncio.sleep(POLL)
    stop("Nobody approved it in time. Try again: primehub login", EXIT_NOT_SIGNED_IN)


@click.command(cls=PersonCommand)
@pass_session
def logout(session: Session) -> None:
    """Forget the token. It stays good until it expires; `primehub tokens delete` revokes it."""
    from .output import done

    session.save(**{"api-token": None})
    done(session, f"The token is gone from {session.file}", file=str(session.file))


@click.command(cls=PersonCommand)
@pass_session
def me(session: Session) -> None:
    """Show who you are, and your groups."""
    from .output import print_json

    found = session.call(lambda client: client.me())
    if session.as_json:
        print_json(found)
    else:
        _print_me(found)


def _print_me(found: Me) -> None:
    from .output import table

    rows = [["name", found.name], ["display name", found.display_name or "-"], ["e-mail", found.email or "-"]]
    rows.append(["platform admin", "yes" if found.platform_admin else "no"])
    table(["", ""], rows, header=False)
    if not found.groups:
        click.echo("No group: ask a group admin or a platform admin to put you into one.")
        return
    click.echo()
    table(["GROUP", "DISPLAY NAME", "ROLE"], [[g.group, g.display_name or g.name, g.role.value] for g in found.groups])


@click.command(cls=PersonCommand)
@pass_session
def info(session: Session) -> None:
    """Show the platform, you, and the chosen group."""
    from .output import print_json

    async def ask(client: PersonClient) -> tuple[str, Me]:
        return await client.version(), await client.me()

    version_, found = session.call(ask)
    if session.as_json:
        shown = {
            "endpoint": session.site,
            "version": version_,
            "group": session.group or None,
            "user": found.model_dump(mode="json"),
        }
        print_json(shown)
        return
    click.echo(f"PrimeHub {version_} at {session.site}")
    click.echo(f"Working group: {session.group or 'none; choose one with: primehub config set-group'}\n")
    _print_me(found)


@click.command(cls=PersonCommand)
@pass_session
def version(session: Session) -> None:
    """Show the versions of this command and of the platform, where one is known and answers."""
    from ..client.base import ApiProblem
    from .output import print_json

    server = None
    if session.endpoint:
        try:
            server = session.call(lambda client: client.version(), anonymous=True)
        except ApiProblem as problem:
            click.echo(problem.detail, err=True)
    if session.as_json:
        print_json({"client": __version__, "server": server})
        return
    click.echo(f"primehub {__version__}")
    if server:
        click.echo(f"platform {server} at {session.site}")
