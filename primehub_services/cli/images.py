"""``primehub images``: what notebooks run in. Group admins make images of their own group."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from .nouns import Noun, add_create, add_delete, add_get, add_list
from .session import Session

if TYPE_CHECKING:
    from ..client.person import Collection, PersonClient
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
    """What notebooks run in."""


add_list(images, _find, COLUMNS, of_group=True)
add_get(images, _find, "image")
add_create(images, _find, "image of the working group", fill=_in_group)
add_delete(images, _find, "image")
