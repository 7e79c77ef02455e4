"""When the web pages are built for a wheel."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from scripts.build_pages import Pages, build_pages, outdated


@pytest.fixture
def portal(tmp_path: Path) -> Pages:
    """A portal whose pages are as new as their sources."""
    for name in ("src/main.ts", "node_modules/react/index.js", "static/index.html"):
        file = tmp_path / name
        file.parent.mkdir(parents=True)
        file.write_text("")
        os.utime(file, (1000, 1000))
    return Pages(tmp_path, tmp_path / "static/index.html")


def test_pages_as_new_as_their_sources_are_not_built_again(portal: Pages) -> None:
    assert not outdated(portal)
    build_pages(portal)  # would need Node and a package.json


def test_pages_are_built_where_there_are_none_or_a_source_has_changed(portal: Pages) -> None:
    os.utime(portal.sources / "src/main.ts", (2000, 2000))
    assert outdated(portal)
    (portal.sources / "src/main.ts").unlink()
    assert not outdated(portal)
    portal.built.unlink()
    assert outdated(portal)


def test_what_is_installed_or_built_is_no_source(portal: Pages) -> None:
    os.utime(portal.sources / "node_modules/react/index.js", (2000, 2000))
    assert not outdated(portal)
