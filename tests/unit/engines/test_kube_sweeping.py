"""What a crash left is dropped once it has been seen twice."""

from __future__ import annotations

from typing import Any

from primehub_services.engines.kubernetes.sweeping import Sweeper


class Namespace:
    """Jobs that fetch repositories, by name: whether each waits, suspended."""

    def __init__(self, **fetches: bool) -> None:
        self.fetches = fetches

    async def list_(self, kind: str, query: object) -> tuple[list[dict[str, Any]], str]:
        jobs = [{"metadata": {"name": name}, "spec": {"suspend": waits}} for name, waits in self.fetches.items()]
        return jobs if (kind, query) == ("Job", {"labelSelector": "fetches"}) else [], "1"

    async def delete(self, kind: str, name: str) -> None:
        assert kind == "Job"
        del self.fetches[name]


class Spool:
    """An empty one."""

    def workloads(self) -> list[str]:
        return []


async def test_a_fetch_that_was_cut_off_before_it_began_goes_and_with_it_what_it_was_given() -> None:
    namespace = Namespace(cut=True, runs=False, new=True)
    sweeper = Sweeper(namespace, {}, {"labelSelector": "fetches"}, Spool())  # type: ignore[arg-type]
    await sweeper.step({})
    assert set(namespace.fetches) == {"cut", "runs", "new"}
    namespace.fetches["new"] = False
    await sweeper.step({})
    assert set(namespace.fetches) == {"runs", "new"}
