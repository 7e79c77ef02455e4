"""A repository as a volume, from a real git server to a job that runs on a real cluster."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.support.cluster import own_address
from tests.support.repository import Repository, https_server
from tests.support.waiting import wait_for_async

from .platform import IN_TIME, OVER, Bench

pytestmark = [pytest.mark.cluster, pytest.mark.asyncio(loop_scope="session")]
TOKEN = "t0ken-of-the-server"
COMMAND = (
    "until grep -q two /datasets/code/a.txt; do cat /datasets/code/a.txt; sleep 0.3; done; cat /datasets/code/a.txt"
)


async def test_a_repository_is_fetched_renewed_in_jobs_that_run_and_kept_when_its_server_refuses(
    bench: Bench, tmp_path: Path
) -> None:
    repository = Repository(tmp_path / "team")
    first = repository.commit(a_txt="one\n")
    with https_server(repository, tmp_path, TOKEN, address=own_address()) as (url, authority):
        shutil.copy(authority, bench.hub.authority)
        for name, value in (("good", TOKEN), ("bad", "another")):
            await _ask(bench, "POST", "/secrets", {"name": name, "kind": "git", "value": value})
        source = {"type": "git", "url": url}
        await _ask(bench, "POST", "/volumes", {"name": "code", "source": source, "groups": [{"group": "research"}]})
        assert "sign-in" in (await _until(bench, lambda volume: volume["message"].startswith("The ")))["message"]
        options = (await bench.person.ask("GET", "/groups/research/launch-options")).json()
        assert ["sign-in" in given["left_out"] for given in options["volumes"]] == [True]

        await _change(bench, source | {"secret": "good"})
        shown = await _until(bench, lambda volume: volume["content"])
        assert (shown["content"]["commit"], shown["message"]) == (first, "")
        job = await bench.submit(COMMAND)
        await bench.prints(job, "one")

        second = repository.commit("next", a_txt="two\n")
        await _change(bench, source | {"secret": "good", "ref": "next"})
        await _until(bench, lambda volume: volume["content"] and volume["content"]["commit"] == second)
        done = await bench.until(job, *OVER)
        assert (done["phase"], "two" in await bench.log(job)) == ("SUCCEEDED", True)

        await _change(bench, source | {"secret": "bad", "ref": "next"})
        refused = await _until(bench, lambda volume: volume["content"]["problem"])
        assert (refused["content"]["commit"], refused["message"]) == (second, "")

    left = [kind for kind in ("jobs", "secrets") if bench.namespace.list(kind, "primehub.io/kind=git-fetch")]
    assert left == []


async def _ask(bench: Bench, method: str, path: str, body: dict[str, Any]) -> None:
    answer = await bench.admin.ask(method, path, body)
    assert answer.status_code in (200, 201), answer.text


async def _change(bench: Bench, source: dict[str, Any]) -> None:
    version = (await bench.admin.ask("GET", "/volumes/code")).json()["version"]
    await _ask(bench, "PATCH", "/volumes/code", {"version": version, "source": source})


async def _until(bench: Bench, told: Any) -> dict[str, Any]:
    async def look() -> dict[str, Any] | None:
        found: dict[str, Any] = (await bench.admin.ask("GET", "/volumes/code")).json()
        return found if told(found) else None

    found = await wait_for_async(look, IN_TIME, what="the volume says it")
    assert found is not None
    return found
