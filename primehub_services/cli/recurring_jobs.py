"""``primehub recurring-jobs``: jobs that start by a clock."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import click

from .job_notebooks import notebook_option, parameter_option, parameters_of, uploaded
from .jobs import given, merged, spec_options, with_defaults
from .nouns import Noun, add_delete, add_get, file_option, read_definition
from .session import EXIT_USAGE, Session, pass_session, stop

if TYPE_CHECKING:
    from ..client.person import PersonClient
    from ..domain.schedules import Schedule

COLUMNS = (
    ("ID", "id"),
    ("NAME", "name"),
    ("RECURRENCE", "reading"),
    ("TIME ZONE", "timezone"),
    ("NEXT RUN", lambda row: (row.pause_reason or "paused") if row.paused else row.next_at),
    ("LAST", lambda row: row.last.outcome.value if row.last else None),
    ("CREATED BY", "user"),
)
FIRINGS = (
    ("DUE", "instant"),
    ("UNTIL", "until"),
    ("OUTCOME", lambda row: row.outcome.value),
    ("JOB", "job"),
    ("MESSAGE", "message"),
)
PRESETS = {"daily": "0 4 * * *", "weekly": "0 4 * * 0", "monthly": "0 4 1 * *"}


@click.group("recurring-jobs", cls=Noun)
def recurring_jobs() -> None:
    """Jobs that start by the clock."""


def clock_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that say when."""
    for option in reversed(
        (
            click.option("--cron", help="When: five fields, like '30 6 * * 1-5', or daily, weekly, monthly."),
            click.option("--timezone", help="Of the cron expression, like Europe/Berlin.  [UTC]"),
            click.option(
                "--overlap",
                type=click.Choice(["skip", "queue", "replace"]),
                help="If the last run has not ended: skip the new run, queue it, or cancel the last.  [skip]",
            ),
            click.option(
                "--catch-up/--no-catch-up",
                default=None,
                help="Run once for what was missed while the platform was down.",
            ),
        )
    ):
        command = option(command)
    return command


def _clock(chosen: dict[str, Any]) -> dict[str, Any]:
    """The fields of the schedule itself that were given."""
    fields = {key: chosen.pop(key) for key in ("cron", "timezone", "overlap", "catch_up")}
    fields["cron"] = PRESETS.get(fields["cron"] or "", fields["cron"])
    return {key: value for key, value in fields.items() if value is not None}


@recurring_jobs.command("list")
@click.option("--search", help="Only those with this text in the name.")
@pass_session
def list_(session: Session, search: str | None) -> None:
    """List the group's recurring jobs."""
    from .output import show_list

    query = {"search": search, "group": session.group or None}
    show_list(session, session.call(lambda client: client.schedules.all(**query)), COLUMNS)


add_get(recurring_jobs, lambda client: client.schedules, "recurring job")
add_delete(recurring_jobs, lambda client: client.schedules, "recurring job")


@recurring_jobs.command("preview")
@clock_options
@pass_session
def preview(session: Session, **chosen: Any) -> None:
    """Show what a cron expression means, and its next five runs."""
    from .output import print_json

    fields = _clock(chosen)
    if "cron" not in fields:
        stop("Give --cron, like: --cron '30 6 * * 1-5'", EXIT_USAGE)
    zone = fields.get("timezone", "UTC")
    found = session.call(lambda client: client.schedules.preview(fields["cron"], zone))
    if session.as_json:
        print_json(found)
        return
    click.echo(found.reading)
    for instant in found.next:
        click.echo(f"  {_local(instant, zone)}")


def _local(instant: datetime, zone: str) -> str:
    return f"{instant.astimezone(ZoneInfo(zone)):%a %Y-%m-%d %H:%M %Z}"


