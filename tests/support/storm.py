"""Many people who start a notebook at the same moment, and one quota: exactly as many run as fit, on any platform."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from . import crowd
from .crowd import token_of
from .names import unique
from .platform import Platform
from .waiting import wait_for_async

DROP = {"cpu_limit": 1, "memory_limit": "256Mi", "cpu_request": 0.001, "memory_request": "1Mi"}
"""So little that the machine is not what holds anybody back."""
SETTLED = 120


@dataclass(frozen=True)
class Storm:
    """A platform and everybody who is about to start a notebook on it."""

    platform: Platform
    group: str
    instance_type: str
    image: str
    tokens: dict[str, str]

    def launch(self) -> dict[str, str]:
        """What everybody asks for."""
        return {"group": self.group, "instance_type": self.instance_type, "image": self.image}

    def set_quota(self, cpu: int) -> None:
        """How many notebooks fit into the group."""
        path = f"/groups/{self.group}"
        version = self.platform.call("GET", path)["version"]
        self.platform.call("PATCH", path, {"version": version, "group_quota": {"cpu": cpu}})

    def running(self, name: str) -> Any:
        """Everybody's notebooks that have not ended, in a phase."""
        found = self.platform.call("GET", f"/notebooks?active=true&group={self.group}&page_size=200")["items"]
        return {n["id"]: n for n in found if n["phase"] == name}

    def claimed(self) -> set[str]:
        """What the ledger has of them."""
        return self.platform.claimed(self.group)

    def alive(self) -> set[str]:
        """What really runs of them."""
        return self.platform.alive(self.group)

    def servers(self) -> set[str]:
        """What the hub has of them."""
        return set(crowd.servers(self.platform, self.group))

    async def end_all(self) -> None:
        """Stop what runs and wait until nothing is held."""
        asked: set[str] = set()
        async with crowd.client(self.platform) as http:

            async def ended() -> bool:
                held = self.claimed()
                for start_id in held - asked:
                    url = f"{self.platform.api}/notebooks/{start_id}"
                    await http.delete(url, headers=token_of(self.platform.admin_token))
                asked.update(held)
                return not (held or self.alive() or self.servers())

            await wait_for_async(ended, SETTLED, what="everything has ended")

    @asynccontextmanager
    async def over(self) -> AsyncIterator[None]:
        """Whatever comes of the block, nothing is held after it."""
        try:
            yield
        finally:
            await self.end_all()


async def gather(platform: Platform, image: str, people: int) -> Storm:
    """Everybody, and something small to start."""
    group, drop, person = unique("storm"), unique("drop"), unique("p")
    platform.call("POST", "/groups", {"name": group, "user_quota": {"cpu": 2}, "group_quota": {"cpu": 2}})
    platform.call("POST", "/instance-types", {"name": drop, **DROP})
    tokens = await crowd.add_people(platform, [f"{person}-{number:03}" for number in range(people)], group)
    return Storm(platform, group, drop, image, tokens)


async def settled(storm: Storm, quota: int) -> dict[str, Any]:
    """The notebooks that run once nothing is on its way any more: as many as fit, by every account of them."""

    def all_ready() -> bool:
        ready = crowd.ready(storm.platform, storm.group)
        return not storm.running("STARTING") and len(ready) >= quota and ready == storm.servers()

    await wait_for_async(all_ready, SETTLED, what="every granted start has become ready")
    running: dict[str, Any] = storm.running("RUNNING")
    assert len(running) == quota
    assert storm.claimed() == running.keys()
    assert storm.alive() == running.keys()
    assert crowd.ready(storm.platform, storm.group) == storm.servers() == running.keys()
    return running


async def as_many_run_as_the_quota_holds(storm: Storm, quota: int) -> None:
    """All ask at once; whoever does not get one is told why, and the hub counts no failure."""
    async with storm.over():
        await _as_many_run(storm, quota)


async def _as_many_run(storm: Storm, quota: int) -> None:
    storm.set_quota(quota)
    hub = storm.platform.hub_process()
    async with crowd.client(storm.platform) as http:

        async def start(name: str, token: str) -> httpx.Response:
            return await http.post(f"{storm.platform.api}/notebooks", json=storm.launch(), headers=token_of(token))

        answers = await crowd.all_at_once(storm.tokens, start)
    codes = Counter(a.status_code for a in answers.values())
    assert codes == {202: quota, 409: len(storm.tokens) - quota}, {a.status_code: a.text for a in answers.values()}
    granted = {name for name, answer in answers.items() if answer.status_code == 202}
    running = await settled(storm, quota)
    assert {n["user"] for n in running.values()} == granted

    for answer in answers.values():
        if answer.status_code == 409:
            check_refusal(answer, quota, granted)
    usage = storm.platform.call("GET", f"/groups/{storm.group}/usage")
    assert {line["id"] for line in usage["holders"]} == running.keys()
    assert storm.platform.hub_process() == hub, "refusals are no failures of the hub"


def check_refusal(answer: httpx.Response, quota: int, granted: set[str]) -> None:
    """It says which budget is short, by the numbers, who holds it, and what would help."""
    assert answer.headers["Content-Type"].startswith("application/problem+json")
    problem = answer.json()
    assert str(quota) in problem["detail"]
    decision = problem["decision"]
    assert decision["would_start"] is False
    assert decision["never"] is False
    (reason,) = decision["reasons"]
    assert (reason["code"], reason["budget"], reason["resource"]) == ("quota", "group", "cpu")
    full = f"{quota} cores"
    assert {k: reason[k] for k in ("limit", "used", "asked")} == {"limit": full, "used": full, "asked": "1 core"}
    assert reason["help"]
    holders = {holder["user"] for holder in reason["holders"]}
    assert holders
    assert holders <= granted
