"""Which groups have an instance type, an image or a volume: the same change, from either side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from .nouns import Finder
from .session import Session, pass_session

if TYPE_CHECKING:
    from ..client.collection import Collection
    from ..client.person import PersonClient
    from ..domain.identity import Role


async def connect(
    client: PersonClient, things: Collection[Any], ref: str, group: str, *, connected: bool, writable: bool = False
) -> Any:
    """Give the thing to the group, or take it away. Somebody else's change meanwhile is a ``conflict``."""
    slug = (await client.groups.get(group)).slug
    thing = (await things.get(ref)).model_dump(mode="json")
    of_volume = things is client.volumes  # whose groups say whether they may write
    others = [g for g in thing["groups"] if (g["group"] if of_volume else g) != slug]
    if connected:
        others.append({"group": slug, "writable": writable} if of_volume else slug)
    return await things.update(ref, {"version": thing["version"], "groups": others})


def add_connections(noun: click.Group, find: Finder, *, writable: bool) -> None:
    """The commands ``list-groups``, ``add-group`` and ``remove-group`` of a thing."""

    @noun.command("list-groups")
    @click.argument("name")
    @pass_session
    def list_groups(session: Session, name: str) -> None:
        """List the groups that have it."""
        from .output import as_json, show_list

        thing = session.call(lambda client: find(client).get(name))
        rows = [row if isinstance(row, dict) else {"group": row} for row in as_json(thing.groups)]
        columns = (("GROUP", "group"), ("WRITABLE", "writable")) if writable else (("GROUP", "group"),)
        show_list(session, rows, columns, nothing="All groups." if thing.all_groups else "None.")

    def add_group(session: Session, name: str, group: str, writable: bool = False) -> None:
        """Give it to a group."""
        from .output import done

        async def run(client: PersonClient) -> Any:
            return await connect(client, find(client), name, group, connected=True, writable=writable)

        session.call(run)
        done(session, f"{group} has {name}.", name=name, group=group)

    command = pass_session(add_group)
    if writable:
        command = click.option("--writable", is_flag=True, help="The group may write to it.")(command)
    noun.command("add-group")(click.argument("name")(click.argument("group")(command)))

    @noun.command("remove-group")
    @click.argument("name")
    @click.argument("group")
    @pass_session
    def remove_group(session: Session, name: str, group: str) -> None:
        """Take it away from a group."""
        from .output import done

        async def run(client: PersonClient) -> Any:
            return await connect(client, find(client), name, group, connected=False)

        session.call(run)
        done(session, f"{group} no longer has {name}.", name=name, group=group)


_KINDS = (("instancetype", "instance_types"), ("image", "images"), ("volume", "volumes"))


def add_group_connections(noun: click.Group) -> None:
    """The commands of ``admin groups`` that tie things and people to a group."""
    for kind, attribute in _KINDS:
        _add_kind(noun, kind, attribute)

    @noun.command("connect-user")
    @click.argument("group")
    @click.argument("user")
    @click.option("--admin", is_flag=True, help="As a group admin.")
    @pass_session
    def connect_user(session: Session, group: str, user: str, admin: bool) -> None:
        """Put somebody into a group, or change the role."""
        from ..domain.identity import Role
        from .output import done

        role: Role = Role.ADMIN if admin else Role.MEMBER
        session.call(lambda client: client.put_member(group, user, role))
        done(session, f"{user} is in {group}.", user=user, group=group, role=role.value)

    @noun.command("disconnect-user")
    @click.argument("group")
    @click.argument("user")
    @pass_session
    def disconnect_user(session: Session, group: str, user: str) -> None:
        """Take somebody out of a group. Their notebooks there stop, their waiting jobs are cancelled."""
        from .output import done

        session.call(lambda client: client.members(group).delete(user))
        done(session, f"{user} is no longer in {group}.", user=user, group=group)

    @noun.command("list-users")
    @click.argument("group")
    @pass_session
    def list_users(session: Session, group: str) -> None:
        """List who is in a group."""
        from .output import show_list

        columns = (("USER", "user"), ("DISPLAY NAME", "display_name"), ("ROLE", "role"), ("FROM", "origins"))
        show_list(session, session.call(lambda client: client.members(group).all()), columns)


def _add_kind(noun: click.Group, kind: str, attribute: str) -> None:
    from .nouns import file_option, read_definition

    def tie(session: Session, group: str, name: str, *, connected: bool, writable: bool = False) -> None:
        from .output import done

        async def run(client: PersonClient) -> Any:
            things = getattr(client, attribute)
            return await connect(client, things, name, group, connected=connected, writable=writable)

        session.call(run)
        done(session, f"{group} {'has' if connected else 'no longer has'} {name}.", name=name, group=group)

    def connect_one(session: Session, group: str, name: str, writable: bool = False) -> None:
        tie(session, group, name, connected=True, writable=writable)

    command = pass_session(connect_one)
    if kind == "volume":
        command = click.option("--writable", is_flag=True, help="The group may write to it.")(command)
    noun.command(f"connect-{kind}", help=f"Give a group the {kind}.")(
        click.argument("group")(click.argument("name")(command))
    )

    @noun.command(f"disconnect-{kind}", help=f"Take the {kind} away from a group.")
    @click.argument("group")
    @click.argument("name")
    @pass_session
    def disconnect_one(session: Session, group: str, name: str) -> None:
        tie(session, group, name, connected=False)

    @noun.command(f"create-{kind}", help=f"Make a {kind} for this group alone, from a definition in JSON.")
    @click.argument("group")
    @file_option
    @pass_session
    def create_one(session: Session, group: str, file: Any) -> None:
        from .output import show_one

        definition = read_definition(file)

        async def run(client: PersonClient) -> Any:
            slug = (await client.groups.get(group)).slug
            given = {"group": slug, "writable": True} if kind == "volume" else slug
            return await getattr(client, attribute).create({"all_groups": False, "groups": [given], **definition})

        show_one(session, session.call(run))

    @noun.command(f"list-{kind}s", help=f"List each {kind} that the group has.")
    @click.argument("group")
    @pass_session
    def list_all(session: Session, group: str) -> None:
        from .output import show_list

        found = session.call(lambda client: getattr(client, attribute).all(group=group))
        show_list(session, found, (("NAME", "name"), ("DISPLAY NAME", "display_name"), ("ALL GROUPS", "all_groups")))
