"""``primehub groups``: the groups a person sees, and their members."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from .nouns import Noun, add_get, add_list
from .session import Session, pass_session

if TYPE_CHECKING:
    from ..client.collection import Collection
    from ..client.person import PersonClient
    from ..domain.groups import Group


def _find(client: PersonClient) -> Collection[Group]:
    return client.groups


def _quota(field: str):  # type: ignore[no-untyped-def]  # a column's function
    def words(group: Group) -> str:
        from .output import quota

        return quota(getattr(group, field))

    return words


COLUMNS = (
    ("NAME", "name"),
    ("SLUG", "slug"),
    ("DISPLAY NAME", "display_name"),
    ("QUOTA OF A PERSON", _quota("user_quota")),
    ("QUOTA OF THE GROUP", _quota("group_quota")),
    ("POD SECURITY", "pod_security"),
)


@click.group(cls=Noun)
def groups() -> None:
    """Groups and their members."""


add_list(groups, _find, COLUMNS)
add_get(groups, _find, "group")


@groups.command("list-users")
@click.argument("name", required=False)
@pass_session
def list_users(session: Session, name: str | None) -> None:
    """List who is in a group."""
    from .output import show_list

    group = name or session.need_group()
    members = session.call(lambda client: client.members(group).all())
    columns = (("USER", "user"), ("DISPLAY NAME", "display_name"), ("ROLE", "role"), ("FROM", "origins"))
    show_list(session, members, columns)


@groups.command("add-user")
@click.argument("name")
@click.argument("user")
@click.option("--admin", is_flag=True, help="As a group admin.")
@pass_session
def add_user(session: Session, name: str, user: str, admin: bool) -> None:
    """Put somebody into a group, or change the role."""
    from ..domain.identity import Role
    from .output import done

    role = Role.ADMIN if admin else Role.MEMBER
    membership = session.call(lambda client: client.put_member(name, user, role))
    done(
        session, f"{user} is a {'group admin' if admin else 'member'} of {name}.", **membership.model_dump(mode="json")
    )


@groups.command("remove-user")
@click.argument("name")
@click.argument("user")
@pass_session
def remove_user(session: Session, name: str, user: str) -> None:
    """Take somebody out of a group. Their notebooks there stop, their waiting jobs are cancelled."""
    from .output import done

    session.call(lambda client: client.members(name).delete(user))
    done(session, f"{user} is no longer in {name}.", group=name, removed=user)


@groups.command("usage")
@click.argument("name", required=False)
@pass_session
def usage(session: Session, name: str | None) -> None:
    """Show a group's quotas, and who holds what."""
    from .output import cores, note, print_json, quota, table

    group = name or session.need_group()
    found = session.call(lambda client: client.usage(group))
    if session.as_json:
        print_json(found)
        return
    if found.user is not None:
        note(f"You:       {cores(found.user.used)} of {quota(found.user.quota)}")
    note(f"The group: {cores(found.total.used)} of {quota(found.total.quota)}")
    rows = [
        [line.user, line.kind.value, line.name or "-", line.instance_type, cores(line.limits)] for line in found.holders
    ]
    if rows:
        table(["USER", "KIND", "NAME", "INSTANCE TYPE", "HOLDS"], rows)
