"""Where control groups are made, for each way in which a machine may have them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from primehub_services.sandbox.cgroups import Cgroup, find


def fake_proc(tmp_path: Path, cgroup: str, mountinfo: str) -> Path:
    proc = tmp_path / "proc"
    proc.mkdir()
    (proc / "cgroup").write_text(cgroup)
    (proc / "mountinfo").write_text(mountinfo)
    return proc


def mount(point: Path, kind: str, options: str, root: str = "/") -> str:
    return f"30 25 0:26 {root} {point} rw,nosuid shared:9 - {kind} {kind} rw,{options}\n"


def test_v1_groups_are_made_below_the_processs_own(tmp_path: Path) -> None:
    tree = tmp_path / "cg"
    for path in ("memory/box/own", "cpu,cpuacct/box", "pids"):
        (tree / path).mkdir(parents=True)
    proc = fake_proc(
        tmp_path,
        "5:memory:/box/own\n4:cpu,cpuacct:/box\n3:pids:/\n1:name=systemd:/\n0::/\n",
        mount(tree / "memory", "cgroup", "memory")
        + mount(tree / "cpu,cpuacct", "cgroup", "cpu,cpuacct")
        + mount(tree / "pids", "cgroup", "pids")
        + mount(tree / "unified", "cgroup2", "nsdelegate"),
    )
    folders, version = find(proc)
    assert version == 1
    assert folders == {
        "memory": tree / "memory/box/own",
        "cpu": tree / "cpu,cpuacct/box",
        "cpuacct": tree / "cpu,cpuacct/box",
        "pids": tree / "pids",
    }


def test_v2_groups_are_made_below_the_nearest_ancestor_that_hands_controllers_on(tmp_path: Path) -> None:
    tree = tmp_path / "cg"
    own = tree / "user.slice/app.slice/terminal.scope"
    own.mkdir(parents=True)
    for folder, handed_on in ((own, ""), (own.parent, "cpu memory pids"), (tree, "cpuset cpu io memory pids")):
        (folder / "cgroup.subtree_control").write_text(handed_on)
        (folder / "cgroup.procs").write_text("")
    proc = fake_proc(
        tmp_path, "0::/user.slice/app.slice/terminal.scope\n", mount(tree, "cgroup2", "nsdelegate,memory_recursiveprot")
    )
    assert find(proc) == ({name: own.parent for name in ("memory", "cpu", "pids")}, 2)


@pytest.mark.parametrize("cgroup", ["", "0::/\n"])
def test_nothing_is_found_where_nothing_is_mounted(tmp_path: Path, cgroup: str) -> None:
    folders, _ = find(fake_proc(tmp_path, cgroup, ""))
    assert folders == {}


def test_nothing_is_found_without_proc(tmp_path: Path) -> None:
    assert find(tmp_path / "nothing") == ({}, 0)


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        (
            1,
            {
                "cpu.shares": "102",
                "cpu.cfs_period_us": "100000",
                "cpu.cfs_quota_us": "50000",
                "memory.limit_in_bytes": "1048576",
            },
        ),
        (2, {"cpu.weight": "4", "cpu.max": "50000 100000", "memory.max": "1048576", "memory.swap.max": "0"}),
    ],
)
def test_limits_are_written_in_the_kernels_terms(tmp_path: Path, version: int, expected: dict[str, str]) -> None:
    cgroup = Cgroup(dict.fromkeys(("memory", "cpu", "pids"), tmp_path), version)
    cgroup.limit(cpu=500, cpu_share=100, memory=1 << 20, pids=77)
    written = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert expected.items() <= written.items()
    assert written["pids.max"] == "77"


@pytest.mark.parametrize(("version", "name", "unlimited"), [(1, "cpu.cfs_quota_us", "-1"), (2, "cpu.max", "max")])
def test_what_is_killed_is_not_held_back_by_its_limit(tmp_path: Path, version: int, name: str, unlimited: str) -> None:
    cgroup = Cgroup(dict.fromkeys(("memory", "cpu", "pids"), tmp_path), version)
    cgroup.limit(cpu=500, memory=1 << 20, pids=77)
    assert cgroup.kill()
    assert (tmp_path / name).read_text() == unlimited


def test_usage_is_what_the_kernel_would_not_give_back(tmp_path: Path) -> None:
    (tmp_path / "memory.current").write_text("1000\n")
    (tmp_path / "memory.stat").write_text("anon 700\ninactive_file 200\n")
    (tmp_path / "cpu.stat").write_text("usage_usec 2500000\nuser_usec 1\n")
    (tmp_path / "memory.events").write_text("low 0\noom 2\noom_kill 1\n")
    (tmp_path / "pids.events").write_text("max 7\n")
    cgroup = Cgroup(dict.fromkeys(("memory", "cpu", "pids"), tmp_path), 2)
    assert (cgroup.memory(), cgroup.cpu_seconds(), cgroup.oom_kills()) == (800, 2.5, 1)
    assert cgroup.refused_processes() == 7


def test_a_group_that_is_gone_has_used_nothing(tmp_path: Path) -> None:
    cgroup = Cgroup({"memory": tmp_path / "gone"}, 1)
    assert (cgroup.memory(), cgroup.oom_kills(), cgroup.pids()) == (0, 0, set())
    assert cgroup.kill(0.1)
    cgroup.remove()


def test_the_own_process_is_found_by_what_the_kernel_says() -> None:
    folders, version = find()
    for folder in folders.values():
        assert folder.is_dir()
        assert os.access(folder, os.W_OK)
    assert version in (0, 1, 2)
