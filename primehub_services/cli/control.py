"""``primehub down``, ``restart``, ``status``, ``logs`` and ``systemd-unit``: the platform of this machine."""

from __future__ import annotations

import asyncio
import getpass
import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import psutil

from .. import disk
from .machine import locks, ports, processes, systemd
from .machine.errors import StartError
from .machine.folders import Folders
from .up import load, report

if TYPE_CHECKING:
    from collections.abc import Callable

    from hub_config.settings import Settings

PARTS = ("hub", "proxy", "up")
STOP_LIMIT = 90.0
"""Seconds that ``down`` waits for an orderly end before it says that it waits no longer."""

_data = click.option("--data", type=click.Path(path_type=Path), help="Data folder.  [variable PRIMEHUB_DATA]")
_settings = click.option(
    "--settings",
    type=click.Path(path_type=Path),
    help="YAML file of settings, as for `primehub up`.  [variable PRIMEHUB_SETTINGS]",
)


def place_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The flags that say which platform of this machine is meant: ``data`` and ``settings``."""
    return _data(_settings(command))


def settings_of(data: Path | None, settings: Path | None) -> Settings:
    """The settings of the platform meant. Ends the command where they are not valid."""
    from hub_config.settings import SettingsError

    try:
        found, _ = load({"data": data, "settings": settings})
    except SettingsError as error:
        report(StartError(f"The settings are not valid:\n{error}"))
    return found


def place_of(data: Path | None, settings: Path | None) -> Folders:
    """The data folder meant, whether or not it is there. Ends the command where the settings are not valid."""
    return Folders(settings_of(data, settings).data_dir.absolute())


def _wait(condition: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


@click.command()
@place_options
def down(data: Path | None, settings: Path | None) -> None:
    """Stop the platform: notebooks and jobs, services, hub, proxy.

    Jobs that were cut short run again, from their beginning, after the next start. `primehub restart` ends nothing.
    """
    from .machine import workloads

    place = place_of(data, settings)
    pid = locks.owner(place)
    if pid is not None:
        _signal(pid, signal.SIGTERM)
        if not _wait(lambda: locks.owner(place) != pid, STOP_LIMIT):
            report(StartError(f"It is still stopping after {STOP_LIMIT:.0f} s.", f"To hasten it: kill -TERM {pid}"))
        click.echo("PrimeHub has stopped.")
        return
    # a `primehub up` that was killed leaves its parts behind
    left = processes.marked(place.data)
    if left or workloads.running(place.data):
        asyncio.run(_end_leftovers(place))
        click.echo("What an earlier start had left has stopped.")
    else:
        click.echo(f"PrimeHub does not run on {place.data}.", err=True)


async def _end_leftovers(place: Folders) -> None:
    from .machine import workloads

    await workloads.stop_all(place.data, 10, asyncio.Event())
    await processes.end(processes.leaders(place.data, "hub"), 20)
    if hub_port := ports.last(place).get("hub_port"):
        await processes.end(processes.services_of(hub_port), 5)
    await processes.end(processes.marked(place.data), 5)


def _signal(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except PermissionError:
        report(StartError(f"Process {pid} belongs to another user.", "Run this as the user that started it, or root."))
    except ProcessLookupError:
        return


@click.command()
@place_options
def restart(data: Path | None, settings: Path | None) -> None:
    """Restart hub and services; notebooks, jobs and open connections go on."""
    from .machine.platform import answers

    place = place_of(data, settings)
    pid, before = locks.owner(place), locks.read_state(place)
    if pid is None or before.get("phase") != "ready":
        report(StartError(f"PrimeHub does not run on {place.data}.", "Start it with: primehub up"))
    _signal(pid, signal.SIGUSR1)

    def new_hub() -> bool:
        state = locks.read_state(place)
        return state.get("hub_pid") not in (None, before.get("hub_pid")) and asyncio.run(answers(before["local_url"]))

    if not _wait(new_hub, STOP_LIMIT):
        report(StartError(f"It does not answer after {STOP_LIMIT:.0f} s.", f"Its log is {place.log / 'hub.log'}"))
    click.echo("PrimeHub has restarted.")


@click.command()
@place_options
@click.option("--json", "as_json", is_flag=True, help="Answer in JSON.")
def status(data: Path | None, settings: Path | None, as_json: bool) -> None:
    """Show whether the platform runs here. Ends with code 1 where it does not."""
    from .machine.platform import answers

    place = place_of(data, settings)
    pid, state = locks.owner(place), locks.read_state(place)
    running = pid is not None
    shown: dict[str, Any] = {"running": running, "data": str(place.data), **(state if running else {})}
    shown["answers"] = bool(running and state.get("local_url") and asyncio.run(answers(state["local_url"])))
    if as_json:
        click.echo(json.dumps(shown, indent=2))
    elif not running:
        click.echo(f"PrimeHub does not run on {place.data}.")
        left = processes.marked(place.data)
        if left:
            click.echo(f"{len(left)} of its processes were left by an earlier start; `primehub up` takes them over,")
            click.echo("`primehub down` ends them.")
    else:
        click.echo(f"PrimeHub is {state.get('phase', 'starting')} at {state.get('address')}")
        click.echo(f"Data: {place.data}")
        for name in ("up", "hub", "proxy"):
            number = pid if name == "up" else state.get(f"{name}_pid")
            click.echo(f"{name + ':':7}{_process(number)}")
        click.echo(f"Answers: {'yes' if shown['answers'] else 'no'}")
        if shortage := disk.shortage(place.data):
            click.echo(shortage)
    raise SystemExit(0 if running else 1)


def _process(pid: int | None) -> str:
    if pid is None:
        return "not running"
    try:
        memory = psutil.Process(pid).memory_info().rss // 1024**2
    except psutil.Error:  # it has ended
        return "not running"
    return f"process {pid}, {memory} MiB"


@click.command()
@click.argument("part", type=click.Choice(PARTS), default="hub")
@place_options
@click.option("--follow", "-f", is_flag=True, help="Go on until Ctrl-C.")
@click.option("--tail", type=click.IntRange(min=1), default=100, help="How many of the last lines.  [100]")
def logs(part: str, data: Path | None, settings: Path | None, follow: bool, tail: int) -> None:
    """Show the log of a part: the hub with its services, the proxy, or a detached `up`."""
    path = place_of(data, settings).log / f"{part}.log"
    if not path.exists():
        report(StartError(f"There is no log {path}.", "It is made when the part starts."))
    click.echo(processes.tail(path, tail))
    with open(path, errors="replace") as file:
        file.seek(0, os.SEEK_END)
        while follow:
            text = file.read()
            if text:
                click.echo(text, nl=False)
                continue
            if path.stat().st_size < file.tell():  # rotated: it begins anew
                file.seek(0)
            time.sleep(0.3)


@click.command("systemd-unit")
@place_options
@click.option("--user", default=getpass.getuser, help="User that it runs as.  [you]")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="[-- FLAGS OF UP]")
def systemd_unit(data: Path | None, settings: Path | None, user: str, arguments: tuple[str, ...]) -> None:
    """Print a systemd unit that runs the platform.

    \b
    primehub systemd-unit --user primehub -- --port 8000 | sudo tee /etc/systemd/system/primehub.service
    sudo systemctl daemon-reload && sudo systemctl enable --now primehub
    """
    from hub_config.settings import FILE_VARIABLE

    place = place_of(data, settings)
    # systemd starts it without the variables of this terminal
    file = settings or (Path(os.environ[FILE_VARIABLE]) if os.environ.get(FILE_VARIABLE) else None)
    given = () if file is None else ("--settings", str(file.absolute()))
    click.echo(systemd.unit((*given, *arguments), data=place.data, user=user), nl=False)
    if sys.stdout.isatty():
        then = "systemctl daemon-reload && systemctl enable --now primehub"
        click.echo(f"# put it into /etc/systemd/system/primehub.service, then: {then}", err=True)
