"""The reason in a log, for people who should not have to read it."""

from __future__ import annotations

import pytest

from primehub_services.cli.machine.reasons import reason, services_exits, waits, why

SERVICES = "PrimeHub's services cannot start: The database x cannot be reached: refused. Check it."
EXITED = "[C 2026-11-22 18:19:02.192 JupyterHub app:3808] Service primehub exited with status 1"
NO_DATABASE = "[E 2026-11-22 18:20:37.543 JupyterHub app:2060] Failed to connect to db: postgresql://x"
INFO = "[I 2026-11-22 18:20:45.978 JupyterHub app:3493] Running JupyterHub version 6.1.1"
PYTHON = "Traceback (most recent call last):\n  File \"x.py\", line 3\n    import y\nModuleNotFoundError: No module named 'y'"
NODE = "Error [ERR_X]: listen EACCES\n    at Server.x (node:net:1)\n\nNode.js v20.20.2"


@pytest.mark.parametrize(
    ("log", "found"),
    [
        (f"{INFO}\n{SERVICES}\n{EXITED}", "The database x cannot be reached: refused. Check it."),
        (
            f"{INFO}\n{NO_DATABASE}\n[C x] If you recently upgraded JupyterHub, try",
            "Failed to connect to db: postgresql://x",
        ),
        (f"{PYTHON}\n{EXITED}", "ModuleNotFoundError: No module named 'y'"),
        (NODE, "Error [ERR_X]: listen EACCES"),
        (f"{SERVICES}\n{INFO}\n{PYTHON}", "ModuleNotFoundError: No module named 'y'"),
    ],
)
def test_the_newest_reason_is_found(log: str, found: str) -> None:
    assert reason(log) == found
    assert why("hub", log) == f"The hub does not start: {found}"


def test_without_a_reason_the_last_lines_are_shown() -> None:
    text = why("hub", "\n".join([INFO, "one", "two"]))
    assert text.startswith("The hub does not start")
    assert text.endswith("one\ntwo")


WAIT = "PrimeHub's services wait: The database x cannot be reached: refused. Check it."


@pytest.mark.parametrize(
    ("log", "found"),
    [
        (f"{INFO}\n{WAIT}\n{INFO}", "The database x cannot be reached: refused. Check it."),
        (f"{WAIT}\nPrimeHub's services wait: starting up\n{INFO}", "starting up"),
        (f"{WAIT}\nPrimeHub's services go on: the database answers\n{INFO}", None),
        (f"{INFO}\n{SERVICES}", None),
        ("", None),
    ],
)
def test_what_the_services_wait_for_is_found_until_they_go_on(log: str, found: str | None) -> None:
    assert waits(log) == found


def test_ends_of_the_services_are_counted_and_those_of_others_are_not() -> None:
    other = EXITED.replace("Service primehub", "Service primehub-gateway")
    assert services_exits("\n".join([INFO, EXITED, SERVICES, other, EXITED])) == 2
    assert why("services", f"{SERVICES}\n{EXITED}").startswith("The services do not start: The database x")
