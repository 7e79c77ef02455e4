"""``primehub volumes``: data volumes that the person's groups have."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from .nouns import Noun, add_get, add_list

if TYPE_CHECKING:
    from ..client.collection import Collection
    from ..client.person import PersonClient
    from ..domain.volumes import Volume


def _find(client: PersonClient) -> Collection[Volume]:
    return client.volumes


COLUMNS = (
    ("NAME", "name"),
    ("DISPLAY NAME", "display_name"),
    ("TYPE", "source.type"),
    ("MOUNTED AT", lambda row: f"/datasets/{row.slug}"),
    ("ALL GROUPS", "all_groups"),
    ("GROUPS", lambda row: [f"{g.group}{' (writable)' if g.writable else ''}" for g in row.groups]),
)


@click.group(cls=Noun)
def volumes() -> None:
    """Data volumes."""


add_list(volumes, _find, COLUMNS, of_group=True)
add_get(volumes, _find, "volume")
