"""What a workload sees and reaches of the machine and of other people's."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from uuid import uuid4

import httpx
import psutil
import pytest

from tests.support.sandbox import Machine, free_port
from tests.support.waiting import wait_for

pytestmark = pytest.mark.sandbox
FETCH = (
    "import sys, urllib.request as r\n"
    "for port in sys.argv[1:]:\n"
    "    try:\n"
    "        print(port, r.urlopen(f'http://127.0.0.1:{port}/', timeout=3).read().decode())\n"
    "    except OSError as error:\n"
    "        print(port, 'unreachable', error)\n"
)


class _Answer(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"answered")

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def loopback_server() -> Iterator[int]:
    """The port of an HTTP server on the machine's loopback."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Answer)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()


@pytest.fixture
def second_loopback_server(loopback_server: int) -> Iterator[int]:
    """Another one."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()


def test_the_paths_are_those_of_a_pod(machine: Machine) -> None:
    status, output = machine.run("one", 'pwd; echo "$HOME"; readlink ~/research; echo hello > ~/research/file; id -un')
    assert output.split() == ["/home/jovyan", "/home/jovyan", "/project/research", "jovyan"]
    assert status.code == 0
    assert (machine.workloads.layout.project("research") / "file").read_text() == "hello\n"


def test_files_stay_from_one_start_to_the_next_and_tmp_does_not(machine: Machine) -> None:
    machine.run("one", "echo kept > ~/kept; echo gone > /tmp/gone")
    _, output = machine.run("two", "cat ~/kept; ls /tmp/gone")
    assert output.startswith("kept\n")
    assert "No such file" in output


def test_another_group_and_person_cannot_be_seen(machine: Machine) -> None:
    machine.run("one", "echo secret > ~/mine; echo secret > /project/other/theirs", user="bob", group="other")
    data = machine.workloads.layout.data_dir
    _, output = machine.run("two", f"ls /project /home; ls -a {data}; find / -name theirs -o -name mine 2>/dev/null")
    assert output.split("\n")[:5] == ["/home:", "jovyan", "", "/project:", "research"]
    assert "theirs" not in output
    assert "mine" not in output
    assert str(data) in output.split("ls: cannot access")[1]


def test_nothing_of_the_data_folder_is_there_but_what_was_mounted(machine: Machine) -> None:
    data = machine.workloads.layout.data_dir
    (data / "secrets").mkdir(parents=True)
    (data / "secrets" / "encryption.key").write_text("key")
    _, output = machine.run("one", f"cat {data}/secrets/encryption.key; ls {data}/workloads")
    assert output.count("No such file or directory") == 2


def test_no_process_of_the_machine_can_be_seen_or_signalled(machine: Machine) -> None:
    _, output = machine.run("one", f"kill -0 {os.getpid()}; ls -d /proc/[0-9]* | wc -l")
    assert "No such process" in output
    assert int(output.split()[-1]) <= 5


def test_no_process_of_another_workload_can_be_seen(machine: Machine) -> None:
    machine.start("one", "echo up; exec sleep 300")
    machine.says("one", "up")
    _, output = machine.run("two", "cat /proc/[0-9]*/cmdline | tr '\\0' ' '")
    assert "sleep 300" not in output


def test_the_workload_is_nobody_special(machine: Machine) -> None:
    script = "id -u; cat /proc/self/status | grep -E '^(CapEff|CapBnd|NoNewPrivs)'; cat /proc/self/uid_map"
    _, output = machine.run("one", script)
    assert output.split()[0] == "1000"
    assert "CapEff:\t0000000000000000" in output
    assert "CapBnd:\t0000000000000000" in output
    assert "NoNewPrivs:\t1" in output


@pytest.mark.skipif(os.geteuid() != 0, reason="only root drops to another user")
def test_started_by_root_it_is_not_root_outside_either(machine: Machine) -> None:
    seconds = f"300.{uuid4().int % 10**9:09}"  # as nobody else sleeps
    machine.start("one", f"echo up; exec sleep {seconds}")
    machine.says("one", "up")
    line = f"sleep\0{seconds}".encode()
    owners = {os.stat(f"/proc/{pid}").st_uid for pid in os.listdir("/proc") if pid.isdigit() and line in _line(pid)}
    assert owners == {1000}


def _line(pid: str) -> bytes:
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return file.read()
    except OSError:
        return b""


def test_the_kernels_settings_cannot_be_written(machine: Machine) -> None:
    _, output = machine.run(
        "one", "for f in kernel/core_pattern vm/swappiness kernel/hostname; do echo x > /proc/sys/$f; done"
    )
    assert output.count("Read-only file system") == 3


def test_programs_and_settings_cannot_be_written(machine: Machine) -> None:
    _, output = machine.run(
        "one", f"for f in /usr/x /etc/x /x {machine.prefix}/x /etc/passwd /run/x; do echo x > $f; done"
    )
    assert output.count("Read-only file system") + output.count("Permission denied") == 6


def test_no_namespace_can_be_made_inside(machine: Machine) -> None:
    _, output = machine.run("one", "unshare --user true && echo made; unshare --user --map-root-user true && echo made")
    assert "made" not in output


KEYS = """
import ctypes, os, platform
call = ctypes.CDLL(None, use_errno=True).syscall
add, request = {"x86_64": (248, 249), "aarch64": (217, 218)}[platform.machine()]
print("key", call(add, b"user", b"ticket", b"secret", 6, -4), ctypes.get_errno())
print("asked", call(request, b"user", b"ticket", None, -3), ctypes.get_errno())
print("keys", open("/proc/keys").read().count("ticket"))
"""


def test_nothing_is_kept_in_the_kernels_keyrings_which_all_workloads_share(machine: Machine) -> None:
    _, output = machine.run("one", f"{machine.prefix}/bin/python", "-c", KEYS)
    assert output.split("\n")[:3] == ["key -1 1", "asked -1 1", "keys 0"]


def test_the_first_process_inside_is_filtered_too(machine: Machine) -> None:
    # it may be traced, and would otherwise do for the workload what the workload may not
    _, output = machine.run("one", "grep Seccomp: /proc/1/status /proc/self/status")
    assert [line.split()[-1] for line in output.splitlines()] == ["2", "2"]


def test_the_environment_is_not_on_a_command_line(machine: Machine) -> None:
    machine.start("one", 'echo "$TOKEN"; exec sleep 300', env={"TOKEN": "verysecret-5f3a"})
    machine.says("one", "verysecret-5f3a")
    lines = [_line(pid) for pid in os.listdir("/proc") if pid.isdigit()]
    assert not [line for line in lines if b"verysecret-5f3a" in line]


def test_only_the_forwarded_ports_of_the_machine_are_reached(
    isolated: Machine, loopback_server: int, second_loopback_server: int
) -> None:
    _, output = isolated.run(
        "one",
        f"{isolated.prefix}/bin/python",
        "-c",
        FETCH,
        str(loopback_server),
        str(second_loopback_server),
        forward_out=(loopback_server,),
    )
    assert f"{loopback_server} answered" in output
    assert f"{second_loopback_server} unreachable" in output


def test_the_machines_other_addresses_and_its_clouds_word_of_it_are_closed(
    isolated: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = socket_address("198.51.100.7")
    monkeypatch.setattr(psutil, "net_if_addrs", lambda: {"docker0": [other]})
    script = (
        "import socket, sys\n"
        "for host in sys.argv[1:]:\n"
        "    try:\n"
        "        socket.create_connection((host, 80), timeout=5)\n"
        "    except OSError as error:\n"
        "        print(host, error.errno == 113)\n"
    )
    _, output = isolated.run("one", f"{isolated.prefix}/bin/python", "-c", script, "198.51.100.7", "169.254.169.254")
    assert output.splitlines() == ["198.51.100.7 True", "169.254.169.254 True"]


def socket_address(text: str) -> SimpleNamespace:
    """An interface's address, as psutil tells it."""
    return SimpleNamespace(family=socket.AF_INET, address=text)


