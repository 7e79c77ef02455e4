"""``primehub jobs``: submit, watch, cancel and repeat them; their logs and artifacts."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from .job_artifacts import download_artifacts, list_artifacts, size
from .job_notebooks import changed, notebook_option, pairs, parameter_option, parameters_of, uploaded
from .nouns import Duration, Noun, really_option
from .session import EXIT_ERROR, EXIT_NOT_ALLOWED, EXIT_REFUSED, EXIT_USAGE, Session, pass_session, stop

if TYPE_CHECKING:
    from pathlib import Path

    from ..client.person import PersonClient
    from ..domain.jobs import Job
    from ..domain.results import UsageSeries

EXIT_TIMEOUT = 124
EXIT_CANCELLED = 130


def _why(job: Job) -> str:
    """What holds up one that was let go and does not run, in words; else the reason of where it is."""
    held = job.phase.value in ("PREPARING", "UNKNOWN") or job.reason == "NotPlaced"
    return job.message if held and job.message else job.reason


COLUMNS = (
    ("ID", "id"),
    ("STATE", lambda row: row.phase.value),
    ("NAME", "name"),
    ("RECURRING JOB", "schedule_name"),
    ("USER", "user"),
    ("GROUP", "group"),
    ("CREATED", "created_at"),
    ("TOOK", lambda row: took(row)),
    ("REASON", _why),
)
QUEUE_COLUMNS = (
    ("PLACE", lambda row: str(row.place.position)),
    ("ID", "job"),
    ("NAME", "name"),
    ("USER", "user"),
    ("INSTANCE TYPE", "instance_type"),
    ("SINCE", lambda row: row.place.waiting_since),
    ("MAY START", lambda row: row.place.estimate),
    ("WAITS FOR", lambda row: row.place.decision.sentence),
)
USAGE_COLUMNS = (
    ("AT", "at"),
    ("CORES", lambda row: f"{row.cpu / 1000:.2f}"),
    ("MEMORY", lambda row: size(row.memory)),
    ("GPUS", lambda row: ", ".join(f"{gpu.index}: {gpu.percent} %" for gpu in row.gpus) or "-"),
)


@click.group(cls=Noun)
def jobs() -> None:
    """Submit, watch, cancel and repeat jobs.

    `wait`, `submit --wait` and `logs --follow` end as the job did: with its exit code, 124 where it took too long, 130
    where it was cancelled, and 1 where it failed without an exit code. This command's own codes are 2 to 6, which a job's
    may be too. A platform that restarts meanwhile is asked again for two minutes.
    """


def took(job: Job) -> str:
    """How long it has run, or ran: ``2:05:09``."""
    if job.started_at is None:
        return "-"
    seconds = int(((job.ended_at or datetime.now(UTC)) - job.started_at).total_seconds())
    return f"{seconds // 3600}:{seconds % 3600 // 60:02}:{seconds % 60:02}"


def spec_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that say what a job is."""
    for option in reversed(
        (
            click.option("--instance-type", help="Its size.  [the last one used in the group]"),
            click.option("--image", help="What it runs in.  [the last one used in the group]"),
            click.option("--name", help="What it is called; need not be unique."),
            click.option(
                "--env",
                "environment",
                multiple=True,
                metavar="NAME=VALUE",
                help="Environment variable; NAME= is empty.",
            ),
            click.option(
                "--secret",
                "secrets",
                multiple=True,
                metavar="NAME=SECRET",
                help="Environment variable with the value of a secret of kind env, yours or the group's.",
            ),
            click.option("--timeout", type=Duration(), help="Time limit, like 90m; 0 is none."),
            click.option("--retries", type=click.IntRange(0, 10), help="Further attempts if its command fails."),
        )
    ):
        command = option(command)
    return command


