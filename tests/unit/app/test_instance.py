"""One instance for each data folder."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from primehub_services.instance import only_instance

HOLDER = """
import signal, sys, time
from pathlib import Path
from primehub_services.instance import only_instance
if "deaf" in sys.argv:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
with only_instance(Path(sys.argv[1])):
    print("held", flush=True)
    signal.pause() if "deaf" not in sys.argv else [signal.pause() for _ in range(99)]
"""


def _holder(lock: Path, *arguments: str) -> subprocess.Popen[str]:
    process = subprocess.Popen([sys.executable, "-c", HOLDER, str(lock), *arguments], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_a_new_instance_ends_the_one_before_it(tmp_path: Path) -> None:
    earlier = _holder(tmp_path / "lock")
    with only_instance(tmp_path / "lock"):
        assert earlier.wait(5) == -signal.SIGTERM


def test_one_that_does_not_listen_is_killed(tmp_path: Path) -> None:
    earlier = _holder(tmp_path / "lock", "deaf")
    with only_instance(tmp_path / "lock", grace=0.2):
        assert earlier.wait(5) == -signal.SIGKILL


def test_the_lock_of_a_killed_instance_is_free(tmp_path: Path) -> None:
    earlier = _holder(tmp_path / "lock")
    earlier.kill()
    earlier.wait()
    with only_instance(tmp_path / "lock"):
        assert (tmp_path / "lock").stat().st_mode & 0o777 == 0o600


def test_a_number_left_in_the_file_harms_nobody(tmp_path: Path) -> None:
    bystander = subprocess.Popen(["sleep", "60"])
    try:
        (tmp_path / "lock").write_text(str(bystander.pid))
        with only_instance(tmp_path / "lock"):
            assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


def test_the_lock_can_be_taken_again(tmp_path: Path) -> None:
    for _ in range(2):
        with only_instance(tmp_path / "lock"):
            pass
