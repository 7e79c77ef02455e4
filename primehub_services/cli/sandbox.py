"""``primehub sandbox``: what keeps workloads apart on this machine, and how to get it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import click

from .control import place_options, settings_of
from .machine import workloads
from .machine.errors import StartError
from .up import report, wrapped


@click.group()
def sandbox() -> None:
    """Show and enable the sandbox of workloads."""


@sandbox.command("status")
@place_options
@click.option("--json", "as_json", is_flag=True, help="Answer in JSON.")
def status(data: Path | None, settings: Path | None, as_json: bool) -> None:
    """Show what was tried and how it went. Ends with code 1 where no sandbox can run."""
    chosen = settings_of(data, settings)
    found = workloads.sandbox_status(chosen)
    if as_json:
        click.echo(json.dumps(found.model_dump(mode="json"), indent=2))
    else:
        for sentence in workloads.sandbox_sentences(chosen):
            click.echo(wrapped(sentence))
    raise SystemExit(0 if found.sandboxed else 1)


@sandbox.command("enable")
@place_options
@click.option("--print", "print_it", is_flag=True, help="Only print the AppArmor profile.")
def enable(data: Path | None, settings: Path | None, print_it: bool) -> None:
    """Let sandboxes run where AppArmor forbids them (Ubuntu 24.04 and later). Installing needs root."""
    from ..sandbox import probe, tools

    chosen = settings_of(data, settings)
    candidates = tools.bwrap_candidates(chosen.data_dir, os.geteuid())
    if not candidates:
        report(StartError("There is no bubblewrap.", "Install it: apt-get install bubblewrap"))
    profile = probe.apparmor_profile(candidates[0])
    if print_it:
        click.echo(profile, nl=False)
        return
    if workloads.sandbox_status(chosen).sandboxed:
        click.echo("Sandboxes run here already; there is nothing to do.")
        return
    parser = shutil.which("apparmor_parser")
    if parser is None:
        report(StartError("It is not AppArmor that forbids sandboxes here.", "See: primehub sandbox status"))
    try:
        probe.APPARMOR_PROFILE.write_text(profile)
    except OSError as error:
        fix = f"primehub sandbox enable --print | sudo tee {probe.APPARMOR_PROFILE} && sudo apparmor_parser -r "
        report(StartError(f"{probe.APPARMOR_PROFILE}: {error.strerror}.", fix + str(probe.APPARMOR_PROFILE)))
    loaded = subprocess.run([parser, "-r", str(probe.APPARMOR_PROFILE)], capture_output=True, text=True)
    if loaded.returncode:
        report(StartError(f"AppArmor does not take the profile: {loaded.stderr.strip()}"))
    probe.forget()
    for sentence in workloads.sandbox_sentences(chosen):
        click.echo(wrapped(sentence))
