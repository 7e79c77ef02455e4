"""Writes ``docs/screens/<page>-{light,dark}.png``, of every page, from a real platform that is filled for it.

make screens                          # all
make screens ONLY="home jobs" WIDTH=360 SCREENS=/tmp/phone
"""

from __future__ import annotations

import argparse
import io
import re
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect

from tests.e2e.portal_browser import PORTAL, STILL, chromium, overflow
from tests.e2e.portal_steps import ROOT, signed_in
from tests.support.environment import built
from tests.support.platform import running_platform
from tests.support.sandbox import public_folder

from . import past, work, world
from .pages import Shot, shots

HEIGHTS = (800, 2400)
"""A picture is at least and at most so high."""
SWATCH = 12
"""Lines of each of the theme's colours."""
LOADED = f"scheme => document.querySelectorAll('.skeleton, [aria-busy=true]').length === 0 && ({STILL})(scheme)"


class Camera:
    """Takes pictures in browsers in which people are signed in."""

    def __init__(self, browser: Browser, made: world.World, folder: Path, width: int) -> None:
        self._browser, self._world, self._folder, self._width = browser, made, folder, width
        self._contexts: dict[str, BrowserContext] = {}
        self._saving, self._saved = ThreadPoolExecutor(2), list[Future[None]]()
        self.wrong: list[str] = []

    def take(self, shot: Shot) -> None:
        """Both pictures of a page; what goes wrong is noted, and the next one is taken."""
        try:
            with self._opened(shot) as page:
                for scheme in ("light", "dark"):
                    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
                    page.wait_for_function(LOADED, arg=scheme)
                    self._keep(page, self._folder / f"{shot.name}-{scheme}.png")
        except Exception as error:
            self.wrong.append(f"{shot.name}: {str(error)[:600]}")

    def finish(self) -> list[str]:
        """Wait until the last picture is kept; what went wrong."""
        for saved in self._saved:
            saved.result()
        return self.wrong

    @contextmanager
    def _opened(self, shot: Shot) -> Iterator[Page]:
        page = self._context(shot.who).new_page()
        try:
            page.set_viewport_size({"width": self._width, "height": HEIGHTS[0]})
            if shot.broken:
                page.route(_asks(shot.broken), _unavailable)
            page.goto(ROOT + shot.path)
            if shot.who == "admin":  # their menu comes after the page
                page.locator(".menu a").first.wait_for(state="attached")
            expect(page.get_by_text(shot.words).filter(visible=True).first).to_be_visible(timeout=30_000)
            shot.act(page)
            yield page
        finally:
            page.close()

    def _context(self, who: str) -> BrowserContext:
        if who not in self._contexts:
            self._contexts[who] = signed_in(self._browser, self._world.platform, who)
        return self._contexts[who]

    def _keep(self, page: Page, path: Path) -> None:
        """As high as the page is; it is made small while the next page loads."""
        if over := overflow(page):
            self.wrong.append(f"{path.name}: {over} px wider than its window")
        whole = page.evaluate("document.documentElement.scrollHeight")
        asked = (
            page.locator(".ant-modal:visible").count() > 0
        )  # of the page below a question, what a window shows is enough
        height = HEIGHTS[0] if asked else min(max(whole, HEIGHTS[0]), HEIGHTS[1])
        page.set_viewport_size({"width": self._width, "height": height})
        self._saved.append(self._saving.submit(_small, page.screenshot(animations="disabled"), path))
        page.set_viewport_size({"width": self._width, "height": HEIGHTS[0]})


def _small(taken: bytes, path: Path) -> None:
    """Write it in 256 colours, a quarter of the bytes.

    The theme's own colours, by which grounds and signals are told apart, are added in plenty below it while they are
    chosen: they stay what they are however little of the picture has them.
    """
    picture = Image.open(io.BytesIO(taken)).convert("RGB")
    colours = _theme()
    size = width, height = picture.size
    with_theme = Image.new("RGB", (width, height + SWATCH * len(colours)))
    with_theme.paste(picture)
    for row, colour in enumerate(colours):
        with_theme.paste(colour, (0, height + row * SWATCH, width, height + (row + 1) * SWATCH))
    few = with_theme.quantize(256, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    few.crop((0, 0, *size)).save(path, optimize=True)


@cache
def _theme() -> tuple[str, ...]:
    """Every colour of the theme, as it stands in the portal's source."""
    return tuple(sorted(set(re.findall(r"'(#[0-9A-F]{6})'", (PORTAL / "src" / "theme.ts").read_text()))))


def settings(repositories: Path) -> dict[str, str]:
    """Of a machine that would be worth a company's while, whatever this one has."""
    return {
        "PRIMEHUB_SETTING__LOCAL__CAPACITY_CPU": "32",
        "PRIMEHUB_SETTING__LOCAL__CAPACITY_MEMORY": "128Gi",
        "PRIMEHUB_SETTING__LOCAL__HOST_PATH_ROOTS": f'["{repositories}"]',
        "PRIMEHUB_SETTING__NOTIFICATIONS__SMTP__HOST": "mail.example.org",
        "PRIMEHUB_SETTING__NOTIFICATIONS__SMTP__FROM": "primehub@example.org",
    }


def _asks(ends: tuple[str, ...]) -> Callable[[str], bool]:
    return lambda url: url.split("?")[0].endswith(ends) and "/api/" in url


def _unavailable(route: Route) -> None:
    """What the API answers while its database does not."""
    body = '{"type": "about:blank", "title": "The database does not answer", "status": 503}'
    route.fulfill(status=503, content_type="application/problem+json", body=body)


def main() -> int:
    """Make the world, take the pictures, say what went wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--to", type=Path, default=Path("docs/screens"))
    parser.add_argument("--only", nargs="*", default=[], help="names of pictures")
    parser.add_argument("--width", type=int, default=1280)
    options = parser.parse_args()
    options.to.mkdir(parents=True, exist_ok=True)
    assert (PORTAL / "static" / "index.html").exists(), "the portal is not built: make portal"
    with public_folder("northwind-") as folder, running_platform(settings(folder)) as platform:
        made = world.make(platform, built(), folder / "labels")
        work.make(made)
        past.make(made)
        with chromium() as browser:
            camera = Camera(browser, made, options.to, options.width)
            wanted = [s for s in shots(made) if not options.only or s.name in options.only]
            for shot in wanted:
                camera.take(shot)
            wrong = camera.finish()
        print(f"{2 * len(wanted)} pictures in {options.to}", *wrong, sep="\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
