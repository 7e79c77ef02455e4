"""No secret is in a log, on a command line, in an address, or where a workload's user can read it."""

from __future__ import annotations

import os
import re
import stat
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from primehub_services.sandbox.layout import workload_identity
from tests.support import secrecy
from tests.support.names import unique
from tests.support.platform import PASSWORD, Lab, Platform
from tests.support.secrecy import OWN, Day, tries
from tests.support.shell_notebook import shell_environment
from tests.support.waiting import wait_for

__all__ = ["shell_environment"]
pytestmark = [pytest.mark.e2e, pytest.mark.sandbox]


@pytest.fixture(scope="module")
def day(platform: Platform, lab: Lab, shell_environment: str) -> Iterator[Day]:
    """Somebody joins, mistypes, gets a new password, signs in everywhere and starts a notebook that goes on."""
    with secrecy.a_day(platform, lab, platform.add_image(shell_environment, unique("secrecys-shell"))) as seen:
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
AFTER_SEVEN = 4
"""Seconds that the next sign-in must wait after seven wrong ones in a row."""


@dataclass(frozen=True)
class Refused:
    """A wrong sign-in that was looked at."""

    asked: float
    """When, or a little earlier."""
    told: float
    took: float
    put_off: int
    """How many tries had to wait before it."""


def _fail(platform: Platform, name: str) -> Refused:
    """One more wrong sign-in, as soon as one is looked at."""
    put_off: list[object] = []

    def looked_at() -> Refused | None:
        asked = time.monotonic()
        status, said, took = tries(platform, name, "wrong")
        if (status, said) == WAIT:
            put_off.append(said)
            return None
        assert (status, said) == INVALID
        return Refused(asked, time.monotonic(), took, len(put_off))

    found = wait_for(looked_at, 30, what="the next try")
    assert found is not None
    return found


def test_a_guess_learns_neither_from_words_nor_from_time_who_exists(platform: Platform) -> None:
    def told_in_time() -> bool:
        known, unknown = unique("guessed"), unique("guessed-too")
        platform.add_person(known)
        took: dict[str, list[float]] = {known: [], unknown: []}
        for _ in range(6):
            for name, seconds in took.items():
                seconds.append(_fail(platform, name).took)
        for name in (known, unknown):
            seventh = _fail(platform, name)
            said = tries(platform, name, PASSWORD)[:2]
            if time.monotonic() - seventh.asked > AFTER_SEVEN:
                return False  # nobody can tell whether it was still to wait
            assert said == WAIT, "even with the right one"
            took[name].append(seventh.took)
        slow, fast = (statistics.median(seconds) for seconds in took.values())
        assert 1 / 3 < slow / fast < 3
        return True

    wait_for(told_in_time, 120, what="the eighth try is made before its wait is over")


def test_the_wait_grows_and_ends(platform: Platform) -> None:
    name = unique("waits")
    platform.add_person(name)
    failed = [_fail(platform, name) for _ in range(8)]
    assert failed[0].put_off == 0
    # counted from before the seventh was asked for: its wait begins when it is refused, and its answer may come late
    took = failed[7].told - failed[6].asked
    assert took >= AFTER_SEVEN, "after seven in a row the eighth is looked at only four seconds later"
    wait_for(lambda: tries(platform, name, PASSWORD)[0] == 302, 30, what="the right password is taken again")
    assert tries(platform, name, "wrong")[:2] == INVALID, "it begins anew"