def test_the_workloads_port_is_reached_from_the_machine_and_from_no_other_workload(isolated: Machine) -> None:
    port = free_port()
    server = ("-m", "http.server", "--bind", "127.0.0.1", str(port), "--directory", "/project/research")
    isolated.start("one", f"{isolated.prefix}/bin/python", *server, port=port)

    def get() -> int:
        try:
            return httpx.get(f"http://127.0.0.1:{port}/", timeout=2, trust_env=False).status_code
        except httpx.TransportError:
            return 0

    assert wait_for(get, 20) == 200
    _, output = isolated.run("two", f"{isolated.prefix}/bin/python", "-c", FETCH, str(port), user="bob", group="other")
    assert f"{port} unreachable" in output


def test_the_port_is_free_once_the_workload_has_ended(isolated: Machine) -> None:
    port = free_port()
    isolated.start("one", "sleep 300", port=port)
    isolated.workloads.stop("one", 5)
    isolated.ended("one")
    status, _ = isolated.run("two", "true", port=port)
    assert status.code == 0


def test_names_are_resolved_by_a_server_that_the_namespace_reaches(isolated: Machine) -> None:
    _, output = isolated.run("one", "cat /etc/resolv.conf; getent hosts localhost; hostname")
    assert "nameserver 127." not in output
    assert "primehub-ann" in output


def test_links_of_groups_that_were_left_are_removed_and_own_files_stay(machine: Machine) -> None:
    machine.run("one", "ln -s /project/research ~/datasets; echo own > ~/own", group="other")
    home = machine.workloads.layout.home("ann")
    assert os.readlink(home / "other") == "/project/other"
    _, output = machine.run("two", "ls ~")
    assert "other" not in output.split()
    assert {"own", "research"} <= set(output.split())
