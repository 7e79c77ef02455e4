"""What a workload leaves and prints, where it means ill."""

from __future__ import annotations

import os
import socket
import stat
import time
from collections.abc import Iterable
from pathlib import Path

import pytest

from primehub_services.domain.workloads import FileLimits, WorkFile, WorkListing
from primehub_services.sandbox import scratch
from primehub_services.sandbox.scratch import MAX_DEPTH
from primehub_services.sandbox.workfiles import ScratchFiles
from tests.support.sandbox import Machine
from tests.support.waiting import wait_for

pytestmark = pytest.mark.sandbox
LIMITS = FileLimits(size=100_000_000, files=1000)
SECRET = "hunter2-correct-horse"


class Taken(dict[str, bytes]):
    """A sink that remembers."""

    def take(self, file: WorkFile, pieces: Iterable[bytes]) -> None:
        self[file.path] = b"".join(pieces)


def copied(machine: Machine, key: str, limits: FileLimits = LIMITS) -> tuple[Taken, WorkListing]:
    """What is kept of a workload."""
    files = machine.workloads.files(key)
    assert files is not None
    sink = Taken()
    return sink, files.copy_out("artifacts", sink, limits)


ATTACKS = r"""
import os, socket, stat
os.makedirs('artifacts/deep')
os.chdir('artifacts')
open('good.txt', 'w').write('good')
open('deep/good.txt', 'w').write('deep')
open('../outside.txt', 'w').write('not an artifact')
for name, target in {
    'passwd': '/etc/passwd', 'shadow': '/etc/shadow', 'up': '../outside.txt', 'far': '../../../../../etc/passwd',
    'home': '/home/jovyan/outside.txt', 'proc': '/proc/self/environ', 'dangling': 'nothing', 'itself': 'itself',
    'folder': 'deep', 'root': '/', 'parent': '..', 'here': '.', 'deep/out': '../../outside.txt',
    'fine': 'deep/good.txt', 'fine-too': '/home/jovyan/artifacts/good.txt', 'deep/back': '../good.txt',
    'chain': 'fine', 'through': 'folder/good.txt',
}.items():
    os.symlink(target, name)
os.mkfifo('fifo')
s = socket.socket(socket.AF_UNIX); s.bind('socket')
for name, target in {'hard-good': 'good.txt', 'hard-out': '../outside.txt', 'hard-passwd': '/etc/passwd'}.items():
    try:
        os.link(target, name)
    except OSError as error:
        print(name, error.strerror)
try:
    os.mknod('device', stat.S_IFCHR | 0o666, os.makedev(1, 5))
except OSError as error:
    print('device', error.strerror)
open('new\nline', 'w'); open('back\\slash', 'w'); open(b'not-utf8-\xff', 'w'); open('\u202etxt.exe', 'w')
open('unreadable', 'w').write('mine'); os.chmod('unreadable', 0)
with open('sparse', 'wb') as file:
    file.truncate(1 << 40)
below = 'd'
for _ in range(60):
    os.mkdir(below); below += '/d'
open(below[:-2] + '/bottom', 'w')
"""


def test_nothing_outside_is_read_whatever_is_in_the_folder(machine: Machine) -> None:
    status, output = machine.run("one", f"{machine.prefix}/bin/python", "-c", ATTACKS, mounts=())
    assert status.code == 0, output
    sink, found = copied(machine, "one")
    kept = {
        "good.txt": b"good",
        "deep/good.txt": b"deep",
        "fine": b"deep",
        "fine-too": b"good",
        "deep/back": b"good",
        "chain": b"deep",
        "hard-good": b"good",
        "unreadable": b"mine",
        # a link within the workload's own files
        "hard-out": b"not an artifact",
    }
    if os.geteuid() != 0:
        del kept["unreadable"]
    assert dict(sink) == kept
    assert not any(b"root:" in data for data in sink.values())
    reasons = {left.path: left.reason for left in found.left_out}
    for name in ("passwd", "shadow", "up", "far", "home", "proc", "deep/out", "root", "parent"):
        assert "outside" in reasons[name], name
    assert "folder" in reasons["here"]
    for name in ("fifo", "socket"):
        assert reasons[name] == "it is no regular file"
    assert reasons["folder"] == "it is a link to a folder"
    assert "itself" in reasons
    assert "through" in reasons
    assert {"new\\nline", "back\\slash", "not-utf8-\\udcff", "\\u202etxt.exe"} <= reasons.keys()
    assert "1099511627776 bytes" in reasons["sparse"]
    assert any(f"{MAX_DEPTH} folders" in reason for reason in reasons.values())
    listed = machine.workloads.files("one")
    assert listed is not None
    for path in (
        "passwd",
        "up",
        "../outside.txt",
        "../../spec.json",
        "./../outside.txt",
        "deep/../../outside.txt",
        "\0",
    ):
        assert listed.read(f"artifacts/{path}", 0, 100) is None, path
        assert listed.find(f"artifacts/{path}") is None, path
    for path in ("../spec.json", "/etc/passwd", "artifacts", "..", "", "/", "../../end"):
        assert listed.read(path, 0, 100) is None, path
    assert listed.read("artifacts/./good.txt", 0, 100) == b"good"
    assert {file.path for file in listed.list_("artifacts").files} == kept.keys() | {"sparse"}


