"""The portal's files, without a hub: what is served to whom, and how."""

from __future__ import annotations

import gzip
from pathlib import Path

import httpx
import pytest

from primehub_services.api.pages import find_asset, find_coding
from tests.support.api import PREFIX, Api


@pytest.fixture
def static(api: Api) -> Path:
    """A built portal."""
    folder = api.context.static
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text('<head><base href="/services/primehub/" /></head>')
    (folder / "assets" / "main-Ab3dEf9h.js").write_text("1")
    (folder / "favicon.svg").write_text("<svg/>")
    return folder


async def _get(people: dict[str, httpx.AsyncClient], who: str, api: Api, path: str) -> httpx.Response:
    return await people[who].get(f"{api.url}{PREFIX}{path}")


async def test_every_path_of_the_portal_is_its_page(
    api: Api, static: Path, people: dict[str, httpx.AsyncClient]
) -> None:
    for path in ("", "g/research/notebooks", "admin/users/ann.b"):
        page = await _get(people, "member", api, path)
        assert (page.status_code, page.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
        assert page.headers["Cache-Control"] == "no-store"


async def test_no_script_but_ours_runs_in_a_page_and_nobody_frames_it(
    api: Api, static: Path, people: dict[str, httpx.AsyncClient]
) -> None:
    policy = (await _get(people, "member", api, "")).headers["Content-Security-Policy"]
    assert "script-src 'self';" in policy
    assert "frame-ancestors 'none'" in policy


async def test_the_page_is_addressed_from_where_it_is_served(
    api: Api, static: Path, people: dict[str, httpx.AsyncClient]
) -> None:
    api.context.prefix = "/elsewhere/services/primehub/"
    assert '<base href="/elsewhere/services/primehub/" />' in (await _get(people, "member", api, "")).text


async def test_the_page_says_which_change_is_the_newest_that_it_has_seen(
    api: Api, static: Path, people: dict[str, httpx.AsyncClient]
) -> None:
    (static / "index.html").write_text('<meta name="primehub-change" content="" />')
    before = (await _get(people, "member", api, "")).text
    assert before == f'<meta name="primehub-change" content="{api.context.feed.resume_from}" />'


async def test_built_files_are_anyones_and_hashed_ones_last(
    api: Api, static: Path, people: dict[str, httpx.AsyncClient]
) -> None:
    script = await _get(people, "nobody", api, "assets/main-Ab3dEf9h.js")
    assert script.status_code == 200
    assert "immutable" in script.headers["Cache-Control"]
    icon = await _get(people, "nobody", api, "favicon.svg")
    assert (icon.headers["Content-Type"], icon.headers["Cache-Control"]) == ("image/svg+xml", "no-cache")


async def test_a_portal_that_is_not_built_says_how_to_build_it(api: Api, people: dict[str, httpx.AsyncClient]) -> None:
    page = await _get(people, "member", api, "")
    assert page.status_code == 503
    assert "make portal" in page.text


async def test_a_disabled_person_gets_a_page_that_says_so(
    api: Api, static: Path, people: dict[str, httpx.AsyncClient]
) -> None:
    token = "stale"
    api.tokens.models[token] = {"kind": "user", "name": "nobody-any-more", "scopes": []}
    async with api.client(token) as client:
        page = await client.get(f"{api.url}{PREFIX}")
        assert page.status_code == 403
        assert "does not exist or is disabled" in page.text


@pytest.mark.parametrize("name", ["../secret", "assets/../../secret", "assets/link", "assets", "assets/\0"])
def test_nothing_beside_the_built_files_is_served(tmp_path: Path, name: str) -> None:
    (tmp_path / "secret").write_text("x")
    static = tmp_path / "static"
    (static / "assets").mkdir(parents=True)
    (static / "assets" / "link").symlink_to(tmp_path / "secret")
    assert find_asset(static, name) is None


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        ("gzip, deflate, br", "br"),
        ("gzip, deflate", "gzip"),
        ("br;q=0, gzip;q=0.5", "gzip"),
        ("BR", "br"),
        ("br;q=0.0,gzip;q=0", None),
        ("identity", None),
        ("", None),
    ],
)
def test_a_file_is_sent_in_the_smallest_coding_that_is_taken(tmp_path: Path, accepted: str, coding: str | None) -> None:
    plain = tmp_path / "main.js"
    for name in ("main.js", "main.js.gz", "main.js.br"):
        (tmp_path / name).touch()
    suffix = {"br": ".br", "gzip": ".gz", None: ""}[coding]
    assert find_coding(plain, accepted) == (coding, tmp_path / f"main.js{suffix}")


def test_a_file_that_was_not_compressed_is_sent_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "photo.png").touch()
    assert find_coding(tmp_path / "photo.png", "gzip, br") == (None, tmp_path / "photo.png")


async def test_a_script_comes_compressed_and_means_the_same(
    api: Api, static: Path, people: dict[str, httpx.AsyncClient]
) -> None:
    plain = static / "assets" / "main-Ab3dEf9h.js"
    (static / "assets" / "main-Ab3dEf9h.js.gz").write_bytes(gzip.compress(plain.read_bytes()))
    script = await _get(people, "nobody", api, "assets/main-Ab3dEf9h.js")
    assert (script.headers["Content-Encoding"], script.headers["Vary"]) == ("gzip", "Accept-Encoding")
    assert script.headers["Content-Type"].startswith("text/javascript")
    assert script.text == "1"
