"""No secret is in a log, on a command line, in an address, or where a workload's user can read it."""

from __future__ import annotations

import os
import re
import stat
import statistics
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from primehub_services.sandbox.layout import workload_identity
from tests.support import secrecy
from tests.support.platform import PASSWORD, Lab, Platform
from tests.support.secrecy import OWN, Day, tries
from tests.support.shell_notebook import shell_environment
from tests.support.waiting import wait_for

__all__ = ["shell_environment"]
pytestmark = [pytest.mark.e2e, pytest.mark.sandbox]


@pytest.fixture(scope="module")
def day(platform: Platform, lab: Lab, shell_environment: str) -> Iterator[Day]:
    """Somebody joins, mistypes, gets a new password, signs in everywhere and starts a notebook that goes on."""
    with secrecy.a_day(platform, lab, platform.add_image(shell_environment, "secrecys-shell")) as seen:
        yield seen


def test_no_secret_is_in_a_log(day: Day) -> None:
    secrecy.no_secret_is_in_a_log(day)


def test_no_address_in_a_log_holds_a_code_or_a_token(day: Day) -> None:
    secrecy.no_address_in_a_log_holds_a_code_or_a_token(day)


def test_no_secret_is_on_a_command_line(day: Day) -> None:
    secrecy.no_secret_is_on_a_command_line(day)


def test_the_hubs_database_and_options_hold_no_secret(day: Day) -> None:
    secrecy.the_hubs_database_and_options_hold_no_secret(day)


def test_the_platforms_database_holds_digests_and_ciphertexts(day: Day) -> None:
    secrecy.the_platforms_database_holds_digests_and_ciphertexts(day)


def test_a_terminal_finds_no_secret_but_its_own(day: Day) -> None:
    secrecy.a_terminal_finds_no_secret_but_its_own(day)


def test_processes_of_the_workloads_user_have_no_secret_but_their_own(day: Day) -> None:
    uid, _ = workload_identity(1000)
    if uid == os.getuid():
        pytest.skip("workloads run as the platform's own user here: their namespaces keep them apart")
    found = {}
    for process in psutil.process_iter():
        try:
            if process.uids().real == uid:
                text = "\n".join(f"{name}={value}" for name, value in process.environ().items())
                found[f"{process.pid} {process.name()}"] = day.found_in(text)
        except psutil.Error:
            continue
    assert {what: names for what, names in found.items() if set(names) - OWN} == {}


def test_others_of_the_machine_read_nothing_of_the_data_folder_but_programs(day: Day) -> None:
    data = day.platform.data
    programs = re.compile(r"(environments|workloads/[^/]+/launch/(etc|inner))(/|$)")
    readable = [path for path in _reachable(data, data) if not programs.match(str(path.relative_to(data)))]
    assert readable == []


def _reachable(folder: Path, top: Path) -> Iterator[Path]:
    """Files that a user of the machine who owns nothing here can read, and folders that they can list."""
    mode = folder.stat().st_mode
    if mode & stat.S_IROTH and folder != top:
        yield folder
    if not mode & stat.S_IXOTH:
        return
    for entry in os.scandir(folder):
        if entry.is_dir(follow_symlinks=False):
            yield from _reachable(Path(entry.path), top)
        elif entry.is_file(follow_symlinks=False) and entry.stat().st_mode & stat.S_IROTH:
            yield Path(entry.path)


INVALID, WAIT = (403, "Invalid username or password"), (403, "Too many tries")


def _fail(platform: Platform, name: str) -> float:
    """One more wrong sign-in, as soon as one is looked at; how long it took to be refused."""

    def looked_at() -> tuple[int, str, float] | None:
        answer = tries(platform, name, "wrong")
        return None if answer[:2] == WAIT else answer

    said = wait_for(looked_at, 30, what="the next try")
    assert said is not None
    assert said[:2] == INVALID
    return said[2]


def test_a_guess_learns_neither_from_words_nor_from_time_who_exists(platform: Platform) -> None:
    known, unknown = "guessed", "guessed-too"
    platform.add_person(known)
    took = [(_fail(platform, known), _fail(platform, unknown)) for _ in range(7)]
    assert tries(platform, known, PASSWORD)[:2] == WAIT, "even with the right one"
    assert tries(platform, unknown, PASSWORD)[:2] == WAIT
    slow, fast = (statistics.median(pair[n] for pair in took) for n in (0, 1))
    assert 1 / 3 < slow / fast < 3


def test_the_wait_grows_and_ends(platform: Platform) -> None:
    name, waits = "waits", []
    platform.add_person(name)
    for _ in range(8):
        began = time.monotonic()
        _fail(platform, name)
        waits.append(time.monotonic() - began)
    assert waits[7] >= 4 > waits[0], "after seven in a row the eighth is looked at only four seconds later"
    wait_for(lambda: tries(platform, name, PASSWORD)[0] == 302, 30, what="the right password is taken again")
    assert tries(platform, name, "wrong")[:2] == INVALID, "it begins anew"
