"""``primehub instancetypes``: sizes that the person may use."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from .nouns import Noun, add_get, add_list

if TYPE_CHECKING:
    from ..client.collection import Collection
    from ..client.person import PersonClient
    from ..domain.instance_types import InstanceType


def _find(client: PersonClient) -> Collection[InstanceType]:
    return client.instance_types


COLUMNS = (
    ("NAME", "name"),
    ("DISPLAY NAME", "display_name"),
    ("CPU", lambda row: row.model_dump(mode="json")["cpu_limit"]),
    ("MEMORY", lambda row: row.model_dump(mode="json")["memory_limit"]),
    ("GPU", "gpu_limit"),
    ("ALL GROUPS", "all_groups"),
    ("GROUPS", "groups"),
)


@click.group(cls=Noun)
def instancetypes() -> None:
    """Sizes of notebooks and jobs."""


add_list(instancetypes, _find, COLUMNS, of_group=True)
add_get(instancetypes, _find, "instance type")
