"""``primehub images``: what notebooks and jobs run in. Group admins make images of their own group."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from .nouns import Noun, add_create, add_delete, add_get, add_list
from .session import Session, pass_session

if TYPE_CHECKING:
    from ..client.collection import Collection
    from ..client.person import PersonClient
    from ..domain.images import Image


def _find(client: PersonClient) -> Collection[Image]:
    return client.images


def _in_group(session: Session, definition: Any) -> None:
    definition.setdefault("group", session.need_group())


COLUMNS = (
    ("NAME", "name"),
    ("DISPLAY NAME", "display_name"),
    ("KIND", "kind"),
    ("SOURCE", "source.type"),
    ("GROUP", "group"),
    ("STATE", lambda row: f"{row.phase} {row.progress} %" if row.phase == "BUILDING" else row.phase),
)


@click.group(cls=Noun)
def images() -> None:
    """What notebooks and jobs run in."""


add_list(images, _find, COLUMNS, of_group=True)
add_get(images, _find, "image")
add_create(images, _find, "image of the working group", fill=_in_group)
add_delete(images, _find, "image")


@images.command("rebuild")
@click.argument("name")
@pass_session
def rebuild(session: Session, name: str) -> None:
    """Build an image again, with the newest versions that its packages allow."""
    from .output import done, print_json

    image = session.call(lambda client: client.rebuild(name))
    if session.as_json:
        print_json(image)
    else:
        done(session, f"{image.name} is being built again; see: primehub images get {image.slug}")


@images.command("build-log")
@click.argument("name")
@pass_session
def build_log(session: Session, name: str) -> None:
    """Print the log of an image's latest build."""
    from .output import print_json

    async def whole(client: PersonClient) -> str:
        pieces, part = [], await client.build_log(name, offset=0)
        while part.text:
            pieces.append(part.text)
            part = await client.build_log(name, offset=part.next_offset)
        return "".join(pieces)

    text = session.call(whole)
    if session.as_json:
        print_json({"image": name, "log": text})
    else:
        click.echo(text, nl=False)
