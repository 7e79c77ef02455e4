"""What the spawner asks of the cluster's API."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

from primehub_spawner.kube_api import LOG_BYTES, Cluster


class Api:
    """An API that gives a log up to the limit that is asked for, and events of a claim."""

    def __init__(self, log: str = "", events: tuple[dict[str, Any], ...] = ()) -> None:
        self._log = log
        self._events = events

    async def read_namespaced_pod_log(self, *_: Any, limit_bytes: int | None = None, **__: Any) -> str:
        return self._log[:limit_bytes]

    async def list_namespaced_event(self, *_: Any, **__: Any) -> Any:
        async def read() -> bytes:
            return json.dumps({"items": self._events}).encode()

        return SimpleNamespace(status=200, read=read)


async def test_of_a_line_without_an_end_no_more_is_read_than_there_is_room_for() -> None:
    endless = Api("x" * LOG_BYTES + "y")
    assert await Cluster(endless, "primehub").last_words("a", "notebook", 5) == "xxxxx"


async def test_events_that_say_no_time_are_ordered_by_when_they_were_made() -> None:
    made = {"reason": "made", "metadata": {"creationTimestamp": "2026-11-30T10:00:02Z"}}
    once = {"reason": "once", "eventTime": "2026-11-30T10:00:03.000000Z"}
    often = {"reason": "often", "lastTimestamp": "2026-11-30T10:00:01Z"}
    told = await Cluster(Api(events=(once, made, often)), "primehub").claim_events("a")
    assert [event["reason"] for event in told] == ["often", "made", "once"]
