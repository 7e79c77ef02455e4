"""``primehub``: the root command. Subcommands are imported only when they are used, so that help is quick."""

from __future__ import annotations

import errno
import importlib
import io
import sys
from collections.abc import Mapping
from typing import Any

import click

from .. import __version__
from .session import global_options, stop

PEOPLE: Mapping[str, tuple[str, str]] = {
    "login": ("account", "Sign this command in, through the browser or with a token."),
    "logout": ("account", "Forget the token of this machine."),
    "me": ("account", "Show who you are, and your groups."),
    "info": ("account", "Show the platform, you, and the chosen group."),
    "version": ("account", "Show the versions of this command and of the platform."),
    "config": ("config", "Show and change what this command remembers."),
    "groups": ("groups", "Groups and their members."),
    "instancetypes": ("instancetypes", "Sizes of notebooks and jobs."),
    "images": ("images", "What notebooks and jobs run in."),
    "volumes": ("volumes", "Data volumes."),
    "secrets": ("secrets", "Secrets; their values are never shown."),
    "notebooks": ("notebooks", "Start, watch and stop notebooks."),
    "jobs": ("jobs", "Submit, watch, cancel and repeat jobs."),
    "recurring-jobs": ("recurring_jobs", "Jobs that start by the clock."),
    "notifications": ("notifications", "What you are told of, and how."),
    "tokens": ("tokens", "Your API tokens."),
    "admin": ("admin", "What platform admins may do."),
}
MACHINE: Mapping[str, tuple[str, str]] = {
    "up": ("up", "Start the platform on this machine."),
    "down": ("control", "Stop the platform of this machine."),
    "restart": ("control", "Restart hub and services; notebooks and jobs go on."),
    "status": ("control", "Show whether the platform runs here."),
    "logs": ("control", "Show the platform's own logs."),
    "systemd-unit": ("control", "Print a systemd unit."),
    "sandbox": ("sandbox", "Show and enable the sandbox of workloads."),
    "rotate-keys": ("rotate_keys", "Encrypt every secret with a new key."),
    "sign-in-link": ("sign_in_link", "Make a one-time sign-in link, for an administrator who is locked out."),
}


class Root(click.Group):
    """Subcommands by module name; ``help`` needs none of the modules."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the subcommand; say which file cannot be read or written, and end with code 1, where that stops it."""
        try:
            return super().invoke(ctx)
        except OSError as error:
            # of a pipe that nobody reads any more click makes a quiet end; a start's own traceback belongs into its log
            if error.errno == errno.EPIPE or ctx.invoked_subcommand == "up":
                raise
            where = f"{error.filename}: " if error.filename else ""
            stop(f"{where}{error.strerror or error}.")

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every subcommand, those for people first."""
        return [*PEOPLE, *MACHINE]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The subcommand, imported now; None where there is none of that name."""
        found = PEOPLE.get(cmd_name) or MACHINE.get(cmd_name)
        if found is None:
            return None
        module = importlib.import_module(f"{__package__}.{found[0]}")
        command: click.Command = getattr(module, cmd_name.replace("-", "_"))
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Two lists: what people do anywhere, and what is done on the platform's own machine."""
        for title, commands in (("Commands", PEOPLE), ("On the platform's own machine", MACHINE)):
            with formatter.section(title):
                formatter.write_dl([(name, text) for name, (_, text) in commands.items()])


@click.group(cls=Root, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="primehub")
def cli(**_: Any) -> None:
    """PrimeHub: JupyterHub for groups of data scientists.

    Start a platform on this machine with `primehub up`, or use one that runs with `primehub login`.
    """


cli.params.extend(global_options())


def main() -> None:
    """The console script."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal may lack letters that names and logs have
    cli(prog_name="primehub")


if __name__ == "__main__":
    main()
