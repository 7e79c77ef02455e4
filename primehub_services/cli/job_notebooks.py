"""A notebook on the command line: the file that is sent, and its parameters."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .session import EXIT_USAGE, stop

if TYPE_CHECKING:
    from ..client.person import PersonClient

notebook_option = click.option(
    "--notebook", type=click.Path(path_type=Path), metavar="FILE", help="Run this notebook, as it is now."
)
parameter_option = click.option(
    "--parameter",
    "-p",
    "parameters",
    multiple=True,
    metavar="NAME=VALUE",
    help="Of the notebook; VALUE is JSON, or text.",
)


def pairs(flag: str, texts: tuple[str, ...]) -> dict[str, str]:
    """``NAME=VALUE`` words as a mapping. Ends the command at one without ``=``."""
    found = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals:
            stop(f"{flag} {text}: write NAME=VALUE", EXIT_USAGE)
        found[name] = value
    return found


def parameters_of(texts: tuple[str, ...]) -> dict[str, Any]:
    """Parameters by name. Ends the command at one without ``=``."""
    return {name: _value(text) for name, text in pairs("--parameter", texts).items()}


def _value(text: str) -> Any:
    try:
        value = json.loads(text)
        json.dumps(value, allow_nan=False)  # Infinity and 1e999 can be read, and not sent
    except ValueError:
        return text
    return value


async def uploaded(client: PersonClient, group: str, notebook: Path, parameters: dict[str, Any]) -> dict[str, Any]:
    """Send the file; the field ``notebook`` of a job that runs it."""
    snapshot = await client.jobs.upload(group, notebook.name, _content(notebook))
    return {"snapshot": snapshot.id, "path": notebook.name, "parameters": parameters}


def changed(notebook: dict[str, Any] | None, parameters: dict[str, Any]) -> dict[str, Any]:
    """Another job's notebook, with these parameters in place of its own of the same name."""
    if notebook is None:
        stop("-p is of a notebook, and this one runs a command.", EXIT_USAGE)
    return {**notebook, "parameters": {**notebook.get("parameters", {}), **parameters}}


def _content(notebook: Path) -> bytes:
    try:
        return notebook.read_bytes()
    except OSError as error:
        stop(f"{notebook} cannot be read: {error.strerror}", EXIT_USAGE)