def given(chosen: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a JobSpec that were given on the command line."""
    fields = {key: chosen[key] for key in ("instance_type", "image", "name", "timeout", "retries")}
    fields = {key: value for key, value in fields.items() if value is not None}
    if chosen.get("environment"):
        fields["environment"] = pairs("--env", chosen["environment"])
    if chosen.get("secrets"):
        fields["secrets"] = pairs("--secret", chosen["secrets"])
    if chosen.get("command"):
        words = chosen["command"]
        fields["command"] = words[0] if len(words) == 1 else shlex.join(words)
    return fields


def merged(job: Mapping[str, Any], fields: Mapping[str, Any], parameters: dict[str, Any]) -> dict[str, Any]:
    """A job's fields with those given in their place. Variables, secrets and parameters that are not given stay.

    A command takes the place of a notebook, and a variable that of a secret of the same name, or the other way round.
    """
    new = {**job, **fields}
    for mapping, other in (("environment", "secrets"), ("secrets", "environment")):
        kept = {name: value for name, value in job.get(mapping, {}).items() if name not in fields.get(other, {})}
        if mapping in job or mapping in fields:
            new[mapping] = {**kept, **fields.get(mapping, {})}
    if fields.get("command"):
        new["notebook"] = None
    if parameters:
        new["notebook"] = changed(new.get("notebook"), parameters)
    return new


async def with_defaults(client: PersonClient, group: str, fields: dict[str, Any]) -> dict[str, Any]:
    """The fields, with the person's last choice in the group for a type or image that was left out."""
    fields = {"group": group, **fields}
    if not (fields.get("instance_type") and fields.get("image")):
        defaults = (await client.launch_options(group)).defaults
        fields["instance_type"] = fields.get("instance_type") or defaults.instance_type
        fields["image"] = fields.get("image") or defaults.image
    for flag in ("instance_type", "image"):
        if not fields[flag]:
            stop(f"Give --{flag.replace('_', '-')}; see: primehub notebooks options --group {group}", EXIT_USAGE)
    return fields


async def find(client: PersonClient, session: Session, ref: str | None) -> Job:
    """The job of this id; without one, the person's own newest (in the group, where one is chosen)."""
    if ref:
        return await client.jobs.get(ref)
    query = {"user": (await client.me()).name, "group": session.group or None, "page_size": 1}
    page = await client.jobs.page(**query)
    if not page.items:
        where = f" in {session.group}" if session.group else ""
        stop(f"You have no job{where}.", EXIT_NOT_ALLOWED)
    return await client.jobs.get(page.items[0].id)


@jobs.command("list")
@click.option("--active", is_flag=True, help="Only those that have not ended.")
@click.option("--mine", is_flag=True, help="Only your own.")
@click.option("--user", help="Only this person's.")
@click.option("--state", "phase", help="Only those in this state: PENDING, RUNNING, FAILED, ...")
@click.option("--search", help="Only those with this text in the name.")
@click.option("--limit", type=click.IntRange(1, 200), default=50, show_default=True, help="How many, newest first.")
@pass_session
def list_(session: Session, active: bool, mine: bool, phase: str | None, limit: int, **query: str | None) -> None:
    """List the group's jobs, newest first."""
    from .output import note, show_list

    async def ask(client: PersonClient) -> Any:
        if mine:
            query["user"] = (await client.me()).name
        state = phase.upper() if phase else None
        group = session.group or None
        return await client.jobs.page(group=group, active=active or None, phase=state, page_size=limit, **query)

    page = session.call(ask)
    show_list(session, page.items, COLUMNS, nothing="There is none.")
    if page.total > len(page.items):
        note(f"\n{page.total - len(page.items)} older ones are not shown: --limit, --search, --state")


@jobs.command("get")
@click.argument("job", required=False)
@pass_session
def get(session: Session, job: str | None) -> None:
    """Show one job: the one given, or your newest. A waiting one says what it waits for."""
    from .output import note, refusal, show_one

    found = session.call(lambda client: find(client, session, job))
    if session.as_json:
        show_one(session, found)
        return
    show_one(session, found, hide=("version", "queue", "attempts", "artifacts", "limits"))
    for attempt in found.attempts if len(found.attempts) > 1 else ():
        note(f"Attempt {attempt.number}: {attempt.phase.value} {attempt.message}".rstrip())
    if found.queue is not None:
        place = found.queue
        refusal(f"\nIt waits: {place.position} of {place.of} in the queue.", place.decision.model_dump(mode="json"))
        if place.estimate is not None:
            note(f"It may start about {place.estimate.astimezone():%Y-%m-%d %H:%M}.")


@jobs.command("queue")
@click.option("--limit", type=click.IntRange(1, 200), default=50, show_default=True, help="How many, the next first.")
@pass_session
def queue(session: Session, limit: int) -> None:
    """Show which jobs wait in the group, in their order, and for what."""
    from .output import note, show_list

    group = session.need_group()
    page = session.call(lambda client: client.jobs.queue(group).page(page_size=limit))
    show_list(session, page.items, QUEUE_COLUMNS, nothing="None waits.")
    if page.total > len(page.items):
        note(f"\n{page.total - len(page.items)} more wait behind these: --limit")


@jobs.command("usage")
@click.argument("job", required=False)
@click.option("--attempt", type=click.IntRange(min=1), help="Of this attempt.  [the latest]")
@pass_session
def usage(session: Session, job: str | None, attempt: int | None) -> None:
    """Show what a job takes, or took, of CPU, memory and GPUs over its life."""
    from .output import note, print_json, show_list

    async def ask(client: PersonClient) -> UsageSeries:
        return await client.jobs.usage((await find(client, session, job)).id, attempt)

    found = session.call(ask)
    if session.as_json:
        print_json(found)
        return
    show_list(session, found.points, USAGE_COLUMNS, nothing="Nothing was measured.")
    if found.points:
        most = max(point.memory for point in found.points)
        note(
            f"\nOf {int(found.limits.cpu) / 1000:g} cores and {size(int(found.limits.memory))}; most memory: {size(most)}"
        )


@jobs.command("check")
@spec_options
@click.argument("command", nargs=-1)
@pass_session
def check(session: Session, **chosen: Any) -> None:
    """Say whether it would start at once, would wait, or could never run (then it ends with code 3)."""
    from ..domain.jobs import JobSubmit
    from .output import print_json, refusal

    group = session.need_group()

    async def ask(client: PersonClient) -> Any:
        fields = await with_defaults(client, group, {"command": "true", **given(chosen)})
        return await client.jobs.check(group, JobSubmit(**fields))

    decision = session.call(ask)
    if session.as_json:
        print_json(decision)
    elif decision.would_start:
        click.echo("It would start at once.")
    else:
        place = f", at place {decision.position} of the queue" if decision.position else ""
        says = "It could never run." if decision.never else f"It would wait{place}."
        refusal(says, decision.model_dump(mode="json"))
    if decision.never:
        raise SystemExit(EXIT_REFUSED)


@jobs.command("submit", context_settings={"ignore_unknown_options": False})
@spec_options
@click.option("--from", "schedule", metavar="RECURRING_JOB", help="Run this recurring job once now.")
@notebook_option
@parameter_option
@click.option("--wait", is_flag=True, help="Show its log until it ends, and end as it did.")
@click.argument("command", nargs=-1)
@pass_session
def submit(session: Session, schedule: str | None, notebook: Path | None, wait: bool, **chosen: Any) -> None:
    """Put a job into the group's queue: primehub jobs submit --group GROUP -- python /project/GROUP/train.py

    One word after the -- is taken as a shell script, several as a command with its arguments. A notebook is sent as it is
    now: primehub jobs submit --group g --notebook train.ipynb -p epochs=3
    """
    from ..domain.jobs import JobSubmit

    parameters = parameters_of(chosen.pop("parameters"))
    if schedule and (given(chosen) or notebook):
        stop("--from runs the recurring job as it is: leave out everything else.", EXIT_USAGE)
    if not schedule and bool(chosen["command"]) == bool(notebook):
        stop(
            "Say what to run: a --notebook, or a command after --, like: primehub jobs submit -- python /project/GROUP/train.py",
            EXIT_USAGE,
        )
    group = "" if schedule else session.need_group()

    async def run(client: PersonClient) -> Job:
        if schedule:
            job = await client.schedules.run(schedule)
        else:
            fields = await with_defaults(client, group, given(chosen))
            if notebook is not None:
                fields["notebook"] = await uploaded(client, group, notebook, parameters)
            job = await client.jobs.submit(JobSubmit(**fields))
        return await accepted(client, session, job, wait=wait)

    finish(session, session.call(run), wait=wait)


async def accepted(client: PersonClient, session: Session, job: Job, *, wait: bool) -> Job:
    """Say that it is in the queue; with ``wait``, follow it to its end."""
    from .job_logs import follow
    from .output import note

    note(f"{job.id} is in the queue of {job.group}: {job.instance_type}, {job.image}")
    return await follow(client, job, quiet=session.as_json) if wait else job


def finish(session: Session, job: Job, *, wait: bool) -> None:
    """Print the job (its id for people), and with ``wait`` end as it did."""
    from .output import print_json

    if session.as_json:
        print_json(job)
    elif not wait:
        click.echo(job.id)
    if wait:
        end_as(job)


def end_as(job: Job) -> None:
    """End this command as the job ended."""
    from ..domain.jobs import JobPhase, JobReason

    if job.phase is JobPhase.SUCCEEDED:
        return
    click.echo(f"{job.id} {job.phase.value}: {job.message or job.reason}", err=True)
    if job.phase is JobPhase.CANCELLED:
        raise SystemExit(EXIT_CANCELLED)
    if job.reason == JobReason.TIMEOUT:
        raise SystemExit(EXIT_TIMEOUT)
    raise SystemExit(job.exit_code or EXIT_ERROR)


@jobs.command("wait")
@click.argument("job", required=False)
@pass_session
def wait(session: Session, job: str | None) -> None:
    """Wait until a job has ended, and end as it did."""
    from .job_logs import watch

    async def run(client: PersonClient) -> Job:
        return await watch(client, await find(client, session, job))

    finish(session, session.call(run), wait=True)


@jobs.command("logs")
@click.argument("job", required=False)
@click.option("--follow", "-f", "following", is_flag=True, help="Go on until it ends, and end as it did.")
@click.option("--tail", type=click.IntRange(min=1, max=10_000), help="Only the last lines.")
@click.option("--attempt", type=click.IntRange(min=1), help="Of this attempt.  [the latest]")
@click.option("--search", help="Only lines with this text.")
@pass_session
def logs(session: Session, job: str | None, following: bool, **query: Any) -> None:
    """Print a job's log, also after its end."""
    from .job_logs import follow, lines
    from .output import print_json

    if following and (session.as_json or query["search"] or query["attempt"]):
        stop("--follow goes with neither --json nor --search nor --attempt.", EXIT_USAGE)

    async def run(client: PersonClient) -> Job:
        found = await find(client, session, job)
        if following:
            return await follow(client, found, tail=query["tail"])
        pieces = lines(client, found.id, **query)
        if session.as_json:
            print_json({"job": found.id, "log": "".join([piece async for piece in pieces])})
            return found
        async for piece in pieces:
            click.echo(piece, nl=False)
        return found

    ended = session.call(run)
    if following:
        end_as(ended)


@jobs.command("cancel")
@click.argument("job", required=False)
@pass_session
def cancel(session: Session, job: str | None) -> None:
    """End a job. It keeps its log, and the artifacts that it has made."""
    from .output import done, print_json

    async def run(client: PersonClient) -> Job:
        return await client.jobs.cancel((await find(client, session, job)).id)

    found = session.call(run)
    if session.as_json:
        print_json(found)
    else:
        done(session, f"{found.id} is being cancelled.")


@jobs.command("rerun")
@click.argument("job", required=False)
@click.option("--wait", is_flag=True, help="Show its log until it ends, and end as it did.")
@pass_session
def rerun(session: Session, job: str | None, wait: bool) -> None:
    """Submit the same once more, as yourself."""

    async def run(client: PersonClient) -> Job:
        again = await client.jobs.rerun((await find(client, session, job)).id)
        return await accepted(client, session, again, wait=wait)

    finish(session, session.call(run), wait=wait)


@jobs.command("clone")
@click.argument("job")
@spec_options
@parameter_option
@click.option("--wait", is_flag=True, help="Show its log until it ends, and end as it did.")
@click.argument("command", nargs=-1)
@pass_session
def clone(session: Session, job: str, wait: bool, **chosen: Any) -> None:
    """Submit a job like another, with other values where they are given: primehub jobs clone JOB --timeout 2h

    Variables, secrets and parameters (-p) that are given take the place of those of the same name; the others stay. Values
    of variables that are not yours to read have to be given again with --env.
    """
    from ..domain.jobs import JobSubmit

    parameters = parameters_of(chosen.pop("parameters"))

    async def run(client: PersonClient) -> Job:
        old = await client.jobs.get(job)
        fields = given(chosen)
        again = {**fields.get("environment", {}), **fields.get("secrets", {})}
        lacking = [name for name, value in old.environment.items() if value is None and name not in again]
        if lacking:
            stop(f"Give {', '.join(sorted(lacking))} with --env NAME=VALUE: only its owner can read them.", EXIT_USAGE)
        kept = old.model_dump(
            include={"group", "instance_type", "image", "name", "command", "notebook", "secrets", "timeout", "retries"}
        )
        kept["environment"] = {name: value for name, value in old.environment.items() if value is not None}
        new = await client.jobs.submit(JobSubmit(**merged(kept, fields, parameters)))
        return await accepted(client, session, new, wait=wait)

    finish(session, session.call(run), wait=wait)


@jobs.command("delete")
@click.argument("job")
@really_option
@pass_session
def delete(session: Session, job: str) -> None:
    """Delete an ended job with its log and artifacts."""
    from .output import done

    session.call(lambda client: client.jobs.delete(job))
    done(session, f"Job {job} is deleted.", deleted=job)


jobs.add_command(list_artifacts)
jobs.add_command(download_artifacts)
