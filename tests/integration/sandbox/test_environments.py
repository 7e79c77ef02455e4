"""Environments, built in a sandbox."""

from __future__ import annotations

import asyncio
import io
import os
import tarfile
from pathlib import Path

import pytest

from primehub_services.domain.images import EnvironmentSource
from primehub_services.engines.local import LocalEngine
from primehub_services.sandbox import environments
from primehub_services.sandbox.environments import BuildFailed, EnvironmentBuilder
from primehub_services.sandbox.pythons import interpreter_folders, record_path
from primehub_services.sandbox.workloads import Workloads
from tests.support.environment import PACKAGES, cache_folder
from tests.support.folders import let_through
from tests.support.sandbox import Machine
from tests.support.waiting import wait_for, wait_for_async

pytestmark = pytest.mark.sandbox
UNREACHABLE = {"PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_RETRIES": "1", "PIP_TIMEOUT": "2"}


def evil_package(folder: Path, code: str) -> Path:
    """A folder with a source distribution whose setup.py runs ``code``."""
    folder.mkdir(parents=True)
    folder.chmod(0o755)
    with tarfile.open(folder / "evil-1.0.tar.gz", "w:gz") as archive:
        for name, text in (
            ("PKG-INFO", "Metadata-Version: 2.1\nName: evil\nVersion: 1.0\n"),
            ("setup.py", code),
        ):
            entry = tarfile.TarInfo(f"evil-1.0/{name}")
            entry.size = len(text)
            archive.addfile(entry, io.BytesIO(text.encode()))
    (folder / "evil-1.0.tar.gz").chmod(0o644)
    return folder


def test_an_environment_that_is_there_is_found_at_once(base_environment: str) -> None:
    builder = EnvironmentBuilder(Workloads(cache_folder()))
    told: list[str] = []
    prefix = builder.build(
        "tests", EnvironmentSource(packages=PACKAGES), progress=lambda _, sentence: told.append(sentence)
    )
    assert (prefix, told) == (base_environment, [])


def test_a_rebuild_or_other_packages_are_another_environment(machine: Machine) -> None:
    builder = EnvironmentBuilder(machine.workloads)
    plans = [
        builder.plan("base", EnvironmentSource(packages=("numpy", "pandas"))),
        builder.plan("base", EnvironmentSource(packages=("pandas", "numpy"))),
        builder.plan("base", EnvironmentSource(packages=("pandas", "numpy")), revision="2"),
        builder.plan("base", EnvironmentSource(packages=("numpy",))),
        builder.plan("other", EnvironmentSource(packages=("numpy",))),
    ]
    assert plans[0].prefix == plans[1].prefix
    assert len({plan.prefix for plan in plans}) == 4


def test_jupyterlab_and_the_hubs_part_are_added_where_they_are_not_named(machine: Machine) -> None:
    builder = EnvironmentBuilder(machine.workloads)
    assert builder.plan("base", EnvironmentSource(packages=("JupyterLab==4.6.1", "numpy"))).packages == (
        "JupyterLab==4.6.1",
        "numpy",
        "jupyterhub>=6.1,<7",
    )


def test_without_the_index_the_build_fails_in_clear_words_and_leaves_nothing(machine: Machine) -> None:
    builder = EnvironmentBuilder(machine.workloads, UNREACHABLE)
    output: list[bytes] = []
    with pytest.raises(BuildFailed, match="package index cannot be reached for numpy") as failure:
        builder.build("base", EnvironmentSource(packages=("numpy",)), output=output.append)
    assert failure.value.code == "no-network"
    assert b"Retrying" in b"".join(output)
    left = [path.name for path in machine.workloads.layout.environments.iterdir() if not path.name.startswith(".")]
    assert left == []
    assert machine.workloads.list_() == []


def test_a_package_that_does_not_exist_is_named(machine: Machine, tmp_path: Path) -> None:
    environ = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(evil_package(tmp_path / "w", ""))}
    let_through(tmp_path)
    with pytest.raises(BuildFailed, match="no package panda-s") as failure:
        EnvironmentBuilder(machine.workloads, environ).build("base", EnvironmentSource(packages=("panda-s",)))
    assert failure.value.code == "no-such-package"