@pytest.mark.parametrize("target", ["/etc", "/", "..", "/proc/self/root", "/home/jovyan"])
def test_a_folder_that_is_a_link_to_outside_is_not_entered(machine: Machine, target: str) -> None:
    machine.run("one", f"rm -rf artifacts; ln -s {target} artifacts", mounts=())
    sink, found = copied(machine, "one")
    assert sink == {}
    assert found.left_out_count == 1
    assert machine.workloads.files("one") is not None
    files = machine.workloads.files("one")
    assert files is not None
    assert files.read("artifacts/passwd", 0, 100) is None


def test_a_folder_that_is_a_link_to_another_place_of_the_home_is_kept(machine: Machine) -> None:
    machine.run("one", "rm -rf artifacts; mkdir out; echo hello >out/a.txt; ln -s out artifacts", mounts=())
    sink, found = copied(machine, "one")
    assert (dict(sink), found.left_out_count) == ({"a.txt": b"hello\n"}, 0)


def test_a_folder_that_is_swapped_while_it_is_read_leads_nowhere(machine: Machine) -> None:
    swap = (
        "mkdir -p artifacts/real/passwd artifacts/d; cd artifacts; echo fine >d/passwd;"
        "while :; do rm -rf d; ln -s /etc d; rm d; mkdir d; echo fine >d/passwd; done"
    )
    machine.start("one", swap, mounts=())
    files = machine.workloads.files("one")
    assert files is not None
    read: set[bytes | None] = set()

    def read_once() -> bool:
        read.add(files.read("artifacts/d/passwd", 0, 5))
        return b"fine\n" in read

    wait_for(read_once, 60, what="the folder is there, and read")
    deadline = time.monotonic() + 2
    while time.monotonic() < deadline:
        read.add(files.read("artifacts/d/passwd", 0, 5))
        sink = Taken()
        files.copy_out("artifacts", sink, LIMITS)
        read |= {data[:5] for data in sink.values()}
    machine.workloads.stop("one", 0)
    machine.ended("one")
    assert read <= {None, b"", b"fine\n"}
    assert b"fine\n" in read


def test_a_pipe_that_nobody_writes_to_holds_nobody_up(machine: Machine) -> None:
    machine.start("one", "mkdir artifacts; mkfifo artifacts/pipe; echo ready; sleep 300", mounts=())
    machine.says("one", "ready")
    files = machine.workloads.files("one")
    assert files is not None
    began = time.monotonic()
    assert files.read("artifacts/pipe", 0, 1) is None
    assert files.list_("artifacts").left_out_count == 1
    assert time.monotonic() - began < 20  # nobody ever writes


def test_of_more_files_than_anybody_looks_at_some_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scratch, "MAX_ENTRIES", 200)
    (tmp_path / "artifacts").mkdir()
    for number in range(300):
        (tmp_path / "artifacts" / str(number)).touch()
    sink = Taken()
    found = ScratchFiles(tmp_path, os.getuid()).copy_out("artifacts", sink, FileLimits(size=1000, files=150))
    assert len(sink) == 150
    assert found.left_out[0].reason == "only 200 files and folders are looked at"
    assert (found.left_out_count, len(found.left_out)) == (51, 51)


def test_a_file_that_grows_gives_no_more_than_its_size(machine: Machine) -> None:
    machine.start("one", "mkdir artifacts; while :; do echo more >>artifacts/a.txt; done", mounts=())
    wait_for(lambda: len(copied(machine, "one")[0].get("a.txt", b"")) > 0, 20, what="a first line")
    sink, found = copied(machine, "one")
    assert len(sink["a.txt"]) == found.files[0].size
    machine.workloads.stop("one", 0)
    machine.ended("one")


def test_a_person_s_home_is_no_scratch_folder(machine: Machine) -> None:
    machine.run("one", "mkdir -p artifacts; echo mine >artifacts/a.txt")
    assert machine.workloads.files("one") is None


