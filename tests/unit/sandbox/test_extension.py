"""What JupyterLab gets of PrimeHub: a copy that everybody may read and nothing changes."""

from __future__ import annotations

from pathlib import Path

import pytest

from primehub_services.sandbox.extension import shown_copy
from primehub_services.sandbox.layout import Layout


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """An installed package that nobody but its owner may read."""
    folder = tmp_path / "site" / "ext"
    (folder / "labextensions" / "deep").mkdir(parents=True, mode=0o700)
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__" / "x.pyc").write_text("old")
    for name in ("__init__.py", "labextensions/deep/package.json"):
        (folder / name).write_text(name)
        (folder / name).chmod(0o600)
    return folder


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(tmp_path / "data")


def names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_the_copy_can_be_read_by_everybody(layout: Layout, package: Path) -> None:
    copy = shown_copy(layout, package)
    assert names(copy) == ["ext/__init__.py", "ext/labextensions/deep/package.json"]
    for path in (copy, *copy.rglob("*")):
        assert path.stat().st_mode & 0o777 == (0o755 if path.is_dir() else 0o644), path


def test_the_same_content_is_copied_once(layout: Layout, package: Path) -> None:
    first = shown_copy(layout, package)
    made = first.stat().st_ino
    assert shown_copy(layout, package) == first
    assert first.stat().st_ino == made
    assert [path.name for path in first.parent.iterdir()] == [first.name]


def test_an_upgrade_leaves_the_old_copy_as_it_is(layout: Layout, package: Path) -> None:
    old = shown_copy(layout, package)
    (package / "__init__.py").write_text("new")
    new = shown_copy(layout, package)
    assert new != old
    assert (old / "ext" / "__init__.py").read_text() == "__init__.py"
    assert (new / "ext" / "__init__.py").read_text() == "new"
