"""From start to end: exit codes, stopping, limits, output, crashes."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from hub_config.settings import Settings
from primehub_services.composition import engine_parts
from primehub_services.sandbox import processes
from primehub_services.sandbox.errors import WorkloadError
from primehub_services.sandbox.spec import WorkloadState
from primehub_services.sandbox.workloads import Workloads
from tests.support.folders import let_through
from tests.support.parts import require
from tests.support.sandbox import Machine, alive_with, free_port, make_plan
from tests.support.waiting import wait_for

pytestmark = pytest.mark.sandbox


@pytest.fixture(params=["sandboxed", "unsandboxed"])
def either(request: pytest.FixtureRequest) -> Machine:
    """A machine with sandboxes, and one without."""
    found: Machine = request.getfixturevalue("machine" if request.param == "sandboxed" else "unsandboxed")
    return found


def supervisor_of(machine: Machine, key: str) -> processes.Process:
    """The process that supervises a workload."""
    folder = str(machine.workloads.layout.workload(key)).encode()
    for pid in processes.table():
        try:
            line = Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            continue
        if b"supervisor" in line and folder in line.split(b"\0"):
            found = processes.read(pid)
            assert found is not None
            return found
    raise AssertionError(f"{key} has no supervisor")


@pytest.mark.parametrize("code", [0, 1, 7, 255])
def test_the_exit_code_is_kept(either: Machine, code: int) -> None:
    status, _ = either.run("one", f"exit {code}")
    assert (status.code, status.reason) == (code, "Completed" if code == 0 else "Error")
    assert status.started_at is not None
    assert status.ended_at is not None


def test_a_signal_that_ends_the_workload_is_seen_in_its_code(either: Machine) -> None:
    status, _ = either.run("one", "kill -SEGV $$")
    assert status.code == 128 + signal.SIGSEGV


def test_output_and_errors_are_kept_after_the_end(either: Machine) -> None:
    _, output = either.run("one", "echo out; echo err >&2")
    assert output == "out\nerr\n"


def test_stop_lets_the_workload_save_and_keeps_its_code(either: Machine) -> None:
    either.start("one", "trap 'echo saved; exit 3' TERM; echo up; while :; do sleep 0.1; done")
    either.says("one", "up")
    either.workloads.stop("one", 20)
    status = either.ended("one")
    assert (status.code, status.reason) == (3, "Stopped")
    assert "saved" in either.output("one")


def test_stop_ends_a_workload_without_a_handler_at_once(either: Machine) -> None:
    either.start("one", "/bin/sleep", "300")
    began = time.monotonic()
    either.workloads.stop("one", 60)
    assert either.ended("one").code == 128 + signal.SIGTERM
    assert time.monotonic() - began < 20


def test_a_workload_that_ignores_the_request_is_ended_after_the_grace_period(either: Machine) -> None:
    either.start("one", "trap '' TERM; echo up; while :; do sleep 0.1; done")
    either.says("one", "up")
    either.workloads.stop("one", 0.5)
    status = either.ended("one")
    assert (status.code, status.reason) == (137, "Killed")


def test_a_second_request_shortens_the_grace_period(either: Machine) -> None:
    either.start("one", "trap '' TERM; echo up; while :; do sleep 0.1; done")
    either.says("one", "up")
    either.workloads.stop("one", 600)
    wait_for(lambda: either.workloads.status("one").state is WorkloadState.STOPPING)  # type: ignore[union-attr]
    either.workloads.stop("one", 0)
    assert either.ended("one").reason == "Killed"


async def test_a_notebook_that_is_to_stop_has_the_time_that_its_spawner_gave_it_and_no_more(machine: Machine) -> None:
    machine.start("one", "trap '' TERM; echo up; while :; do sleep 0.1; done", grace_s=0.5)
    machine.says("one", "up")
    parts = await engine_parts("local", Settings(data_dir=machine.workloads.layout.data_dir))
    assert parts.workloads is not None
    began = time.monotonic()
    await parts.workloads.stop("one")
    status = await asyncio.to_thread(machine.ended, "one")
    assert (status.code, status.reason) == (137, "Killed")
    # far more than it has, and less than the 10 s in which who has left loses it
    assert time.monotonic() - began < 8


def test_what_a_workload_leaves_running_ends_with_it(either: Machine) -> None:
    mark = f"left-{os.getpid()}-{time.monotonic_ns()}"
    either.run("one", f"MARK={mark} setsid sleep 300 & sleep 0.2; exit 0")
    assert not alive_with(mark)


def test_orphans_are_reaped_while_the_workload_runs(machine: Machine) -> None:
    machine.start("one", "for i in 1 2 3 4 5; do (true &) ; done; sleep 0.3; ps ax -o stat=; echo end; exec sleep 300")
    machine.says("one", "end")
    assert "Z" not in machine.output("one")


def test_a_key_never_runs_twice(either: Machine) -> None:
    script = "echo ran >> ~/count; exit 4"
    either.run("one", script)
    again = either.start("one", script)
    assert (again.state, again.code) == (WorkloadState.EXITED, 4)
    assert (either.workloads.layout.home("ann") / "count").read_text() == "ran\n"


def test_starting_what_runs_finds_it_running(machine: Machine) -> None:
    first = machine.start("one", "sleep 300")
    again = machine.start("one", "sleep 300")
    assert again.started_at == first.started_at


def test_more_memory_than_the_limit_ends_as_oom_killed(machine: Machine) -> None:
    eat = "x = []\nwhile True: x.append(bytearray(8 << 20))"
    status, _ = machine.run("one", f"{machine.prefix}/bin/python", "-c", eat, memory=128 << 20)
    assert (status.code, status.reason) == (137, "OOMKilled")


def test_without_control_groups_the_watchdog_ends_what_takes_too_much_memory(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Workloads, "_cgroup_name", lambda self, key: "")
    eat = "import time\nx = []\nfor _ in range(60): x.append(bytearray(b'1' * (8 << 20))); time.sleep(0.02)\ntime.sleep(60)"
    status = machine.start("one", f"{machine.prefix}/bin/python", "-c", eat, memory=128 << 20)
    assert status.limited_by == "watchdog"
    status = machine.ended("one")
    assert (status.code, status.reason) == (137, "OOMKilled")


def test_a_fork_bomb_stays_within_its_limit(machine: Machine) -> None:
    bomb = (
        "import os, time\nn = 0\n"
        "try:\n    while True:\n        pid = os.fork()\n        if pid == 0: time.sleep(60)\n        n += 1\n"
        "except OSError as error: print('held at', n, flush=True)\nos._exit(9)"
    )
    status, output = machine.run("one", f"{machine.prefix}/bin/python", "-c", bomb, pids=60)
    if status.limited_by == "cgroup":
        assert status.message == "It wanted more than the 60 processes that it may have."
    assert int(output.split()[-1]) < 60
    assert status.code == 9


def test_a_crowd_that_its_cpu_limit_holds_back_still_ends_at_once(machine: Machine) -> None:
    crowd = (
        "import os, signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nready, go = os.pipe()\n"
        "for _ in range(300):\n    if os.fork() == 0:\n        os.close(go)\n        os.read(ready, 1)\n"
        "        while True: os.getppid()\n"
        "print('busy', flush=True)\nos.close(go)\nos.wait()"
    )
    machine.start("one", f"{machine.prefix}/bin/python", "-c", crowd, cpu=50, memory=1 << 30)
    machine.says("one", "busy", timeout=60)
    machine.workloads.stop("one", 0)
    assert machine.ended("one", timeout=20).reason == "Killed"


def test_much_output_is_capped_and_both_ends_are_kept(machine: Machine) -> None:
    script = "echo first; head -c 100000000 /dev/zero | tr '\\0' x; echo; echo last"
    cap = 1 << 20
    machine.start("one", script, log_cap=cap)
    machine.ended("one", 60)
    folder = machine.workloads.layout.workload("one")
    kept = sum(path.stat().st_size for path in folder.glob("log.*"))
    output = machine.output("one")
    assert kept <= cap
    assert output.startswith("first\n")
    assert output.endswith("\nlast\n")
    assert "bytes of output are left out here" in output
    assert machine.workloads.read_log("one").size == 100_000_000 + len("first\n\nlast\n")


def test_the_workload_outlives_who_started_it(machine: Machine) -> None:
    program = (
        "import sys; from pathlib import Path\n"
        "from primehub_services.sandbox.workloads import Workloads\n"
        "from tests.support.sandbox import Machine\n"
        "Machine(Workloads(Path(sys.argv[1])), sys.argv[2]).start('one', 'echo up; sleep 1; echo went on; exit 5')\n"
        "import os, signal; os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    arguments = [sys.executable, "-c", program, str(machine.workloads.layout.data_dir), machine.prefix]
    done = subprocess.run(arguments, check=False, cwd=Path(__file__).parents[3])
    assert done.returncode == -signal.SIGKILL
    assert machine.ended("one").code == 5
    assert "went on" in machine.output("one")


def test_a_killed_supervisor_takes_the_workload_along(either: Machine) -> None:
    mark = f"killed-{os.getpid()}-{time.monotonic_ns()}"
    either.start("one", f"export MARK={mark}; setsid sleep 300 & trap '' TERM; echo up; while :; do sleep 0.2; done")
    either.says("one", "up")
    supervisor = supervisor_of(either, "one")
    os.kill(supervisor.pid, signal.SIGKILL)
    status = either.ended("one")
    assert (status.reason, status.code) == ("Lost", None)
    assert not alive_with(mark)
    wait_for(lambda: not alive_with(str(either.workloads.layout.workload("one"))), what="pasta and bwrap end too")


def test_in_a_sandbox_nothing_runs_on_even_when_nobody_looks(machine: Machine) -> None:
    mark = f"unseen-{os.getpid()}-{time.monotonic_ns()}"
    machine.start("one", f"export MARK={mark}; echo up; exec sleep 300")
    machine.says("one", "up")
    os.kill(supervisor_of(machine, "one").pid, signal.SIGKILL)
    wait_for(lambda: not alive_with(mark), what="the workload ends by itself")


def test_a_workload_begun_and_lost_is_not_begun_again(machine: Machine) -> None:
    machine.start("one", "echo ran >> ~/count; sleep 300")
    wait_for((machine.workloads.layout.home("ann") / "count").exists)
    supervisor = supervisor_of(machine, "one")
    os.kill(supervisor.pid, signal.SIGKILL)
    wait_for(lambda: (left := processes.read(supervisor.pid)) is None or left.zombie)
    again = machine.start("one", "echo ran >> ~/count; sleep 300")
    assert again.reason == "Lost"
    assert (machine.workloads.layout.home("ann") / "count").read_text() == "ran\n"


def test_a_supervisor_is_small(machine: Machine) -> None:
    machine.start("one", "sleep 300")
    assert supervisor_of(machine, "one").resident < 20 << 20


def test_usage_is_sampled(machine: Machine) -> None:
    machine.start("one", "sleep 300")

    def usage() -> object:
        status = machine.workloads.status("one")
        return status and status.usage

    assert wait_for(usage, what="a sample")


def test_secrets_are_on_no_disk_while_it_runs_and_afterwards(either: Machine) -> None:
    either.start("one", 'echo "${#TOKEN}"; while [ ! -e end ]; do sleep 0.05; done', env={"TOKEN": "verysecret-77aa"})
    folder = either.workloads.layout.workload("one")

    def holds(path: Path) -> bool:
        with contextlib.suppress(FileNotFoundError):  # which its supervisor moves or removes
            return path.is_file() and b"verysecret-77aa" in path.read_bytes()
        return False

    def found() -> list[Path]:
        return [path for path in folder.rglob("*") if holds(path)]

    assert not found()
    (either.workloads.layout.home("ann") / "end").touch()
    assert either.ended("one").code == 0
    assert not found()
    assert either.output("one").strip() == str(len("verysecret-77aa"))


def test_what_runs_is_listed_and_what_ended_is_removed_on_request(machine: Machine) -> None:
    machine.start("one", "sleep 300")
    machine.run("two", "true")
    assert {status.key: status.alive for status in machine.workloads.list_()} == {"one": True, "two": False}
    machine.workloads.remove("two")
    assert machine.workloads.status("two") is None
    with pytest.raises(WorkloadError, match="stop it before"):
        machine.workloads.remove("one")


def test_stop_all_leaves_nothing(machine: Machine) -> None:
    for key in ("one", "two", "three"):
        machine.start(key, "trap '' TERM; while :; do sleep 0.1; done")
    assert machine.workloads.stop_all(0.3) == []
    assert not [status for status in machine.workloads.list_() if status.alive]


def test_stopping_what_is_not_there_is_no_error(machine: Machine) -> None:
    machine.workloads.stop("nothing")
    machine.workloads.remove("nothing")
    assert machine.workloads.status("nothing") is None


def test_a_taken_port_is_refused_by_name_and_another_try_starts(isolated: Machine) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(WorkloadError, match=f"Port {port} .* is taken") as refusal:
            isolated.start("one", "true", port=port)
    assert refusal.value.code == "port-taken"
    isolated.workloads.remove("one")
    status, _ = isolated.run("one", "true", port=free_port())
    assert status.code == 0


def test_a_program_that_is_not_there_ends_with_the_usual_code(either: Machine) -> None:
    status, output = either.run("one", "/no/such/program", "x")
    assert status.code == 127
    assert "/no/such/program" in output


def fill(path: Path) -> None:
    """Takes all that is left of a disk."""
    with contextlib.suppress(OSError), path.open("wb", buffering=0) as file:
        while True:
            file.write(b"x" * 4096)


@pytest.fixture
def small(plain_python: str, tmp_path: Path) -> Iterator[Machine]:
    """A machine whose data folder is on a disk of 2 MiB, ``tmp_path / "disk"``."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small disk needs root")
    disk = tmp_path / "disk"
    disk.mkdir()
    let_through(tmp_path, 0o711)
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "none", str(disk)], check=False)
    require("sandbox", done.returncode == 0, "no small disk can be mounted here")
    machine = Machine(Workloads(disk / "data"), plain_python)
    try:
        yield machine
    finally:
        machine.workloads.stop_all(0)
        subprocess.run(["umount", "-l", str(disk)], check=True)


