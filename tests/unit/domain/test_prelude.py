"""What a workload's shell does first, run by a real shell."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from primehub_services.domain.prelude import EITHER_SHELL, for_shells, start_script


def run(script: str, *program: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """The script as a pod's container runs it."""
    return subprocess.run(
        [*EITHER_SHELL, script, "primehub", *program],
        env={"PATH": os.environ["PATH"], **environ},
        capture_output=True,
        text=True,
        check=True,
    )


def test_links_are_made_and_those_that_lead_nowhere_dropped(tmp_path: Path) -> None:
    project, home = tmp_path / "project", tmp_path / "home"
    (project / "team").mkdir(parents=True)
    home.mkdir()
    (home / "gone").symlink_to(project / "gone")
    (home / "theirs").symlink_to(tmp_path / "elsewhere")
    (home / "mine").write_text("a file of mine")
    links = [(str(home / "team"), str(project / "team")), (str(home / "mine"), str(project / "team"))]
    run(start_script(links, (), cwd=str(home)), "true")
    assert (home / "team").resolve() == project / "team"
    assert (home / "mine").read_text() == "a file of mine"
    assert not (home / "gone").is_symlink()
    assert (home / "theirs").is_symlink()


def test_a_profile_sets_variables_and_cannot_end_the_start(tmp_path: Path) -> None:
    good, bad = tmp_path / "good profile", tmp_path / "bad"
    good.write_text("export MOOD='well, thank you'\n")
    bad.write_text("export MOOD=bad\nexit 3\n")
    script = start_script((), (str(good), str(bad), str(tmp_path / "none")), cwd=str(tmp_path))
    done = run(script, "sh", "-c", 'echo "$MOOD in $PWD: $1"', "sh", "a b", TMPDIR=str(tmp_path))
    assert done.stdout == f"well, thank you in {tmp_path}: a b\n"
    assert "bad ended with code 3" in done.stderr


def test_variables_with_odd_names_reach_the_program() -> None:
    given = {"my-data.key": "it's $5", "PLAIN": "1", "2ND": "two"}
    plain, odd = for_shells(given)
    assert set(odd.values()) == {"my-data.key", "2ND"}
    done = run(start_script((), (), cwd="/nowhere", odd=odd), "env", **plain)
    lines = set(done.stdout.splitlines())
    assert {f"{name}={value}" for name, value in given.items()} <= lines
    assert not any(line.startswith("PRIMEHUB_VARIABLE_") for line in lines)


def test_what_root_makes_is_for_the_group_of_the_folder_too() -> None:
    script = start_script((), (), cwd="/").replace("$(id -u 2>/dev/null)", "$WHO")
    asked = [run(f"umask 022\n{script}", "sh", "-c", "umask", WHO=who).stdout for who in ("0", "1000", "")]
    assert asked == ["0002\n", "0022\n", "0022\n"]
