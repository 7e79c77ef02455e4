"""``primehub secrets``: what is kept, never its value."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from .nouns import Noun, add_create, add_delete, add_get, add_list

if TYPE_CHECKING:
    from ..client.collection import Collection
    from ..client.person import PersonClient
    from ..domain.secrets import Secret


def _find(client: PersonClient) -> Collection[Secret]:
    return client.secrets


COLUMNS = (
    ("NAME", "name"),
    ("DISPLAY NAME", "display_name"),
    ("KIND", "kind"),
    ("OWNER", lambda row: row.owner or row.group),
    ("CHANGED", "updated_at"),
)


@click.group(cls=Noun)
def secrets() -> None:
    """Secrets; their values are never shown."""


add_list(secrets, _find, COLUMNS, of_group=True)
add_get(secrets, _find, "secret")
add_create(secrets, _find, "secret")
add_delete(secrets, _find, "secret")
