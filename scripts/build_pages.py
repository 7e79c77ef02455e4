"""Builds the portal's pages with the Node that the platform itself would use."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PORTAL = ROOT / "primehub_services" / "portal"
_NOT_SOURCES = ("node_modules", "static", "coverage")


def outdated(portal: Path) -> bool:
    """Whether the pages are not built, or from sources that have changed since."""
    index = portal / "static" / "index.html"
    if not index.exists():
        return True
    built = index.stat().st_mtime
    sources = (path for path in portal.rglob("*") if path.relative_to(portal).parts[0] not in _NOT_SOURCES)
    return any(path.is_file() and path.stat().st_mtime > built for path in sources)


def build_pages(portal: Path) -> None:
    """Build them with the Node that the platform itself would use, unless they are as new as their sources."""
    if not outdated(portal):
        return
    sys.path.insert(0, str(ROOT))
    try:
        from primehub_services.cli.machine import node
    finally:
        sys.path.remove(str(ROOT))
    found = node.find()
    for words in (["ci", "--no-audit", "--no-fund", "--no-update-notifier"], ["run", "build"]):
        subprocess.run([*found.npm, *words], cwd=portal, env=found.environment(), check=True)
    (portal / "node_modules" / ".installed").touch()  # what make looks at
    (portal / "static" / "index.html").touch()
