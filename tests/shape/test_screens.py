"""Every page of the portal has its pictures in ``docs/screens``, and every picture there is one that is taken."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path
from typing import Any

from tests.screens.pages import Shot, shots
from tests.screens.world import World

ROOT = Path(__file__).parents[2]
SHOWN_ELSEWHERE = {"/admin/jobs/:id"}
"""The page of a job, as its group has it."""


def addresses() -> list[str]:
    """The portal's pages, as its router has them: those in a block are below the block's own path."""
    found, above = [], ""
    for line in (ROOT / "primehub_services/portal/src/router.tsx").read_text().splitlines():
        if block := re.fullmatch(r"\s*path: '([^']+)',", line):
            above = f"/{block[1]}"
        elif page := re.match(r"(\s+)\{ path: '/?([^']+)', .*page\(", line):
            found.append(f"{above if len(page[1]) > 6 else ''}/{page[2]}")
    return found


def taken() -> tuple[Shot, ...]:
    nobody: Any = None
    return shots(World(nobody, "", "an-image", {}, defaultdict(lambda: "an-id")))


def test_every_page_has_a_picture() -> None:
    pages = addresses()
    assert len(pages) > 40

    def page_of(path: str) -> str | None:
        patterns = (p for p in pages if re.fullmatch(re.sub(r":\w+", "[^/]+", p), path))
        return min(patterns, key=lambda p: p.count(":"), default=None)

    seen = {page_of(shot.path.split("?")[0]) for shot in taken()}
    assert [page for page in pages if page not in seen | SHOWN_ELSEWHERE] == []


def test_every_picture_is_one_that_is_taken() -> None:
    names = {f"{shot.name}-{scheme}.png" for shot in taken() for scheme in ("light", "dark")}
    assert {path.name for path in (ROOT / "docs" / "screens").iterdir()} == names
