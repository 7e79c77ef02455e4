"""``primehub config``: what this command remembers (``~/.primehub/config.json``, for its user alone)."""

from __future__ import annotations

import sys

import click

from .account import login
from .nouns import Noun
from .session import EXIT_USAGE, Session, api_of, api_url, pass_session, stop


@click.group(cls=Noun)
def config() -> None:
    """Show and change what this command remembers."""


config.add_command(login, "generate-token")  # what others call it; the browser is asked, and no code is to be pasted


@config.command("show")
@pass_session
def show(session: Session) -> None:
    """Show what is in force: flags over environment over file. The token itself is not shown."""
    from .output import show_one

    shown = {
        "file": str(session.file),
        "endpoint": session.endpoint or None,
        "token": bool(session.token),
        "group": session.group or None,
    }
    show_one(session, shown)


@config.command("set-endpoint")
@click.argument("endpoint")
@pass_session
def set_endpoint(session: Session, endpoint: str) -> None:
    """Remember the platform's address. A token of another platform is forgotten."""
    from .output import done

    api, kept = api_url(endpoint), session.kept.get("endpoint")
    other = kept and api_of(kept) != api
    if other:
        session.save(**{"endpoint": endpoint, "api-token": None, "group": None})
    else:
        session.save(endpoint=endpoint)
    done(session, f"{endpoint} is kept in {session.file}", endpoint=endpoint)


@config.command("set-token")
@click.argument("token", required=False)
@pass_session
def set_token(session: Session, token: str | None) -> None:
    """Remember an API token. Without TOKEN it is read from standard input, where `ps` does not show it."""
    from .output import done

    if token is None:
        token = click.prompt("API token", hide_input=True, err=True) if sys.stdin.isatty() else sys.stdin.readline()
    token = str(token).strip()
    if not token:
        stop("The token is empty.", EXIT_USAGE)
    session.save(**{"api-token": token})
    done(session, f"The token is kept in {session.file}", file=str(session.file))


@config.command("set-group")
@click.argument("group")
@pass_session
def set_group(session: Session, group: str) -> None:
    """Remember the working group. It must be one of yours."""
    from .output import done

    found = session.call(lambda client: client.groups.get(group))
    kept = {"id": found.id, "name": found.slug, "displayName": found.display_name or found.name}
    session.save(group=kept)
    done(session, f"{found.name} is the working group.", **kept)
