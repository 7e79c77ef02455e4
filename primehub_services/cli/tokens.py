"""``primehub tokens``: a person's API tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from .nouns import Duration, Noun, add_list
from .session import Session, pass_session

if TYPE_CHECKING:
    from ..client.collection import Collection
    from ..client.person import PersonClient
    from ..domain.tokens import Token

SHORT_SCOPES = ("read", "write", "group-admin", "admin", "notebook")


def _find(client: PersonClient) -> Collection[Token]:
    return client.tokens


@click.group(cls=Noun)
def tokens() -> None:
    """Your API tokens."""


add_list(
    tokens,
    _find,
    (
        ("ID", "id"),
        ("NOTE", "note"),
        ("SCOPES", "scopes"),
        ("EXPIRES", "expires_at"),
        ("LAST USED", "last_used_at"),
    ),
)


@tokens.command("create")
@click.option("--note", required=True, help="What it is for.")
@click.option("--scope", "scopes", multiple=True, type=click.Choice(SHORT_SCOPES), help="What it may do.  [read]")
@click.option("--expires", "expires_in", type=Duration(), default="30d", help="How long it is good for.  [30d]")
@pass_session
def create(session: Session, note: str, scopes: tuple[str, ...], expires_in: int) -> None:
    """Make a token. It is shown only once."""
    from ..domain.permissions import PREFIX, Scope
    from ..domain.tokens import TokenCreate
    from . import output

    chosen = tuple(Scope(PREFIX + s) for s in scopes or ("read",))
    request = TokenCreate(note=note, scopes=chosen, expires_in=expires_in)
    made = session.call(lambda client: client.create_token(request))
    if session.as_json:
        output.print_json(made)
        return
    output.note("Keep it now; it is not shown again.")
    click.echo(made.token.get_secret_value())


@tokens.command("delete")
@click.argument("token_id", metavar="ID")
@pass_session
def delete(session: Session, token_id: str) -> None:
    """Revoke a token."""
    from .output import done

    session.call(lambda client: client.tokens.delete(token_id))
    done(session, f"Token {token_id} is revoked.", deleted=token_id)
