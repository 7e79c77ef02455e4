"""``primehub notebooks``: start, watch and stop them."""

from __future__ import annotations

import asyncio
import webbrowser
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from .job_notebooks import pairs
from .nouns import Duration, Noun
from .session import EXIT_ERROR, EXIT_NOT_ALLOWED, EXIT_REFUSED, EXIT_USAGE, Session, pass_session, stop

if TYPE_CHECKING:
    from ..client.base import ApiProblem
    from ..client.person import PersonClient
    from ..domain.launch import LaunchRequest
    from ..domain.notebooks import Notebook


def _why(notebook: Notebook) -> str:
    """What it waits for while it starts, else why it ended."""
    waits = notebook.phase.value == "STARTING" and notebook.events
    return notebook.events[-1].message if waits else notebook.reason


TAIL = 10
"""Lines of a log that are printed where nothing is said."""
COLUMNS = (
    ("ID", "id"),
    ("USER", "user"),
    ("SERVER", lambda row: row.server_name or "(default)"),
    ("GROUP", "group"),
    ("INSTANCE TYPE", "instance_type"),
    ("IMAGE", "image"),
    ("STATE", lambda row: row.phase.value),
    ("SINCE", lambda row: row.ended_at or row.ready_at or row.created_at),
    ("REASON", _why),
)


@click.group(cls=Noun)
def notebooks() -> None:
    """Start, watch and stop notebooks."""