def test_without_a_sandbox_the_files_are_the_same(unsandboxed: Machine) -> None:
    unsandboxed.run("one", "mkdir artifacts; echo hello >artifacts/a.txt; ln -s /etc/passwd artifacts/p", mounts=())
    sink, found = copied(unsandboxed, "one")
    assert (dict(sink), [left.path for left in found.left_out]) == ({"a.txt": b"hello\n"}, ["p"])


def test_a_file_of_somebody_else_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "artifacts").mkdir()
    (tmp_path / "artifacts" / "a.txt").write_text("whose?")
    own = os.getuid()
    for uid, count in ((own, 1), (own + 1, 0)):
        assert len(ScratchFiles(tmp_path, uid).list_("artifacts").files) == count
    assert stat.S_ISREG((tmp_path / "artifacts" / "a.txt").stat().st_mode)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "artifacts" / "socket"))
        assert len(ScratchFiles(tmp_path, own).list_("artifacts").files) == 1


# -- output


@pytest.mark.alone
def test_the_value_of_a_secret_is_not_in_the_log_however_it_is_printed(machine: Machine) -> None:
    script = (
        "import os, sys, time\n"
        "secret = os.environ['TOKEN']\n"
        "print('whole', secret, flush=True)\n"
        "for part in ('split ', secret[:7], secret[7:], '\\n'):\n"
        "    sys.stdout.write(part); sys.stdout.flush(); time.sleep(0.05)\n"
        "sys.stdout.write('late ' + secret[:7]); sys.stdout.flush(); time.sleep(1)\n"
        "sys.stdout.write(secret[7:] + '\\n'); sys.stdout.flush()\n"
        "print('key', os.environ['KEY'].splitlines()[1])\n"
        "print(dict(os.environ))\n"
        "sys.stderr.write('error ' + secret)\n"
    )
    status, output = machine.run(
        "one",
        f"{machine.prefix}/bin/python",
        "-u",
        "-c",
        script,
        env={"TOKEN": SECRET, "KEY": "-----BEGIN-----\nbG9uZyBrZXk\n-----END-----", "PLAIN": "to be seen"},
        masked=("TOKEN", "KEY", "ABSENT"),
        mounts=(),
    )
    assert status.code == 0
    assert SECRET not in output
    assert SECRET[7:] not in output
    assert "bG9uZyBrZXk" not in output
    assert "whole [masked]\nsplit [masked]\nlate hunter2[masked]\nkey [masked]\n" in output
    assert "to be seen" in output
    assert output.endswith("error [masked]")
    for path in machine.workloads.layout.workload("one").rglob("*"):
        if path.is_file() and not path.is_symlink():
            assert SECRET.encode() not in path.read_bytes(), path


def test_a_line_is_there_at_once_and_nothing_printed_is_lost_by_a_kill(machine: Machine) -> None:
    script = "import os, signal\nprint('one'); print('two', end='')\nos.kill(os.getpid(), signal.SIGKILL)"
    status, output = machine.run("one", f"{machine.prefix}/bin/python", "-u", "-c", script, mounts=())
    assert (status.code, output) == (137, "one\ntwo")


def test_a_gigabyte_of_output_is_cut_in_the_middle_and_the_job_ends_well(machine: Machine) -> None:
    script = "import sys\nline = b'x' * 1023 + b'\\n'\nblock = line * 1024\n"
    script += "sys.stdout.write('first\\n'); sys.stdout.flush()\n"
    script += "for _ in range(1024): sys.stdout.buffer.write(block)\nsys.stdout.write('last\\n')"
    machine.start(
        "one", f"{machine.prefix}/bin/python", "-c", script, env={"TOKEN": SECRET}, masked=("TOKEN",), mounts=()
    )
    status = machine.ended("one", timeout=120)
    output = machine.output("one")
    assert status.code == 0
    assert machine.workloads.read_log("one", 0, 0).size == 1024**3 + 11
    assert output.startswith("first\nx")
    assert output.endswith("x\nlast\n")
    assert output.count("bytes of output are left out here") == 1
    assert len(output) <= 16 * 1024**2 + 100


def test_rubbish_is_kept_byte_by_byte(machine: Machine) -> None:
    status, _ = machine.run("one", "head -c 3000000 /dev/urandom | tee artifacts.bin; sleep 0.1", mounts=())
    assert status.code == 0
    kept = b"".join(data for _, data in machine.workloads.log_chunks("one"))
    files = machine.workloads.files("one")
    assert files is not None
    home = machine.workloads.layout.workload("one") / "home" / "artifacts.bin"
    assert kept == home.read_bytes()