@recurring_jobs.command("create")
@clock_options
@spec_options
@notebook_option
@parameter_option
@file_option
@click.argument("command", nargs=-1)
@pass_session
def create(session: Session, file: Path | None, notebook: Path | None, **chosen: Any) -> None:
    """Make a recurring job: primehub recurring-jobs create --cron daily --name report -- python /project/GROUP/report.py

    With --notebook it runs that file as it is now. Or from a definition in JSON (--file, or standard input), with the
    fields of the API.
    """
    from .output import show_one

    clock, parameters = _clock(chosen), parameters_of(chosen.pop("parameters"))
    if not clock and not chosen["command"] and not notebook:
        definition = read_definition(file)
        show_one(session, session.call(lambda client: client.schedules.create(definition)))
        return
    if "cron" not in clock or bool(chosen["command"]) == bool(notebook):
        stop("Give --cron, and what to run: a --notebook, or a command after --.", EXIT_USAGE)
    if parameters and not notebook:
        stop("-p is of a notebook: give --notebook too.", EXIT_USAGE)
    group, fields = session.need_group(), given(chosen)

    async def run(client: PersonClient) -> Schedule:
        job = await with_defaults(client, group, fields)
        if notebook is not None:
            job["notebook"] = await uploaded(client, group, notebook, parameters)
        name = fields.get("name") or (notebook.stem if notebook else fields["command"].split("\n")[0])[:100]
        return await client.schedules.create({"name": name, "job": job, **clock})

    show_one(session, session.call(run), hide=("version", "job"))


@recurring_jobs.command("update")
@click.argument("recurring_job")
@clock_options
@spec_options
@notebook_option
@parameter_option
@file_option
@click.argument("command", nargs=-1)
@pass_session
def update(session: Session, recurring_job: str, file: Path | None, notebook: Path | None, **chosen: Any) -> None:
    """Change what is given, by flags or by a definition in JSON (--file, or standard input).

    Variables, secrets and parameters that are not given stay as they are. To take one out, give a definition: its field
    `job` takes the place of the whole one (`get --json` shows it). A command takes the place of a notebook, and
    --notebook that of a command; of a notebook it sends the file as it is now.
    """
    from .output import show_one

    parameters = parameters_of(chosen.pop("parameters"))
    clock, fields = _clock(chosen), given(chosen)
    if notebook and "command" in fields:
        stop("Give one thing to run: a --notebook, or a command after --.", EXIT_USAGE)

    async def run(client: PersonClient) -> Schedule:
        if not (clock or fields or notebook or parameters):
            return await client.schedules.update(recurring_job, read_definition(file))
        changes: dict[str, Any] = dict(clock)
        if name := fields.pop("name", None):
            changes["name"] = name
        if fields or notebook or parameters:
            now = await client.schedules.get(recurring_job)
            if "command" in fields and now.notebook_reads_file:
                changes["notebook_reads_file"] = False  # a command has none to read
            job = now.job.model_dump(mode="json", exclude_unset=True)
            if notebook:
                fields.update(await _sent(client, now, notebook))
            changes["job"] = merged(job, fields, parameters)
            changes["version"] = now.version
        return await client.schedules.update(recurring_job, changes)

    show_one(session, session.call(run), hide=("version", "job"))


async def _sent(client: PersonClient, now: Schedule, notebook: Path) -> dict[str, Any]:
    """Send the file; the fields of a job that runs it. What is kept of a notebook is all but its content."""
    sent = await uploaded(client, now.group, notebook, {})
    if now.job.notebook is None:
        return {"notebook": sent, "command": ""}
    kept = now.job.notebook.model_dump(mode="json", exclude_unset=True)
    return {"notebook": kept | {"snapshot": sent["snapshot"]}}


def _pausing(name: str, paused: bool, text: str) -> None:
    @recurring_jobs.command(name, help=text)
    @click.argument("recurring_job")
    @pass_session
    def command(session: Session, recurring_job: str) -> None:
        from .output import show_one

        changed = session.call(lambda client: client.schedules.update(recurring_job, {"paused": paused}))
        show_one(session, changed, hide=("version", "job"))


_pausing("pause", True, "Let it start nothing until it is resumed.")
_pausing("resume", False, "Let it go on; what was due meanwhile is not made up for.")


@recurring_jobs.command("run")
@click.argument("recurring_job")
@click.option("--wait", is_flag=True, help="Show the job's log until it ends, and end as it did.")
@pass_session
def run(session: Session, recurring_job: str, wait: bool) -> None:
    """Run it once now."""
    from .jobs import accepted, finish

    async def ask(client: PersonClient) -> Any:
        return await accepted(client, session, await client.schedules.run(recurring_job), wait=wait)

    finish(session, session.call(ask), wait=wait)


@recurring_jobs.command("history")
@click.argument("recurring_job")
@click.option("--limit", type=click.IntRange(1, 200), default=50, show_default=True)
@pass_session
def history(session: Session, recurring_job: str, limit: int) -> None:
    """Show what became of each due time, the newest first."""
    from .output import show_list

    page = session.call(lambda client: client.schedules.firings(recurring_job).page(page_size=limit))
    show_list(session, page.items, FIRINGS, nothing="It was not due yet.")