def launch_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that say what to launch."""
    for option in reversed(
        (
            click.option("--instance-type", help="Its size.  [the last one used in the group]"),
            click.option("--image", help="What it runs in.  [the last one used in the group]"),
            click.option("--env", "environment", multiple=True, metavar="NAME=VALUE", help="Environment variable."),
            click.option(
                "--safe-mode", is_flag=True, help="With your files in ~/user and no profiles, to repair a home folder."
            ),
            click.option("--name", "server_name", default="", help="Name of the notebook, where you have several."),
        )
    ):
        command = option(command)
    return command


async def _request(client: PersonClient, group: str, chosen: dict[str, Any]) -> LaunchRequest:
    """What to launch, with the last choice for what was left out. Ends the command where something is missing."""
    from ..domain.launch import LaunchRequest

    variables = pairs("--env", chosen.pop("environment"))
    if variables:
        chosen["environment"] = variables
    if not (chosen["instance_type"] and chosen["image"]):
        defaults = (await client.launch_options(group)).defaults
        chosen["instance_type"] = chosen["instance_type"] or defaults.instance_type
        chosen["image"] = chosen["image"] or defaults.image
    for flag in ("instance_type", "image"):
        if not chosen[flag]:
            stop(f"Give --{flag.replace('_', '-')}; see: primehub notebooks options --group {group}", EXIT_USAGE)
    return LaunchRequest(group=group, **chosen)


@notebooks.command("options")
@pass_session
def options(session: Session) -> None:
    """Show what can be started in the group, and the quotas."""
    from .output import cores, note, print_json, quota, table

    group = session.need_group()
    found = session.call(lambda client: client.launch_options(group))
    if session.as_json:
        print_json(found)
        return
    table(
        ["INSTANCE TYPE", "DISPLAY NAME", "SIZE", "NOTE"],
        [[t.slug, t.display_name or "-", cores(t.limits), t.disabled or "-"] for t in found.instance_types],
    )
    click.echo()
    table(
        ["IMAGE", "DISPLAY NAME", "KIND", "NOTE"],
        [[i.slug, i.display_name or "-", i.kind.value, i.disabled or "-"] for i in found.images],
    )
    rows = [[v.slug, v.type, "yes" if v.writable else "no", v.left_out or "-"] for v in found.volumes]
    # folders of groups are there without being asked for; one that is not has to be said
    broken = [mount for mount in found.mounts if mount.left_out and mount.kind.value == "project"]
    rows += [[mount.name, "group", "yes" if mount.writable else "no", mount.left_out] for mount in broken]
    if rows:
        click.echo()
        table(["VOLUME", "TYPE", "WRITABLE", "NOTE"], rows)
    note(f"\nYou:       {cores(found.user.used)} of {quota(found.user.quota)}")
    note(f"The group: {cores(found.total.used)} of {quota(found.total.quota)}")


@notebooks.command("check")
@launch_options
@pass_session
def check(session: Session, **chosen: Any) -> None:
    """Say whether it would start, and if not, why not. Ends with code 3 where it would not."""
    from .output import print_json, refusal

    group = session.need_group()

    async def ask(client: PersonClient) -> Any:
        return await client.check(await _request(client, group, chosen))

    decision = session.call(ask)
    if session.as_json:
        print_json(decision)
    elif decision.would_start:
        click.echo("It would start.")
        for warning in decision.warnings:
            click.echo(warning, err=True)
    else:
        refusal("It would not start.", decision.model_dump(mode="json"))
    if not decision.would_start:
        raise SystemExit(EXIT_REFUSED)


@notebooks.command("start")
@launch_options
@click.option("--wait/--no-wait", default=True, help="Show the progress until it runs.")
@click.option("--open", "open_it", is_flag=True, help="Open it in the browser then.")
@pass_session
def start(session: Session, wait: bool, open_it: bool, **chosen: Any) -> None:
    """Start a notebook. Ends with code 3 and the reasons where it is refused."""
    from .output import note, print_json

    group = session.need_group()

    async def run(client: PersonClient) -> Notebook:
        notebook = await client.start(await _request(client, group, chosen))
        note(f"Starting {notebook.id} in {notebook.group}: {notebook.instance_type}, {notebook.image}")
        return await _watch(client, notebook) if wait else notebook

    notebook = session.call(run)
    if session.as_json:
        print_json(notebook)
    elif notebook.url:
        click.echo(f"{session.site}{notebook.url}")
    if wait and notebook.phase.value != "RUNNING":
        stop(f"It did not start: {notebook.reason or notebook.phase.value}", EXIT_ERROR)
    if open_it and notebook.url:
        webbrowser.open(f"{session.site}{notebook.url}")


def _away(problem: ApiProblem) -> None:
    from .output import note

    note(f"{problem.detail.rstrip('.')}. Asking again.")


async def _watch(client: PersonClient, notebook: Notebook) -> Notebook:
    """Show each step as it happens, until it runs or has ended."""
    from ..client.jobs import Patience
    from .output import note

    shown = 0
    async for now in client.watch(notebook.id, patience=Patience(_away)):
        for event in now.events[shown:]:
            note(f"  {event.progress:3d} %  {event.message}")
        shown = max(shown, len(now.events))
        notebook = now
    return notebook


async def _find(client: PersonClient, session: Session, ref: str | None, *, ended: bool = False) -> Notebook:
    """The notebook of this id or server name; without one, the person's only one that runs (or the last one)."""
    if ref and len(ref) == 32 and all(c in "0123456789abcdef" for c in ref):
        return await client.notebooks.get(ref)
    own = (await client.me()).name
    query = {"user": own, "group": session.group or None}
    found = [n for n in await client.notebooks.all(**query, active=True) if ref in (None, n.server_name)]
    if not found and ended:
        past = [n for n in await client.notebooks.all(**query) if ref in (None, n.server_name)]
        found = sorted(past, key=lambda n: n.created_at)[-1:]
    if not found:
        what = f"called {ref!r}" if ref else "that runs"
        where = f" in {session.group}" if session.group else ""
        stop(f"You have no notebook {what}{where}.", EXIT_NOT_ALLOWED)
    if len(found) > 1:
        stop(f"You have {len(found)} notebooks; say which: {', '.join(n.id for n in found)}", EXIT_USAGE)
    return found[0]


@notebooks.command("status")
@click.argument("notebook", required=False)
@pass_session
def status(session: Session, notebook: str | None) -> None:
    """Show one notebook: yours that runs or ran last, or the one given."""
    from .output import show_one

    found = session.call(lambda client: _find(client, session, notebook, ended=True))
    if not session.as_json:
        url = session.site + found.url if found.url else ""
        found = found.model_copy(update={"url": url, "reason": _why(found)})
    show_one(session, found, hide=("version", "events", "limits"))


@notebooks.command("list")
@click.option("--all", "ended", is_flag=True, help="Also those that ended.")
@click.option("--user", help="Only this person's.")
@pass_session
def list_(session: Session, ended: bool, user: str | None) -> None:
    """List notebooks that you may see."""
    from .output import show_list

    query = {"group": session.group or None, "user": user, "active": None if ended else True}
    show_list(session, session.call(lambda client: client.notebooks.all(**query)), COLUMNS, nothing="None runs.")


