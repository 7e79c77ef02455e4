"""Builds what runs in browsers, with the Node that the platform itself would use: the portal, JupyterLab's extension."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
_NOT_SOURCES = ("node_modules", "static", "coverage", "lib")


@dataclass(frozen=True)
class Pages:
    """A folder of sources with a package.json, and the file that its build makes."""

    sources: Path
    built: Path


PORTAL = Pages(ROOT / "primehub_services/portal", ROOT / "primehub_services/portal/static/index.html")
LABEXTENSION = Pages(
    ROOT / "labextension", ROOT / "jupyter_primehub_ext/labextensions/@primehub/labextension/package.json"
)
ALL = (PORTAL, LABEXTENSION)


def outdated(pages: Pages) -> bool:
    """Whether the pages are not built, or from sources that have changed since."""
    if not pages.built.exists():
        return True
    built = pages.built.stat().st_mtime
    sources = (
        path for path in pages.sources.rglob("*") if path.relative_to(pages.sources).parts[0] not in _NOT_SOURCES
    )
    return any(path.is_file() and path.stat().st_mtime > built for path in sources)


def build_pages(pages: Pages) -> None:
    """Build them with the Node that the platform itself would use, unless they are as new as their sources."""
    if not outdated(pages):
        return
    sys.path.insert(0, str(ROOT))
    try:
        from primehub_services.cli.machine import node
    finally:
        sys.path.remove(str(ROOT))
    found = node.find()
    for words in (["ci", "--no-audit", "--no-fund", "--no-update-notifier"], ["run", "build"]):
        subprocess.run([*found.npm, *words], cwd=pages.sources, env=found.environment(), check=True)
    (pages.sources / "node_modules" / ".installed").touch()  # what make looks at
    pages.built.touch()