def test_a_packages_installer_sees_nothing_of_anybody(machine: Machine, tmp_path: Path) -> None:
    machine.run("one", "echo secret > ~/mine", user="bob")
    other = machine.workloads.layout.environments / "another-000000000000"
    other.mkdir()
    data = machine.workloads.layout.data_dir
    code = (
        "import os, sys\n"
        f"for path in ({str(data / 'homes')!r}, {str(data / 'workloads')!r}, {str(other)!r}, {os.environ['HOME']!r}):\n"
        "    print('SEEN' if os.path.isdir(path) and os.listdir(path) is not None else 'HIDDEN', path, file=sys.stderr)\n"
        "raise SystemExit('enough')\n"
    )
    environ = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(evil_package(tmp_path / "w", code))}
    let_through(tmp_path)
    output: list[bytes] = []
    source = EnvironmentSource(packages=("evil",))
    with pytest.raises(BuildFailed):
        # without an index there is no setuptools to isolate the build with; the new environment has one
        EnvironmentBuilder(machine.workloads, {**environ, "PIP_NO_BUILD_ISOLATION": "0"}).build(
            "base", source, output=output.append
        )
    said = b"".join(output).decode()
    assert said.count("HIDDEN") >= 4, said
    assert "SEEN" not in said


def test_a_build_outlives_the_platform_and_is_found_again(machine: Machine) -> None:
    slow = {"PIP_INDEX_URL": "http://192.0.2.1/simple", "PIP_RETRIES": "0", "PIP_TIMEOUT": "600"}
    builder = EnvironmentBuilder(machine.workloads, slow)
    source = EnvironmentSource(packages=("numpy",))
    build = builder.plan("base", source)
    builder._begin(build, allow_unsandboxed=False)
    started = machine.workloads.status(build.key)
    EnvironmentBuilder(machine.workloads, slow)._begin(build, allow_unsandboxed=False)
    again = machine.workloads.status(build.key)
    assert started is not None
    assert again is not None
    assert again.started_at == started.started_at


async def test_a_cancelled_build_ends_and_leaves_nothing(machine: Machine, tmp_path: Path) -> None:
    engine = LocalEngine(machine.workloads)
    engine._builder = EnvironmentBuilder(machine.workloads, {"PIP_INDEX_URL": "http://192.0.2.1/simple"})
    source = EnvironmentSource(packages=("numpy",))
    told: list[tuple[int, str]] = []
    building = engine.build(
        "base", source, revision="1", progress=lambda *step: told.append(step), log=tmp_path / "log"
    )
    task = asyncio.create_task(building)
    await wait_for_async(lambda: bool(told), 20, what="the build tells its progress")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    wait_for(lambda: machine.workloads.list_() == [])
    assert list(await engine.list_owned()) == []


def test_a_build_that_takes_too_long_ends_and_leaves_nothing(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environments, "LIMIT_S", 1.0)
    builder = EnvironmentBuilder(machine.workloads, {"PIP_INDEX_URL": "http://192.0.2.1/simple"})
    with pytest.raises(BuildFailed, match="took longer than"):
        builder.build("base", EnvironmentSource(packages=("numpy",)))
    wait_for(lambda: machine.workloads.list_() == [])
    assert [path.name for path in machine.workloads.layout.environments.iterdir() if path.name != ".cache"] == []


def test_an_environment_that_is_not_complete_is_not_used(machine: Machine) -> None:
    builder = EnvironmentBuilder(machine.workloads)
    build = builder.plan("base", EnvironmentSource(packages=("numpy",)))
    (build.prefix / "bin").mkdir(parents=True)
    (build.prefix / "bin" / "python").symlink_to("/usr/bin/env")
    assert not builder.has(str(build.prefix))
    assert not record_path(build.prefix).exists()


def test_a_given_environment_is_checked_by_using_it(machine: Machine, base_environment: str) -> None:
    builder = EnvironmentBuilder(machine.workloads)
    # as any folder of the machine: it is not this data folder's own
    assert builder.build("given", EnvironmentSource(prefix=base_environment)) == base_environment
    with pytest.raises(BuildFailed, match=r"cannot serve notebooks: .*jupyterlab"):
        builder.build("given", EnvironmentSource(prefix=machine.prefix))
    assert machine.workloads.list_() == []


def test_an_environment_is_removed_and_a_given_one_stays(machine: Machine, base_environment: str) -> None:
    builder = EnvironmentBuilder(machine.workloads)
    build = builder.plan("base", EnvironmentSource(packages=("numpy",)))
    build.prefix.mkdir(parents=True)
    record_path(build.prefix).write_text("{}")
    builder.remove(str(build.prefix))
    builder.remove(base_environment)
    assert not build.prefix.exists()
    assert not record_path(build.prefix).exists()
    assert interpreter_folders(base_environment, machine.workloads.layout.data_dir)[0] == base_environment