def test_a_full_disk_is_named_at_the_start_and_does_not_end_what_runs(small: Machine, tmp_path: Path) -> None:
    home = small.workloads.layout.home("ann")
    # taking a file away needs no room
    small.start(
        "one", "touch wait; echo up; while [ -e wait ]; do sleep 0.05; done; head -c 4000000 /dev/zero; echo; exit 6"
    )
    small.says("one", "up")
    fill(tmp_path / "disk" / "filler")
    with pytest.raises(WorkloadError, match="full") as refusal:
        small.start("two", "true")
    assert refusal.value.code == "disk-full"
    (home / "wait").unlink()
    status = small.ended("one")
    assert (status.code, status.reason) == (6, "Error")
    assert "could not be written" in status.message


def test_on_a_full_disk_a_workload_can_still_be_stopped(small: Machine, tmp_path: Path) -> None:
    small.start("one", "trap 'exit 7' TERM; echo up; while true; do sleep 0.05; done")
    small.says("one", "up")
    fill(tmp_path / "disk" / "filler")
    small.workloads.stop("one", 20)
    status = small.ended("one")
    assert (status.code, status.reason) == (7, "Stopped")


@pytest.mark.skipif(os.geteuid() != 0, reason="root is kept out of its own folder only as another user")
def test_a_folder_that_the_workloads_user_cannot_enter_is_named(plain_python: str, tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    machine = Machine(Workloads(tmp_path / "data"), plain_python)
    with pytest.raises(WorkloadError, match="cannot enter") as refusal:
        machine.start("one", "true")
    assert refusal.value.code == "folder"


def test_an_environment_that_is_gone_is_named(machine: Machine) -> None:
    with pytest.raises(WorkloadError, match="no Python environment at /nowhere"):
        machine.workloads.render(make_plan("one", prefix="/nowhere"), argv=["true"])


def test_without_a_sandbox_paths_are_given_by_variables_and_links(unsandboxed: Machine) -> None:
    layout = unsandboxed.workloads.layout
    env = {"PRIMEHUB_GROUP_VOLUME_PATH": "/project/research"}
    _, output = unsandboxed.run("one", 'pwd; echo "$PRIMEHUB_GROUP_VOLUME_PATH"; readlink ~/research', env=env)
    home, project = str(layout.home("ann")), str(layout.project("research"))
    assert output.split() == [home, project, project]
    shutil.rmtree(f"/tmp/primehub-{'one'}", ignore_errors=True)
