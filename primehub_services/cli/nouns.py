"""What the commands of every noun share: list, get, and definitions in JSON."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from .session import EXIT_USAGE, PersonCommand, Session, pass_session, stop

if TYPE_CHECKING:
    from ..client.collection import Collection
    from ..client.person import PersonClient
    from .output import Column

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "": 1}
Finder = Callable[["PersonClient"], "Collection[Any]"]


class Duration(click.ParamType):  # type: ignore[type-arg]  # older click's is not generic
    """``90d``, ``12h``, ``30m`` or seconds."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Seconds."""
        if isinstance(value, int):
            return value
        match = re.match(r"^(\d+)([smhd]?)$", str(value))
        if match is None:
            self.fail(f"{value!r} is no duration; write 90d, 12h or 30m", param, ctx)
        return int(match[1]) * _UNITS[match[2]]

    @staticmethod
    def written(seconds: int) -> str:
        """As it would be given, in the largest unit that is whole."""
        unit = next(u for u in ("d", "h", "m", "s") if seconds % _UNITS[u] == 0)
        return f"{seconds // _UNITS[unit]}{unit}"


class Noun(click.Group):
    """A noun: its commands talk to the API."""

    command_class = PersonCommand
    group_class = type


def add_list(group: click.Group, find: Finder, columns: Sequence[Column], *, of_group: bool = False) -> None:
    """The command ``list``. ``of_group`` keeps to the chosen group where one is chosen."""

    @group.command("list")
    @click.option("--search", help="Only those with this text in a name.")
    @pass_session
    def list_(session: Session, search: str | None) -> None:
        """List those that you may see."""
        from .output import show_list

        query = {"search": search, "group": session.group or None if of_group else None}
        show_list(session, session.call(lambda client: find(client).all(**query)), columns)


def add_get(group: click.Group, find: Finder, what: str) -> None:
    """The command ``get``."""

    @group.command("get", help=f"Show one {what}.")
    @click.argument("name")
    @pass_session
    def get(session: Session, name: str) -> None:
        from .output import show_one

        show_one(session, session.call(lambda client: find(client).get(name)))


def add_create(
    group: click.Group, find: Finder, what: str, *, fill: Callable[[Session, Any], None] | None = None
) -> None:
    """The command ``create``, from a definition."""

    @group.command("create", help=f"Make a new {what} from a definition in JSON (a file, or standard input).")
    @file_option
    @pass_session
    def create(session: Session, file: Path | None) -> None:
        from .output import show_one

        definition = read_definition(file)
        if fill is not None:
            fill(session, definition)
        show_one(session, session.call(lambda client: find(client).create(definition)))


def add_update(group: click.Group, find: Finder, what: str) -> None:
    """The command ``update``, from a definition of the fields to change."""

    @group.command("update", help=f"Change the fields of a {what} that a definition in JSON holds.")
    @click.argument("name")
    @file_option
    @pass_session
    def update(session: Session, name: str, file: Path | None) -> None:
        from .output import show_one

        definition = read_definition(file)
        show_one(session, session.call(lambda client: find(client).update(name, definition)))


def add_delete(group: click.Group, find: Finder, what: str) -> None:
    """The command ``delete``, which wants to be told that it is meant."""

    @group.command("delete", help=f"Delete a {what}.")
    @click.argument("name")
    @really_option
    @pass_session
    def delete(session: Session, name: str) -> None:
        from .output import done

        session.call(lambda client: find(client).delete(name))
        done(session, f"{what.capitalize()} {name} is deleted.", deleted=name)


def _really(context: click.Context, _parameter: click.Parameter, value: bool) -> None:
    if not value and not context.resilient_parsing:
        stop("This cannot be undone. Say that you mean it with --yes-i-really-mean-it", EXIT_USAGE)


really_option = click.option(
    "--yes-i-really-mean-it",
    is_flag=True,
    expose_value=False,
    callback=_really,
    help="Needed: this cannot be undone.",
)
file_option = click.option(
    "--file", type=click.Path(path_type=Path, allow_dash=True), help="Definition in JSON; standard input otherwise."
)


def _no_number(word: str) -> NoReturn:
    msg = f"{word} is no number that JSON has"
    raise ValueError(msg)


def read_definition(file: Path | None) -> dict[str, Any]:
    """The definition in the file, or on standard input. Ends the command where it is no JSON object."""
    source = "standard input" if file is None or str(file) == "-" else str(file)
    try:
        if source == "standard input":
            if sys.stdin.isatty():
                stop("Give a definition in JSON, with --file FILE or on standard input.", EXIT_USAGE)
            content = sys.stdin.buffer.read()
        else:
            assert file is not None
            content = file.read_bytes()
        definition = json.loads(content, parse_constant=_no_number)
    except OSError as error:
        stop(f"{source} cannot be read: {error.strerror}", EXIT_USAGE)
    except ValueError as error:
        stop(f"{source} is not JSON: {error}", EXIT_USAGE)
    if not isinstance(definition, dict):
        stop(f"{source} must hold one JSON object: fields in braces.", EXIT_USAGE)
    return definition
