"""A repository as a volume, from a real git server to a job that runs on a real cluster."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.support.cluster import own_address
from tests.support.git_ssh import new_key, private_text, ssh_server
from tests.support.names import unique
from tests.support.repository import Repository, https_server
from tests.support.waiting import wait_for_async

from .platform import IN_TIME, OVER, Bench

pytestmark = [pytest.mark.cluster, pytest.mark.asyncio(loop_scope="session"), pytest.mark.usefixtures("over")]
TOKEN = "t0ken-of-the-server"
COMMAND = "until grep -q two {a}; do cat {a}; sleep 0.3; done; cat {a}"


@pytest_asyncio.fixture(loop_scope="session")
async def volume(bench: Bench) -> AsyncIterator[str]:
    """A name for a volume, which is deleted in the end."""
    name = unique("code")
    yield name
    await bench.end_all()
    await bench.admin.ask("DELETE", f"/volumes/{name}")


async def test_a_repository_is_fetched_renewed_in_jobs_that_run_and_kept_when_its_server_refuses(
    bench: Bench, tmp_path: Path, volume: str
) -> None:
    repository = Repository(tmp_path / "team")
    first = repository.commit(a_txt="one\n")
    with https_server(repository, tmp_path, TOKEN, address=own_address()) as (url, authority):
        shutil.copy(authority, bench.hub.authority)
        good, bad = unique("good"), unique("bad")
        for name, value in ((good, TOKEN), (bad, "another")):
            await _ask(bench, "POST", "/secrets", {"name": name, "kind": "git", "value": value})
        source = {"type": "git", "url": url}
        await _make(bench, volume, source)
        assert "sign-in" in (await _until(bench, volume, lambda seen: seen["message"].startswith("The ")))["message"]
        options = (await bench.person.ask("GET", "/groups/research/launch-options")).json()
        given = [given["left_out"] for given in options["volumes"] if given["name"] == volume]
        assert ["sign-in" in left_out for left_out in given] == [True]

        await _change(bench, volume, source | {"secret": good})
        shown = await _until(bench, volume, lambda seen: seen["content"])
        assert (shown["content"]["commit"], shown["message"]) == (first, "")
        job = await bench.submit(COMMAND.format(a=f"/datasets/{volume}/a.txt"))
        await bench.prints(job, "one")

        second = repository.commit("next", a_txt="two\n")
        await _change(bench, volume, source | {"secret": good, "ref": "next"})
        await _until(bench, volume, lambda seen: seen["content"] and seen["content"]["commit"] == second)
        done = await bench.until(job, *OVER)
        assert (done["phase"], "two" in await bench.log(job)) == ("SUCCEEDED", True)

        await _change(bench, volume, source | {"secret": bad, "ref": "next"})
        refused = await _until(bench, volume, lambda seen: seen["content"]["problem"])
        assert (refused["content"]["commit"], refused["message"]) == (second, "")

    await wait_for_async(lambda: not _of_fetches(bench), IN_TIME, what="nothing of the fetches is left")


async def test_where_the_operator_names_the_keys_of_servers_only_who_has_such_a_key_is_fetched_from(
    bench: Bench, tmp_path: Path, volume: str
) -> None:
    repository, person, own = Repository(tmp_path / "team"), new_key(), bench.hub.git_key
    commit = repository.commit(a_txt="one\n")
    key = unique("deploy-key")
    await _ask(bench, "POST", "/secrets", {"name": key, "kind": "git", "value": private_text(person)})
    address, port = own_address(), bench.hub.git_port
    with ssh_server(repository, person, new_key(), address=address, port=port) as (url, _):
        source = {"type": "git", "url": url, "secret": key}
        await _make(bench, volume, source)
        refused = await _until(bench, volume, lambda seen: seen["message"].startswith("The "))
        assert "another key" in refused["message"]
        assert "git.known_hosts" in refused["message"]
    with ssh_server(repository, person, own, address=address) as (elsewhere, _):
        # the same key, where the operator did not say that there is such a server
        await _change(bench, volume, source | {"url": elsewhere})
        await _until(bench, volume, lambda seen: "first time" in seen["message"])
        other = await _until(bench, volume, lambda seen: seen["message"].startswith("The "))
        assert "git.known_hosts" in other["message"]
    with ssh_server(repository, person, own, address=address, port=port) as (url, _):
        await _change(bench, volume, source)
        fetched = await _until(bench, volume, lambda seen: seen["content"])
        assert (fetched["content"]["commit"], fetched["message"]) == (commit, "")
    await wait_for_async(lambda: not _of_fetches(bench), IN_TIME, what="nothing of the fetches is left")


def _of_fetches(bench: Bench) -> list[str]:
    """Kinds of which something of a fetch is in the cluster."""
    return [kind for kind in ("jobs", "secrets") if bench.namespace.list(kind, "primehub.io/kind=git-fetch")]


async def _make(bench: Bench, name: str, source: dict[str, Any]) -> None:
    await _ask(bench, "POST", "/volumes", {"name": name, "source": source, "groups": [{"group": "research"}]})


async def _ask(bench: Bench, method: str, path: str, body: dict[str, Any]) -> None:
    answer = await bench.admin.ask(method, path, body)
    assert answer.status_code in (200, 201), answer.text


async def _change(bench: Bench, name: str, source: dict[str, Any]) -> None:
    version = (await bench.admin.ask("GET", f"/volumes/{name}")).json()["version"]
    await _ask(bench, "PATCH", f"/volumes/{name}", {"version": version, "source": source})


async def _until(bench: Bench, name: str, told: Any) -> dict[str, Any]:
    async def look() -> dict[str, Any] | None:
        found: dict[str, Any] = (await bench.admin.ask("GET", f"/volumes/{name}")).json()
        return found if told(found) else None

    found = await wait_for_async(look, IN_TIME, what="the volume says it")
    assert found is not None
    return found