@notebooks.command("logs")
@click.argument("notebook", required=False)
@click.option("--follow", "-f", is_flag=True, help="Go on until it ends.")
@click.option("--tail", type=click.IntRange(min=1, max=10_000), help=f"Begin with this many last lines.  [{TAIL}]")
@click.option("--all", "whole", is_flag=True, help="Begin with its first line.")
@pass_session
def logs(session: Session, notebook: str | None, follow: bool, tail: int | None, whole: bool) -> None:
    """Print the end of a notebook's log, or all of it, also after its end. With --json it is one document, so it
    cannot be followed.
    """
    from .output import print_json

    if whole and tail:
        stop("--all begins with the first line: leave out --all, or --tail.", EXIT_USAGE)
    if follow and session.as_json:
        stop("--follow never ends in one document: leave out --follow, or --json.", EXIT_USAGE)

    async def run(client: PersonClient) -> None:
        found = await _find(client, session, notebook, ended=True)
        pieces = _log(client, found.id, None if whole else tail or TAIL, follow)
        if session.as_json:
            print_json({"notebook": found.id, "log": "".join([text async for text in pieces])})
            return
        async for text in pieces:
            click.echo(text, nl=False)

    session.call(run)


async def _log(client: PersonClient, notebook: str, tail: int | None, follow: bool) -> AsyncIterator[str]:
    """The log in pieces, from its last ``tail`` lines or its first one, up to now or until the notebook has ended."""
    from ..client.jobs import Patience
    from ..domain.notebooks import FINAL

    patience, ended = Patience(_away), not follow
    part = await client.log(notebook, **({"tail": tail} if tail else {"offset": 0}))
    while True:
        if part.text:
            yield part.text
        more = partial(client.log, notebook, offset=part.next_offset)
        if follow:
            ended = (await patience.ask(lambda: client.notebooks.get(notebook))).phase in FINAL
        part = await patience.ask(more) if follow else await more()
        if not part.text:
            if ended:
                return
            await asyncio.sleep(0.5)


@notebooks.command("stop")
@click.argument("notebook", required=False)
@click.option("--wait/--no-wait", default=True, help="Return when it has stopped.")
@pass_session
def stop_(session: Session, notebook: str | None, wait: bool) -> None:
    """Stop a notebook; its quota is free again when this returns."""
    from ..client.jobs import Patience
    from ..domain.notebooks import FINAL
    from .output import done, print_json

    async def run(client: PersonClient) -> Notebook:
        found = await _find(client, session, notebook)
        found = await client.stop(found.id)
        patience, wanted = Patience(_away), found.id
        while wait and found.phase not in FINAL:
            await asyncio.sleep(0.3)
            found = await patience.ask(lambda: client.notebooks.get(wanted))
        return found

    stopped = session.call(run)
    if session.as_json:
        print_json(stopped)
    else:
        done(session, f"{stopped.id} {'has stopped' if wait else 'is stopping'}.")


@notebooks.command("keep")
@click.argument("notebook", required=False)
@click.option("--for", "seconds", type=Duration(), help="How long from now, like 4h.  [1h]")
@pass_session
def keep(session: Session, notebook: str | None, seconds: int | None) -> None:
    """Put off its stop for idleness."""
    from .output import done, print_json

    async def run(client: PersonClient) -> Notebook:
        return await client.keep((await _find(client, session, notebook)).id, seconds)

    kept = session.call(run)
    if session.as_json:
        print_json(kept)
    else:
        until = f"until {kept.keep_until.astimezone():%Y-%m-%d %H:%M}" if kept.keep_until else "as long as it runs"
        done(session, f"{kept.id} is kept {until}.")


@notebooks.command("open")
@click.argument("notebook", required=False)
@pass_session
def open_(session: Session, notebook: str | None) -> None:
    """Open a running notebook in the browser, and print its address."""
    from .output import print_json

    found = session.call(lambda client: _find(client, session, notebook))
    if not found.url:
        stop(f"{found.id} is {found.phase.value}; it has no address.", EXIT_ERROR)
    url = f"{session.site}{found.url}"
    if session.as_json:
        print_json({"id": found.id, "url": url})
    else:
        click.echo(url)
        webbrowser.open(url)
