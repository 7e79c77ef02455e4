"""What is asked of the machine: interpreters, resolvers, profiles, folders."""

from __future__ import annotations

import os
import socket
import stat
import sys
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from primehub_services.sandbox import probe
from primehub_services.sandbox.errors import WorkloadError
from primehub_services.sandbox.layout import Layout, check_passable, make_folder, prepare
from primehub_services.sandbox.pythons import BasePython, ask, choose_base, interpreter_folders, record_path
from primehub_services.sandbox.records import lock, read, remove_tree, reserve_end, write, write_end
from primehub_services.sandbox.spec import SandboxOptions
from primehub_services.sandbox.tools import (
    closed_networks,
    counts_processes_per_namespace,
    packaged_bwrap,
    reachable,
    resolv_conf,
)
from primehub_services.sandbox.workloads import Workloads
from tests.support.folders import let_through

OWN = (os.getuid() or 1000, os.getgid() or 1000)


def program(path: Path, text: str) -> str:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


@pytest.fixture
def readable(tmp_path: Path) -> Path:
    """A folder that every user may read."""
    let_through(tmp_path)
    return tmp_path


# -- interpreters


def test_a_base_that_workloads_can_run_is_chosen() -> None:
    base = choose_base(None, *OWN)
    assert base.version >= (3, 11)
    assert isinstance(ask(base.executable, *OWN), BasePython)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("echo \"ModuleNotFoundError: No module named 'ensurepip'\" >&2; exit 1", "ensurepip"),
        ('echo \'["/old/python", "/old", [3, 10, 4]]\'', "older than 3.11"),
        ("exit 3", "code 3"),
    ],
)
def test_a_base_that_does_not_do_is_refused_by_name_with_the_fix(readable: Path, text: str, reason: str) -> None:
    python = program(readable / "python3", text)
    with pytest.raises(WorkloadError, match="python3-venv") as refusal:
        choose_base(python, *OWN)
    assert python in str(refusal.value)
    assert reason in str(refusal.value)
    assert refusal.value.code == "base-python"


