"""``primehub up``: from nothing to one address."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from .machine.errors import StartError

if TYPE_CHECKING:
    from hub_config.settings import Settings

    from .machine.folders import Folders
    from .machine.platform import Platform

SETTING = "PRIMEHUB_SETTING__"
DETACHED = "PRIMEHUB_DETACHED"


@click.command()
@click.option("--data", type=click.Path(path_type=Path), help="Data folder.  [variable PRIMEHUB_DATA]")
@click.option("--settings", type=click.Path(path_type=Path), help="YAML file of settings.")
@click.option("--host", help="Address to listen on.  [127.0.0.1]")
@click.option("--port", type=click.IntRange(1, 65535), help="Port to listen on.  [8000]")
@click.option("--public-url", help="Address that people open, for links.")
@click.option("--tls-cert", type=click.Path(path_type=Path), help="Certificate (PEM).")
@click.option("--tls-key", type=click.Path(path_type=Path), help="The certificate's key (PEM).")
@click.option("--self-signed", is_flag=True, help="Make a certificate; browsers will warn about it.")
@click.option("--behind-proxy", is_flag=True, help="A proxy in front does TLS; needs --public-url.")
@click.option("--insecure-http", is_flag=True, help="Let other machines connect without TLS: passwords in clear.")
@click.option("--detach", is_flag=True, help="Return once it runs; stop it with `primehub down`.")
def up(**flags: Any) -> None:
    """Start the platform on this machine and keep it running until Ctrl-C.

    Ctrl-C (SIGINT, SIGTERM, SIGHUP) ends notebooks and jobs, services, hub and proxy, in that order; a second one hastens
    it. Jobs that were cut short run again, from their beginning, after the next start.
    """
    from hub_config.settings import SettingsError

    try:
        if flags.pop("detach"):
            _detach(flags)
        else:
            _run(flags)
    except StartError as error:
        report(error)
    except SettingsError as error:
        report(StartError(f"The settings are not valid:\n{error}", "Correct the settings file or the variable named."))


def report(error: StartError, code: int = 1) -> NoReturn:
    """Say what is wrong and what to do, and end with the code."""
    click.echo(error.message, err=True)
    if error.fix:
        click.echo(error.fix, err=True)
    raise SystemExit(code)


def load(flags: dict[str, Any]) -> tuple[Settings, dict[str, str]]:
    """The settings under these flags, and the environment that gives a child process the same ones."""
    from hub_config.settings import FILE_VARIABLE, Settings

    personal = ("PRIMEHUB_API_TOKEN", "PRIMEHUB_API_ENDPOINT", "PRIMEHUB_GROUP")
    environment = {key: value for key, value in os.environ.items() if key not in personal}
    if flags.get("settings"):
        environment[FILE_VARIABLE] = str(flags["settings"].absolute())
    given = {
        "DATA_DIR": flags.get("data") and str(flags["data"].absolute()),
        "HOST": flags.get("host"),
        "PORT": flags.get("port"),
        "PUBLIC_URL": flags.get("public_url"),
        "TLS__CERT": flags.get("tls_cert") and str(flags["tls_cert"].absolute()),
        "TLS__KEY": flags.get("tls_key") and str(flags["tls_key"].absolute()),
    }
    environment |= {SETTING + name: json.dumps(value, ensure_ascii=False) for name, value in given.items() if value}
    return Settings.load(environment), environment


def _run(flags: dict[str, Any]) -> None:
    from .machine import addresses, folders, locks, node, ports, proxy
    from .machine.platform import Plan, Platform

    began = time.monotonic()
    settings, environment = load(flags)
    found = node.find()
    place = folders.prepare(settings.data_dir)
    with locks.held(place):
        say(f"PrimeHub's data is in {place.data}")
        address = addresses.resolve(
            place,
            host=settings.host,
            port=settings.port,
            public_url=settings.public_url,
            cert=settings.tls.cert,
            key=settings.tls.key,
            self_signed=flags["self_signed"],
            behind_proxy=flags["behind_proxy"],
            insecure_http=flags["insecure_http"],
        )
        script = proxy.install(found, place.data, say)
        environment |= {
            f"{SETTING}{name}": json.dumps(str(value), ensure_ascii=False)
            for name, value in (("TLS__CERT", address.cert), ("TLS__KEY", address.key))
            if value
        }
        environment[f"{SETTING}PUBLIC_URL"] = json.dumps(address.public_url, ensure_ascii=False)
        fixed = {n: getattr(settings, n) for n in ports.INTERNAL}
        plan = Plan(place, address, found, script, environment, fixed)
        platform = Platform(plan, say)
        asyncio.run(platform.run(lambda p: _welcome(p, settings, began)))
        say("PrimeHub has stopped")


def wrapped(sentence: str) -> str:
    """The sentence in lines that fit the terminal, if it is one; what begins with a mark is indented after it."""
    if not sys.stdout.isatty():
        return sentence
    indent = "  " if sentence.startswith("! ") else ""
    width = min(shutil.get_terminal_size().columns, 110)
    return textwrap.fill(sentence, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def say(text: str) -> None:
    """A line for whoever watches; nobody may be left to read it."""
    try:
        click.echo(text)
        sys.stdout.flush()
    except OSError:
        return


def _welcome(platform: Platform, settings: Settings, began: float) -> None:
    from .machine import systemd, workloads

    address = platform.plan.address.public_url
    say(f"Ready after {time.monotonic() - began:.1f} s")
    for sentence in workloads.sandbox_sentences(settings):
        say(wrapped(sentence))
    say("")
    say(f"  PrimeHub is at  {address}")
    if os.environ.get(DETACHED):
        pass  # the command that detached it shows the link: this output goes to a file
    elif systemd.is_service():
        if first_link(platform.plan.folders, address):
            say("  For the first sign-in, run `primehub sign-in-link` with the same --data")
    else:
        show_link(platform.plan.folders, address)
    say("")


def first_link(folders: Folders, address: str) -> str | None:
    """The first administrator's one-time link, while it is unused."""
    try:
        token = folders.first_sign_in.read_text().strip()
    except OSError:
        return None
    from ..domain.handshake import invitation_link

    return invitation_link(address, token) if token else None


