"""``primehub jobs list-artifacts`` and ``download-artifacts``."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import click

from .nouns import Noun
from .session import EXIT_ERROR, EXIT_NOT_ALLOWED, EXIT_USAGE, Session, pass_session, stop

if TYPE_CHECKING:
    from ..client.person import PersonClient

COLUMNS = (("PATH", "path"), ("SIZE", lambda row: size(row.size)), ("MODIFIED", "modified_at"))
_attempt = click.option("--attempt", type=click.IntRange(min=1), help="Of this attempt.  [the latest]")
Command = Noun.command_class


def size(count: int) -> str:
    """Bytes as people read them: ``1.5 MiB``."""
    amount = float(count)
    for unit in ("B", "KiB", "MiB"):
        if amount < 1024:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1024
    return f"{amount:.1f} GiB"


@click.command("list-artifacts", cls=Command)
@click.argument("job")
@_attempt
@pass_session
def list_artifacts(session: Session, job: str, attempt: int | None) -> None:
    """List the files that a job left in artifacts/."""
    from .output import note, show_list

    found = session.call(lambda client: client.jobs.artifacts(job, attempt))
    show_list(session, found.items, COLUMNS, nothing="It left none.")
    if found.message:
        note(f"\n{found.message}")


@click.command("download-artifacts", cls=Command)
@click.argument("job")
@click.argument("path")
@click.argument("destination", type=click.Path(path_type=Path), default=Path())
@click.option("--recursive", is_flag=True, help="PATH is a folder: all that is in it. `.` is everything.")
@_attempt
@pass_session
def download_artifacts(
    session: Session, job: str, path: str, destination: Path, recursive: bool, attempt: int | None
) -> None:
    """Download a job's artifact PATH to the file or folder DESTINATION. What is there is overwritten."""
    from .output import done

    async def run(client: PersonClient) -> list[Path]:
        sizes = {item.path: item.size for item in (await client.jobs.artifacts(job, attempt)).items}
        wanted = _wanted(list(sizes), path, destination, recursive)
        hidden = session.as_json or not sys.stderr.isatty()
        length = sum(sizes[name] for name in wanted)
        with click.progressbar(length=length, label="Downloading", file=sys.stderr, hidden=hidden) as bar:
            for name, target in wanted.items():
                await _save(client.jobs.download(job, name, attempt), target, bar.update)
        return list(wanted.values())

    saved = session.call(run)
    text = str(saved[0]) if len(saved) == 1 else f"{len(saved)} files below {destination}"
    done(session, text, saved=[str(file) for file in saved])


def _wanted(names: list[str], path: str, destination: Path, recursive: bool) -> dict[str, Path]:
    """Which artifacts go where. Ends the command where there is none of that name."""
    path = path.strip("/").removeprefix("./") or "."
    folder = [name for name in names if path == "." or PurePosixPath(name).is_relative_to(path)]
    if path in names:
        target = destination / PurePosixPath(path).name if destination.is_dir() else destination
        return {path: target}
    if not folder:
        stop(f"There is no artifact {path!r}; see: primehub jobs list-artifacts", EXIT_NOT_ALLOWED)
    if not recursive:
        stop(f"{path} is a folder of {len(folder)} files: add --recursive to download all of it.", EXIT_USAGE)
    base = "." if path == "." else str(PurePosixPath(path).parent)
    found = {name: destination / PurePosixPath(name).relative_to(base) for name in folder}
    root = destination.resolve()
    if not all(target.resolve().is_relative_to(root) for target in found.values()):
        stop(f"A link below {destination} leads out of it; choose an empty folder.", EXIT_USAGE)
    return found


async def _save(
    content: AbstractAsyncContextManager[AsyncIterator[bytes]], target: Path, written: Callable[[int], None]
) -> None:
    """Write one artifact: all of it, or nothing where this is cut off."""
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            async with content as pieces:
                async for piece in pieces:
                    file.write(piece)
                    written(len(piece))
        temporary.replace(target)
    except OSError as error:
        stop(f"{error.filename or target} cannot be written: {error.strerror}", EXIT_ERROR)
    finally:
        with contextlib.suppress(OSError):  # where its folder could not be made, there is none
            temporary.unlink()
