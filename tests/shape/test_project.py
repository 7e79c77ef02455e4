"""The project's own papers and packaging agree with each other."""

from __future__ import annotations

import importlib
import json
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from typing import get_args

import click
import pytest

from primehub_services import __version__
from primehub_services.cli.main import cli
from primehub_services.domain.system import ChangeKind

from .test_code import ROOT, tracked

LAB = "jupyter_primehub_ext/labextensions/@primehub/labextension"


def test_every_part_bears_the_same_version() -> None:
    versions = {
        path: json.loads((ROOT / path).read_text())["version"]
        for folder in ("primehub_services/portal", "labextension")
        for path in (f"{folder}/package.json", f"{folder}/package-lock.json")
    }
    newest = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert newest is not None
    versions["CHANGELOG.md"] = newest[1]
    assert set(versions.values()) == {__version__}, versions


def test_the_readme_begins_with_the_two_commands() -> None:
    block = (ROOT / "README.md").read_text().split("```")[1]
    commands = [line.split("#")[0].strip() for line in block.strip().splitlines()]
    assert commands == ["make run", "make test"]
    makefile = (ROOT / "Makefile").read_text()
    for command in commands:
        assert f"\n{command.split()[1]}:" in makefile


def commands(group: click.Group, context: click.Context, words: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Every command below a group, by its words."""
    found = []
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None, name
        if isinstance(command, click.Group):
            found += commands(command, click.Context(command), (*words, name))
        else:
            found.append((*words, name))
    return found


def test_every_command_has_help() -> None:
    for words in commands(cli, click.Context(cli)):
        command: click.Command = cli
        for word in words:
            assert isinstance(command, click.Group)
            found = command.get_command(click.Context(command), word)
            assert found is not None
            command = found
        assert command.get_short_help_str(200), words


def test_help_is_quick_because_it_loads_nothing() -> None:
    code = (
        "import sys; from primehub_services.cli.main import cli\n"
        "try: cli(['--help'])\nexcept SystemExit: pass\n"
        "heavy = {'httpx', 'pydantic', 'rich', 'sqlalchemy', 'tornado', 'jupyterhub'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, cwd=ROOT)


def test_the_client_is_light_enough_for_a_notebook() -> None:
    code = (
        "import sys; import primehub_services.client.person\n"
        "heavy = {'sqlalchemy', 'tornado', 'jupyterhub', 'alembic'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, cwd=ROOT)


def test_every_requirement_is_kept_below_its_next_major_version() -> None:
    text = (ROOT / "setup.py").read_text()
    wanted = re.findall(r'^\s+"([A-Za-z][^"]*)",$', text, re.MULTILINE)
    assert wanted
    assert [r for r in wanted if "<" not in r and " :: " not in r and not r.startswith("primehub")] == []


def test_the_entry_points_lead_somewhere() -> None:
    for target in re.findall(r'"\S+ = ([\w.]+):(\w+)"', (ROOT / "setup.py").read_text()):
        assert hasattr(importlib.import_module(target[0]), target[1]), target


def test_markers_are_declared() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["pytest"]["ini_options"]
    assert "--strict-markers" in settings["addopts"]


def test_ci_gives_every_part_that_tests_may_require() -> None:
    from tests.support.parts import PARTS

    required = re.search(r"PRIMEHUB_TEST_REQUIRE=(\S+)", (ROOT / ".ci/run").read_text())
    assert required is not None
    assert set(required[1].split(",")) == set(PARTS)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The names of the files in the wheel that this tree builds."""
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for path in tracked():
        (source / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, source / path)
    built = source / "primehub_services/portal/static"
    (built / "assets").mkdir(parents=True, exist_ok=True)
    (built / "index.html").write_text("<!doctype html>")
    (built / "assets" / "index.js").write_text("")
    lab = source / LAB
    (lab / "static").mkdir(parents=True, exist_ok=True)
    (lab / "static" / "remoteEntry.js").write_text("")
    (lab / "package.json").write_text("{}")
    done = subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(target), str(source)],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return zipfile.ZipFile(next(Path(target).glob("primehub-*.whl"))).namelist()


@pytest.mark.parametrize(
    "name",
    [
        "primehub_services/portal/static/index.html",
        "primehub_services/portal/static/assets/index.js",
        "primehub_services/proxy/package-lock.json",
        "primehub_services/proxy/renewed_certificate.cjs",
        "primehub_services/runner/run.sh",
        "primehub_services/store/migrations/script.py.mako",
        "hub_config/jupyterhub_config.py",
        "hub_config/templates/page.html",
        "primehub_services/cli/machine/platform.py",
        "jupyter_primehub_ext/extension.py",
        f"{LAB}/static/remoteEntry.js",
        f"primehub-{__version__}.data/data/share/jupyter/labextensions/@primehub/labextension/static/remoteEntry.js",
        f"primehub-{__version__}.data/data/share/jupyter/labextensions/@primehub/labextension/install.json",
        f"primehub-{__version__}.data/data/etc/jupyter/jupyter_server_config.d/jupyter_primehub_ext.json",
    ],
)
def test_the_wheel_holds_what_a_start_needs(wheel: list[str], name: str) -> None:
    assert name in wheel


def test_the_wheel_holds_neither_tests_nor_sources_of_pages(wheel: list[str]) -> None:
    unwanted = [
        n
        for n in wheel
        if n.startswith(("tests/", "benchmarks/", "scripts/")) or "/portal/src/" in n or n.endswith(".tsx")
    ]
    assert unwanted == []


def test_the_portal_knows_what_each_kind_of_change_makes_stale() -> None:
    source = (ROOT / "primehub_services/portal/src/live/stale.ts").read_text()
    table = re.search(r"^export const STALE\b.*?^};", source, re.MULTILINE | re.DOTALL)
    assert table is not None
    assert set(re.findall(r"^  '?([a-z-]+)'?: \[", table[0], re.MULTILINE)) == set(get_args(ChangeKind))
