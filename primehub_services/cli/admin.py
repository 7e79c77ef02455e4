"""``primehub admin``: what platform admins do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from . import groups, images, instancetypes, secrets, volumes
from .connections import add_connections, add_group_connections
from .nouns import (
    Duration,
    Noun,
    add_create,
    add_delete,
    add_get,
    add_list,
    add_update,
    file_option,
    read_definition,
    really_option,
)
from .session import PersonCommand, Session, pass_session

if TYPE_CHECKING:
    from ..domain.identity import LinkSent


@click.group()
def admin() -> None:
    """What platform admins may do."""


def _noun(name: str, text: str) -> click.Group:
    made = Noun(name, help=text)
    admin.add_command(made)
    return made


_groups: dict[str, click.Group] = {}
for _name, _text, _what, _module in (
    ("groups", "Groups, their people, and what they are given.", "group", groups),
    ("instancetypes", "Instance types.", "instance type", instancetypes),
    ("images", "Images.", "image", images),
    ("volumes", "Data volumes.", "volume", volumes),
    ("secrets", "Secrets.", "secret", secrets),
):
    _group = _groups[_name] = _noun(_name, _text)
    add_list(_group, _module._find, _module.COLUMNS)
    add_get(_group, _module._find, _what)
    add_create(_group, _module._find, _what)
    add_update(_group, _module._find, _what)
    add_delete(_group, _module._find, _what)
    if _name == "groups":
        add_group_connections(_group)
    elif _name != "secrets":
        add_connections(_group, _module._find, writable=_name == "volumes")


@_groups["volumes"].command("manifests")
@click.argument("name")
@pass_session
def volume_manifests(session: Session, name: str) -> None:
    """What an operator of the cluster applies for a volume of kind nfs or hostPath: pipe it into kubectl apply -f -."""
    from .output import print_json

    found = session.call(lambda client: client.volume_manifests(name))
    if session.as_json:
        print_json(found)
    else:
        click.echo(found.yaml, nl=False)


users = _noun("users", "People.")
add_list(
    users,
    lambda client: client.users,
    (
        ("NAME", "name"),
        ("DISPLAY NAME", "display_name"),
        ("E-MAIL", "email"),
        ("ENABLED", "enabled"),
        ("PLATFORM ADMIN", "platform_admin"),
        ("LAST SEEN", "last_seen_at"),
    ),
)
add_get(users, lambda client: client.users, "person")
add_update(users, lambda client: client.users, "person's account")
add_delete(users, lambda client: client.users, "person's account")


@users.command("create")
@click.argument("name", required=False)
@click.option("--display-name", default="")
@click.option("--email", default="")
@click.option("--platform-admin", is_flag=True)
@click.option("--in-group", "groups", multiple=True, help="Group to put the person into.")
@click.option("--send", is_flag=True, help="Send the link to the person's e-mail address too.")
@file_option
@pass_session
def create_user(session: Session, name: str | None, file: Any, **given: Any) -> None:
    """Make a local account, and a one-time link for the person. Give NAME, or a definition in JSON."""
    from ..domain.handshake import invitation_link
    from ..domain.identity import AccountCreate
    from . import output

    definition = {"name": name, **given} if name else read_definition(file)
    account = AccountCreate.model_validate(definition)
    made = session.call(lambda client: client.create_user(account))
    link = invitation_link(session.site, made.token.get_secret_value())
    if session.as_json:
        output.print_json({**made.model_dump(mode="json"), "link": link})
        return
    output.note(
        f"{made.account.name} is created. This link works once, until {made.expires_at.astimezone():%Y-%m-%d %H:%M}:"
    )
    _say_sent(made.mail)
    click.echo(link)


def _say_sent(mail: LinkSent | None) -> None:
    """On stderr, what became of the letter: stdout is the link alone."""
    from . import output

    if mail is not None:
        output.note(f"Sent to {mail.to}." if mail.sent else f"Not sent to {mail.to}: {mail.message}")


@users.command("reset-password")
@click.argument("name")
@click.option("--temporary", is_flag=True, expose_value=False, help="Always so; accepted for scripts that say it.")
@pass_session
def reset_password(session: Session, name: str) -> None:
    """Give a temporary password, to be changed at the next sign-in. It is shown only once."""
    from . import output

    given = session.call(lambda client: client.reset_password(name))
    if session.as_json:
        output.print_json(given)
    else:
        click.echo(given.password.get_secret_value())


@users.command("invite")
@click.argument("user", metavar="[NAME]", required=False)
@click.option("--as-admin", is_flag=True, help="As a group admin of the group.")
@click.option("--expires", "expires_in", type=Duration(), default="1d", help="How long the link is good for.  [1d]")
@click.option("--send", is_flag=True, help="Send the link to NAME's e-mail address too.")
@click.option("--to", "address", default="", metavar="ADDRESS", help="Send the group's link to this address too.")
@pass_session
def invite(session: Session, user: str | None, as_admin: bool, expires_in: int, send: bool, address: str) -> None:
    """Make a one-time link: for NAME to set a password, or for somebody new to join the working group."""
    from ..domain.handshake import invitation_link
    from ..domain.identity import Role
    from ..domain.system import InvitationCreate
    from . import output

    if user:
        if address:
            msg = "--to is for a link into a group; --send sends NAME's to the account's own address"
            raise click.UsageError(msg)
        request = InvitationCreate(user=user, expires_in=expires_in, send=send)
    else:
        role = Role.ADMIN if as_admin else Role.MEMBER
        request = InvitationCreate(
            group=session.need_group(), role=role, expires_in=expires_in, send=send or bool(address), address=address
        )
    made = session.call(lambda client: client.invite(request))
    link = invitation_link(session.site, made.token.get_secret_value())
    if session.as_json:
        output.print_json({**made.model_dump(mode="json"), "link": link})
    else:
        _say_sent(made.mail)
        click.echo(link)


@users.command("running")
@click.argument("name")
@pass_session
def running(session: Session, name: str) -> None:
    """List what would be stopped if the person left."""
    from .output import show_list

    columns = (("KIND", "kind"), ("ID", "id"), ("GROUP", "group"), ("STATE", "phase"), ("SINCE", "since"))
    show_list(session, session.call(lambda client: client.running(name)), columns, nothing="Nothing runs.")


@users.command("disable")
@click.argument("name")
@really_option
@pass_session
def disable(session: Session, name: str) -> None:
    """Disable an account: its sessions and tokens end, and its notebooks stop."""
    from .output import done

    session.call(lambda client: client.users.update(name, {"enabled": False}))
    done(session, f"{name} is disabled.", user=name, enabled=False)


@users.command("enable")
@click.argument("name")
@pass_session
def enable(session: Session, name: str) -> None:
    """Enable an account again."""
    from .output import done

    session.call(lambda client: client.users.update(name, {"enabled": True}))
    done(session, f"{name} is enabled.", user=name, enabled=True)


@admin.command("audit", cls=PersonCommand)
@click.option("--actor", help="Only changes by this person.")
@click.option("--action", help="Only this kind of change, like group.create.")
@click.option("--limit", type=click.IntRange(1, 200), default=50, help="How many, newest first.  [50]")
@pass_session
def audit(session: Session, actor: str | None, action: str | None, limit: int) -> None:
    """Show who changed what."""
    from .output import show_list

    query = {"actor": actor, "action": action, "group": session.group or None, "page_size": limit}
    page = session.call(lambda client: client.audit.page(**query))
    columns = (
        ("WHEN", "at"),
        ("WHO", "actor"),
        ("ACTION", "action"),
        ("WHAT", "target"),
        ("GROUP", "group"),
        ("DETAILS", "details"),
    )
    show_list(session, page.items, columns)


@admin.group("settings", cls=Noun)
def settings() -> None:
    """Settings of the platform."""


@settings.command("get")
@pass_session
def get_settings(session: Session) -> None:
    """Show the settings."""
    from .output import show_one

    show_one(session, session.call(lambda client: client.settings()), hide=("version", "logo"))


@settings.command("update")
@file_option
@pass_session
def update_settings(session: Session, file: Any) -> None:
    """Change the settings that a definition in JSON holds."""
    from .output import show_one

    changes = read_definition(file)
    show_one(session, session.call(lambda client: client.update_settings(changes)), hide=("version", "logo"))
