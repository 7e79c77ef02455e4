"""Processes of tests take turns where one of them needs the machine alone."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.turns import Turns
from tests.support.waiting import wait_for

ROOT = Path(__file__).parents[3]
OTHER = """
import sys
from pathlib import Path
from tests.support.turns import Turns

turns = Turns(Path(sys.argv[1]))
with turns.among_others():
    print("in", flush=True)
    if sys.argv[2] == "alone":
        with turns.alone():
            print("alone", flush=True)
            sys.stdin.readline()
    else:
        sys.stdin.readline()
print("out", flush=True)
"""


class Other:
    """Another process, in a test until it is told to go on."""

    def __init__(self, folder: Path, how: str) -> None:
        words = [sys.executable, "-c", OTHER, str(folder), how]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(words, cwd=ROOT, stdin=pipe, stdout=pipe)
        assert self.process.stdout is not None
        os.set_blocking(self.process.stdout.fileno(), False)
        self.words = ""

    def said(self) -> list[str]:
        """Where it has come to."""
        assert self.process.stdout is not None
        self.words += (self.process.stdout.read() or b"").decode()
        return self.words.split()

    def comes_to(self, where: str) -> None:
        """Wait until it is there."""
        wait_for(lambda: where in self.said(), 30, what=f"the other is {where}")

    def go_on(self) -> None:
        """Let it end its test."""
        assert self.process.stdin is not None
        self.process.stdin.write(b"\n")
        self.process.stdin.flush()

    def waits_for_a_lock(self) -> bool:
        """Whether the kernel knows it as one that does (proc_locks(5))."""
        locks = [line.split() for line in Path("/proc/locks").read_text().splitlines()]
        return any(line[1] == "->" and str(self.process.pid) in line for line in locks)


@contextmanager
def other(folder: Path, how: str) -> Iterator[Other]:
    made = Other(folder, how)
    try:
        yield made
    finally:
        made.process.kill()
        made.process.communicate()


def test_tests_run_beside_each_other(tmp_path: Path) -> None:
    with Turns(tmp_path).among_others(), other(tmp_path, "among") as beside:
        beside.comes_to("in")


def test_who_needs_the_machine_alone_waits_for_the_others_and_they_for_it(tmp_path: Path) -> None:
    with other(tmp_path, "among") as first:
        first.comes_to("in")
        with other(tmp_path, "alone") as measures:
            measures.comes_to("in")
            wait_for(measures.waits_for_a_lock, 30, what="it waits for the first")
            with other(tmp_path, "among") as later:
                wait_for(later.waits_for_a_lock, 30, what="who comes later waits at the door")
                first.go_on()
                measures.comes_to("alone")
                assert later.said() == []
                measures.go_on()
                later.comes_to("in")


def test_two_who_want_it_alone_have_it_one_after_the_other(tmp_path: Path) -> None:
    with other(tmp_path, "alone") as first, other(tmp_path, "alone") as second:
        wait_for(lambda: "alone" in first.said() + second.said(), 30, what="one has it")
        has, waits = (first, second) if "alone" in first.said() else (second, first)
        wait_for(waits.waits_for_a_lock, 30, what="the other one waits")
        assert "alone" not in waits.said()
        has.go_on()
        waits.comes_to("alone")


def test_who_is_killed_holds_up_nobody(tmp_path: Path) -> None:
    with other(tmp_path, "alone") as first:
        first.comes_to("alone")
        first.process.kill()
        first.process.wait(30)
        with other(tmp_path, "alone") as second:
            second.comes_to("alone")


def test_threads_of_one_process_have_it_together_and_its_end_lets_others_in(tmp_path: Path) -> None:
    turns = Turns(tmp_path)
    with turns.among_others(), other(tmp_path, "among") as later:
        later.comes_to("in")
        later.go_on()
        later.comes_to("out")
        with turns.alone(), turns.alone(), other(tmp_path, "among") as waits:
            wait_for(waits.waits_for_a_lock, 30, what="it waits")
        with other(tmp_path, "among") as beside:
            beside.comes_to("in")
