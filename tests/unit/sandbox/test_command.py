"""The arguments of pasta and bwrap, whole."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from primehub_services.sandbox.command import Tools, bwrap_arguments, launch_files, outer_command, runner_script
from primehub_services.sandbox.spec import Bind, Limits, Link, NetworkMode, SandboxSpec, Tmpfs

TOOLS = Tools(bwrap="/usr/bin/bwrap", pasta="/usr/bin/pasta", resolv_conf="nameserver 192.0.2.1\n")
FOLDER = "/data/workloads/one/launch"


def spec(**changes: Any) -> SandboxSpec:
    fields: dict[str, Any] = {
        "key": "one",
        "argv": ("python", "-c", "print('it is')"),
        "env": {"B": "2", "A": "1"},
        "hostname": "primehub-ann",
        "binds": (
            Bind(source="/usr", path="/usr"),
            Bind(source="/data/homes/ann", path="/home/jovyan", read_only=False),
            Bind(source="/dev/nvidia0", path="/dev/nvidia0", device=True),
        ),
        "system_links": (Link(path="/bin", target="usr/bin"),),
        "tmpfs": (Tmpfs(path="/tmp", size=1000),),
        "limits": Limits(cpu=500, memory=2000, pids=100),
        "forward_in": 9000,
        "forward_out": (8081, 8082),
        "uid": 1000,
        "gid": 1000,
    }
    return SandboxSpec.model_validate({**fields, **changes})


def test_all_of_bwraps_arguments() -> None:
    assert " ".join(bwrap_arguments(spec(), TOOLS, FOLDER)) == (
        "--unshare-user --unshare-pid --unshare-ipc --unshare-uts --unshare-cgroup-try "
        "--uid 1000 --gid 100 --hostname primehub-ann --disable-userns "
        "--cap-drop ALL --new-session --die-with-parent --clearenv --chdir /home/jovyan "
        "--proc /proc --ro-bind /proc/sys /proc/sys --dev /dev "
        "--size 2000 --perms 1777 --tmpfs /dev/shm --size 1000 --perms 1777 --tmpfs /tmp "
        "--ro-bind /usr /usr --bind /data/homes/ann /home/jovyan --dev-bind /dev/nvidia0 /dev/nvidia0 "
        "--symlink usr/bin /bin "
        f"--ro-bind {FOLDER}/etc/passwd /etc/passwd --ro-bind {FOLDER}/etc/group /etc/group "
        f"--ro-bind {FOLDER}/etc/hosts /etc/hosts --ro-bind {FOLDER}/etc/hostname /etc/hostname "
        f"--ro-bind {FOLDER}/etc/nsswitch.conf /etc/nsswitch.conf --ro-bind {FOLDER}/etc/resolv.conf /etc/resolv.conf "
        f"--ro-bind {FOLDER}/inner /run/primehub --remount-ro / "
        "--setenv A 1 --setenv B 2"
    )


def test_where_bwrap_cannot_forbid_user_namespaces_it_is_not_asked_to() -> None:
    assert "--disable-userns" not in bwrap_arguments(spec(), Tools(bwrap="b", disable_userns=False), FOLDER)


def test_pasta_forwards_one_port_in_the_named_ones_out_and_nothing_else() -> None:
    assert outer_command(spec(), TOOLS, FOLDER) == [
        "/usr/bin/pasta",
        *("--config-net", "--no-map-gw", "-f"),
        *("-t", "127.0.0.1/9000", "-u", "none", "-T", "8081,8082", "-U", "none"),
        f"{FOLDER}/launch.sh",
    ]


def test_without_ports_pasta_forwards_none() -> None:
    command = outer_command(spec(forward_in=None, forward_out=()), TOOLS, FOLDER)
    assert command[4:12] == ["-t", "none", "-u", "none", "-T", "none", "-U", "none"]


def test_on_the_machines_network_there_is_no_pasta() -> None:
    assert outer_command(spec(network=NetworkMode.SHARED), TOOLS, FOLDER) == ["/bin/sh", f"{FOLDER}/launch.sh"]


def test_the_script_becomes_bwrap_and_quotes_what_it_passes() -> None:
    files = launch_files(spec(), TOOLS, FOLDER)
    assert files["launch.sh"] == (
        "#!/bin/sh\n"
        f"exec /usr/bin/bwrap --args 4 4<{FOLDER}/arguments --json-status-fd 3 3>{FOLDER}/bwrap.json "
        f"5>{FOLDER}/ready -- /bin/sh /run/primehub/runner.sh python -c 'print('\"'\"'it is'\"'\"')'\n"
    )
    assert files["arguments"].split("\0")[:-1] == bwrap_arguments(spec(), TOOLS, FOLDER)
    assert files["etc/resolv.conf"] == "nameserver 192.0.2.1\n"


def test_networks_are_closed_before_anything_of_the_workload_runs_and_only_in_its_own_namespace() -> None:
    tools = replace(TOOLS, closed=("169.254.0.0/16", "fd00::2/128"))
    before, _, _ = launch_files(spec(), tools, FOLDER)["launch.sh"].partition("exec ")
    assert before.splitlines()[2:] == [
        "route add unreachable 169.254.0.0/16",
        "route add unreachable fd00::2/128",
        "END",
    ]
    assert "route" not in launch_files(spec(network=NetworkMode.SHARED), tools, FOLDER)["launch.sh"]


def test_the_filter_of_system_calls_goes_to_bwrap_byte_by_byte() -> None:
    program = bytes(range(256))
    files = launch_files(spec(), replace(TOOLS, seccomp=program), FOLDER)
    assert f" --seccomp 6 6<{FOLDER}/filter -- " in files["launch.sh"]
    assert files["filter"].encode(errors="surrogateescape") == program


def test_the_environment_is_in_no_file_but_bwraps_arguments() -> None:
    files = launch_files(spec(env={"TOKEN": "secret-9"}), TOOLS, FOLDER)
    assert [name for name, text in files.items() if "secret-9" in text] == ["arguments"]


def run_runner(made: SandboxSpec, tmp_path: Path) -> str:
    script = tmp_path / "runner.sh"
    script.write_text(runner_script(made, TOOLS))
    command = f"exec /bin/sh {script} echo ran 5>{tmp_path}/ready"
    return subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True, check=True).stdout


def test_the_runner_makes_links_and_mends_old_ones(tmp_path: Path) -> None:
    home, projects = tmp_path / "it's home", tmp_path / "project"
    (projects / "new").mkdir(parents=True)
    home.mkdir()
    (home / "old").symlink_to(projects / "old")
    (home / "foreign").symlink_to("/no/such/place")
    (home / "new").symlink_to("/somewhere/else")
    made = spec(sandboxed=False, cwd=str(home), links=(Link(path=f"{home}/new", target=f"{projects}/new"),))
    assert run_runner(made, tmp_path) == "ran\n"
    assert {path.name: str(path.readlink()) for path in home.iterdir()} == {
        "foreign": "/no/such/place",
        "new": f"{projects}/new",
    }
    assert (tmp_path / "ready").read_text() == "ready\n"


def test_the_runner_never_replaces_a_persons_own_file(tmp_path: Path) -> None:
    (tmp_path / "research").write_text("mine")
    made = spec(
        sandboxed=False, cwd=str(tmp_path), links=(Link(path=f"{tmp_path}/research", target="/project/research"),)
    )
    run_runner(made, tmp_path)
    assert (tmp_path / "research").read_text() == "mine"


@pytest.fixture(params=["/bin/sh", "/bin/bash"])
def shell(request: pytest.FixtureRequest) -> str:
    """Each shell that may run the runner."""
    if not Path(request.param).exists():
        pytest.skip(f"there is no {request.param}")
    return str(request.param)


def with_profiles(tmp_path: Path, shell: str, *profiles: str, command: str = "env") -> subprocess.CompletedProcess[str]:
    """Runs the runner with profiles of these contents; ``command`` is what it becomes."""
    paths = []
    for number, text in enumerate(profiles):
        paths.append(str(tmp_path / f"profile-{number}"))
        Path(paths[-1]).write_text(text)
    tools = replace(TOOLS, shell=shell)
    made = spec(sandboxed=False, cwd=str(tmp_path), profiles=(*paths, str(tmp_path / "absent")))
    script = tmp_path / "runner.sh"
    script.write_text(runner_script(made, tools))
    line = f"exec {shell} {script} {command} 5>{tmp_path}/ready"
    env = {"PATH": "/usr/bin:/bin", "TMPDIR": str(tmp_path), "GIVEN": "1"}
    return subprocess.run(["/bin/sh", "-c", line], env=env, capture_output=True, text=True, check=False, timeout=60)


def test_what_profiles_export_is_set_for_the_workload_the_later_one_last(tmp_path: Path, shell: str) -> None:
    done = with_profiles(
        tmp_path,
        shell,
        "export SHARED='it is \"here\"' PYTHONPATH=/project/lib\nNOT_EXPORTED=1\necho said\n",
        'export SHARED="$SHARED; and\nhere" LD_LIBRARY_PATH=/project/lib:$LD_LIBRARY_PATH\n',
    )
    lines = done.stdout.splitlines()
    assert done.returncode == 0
    assert 'SHARED=it is "here"; and' in lines
    assert lines[lines.index('SHARED=it is "here"; and') + 1] == "here"
    assert {"PYTHONPATH=/project/lib", "LD_LIBRARY_PATH=/project/lib:", "GIVEN=1", "said"} <= set(lines)
    assert "NOT_EXPORTED" not in done.stdout
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".primehub")]


@pytest.mark.parametrize(
    "broken",
    ["exit 3\n", "if then fi (\n", "set -eu\nfalse\n", "no-such-command\n", "exec false\n", "kill -9 $$\n"],
)
def test_a_broken_profile_stops_no_start_and_no_later_profile(tmp_path: Path, shell: str, broken: str) -> None:
    done = with_profiles(tmp_path, shell, broken, "export AFTER=1\n")
    assert done.returncode == 0
    assert "AFTER=1" in done.stdout.splitlines()
    assert done.stderr


def test_a_profile_that_does_not_end_is_given_up(tmp_path: Path, shell: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("primehub_services.domain.prelude.PROFILE_S", 0.3)
    done = with_profiles(tmp_path, shell, "export BEFORE=1\nsleep 60\n", "sleep 60 >/dev/null 2>&1 &\nexport AFTER=1\n")
    assert done.returncode == 0
    assert "profile-0 took longer than" in done.stderr
    assert "AFTER=1" in done.stdout.splitlines()
    assert "BEFORE" not in done.stdout


def test_the_launchers_handles_are_closed_for_profiles_and_workload(tmp_path: Path, shell: str) -> None:
    done = with_profiles(tmp_path, shell, "echo x >&5\n", command="sh -c 'echo y >&5'")
    assert "Bad file descriptor" in done.stderr or "5" in done.stderr
    assert (tmp_path / "ready").read_text() == "ready\n"
