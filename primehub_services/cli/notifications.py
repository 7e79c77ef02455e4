"""``primehub notifications``: what one is told of, and how."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from .nouns import Noun
from .session import EXIT_ERROR, EXIT_USAGE, Session, pass_session, stop

if TYPE_CHECKING:
    from ..client.person import PersonClient
    from ..domain.notifications import Notifications


@click.group(cls=Noun)
def notifications() -> None:
    """What you are told of while you are away: ends of jobs, and recurring jobs that fail or are paused."""


@notifications.command("show")
@pass_session
def show(session: Session) -> None:
    """Show what you are told of, and how."""
    from .output import show_one

    show_one(session, session.call(lambda client: client.notifications()), hide=("webhook_secret",))


@notifications.command("set")
@click.option("--email/--no-email", default=None, help="To the address of your account.")
@click.option("--webhook", "webhook_url", metavar="URL", help="Each message as JSON by POST to this address.")
@click.option("--no-webhook", is_flag=True, help="No messages to the address.")
@click.option("--jobs", type=click.Choice(["none", "failed", "all"]), help="Of which ends of your jobs.")
@click.option("--recurring/--no-recurring", default=None, help="When a recurring job fails or is paused.")
@click.option("--secret", is_flag=True, help="Read the secret that signs webhooks from standard input.")
@pass_session
def set_(session: Session, webhook_url: str | None, no_webhook: bool, secret: bool, **given: Any) -> None:
    """Change what is given. The first webhook gets a secret, which is shown only once."""
    from .output import done, print_json

    changes = {name: value for name, value in given.items() if value is not None}
    if webhook_url:
        changes |= {"webhook": True, "webhook_url": webhook_url}
    if no_webhook:
        changes["webhook"] = False
    if secret:
        changes["webhook_secret"] = click.prompt("Secret", hide_input=True, err=True) if sys.stdin.isatty() else _line()
    if not changes:
        stop("Nothing is given to change; see: primehub notifications set --help", EXIT_USAGE)

    async def run(client: PersonClient) -> Notifications:
        return await client.put_notifications(changes)

    saved = session.call(run)
    if session.as_json:
        print_json(saved)
        return
    done(session, "Saved.")
    if saved.webhook_secret is not None:
        click.echo(f"The webhook's secret, shown only once: {saved.webhook_secret.get_secret_value()}")


def _line() -> str:
    return sys.stdin.readline().rstrip("\n")


@notifications.command("test")
@pass_session
def test(session: Session) -> None:
    """Send a message to each channel that is on, and say what became of it."""
    from .output import show_list

    result = session.call(lambda client: client.test_notifications())
    columns = (
        ("CHANNEL", lambda row: row.channel.value),
        ("SENT", "sent"),
        ("MESSAGE", "message"),
    )
    show_list(session, result.deliveries, columns, nothing="No channel is on.")
    if not all(delivery.sent for delivery in result.deliveries):
        raise SystemExit(EXIT_ERROR)