def show_link(folders: Folders, address: str) -> None:
    """Print the first administrator's link, where there is one."""
    link = first_link(folders, address)
    if link:
        say(f"  Sign in as the first administrator, with this link, once:\n  {link}")


def _detach(flags: dict[str, Any]) -> None:
    """Start it as a process of its own, show its words until it is ready, and go."""
    from .machine import folders, locks

    settings, environment = load(flags)
    place = folders.prepare(settings.data_dir)
    if locks.owner(place):
        with locks.held(place):  # says who holds it
            return
    log = place.log / "up.log"
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    switches = [
        f"--{name.replace('_', '-')}" for name in ("self_signed", "behind_proxy", "insecure_http") if flags[name]
    ]
    child = subprocess.Popen(
        [sys.executable, "-m", "primehub_services.cli.main", "up", *switches],
        env={**environment, f"{SETTING}DATA_DIR": json.dumps(str(place.data), ensure_ascii=False), DETACHED: "1"},
        stdin=subprocess.DEVNULL,
        stdout=descriptor,
        stderr=subprocess.STDOUT,
        cwd="/",
        start_new_session=True,
    )
    os.close(descriptor)
    try:
        state = _follow(child, log, place)
    except KeyboardInterrupt:
        child.send_signal(signal.SIGTERM)
        child.wait()
        raise SystemExit(130) from None
    show_link(place, state["address"])
    click.echo(f"It runs on (process {child.pid}); stop it with: primehub down --data {place.data}")


def _follow(child: subprocess.Popen[bytes], log: Path, place: Folders) -> dict[str, Any]:
    from .machine import locks

    with open(log, errors="replace") as lines:
        while True:
            ended = child.poll() is not None
            state = locks.read_state(place)
            ready = state.get("pid") == child.pid and state.get("phase") == "ready"
            click.echo(lines.read(), nl=False)
            if ready:
                return state
            if ended:
                raise SystemExit(child.returncode or 1)
            time.sleep(0.1)