@pytest.mark.skipif(os.geteuid() != 0, reason="root drops to another user")
def test_a_base_that_the_workloads_user_cannot_read_is_refused_by_name(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    python = program(tmp_path / "python3", f'exec {sys.executable} "$@"')
    with pytest.raises(WorkloadError, match="that user cannot read it"):
        choose_base(python, 1000, 1000)


def test_folders_of_an_environment_are_its_own_and_its_bases(tmp_path: Path) -> None:
    base, prefix = tmp_path / "base", tmp_path / "venv"
    for folder in (base / "bin", prefix / "bin"):
        folder.mkdir(parents=True)
    (base / "bin/python3.11").write_text("")
    (prefix / "bin/python").symlink_to(base / "bin/python3.11")
    (prefix / "pyvenv.cfg").write_text(f"home = {base}/bin\nversion = 3.11.2\n")
    assert interpreter_folders(str(prefix), tmp_path / "data") == (str(prefix), str(base))


def test_a_base_of_the_system_needs_no_folder_of_its_own(tmp_path: Path) -> None:
    prefix = tmp_path / "venv"
    (prefix / "bin").mkdir(parents=True)
    (prefix / "bin/python").symlink_to("/usr/bin/env")
    (prefix / "pyvenv.cfg").write_text("home = /usr/bin\n")
    assert interpreter_folders(str(prefix), tmp_path / "data") == (str(prefix),)


@pytest.mark.parametrize("shown", ["data/homes/bob", "data", "."])
def test_an_interpreter_never_shows_the_platforms_data(tmp_path: Path, shown: str) -> None:
    base, prefix = tmp_path / shown, tmp_path / "venv"
    for folder in (base / "bin", prefix / "bin", tmp_path / "data"):
        folder.mkdir(parents=True, exist_ok=True)
    (base / "bin/python3").write_text("")
    (prefix / "bin/python").symlink_to(base / "bin/python3")
    with pytest.raises(WorkloadError, match="more than Python"):
        interpreter_folders(str(prefix), tmp_path / "data")


def test_of_a_built_environment_the_record_says_what_to_show_not_the_build(tmp_path: Path) -> None:
    prefix = tmp_path / "environments" / "base-1"
    (prefix / "bin").mkdir(parents=True)
    (prefix / "bin/python").symlink_to("/usr/bin/env")
    (prefix / "pyvenv.cfg").write_text(f"home = {tmp_path}/homes/bob/bin\n")
    with pytest.raises(WorkloadError, match="not complete"):
        interpreter_folders(str(prefix), tmp_path)
    write(record_path(prefix), {"base": ["/opt/python"]})
    assert interpreter_folders(str(prefix), tmp_path) == (str(prefix), "/opt/python")


# -- programs and settings


def test_resolvers_on_the_own_loopback_are_passed_over(tmp_path: Path) -> None:
    stub, real = tmp_path / "stub", tmp_path / "real"
    stub.write_text("# stub\nnameserver 127.0.0.53\noptions edns0\n")
    real.write_text("nameserver 192.0.2.7\nnameserver ::1\nsearch example.org\n")
    assert resolv_conf((str(stub), str(real))) == "nameserver 192.0.2.7\nsearch example.org\n"
    assert resolv_conf((str(stub),)) == "nameserver 127.0.0.53\noptions edns0\n"
    assert resolv_conf((str(tmp_path / "none"),)) == ""


@pytest.mark.parametrize(
    ("release", "expected"),
    [("5.13.0-44-generic", False), ("5.14.0", True), ("6.18.44-fc", True), ("4.19.0", False), ("odd", False)],
)
def test_the_kernel_decides_how_processes_are_counted(release: str, expected: bool) -> None:
    assert counts_processes_per_namespace(release) is expected


def test_bubblewrap_comes_with_the_package() -> None:
    bwrap = packaged_bwrap()
    assert bwrap is not None
    assert os.access(bwrap, os.X_OK)


@pytest.mark.skipif(os.geteuid() != 0, reason="the rights of another user")
def test_a_file_in_a_closed_folder_is_not_reachable(tmp_path: Path) -> None:
    file = tmp_path / "closed" / "file"
    make_folder(file.parent, mode=0o700)
    file.write_text("")
    assert not reachable(file, 1000)
    let_through(file.parent)
    assert reachable(file, 1000)


def test_the_restriction_of_ubuntu_is_named_with_its_remedy() -> None:
    check = probe._no_sandbox("setting up uid map: Permission denied", restricted=True)
    assert not check.ok
    assert "AppArmor" in check.sentence
    assert "primehub sandbox enable" in check.fix


@pytest.mark.parametrize(
    ("reason", "fix"),
    [
        ("", "apt-get install bubblewrap"),
        ("bwrap: Creating new namespace failed: Operation not permitted", "max_user_namespaces"),
        ("bwrap: Can't mount proc on /newroot/proc: Operation not permitted", "systempaths=unconfined"),
        ("bwrap: something odd", "bwrap --ro-bind"),
    ],
)
def test_every_reason_without_a_sandbox_has_a_remedy(reason: str, fix: str) -> None:
    assert fix in probe._no_sandbox(reason, restricted=False).fix


def test_the_profile_names_the_program_and_allows_user_namespaces() -> None:
    profile = probe.apparmor_profile("/opt/x y/bwrap")
    assert 'profile primehub-bwrap "/opt/x y/bwrap" flags=(unconfined) {\n  userns,' in profile


@pytest.mark.parametrize("ip", ["exit 0", "exit 1", None])
def test_where_ip_cannot_close_this_machines_addresses_it_is_said_with_the_remedy(
    readable: Path, ip: str | None
) -> None:
    if ip is not None:
        program(readable / "ip", f"cat >/dev/null; {ip}")
    (readable / "cat").symlink_to("/bin/cat")
    # runs its last argument, as pasta does, with these programs alone
    pasta = program(readable / "pasta", f'for script; do :; done; PATH={readable} exec /bin/sh "$script"')

    check = probe._probe_addresses(pasta, *OWN)

    assert check.ok == (ip == "exit 0")
    assert ("apt-get install iproute2" in check.fix) == (not check.ok)
    fine = probe.Check(ok=True, sentence="Fine.")
    status = probe.SandboxStatus(sandbox=fine, network=fine, addresses=check, limits=fine)
    assert [check.fix in warning for warning in status.warnings] == [True] * (not check.ok)
    assert status.network_isolated, "what there is is used all the same"
    assert list(status.checks) == ["sandbox", "network", "addresses", "limits"]


def test_switched_off_sandboxes_are_said_to_be(tmp_path: Path) -> None:
    status = Workloads(tmp_path, SandboxOptions(sandbox="off")).sandbox()
    assert not status.sandboxed
    assert not status.network_isolated
    assert any("local.sandbox" in warning for warning in status.warnings)
    assert "addresses" not in status.checks, "a shared network is the greater warning"
    assert "Only platform admins" in status.who_may_start(allow_unsandboxed=False)
    assert "Everyone" in status.who_may_start(allow_unsandboxed=True)
    assert not any("local.sandbox" in sentence for sentence in status.exposures), "the remedy is not its reader's"


def test_without_a_sandbox_nothing_starts_unless_allowed(tmp_path: Path) -> None:
    workloads = Workloads(tmp_path, SandboxOptions(sandbox="off"))
    with pytest.raises(WorkloadError, match="switched off") as refusal:
        workloads.require_sandbox(allow_unsandboxed=False)
    assert refusal.value.code == "no-sandbox"
    assert not workloads.require_sandbox(allow_unsandboxed=True).sandboxed


# -- folders and records


def test_folders_are_made_for_nobody_else_to_list(tmp_path: Path) -> None:
    layout = Layout(tmp_path / "data")
    prepare(layout)
    for name in ("", "homes", "projects", "volumes", "workloads"):
        assert stat.S_IMODE((layout.data_dir / name).stat().st_mode) & 0o066 == 0


def test_a_link_in_place_of_a_folder_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "target").mkdir(mode=0o755)
    (tmp_path / "link").symlink_to(tmp_path / "target")
    with pytest.raises(WorkloadError, match="link"):
        make_folder(tmp_path / "link", mode=0o777)
    assert stat.S_IMODE((tmp_path / "target").stat().st_mode) == 0o755


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(WorkloadError, match=str(tmp_path / "file")) as refusal:
        make_folder(tmp_path / "file" / "folder")
    assert refusal.value.code == "folder"


