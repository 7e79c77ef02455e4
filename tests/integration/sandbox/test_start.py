"""What a workload finds at its start: variables, profiles, volumes of the host."""

from __future__ import annotations

from pathlib import Path

import pytest

from primehub_services.domain.launch import Mount, MountKind
from primehub_services.domain.volumes import HostPathSource
from primehub_services.sandbox.spec import SandboxOptions
from primehub_services.sandbox.workloads import Workloads
from tests.support.sandbox import Machine, make_plan, public_folder

pytestmark = pytest.mark.sandbox
SHOW = "import os, sys; print(*(f'{n}={os.environ.get(n)}' for n in sys.argv[1:]), sep='\\n')"


def variables(machine: Machine, key: str, *names: str, env: dict[str, str] | None = None, **plan: object) -> list[str]:
    """The lines of a workload that prints these variables (Python: a shell would drop some)."""
    _, output = machine.run(key, f"{machine.prefix}/bin/python", "-c", SHOW, *names, env=env, **plan)
    return output.splitlines()


@pytest.mark.parametrize("kind", ["machine", "unsandboxed"])
def test_variables_with_dashes_and_dots_reach_the_workload(kind: str, request: pytest.FixtureRequest) -> None:
    if not Path("/bin/bash").exists():
        pytest.skip("dash alone drops them")
    machine: Machine = request.getfixturevalue(kind)
    env = {"CORPUS_API-KEY": "a b", "X.Y": "2", "PLAIN": "line\nline"}
    assert variables(machine, "one", *env, env=env) == ["CORPUS_API-KEY=a b", "X.Y=2", "PLAIN=line", "line"]


@pytest.mark.parametrize("kind", ["machine", "unsandboxed"])
def test_the_groups_profile_and_the_persons_own_set_variables(kind: str, request: pytest.FixtureRequest) -> None:
    machine: Machine = request.getfixturevalue(kind)
    folder = "/project/research/.primehub"
    machine.run(
        "make",
        "mkdir -p ~/research/.primehub; cd ~/research/.primehub; echo 'export A=1 B=1' > profile;"
        " echo 'export B=$B-ann' > ann.profile; echo 'exit 1' > bo.profile",
    )
    profiles = (f"{folder}/profile", f"{folder}/ann.profile")
    assert variables(machine, "ann", "A", "B", profiles=profiles) == ["A=1", "B=1-ann"]
    profiles = (f"{folder}/profile", f"{folder}/bo.profile")
    lines = variables(machine, "bo", "A", "B", profiles=profiles)
    assert lines[-2:] == ["A=1", "B=1"]
    assert "bo.profile ended with code 1" in lines[0]


def test_a_folder_of_the_host_that_is_missing_or_out_of_reach_is_left_out(plain_python: str) -> None:
    with public_folder() as folder:
        share = folder / "share"
        for name in ("open", "closed/inner"):
            (share / name).mkdir(parents=True)
        share.chmod(0o755)
        (share / "closed").chmod(0o700)
        machine = Machine(Workloads(folder / "data", SandboxOptions(host_path_roots=(share,))), plain_python)
        mounts = tuple(
            Mount(
                kind=MountKind.DATASET,
                slug=name.replace("/", "-"),
                path=f"/datasets/{name.replace('/', '-')}",
                source=HostPathSource(path=f"{share}/{name}"),
            )
            for name in ("open", "closed/inner", "absent")
        )
        plan = make_plan(prefix=plain_python, mounts=mounts)
        rendered = machine.workloads.render(plan, argv=("true",), allow_unsandboxed=True)
        reasons = {left.volume: left.reason for left in rendered.left_out}
        as_root = rendered.spec.uid != Path(share / "closed").stat().st_uid
        assert reasons.keys() == ({"absent", "closed-inner"} if as_root else {"absent"})
        assert "is not there" in reasons["absent"]
        if as_root:
            assert f"chmod o+x {share}/closed" in reasons["closed-inner"]
        status, output = machine.run("one", "ls /datasets", mounts=mounts)
        assert (status.code, "open" in output.split()) == (0, True), output