@pytest.mark.skipif(os.geteuid() != 0, reason="the rights of another user")
def test_a_parent_that_cannot_be_entered_is_named(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    make_folder(closed / "data", mode=0o711)
    let_through(tmp_path, 0o711)
    closed.chmod(0o700)
    with pytest.raises(WorkloadError, match=f"cannot enter {closed}"):
        check_passable(closed / "data", 1000)
    closed.chmod(0o711)
    check_passable(closed / "data", 1000)


@pytest.mark.parametrize("key", ["", "../x", "a/b", ".hidden", "x" * 65, "a b"])
def test_a_key_cannot_lead_elsewhere(tmp_path: Path, key: str) -> None:
    with pytest.raises(WorkloadError, match="not the key"):
        Workloads(tmp_path).status(key)


def test_a_record_is_replaced_whole_and_readable_by_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "record"
    write(path, {"a": 1})
    write(path, {"a": 2})
    assert read(path) == {"a": 2}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [p.name for p in tmp_path.iterdir()] == ["record"]


@pytest.mark.parametrize("text", ["", "    ", "{", "[1]", '"x"'])
def test_a_record_that_is_cut_off_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "record").write_text(text)
    assert read(tmp_path / "record") is None


def test_the_end_fits_into_the_space_taken_before(tmp_path: Path) -> None:
    reserve_end(tmp_path)
    assert read(tmp_path / "end") is None
    before = (tmp_path / "end").stat()
    write_end(tmp_path, {"code": 3, "message": "x" * 10_000})
    assert read(tmp_path / "end") == {"code": 3, "message": "", "usage": None}
    after = (tmp_path / "end").stat()
    assert (after.st_ino, after.st_size) == (before.st_ino, before.st_size)


def test_a_lock_is_held_by_one_and_shared_by_lookers(tmp_path: Path) -> None:
    held = lock(tmp_path / "lock")
    assert held is not None
    assert lock(tmp_path / "lock") is None
    assert lock(tmp_path / "lock", shared=True) is None
    os.close(held)
    first, second = lock(tmp_path / "lock", shared=True), lock(tmp_path / "lock", shared=True)
    assert first is not None
    assert second is not None
    os.close(first)
    os.close(second)
    assert lock(tmp_path / "gone" / "lock") is None


def test_removing_a_folder_follows_no_link(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "file").write_text("kept")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "link").symlink_to(tmp_path / "kept")
    remove_tree(tmp_path / "folder")
    assert (tmp_path / "kept" / "file").exists()
    assert not (tmp_path / "folder").exists()


def test_what_is_closed_to_a_network_namespace(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [
        (socket.AF_INET, "127.0.0.1"),
        (socket.AF_INET, "172.17.0.1"),
        (socket.AF_INET6, "fe80::1%docker0"),
        (socket.AF_INET6, "fd00::2"),
        (socket.AF_PACKET, "02:fc:00:00:00:01"),
    ]
    addresses = {"all": [SimpleNamespace(family=family, address=text) for family, text in found]}
    monkeypatch.setattr(psutil, "net_if_addrs", lambda: addresses)
    cloud = ("169.254.0.0/16", "fd00:ec2::254/128")
    assert closed_networks("nameserver 192.0.2.1\n") == (*cloud, "172.17.0.1/32", "fd00::2/128")
    kept = closed_networks("search x\nnameserver 169.254.169.254\nnameserver fd00::2\nnameserver\n")
    assert kept == ("fd00:ec2::254/128", "172.17.0.1/32"), "name servers must be reached"
